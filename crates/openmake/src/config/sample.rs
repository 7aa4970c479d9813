//! Configurations for the tests of this module.

use std::collections::BTreeMap;

use super::{Config, ConfigErrors, Raw};

/// What these environment variables and nothing else make.
pub(super) fn config(pairs: &[(&str, &str)]) -> Result<Config, ConfigErrors> {
    let environment: BTreeMap<_, _> = pairs
        .iter()
        .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
        .collect();
    Config::from_raw(&Raw::load(None, environment, Vec::new()).expect("readable"))
}
