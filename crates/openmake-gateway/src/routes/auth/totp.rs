//! One's authenticator app and backup codes.

use axum::extract::State;
use chrono::TimeDelta;
use http::StatusCode;
use openmake_api::{
    Allowed, ApiError,
    authorize::ManageOwnAccount,
    extract::Json,
    responses::WriteProblems,
    sign_in::{BackupCodes, ConfirmTotp, TotpSetup},
};
use openmake_store::factors::ConfirmedTotp;

use super::super::{instance::instance_name, users};
use crate::{
    audit::AuditContext,
    error::store_error,
    lockout::Locks,
    sign_in::{
        Fresh,
        second_factor::{open_totp, totp_context},
        totp::Secret,
    },
    state::App,
};

/// How long a secret waits for its first code.
const SETUP_LIFETIME: TimeDelta = TimeDelta::minutes(15);

/// Makes a secret for an authenticator app. It counts once a code of it is
/// confirmed; asking again replaces it.
#[utoipa::path(post, path = "/api/v1/auth/totp", tag = "auth",
    responses((status = 200, body = TotpSetup), WriteProblems))]
pub(crate) async fn begin(
    State(app): State<App>,
    allowed: Allowed<ManageOwnAccount>,
    _fresh: Fresh,
) -> Result<Json<TotpSetup>, ApiError> {
    let owner = allowed.actor.user_id;
    let user = app.store.users().get(owner).await;
    let user = user.map_err(store_error("account"))?;
    let settings = app.store.settings().get().await;
    let settings = settings.map_err(store_error("instance"))?;
    let secret = Secret::random(app.ids.as_ref());
    let mut nonce = [0; 24];
    app.ids.fill(&mut nonce);
    let sealed = app
        .keys
        .seal(&totp_context(owner), nonce, secret.as_bytes());
    let begun = app
        .store
        .factors()
        .begin_totp(owner, &sealed, app.clock.now())
        .await;
    begun.map_err(store_error("account"))?;
    let account = user.email.unwrap_or(user.display_name);
    Ok(Json(TotpSetup {
        uri: secret.uri(&instance_name(&settings, &app), &account),
        secret: secret.base32(),
    }))
}

/// Turns the second factor on with a first code of the app, and gives the
/// backup codes.
#[utoipa::path(post, path = "/api/v1/auth/totp/confirm", tag = "auth", request_body = ConfirmTotp,
    responses((status = 200, body = BackupCodes), WriteProblems))]
pub(crate) async fn confirm(
    State(app): State<App>,
    allowed: Allowed<ManageOwnAccount>,
    _fresh: Fresh,
    audit: AuditContext,
    Json(body): Json<ConfirmTotp>,
) -> Result<Json<BackupCodes>, ApiError> {
    let owner = allowed.actor.user_id;
    let user = app.store.users().get(owner).await;
    let user = user.map_err(store_error("account"))?;
    let locks = Locks::new(user.email.as_deref().unwrap_or_default(), &audit.client);
    locks.check(&app, audit.now()).await?;
    let since = audit.now() - SETUP_LIFETIME;
    let waiting = app.store.factors();
    let waiting = waiting.lookup_unconfirmed_totp(owner, since).await;
    let waiting = waiting.map_err(store_error("account"))?;
    let waiting = waiting.ok_or_else(|| {
        ApiError::conflict("totp_not_begun", "There is no set-up to confirm.")
            .with_hint("Begin it again at /api/v1/auth/totp.")
    })?;
    let secret = open_totp(&app, owner, &waiting)?;
    let Some(step) = secret.matching_step(&body.code, audit.now(), waiting.last_step) else {
        locks.fail(&app, audit.now()).await?;
        return Err(ApiError::field(
            "code",
            "wrong",
            "This is not the code that the app shows now.",
        ));
    };
    let (codes, hashes) = app.backup_codes.generate(owner, app.ids.as_ref());
    let confirmed = ConfirmedTotp {
        user_id: owner,
        sealed: &waiting.sealed,
        step,
        backup_codes: &hashes,
        now: audit.now(),
    };
    let entry = audit
        .success("second_factor.enable")
        .on("user", &owner)
        .done();
    let kept = app.store.factors().confirm_totp(&confirmed, &entry).await;
    kept.map_err(store_error("set-up"))?;
    app.announce(vec![users::changed(owner, user.version + 1)]);
    Ok(Json(BackupCodes { codes }))
}

/// Turns the second factor off; the backup codes go with it.
#[utoipa::path(delete, path = "/api/v1/auth/totp", tag = "auth",
    responses((status = 204), WriteProblems))]
pub(crate) async fn remove(
    State(app): State<App>,
    allowed: Allowed<ManageOwnAccount>,
    _fresh: Fresh,
    audit: AuditContext,
) -> Result<StatusCode, ApiError> {
    let owner = allowed.actor.user_id;
    let entry = audit
        .success("second_factor.disable")
        .on("user", &owner)
        .done();
    let removed = app.store.factors().remove_totp(owner, &entry).await;
    removed.map_err(store_error("authenticator app"))?;
    Ok(StatusCode::NO_CONTENT)
}

/// Makes new backup codes; those before no longer hold.
#[utoipa::path(post, path = "/api/v1/auth/backup-codes", tag = "auth",
    responses((status = 200, body = BackupCodes), WriteProblems))]
pub(crate) async fn replace_backup_codes(
    State(app): State<App>,
    allowed: Allowed<ManageOwnAccount>,
    _fresh: Fresh,
    audit: AuditContext,
) -> Result<Json<BackupCodes>, ApiError> {
    let owner = allowed.actor.user_id;
    let (codes, hashes) = app.backup_codes.generate(owner, app.ids.as_ref());
    let entry = audit.success("backup_codes.replace").on("user", &owner);
    let replaced = app
        .store
        .factors()
        .replace_backup_codes(owner, &hashes, audit.now(), &entry.done())
        .await;
    replaced.map_err(store_error("authenticator app"))?;
    Ok(Json(BackupCodes { codes }))
}
