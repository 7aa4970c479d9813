//! Pictures from elsewhere.

use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

/// The query of `GET /api/v1/images`.
#[derive(Debug, Clone, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ImageQuery {
    /// Where the picture is: an `http` or `https` address.
    pub url: String,
}
