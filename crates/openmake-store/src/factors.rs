//! Second factors: authenticator apps (`totp_factors`) and backup codes.

use chrono::{DateTime, Utc};
use openmake_types::UserId;
use sqlx::PgConnection;

use crate::{
    Conflict, Store, StoreError,
    audit::{self, NewAudit},
};

/// An authenticator app's secret.
#[derive(Clone)]
pub struct Totp {
    /// Sealed by [`crate::secrets::KeyRing`].
    pub sealed: Vec<u8>,
    /// The last interval whose code was used.
    pub last_step: i64,
}

/// An authenticator app that showed a first code.
pub struct ConfirmedTotp<'a> {
    /// Whose.
    pub user_id: UserId,
    /// The secret that the code was checked with: another set-up since then is
    /// not confirmed by it.
    pub sealed: &'a [u8],
    /// The interval of that code.
    pub step: i64,
    /// Hashes of the account's new backup codes.
    pub backup_codes: &'a [[u8; 32]],
    /// Now.
    pub now: DateTime<Utc>,
}

/// What an account has besides its password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Standing {
    /// Whether an authenticator app was confirmed.
    pub totp: bool,
    /// Backup codes that were not used.
    pub backup_codes: u32,
    /// Passkeys.
    pub passkeys: u32,
}

/// Second factors.
#[derive(Debug, Clone, Copy)]
pub struct Factors<'a>(&'a Store);

impl Store {
    /// Second factors.
    pub const fn factors(&self) -> Factors<'_> {
        Factors(self)
    }
}

