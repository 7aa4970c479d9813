//! Invitations to register.

use chrono::{DateTime, Utc};
use openmake_types::{InvitationId, Role, UserId};

use crate::{PageRequest, Rows, Store, StoreError, audit::NewAudit};

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
    /// The role that it gives.
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

impl Invitations<'_> {
    /// Makes an invitation.
    pub async fn create(
        &self,
        invitation: &NewInvitation<'_>,
        audit: &NewAudit,
    ) -> Result<Invitation, StoreError> {
        let _ = (self.0, invitation, audit);
        todo!()
    }

    /// All invitations, newest first.
    pub async fn list(&self, page: PageRequest) -> Result<Rows<Invitation>, StoreError> {
        let _ = page;
        todo!()
    }

    /// Takes an invitation back. `NotFound` when it was used or taken back.
    pub async fn revoke(
        &self,
        id: InvitationId,
        now: DateTime<Utc>,
        audit: &NewAudit,
    ) -> Result<(), StoreError> {
        let _ = (id, now, audit);
        todo!()
    }
}
