//! Sign-ins and their refresh tokens (`sessions`).

use std::str::FromStr;

use chrono::{DateTime, TimeDelta, Utc};
use openmake_types::{ApiKeyId, ModelAccess, Role, SessionId, UnknownName, UserId};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    Store, StoreError,
    audit::{self, NewAudit},
    error::parsed,
    model_access,
    text::{storable_agent, storable_option},
};

mod rotation;

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

impl FromStr for EndReason {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [
            Self::SignedOut,
            Self::Revoked,
            Self::Expired,
            Self::PasswordChanged,
            Self::AccountChanged,
            Self::TokenReused,
        ]
        .into_iter()
        .find(|reason| reason.as_str() == text)
        .ok_or_else(|| UnknownName {
            kind: "reason",
            name: text.to_owned(),
        })
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
    /// The account's version when its password was checked: one that was
    /// changed since does not sign in.
    pub user_version: i64,
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
    /// What its groups allow now.
    pub models: ModelAccess,
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
    /// An account's role, password, activation or groups changed, or what its
    /// groups allow.
    User(UserId),
    /// A key was made, changed, rotated or taken back.
    ApiKey(ApiKeyId),
    /// The models that a role allows changed.
    Role(Role),
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
    /// Makes a session and sets the account's last sign-in. `NotFound` when the
    /// account is gone, inactive, or changed since it was checked.
    pub async fn create(&self, session: &NewSession, audit: &NewAudit) -> Result<(), StoreError> {
        let mut tx = self.0.pool.begin().await?;
        // The row's lock makes this wait for a change of the account, and a
        // change wait for this, so that it ends this session too.
        let admitted = sqlx::query!(
            "UPDATE users SET last_login = $3 WHERE id = $1 AND is_active AND version = $2",
            session.user_id.as_uuid(),
            session.user_version,
            session.now,
        )
        .execute(&mut *tx)
        .await?;
        if admitted.rows_affected() == 0 {
            return Err(StoreError::NotFound);
        }
        sqlx::query!(
            "INSERT INTO sessions (id, user_id, nonce, rotated_at, created_at, last_seen_at,
                                   reauthenticated_at, expires_at, user_agent, ip_address)
             VALUES ($1, $2, $3, $4, $4, $4, $4, $5, $6, $7)",
            session.id.as_uuid(),
            session.user_id.as_uuid(),
            session.nonce.as_slice(),
            session.now,
            session.expires_at,
            storable_agent(session.user_agent.as_deref()),
            storable_option(session.ip_address.as_deref()),
        )
        .execute(&mut *tx)
        .await?;
        audit::write(&mut tx, audit, Some(session.user_id)).await?;
        tx.commit().await?;
        Ok(())
    }

    /// The nonce that a session's tokens are derived from, whatever its state.
    pub async fn nonce(&self, id: SessionId) -> Result<Option<[u8; 16]>, StoreError> {
        let nonce = sqlx::query_scalar!("SELECT nonce FROM sessions WHERE id = $1", id.as_uuid())
            .fetch_optional(&self.0.pool)
            .await?;
        nonce
            .map(|nonce| {
                <[u8; 16]>::try_from(nonce.as_slice())
                    .map_err(|_| StoreError::corrupt("sessions.nonce: its length", nonce.len()))
            })
            .transpose()
    }

    /// Spends a refresh token. `reuse_audit` is written only when an older
    /// token came again.
    pub async fn rotate(
        &self,
        presented: &Presented,
        reuse_audit: &NewAudit,
    ) -> Result<Rotation, StoreError> {
        let mut tx = self.0.pool.begin().await?;
        let rotation = rotation::rotate(&mut tx, presented).await?;
        if let Rotation::Reused { user_id } = rotation {
            audit::write(&mut tx, reuse_audit, Some(user_id)).await?;
        }
        tx.commit().await?;
        Ok(rotation)
    }

    /// Whether a session still holds, and with which role.
    pub async fn standing(
        &self,
        id: SessionId,
        now: DateTime<Utc>,
    ) -> Result<Standing, StoreError> {
        let row = sqlx::query!(
            "SELECT s.user_id, s.expires_at, s.ended_reason, u.role, u.is_active,
                    user_allowed_models(u.id) AS models
               FROM sessions s JOIN users u ON u.id = s.user_id
              WHERE s.id = $1",
            id.as_uuid(),
        )
        .fetch_optional(&self.0.pool)
        .await?;
        let Some(row) = row else {
            return Ok(Standing::Unknown);
        };
        if let Some(reason) = row.ended_reason {
            return Ok(Standing::Ended(parsed("sessions.ended_reason", &reason)?));
        }
        if row.expires_at <= now {
            return Ok(Standing::Ended(EndReason::Expired));
        }
        if !row.is_active {
            return Ok(Standing::Ended(EndReason::AccountChanged));
        }
        Ok(Standing::Good(Authority {
            session_id: id,
            user_id: UserId::from_uuid(row.user_id),
            role: parsed("users.role", &row.role)?,
            models: model_access::read(row.models),
            expires_at: row.expires_at,
        }))
    }

    /// When the person behind a session last proved who they are, by signing
    /// in or after it. `NotFound` when the session is over.
    pub async fn reauthenticated_at(
        &self,
        owner: UserId,
        id: SessionId,
    ) -> Result<Option<DateTime<Utc>>, StoreError> {
        Ok(sqlx::query_scalar!(
            "SELECT reauthenticated_at FROM sessions
              WHERE id = $1 AND user_id = $2 AND ended_at IS NULL",
            id.as_uuid(),
            owner.as_uuid(),
        )
        .fetch_one(&self.0.pool)
        .await?)
    }

    /// Notes that the person behind a session proved who they are.
    pub async fn reauthenticate(
        &self,
        owner: UserId,
        id: SessionId,
        now: DateTime<Utc>,
        audit: &NewAudit,
    ) -> Result<(), StoreError> {
        let mut tx = self.0.pool.begin().await?;
        let noted = sqlx::query!(
            "UPDATE sessions SET reauthenticated_at = $3
              WHERE id = $1 AND user_id = $2 AND ended_at IS NULL",
            id.as_uuid(),
            owner.as_uuid(),
            now,
        )
        .execute(&mut *tx)
        .await?;
        if noted.rows_affected() == 0 {
            return Err(StoreError::NotFound);
        }
        audit::write(&mut tx, audit, None).await?;
        tx.commit().await?;
        Ok(())
    }

    /// An account's sessions that hold, newest first; of very many the newest
    /// five hundred.
    pub async fn list(
        &self,
        owner: UserId,
        now: DateTime<Utc>,
    ) -> Result<Vec<Session>, StoreError> {
        let rows = sqlx::query!(
            "SELECT id, user_id, created_at, last_seen_at, expires_at, user_agent, ip_address
               FROM sessions
              WHERE user_id = $1 AND ended_at IS NULL AND expires_at > $2
              ORDER BY created_at DESC, id DESC
              LIMIT 500",
            owner.as_uuid(),
            now,
        )
        .fetch_all(&self.0.pool)
        .await?;
        Ok(rows
            .into_iter()
            .map(|row| Session {
                id: SessionId::from_uuid(row.id),
                user_id: UserId::from_uuid(row.user_id),
                created_at: row.created_at,
                last_seen_at: row.last_seen_at,
                expires_at: row.expires_at,
                user_agent: row.user_agent,
                ip_address: row.ip_address,
            })
            .collect())
    }

    /// Ends one of an account's sessions. `NotFound` when it is over already.
    pub async fn end(
        &self,
        owner: UserId,
        id: SessionId,
        reason: EndReason,
        audit: &NewAudit,
    ) -> Result<(), StoreError> {
        let mut tx = self.0.pool.begin().await?;
        let ended = sqlx::query!(
            "UPDATE sessions SET ended_at = clock_timestamp(), ended_reason = $3
              WHERE id = $1 AND user_id = $2 AND ended_at IS NULL",
            id.as_uuid(),
            owner.as_uuid(),
            reason.as_str(),
        )
        .execute(&mut *tx)
        .await?;
        if ended.rows_affected() == 0 {
            return Err(StoreError::NotFound);
        }
        audit::write(&mut tx, audit, None).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Ends an account's sessions except `keep`, and says which.
    pub async fn end_others(
        &self,
        owner: UserId,
        keep: Option<SessionId>,
        reason: EndReason,
        audit: &NewAudit,
    ) -> Result<Vec<SessionId>, StoreError> {
        let mut tx = self.0.pool.begin().await?;
        let ended = end_all(&mut tx, owner, keep, reason).await?;
        audit::write(&mut tx, audit, None).await?;
        tx.commit().await?;
        Ok(ended)
    }

    /// What changed since `since` by the database's clock, and that clock now.
    /// Callers overlap their windows by a few seconds, because transactions
    /// commit out of order.
    pub async fn changes_since(
        &self,
        since: Option<DateTime<Utc>>,
    ) -> Result<(Vec<AuthorityChange>, DateTime<Utc>), StoreError> {
        // now() is from before the statement reads, so nothing can be committed
        // between the two and be missed.
        let row = sqlx::query!(
            r#"SELECT now() AS "now!",
                      ARRAY(SELECT id FROM sessions WHERE ended_at > $1) AS "sessions!: Vec<Uuid>",
                      ARRAY(SELECT id FROM users WHERE authority_changed_at > $1)
                          AS "users!: Vec<Uuid>",
                      ARRAY(SELECT id FROM api_keys WHERE authority_changed_at > $1)
                          AS "keys!: Vec<Uuid>",
                      ARRAY(SELECT role FROM role_models WHERE changed_at > $1)
                          AS "roles!: Vec<String>""#,
            since,
        )
        .fetch_one(&self.0.pool)
        .await?;
        let sessions = row
            .sessions
            .into_iter()
            .map(|id| AuthorityChange::Session(SessionId::from_uuid(id)));
        let users = row
            .users
            .into_iter()
            .map(|id| AuthorityChange::User(UserId::from_uuid(id)));
        let keys = row
            .keys
            .into_iter()
            .map(|id| AuthorityChange::ApiKey(ApiKeyId::from_uuid(id)));
        let mut changes: Vec<AuthorityChange> = sessions.chain(users).chain(keys).collect();
        for role in row.roles {
            changes.push(AuthorityChange::Role(parsed("role_models.role", &role)?));
        }
        Ok((changes, row.now))
    }
}

/// Ends an account's sessions except `keep`, in the transaction of what ends
/// them.
pub(crate) async fn end_all(
    connection: &mut PgConnection,
    owner: UserId,
    keep: Option<SessionId>,
    reason: EndReason,
) -> Result<Vec<SessionId>, StoreError> {
    let ended = sqlx::query_scalar!(
        "UPDATE sessions SET ended_at = clock_timestamp(), ended_reason = $3
          WHERE user_id = $1 AND ended_at IS NULL AND id IS DISTINCT FROM $2
          RETURNING id",
        owner.as_uuid(),
        keep.map(SessionId::as_uuid),
        reason.as_str(),
    )
    .fetch_all(connection)
    .await?;
    Ok(ended.into_iter().map(SessionId::from_uuid).collect())
}
