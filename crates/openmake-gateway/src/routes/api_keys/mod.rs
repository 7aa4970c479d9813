//! Keys for programs: one's own, and for administrators anyone's.

pub(super) mod of_user;
pub(super) mod own;

use chrono::{DateTime, Utc};
use openmake_api::{
    ApiError,
    api_keys::{ApiKeyStatus, ApiKeyView},
};
use openmake_store::{
    api_keys::ApiKey,
    wakeups::{Wakeup, WakeupKind},
};
use openmake_types::{ApiKeyId, UserId};

use crate::{audit::AuditContext, error::store_error, state::App};

/// Takes a key of `owner` back. It ends here at once, with what was opened
/// with it.
async fn revoke(
    app: &App,
    audit: &AuditContext,
    owner: UserId,
    id: ApiKeyId,
) -> Result<(), ApiError> {
    let entry = audit.success("api_key.revoke").on("api_key", &id);
    let entry = entry
        .with(serde_json::json!({"owner": owner.to_string()}))
        .done();
    let keys = app.store.api_keys();
    let revoked = keys.revoke((owner, id), audit.now(), &entry).await;
    revoked.map_err(store_error("API key"))?;
    app.authority.ended_key(id);
    app.announce(vec![changed(owner, id)]);
    Ok(())
}

/// A key changed.
fn changed(owner: UserId, id: ApiKeyId) -> Wakeup {
    Wakeup {
        kind: WakeupKind::ApiKey,
        id: id.as_uuid(),
        version: 0,
        owner: Some(owner),
    }
}

pub(super) fn view(key: ApiKey, now: DateTime<Utc>) -> ApiKeyView {
    let status = if key.revoked_at.is_some() {
        ApiKeyStatus::Revoked
    } else if key.terms.expires_at.is_some_and(|end| end <= now) {
        ApiKeyStatus::Expired
    } else {
        ApiKeyStatus::Active
    };
    let terms = key.terms;
    ApiKeyView {
        id: key.id.as_uuid(),
        name: terms.name,
        last_four: key.last_four,
        status,
        scopes: terms.scopes.into_iter().map(Into::into).collect(),
        allowed_models: terms.allowed_models,
        requests_per_minute: terms.requests_per_minute,
        tokens_per_minute: terms.tokens_per_minute,
        expires_at: terms.expires_at,
        last_used_at: key.last_used_at,
        revoked_at: key.revoked_at,
        created_at: key.created_at,
        updated_at: key.updated_at,
    }
}