impl Factors<'_> {
    /// What `owner` has.
    pub async fn standing(&self, owner: UserId) -> Result<Standing, StoreError> {
        let row = sqlx::query!(
            r#"SELECT EXISTS (SELECT FROM totp_factors
                               WHERE user_id = $1 AND confirmed_at IS NOT NULL) AS "totp!",
                      (SELECT count(*) FROM backup_codes
                        WHERE user_id = $1 AND used_at IS NULL) AS "codes!",
                      (SELECT count(*) FROM passkeys WHERE user_id = $1) AS "passkeys!""#,
            owner.as_uuid(),
        )
        .fetch_one(&self.0.pool)
        .await?;
        Ok(Standing {
            totp: row.totp,
            backup_codes: u32::try_from(row.codes).unwrap_or(u32::MAX),
            passkeys: u32::try_from(row.passkeys).unwrap_or(u32::MAX),
        })
    }

    /// Keeps a secret that waits for its first code. Conflict: `TotpEnabled`.
    pub async fn begin_totp(
        &self,
        owner: UserId,
        sealed: &[u8],
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let kept = sqlx::query!(
            "INSERT INTO totp_factors AS t (user_id, sealed, created_at) VALUES ($1, $2, $3)
             ON CONFLICT (user_id) DO UPDATE SET sealed = $2, created_at = $3, last_step = 0
                WHERE t.confirmed_at IS NULL",
            owner.as_uuid(),
            sealed,
            now,
        )
        .execute(&self.0.pool)
        .await?;
        if kept.rows_affected() == 0 {
            return Err(Conflict::TotpEnabled.into());
        }
        Ok(())
    }

    /// The secret that waits for its first code since after `since`.
    pub async fn lookup_unconfirmed_totp(
        &self,
        owner: UserId,
        since: DateTime<Utc>,
    ) -> Result<Option<Totp>, StoreError> {
        Ok(sqlx::query_as!(
            Totp,
            "SELECT sealed, last_step FROM totp_factors
              WHERE user_id = $1 AND confirmed_at IS NULL AND created_at > $2",
            owner.as_uuid(),
            since,
        )
        .fetch_optional(&self.0.pool)
        .await?)
    }

    /// The secret that counts.
    pub async fn lookup_totp(&self, owner: UserId) -> Result<Option<Totp>, StoreError> {
        Ok(sqlx::query_as!(
            Totp,
            "SELECT sealed, last_step FROM totp_factors
              WHERE user_id = $1 AND confirmed_at IS NOT NULL",
            owner.as_uuid(),
        )
        .fetch_optional(&self.0.pool)
        .await?)
    }

    /// Makes a secret count, with new backup codes. Who is signing in at this
    /// moment must start again. `NotFound` when the set-up is gone.
    pub async fn confirm_totp(
        &self,
        confirmed: &ConfirmedTotp<'_>,
        audit: &NewAudit,
    ) -> Result<(), StoreError> {
        let mut tx = self.0.pool.begin().await?;
        let changed = sqlx::query!(
            "UPDATE totp_factors SET confirmed_at = $3, last_step = $4
              WHERE user_id = $1 AND sealed = $2 AND confirmed_at IS NULL",
            confirmed.user_id.as_uuid(),
            confirmed.sealed,
            confirmed.now,
            confirmed.step,
        )
        .execute(&mut *tx)
        .await?;
        if changed.rows_affected() == 0 {
            return Err(StoreError::NotFound);
        }
        set_codes(
            &mut tx,
            confirmed.user_id,
            confirmed.backup_codes,
            confirmed.now,
        )
        .await?;
        sqlx::query!(
            "UPDATE users SET version = version + 1, updated_at = now() WHERE id = $1",
            confirmed.user_id.as_uuid(),
        )
        .execute(&mut *tx)
        .await?;
        audit::write(&mut tx, audit, None).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Uses the code of an interval. False when it, or a later one, was used
    /// already.
    pub async fn use_totp(&self, owner: UserId, step: i64) -> Result<bool, StoreError> {
        let used = sqlx::query!(
            "UPDATE totp_factors SET last_step = $2
              WHERE user_id = $1 AND confirmed_at IS NOT NULL AND last_step < $2",
            owner.as_uuid(),
            step,
        )
        .execute(&self.0.pool)
        .await?;
        Ok(used.rows_affected() == 1)
    }

    /// Uses a backup code. False when there is none such, or it was used.
    pub async fn use_backup_code(
        &self,
        owner: UserId,
        code_hash: &[u8; 32],
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let used = sqlx::query!(
            "UPDATE backup_codes SET used_at = $3
              WHERE user_id = $1 AND code_hash = $2 AND used_at IS NULL",
            owner.as_uuid(),
            code_hash.as_slice(),
            now,
        )
        .execute(&self.0.pool)
        .await?;
        Ok(used.rows_affected() == 1)
    }

    /// Replaces an account's backup codes. `NotFound` when it has no
    /// authenticator app.
    pub async fn replace_backup_codes(
        &self,
        owner: UserId,
        hashes: &[[u8; 32]],
        now: DateTime<Utc>,
        audit: &NewAudit,
    ) -> Result<(), StoreError> {
        let mut tx = self.0.pool.begin().await?;
        let held = sqlx::query_scalar!(
            "SELECT user_id FROM totp_factors
              WHERE user_id = $1 AND confirmed_at IS NOT NULL FOR UPDATE",
            owner.as_uuid(),
        )
        .fetch_optional(&mut *tx)
        .await?;
        if held.is_none() {
            return Err(StoreError::NotFound);
        }
        set_codes(&mut tx, owner, hashes, now).await?;
        audit::write(&mut tx, audit, None).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Removes the authenticator app and the backup codes. `NotFound` when
    /// there is none.
    pub async fn remove_totp(&self, owner: UserId, audit: &NewAudit) -> Result<(), StoreError> {
        let mut tx = self.0.pool.begin().await?;
        let removed = sqlx::query!(
            "DELETE FROM totp_factors WHERE user_id = $1 AND confirmed_at IS NOT NULL",
            owner.as_uuid()
        )
        .execute(&mut *tx)
        .await?;
        if removed.rows_affected() == 0 {
            return Err(StoreError::NotFound);
        }
        set_codes(&mut tx, owner, &[], audit.at).await?;
        audit::write(&mut tx, audit, None).await?;
        tx.commit().await?;
        Ok(())
    }
}

async fn set_codes(
    connection: &mut PgConnection,
    owner: UserId,
    hashes: &[[u8; 32]],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "DELETE FROM backup_codes WHERE user_id = $1",
        owner.as_uuid()
    )
    .execute(&mut *connection)
    .await?;
    let hashes: Vec<Vec<u8>> = hashes.iter().map(|hash| hash.to_vec()).collect();
    sqlx::query!(
        "INSERT INTO backup_codes (user_id, code_hash, created_at)
         SELECT $1, c.hash, $3 FROM unnest($2::bytea[]) AS c (hash)",
        owner.as_uuid(),
        &hashes,
        now,
    )
    .execute(connection)
    .await?;
    Ok(())
}
