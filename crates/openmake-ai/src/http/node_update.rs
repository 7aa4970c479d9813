//! `PATCH /api/v1/nodes/{id}`

use std::sync::Arc;

use axum::extract::State;
use openmake_api::{
    Allowed, ApiError, ClientInfo,
    authorize::ManageNodes,
    extract::{Json, Path},
    nodes::{NodeView, UpdateNode},
    responses::WriteProblems,
};
use openmake_types::NodeId;
use uuid::Uuid;

use crate::{
    core::Core,
    nodes::{self, Act},
};

/// Change a model server: its name, address, keys, whether it is used, and
/// whether it takes anything new.
#[utoipa::path(
    patch,
    path = "/api/v1/nodes/{id}",
    tag = "nodes",
    params(("id" = Uuid, Path, description = "The node")),
    request_body = UpdateNode,
    responses((status = OK, body = NodeView), WriteProblems),
    security(("bearer" = [])),
)]
pub(crate) async fn update(
    State(core): State<Arc<Core>>,
    Allowed { actor, .. }: Allowed<ManageNodes>,
    client: ClientInfo,
    Path(id): Path<Uuid>,
    Json(request): Json<UpdateNode>,
) -> Result<Json<NodeView>, ApiError> {
    let act = Act { actor, client };
    nodes::update(&core, &act, NodeId::from_uuid(id), request)
        .await
        .map(Json)
}
