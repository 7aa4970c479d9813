//! `POST /api/v1/nodes`

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use openmake_api::{
    Allowed, ApiError, ClientInfo,
    authorize::ManageNodes,
    extract::Json,
    nodes::{CreateNode, NodeView},
    responses::WriteProblems,
};

use crate::{
    core::Core,
    nodes::{self, Act},
};

/// Add a model server. It is stored whether or not it answers now.
#[utoipa::path(
    post,
    path = "/api/v1/nodes",
    tag = "nodes",
    request_body = CreateNode,
    responses((status = CREATED, body = NodeView), WriteProblems),
    security(("bearer" = [])),
)]
pub(crate) async fn create(
    State(core): State<Arc<Core>>,
    Allowed { actor, .. }: Allowed<ManageNodes>,
    client: ClientInfo,
    Json(request): Json<CreateNode>,
) -> Result<(StatusCode, Json<NodeView>), ApiError> {
    let node = nodes::create(&core, &Act { actor, client }, request).await?;
    Ok((StatusCode::CREATED, Json(node)))
}
