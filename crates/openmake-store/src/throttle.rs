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

impl Throttle<'_> {
    /// Until when the longest lock of `keys` holds, if one does.
    pub async fn locked_until(
        &self,
        keys: &[[u8; 32]],
        now: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, StoreError> {
        let _ = (self.0, keys, now);
        todo!()
    }

    /// Counts a failure for `key`.
    pub async fn fail(
        &self,
        key: &[u8; 32],
        policy: &ThrottlePolicy,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let _ = (key, policy, now);
        todo!()
    }

    /// Forgets the failures of `key`, after a success.
    pub async fn clear(&self, key: &[u8; 32]) -> Result<(), StoreError> {
        let _ = key;
        todo!()
    }
}
