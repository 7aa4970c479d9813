//! Failed sign-ins (`sign_in_throttle`): a lock that grows with each failure.

use chrono::{DateTime, TimeDelta, Utc};

use crate::{Store, StoreError};

/// How a lock grows.
#[derive(Debug, Clone, Copy)]
pub struct ThrottlePolicy {
    /// Failures that lock nothing.
    pub free: i32,
    /// The first lock; each further failure doubles it.
    pub first_delay: TimeDelta,
    /// The longest lock.
    pub max_delay: TimeDelta,
    /// After this long without a failure all is forgotten.
    pub forget_after: TimeDelta,
}

/// Failed sign-ins. A key is the SHA-256 of what is counted.
#[derive(Debug, Clone, Copy)]
pub struct Throttle<'a>(&'a Store);

impl Store {
    /// Failed sign-ins.
    pub const fn throttle(&self) -> Throttle<'_> {
        Throttle(self)
    }
}

impl ThrottlePolicy {
    /// How long so many failures lock.
    fn lock(&self, failures: i32) -> TimeDelta {
        if failures <= self.free {
            return TimeDelta::zero();
        }
        let doublings = u32::try_from(failures - self.free - 1).unwrap_or(0);
        2_i32
            .checked_pow(doublings)
            .and_then(|factor| self.first_delay.checked_mul(factor))
            .map_or(self.max_delay, |delay| delay.min(self.max_delay))
    }
}

impl Throttle<'_> {
    /// Until when the longest lock of `keys` holds, if one does.
    pub async fn locked_until(
        &self,
        keys: &[[u8; 32]],
        now: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, StoreError> {
        let keys: Vec<&[u8]> = keys.iter().map(<[u8; 32]>::as_slice).collect();
        Ok(sqlx::query_scalar!(
            "SELECT max(locked_until) FROM sign_in_throttle
              WHERE key = ANY ($1) AND locked_until > $2",
            keys.as_slice() as &[&[u8]],
            now,
        )
        .fetch_one(&self.0.pool)
        .await?)
    }

    /// Counts a failure for `key`.
    pub async fn fail(
        &self,
        key: &[u8; 32],
        policy: &ThrottlePolicy,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let mut tx = self.0.pool.begin().await?;
        // Failures that come at once take their turns at the row's lock, which
        // is held until the lock-out is written.
        let failures = sqlx::query_scalar!(
            "INSERT INTO sign_in_throttle AS t (key, failures, last_failure_at, locked_until)
             VALUES ($1, 1, $2, $2)
             ON CONFLICT (key) DO UPDATE
                SET failures = CASE WHEN t.last_failure_at < $3 THEN 1
                                    ELSE least(t.failures, 1000000) + 1 END,
                    last_failure_at = greatest(t.last_failure_at, $2)
             RETURNING failures",
            key.as_slice(),
            now,
            now - policy.forget_after,
        )
        .fetch_one(&mut *tx)
        .await?;
        sqlx::query!(
            "UPDATE sign_in_throttle SET locked_until = $2 WHERE key = $1",
            key.as_slice(),
            now + policy.lock(failures),
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(())
    }

    /// Forgets the failures of `key`, after a success.
    pub async fn clear(&self, key: &[u8; 32]) -> Result<(), StoreError> {
        sqlx::query!(
            "DELETE FROM sign_in_throttle WHERE key = $1",
            key.as_slice()
        )
        .execute(&self.0.pool)
        .await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_doubles_up_to_the_longest() {
        let policy = ThrottlePolicy {
            free: 3,
            first_delay: TimeDelta::seconds(2),
            max_delay: TimeDelta::seconds(60),
            forget_after: TimeDelta::hours(1),
        };
        let seconds = |failures| policy.lock(failures).num_seconds();
        assert_eq!([1, 3, 4, 5, 6, 8].map(seconds), [0, 0, 2, 4, 8, 32]);
        assert_eq!([9, 40, 1_000_001, i32::MAX].map(seconds), [60; 4]);
    }
}
