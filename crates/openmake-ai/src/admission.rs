//! Whether a model may be asked at all now, before anything else is looked at.

use openmake_api::ApiError;
use openmake_types::{Actor, ErrorKind, Limit};
use tokio::time::Instant;

use crate::core::Core;

/// Refuses what a server that stops, or is full, would not finish, and keys
/// and accounts that have cost their tokens of this minute.
pub(crate) fn admit(core: &Core, actor: &Actor, now: Instant) -> Result<(), ApiError> {
    if core.is_draining() {
        return Err(
            ApiError::new(ErrorKind::Unavailable, "The server is restarting.")
                .with_code("shutting_down")
                .with_hint("Send it again in a moment.")
                .with_retry_after(2),
        );
    }
    if core.running() + core.running_calls() >= core.settings.max_running_turns {
        return Err(ApiError::new(
            ErrorKind::Unavailable,
            "The server answers as many questions as it can.",
        )
        .with_code("busy")
        .with_hint("Send it again in a moment.")
        .with_retry_after(2));
    }
    let limit = core.administered.limits().get(Limit::TokensPerMinute);
    core.token_rates.check(actor, limit, now)
}
