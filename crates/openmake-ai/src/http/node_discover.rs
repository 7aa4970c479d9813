//! `POST /api/v1/nodes/discover`

use std::sync::Arc;

use axum::extract::State;
use openmake_api::{
    Allowed, ApiError, authorize::ManageNodes, extract::Json, nodes::DiscoveredNodes,
    responses::WriteProblems,
};

use crate::{core::Core, upstream};

/// Look for model servers on this machine.
#[utoipa::path(
    post,
    path = "/api/v1/nodes/discover",
    tag = "nodes",
    responses((status = OK, body = DiscoveredNodes), WriteProblems),
    security(("bearer" = [])),
)]
pub(crate) async fn discover(
    State(core): State<Arc<Core>>,
    Allowed { .. }: Allowed<ManageNodes>,
) -> Result<Json<DiscoveredNodes>, ApiError> {
    Ok(Json(DiscoveredNodes {
        items: upstream::discover(&core).await,
    }))
}
