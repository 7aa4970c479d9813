//! Where things are on this machine.

use std::{collections::BTreeMap, path::PathBuf};

use anyhow::Context as _;
use openmake_postgres::{DefaultDirs, HostEnvironment};

use crate::config::Data;

/// The directories and files of this instance.
#[derive(Debug, Clone)]
pub(crate) struct Paths {
    /// The data directory.
    pub(crate) data: PathBuf,
    /// Where fetched things are, such as PostgreSQL.
    pub(crate) cache: PathBuf,
    /// The master key.
    pub(crate) master_key: PathBuf,
    /// Where the database's socket can be.
    pub(crate) runtime_parents: Vec<PathBuf>,
}

impl Paths {
    /// From the settings, else the platform's.
    pub(crate) fn new(data: &Data, environment: &BTreeMap<String, String>) -> anyhow::Result<Self> {
        let variable = |name: &str| environment.get(name).map(PathBuf::from);
        let defaults = DefaultDirs::for_current_user(&HostEnvironment {
            home: variable("HOME"),
            xdg_data_home: variable("XDG_DATA_HOME"),
            xdg_cache_home: variable("XDG_CACHE_HOME"),
            xdg_runtime_dir: variable("XDG_RUNTIME_DIR"),
        });
        let data_dir = match (&data.dir, &defaults) {
            (Some(dir), _) => std::path::absolute(dir)
                .with_context(|| format!("{} is not a path", dir.display()))?,
            (None, Some(defaults)) => defaults.data.clone(),
            (None, None) => {
                anyhow::bail!("no home directory is set; name one with --data-dir DIR")
            }
        };
        let cache = variable("OPENMAKE_CACHE")
            .or_else(|| defaults.as_ref().map(|defaults| defaults.cache.clone()))
            .unwrap_or_else(|| data_dir.join("cache"));
        Ok(Self {
            master_key: data
                .key_file
                .clone()
                .unwrap_or_else(|| data_dir.join("master.key")),
            runtime_parents: defaults
                .map(|defaults| defaults.runtime_parents)
                .unwrap_or_default(),
            data: data_dir,
            cache,
        })
    }
}
