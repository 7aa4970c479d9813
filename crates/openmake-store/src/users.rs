//! Accounts (`users`).

use chrono::{DateTime, Utc};
use openmake_types::{Role, SessionId, UserId};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    Conflict, PageRequest, Position, Rows, Store, StoreError,
    audit::{self, NewAudit},
    error::parsed,
    identities::{self, NewIdentity},
    sessions::{self, EndReason},
    text::storable,
};

mod claim;
mod defaults;
mod deletion;
mod registration;

pub use self::{
    defaults::{Defaults, DefaultsChange},
    deletion::DeletedUser,
};

/// Words of a search that are looked for.
const MAX_WORDS: usize = 8;

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

/// An account to make for who signed in elsewhere: without a password.
pub struct NewLinkedUser<'a> {
    /// Its id.
    pub id: UserId,
    /// Its e-mail, checked and trimmed.
    pub email: &'a str,
    /// Whether the issuer says that the e-mail is theirs.
    pub email_proof: EmailProof,
    /// What to call them.
    pub display_name: &'a str,
    /// Their account elsewhere.
    pub identity: NewIdentity<'a>,
    /// Now.
    pub now: DateTime<Utc>,
}

/// Whether an account's e-mail was shown to be its owner's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmailProof {
    /// It was.
    Proven,
    /// They said so.
    Claimed,
}

/// How an account may come to be. The first one of an instance always may,
/// and becomes its administrator.
#[derive(Debug, Clone, Copy)]
pub enum Admission<'a> {
    /// Anyone may register.
    Open,
    /// With this role, whatever the instance's setting: the operator's command
    /// line, and addresses in `ADMIN_EMAILS`. Never `Guest`: the schema refuses
    /// a guest with an e-mail.
    Granted(Role),
    /// With an invitation, by the SHA-256 of its code; it is used up.
    Invitation(&'a [u8; 32]),
    /// Nobody may, except the first.
    Closed,
}

/// What an administrator changes.
#[derive(Debug, Clone, Copy, Default)]
pub struct UserChange {
    /// Another role; never `Guest`, which the schema refuses.
    pub role: Option<Role>,
    /// Whether they may sign in.
    pub is_active: Option<bool>,
}

/// Which accounts to list; what is empty or None asks for nothing.
#[derive(Debug, Clone, Default)]
pub struct UserFilter {
    /// Each of these has to be in the name or the e-mail, without case; at
    /// most 8.
    pub words: Vec<String>,
    /// Only these.
    pub role: Option<Role>,
    /// Only those that may sign in, or may not.
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

/// A row of `users`.
struct Row {
    id: Uuid,
    email: Option<String>,
    display_name: String,
    role: String,
    is_active: bool,
    version: i64,
    created_at: DateTime<Utc>,
    last_login: Option<DateTime<Utc>>,
}

impl TryFrom<Row> for User {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: UserId::from_uuid(row.id),
            email: row.email,
            display_name: row.display_name,
            role: parsed("users.role", &row.role)?,
            is_active: row.is_active,
            version: row.version,
            created_at: row.created_at,
            last_login: row.last_login,
        })
    }
}

