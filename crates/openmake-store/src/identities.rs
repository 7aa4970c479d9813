//! Accounts elsewhere that sign in here (`identities`).

use chrono::{DateTime, Utc};
use openmake_types::UserId;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    Conflict, Store, StoreError,
    audit::{self, NewAudit},
    text::{storable, storable_option},
};

/// An account elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The link.
    pub id: Uuid,
    /// Whose, here.
    pub user_id: UserId,
    /// The provider's id in the settings when it was linked.
    pub provider: String,
    /// Who vouches for it.
    pub issuer: String,
    /// Its e-mail or name there.
    pub label: Option<String>,
    /// When it was linked.
    pub created_at: DateTime<Utc>,
    /// When it last signed in.
    pub last_used_at: Option<DateTime<Utc>>,
}

/// An account elsewhere to link.
#[derive(Debug, Clone)]
pub struct NewIdentity<'a> {
    /// Its id.
    pub id: Uuid,
    /// The provider's id in the settings.
    pub provider: &'a str,
    /// Who vouches for it.
    pub issuer: &'a str,
    /// What the issuer calls it, which never changes.
    pub subject: &'a str,
    /// Its e-mail or name there.
    pub label: Option<&'a str>,
    /// Now.
    pub now: DateTime<Utc>,
}

/// Accounts elsewhere.
#[derive(Debug, Clone, Copy)]
pub struct Identities<'a>(&'a Store);

impl Store {
    /// Accounts elsewhere.
    pub const fn identities(&self) -> Identities<'_> {
        Identities(self)
    }
}

/// A row of `identities`.
struct Row {
    id: Uuid,
    user_id: Uuid,
    provider: String,
    issuer: String,
    label: Option<String>,
    created_at: DateTime<Utc>,
    last_used_at: Option<DateTime<Utc>>,
}

impl From<Row> for Identity {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            user_id: UserId::from_uuid(row.user_id),
            provider: row.provider,
            issuer: row.issuer,
            label: row.label,
            created_at: row.created_at,
            last_used_at: row.last_used_at,
        }
    }
}

impl Identities<'_> {
    /// An account's, oldest first; of very many the oldest hundred.
    pub async fn list(&self, owner: UserId) -> Result<Vec<Identity>, StoreError> {
        let rows = sqlx::query_as!(
            Row,
            "SELECT id, user_id, provider, issuer, label, created_at, last_used_at
               FROM identities WHERE user_id = $1 ORDER BY created_at, id LIMIT 100",
            owner.as_uuid(),
        )
        .fetch_all(&self.0.pool)
        .await?;
        Ok(rows.into_iter().map(Identity::from).collect())
    }

    /// Whose account `subject` of `issuer` is, noted as used now.
    pub async fn sign_in(
        &self,
        issuer: &str,
        subject: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<UserId>, StoreError> {
        let user = sqlx::query_scalar!(
            "UPDATE identities SET last_used_at = $3 WHERE issuer = $1 AND subject = $2
             RETURNING user_id",
            &*storable(issuer),
            &*storable(subject),
            now,
        )
        .fetch_optional(&self.0.pool)
        .await?;
        Ok(user.map(UserId::from_uuid))
    }

    /// Links one. Conflict: `IdentityTaken`, when an account here has it.
    pub async fn link(
        &self,
        owner: UserId,
        identity: &NewIdentity<'_>,
        audit: &NewAudit,
    ) -> Result<(), StoreError> {
        let mut tx = self.0.pool.begin().await?;
        insert(&mut tx, owner, identity).await?;
        audit::write(&mut tx, audit, None).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Unlinks one. `issuers` are those that can sign in now. Conflict:
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
            "DELETE FROM identities WHERE id = $1 AND user_id = $2",
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

/// Links an account elsewhere in the transaction of `connection`.
pub(crate) async fn insert(
    connection: &mut PgConnection,
    owner: UserId,
    identity: &NewIdentity<'_>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO identities (id, user_id, provider, issuer, subject, label, created_at,
                                 last_used_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $7)",
        identity.id,
        owner.as_uuid(),
        &*storable(identity.provider),
        &*storable(identity.issuer),
        &*storable(identity.subject),
        storable_option(identity.label),
        identity.now,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Refuses, after something was removed, to leave an account that nobody can
/// sign in to. The account's row is held, so that two removals at once do not
/// each leave the other's way.
pub(crate) async fn keep_a_way_in(
    connection: &mut PgConnection,
    owner: UserId,
    issuers: &[String],
) -> Result<(), StoreError> {
    let has_password = sqlx::query_scalar!(
        r#"SELECT password_hash IS NOT NULL AS "has!" FROM users WHERE id = $1 FOR UPDATE"#,
        owner.as_uuid(),
    )
    .fetch_one(&mut *connection)
    .await?;
    // In a statement of its own, which sees what was waited for.
    let has_other = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM passkeys WHERE user_id = $1)
               OR EXISTS (SELECT FROM identities WHERE user_id = $1 AND issuer = ANY ($2))
               AS "has!""#,
        owner.as_uuid(),
        issuers,
    )
    .fetch_one(connection)
    .await?;
    if has_password || has_other {
        Ok(())
    } else {
        Err(Conflict::LastSignInMethod.into())
    }
}
