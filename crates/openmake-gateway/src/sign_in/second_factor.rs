//! The second step of a sign-in, and the checks of its factors.

use openmake_api::{
    ApiError,
    sign_in::{FactorMethod, SecondFactorNeeded},
};
use openmake_store::{
    challenges::ChallengeKind,
    factors::{Standing, Totp},
    users::User,
};
use openmake_types::UserId;
use serde_json::json;

use super::{
    challenge::{self, Left},
    totp::Secret,
};
use crate::{audit::AuditContext, error::store_error, state::App};

/// Tries that one first step allows. The account's lock counts them besides.
pub(crate) const MAX_ATTEMPTS: i32 = 5;

/// What `user` must prove besides what they did, if anything: the answer to
/// the first step.
pub(crate) async fn needed(
    app: &App,
    audit: &AuditContext,
    user: &User,
) -> Result<Option<SecondFactorNeeded>, ApiError> {
    let standing = app.store.factors().standing(user.id).await;
    let standing = standing.map_err(store_error("account"))?;
    if !standing.totp {
        return Ok(None);
    }
    let left = Left {
        kind: ChallengeKind::SecondFactor,
        user: Some((user.id, user.version)),
        session_id: None,
        state: json!({}),
        lifetime: challenge::LIFETIME,
    };
    Ok(Some(SecondFactorNeeded {
        challenge: challenge::leave(app, audit, left).await?,
        methods: methods(app, standing),
    }))
}

/// What an account with an authenticator app may answer with.
fn methods(app: &App, standing: Standing) -> Vec<FactorMethod> {
    let passkey = standing.passkeys > 0 && app.passkeys.is_available();
    [
        Some(FactorMethod::Totp),
        passkey.then_some(FactorMethod::Passkey),
        (standing.backup_codes > 0).then_some(FactorMethod::BackupCode),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// What a TOTP secret is sealed for.
pub(crate) fn totp_context(owner: UserId) -> String {
    format!("totp:{owner}")
}

/// Opens a kept secret.
pub(crate) fn open_totp(app: &App, owner: UserId, totp: &Totp) -> Result<Secret, ApiError> {
    let opened = app.keys.open(&totp_context(owner), &totp.sealed);
    let opened = opened.map_err(ApiError::internal)?;
    Secret::from_bytes(&opened)
        .ok_or_else(|| ApiError::internal("a kept TOTP secret has the wrong length"))
}

/// Uses a code of the account's authenticator app. False for a wrong one, and
/// for one that was used.
pub(crate) async fn use_totp(app: &App, owner: UserId, code: &str) -> Result<bool, ApiError> {
    let factors = app.store.factors();
    let totp = factors.lookup_totp(owner).await;
    let Some(totp) = totp.map_err(store_error("account"))? else {
        return Ok(false);
    };
    let secret = open_totp(app, owner, &totp)?;
    match secret.matching_step(code, app.clock.now(), totp.last_step) {
        None => Ok(false),
        // Of two that come with the same code at once, one gets through.
        Some(step) => {
            let used = factors.use_totp(owner, step).await;
            used.map_err(store_error("account"))
        }
    }
}

/// Uses a backup code. False for a wrong one, and for one that was used.
pub(crate) async fn use_backup_code(
    app: &App,
    owner: UserId,
    code: &str,
) -> Result<bool, ApiError> {
    let Some(hash) = app.backup_codes.hash(owner, code) else {
        return Ok(false);
    };
    let used = app
        .store
        .factors()
        .use_backup_code(owner, &hash, app.clock.now())
        .await;
    used.map_err(store_error("account"))
}
