//! Sign-ins and their refresh tokens (`sessions`).

use chrono::{DateTime, TimeDelta, Utc};
use openmake_types::{Role, SessionId, UserId};

use crate::{Store, StoreError, audit::NewAudit};

/// Why a session is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndReason {
    /// The person signed out.
    SignedOut,
    /// The person or an administrator ended it.
    Revoked,
    /// Its time was over.
    Expired,
    /// The password changed.
    PasswordChanged,
    /// The role changed or the account was deactivated.
    AccountChanged,
    /// An older refresh token came again: someone else has it.
    TokenReused,
}

impl EndReason {
    /// The name that the store and the wire use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SignedOut => "signed_out",
            Self::Revoked => "revoked",
            Self::Expired => "expired",
            Self::PasswordChanged => "password_changed",
            Self::AccountChanged => "account_changed",
            Self::TokenReused => "token_reused",
        }
    }
}

/// A sign-in.
#[derive(Debug, Clone)]
pub struct Session {
    /// The session.
    pub id: SessionId,
    /// Whose.
    pub user_id: UserId,
    /// When it signed in.
    pub created_at: DateTime<Utc>,
    /// When it last refreshed.
    pub last_seen_at: DateTime<Utc>,
    /// When it ends by itself.
    pub expires_at: DateTime<Utc>,
    /// The browser, as it names itself.
    pub user_agent: Option<String>,
    /// Where it last came from.
    pub ip_address: Option<String>,
}

/// A sign-in to make.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// Its id.
    pub id: SessionId,
    /// Whose.
    pub user_id: UserId,
    /// Random; the refresh tokens are derived from it and a key.
    pub nonce: [u8; 16],
    /// Now.
    pub now: DateTime<Utc>,
    /// When it ends by itself.
    pub expires_at: DateTime<Utc>,
    /// The browser; cut at 300 characters.
    pub user_agent: Option<String>,
    /// Where it comes from.
    pub ip_address: Option<String>,
}

/// A refresh token that was presented, after its signature was checked against
/// [`Sessions::nonce`].
#[derive(Debug, Clone)]
pub struct Presented {
    /// Its session.
    pub session_id: SessionId,
    /// Its generation.
    pub generation: i32,
    /// Now.
    pub now: DateTime<Utc>,
    /// For how long the token before is answered with the same successor.
    pub grace: TimeDelta,
    /// When the session then ends by itself.
    pub expires_at: DateTime<Utc>,
    /// Where it comes from.
    pub ip_address: Option<String>,
}

/// What a refresh came to.
#[derive(Debug, Clone)]
pub enum Rotation {
    /// The token of `generation` is the one that holds now: a new one, or the
    /// same successor once more.
    Refreshed {
        /// The generation to answer with.
        generation: i32,
        /// Whose session it is, as it is now.
        authority: Authority,
    },
    /// An older token: the session was ended.
    Reused {
        /// Whose it was.
        user_id: UserId,
    },
    /// The session is over, unknown or its account inactive.
    Ended,
}

/// What an access token is checked against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authority {
    /// The session.
    pub session_id: SessionId,
    /// Whose.
    pub user_id: UserId,
    /// The role now.
    pub role: Role,
    /// When the session ends by itself.
    pub expires_at: DateTime<Utc>,
}

/// Why a token no longer holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It holds.
    Good(Authority),
    /// The session is over.
    Ended(EndReason),
    /// There is no such session.
    Unknown,
}

/// Something whose authority changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthorityChange {
    /// A session ended.
    Session(SessionId),
    /// An account's role, password or activation changed.
    User(UserId),
}

/// Sign-ins.
#[derive(Debug, Clone, Copy)]
pub struct Sessions<'a>(&'a Store);

impl Store {
    /// Sign-ins.
    pub const fn sessions(&self) -> Sessions<'_> {
        Sessions(self)
    }
}

impl Sessions<'_> {
    /// Makes a session and sets the account's last sign-in.
    pub async fn create(&self, session: &NewSession, audit: &NewAudit) -> Result<(), StoreError> {
        let _ = (self.0, session, audit);
        todo!()
    }

    /// The nonce that a session's tokens are derived from, whatever its state.
    pub async fn nonce(&self, id: SessionId) -> Result<Option<[u8; 16]>, StoreError> {
        let _ = id;
        todo!()
    }

    /// Spends a refresh token. `reuse_audit` is written only when an older
    /// token came again.
    pub async fn rotate(
        &self,
        presented: &Presented,
        reuse_audit: &NewAudit,
    ) -> Result<Rotation, StoreError> {
        let _ = (presented, reuse_audit);
        todo!()
    }

    /// Whether a session still holds, and with which role.
    pub async fn standing(
        &self,
        id: SessionId,
        now: DateTime<Utc>,
    ) -> Result<Standing, StoreError> {
        let _ = (id, now);
        todo!()
    }

    /// An account's sessions that hold, newest first.
    pub async fn list(
        &self,
        owner: UserId,
        now: DateTime<Utc>,
    ) -> Result<Vec<Session>, StoreError> {
        let _ = (owner, now);
        todo!()
    }

    /// Ends one of an account's sessions.
    pub async fn end(
        &self,
        owner: UserId,
        id: SessionId,
        reason: EndReason,
        audit: &NewAudit,
    ) -> Result<(), StoreError> {
        let _ = (owner, id, reason, audit);
        todo!()
    }

    /// Ends an account's sessions except `keep`, and says which.
    pub async fn end_others(
        &self,
        owner: UserId,
        keep: Option<SessionId>,
        reason: EndReason,
        audit: &NewAudit,
    ) -> Result<Vec<SessionId>, StoreError> {
        let _ = (owner, keep, reason, audit);
        todo!()
    }

    /// What changed since `since` by the database's clock, and that clock now.
    /// Callers overlap their windows by a few seconds, because transactions
    /// commit out of order.
    pub async fn changes_since(
        &self,
        since: Option<DateTime<Utc>>,
    ) -> Result<(Vec<AuthorityChange>, DateTime<Utc>), StoreError> {
        let _ = since;
        todo!()
    }
}
