//! Proving again who uses a session, before something sensitive.

use axum::extract::State;
use openmake_api::{
    Allowed, ApiError,
    authorize::ManageOwnAccount,
    extract::Json,
    responses::WriteProblems,
    sign_in::{PasskeyAnswer, PasskeyChallenge, ReauthenticateRequest, Reauthenticated},
};
use openmake_store::{challenges::ChallengeKind, users::Credentials};
use openmake_types::{Actor, ErrorKind};
use serde_json::json;

use super::{login, passkeys::note_use};
use crate::{
    audit::AuditContext,
    error::store_error,
    lockout::Locks,
    passwords::Verdict,
    sign_in::{
        challenge::{self, Left},
        fresh, second_factor,
    },
    state::App,
};

/// Lets this session do sensitive things for ten minutes.
#[utoipa::path(post, path = "/api/v1/auth/reauthenticate", tag = "auth",
    request_body = ReauthenticateRequest,
    responses((status = 200, body = Reauthenticated), WriteProblems))]
pub(crate) async fn reauthenticate(
    State(app): State<App>,
    allowed: Allowed<ManageOwnAccount>,
    audit: AuditContext,
    Json(body): Json<ReauthenticateRequest>,
) -> Result<Json<Reauthenticated>, ApiError> {
    let owner = allowed.actor.user_id;
    let session = allowed.actor.session_id.ok_or_else(ApiError::forbidden)?;
    let proof = Proof::of(body)?;
    let field = proof.field();
    let found = app.store.users().get_credentials(owner).await;
    let found = found.map_err(store_error("account"))?;
    let email = found.user.email.clone().unwrap_or_default();
    let locks = Locks::new(&email, &audit.client);
    // Held to the end: many guesses at once are no way around the locks.
    let turn = app.hasher.turn().await?;
    locks.check(&app, audit.now()).await?;
    let (proven, turn) = match proof {
        Proof::Password(password) => {
            let (verdict, turn) = app
                .hasher
                .verify(turn, password, found.password_hash.clone())
                .await?;
            (verdict != Verdict::Wrong, turn)
        }
        Proof::Totp(code) => (second_factor::use_totp(&app, owner, &code).await?, turn),
        Proof::Passkey(answer) => (
            check_passkey(&app, &allowed.actor, &found, answer).await?,
            turn,
        ),
    };
    if !proven {
        locks.fail(&app, audit.now()).await?;
        let entry = audit
            .failure("user.reauthenticate")
            .on("session", &session)
            .with(json!({"by": field}));
        login::record(&app, &entry.done()).await?;
        return Err(ApiError::field(field, "wrong", "This is not right."));
    }
    drop(turn);
    let now = audit.now();
    let entry = audit
        .success("user.reauthenticate")
        .on("session", &session)
        .with(json!({"by": field}));
    let noted = app
        .store
        .sessions()
        .reauthenticate(owner, session, now, &entry.done())
        .await;
    noted.map_err(store_error("session"))?;
    Ok(Json(Reauthenticated {
        fresh_until: now + fresh::LIFETIME,
    }))
}

/// What to ask the browser with when a passkey is to prove it.
#[utoipa::path(post, path = "/api/v1/auth/reauthenticate/passkey", tag = "auth",
    responses((status = 200, body = PasskeyChallenge), WriteProblems))]
pub(crate) async fn passkey_options(
    State(app): State<App>,
    allowed: Allowed<ManageOwnAccount>,
    audit: AuditContext,
) -> Result<Json<PasskeyChallenge>, ApiError> {
    let owner = allowed.actor.user_id;
    let session = allowed.actor.session_id.ok_or_else(ApiError::forbidden)?;
    let user = app.store.users().get(owner).await;
    let user = user.map_err(store_error("account"))?;
    let known = app.store.passkeys().list(owner).await;
    let known = known.map_err(store_error("passkey"))?;
    if known.is_empty() {
        return Err(ApiError::not_found("passkey"));
    }
    let asked = app.passkeys.ask_one_of(&known)?;
    let left = Left {
        kind: ChallengeKind::PasskeyReauthentication,
        user: Some((owner, user.version)),
        session_id: Some(session),
        state: asked.state,
        lifetime: challenge::LIFETIME,
    };
    Ok(Json(PasskeyChallenge {
        challenge: challenge::leave(&app, &audit, left).await?,
        options: asked.options,
    }))
}

/// The one thing that was sent.
enum Proof {
    Password(String),
    Totp(String),
    Passkey(PasskeyAnswer),
}

impl Proof {
    fn of(body: ReauthenticateRequest) -> Result<Self, ApiError> {
        match (body.password, body.code, body.passkey) {
            (Some(password), None, None) => Ok(Self::Password(password)),
            (None, Some(code), None) => Ok(Self::Totp(code)),
            (None, None, Some(answer)) => Ok(Self::Passkey(answer)),
            _ => Err(ApiError::invalid(
                "Send one of `password`, `code` and `passkey`.",
            )),
        }
    }

    const fn field(&self) -> &'static str {
        match self {
            Self::Password(_) => "password",
            Self::Totp(_) => "code",
            Self::Passkey(_) => "passkey",
        }
    }
}

async fn check_passkey(
    app: &App,
    actor: &Actor,
    found: &Credentials,
    answer: PasskeyAnswer,
) -> Result<bool, ApiError> {
    let kind = ChallengeKind::PasskeyReauthentication;
    let refused = |error: ApiError| match error.kind() {
        ErrorKind::Unauthenticated => Ok(false),
        _ => Err(error),
    };
    let left = match challenge::take(app, kind, &answer.challenge).await {
        Ok(left) if left.session_id == actor.session_id => left,
        Ok(_) => return Ok(false),
        Err(error) => return refused(error),
    };
    let known = app.store.passkeys().list(found.user.id).await;
    let known = known.map_err(store_error("passkey"))?;
    match (app.passkeys).check_one_of(left.state, answer.credential, &known) {
        Ok(used) => note_use(app, &used).await.map(|()| true),
        Err(error) => refused(error),
    }
}
