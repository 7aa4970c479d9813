//! From the store's errors to what a client reads.

use openmake_api::ApiError;
use openmake_store::{Conflict, StoreError};
use openmake_types::ErrorKind;

/// An answer for a store error; `what` names what was not found.
pub(crate) fn store_error(what: &'static str) -> impl Fn(StoreError) -> ApiError {
    move |error| match error {
        StoreError::NotFound => ApiError::not_found(what),
        StoreError::Conflict(conflict) => conflict_error(conflict),
        StoreError::Unavailable(_) => ApiError::unavailable(error),
        error => ApiError::internal(error),
    }
}

fn conflict_error(conflict: Conflict) -> ApiError {
    let conflicts = |code, detail| ApiError::conflict(code, detail);
    match conflict {
        Conflict::EmailTaken => conflicts("email_taken", "An account with this e-mail exists.")
            .with_hint("Sign in instead."),
        Conflict::RegistrationClosed => registration_closed(),
        Conflict::InvitationInvalid => ApiError::new(
            ErrorKind::Forbidden,
            "This invitation was used, taken back or has expired, or is for another address.",
        )
        .with_code("invitation_invalid")
        .with_hint("Ask an administrator for a new one."),
        Conflict::LastAdministrator => conflicts(
            "last_administrator",
            "This is the last administrator, who must stay one.",
        )
        .with_hint("Make another account an administrator first."),
        Conflict::GuestLimit => conflicts("guest_limit", "A guest has one conversation.")
            .with_hint("Register to keep it and have more."),
        Conflict::ImportRunning => conflicts("import_running", "Another import has not ended.")
            .with_hint("Wait for it, or call it off."),
        Conflict::TooManyImports => ApiError::new(
            ErrorKind::QuotaExceeded,
            "You have begun 20 imports today, as many as one may.",
        )
        .with_code("too_many_imports")
        .with_hint("Go on tomorrow."),
        Conflict::ImportsFull => ApiError::new(
            ErrorKind::QuotaExceeded,
            "The files of other imports leave no room for this one.",
        )
        .with_code("imports_full")
        .with_hint("Try again when those have ended."),
        Conflict::ImportState => {
            conflicts("import_state", "The import's state does not allow this.")
        }
        Conflict::ImportOffset => conflicts(
            "import_offset",
            "This piece does not follow what has arrived of the file.",
        )
        .with_hint("Read the import, and go on at `received`."),
        Conflict::TurnRunning => {
            conflicts("turn_running", "The answer before is still being written.")
        }
        Conflict::TurnState => conflicts("turn_state", "The turn's state does not allow this."),
        Conflict::IdempotencyMismatch => conflicts(
            "idempotency_mismatch",
            "This idempotency key was used for another request.",
        ),
        Conflict::BudgetExists => conflicts(
            "budget_exists",
            "There is a budget of this unit and period already.",
        )
        .with_hint("Change its limit instead."),
        Conflict::TooManyKeys => conflicts(
            "too_many_api_keys",
            "You have 100 API keys, as many as one may.",
        )
        .with_hint("Revoke those that are not used."),
        Conflict::KeyRevoked => {
            conflicts("api_key_revoked", "This API key was revoked.").with_hint("Make a new one.")
        }
        Conflict::KeyExpired => conflicts("api_key_expired", "This API key has expired.")
            .with_hint("Set another `expires_at` first."),
        Conflict::GroupNameTaken => conflicts("group_name_taken", "Another group has this name."),
        Conflict::AlreadyMember => conflicts(
            "already_member",
            "This account belongs to the group already.",
        ),
        Conflict::ManagerStays => ApiError::new(
            ErrorKind::Forbidden,
            "Only an administrator removes a manager from a group.",
        )
        .with_code("manager_stays"),
        Conflict::NodeNameTaken => conflicts("node_name_taken", "Another node has this name."),
        Conflict::TotpEnabled => {
            conflicts("totp_enabled", "An authenticator app is set up already.")
                .with_hint("Remove it first.")
        }
        Conflict::PasskeyKnown => conflicts("passkey_known", "This passkey was added before."),
        Conflict::PasskeyLimit => conflicts("passkey_limit", "An account has at most 20 passkeys.")
            .with_hint("Remove one that is not used any more."),
        Conflict::IdentityTaken => conflicts(
            "identity_taken",
            "That account is linked to an account here already.",
        ),
        Conflict::LastSignInMethod => conflicts(
            "last_sign_in_method",
            "Nothing else would be left to sign in with.",
        )
        .with_hint("Set a password or add another way first."),
        conflict @ Conflict::WrongMasterKey => ApiError::internal(conflict),
    }
}

/// Nobody may register, or not without an invitation.
pub(crate) fn registration_closed() -> ApiError {
    ApiError::new(ErrorKind::Forbidden, "Registration is not open here.")
        .with_code("registration_closed")
        .with_hint("Ask an administrator for an invitation.")
}
