//! One's passkeys.

use axum::extract::State;
use http::StatusCode;
use openmake_api::{
    Allowed, ApiError,
    authorize::ManageOwnAccount,
    extract::{Json, Path},
    responses::WriteProblems,
    sign_in::{AddPasskey, PasskeyChallenge, PasskeyView, RenamePasskey},
};
use openmake_store::{
    challenges::ChallengeKind,
    passkeys::{NewPasskey, Passkey},
};
use serde_json::json;
use uuid::Uuid;

use super::super::input;
use crate::{
    audit::AuditContext,
    error::store_error,
    sign_in::{
        Fresh,
        challenge::{self, Left},
        passkeys::Used,
    },
    state::App,
};

const MAX_NAME: usize = 60;

/// What to ask the browser with for a new passkey.
#[utoipa::path(post, path = "/api/v1/auth/passkeys/options", tag = "auth",
    responses((status = 200, body = PasskeyChallenge), WriteProblems))]
pub(crate) async fn options(
    State(app): State<App>,
    allowed: Allowed<ManageOwnAccount>,
    _fresh: Fresh,
    audit: AuditContext,
) -> Result<Json<PasskeyChallenge>, ApiError> {
    let owner = allowed.actor.user_id;
    let user = app.store.users().get(owner).await;
    let user = user.map_err(store_error("account"))?;
    let known = app.store.passkeys().list(owner).await;
    let asked = app
        .passkeys
        .ask_new(&user, &known.map_err(store_error("passkey"))?)?;
    let left = Left {
        kind: ChallengeKind::PasskeyRegistration,
        user: Some((owner, user.version)),
        session_id: allowed.actor.session_id,
        state: asked.state,
        lifetime: challenge::LIFETIME,
    };
    Ok(Json(PasskeyChallenge {
        challenge: challenge::leave(&app, &audit, left).await?,
        options: asked.options,
    }))
}

/// Adds a passkey.
#[utoipa::path(post, path = "/api/v1/auth/passkeys", tag = "auth", request_body = AddPasskey,
    responses((status = 201, body = PasskeyView), WriteProblems))]
pub(crate) async fn add(
    State(app): State<App>,
    allowed: Allowed<ManageOwnAccount>,
    _fresh: Fresh,
    audit: AuditContext,
    Json(body): Json<AddPasskey>,
) -> Result<(StatusCode, Json<PasskeyView>), ApiError> {
    let name = input::line("name", &body.name, MAX_NAME)?;
    let owner = allowed.actor.user_id;
    let left = challenge::take(&app, ChallengeKind::PasskeyRegistration, &body.challenge).await;
    let left = left
        .ok()
        .filter(|left| left.session_id == allowed.actor.session_id)
        .ok_or_else(stale)?;
    let registered = app.passkeys.register(left.state, body.credential)?;
    let id = audit.new_id();
    let new = NewPasskey {
        id,
        user_id: owner,
        credential_id: &registered.credential_id,
        name: &name,
        credential: registered.credential,
        now: audit.now(),
    };
    let entry = audit.success("passkey.add").on("passkey", &id);
    let entry = entry.with(json!({"name": name})).done();
    let added = app.store.passkeys().add(&new, &entry).await;
    let added = added.map_err(store_error("passkey"))?;
    Ok((StatusCode::CREATED, Json(view(added))))
}

/// Calls a passkey something else.
#[utoipa::path(patch, path = "/api/v1/auth/passkeys/{id}", tag = "auth",
    params(("id" = Uuid, Path)), request_body = RenamePasskey,
    responses((status = 200, body = PasskeyView), WriteProblems))]
pub(crate) async fn rename(
    State(app): State<App>,
    allowed: Allowed<ManageOwnAccount>,
    audit: AuditContext,
    Path(id): Path<Uuid>,
    Json(body): Json<RenamePasskey>,
) -> Result<Json<PasskeyView>, ApiError> {
    let name = input::line("name", &body.name, MAX_NAME)?;
    let entry = audit.success("passkey.rename").on("passkey", &id);
    let entry = entry.with(json!({"name": name})).done();
    let passkeys = app.store.passkeys();
    let renamed = passkeys
        .rename(allowed.actor.user_id, id, &name, &entry)
        .await;
    Ok(Json(view(renamed.map_err(store_error("passkey"))?)))
}

/// Removes a passkey, unless nothing else could sign in.
#[utoipa::path(delete, path = "/api/v1/auth/passkeys/{id}", tag = "auth",
    params(("id" = Uuid, Path)), responses((status = 204), WriteProblems))]
pub(crate) async fn remove(
    State(app): State<App>,
    allowed: Allowed<ManageOwnAccount>,
    _fresh: Fresh,
    audit: AuditContext,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, ApiError> {
    let issuers = app.settings.sign_in.providers.issuers();
    let entry = audit.success("passkey.remove").on("passkey", &id).done();
    let removed = app
        .store
        .passkeys()
        .remove(allowed.actor.user_id, id, &issuers, &entry)
        .await;
    removed.map_err(store_error("passkey"))?;
    Ok(StatusCode::NO_CONTENT)
}

/// Keeps what a passkey's use changed: its counter, and when it was.
pub(super) async fn note_use(app: &App, used: &Used) -> Result<(), ApiError> {
    let noted = app
        .store
        .passkeys()
        .used(used.user_id, used.id, &used.credential, app.clock.now())
        .await;
    noted.map_err(store_error("passkey"))
}

/// A passkey as its owner sees it.
pub(super) fn view(passkey: Passkey) -> PasskeyView {
    PasskeyView {
        id: passkey.id,
        name: passkey.name,
        created_at: passkey.created_at,
        last_used_at: passkey.last_used_at,
    }
}

/// The options are too old, or another session's.
fn stale() -> ApiError {
    ApiError::field(
        "challenge",
        "invalid",
        "This step was used or took too long; ask for new options.",
    )
}
