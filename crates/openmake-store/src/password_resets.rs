//! Links that set a new password, each once (`password_resets`).

use chrono::{DateTime, TimeDelta, Utc};
use openmake_types::UserId;

use crate::{
    Store, StoreError,
    audit::{self, NewAudit},
    sessions::{self, EndReason},
    users::User,
};

/// How soon another mail goes to the same account.
const MAIL_PAUSE: TimeDelta = TimeDelta::minutes(2);
/// How many go to it in a day.
const MAILS_A_DAY: i64 = 5;

/// Who asked for a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResetOrigin {
    /// An administrator, who passes it on.
    Administrator(UserId),
    /// Anyone who knows the address; it goes there by e-mail.
    Email,
}

/// A link to make.
#[derive(Debug, Clone)]
pub struct NewReset {
    /// The SHA-256 of its token.
    pub token_hash: [u8; 32],
    /// Whose password it sets.
    pub user_id: UserId,
    /// Who asked for it.
    pub origin: ResetOrigin,
    /// Now.
    pub now: DateTime<Utc>,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
}

/// A link that is used.
#[derive(Debug)]
pub struct UsedReset<'a> {
    /// The SHA-256 of its token.
    pub token_hash: &'a [u8; 32],
    /// The hash of the new password.
    pub password_hash: &'a str,
    /// Now.
    pub now: DateTime<Utc>,
}

/// Links that set a new password.
#[derive(Debug, Clone, Copy)]
pub struct PasswordResets<'a>(&'a Store);

impl Store {
    /// Links that set a new password.
    pub const fn password_resets(&self) -> PasswordResets<'_> {
        PasswordResets(self)
    }
}

impl PasswordResets<'_> {
    /// Makes a link. False when too many went to that account by e-mail.
    /// `NotFound` when the account is gone, inactive or a guest's.
    pub async fn create(&self, reset: &NewReset, audit: &NewAudit) -> Result<bool, StoreError> {
        let mut tx = self.0.pool.begin().await?;
        let held = sqlx::query_scalar!(
            "SELECT id FROM users WHERE id = $1 AND is_active AND role <> 'guest' FOR UPDATE",
            reset.user_id.as_uuid(),
        )
        .fetch_optional(&mut *tx)
        .await?;
        if held.is_none() {
            return Err(StoreError::NotFound);
        }
        let created_by = match reset.origin {
            ResetOrigin::Administrator(by) => Some(by.as_uuid()),
            ResetOrigin::Email => {
                let sent = sqlx::query!(
                    r#"SELECT count(*) AS "count!", max(created_at) AS latest
                         FROM password_resets
                        WHERE user_id = $1 AND by_email AND created_at > $2"#,
                    reset.user_id.as_uuid(),
                    reset.now - TimeDelta::days(1),
                )
                .fetch_one(&mut *tx)
                .await?;
                let recent = sent.latest.is_some_and(|at| at > reset.now - MAIL_PAUSE);
                if recent || sent.count >= MAILS_A_DAY {
                    return Ok(false);
                }
                None
            }
        };
        sqlx::query!(
            "INSERT INTO password_resets (token_hash, user_id, created_by, by_email, created_at,
                                          expires_at)
             VALUES ($1, $2, $3, $4, $5, $6)",
            reset.token_hash.as_slice(),
            reset.user_id.as_uuid(),
            created_by,
            reset.origin == ResetOrigin::Email,
            reset.now,
            reset.expires_at,
        )
        .execute(&mut *tx)
        .await?;
        audit::write(&mut tx, audit, None).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Whose password a link sets, while it holds.
    pub async fn lookup(
        &self,
        token_hash: &[u8; 32],
        now: DateTime<Utc>,
    ) -> Result<Option<User>, StoreError> {
        let id = sqlx::query_scalar!(
            "SELECT user_id FROM password_resets
              WHERE token_hash = $1 AND used_at IS NULL AND expires_at > $2",
            token_hash.as_slice(),
            now,
        )
        .fetch_optional(&self.0.pool)
        .await?;
        match id {
            None => Ok(None),
            Some(id) => match self.0.users().get(UserId::from_uuid(id)).await {
                Err(StoreError::NotFound) => Ok(None),
                user => user.map(|user| Some(user).filter(|user| user.is_active)),
            },
        }
    }

    /// Uses a link: sets the password, ends every session, and takes the
    /// account's other links back. `NotFound` when it does not hold any more.
    pub async fn complete(
        &self,
        used: &UsedReset<'_>,
        audit: &NewAudit,
    ) -> Result<User, StoreError> {
        let mut tx = self.0.pool.begin().await?;
        let reset = sqlx::query!(
            "UPDATE password_resets SET used_at = $2
              WHERE token_hash = $1 AND used_at IS NULL AND expires_at > $2
              RETURNING user_id, by_email",
            used.token_hash.as_slice(),
            used.now,
        )
        .fetch_optional(&mut *tx)
        .await?
        .ok_or(StoreError::NotFound)?;
        // A mail that arrived shows whose the address is.
        let changed = sqlx::query!(
            "UPDATE users
                SET password_hash = $2, version = version + 1,
                    authority_changed_at = clock_timestamp(), updated_at = now(),
                    email_verified_at = CASE WHEN $3 THEN coalesce(email_verified_at, $4)
                                             ELSE email_verified_at END
              WHERE id = $1 AND is_active AND role <> 'guest'",
            reset.user_id,
            used.password_hash,
            reset.by_email,
            used.now,
        )
        .execute(&mut *tx)
        .await?;
        if changed.rows_affected() == 0 {
            return Err(StoreError::NotFound);
        }
        sqlx::query!(
            "UPDATE password_resets SET expires_at = $2
              WHERE user_id = $1 AND used_at IS NULL AND expires_at > $2",
            reset.user_id,
            used.now,
        )
        .execute(&mut *tx)
        .await?;
        let id = UserId::from_uuid(reset.user_id);
        sessions::end_all(&mut tx, id, None, EndReason::PasswordChanged).await?;
        audit::write(&mut tx, audit, Some(id)).await?;
        tx.commit().await?;
        self.0.users().get(id).await
    }

    /// Removes links that ended before `cut`, and tells how many.
    pub(crate) async fn remove_ended(&self, cut: DateTime<Utc>) -> Result<u64, StoreError> {
        let removed = sqlx::query!("DELETE FROM password_resets WHERE expires_at < $1", cut)
            .execute(&self.0.pool)
            .await?;
        Ok(removed.rows_affected())
    }
}
