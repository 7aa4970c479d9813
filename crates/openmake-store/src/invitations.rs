//! Invitations to register.

use chrono::{DateTime, Utc};
use openmake_types::{InvitationId, Role, UserId};
use uuid::Uuid;

use crate::{
    PageRequest, Position, Rows, Store, StoreError,
    audit::{self, NewAudit},
    error::parsed,
    text::storable_option,
};

/// An invitation.
#[derive(Debug, Clone)]
pub struct Invitation {
    /// The invitation.
    pub id: InvitationId,
    /// Only this address may use it.
    pub email: Option<String>,
    /// The role that it gives.
    pub role: Role,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
    /// When it was used.
    pub used_at: Option<DateTime<Utc>>,
    /// When it was taken back.
    pub revoked_at: Option<DateTime<Utc>>,
}

/// An invitation to make.
#[derive(Debug, Clone)]
pub struct NewInvitation<'a> {
    /// Its id.
    pub id: InvitationId,
    /// The SHA-256 of its code.
    pub code_hash: [u8; 32],
    /// Only this address may use it.
    pub email: Option<&'a str>,
    /// The role that it gives; never `Guest`, which the schema refuses.
    pub role: Role,
    /// Who makes it.
    pub created_by: UserId,
    /// Now.
    pub now: DateTime<Utc>,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
}

/// Invitations.
#[derive(Debug, Clone, Copy)]
pub struct Invitations<'a>(&'a Store);

impl Store {
    /// Invitations.
    pub const fn invitations(&self) -> Invitations<'_> {
        Invitations(self)
    }
}

/// A row of `invitations`.
struct Row {
    id: Uuid,
    email: Option<String>,
    role: String,
    created_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    used_at: Option<DateTime<Utc>>,
    revoked_at: Option<DateTime<Utc>>,
}

impl TryFrom<Row> for Invitation {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: InvitationId::from_uuid(row.id),
            email: row.email,
            role: parsed("invitations.role", &row.role)?,
            created_at: row.created_at,
            expires_at: row.expires_at,
            used_at: row.used_at,
            revoked_at: row.revoked_at,
        })
    }
}

impl Invitations<'_> {
    /// Makes an invitation.
    pub async fn create(
        &self,
        invitation: &NewInvitation<'_>,
        audit: &NewAudit,
    ) -> Result<Invitation, StoreError> {
        let mut tx = self.0.pool.begin().await?;
        let row = sqlx::query_as!(
            Row,
            "INSERT INTO invitations (id, code_hash, email, role, created_by, created_at, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7)
             RETURNING id, email, role, created_at, expires_at, used_at, revoked_at",
            invitation.id.as_uuid(),
            invitation.code_hash.as_slice(),
            storable_option(invitation.email),
            invitation.role.as_str(),
            invitation.created_by.as_uuid(),
            invitation.now,
            invitation.expires_at,
        )
        .fetch_one(&mut *tx)
        .await?;
        audit::write(&mut tx, audit, None).await?;
        tx.commit().await?;
        row.try_into()
    }

    /// All invitations, newest first.
    pub async fn list(&self, page: PageRequest) -> Result<Rows<Invitation>, StoreError> {
        let (at, id) = page.after();
        let rows = sqlx::query_as!(
            Row,
            "SELECT id, email, role, created_at, expires_at, used_at, revoked_at
               FROM invitations
              WHERE $1::timestamptz IS NULL OR (created_at, id) < ($1, $2::uuid)
              ORDER BY created_at DESC, id DESC
              LIMIT $3",
            at,
            id,
            page.fetch(),
        )
        .fetch_all(&self.0.pool)
        .await?;
        let items = rows
            .into_iter()
            .map(Invitation::try_from)
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Rows::cut(items, page, |invitation: &Invitation| Position {
            at: invitation.created_at,
            id: invitation.id.as_uuid(),
        }))
    }

    /// Takes an invitation back. `NotFound` when it was used or taken back.
    pub async fn revoke(
        &self,
        id: InvitationId,
        now: DateTime<Utc>,
        audit: &NewAudit,
    ) -> Result<(), StoreError> {
        let mut tx = self.0.pool.begin().await?;
        let revoked = sqlx::query!(
            "UPDATE invitations SET revoked_at = $2
              WHERE id = $1 AND used_at IS NULL AND revoked_at IS NULL",
            id.as_uuid(),
            now,
        )
        .execute(&mut *tx)
        .await?;
        if revoked.rows_affected() == 0 {
            return Err(StoreError::NotFound);
        }
        audit::write(&mut tx, audit, None).await?;
        tx.commit().await?;
        Ok(())
    }
}
