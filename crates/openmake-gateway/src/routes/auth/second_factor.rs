//! The second step of signing in.

use axum::{extract::State, response::Response};
use http::StatusCode;
use openmake_api::{
    ApiError,
    auth::SignedIn,
    extract::Json,
    responses::OpenProblems,
    sign_in::{FactorMethod, PasskeyChallenge, SecondFactorPasskeyRequest, SecondFactorRequest},
};
use openmake_store::{
    StoreError,
    challenges::{Challenge, ChallengeKind},
    users::User,
};
use openmake_types::ErrorKind;
use serde_json::{Value, json};

use super::{
    login,
    passkeys::note_use,
    session::{self, MaybeGuest, OwnSite},
};
use crate::{
    audit::AuditContext,
    error::store_error,
    lockout::Locks,
    metrics::SignIn,
    sign_in::{challenge, passkeys::wrong_passkey, second_factor},
    state::App,
};

/// Completes a sign-in with a code or a passkey.
#[utoipa::path(post, path = "/api/v1/auth/second-factor", tag = "auth", security(()),
    request_body = SecondFactorRequest,
    responses((status = 200, body = SignedIn),
        (status = 401, description = "The wrong code, or the first step does not hold any more"),
        OpenProblems))]
pub(crate) async fn complete(
    State(app): State<App>,
    OwnSite(site): OwnSite,
    MaybeGuest(guest): MaybeGuest,
    audit: AuditContext,
    Json(body): Json<SecondFactorRequest>,
) -> Result<Response, ApiError> {
    let token_hash = challenge::token_hash(&body.challenge);
    // Few at once, as with passwords, so that many guesses at once are no way
    // around the locks.
    let turn = app.hasher.turn().await?;
    let (user, left) = first_step(&app, &token_hash).await?;
    let locks = Locks::new(user.email.as_deref().unwrap_or_default(), &audit.client);
    locks.check(&app, audit.now()).await?;
    let proven = check(&app, &user, left.state, &body).await;
    match proven {
        Ok(true) => {}
        Ok(false) => return Err(wrong(&app, &audit, &locks, &user, wrong_code()).await?),
        Err(error) if error.kind() == ErrorKind::Unauthenticated => {
            return Err(wrong(&app, &audit, &locks, &user, error).await?);
        }
        Err(error) => return Err(error),
    }
    drop(turn);
    // Of two that prove it at once, one signs in.
    challenge::take(&app, ChallengeKind::SecondFactor, &body.challenge).await?;
    locks.succeed(&app).await?;
    login::count(&app, SignIn::Success);
    session::claim_guest(&app, &audit, guest, user.id).await?;
    session::begin(&app, &audit, &site, user, StatusCode::OK).await
}

/// What to ask the browser with when a passkey is to be the second factor.
#[utoipa::path(post, path = "/api/v1/auth/second-factor/passkey", tag = "auth", security(()),
    request_body = SecondFactorPasskeyRequest,
    responses((status = 200, body = PasskeyChallenge),
        (status = 401, description = "The first step does not hold any more"), OpenProblems))]
pub(crate) async fn passkey_options(
    State(app): State<App>,
    _site: OwnSite,
    Json(body): Json<SecondFactorPasskeyRequest>,
) -> Result<Json<PasskeyChallenge>, ApiError> {
    let token_hash = challenge::token_hash(&body.challenge);
    let (user, _) = first_step(&app, &token_hash).await?;
    let known = app.store.passkeys().list(user.id).await;
    let known = known.map_err(store_error("passkey"))?;
    if known.is_empty() {
        return Err(ApiError::not_found("passkey"));
    }
    let asked = app.passkeys.ask_one_of(&known)?;
    let left = json!({"passkey": asked.state});
    let kept = app.store.challenges().set_state(&token_hash, &left).await;
    kept.map_err(|error| match error {
        StoreError::NotFound => challenge::over(),
        error => store_error("challenge")(error),
    })?;
    Ok(Json(PasskeyChallenge {
        challenge: body.challenge,
        options: asked.options,
    }))
}

/// Whose sign-in it is, while the account is as it was at the first step.
/// Counts as a try.
async fn first_step(app: &App, token_hash: &[u8; 32]) -> Result<(User, Challenge), ApiError> {
    let left = app
        .store
        .challenges()
        .attempt(
            ChallengeKind::SecondFactor,
            token_hash,
            app.clock.now(),
            second_factor::MAX_ATTEMPTS,
        )
        .await;
    let left = left.map_err(store_error("challenge"))?;
    let left = left.ok_or_else(challenge::over)?;
    let (id, version) = left.user.ok_or_else(challenge::over)?;
    let user = app.store.users().get(id).await;
    let user = user.map_err(store_error("account"))?;
    if user.version != version || !user.is_active {
        return Err(challenge::over());
    }
    Ok((user, left))
}

async fn check(
    app: &App,
    user: &User,
    state: Value,
    body: &SecondFactorRequest,
) -> Result<bool, ApiError> {
    let code = || {
        let code = body.code.as_deref();
        code.ok_or_else(|| ApiError::field("code", "required", "`code` must be given."))
    };
    match body.method {
        FactorMethod::Totp => second_factor::use_totp(app, user.id, code()?).await,
        FactorMethod::BackupCode => second_factor::use_backup_code(app, user.id, code()?).await,
        FactorMethod::Passkey => {
            let answer = body.credential.clone();
            let answer = answer.ok_or_else(|| {
                ApiError::field("credential", "required", "`credential` must be given.")
            })?;
            let state = state.get("passkey").cloned().ok_or_else(wrong_passkey)?;
            let known = app.store.passkeys().list(user.id).await;
            let known = known.map_err(store_error("passkey"))?;
            let proof = app.passkeys.check_one_of(state, answer, &known)?;
            note_use(app, &proof).await?;
            Ok(true)
        }
    }
}

/// Counts and records a wrong factor, and gives `error` back.
async fn wrong(
    app: &App,
    audit: &AuditContext,
    locks: &Locks,
    user: &User,
    error: ApiError,
) -> Result<ApiError, ApiError> {
    locks.fail(app, audit.now()).await?;
    login::count(app, SignIn::Failure);
    let entry = audit.failure("user.second_factor").by(user.id);
    login::record(app, &entry.on("user", &user.id).done()).await?;
    Ok(error)
}

fn wrong_code() -> ApiError {
    ApiError::new(
        ErrorKind::Unauthenticated,
        "This code is wrong, or was used before.",
    )
    .with_code("wrong_code")
    .with_hint("Wait for the next code, and check the time on your device.")
}
