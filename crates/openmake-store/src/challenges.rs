//! What a step of a sign-in leaves for the next one (`sign_in_challenges`).

use chrono::{DateTime, Utc};
use openmake_types::{SessionId, UserId};
use serde_json::Value;

use crate::{Store, StoreError};

/// Which step left it. One kind is never taken for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChallengeKind {
    /// The password was right, a second factor must follow.
    SecondFactor,
    /// A passkey is to sign in alone.
    PasskeySignIn,
    /// A passkey is to be added.
    PasskeyRegistration,
    /// A passkey is to prove who uses a session.
    PasskeyReauthentication,
    /// The browser is at another provider.
    Provider,
}

impl ChallengeKind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::SecondFactor => "second_factor",
            Self::PasskeySignIn => "passkey_sign_in",
            Self::PasskeyRegistration => "passkey_registration",
            Self::PasskeyReauthentication => "passkey_reauthentication",
            Self::Provider => "provider",
        }
    }
}

/// A challenge to leave.
#[derive(Debug, Clone)]
pub struct NewChallenge {
    /// The SHA-256 of its token.
    pub token_hash: [u8; 32],
    /// Which step leaves it.
    pub kind: ChallengeKind,
    /// Whose, with the account's version, where that is known.
    pub user: Option<(UserId, i64)>,
    /// The session that it belongs to, where there is one.
    pub session_id: Option<SessionId>,
    /// What the next step needs.
    pub state: Value,
    /// Now.
    pub now: DateTime<Utc>,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
}

/// A challenge that holds.
#[derive(Debug, Clone)]
pub struct Challenge {
    /// Whose, with the account's version then.
    pub user: Option<(UserId, i64)>,
    /// The session that it belongs to.
    pub session_id: Option<SessionId>,
    /// What was left.
    pub state: Value,
}

/// Challenges.
#[derive(Debug, Clone, Copy)]
pub struct Challenges<'a>(&'a Store);

impl Store {
    /// What steps of sign-ins left.
    pub const fn challenges(&self) -> Challenges<'_> {
        Challenges(self)
    }
}

/// A row of `sign_in_challenges`.
struct Row {
    user_id: Option<uuid::Uuid>,
    user_version: Option<i64>,
    session_id: Option<uuid::Uuid>,
    state: Value,
}

impl From<Row> for Challenge {
    fn from(row: Row) -> Self {
        Self {
            user: row.user_id.map(UserId::from_uuid).zip(row.user_version),
            session_id: row.session_id.map(SessionId::from_uuid),
            state: row.state,
        }
    }
}

impl Challenges<'_> {
    /// Leaves one. `NotFound` when the account or session is gone.
    pub async fn create(&self, challenge: &NewChallenge) -> Result<(), StoreError> {
        sqlx::query!(
            "INSERT INTO sign_in_challenges (token_hash, kind, user_id, user_version, session_id,
                                             state, created_at, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            challenge.token_hash.as_slice(),
            challenge.kind.as_str(),
            challenge.user.map(|(id, _)| id.as_uuid()),
            challenge.user.map(|(_, version)| version),
            challenge.session_id.map(SessionId::as_uuid),
            challenge.state,
            challenge.now,
            challenge.expires_at,
        )
        .execute(&self.0.pool)
        .await?;
        Ok(())
    }

    /// Takes one away: of several that present the same, one gets it.
    pub async fn take(
        &self,
        kind: ChallengeKind,
        token_hash: &[u8; 32],
        now: DateTime<Utc>,
    ) -> Result<Option<Challenge>, StoreError> {
        let row = sqlx::query_as!(
            Row,
            "DELETE FROM sign_in_challenges
              WHERE token_hash = $1 AND kind = $2 AND expires_at > $3
              RETURNING user_id, user_version, session_id, state",
            token_hash.as_slice(),
            kind.as_str(),
            now,
        )
        .fetch_optional(&self.0.pool)
        .await?;
        Ok(row.map(Challenge::from))
    }

    /// Counts a try at one, and gives it while there were at most
    /// `max_attempts`.
    pub async fn attempt(
        &self,
        kind: ChallengeKind,
        token_hash: &[u8; 32],
        now: DateTime<Utc>,
        max_attempts: i32,
    ) -> Result<Option<Challenge>, StoreError> {
        let row = sqlx::query_as!(
            Row,
            "UPDATE sign_in_challenges SET attempts = attempts + 1
              WHERE token_hash = $1 AND kind = $2 AND expires_at > $3 AND attempts < $4
              RETURNING user_id, user_version, session_id, state",
            token_hash.as_slice(),
            kind.as_str(),
            now,
            max_attempts,
        )
        .fetch_optional(&self.0.pool)
        .await?;
        Ok(row.map(Challenge::from))
    }

    /// Replaces what was left. `NotFound` when the challenge is gone.
    pub async fn set_state(&self, token_hash: &[u8; 32], state: &Value) -> Result<(), StoreError> {
        let changed = sqlx::query!(
            "UPDATE sign_in_challenges SET state = $2 WHERE token_hash = $1",
            token_hash.as_slice(),
            state,
        )
        .execute(&self.0.pool)
        .await?;
        if changed.rows_affected() == 0 {
            return Err(StoreError::NotFound);
        }
        Ok(())
    }

    /// Removes those whose time is over, and tells how many.
    pub(crate) async fn remove_expired(&self, cut: DateTime<Utc>) -> Result<u64, StoreError> {
        let removed = sqlx::query!("DELETE FROM sign_in_challenges WHERE expires_at < $1", cut)
            .execute(&self.0.pool)
            .await?;
        Ok(removed.rows_affected())
    }
}
