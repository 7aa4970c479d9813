//! `POST /api/v1/conversations/{id}/turns`

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use openmake_api::{
    Allowed, ApiError,
    authorize::Chat,
    extract::{Json, Path},
    responses::WriteProblems,
    turns::{StartTurnRequest, TurnStarted},
};
use openmake_types::ConversationId;
use uuid::Uuid;

use super::idempotency::IdempotencyKey;
use crate::{
    core::Core,
    turns::start::{self, StartCommand, What},
};

/// Ask a question. It is stored before this answers, and its answer is written
/// whether or not the client stays. With `compare_model`, two models answer,
/// each in a turn of its own.
#[utoipa::path(
    post,
    path = "/api/v1/conversations/{id}/turns",
    tag = "turns",
    params(
        ("id" = Uuid, Path, description = "The conversation"),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 200 visible ASCII characters; sending the same again gives the same turn"),
    ),
    request_body = StartTurnRequest,
    responses((status = ACCEPTED, description = "The turn is stored and runs", body = TurnStarted), WriteProblems),
    security(("bearer" = [])),
)]
pub(crate) async fn start(
    State(core): State<Arc<Core>>,
    Allowed { actor, .. }: Allowed<Chat>,
    IdempotencyKey(idempotency_key): IdempotencyKey,
    Path(id): Path<Uuid>,
    Json(request): Json<StartTurnRequest>,
) -> Result<(StatusCode, Json<TurnStarted>), ApiError> {
    let command = StartCommand {
        actor,
        what: What::Question {
            conversation: ConversationId::from_uuid(id),
            content: request.content,
            parent: request.parent_id,
        },
        model: request.model,
        compare_model: request.compare_model,
        thinking: request.thinking,
        idempotency_key,
        wishes: None,
    };
    let started = start::start(core, command).await?;
    Ok((StatusCode::ACCEPTED, Json(started)))
}
