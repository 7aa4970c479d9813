//! Changing one's password.

use axum::extract::State;
use http::StatusCode;
use openmake_api::{
    Allowed, ApiError, auth::ChangePassword, authorize::ManageOwnAccount, extract::Json,
    responses::WriteProblems,
};
use openmake_store::sessions::EndReason;
use openmake_types::UserId;

use super::super::{instance::instance_name, users};
use crate::{
    audit::AuditContext,
    error::store_error,
    lockout::Locks,
    passwords::{self, About, Turn, Verdict},
    sign_in::fresh,
    state::App,
};

/// Changes the password. Every other session ends.
#[utoipa::path(put, path = "/api/v1/auth/password", tag = "auth", request_body = ChangePassword,
    responses((status = 204), WriteProblems))]
pub(crate) async fn change(
    State(app): State<App>,
    allowed: Allowed<ManageOwnAccount>,
    audit: AuditContext,
    Json(body): Json<ChangePassword>,
) -> Result<StatusCode, ApiError> {
    let id = allowed.actor.user_id;
    let keep = allowed.actor.session_id;
    let found = app.store.users().get_credentials(id).await;
    let found = found.map_err(store_error("account"))?;
    let settings = app.store.settings().get().await;
    let settings = settings.map_err(store_error("instance"))?;
    let email = found.user.email.unwrap_or_default();
    let about = About {
        email: &email,
        display_name: &found.user.display_name,
        instance_name: &instance_name(&settings, &app),
    };
    let password = passwords::check("new_password", &body.new_password, &about)?;

    let turn = if let Some(typed) = body.current_password {
        let proof = CurrentPassword {
            typed,
            hash: found.password_hash,
            locks: Locks::new(&email, &audit.client),
        };
        proof.check(&app, &audit, id).await?
    } else {
        if fresh::until(&app, &allowed.actor).await?.is_none() {
            return Err(ApiError::reauthentication_required());
        }
        app.hasher.turn().await?
    };
    let hash = app.hasher.hash(turn, password).await?;
    let entry = audit.success("user.password").on("user", &id).done();
    let set = app
        .store
        .users()
        .set_password(id, &hash, keep, &entry)
        .await;
    set.map_err(store_error("account"))?;
    app.authority.ended_of(id, keep, EndReason::PasswordChanged);
    app.announce(vec![users::changed(id, found.user.version + 1)]);
    Ok(StatusCode::NO_CONTENT)
}

/// The password that is to be replaced, as it was typed.
struct CurrentPassword {
    typed: String,
    hash: Option<String>,
    locks: Locks,
}

impl CurrentPassword {
    /// A stolen access token must not be a way to guess the password, so
    /// wrong ones are counted as at the sign-in.
    async fn check(self, app: &App, audit: &AuditContext, id: UserId) -> Result<Turn, ApiError> {
        let turn = app.hasher.turn().await?;
        self.locks.check(app, audit.now()).await?;
        let (verdict, turn) = app.hasher.verify(turn, self.typed, self.hash).await?;
        if verdict == Verdict::Wrong {
            self.locks.fail(app, audit.now()).await?;
            let entry = audit.failure("user.password").on("user", &id).done();
            let recorded = app.store.audit().record(&entry).await;
            recorded.map_err(store_error("entry"))?;
            let detail = "This is not your password.";
            return Err(ApiError::field("current_password", "wrong", detail));
        }
        Ok(turn)
    }
}
