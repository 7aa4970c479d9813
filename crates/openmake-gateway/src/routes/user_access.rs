//! How administrators let people back in.

use axum::extract::State;
use chrono::TimeDelta;
use http::StatusCode;
use openmake_api::{
    Allowed, ApiError,
    authorize::ManageUsers,
    extract::{Json, Path},
    responses::WriteProblems,
    sign_in::PasswordResetLink,
};
use openmake_store::password_resets::{NewReset, ResetOrigin};
use openmake_types::UserId;
use uuid::Uuid;

use super::auth::password_reset::link;
use crate::{
    audit::AuditContext,
    error::store_error,
    sign_in::{
        Fresh,
        challenge::{random_token, token_hash},
    },
    state::App,
};

/// How long a link that is passed on by hand holds.
const LIFETIME: TimeDelta = TimeDelta::hours(24);

/// Makes a link with which its owner sets a new password, once. It is shown
/// this once.
#[utoipa::path(post, path = "/api/v1/users/{id}/password-reset", tag = "users",
    params(("id" = Uuid, Path)),
    responses((status = 201, body = PasswordResetLink), WriteProblems))]
pub(crate) async fn create_reset_link(
    State(app): State<App>,
    allowed: Allowed<ManageUsers>,
    _fresh: Fresh,
    audit: AuditContext,
    Path(id): Path<Uuid>,
) -> Result<(StatusCode, Json<PasswordResetLink>), ApiError> {
    let id = UserId::from_uuid(id);
    let token = random_token(app.ids.as_ref());
    let now = audit.now();
    let reset = NewReset {
        token_hash: token_hash(&token),
        user_id: id,
        origin: ResetOrigin::Administrator(allowed.actor.user_id),
        now,
        expires_at: now + LIFETIME,
    };
    let entry = audit.success("user.reset_link").on("user", &id).done();
    let created = app.store.password_resets().create(&reset, &entry).await;
    created.map_err(store_error("account"))?;
    let created = PasswordResetLink {
        url: link(&app, &token),
        expires_at: reset.expires_at,
    };
    Ok((StatusCode::CREATED, Json(created)))
}

/// Removes someone's second factor, who has lost it and the backup codes.
#[utoipa::path(delete, path = "/api/v1/users/{id}/second-factor", tag = "users",
    params(("id" = Uuid, Path)), responses((status = 204), WriteProblems))]
pub(crate) async fn remove_second_factor(
    State(app): State<App>,
    _allowed: Allowed<ManageUsers>,
    _fresh: Fresh,
    audit: AuditContext,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, ApiError> {
    let id = UserId::from_uuid(id);
    let entry = audit.success("second_factor.disable").on("user", &id);
    let removed = app.store.factors().remove_totp(id, &entry.done()).await;
    removed.map_err(store_error("second factor"))?;
    Ok(StatusCode::NO_CONTENT)
}
