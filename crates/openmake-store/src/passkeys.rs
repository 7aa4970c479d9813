//! Passkeys.

use chrono::{DateTime, Utc};
use openmake_types::UserId;
use serde_json::Value;
use uuid::Uuid;

use crate::{
    Conflict, Store, StoreError,
    audit::{self, NewAudit},
    identities::keep_a_way_in,
    text::storable,
};

/// More than anyone has devices.
const MAX_PER_ACCOUNT: i64 = 20;

/// A passkey.
#[derive(Debug, Clone)]
pub struct Passkey {
    /// The passkey.
    pub id: Uuid,
    /// Whose.
    pub user_id: UserId,
    /// What its owner calls it.
    pub name: String,
    /// The public key with its counter, as the WebAuthn library writes it.
    pub credential: Value,
    /// When it was added.
    pub created_at: DateTime<Utc>,
    /// When it last signed in.
    pub last_used_at: Option<DateTime<Utc>>,
}

/// A passkey to add.
#[derive(Debug, Clone)]
pub struct NewPasskey<'a> {
    /// Its id.
    pub id: Uuid,
    /// Whose.
    pub user_id: UserId,
    /// What the authenticator calls it.
    pub credential_id: &'a [u8],
    /// What its owner calls it.
    pub name: &'a str,
    /// The public key.
    pub credential: Value,
    /// Now.
    pub now: DateTime<Utc>,
}

/// Passkeys.
#[derive(Debug, Clone, Copy)]
pub struct Passkeys<'a>(&'a Store);

impl Store {
    /// Passkeys.
    pub const fn passkeys(&self) -> Passkeys<'_> {
        Passkeys(self)
    }
}

/// A row of `passkeys`.
struct Row {
    id: Uuid,
    user_id: Uuid,
    name: String,
    credential: Value,
    created_at: DateTime<Utc>,
    last_used_at: Option<DateTime<Utc>>,
}

impl From<Row> for Passkey {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            user_id: UserId::from_uuid(row.user_id),
            name: row.name,
            credential: row.credential,
            created_at: row.created_at,
            last_used_at: row.last_used_at,
        }
    }
}

impl Passkeys<'_> {
    /// An account's passkeys, oldest first: there are few.
    pub async fn list(&self, owner: UserId) -> Result<Vec<Passkey>, StoreError> {
        let rows = sqlx::query_as!(
            Row,
            "SELECT id, user_id, name, credential, created_at, last_used_at
               FROM passkeys WHERE user_id = $1 ORDER BY created_at, id",
            owner.as_uuid(),
        )
        .fetch_all(&self.0.pool)
        .await?;
        Ok(rows.into_iter().map(Passkey::from).collect())
    }

    /// The passkey that an authenticator calls so: who it signs in is not
    /// known before.
    pub async fn lookup_by_credential(
        &self,
        credential_id: &[u8],
    ) -> Result<Option<Passkey>, StoreError> {
        let row = sqlx::query_as!(
            Row,
            "SELECT id, user_id, name, credential, created_at, last_used_at
               FROM passkeys WHERE credential_id = $1",
            credential_id,
        )
        .fetch_optional(&self.0.pool)
        .await?;
        Ok(row.map(Passkey::from))
    }

    /// Adds one. Conflicts: `PasskeyKnown`, `PasskeyLimit`.
    pub async fn add(
        &self,
        passkey: &NewPasskey<'_>,
        audit: &NewAudit,
    ) -> Result<Passkey, StoreError> {
        let mut tx = self.0.pool.begin().await?;
        // Held, so that many at once do not pass the limit.
        let held = sqlx::query_scalar!(
            "SELECT (SELECT count(*) FROM passkeys p WHERE p.user_id = u.id)
               FROM users u WHERE u.id = $1 FOR UPDATE",
            passkey.user_id.as_uuid(),
        )
        .fetch_one(&mut *tx)
        .await?;
        if held.unwrap_or(0) >= MAX_PER_ACCOUNT {
            return Err(Conflict::PasskeyLimit.into());
        }
        let row = sqlx::query_as!(
            Row,
            "INSERT INTO passkeys (id, user_id, credential_id, name, credential, created_at)
             VALUES ($1, $2, $3, $4, $5, $6)
             RETURNING id, user_id, name, credential, created_at, last_used_at",
            passkey.id,
            passkey.user_id.as_uuid(),
            passkey.credential_id,
            &*storable(passkey.name),
            passkey.credential,
            passkey.now,
        )
        .fetch_one(&mut *tx)
        .await?;
        audit::write(&mut tx, audit, None).await?;
        tx.commit().await?;
        Ok(row.into())
    }

    /// Notes a use: the credential with its new counter.
    pub async fn used(
        &self,
        owner: UserId,
        id: Uuid,
        credential: &Value,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "UPDATE passkeys SET credential = $3, last_used_at = $4
              WHERE id = $1 AND user_id = $2",
            id,
            owner.as_uuid(),
            credential,
            now,
        )
        .execute(&self.0.pool)
        .await?;
        Ok(())
    }

    /// Calls one something else.
    pub async fn rename(
        &self,
        owner: UserId,
        id: Uuid,
        name: &str,
        audit: &NewAudit,
    ) -> Result<Passkey, StoreError> {
        let mut tx = self.0.pool.begin().await?;
        let row = sqlx::query_as!(
            Row,
            "UPDATE passkeys SET name = $3 WHERE id = $1 AND user_id = $2
             RETURNING id, user_id, name, credential, created_at, last_used_at",
            id,
            owner.as_uuid(),
            &*storable(name),
        )
        .fetch_one(&mut *tx)
        .await?;
        audit::write(&mut tx, audit, None).await?;
        tx.commit().await?;
        Ok(row.into())
    }

    /// Removes one. `issuers` are those that can sign in now. Conflict:
    /// `LastSignInMethod`.
    pub async fn remove(
        &self,
        owner: UserId,
        id: Uuid,
        issuers: &[String],
        audit: &NewAudit,
    ) -> Result<(), StoreError> {
        let mut tx = self.0.pool.begin().await?;
        let removed = sqlx::query!(
            "DELETE FROM passkeys WHERE id = $1 AND user_id = $2",
            id,
            owner.as_uuid(),
        )
        .execute(&mut *tx)
        .await?;
        if removed.rows_affected() == 0 {
            return Err(StoreError::NotFound);
        }
        keep_a_way_in(&mut tx, owner, issuers).await?;
        audit::write(&mut tx, audit, None).await?;
        tx.commit().await?;
        Ok(())
    }
}
