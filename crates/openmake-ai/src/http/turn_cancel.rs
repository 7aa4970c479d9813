//! `POST /api/v1/turns/{id}/cancel`

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use openmake_api::{Allowed, ApiError, authorize::Chat, extract::Path, responses::WriteProblems};
use openmake_store::{
    StoreError,
    turns::CancelOutcome,
    wakeups::{Wakeup, WakeupKind},
};
use openmake_types::{TurnId, UserId};
use uuid::Uuid;

use crate::{core::Core, error::store_error, turns::live::StopReason};

/// Stop a turn. What it has written is kept. The turn's `turn.cancelled` event
/// says when it has stopped.
#[utoipa::path(
    post,
    path = "/api/v1/turns/{id}/cancel",
    tag = "turns",
    params(("id" = Uuid, Path, description = "The turn")),
    responses(
        (status = ACCEPTED, description = "It is being stopped"),
        (status = OK, description = "It had ended before"),
        WriteProblems,
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn cancel(
    State(core): State<Arc<Core>>,
    Allowed { actor, .. }: Allowed<Chat>,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, ApiError> {
    cancel_turn(&core, actor.user_id, TurnId::from_uuid(id)).await
}

/// Stops an owner's turn: accepted while it runs, OK when it had ended.
pub(crate) async fn cancel_turn(
    core: &Core,
    owner: UserId,
    turn: TurnId,
) -> Result<StatusCode, ApiError> {
    let live = core.lookup_live(turn).filter(|live| live.owner == owner);
    if let Some(live) = &live {
        // The model's request stops before the database is asked anything.
        live.stop(StopReason::Person);
    }
    match core.store.turns().request_cancel(owner, turn).await {
        Ok(CancelOutcome::Requested(process)) => {
            if process != core.process {
                core.notify(vec![Wakeup {
                    kind: WakeupKind::Turn,
                    id: turn.as_uuid(),
                    version: 0,
                    owner: Some(owner),
                }]);
            }
            Ok(StatusCode::ACCEPTED)
        }
        // It has been stopped here, whatever the database says or does.
        Ok(CancelOutcome::AlreadyEnded(_)) | Err(StoreError::Unavailable(_)) if live.is_some() => {
            Ok(StatusCode::ACCEPTED)
        }
        Ok(CancelOutcome::AlreadyEnded(_)) => Ok(StatusCode::OK),
        Err(error) => Err(store_error("turn")(error)),
    }
}
