//! How many requests an account or an address may send.

use std::{
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use governor::{
    Quota, RateLimiter,
    clock::{Clock as _, DefaultClock},
    middleware::StateInformationMiddleware,
    state::keyed::DefaultKeyedStateStore,
};
use http::{HeaderMap, HeaderName, HeaderValue};
use openmake_api::ApiError;
use openmake_types::{ErrorKind, UserId};

use crate::settings::RateSettings;

/// Keys that one class remembers before it forgets idle ones, and, at twice
/// as many, counts all together: memory is bounded whatever is sent.
const MAX_KEYS: usize = 50_000;
const MINUTE: Duration = Duration::from_mins(1);

/// What is counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// Sign-ins, registrations and guests, for an address.
    SignIn,
    /// All without a credential, for an address.
    Anonymous,
    /// All with a credential, for an account.
    Actor,
    /// Turn starts, for an account.
    TurnStart,
    /// Searches, for an account.
    Search,
}

impl Class {
    /// The name in metrics.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::SignIn => "sign_in",
            Self::Anonymous => "anonymous",
            Self::Actor => "actor",
            Self::TurnStart => "turn_start",
            Self::Search => "search",
        }
    }
}

/// Whose requests are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Key {
    /// An address; of IPv6 the first 64 bits, which one customer has.
    Address(IpAddr),
    /// An account.
    Actor(UserId),
    /// Everyone, when there are too many to tell apart.
    Everyone,
}

impl Key {
    /// The key of an address; a request from no network counts as one.
    pub(crate) fn address(ip: Option<IpAddr>) -> Self {
        ip.map_or(Self::Everyone, |ip| Self::Address(prefix(ip)))
    }
}

/// The part of an address that one party has to itself.
pub(crate) fn prefix(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() & (u128::MAX << 64))),
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// What is left after a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Allowance {
    limit: u32,
    remaining: u32,
    reset_seconds: u64,
}

impl Allowance {
    /// Adds the `RateLimit-*` headers (draft-ietf-httpapi-ratelimit-headers).
    pub(crate) fn write(self, headers: &mut HeaderMap) {
        let mut set = |name: &'static str, value: u64| {
            headers.insert(HeaderName::from_static(name), HeaderValue::from(value));
        };
        set("ratelimit-limit", self.limit.into());
        set("ratelimit-remaining", self.remaining.into());
        set("ratelimit-reset", self.reset_seconds);
    }

    /// The answer when nothing is left.
    pub(crate) fn refusal(self) -> ApiError {
        ApiError::new(ErrorKind::RateLimited, "Too many requests in a short time.")
            .with_hint("Wait for as long as Retry-After says.")
            .with_retry_after(self.reset_seconds.max(1))
    }
}

type Keyed =
    RateLimiter<Key, DefaultKeyedStateStore<Key>, DefaultClock, StateInformationMiddleware>;

struct Limiter {
    limit: NonZeroU32,
    keyed: Keyed,
    clock: DefaultClock,
    checks: AtomicU32,
}

impl Limiter {
    fn new(per_minute: u32) -> Option<Self> {
        let limit = NonZeroU32::new(per_minute)?;
        Some(Self {
            limit,
            keyed: RateLimiter::keyed(Quota::per_minute(limit)).with_middleware(),
            clock: DefaultClock::default(),
            checks: AtomicU32::new(0),
        })
    }

    fn check(&self, key: Key) -> Result<Allowance, Allowance> {
        let key = self.bounded(key);
        let limit = self.limit.get();
        match self.keyed.check_key(&key) {
            Ok(state) => {
                let remaining = state.remaining_burst_capacity();
                let spent = u64::from(limit.saturating_sub(remaining));
                Ok(Allowance {
                    limit,
                    remaining,
                    reset_seconds: (spent * MINUTE.as_secs()).div_ceil(u64::from(limit)),
                })
            }
            Err(refused) => Err(Allowance {
                limit,
                remaining: 0,
                reset_seconds: whole_seconds(refused.wait_time_from(self.clock.now())),
            }),
        }
    }

    fn bounded(&self, key: Key) -> Key {
        let count = self.keyed.len();
        if count <= MAX_KEYS {
            return key;
        }
        // Looking at all keys takes a while, so not at every request.
        if self
            .checks
            .fetch_add(1, Ordering::Relaxed)
            .is_multiple_of(1024)
        {
            self.keyed.retain_recent();
            self.keyed.shrink_to_fit();
        }
        if count > 2 * MAX_KEYS {
            Key::Everyone
        } else {
            key
        }
    }
}

fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

/// All classes' counts in this process.
pub(crate) struct RateLimits {
    sign_in: Option<Limiter>,
    anonymous: Option<Limiter>,
    actor: Option<Limiter>,
    turn_start: Option<Limiter>,
    search: Option<Limiter>,
}

impl RateLimits {
    pub(crate) fn new(settings: &RateSettings) -> Self {
        Self {
            sign_in: Limiter::new(settings.sign_in),
            anonymous: Limiter::new(settings.anonymous),
            actor: Limiter::new(settings.actor),
            turn_start: Limiter::new(settings.turn_start),
            search: Limiter::new(settings.search),
        }
    }

    /// Counts a request: what is left, or when to come back. None where the
    /// class is off.
    pub(crate) fn check(&self, class: Class, key: Key) -> Result<Option<Allowance>, Allowance> {
        let limiter = match class {
            Class::SignIn => &self.sign_in,
            Class::Anonymous => &self.anonymous,
            Class::Actor => &self.actor,
            Class::TurnStart => &self.turn_start,
            Class::Search => &self.search,
        };
        limiter
            .as_ref()
            .map(|limiter| limiter.check(key))
            .transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(sign_in: u32) -> RateLimits {
        RateLimits::new(&RateSettings {
            sign_in,
            ..RateSettings::default()
        })
    }

    fn address(text: &str) -> Key {
        Key::address(Some(text.parse().expect("an address")))
    }

    #[test]
    fn a_burst_is_let_through_and_then_no_more() {
        let limits = limits(3);
        for left in [2, 1, 0] {
            let allowance = limits.check(Class::SignIn, address("192.0.2.1"));
            let allowance = allowance.expect("within").expect("on");
            assert_eq!((allowance.limit, allowance.remaining), (3, left));
        }
        let refused = limits.check(Class::SignIn, address("192.0.2.1"));
        let refused = refused.expect_err("too many");
        assert!((1..=20).contains(&refused.reset_seconds));
        assert!(limits.check(Class::SignIn, address("192.0.2.2")).is_ok());
    }

    #[test]
    fn ipv6_is_counted_by_its_prefix() {
        assert_eq!(address("2001:db8::1"), address("2001:db8::ffff:1"));
        assert_ne!(address("2001:db8::1"), address("2001:db8:0:1::1"));
        assert_eq!(address("::ffff:192.0.2.1"), address("192.0.2.1"));
    }

    #[test]
    fn zero_turns_a_class_off() {
        let limits = limits(0);
        assert_eq!(limits.check(Class::SignIn, Key::Everyone), Ok(None));
    }

    #[test]
    fn memory_is_bounded() {
        let limiter = Limiter::new(1).expect("on");
        for number in 0..u32::try_from(2 * MAX_KEYS + 5000).expect("fits") {
            let _ = limiter.check(Key::Address(IpAddr::V4(number.into())));
        }
        assert!(limiter.keyed.len() <= 2 * MAX_KEYS + 2);
    }
}
