//! Accounts (`users`).

use chrono::{DateTime, Utc};
use openmake_types::{Role, SessionId, UserId};

use crate::{PageRequest, Rows, Store, StoreError, audit::NewAudit};

/// An account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The account.
    pub id: UserId,
    /// None for a guest.
    pub email: Option<String>,
    /// What to call them.
    pub display_name: String,
    /// What they are.
    pub role: Role,
    /// Whether they may sign in.
    pub is_active: bool,
    /// Rises when role, password or activation change.
    pub version: i64,
    /// When they registered.
    pub created_at: DateTime<Utc>,
    /// When they last signed in.
    pub last_login: Option<DateTime<Utc>>,
}

/// An account with what proves it.
#[derive(Clone)]
pub struct Credentials {
    /// The account.
    pub user: User,
    /// A PHC string or bcrypt; none where no password can sign in.
    pub password_hash: Option<String>,
}

/// An account to make.
pub struct NewUser<'a> {
    /// Its id.
    pub id: UserId,
    /// Its e-mail, checked and trimmed.
    pub email: &'a str,
    /// What to call them.
    pub display_name: &'a str,
    /// A PHC string.
    pub password_hash: &'a str,
    /// Now.
    pub now: DateTime<Utc>,
}

/// How an account may come to be. The first one of an instance always may,
/// and becomes its administrator.
#[derive(Debug, Clone, Copy)]
pub enum Admission<'a> {
    /// Anyone may register.
    Open,
    /// With this role, whatever the instance's setting: the operator's command
    /// line, and addresses in `ADMIN_EMAILS`.
    Granted(Role),
    /// With an invitation, by the SHA-256 of its code; it is used up.
    Invitation(&'a [u8; 32]),
    /// Nobody may, except the first.
    Closed,
}

/// What an administrator changes.
#[derive(Debug, Clone, Copy, Default)]
pub struct UserChange {
    /// Another role.
    pub role: Option<Role>,
    /// Whether they may sign in.
    pub is_active: Option<bool>,
}

/// Accounts.
#[derive(Debug, Clone, Copy)]
pub struct Users<'a>(&'a Store);

impl Store {
    /// Accounts.
    pub const fn users(&self) -> Users<'_> {
        Users(self)
    }
}

impl Users<'_> {
    /// Whether there is no administrator yet.
    pub async fn needs_setup(&self) -> Result<bool, StoreError> {
        let _ = self.0;
        todo!()
    }

    /// Makes an account. Of several that come first at once, one becomes the
    /// administrator: the instance's row is locked. Conflicts: `EmailTaken`,
    /// `RegistrationClosed`, `InvitationInvalid`.
    pub async fn register(
        &self,
        user: &NewUser<'_>,
        admission: Admission<'_>,
        audit: &NewAudit,
    ) -> Result<User, StoreError> {
        let _ = (user, admission, audit);
        todo!()
    }

    /// Makes a guest: no e-mail, no password.
    pub async fn create_guest(
        &self,
        id: UserId,
        display_name: &str,
        now: DateTime<Utc>,
        audit: &NewAudit,
    ) -> Result<User, StoreError> {
        let _ = (id, display_name, now, audit);
        todo!()
    }

    /// Gives everything of a guest (conversations, usage) to `to`, and removes
    /// the guest. Does nothing when `guest` is not a guest.
    pub async fn claim_guest(
        &self,
        guest: UserId,
        to: UserId,
        audit: &NewAudit,
    ) -> Result<(), StoreError> {
        let _ = (guest, to, audit);
        todo!()
    }

    /// The account with this e-mail, without case.
    pub async fn lookup_credentials(&self, email: &str) -> Result<Option<Credentials>, StoreError> {
        let _ = email;
        todo!()
    }

    /// An account with its password hash.
    pub async fn get_credentials(&self, id: UserId) -> Result<Credentials, StoreError> {
        let _ = id;
        todo!()
    }

    /// An account.
    pub async fn get(&self, id: UserId) -> Result<User, StoreError> {
        let _ = id;
        todo!()
    }

    /// Accounts, oldest first; guests are left out.
    pub async fn list(&self, page: PageRequest) -> Result<Rows<User>, StoreError> {
        let _ = page;
        todo!()
    }

    /// Changes role or activation, and ends the account's sessions
    /// (`account_changed`). Conflict: `LastAdministrator`.
    pub async fn change(
        &self,
        id: UserId,
        change: UserChange,
        audit: &NewAudit,
    ) -> Result<User, StoreError> {
        let _ = (id, change, audit);
        todo!()
    }

    /// Sets a new password and ends every session but `keep`
    /// (`password_changed`).
    pub async fn set_password(
        &self,
        id: UserId,
        password_hash: &str,
        keep: Option<SessionId>,
        audit: &NewAudit,
    ) -> Result<(), StoreError> {
        let _ = (id, password_hash, keep, audit);
        todo!()
    }

    /// Replaces a hash by a stronger one of the same password, if it is still
    /// `old`. Sessions go on.
    pub async fn upgrade_hash(&self, id: UserId, old: &str, new: &str) -> Result<(), StoreError> {
        let _ = (id, old, new);
        todo!()
    }

    /// Changes what to call them.
    pub async fn set_display_name(
        &self,
        id: UserId,
        display_name: &str,
        now: DateTime<Utc>,
    ) -> Result<User, StoreError> {
        let _ = (id, display_name, now);
        todo!()
    }
}
