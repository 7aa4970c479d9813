//! Signing in with a passkey alone.

use axum::{extract::State, response::Response};
use http::StatusCode;
use openmake_api::{
    ApiError,
    auth::SignedIn,
    extract::Json,
    responses::OpenProblems,
    sign_in::{PasskeyAnswer, PasskeyChallenge},
};
use openmake_store::{challenges::ChallengeKind, users::User};
use serde_json::{Value, json};

use super::{
    login,
    passkeys::note_use,
    session::{self, MaybeGuest, OwnSite},
};
use crate::{
    audit::AuditContext,
    error::store_error,
    metrics::SignIn,
    sign_in::{
        challenge::{self, Left},
        passkeys::wrong_passkey,
    },
    state::App,
};

/// What to ask the browser with.
#[utoipa::path(post, path = "/api/v1/auth/passkey/options", tag = "auth", security(()),
    responses((status = 200, body = PasskeyChallenge),
        (status = 409, description = "The instance's address has no name"), OpenProblems))]
pub(crate) async fn options(
    State(app): State<App>,
    _site: OwnSite,
    audit: AuditContext,
) -> Result<Json<PasskeyChallenge>, ApiError> {
    let asked = app.passkeys.ask_any()?;
    let left = Left {
        kind: ChallengeKind::PasskeySignIn,
        user: None,
        session_id: None,
        state: asked.state,
        lifetime: challenge::LIFETIME,
    };
    Ok(Json(PasskeyChallenge {
        challenge: challenge::leave(&app, &audit, left).await?,
        options: asked.options,
    }))
}

/// Signs in with a passkey. It verifies the person, so it is both factors.
#[utoipa::path(post, path = "/api/v1/auth/passkey", tag = "auth", security(()),
    request_body = PasskeyAnswer,
    responses((status = 200, body = SignedIn),
        (status = 401, description = "The passkey is unknown or was not accepted"),
        (status = 403, description = "The account is deactivated"), OpenProblems))]
pub(crate) async fn sign_in(
    State(app): State<App>,
    OwnSite(site): OwnSite,
    MaybeGuest(guest): MaybeGuest,
    audit: AuditContext,
    Json(body): Json<PasskeyAnswer>,
) -> Result<Response, ApiError> {
    let left = challenge::take(&app, ChallengeKind::PasskeySignIn, &body.challenge).await?;
    let user = match check(&app, left.state, body.credential).await {
        Ok(user) => user,
        Err(error) => {
            login::count(&app, SignIn::Failure);
            let entry = audit.failure("user.login").with(json!({"by": "passkey"}));
            login::record(&app, &entry.done()).await?;
            return Err(error);
        }
    };
    login::refuse_inactive(&app, &audit, &user).await?;
    login::count(&app, SignIn::Success);
    session::claim_guest(&app, &audit, guest, user.id).await?;
    session::begin(&app, &audit, &site, user, StatusCode::OK).await
}

async fn check(app: &App, state: Value, answer: Value) -> Result<User, ApiError> {
    let identified = app.passkeys.identify(answer)?;
    let stored = app.store.passkeys();
    let stored = stored.lookup_by_credential(&identified.credential_id).await;
    let stored = stored.map_err(store_error("passkey"))?;
    let stored = stored.ok_or_else(wrong_passkey)?;
    let proof = app.passkeys.check_any(state, &identified, &stored)?;
    note_use(app, &proof).await?;
    let owner = app.store.users().get(proof.user_id).await;
    owner.map_err(store_error("account"))
}
