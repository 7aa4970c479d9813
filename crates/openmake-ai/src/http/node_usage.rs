//! `GET /api/v1/nodes/usage`

use std::sync::Arc;

use axum::extract::State;
use openmake_api::{
    Allowed, ApiError, authorize::ManageNodes, extract::Json, nodes::NodeUsageReport,
    responses::ReadProblems,
};

use crate::{core::Core, key_usage};

/// What was asked with each key of the model servers: requests, errors and
/// tokens by hour and day, what the server allows, and until when a key rests.
/// What was asked in the last seconds is not in it yet.
#[utoipa::path(
    get,
    path = "/api/v1/nodes/usage",
    tag = "nodes",
    responses((status = OK, body = NodeUsageReport), ReadProblems),
    security(("bearer" = [])),
)]
pub(crate) async fn report(
    State(core): State<Arc<Core>>,
    Allowed { .. }: Allowed<ManageNodes>,
) -> Result<Json<NodeUsageReport>, ApiError> {
    key_usage::report(&core).await.map(Json)
}
