//! `GET /api/v1/turns/{id}`

use std::sync::Arc;

use axum::extract::State;
use openmake_api::{
    Allowed, ApiError,
    authorize::Chat,
    extract::{Json, Path},
    messages::{MessageError, MessageMetrics},
    responses::ReadProblems,
    turns::TurnView,
};
use openmake_store::{messages::StoredMetrics, turns::Turn};
use openmake_types::TurnId;
use uuid::Uuid;

use crate::{core::Core, error::store_error};

/// How far a turn has come.
#[utoipa::path(
    get,
    path = "/api/v1/turns/{id}",
    tag = "turns",
    params(("id" = Uuid, Path, description = "The turn")),
    responses((status = OK, body = TurnView), ReadProblems),
    security(("bearer" = [])),
)]
pub(crate) async fn get(
    State(core): State<Arc<Core>>,
    Allowed { actor, .. }: Allowed<Chat>,
    Path(id): Path<Uuid>,
) -> Result<Json<TurnView>, ApiError> {
    let turn = core
        .store
        .turns()
        .get(actor.user_id, TurnId::from_uuid(id))
        .await
        .map_err(store_error("turn"))?;
    Ok(Json(view(turn)))
}

fn view(turn: Turn) -> TurnView {
    TurnView {
        id: turn.id.as_uuid(),
        conversation_id: turn.conversation_id.as_uuid(),
        user_message_id: turn.user_message_id.as_uuid(),
        assistant_message_id: turn.assistant_message_id.as_uuid(),
        status: turn.status.as_str().to_owned(),
        requested_model: turn.requested_model,
        model: turn.model,
        last_seq: turn.last_seq,
        error: turn.error.map(|error| MessageError {
            code: error.code,
            detail: error.detail,
            hint: error.hint,
        }),
        metrics: turn.metrics.map(metrics_view),
        created_at: turn.created_at,
        finished_at: turn.finished_at,
    }
}

fn metrics_view(metrics: StoredMetrics) -> MessageMetrics {
    let unsigned = |number: i64| u64::try_from(number).unwrap_or(0);
    MessageMetrics {
        input_tokens: unsigned(metrics.input_tokens),
        output_tokens: unsigned(metrics.output_tokens),
        estimated: metrics.estimated,
        first_token_ms: metrics.first_token_ms.map(unsigned),
        response_time_ms: metrics.response_time_ms.map(unsigned),
        tokens_per_second: metrics.tokens_per_second,
    }
}
