//! `DELETE /api/v1/nodes/{id}`

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use openmake_api::{
    Allowed, ApiError, ClientInfo, authorize::ManageNodes, extract::Path, responses::WriteProblems,
};
use openmake_types::NodeId;
use uuid::Uuid;

use crate::{
    core::Core,
    nodes::{self, Act},
};

/// Remove a model server with its keys. Answers that it is writing are
/// finished.
#[utoipa::path(
    delete,
    path = "/api/v1/nodes/{id}",
    tag = "nodes",
    params(("id" = Uuid, Path, description = "The node")),
    responses((status = NO_CONTENT, description = "It is gone"), WriteProblems),
    security(("bearer" = [])),
)]
pub(crate) async fn remove(
    State(core): State<Arc<Core>>,
    Allowed { actor, .. }: Allowed<ManageNodes>,
    client: ClientInfo,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, ApiError> {
    nodes::remove(&core, &Act { actor, client }, NodeId::from_uuid(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}
