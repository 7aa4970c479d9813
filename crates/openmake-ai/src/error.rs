//! From the store's errors to the wire's.

use openmake_api::ApiError;
use openmake_store::{Conflict, StoreError};

use crate::budgets::Unpaid;

/// The error for a client that may not ask a model now.
pub(crate) fn unpaid(unpaid: Unpaid) -> ApiError {
    match unpaid {
        Unpaid::Refused(refusal) => ApiError::budget(&refusal),
        Unpaid::Unknown => {
            ApiError::unavailable("the budgets could not be read").with_code("budget_unknown")
        }
    }
}

/// The error for a client; `what` names what it asked for.
pub(crate) fn store_error(what: &'static str) -> impl FnOnce(StoreError) -> ApiError {
    move |error| match error {
        StoreError::NotFound => ApiError::not_found(what),
        StoreError::Conflict(conflict) => conflict_error(conflict),
        StoreError::Unavailable(_) => ApiError::unavailable(error),
        other => ApiError::internal(other),
    }
}

fn conflict_error(conflict: Conflict) -> ApiError {
    match conflict {
        Conflict::TurnRunning => ApiError::conflict(
            "turn_running",
            "The message to follow is still being written.",
        )
        .with_hint("Wait for the answer, or stop it first."),
        Conflict::TurnState => ApiError::conflict(
            "turn_not_continuable",
            "This answer is complete or still being written, so there is nothing to continue.",
        )
        .with_hint("Ask a new question instead."),
        Conflict::IdempotencyMismatch => ApiError::conflict(
            "idempotency_mismatch",
            "This Idempotency-Key was used for another request.",
        )
        .with_hint("Use a new key for every question."),
        Conflict::NodeNameTaken => {
            ApiError::conflict("node_name_taken", "Another node has this name.")
        }
        other => ApiError::conflict("conflict", other.to_string()),
    }
}
