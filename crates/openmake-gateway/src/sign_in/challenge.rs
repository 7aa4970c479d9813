//! Opaque tokens: for what a step of a sign-in leaves for the next one, and
//! for links. Only a hash of them is kept.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use openmake_api::ApiError;
use openmake_store::challenges::{Challenge, ChallengeKind, NewChallenge};
use openmake_types::{ErrorKind, Ids, SessionId, UserId};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::{audit::AuditContext, error::store_error, state::App};

/// How long a step may take.
pub(crate) const LIFETIME: TimeDelta = TimeDelta::minutes(5);

/// 256 random bits in base64url.
pub(crate) fn random_token(ids: &dyn Ids) -> String {
    let mut random = [0; 32];
    ids.fill(&mut random);
    URL_SAFE_NO_PAD.encode(random)
}

/// What is kept of a token.
pub(crate) fn token_hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.trim()).into()
}

/// What a step leaves.
pub(crate) struct Left {
    pub(crate) kind: ChallengeKind,
    pub(crate) user: Option<(UserId, i64)>,
    pub(crate) session_id: Option<SessionId>,
    pub(crate) state: Value,
    pub(crate) lifetime: TimeDelta,
}

/// Leaves something for the next step: its token.
pub(crate) async fn leave(app: &App, audit: &AuditContext, left: Left) -> Result<String, ApiError> {
    let token = random_token(app.ids.as_ref());
    let now = audit.now();
    let challenge = NewChallenge {
        token_hash: token_hash(&token),
        kind: left.kind,
        user: left.user,
        session_id: left.session_id,
        state: left.state,
        now,
        expires_at: now + left.lifetime,
    };
    let created = app.store.challenges().create(&challenge).await;
    created.map_err(store_error("account"))?;
    Ok(token)
}

/// Takes what the step before left; nobody else gets it.
pub(crate) async fn take(
    app: &App,
    kind: ChallengeKind,
    token: &str,
) -> Result<Challenge, ApiError> {
    let hash = token_hash(token);
    let found = app
        .store
        .challenges()
        .take(kind, &hash, app.clock.now())
        .await;
    found.map_err(store_error("challenge"))?.ok_or_else(over)
}

/// The step before is too long ago, or was used.
pub(crate) fn over() -> ApiError {
    ApiError::new(
        ErrorKind::Unauthenticated,
        "This step of the sign-in was used or took too long.",
    )
    .with_code("challenge_invalid")
    .with_hint("Start again.")
}
