//! `GET /api/v1/nodes`

use std::sync::Arc;

use axum::extract::State;
use openmake_api::{
    Allowed, ApiError, authorize::ManageNodes, extract::Json, nodes::NodeList,
    responses::ReadProblems,
};

use crate::{core::Core, upstream};

/// The model servers and how they are.
#[utoipa::path(
    get,
    path = "/api/v1/nodes",
    tag = "nodes",
    responses((status = OK, body = NodeList), ReadProblems),
    security(("bearer" = [])),
)]
pub(crate) async fn list(
    State(core): State<Arc<Core>>,
    Allowed { .. }: Allowed<ManageNodes>,
) -> Result<Json<NodeList>, ApiError> {
    let mut items = upstream::views(&core);
    items.sort_by_cached_key(|node| node.name.to_lowercase());
    Ok(Json(NodeList { items }))
}
