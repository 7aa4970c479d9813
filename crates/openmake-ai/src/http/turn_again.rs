//! `POST /api/v1/turns/{id}/regenerate` and `/continue`

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use openmake_api::{
    Allowed, ApiError,
    authorize::Chat,
    extract::{Json, JsonOrDefault, Path},
    responses::WriteProblems,
    turns::{RegenerateRequest, TurnStarted},
};
use openmake_types::TurnId;
use uuid::Uuid;

use super::idempotency::IdempotencyKey;
use crate::{
    core::Core,
    turns::start::{self, StartCommand, What},
};

/// Answer the turn's question once more, on a branch of its own.
#[utoipa::path(
    post,
    path = "/api/v1/turns/{id}/regenerate",
    tag = "turns",
    params(
        ("id" = Uuid, Path, description = "The turn whose question is answered again"),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 200 visible ASCII characters; sending the same again gives the same turn"),
    ),
    request_body = Option<RegenerateRequest>,
    responses((status = ACCEPTED, description = "The new turn is stored and runs", body = TurnStarted), WriteProblems),
    security(("bearer" = [])),
)]
pub(crate) async fn regenerate(
    State(core): State<Arc<Core>>,
    Allowed { actor, .. }: Allowed<Chat>,
    IdempotencyKey(idempotency_key): IdempotencyKey,
    Path(id): Path<Uuid>,
    JsonOrDefault(request): JsonOrDefault<RegenerateRequest>,
) -> Result<(StatusCode, Json<TurnStarted>), ApiError> {
    let command = StartCommand {
        actor,
        what: What::Again(TurnId::from_uuid(id)),
        model: request.model,
        thinking: request.thinking,
        idempotency_key,
        wishes: None,
    };
    let started = start::start(core, command).await?;
    Ok((StatusCode::ACCEPTED, Json(started)))
}

/// Go on with an answer that was interrupted, stopped or failed, or that reached
/// the limit of its length. What follows is a message of its own, a child of that
/// answer.
#[utoipa::path(
    post,
    path = "/api/v1/turns/{id}/continue",
    tag = "turns",
    params(
        ("id" = Uuid, Path, description = "The turn whose answer goes on"),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 200 visible ASCII characters; sending the same again gives the same turn"),
    ),
    responses((status = ACCEPTED, description = "The new turn is stored and runs", body = TurnStarted), WriteProblems),
    security(("bearer" = [])),
)]
pub(crate) async fn continue_answer(
    State(core): State<Arc<Core>>,
    Allowed { actor, .. }: Allowed<Chat>,
    IdempotencyKey(idempotency_key): IdempotencyKey,
    Path(id): Path<Uuid>,
) -> Result<(StatusCode, Json<TurnStarted>), ApiError> {
    let command = StartCommand {
        actor,
        what: What::Continue(TurnId::from_uuid(id)),
        model: None,
        thinking: None,
        idempotency_key,
        wishes: None,
    };
    let started = start::start(core, command).await?;
    Ok((StatusCode::ACCEPTED, Json(started)))
}
