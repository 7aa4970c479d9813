//! Lists of models as the columns hold them.

use std::sync::Arc;

use openmake_types::ModelAccess;

use crate::text;

/// What a column `allowed_models` allows.
pub(crate) fn read(models: Option<Vec<String>>) -> ModelAccess {
    models.map_or(ModelAccess::All, |models| {
        ModelAccess::Only(Arc::new(models.into_iter().collect()))
    })
}

/// A list as it is stored.
pub(crate) fn storable(models: &[String]) -> Vec<String> {
    models
        .iter()
        .map(|model| text::storable(model).into_owned())
        .collect()
}
