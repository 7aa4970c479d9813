//! What a credential is, and what it gives.

use chrono::{DateTime, Utc};
use openmake_store::{api_keys::KeyAuthority, sessions::Authority};
use openmake_types::{Actor, CapabilitySet, SessionId, UserId};

use crate::tokens::KeyHash;

/// What a request is checked by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Credential {
    /// The session that an access token names.
    Session(SessionId),
    /// A key. By its hash and not its id, so that a stream that was opened with
    /// a key ends when the key is rotated.
    ApiKey(KeyHash),
}

/// A credential that holds, and what it gives.
#[derive(Debug, Clone)]
pub(crate) struct Grant {
    /// What was checked.
    pub(crate) credential: Credential,
    /// Who acts with it, and what they may.
    pub(crate) actor: Actor,
    /// When it ends by itself.
    pub(crate) expires_at: Option<DateTime<Utc>>,
    /// The requests that its key may send in a minute.
    pub(crate) requests_per_minute: Option<u32>,
}

impl Grant {
    /// What a session gives: all that the role does.
    pub(crate) fn of_session(authority: Authority) -> Self {
        Self {
            credential: Credential::Session(authority.session_id),
            actor: Actor {
                user_id: authority.user_id,
                role: authority.role,
                session_id: Some(authority.session_id),
                api_key_id: None,
                capabilities: authority.role.capabilities(),
                models: authority.models,
                tokens_per_minute: None,
            },
            expires_at: Some(authority.expires_at),
            requests_per_minute: None,
        }
    }

    /// What a key gives: what both its scopes and its owner's role allow.
    pub(crate) fn of_key(hash: KeyHash, key: KeyAuthority) -> Self {
        let scopes = key.scopes.iter().map(|scope| scope.capabilities());
        let scopes = scopes.fold(CapabilitySet::NONE, CapabilitySet::union);
        Self {
            credential: Credential::ApiKey(hash),
            actor: Actor {
                user_id: key.owner,
                role: key.role,
                session_id: None,
                api_key_id: Some(key.id),
                capabilities: key.role.capabilities().intersection(scopes),
                models: key.models,
                tokens_per_minute: key.tokens_per_minute,
            },
            expires_at: key.expires_at,
            requests_per_minute: key.requests_per_minute,
        }
    }

    /// Whether it is this account's.
    pub(crate) fn is_of(&self, user: UserId) -> bool {
        self.actor.user_id == user
    }

    /// Whether its time is not over yet.
    pub(crate) fn holds(&self, now: DateTime<Utc>) -> bool {
        self.expires_at.is_none_or(|end| end > now)
    }
}
