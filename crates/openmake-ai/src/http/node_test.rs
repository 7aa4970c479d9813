//! `POST /api/v1/nodes/test` and `/api/v1/nodes/{id}/test`

use std::sync::Arc;

use axum::extract::State;
use openmake_api::{
    Allowed, ApiError,
    authorize::ManageNodes,
    extract::{Json, Path},
    nodes::{CreateNode, NodeTest},
    responses::WriteProblems,
};
use openmake_types::NodeId;
use uuid::Uuid;

use crate::{core::Core, nodes, upstream};

/// Try a model server before it is added.
#[utoipa::path(
    post,
    path = "/api/v1/nodes/test",
    tag = "nodes",
    request_body = CreateNode,
    responses((status = OK, description = "What came of it, good or bad", body = NodeTest), WriteProblems),
    security(("bearer" = [])),
)]
pub(crate) async fn test_new(
    State(core): State<Arc<Core>>,
    Allowed { .. }: Allowed<ManageNodes>,
    Json(request): Json<CreateNode>,
) -> Result<Json<NodeTest>, ApiError> {
    let config = nodes::config_of(&core, request)?;
    Ok(Json(upstream::probe(&core, &config).await))
}

/// Try a model server that is there, now.
#[utoipa::path(
    post,
    path = "/api/v1/nodes/{id}/test",
    tag = "nodes",
    params(("id" = Uuid, Path, description = "The node")),
    responses((status = OK, description = "What came of it, good or bad", body = NodeTest), WriteProblems),
    security(("bearer" = [])),
)]
pub(crate) async fn test_known(
    State(core): State<Arc<Core>>,
    Allowed { .. }: Allowed<ManageNodes>,
    Path(id): Path<Uuid>,
) -> Result<Json<NodeTest>, ApiError> {
    let config = nodes::known_config(&core, NodeId::from_uuid(id)).await?;
    Ok(Json(upstream::probe(&core, &config).await))
}
