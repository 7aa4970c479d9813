//! Trying it without an account.

use axum::{extract::State, response::Response};
use http::StatusCode;
use openmake_api::{ApiError, auth::SignedIn, responses::OpenProblems};
use openmake_types::{ErrorKind, UserId};

use super::session::{self, OwnSite};
use crate::{audit::AuditContext, error::store_error, state::App};

/// Signs a guest in, who may chat in one temporary conversation. Registering
/// or signing in with the guest's token keeps it.
#[utoipa::path(post, path = "/api/v1/auth/guest", tag = "auth", security(()),
    responses((status = 201, body = SignedIn),
        (status = 403, description = "Guests are not allowed here"), OpenProblems))]
pub(crate) async fn guest(
    State(app): State<App>,
    OwnSite(site): OwnSite,
    audit: AuditContext,
) -> Result<Response, ApiError> {
    let settings = app.store.settings().get().await;
    let settings = settings.map_err(store_error("instance"))?;
    if !settings.guests_allowed.unwrap_or(false) {
        return Err(
            ApiError::new(ErrorKind::Forbidden, "Guests are not allowed here.")
                .with_code("guests_not_allowed")
                .with_hint("Register or sign in."),
        );
    }
    let id = UserId::from_uuid(audit.new_id());
    let entry = audit.success("guest.create").by(id).on("user", &id).done();
    let users = app.store.users();
    let user = users.create_guest(id, "Guest", audit.now(), &entry).await;
    let user = user.map_err(store_error("account"))?;
    session::begin(&app, &audit, &site, user, StatusCode::CREATED).await
}