impl Users<'_> {
    /// Whether there is no administrator yet.
    pub async fn needs_setup(&self) -> Result<bool, StoreError> {
        let mut connection = self.0.pool.acquire().await?;
        Ok(!has_administrator(&mut connection).await?)
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
        let mut tx = self.0.pool.begin().await?;
        let account = registration::Account {
            id: user.id,
            email: user.email,
            email_proof: EmailProof::Claimed,
            display_name: user.display_name,
            password_hash: Some(user.password_hash),
            now: user.now,
        };
        let row = registration::register(&mut tx, &account, admission).await?;
        audit::write(&mut tx, audit, Some(user.id)).await?;
        tx.commit().await?;
        row.try_into()
    }

    /// Makes an account for who signed in elsewhere, otherwise as
    /// [`Self::register`]. Conflict besides: `IdentityTaken`.
    pub async fn register_linked(
        &self,
        user: &NewLinkedUser<'_>,
        admission: Admission<'_>,
        audit: &NewAudit,
    ) -> Result<User, StoreError> {
        let mut tx = self.0.pool.begin().await?;
        let account = registration::Account {
            id: user.id,
            email: user.email,
            email_proof: user.email_proof,
            display_name: user.display_name,
            password_hash: None,
            now: user.now,
        };
        let row = registration::register(&mut tx, &account, admission).await?;
        identities::insert(&mut tx, user.id, &user.identity).await?;
        audit::write(&mut tx, audit, Some(user.id)).await?;
        tx.commit().await?;
        row.try_into()
    }

    /// The account with this e-mail, without case, and whether the e-mail was
    /// shown to be its owner's.
    pub async fn lookup_by_email(
        &self,
        email: &str,
    ) -> Result<Option<(User, EmailProof)>, StoreError> {
        let row = sqlx::query!(
            r#"SELECT id, email_verified_at IS NOT NULL AS "proven!"
                 FROM users WHERE lower(email) = lower($1)"#,
            &*storable(email),
        )
        .fetch_optional(&self.0.pool)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let proof = if row.proven {
            EmailProof::Proven
        } else {
            EmailProof::Claimed
        };
        match self.get(UserId::from_uuid(row.id)).await {
            Err(StoreError::NotFound) => Ok(None),
            user => user.map(|user| Some((user, proof))),
        }
    }

    /// Makes a guest: no e-mail, no password.
    pub async fn create_guest(
        &self,
        id: UserId,
        display_name: &str,
        now: DateTime<Utc>,
        audit: &NewAudit,
    ) -> Result<User, StoreError> {
        let mut tx = self.0.pool.begin().await?;
        let row = sqlx::query_as!(
            Row,
            "INSERT INTO users (id, display_name, role, created_at, updated_at)
             VALUES ($1, $2, 'guest', $3, $3)
             RETURNING id, email, display_name, role, is_active, version, created_at, last_login",
            id.as_uuid(),
            &*storable(display_name),
            now,
        )
        .fetch_one(&mut *tx)
        .await?;
        audit::write(&mut tx, audit, Some(id)).await?;
        tx.commit().await?;
        row.try_into()
    }

    /// Gives everything of a guest (conversations, usage) to `to`, and removes
    /// the guest. Does nothing when `guest` is not a guest; `NotFound` when `to`
    /// is nobody, or a guest too.
    pub async fn claim_guest(
        &self,
        guest: UserId,
        to: UserId,
        audit: &NewAudit,
    ) -> Result<(), StoreError> {
        let mut tx = self.0.pool.begin().await?;
        if claim::claim(&mut tx, guest, to).await? {
            audit::write(&mut tx, audit, Some(to)).await?;
            tx.commit().await?;
        }
        Ok(())
    }

    /// The account with this e-mail, without case.
    pub async fn lookup_credentials(&self, email: &str) -> Result<Option<Credentials>, StoreError> {
        let id = sqlx::query_scalar!(
            "SELECT id FROM users WHERE lower(email) = lower($1)",
            &*storable(email),
        )
        .fetch_optional(&self.0.pool)
        .await?;
        match id {
            None => Ok(None),
            Some(id) => match self.get_credentials(UserId::from_uuid(id)).await {
                Err(StoreError::NotFound) => Ok(None),
                found => found.map(Some),
            },
        }
    }

    /// An account with its password hash.
    pub async fn get_credentials(&self, id: UserId) -> Result<Credentials, StoreError> {
        let row = sqlx::query!(
            "SELECT id, email, display_name, role, is_active, version, created_at, last_login,
                    password_hash
               FROM users WHERE id = $1",
            id.as_uuid(),
        )
        .fetch_one(&self.0.pool)
        .await?;
        let user = Row {
            id: row.id,
            email: row.email,
            display_name: row.display_name,
            role: row.role,
            is_active: row.is_active,
            version: row.version,
            created_at: row.created_at,
            last_login: row.last_login,
        };
        Ok(Credentials {
            user: user.try_into()?,
            password_hash: row.password_hash,
        })
    }

    /// An account.
    pub async fn get(&self, id: UserId) -> Result<User, StoreError> {
        let mut connection = self.0.pool.acquire().await?;
        read(&mut connection, id).await
    }

    /// Accounts that fit, oldest first; guests are left out.
    ///
    /// Words are looked for anywhere in the name and the e-mail, which no index
    /// helps with: one page at most passes over all accounts once.
    pub async fn list(
        &self,
        filter: &UserFilter,
        page: PageRequest,
    ) -> Result<Rows<User>, StoreError> {
        let (at, id) = page.after();
        let words = filter.words.iter().take(MAX_WORDS);
        let words: Vec<String> = words.map(|word| storable(word).into_owned()).collect();
        let rows = sqlx::query_as!(
            Row,
            "SELECT id, email, display_name, role, is_active, version, created_at, last_login
               FROM users
              WHERE role <> 'guest' AND deleted_at IS NULL
                AND ($1::timestamptz IS NULL OR (created_at, id) > ($1, $2::uuid))
                AND ($4::text IS NULL OR role = $4)
                AND ($5::boolean IS NULL OR is_active = $5)
                AND NOT EXISTS (
                    SELECT FROM unnest($6::text[]) AS word
                     WHERE strpos(lower(display_name || ' ' || coalesce(email, '')),
                                  lower(word)) = 0)
              ORDER BY created_at, id
              LIMIT $3",
            at,
            id,
            page.fetch(),
            filter.role.map(Role::as_str),
            filter.is_active,
            &words,
        )
        .fetch_all(&self.0.pool)
        .await?;
        let items = rows
            .into_iter()
            .map(User::try_from)
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Rows::cut(items, page, |user: &User| Position {
            at: user.created_at,
            id: user.id.as_uuid(),
        }))
    }

    /// Changes role or activation, and ends the account's sessions
    /// (`account_changed`). What is so already changes and ends nothing.
    /// Conflict: `LastAdministrator`.
    pub async fn change(
        &self,
        id: UserId,
        change: UserChange,
        audit: &NewAudit,
    ) -> Result<User, StoreError> {
        let mut tx = self.0.pool.begin().await?;
        // Two administrators that demote each other take their turns here;
        // each alone would see the other still there.
        lock_instance(&mut tx).await?;
        let before = sqlx::query_as!(
            Row,
            "SELECT id, email, display_name, role, is_active, version, created_at, last_login
               FROM users WHERE id = $1 FOR UPDATE",
            id.as_uuid(),
        )
        .fetch_one(&mut *tx)
        .await?;
        let before = User::try_from(before)?;
        let role = change.role.unwrap_or(before.role);
        let is_active = change.is_active.unwrap_or(before.is_active);
        if (role, is_active) == (before.role, before.is_active) {
            return Ok(before);
        }
        let governed = before.role == Role::Admin && before.is_active;
        let governs = role == Role::Admin && is_active;
        if governed && !governs && !has_other_administrator(&mut tx, id).await? {
            return Err(Conflict::LastAdministrator.into());
        }
        sqlx::query!(
            "UPDATE users SET role = $2, is_active = $3, version = version + 1,
                              authority_changed_at = clock_timestamp(), updated_at = now()
              WHERE id = $1",
            id.as_uuid(),
            role.as_str(),
            is_active,
        )
        .execute(&mut *tx)
        .await?;
        sessions::end_all(&mut tx, id, None, EndReason::AccountChanged).await?;
        audit::write(&mut tx, audit, None).await?;
        let after = read(&mut tx, id).await?;
        tx.commit().await?;
        Ok(after)
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
        let mut tx = self.0.pool.begin().await?;
        let changed = sqlx::query!(
            "UPDATE users SET password_hash = $2, version = version + 1,
                              authority_changed_at = clock_timestamp(), updated_at = now()
              WHERE id = $1 AND role <> 'guest'",
            id.as_uuid(),
            password_hash,
        )
        .execute(&mut *tx)
        .await?;
        if changed.rows_affected() == 0 {
            return Err(StoreError::NotFound);
        }
        sessions::end_all(&mut tx, id, keep, EndReason::PasswordChanged).await?;
        audit::write(&mut tx, audit, None).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Replaces a hash by a stronger one of the same password, if it is still
    /// `old`. Sessions go on.
    pub async fn upgrade_hash(&self, id: UserId, old: &str, new: &str) -> Result<(), StoreError> {
        sqlx::query!(
            "UPDATE users SET password_hash = $3, updated_at = now()
              WHERE id = $1 AND password_hash = $2",
            id.as_uuid(),
            old,
            new,
        )
        .execute(&self.0.pool)
        .await?;
        Ok(())
    }

    /// Gives the account another e-mail, which nobody has shown to be theirs
    /// yet. Sessions go on; links that went to the old one hold no longer.
    /// Conflict: `EmailTaken`.
    pub async fn set_email(
        &self,
        id: UserId,
        email: &str,
        audit: &NewAudit,
    ) -> Result<User, StoreError> {
        let mut tx = self.0.pool.begin().await?;
        let row = sqlx::query_as!(
            Row,
            "UPDATE users SET email = $2, email_verified_at = NULL, updated_at = $3
              WHERE id = $1 AND role <> 'guest' AND deleted_at IS NULL
             RETURNING id, email, display_name, role, is_active, version, created_at, last_login",
            id.as_uuid(),
            &*storable(email),
            audit.at,
        )
        .fetch_one(&mut *tx)
        .await?;
        sqlx::query!(
            "DELETE FROM password_resets WHERE user_id = $1",
            id.as_uuid()
        )
        .execute(&mut *tx)
        .await?;
        audit::write(&mut tx, audit, None).await?;
        tx.commit().await?;
        row.try_into()
    }

    /// Changes what to call them.
    pub async fn set_display_name(
        &self,
        id: UserId,
        display_name: &str,
        now: DateTime<Utc>,
    ) -> Result<User, StoreError> {
        let row = sqlx::query_as!(
            Row,
            "UPDATE users SET display_name = $2, updated_at = $3 WHERE id = $1
             RETURNING id, email, display_name, role, is_active, version, created_at, last_login",
            id.as_uuid(),
            &*storable(display_name),
            now,
        )
        .fetch_one(&self.0.pool)
        .await?;
        row.try_into()
    }
}

async fn read(connection: &mut PgConnection, id: UserId) -> Result<User, StoreError> {
    sqlx::query_as!(
        Row,
        "SELECT id, email, display_name, role, is_active, version, created_at, last_login
           FROM users WHERE id = $1",
        id.as_uuid(),
    )
    .fetch_one(connection)
    .await?
    .try_into()
}

/// Holds the instance's row until the transaction ends.
async fn lock_instance(connection: &mut PgConnection) -> Result<(), StoreError> {
    sqlx::query!("SELECT only_row FROM instance FOR UPDATE")
        .fetch_one(connection)
        .await?;
    Ok(())
}

async fn has_administrator(connection: &mut PgConnection) -> Result<bool, StoreError> {
    Ok(sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM users WHERE role = 'admin') AS "exists!""#
    )
    .fetch_one(connection)
    .await?)
}

async fn has_other_administrator(
    connection: &mut PgConnection,
    id: UserId,
) -> Result<bool, StoreError> {
    Ok(sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM users WHERE role = 'admin' AND is_active AND id <> $1)
               AS "exists!""#,
        id.as_uuid(),
    )
    .fetch_one(connection)
    .await?)
}
