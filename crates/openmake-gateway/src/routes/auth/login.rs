//! Signing in.
//!
//! Whether an account exists shows in nothing: an unknown e-mail is looked
//! up, locked, hashed against and recorded like a known one.

use axum::{extract::State, response::Response};
use http::StatusCode;
use openmake_api::{
    ApiError,
    auth::{LoginRequest, SignedIn},
    extract::Json,
    responses::OpenProblems,
};
use openmake_store::users::{Credentials, User};
use openmake_types::ErrorKind;
use serde_json::json;

use super::{
    super::input,
    session::{self, MaybeGuest, OwnSite},
};
use crate::{
    audit::AuditContext,
    error::store_error,
    lockout::Locks,
    metrics::{SignIn, SignInLabels},
    passwords::Verdict,
    sign_in::second_factor,
    state::App,
};

/// Signs in: an access token, and the refresh token in a cookie.
#[utoipa::path(post, path = "/api/v1/auth/login", tag = "auth", security(()),
    request_body = LoginRequest,
    responses((status = 200, body = SignedIn),
        (status = 401, description = "No such account, or not its password, or `second_factor_required`"),
        (status = 403, description = "The account is deactivated"), OpenProblems))]
pub(crate) async fn login(
    State(app): State<App>,
    OwnSite(site): OwnSite,
    MaybeGuest(guest): MaybeGuest,
    audit: AuditContext,
    Json(body): Json<LoginRequest>,
) -> Result<Response, ApiError> {
    let (user, locks) = check_password(&app, &audit, body).await?;
    refuse_inactive(&app, &audit, &user).await?;
    if let Some(needed) = second_factor::needed(&app, &audit, &user).await? {
        // The account's failures stay counted: else who knows the password
        // could go on guessing codes by signing in again.
        return Err(ApiError::second_factor(needed));
    }
    locks.succeed(&app).await?;
    count(&app, SignIn::Success);
    session::claim_guest(&app, &audit, guest, user.id).await?;
    session::begin(&app, &audit, &site, user, StatusCode::OK).await
}

/// Refuses who proved an account that may not sign in.
pub(super) async fn refuse_inactive(
    app: &App,
    audit: &AuditContext,
    user: &User,
) -> Result<(), ApiError> {
    if user.is_active {
        return Ok(());
    }
    let entry = audit.denied("user.login").by(user.id).on("user", &user.id);
    record(app, &entry.with(json!({"because": "deactivated"})).done()).await?;
    count(app, SignIn::Failure);
    Err(
        ApiError::new(ErrorKind::Forbidden, "This account is deactivated.")
            .with_code("account_deactivated")
            .with_hint("Ask an administrator to activate it."),
    )
}

async fn check_password(
    app: &App,
    audit: &AuditContext,
    body: LoginRequest,
) -> Result<(User, Locks), ApiError> {
    let email = input::parse_email(&body.email);
    let typed = email.as_deref().unwrap_or(&body.email);
    let locks = Locks::new(typed, &audit.client);
    // The locks are looked at and counted while the turn is held, so many
    // guesses at once are no way around them.
    let turn = app.hasher.turn().await?;
    if let Err(error) = locks.check(app, audit.now()).await {
        if error.kind() == ErrorKind::RateLimited {
            count(app, SignIn::Locked);
            let entry = audit
                .denied("user.login")
                .with(json!({"because": "locked"}));
            record(app, &entry.done()).await?;
        }
        return Err(error);
    }
    let found = match email {
        Some(email) => app.store.users().lookup_credentials(&email).await,
        None => Ok(None),
    };
    let found = found.map_err(store_error("account"))?;
    let hash = found.as_ref().and_then(|found| found.password_hash.clone());
    let (verdict, turn) = app.hasher.verify(turn, body.password, hash).await?;
    match (verdict, found) {
        (Verdict::Right, Some(found)) => Ok((found.user, locks)),
        (Verdict::Upgrade(stronger), Some(found)) => {
            upgrade(app, &found, &stronger).await;
            Ok((found.user, locks))
        }
        (_, found) => {
            locks.fail(app, audit.now()).await?;
            drop(turn);
            count(app, SignIn::Failure);
            let mut entry = audit.failure("user.login");
            if let Some(found) = found {
                entry = entry.by(found.user.id).on("user", &found.user.id);
            }
            record(app, &entry.done()).await?;
            Err(wrong_credentials())
        }
    }
}

/// A better hash is kept when that works; the sign-in does not wait on it.
async fn upgrade(app: &App, found: &Credentials, stronger: &str) {
    let Some(old) = &found.password_hash else {
        return;
    };
    let users = app.store.users();
    if let Err(error) = users.upgrade_hash(found.user.id, old, stronger).await {
        tracing::warn!(%error, "a password hash was not upgraded");
    }
}

pub(super) async fn record(
    app: &App,
    entry: &openmake_store::audit::NewAudit,
) -> Result<(), ApiError> {
    let recorded = app.store.audit().record(entry).await;
    recorded.map_err(store_error("entry"))
}

pub(super) fn count(app: &App, outcome: SignIn) {
    let labels = SignInLabels { outcome };
    app.metrics.sign_ins.get_or_create(&labels).inc();
}

fn wrong_credentials() -> ApiError {
    ApiError::new(
        ErrorKind::Unauthenticated,
        "The e-mail or the password is wrong.",
    )
    .with_code("wrong_credentials")
}
