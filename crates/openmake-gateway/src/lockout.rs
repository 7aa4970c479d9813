//! Locks that grow with every failed sign-in, for an account and for an
//! address.
//!
//! An unknown e-mail is counted like a known one, so that locks tell nothing
//! about who has an account.

use chrono::{DateTime, TimeDelta, Utc};
use openmake_api::{ApiError, ClientInfo};
use openmake_store::throttle::ThrottlePolicy;
use openmake_types::{ErrorKind, Limit};
use sha2::{Digest as _, Sha256};

use crate::{error::store_error, rate, state::App};

/// Failures of an account that lock nothing, unless an administrator set
/// another number.
pub(crate) const ACCOUNT_TRIES: u32 = 5;

/// For an account: some tries, then 30 seconds, doubling to 15 minutes.
const ACCOUNT: ThrottlePolicy = ThrottlePolicy {
    free: ACCOUNT_TRIES.cast_signed(),
    first_delay: TimeDelta::seconds(30),
    max_delay: TimeDelta::minutes(15),
    forget_after: TimeDelta::days(1),
};

/// For an address, behind which there may be many people.
const ADDRESS: ThrottlePolicy = ThrottlePolicy {
    free: 30,
    first_delay: TimeDelta::seconds(30),
    max_delay: TimeDelta::minutes(15),
    forget_after: TimeDelta::days(1),
};

/// The locks that one sign-in meets.
pub(crate) struct Locks {
    account: [u8; 32],
    address: Option<[u8; 32]>,
}

impl Locks {
    /// The locks of this e-mail, however it is written, and this client.
    pub(crate) fn new(email: &str, client: &ClientInfo) -> Self {
        let hash = |text: String| Sha256::digest(text).into();
        Self {
            account: hash(format!("account:{}", email.to_lowercase())),
            address: client
                .ip
                .map(|ip| hash(format!("address:{}", rate::prefix(ip)))),
        }
    }

    /// Refuses while a lock holds.
    pub(crate) async fn check(&self, app: &App, now: DateTime<Utc>) -> Result<(), ApiError> {
        let keys: Vec<[u8; 32]> = [Some(self.account), self.address]
            .into_iter()
            .flatten()
            .collect();
        let until = app
            .store
            .throttle()
            .locked_until(&keys, now)
            .await
            .map_err(store_error("lock"))?;
        match until {
            Some(until) if until > now => Err(locked(until - now)),
            _ => Ok(()),
        }
    }

    /// Counts a failure.
    pub(crate) async fn fail(&self, app: &App, now: DateTime<Utc>) -> Result<(), ApiError> {
        let throttle = app.store.throttle();
        let tries = app.administered.limits().small(Limit::SignInTries);
        let account = ThrottlePolicy {
            free: tries.map_or(ACCOUNT.free, u32::cast_signed),
            ..ACCOUNT
        };
        let keys = [(Some(self.account), &account), (self.address, &ADDRESS)];
        for (key, policy) in keys {
            if let Some(key) = key {
                let counted = throttle.fail(&key, policy, now).await;
                counted.map_err(store_error("lock"))?;
            }
        }
        Ok(())
    }

    /// Forgets the account's failures after a success. The address's stay:
    /// else anyone with one account could go on guessing others.
    pub(crate) async fn succeed(&self, app: &App) -> Result<(), ApiError> {
        let throttle = app.store.throttle();
        let cleared = throttle.clear(&self.account).await;
        cleared.map_err(store_error("lock"))
    }
}

fn locked(wait: TimeDelta) -> ApiError {
    let seconds = u64::try_from(wait.num_seconds()).unwrap_or(0) + 1;
    ApiError::new(ErrorKind::RateLimited, "Too many failed sign-ins.")
        .with_code("sign_in_locked")
        .with_hint("Wait for as long as Retry-After says, then try again.")
        .with_retry_after(seconds)
}
