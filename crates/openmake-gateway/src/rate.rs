//! How many requests an account or an address may send.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use governor::{
    Quota, RateLimiter,
    clock::{Clock as _, DefaultClock},
    middleware::StateInformationMiddleware,
    state::{InMemoryState, NotKeyed, keyed::DefaultKeyedStateStore},
};
use http::{HeaderMap, HeaderName, HeaderValue};
use openmake_api::{
    ApiError,
    rates::{Counted, KeyRates},
};
use openmake_types::{ApiKeyId, ErrorKind, Role, UserId};
use parking_lot::{Mutex, RwLock};
use tokio::time::Instant;

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
    /// The same for a guest.
    Guest,
    /// Turn starts, for an account.
    TurnStart,
    /// Searches, for an account.
    Search,
    /// Pictures from elsewhere, for an account.
    Image,
}

impl Class {
    /// What all of someone's requests count towards.
    pub(crate) const fn of(role: Role) -> Self {
        match role {
            Role::Guest => Self::Guest,
            Role::User | Role::Admin => Self::Actor,
        }
    }

    /// The name in metrics.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::SignIn => "sign_in",
            Self::Anonymous => "anonymous",
            Self::Actor => "actor",
            Self::Guest => "guest",
            Self::TurnStart => "turn_start",
            Self::Search => "search",
            Self::Image => "image",
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
    /// When `remaining` of `limit` are left, the rest comes back evenly.
    fn left(limit: u32, remaining: u32) -> Self {
        let spent = u64::from(limit.saturating_sub(remaining));
        Self {
            limit,
            remaining,
            reset_seconds: (spent * MINUTE.as_secs()).div_ceil(u64::from(limit)),
        }
    }

    /// Adds the `RateLimit-*` headers (draft-ietf-httpapi-ratelimit-headers).
    pub(crate) fn write(self, headers: &mut HeaderMap) {
        let mut set = |name: &'static str, value: u64| {
            headers.insert(HeaderName::from_static(name), HeaderValue::from(value));
        };
        set("ratelimit-limit", self.limit.into());
        set("ratelimit-remaining", self.remaining.into());
        set("ratelimit-reset", self.reset_seconds);
    }

    /// The one that leaves less.
    pub(crate) fn narrower(a: Option<Self>, b: Option<Self>) -> Option<Self> {
        match (a, b) {
            (Some(a), Some(b)) => Some(if b.remaining < a.remaining { b } else { a }),
            (a, b) => a.or(b),
        }
    }

    /// Adds the headers that OpenAI's server gives.
    pub(crate) fn write_for_key(self, headers: &mut HeaderMap) {
        let rates = KeyRates {
            limit: self.limit.into(),
            remaining: self.remaining.into(),
            reset: Duration::from_secs(self.reset_seconds),
        };
        rates.write(Counted::Requests, headers);
    }

    /// The answer when a key has no request left.
    pub(crate) fn refusal_of_key(self) -> ApiError {
        let detail = format!(
            "This API key may send {} requests in a minute, and has.",
            self.limit
        );
        ApiError::new(ErrorKind::RateLimited, detail)
            .with_code("key_requests_limited")
            .with_hint("Wait for as long as Retry-After says, or have the key's limit raised.")
            .with_retry_after(self.reset_seconds.max(1))
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
            Ok(state) => Ok(Allowance::left(limit, state.remaining_burst_capacity())),
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

type Direct = RateLimiter<NotKeyed, InMemoryState, DefaultClock, StateInformationMiddleware>;

struct KeyLimiter {
    limit: NonZeroU32,
    direct: Direct,
    used_at: Instant,
}

/// The requests of keys with a limit of their own, in this process. Memory is
/// bounded by the keys that hold: only those are counted here.
#[derive(Default)]
pub(crate) struct KeyLimits {
    keys: Mutex<HashMap<ApiKeyId, KeyLimiter>>,
    clock: DefaultClock,
}

impl KeyLimits {
    /// Counts a request of a key that may send `limit` in a minute. A new limit
    /// starts with all of it.
    pub(crate) fn check(&self, key: ApiKeyId, limit: u32) -> Result<Allowance, Allowance> {
        // Nobody sets 0; the schema refuses it.
        let limit = NonZeroU32::new(limit).unwrap_or(NonZeroU32::MIN);
        let now = Instant::now();
        let mut keys = self.keys.lock();
        if keys.len() >= MAX_KEYS && !keys.contains_key(&key) {
            // Who was silent for a minute has the whole limit again.
            keys.retain(|_, limiter| now - limiter.used_at < MINUTE);
        }
        let made = || KeyLimiter {
            limit,
            direct: RateLimiter::direct(Quota::per_minute(limit)).with_middleware(),
            used_at: now,
        };
        let limiter = keys.entry(key).or_insert_with(made);
        if limiter.limit != limit {
            *limiter = made();
        }
        limiter.used_at = now;
        match limiter.direct.check() {
            Ok(state) => Ok(Allowance::left(
                limit.get(),
                state.remaining_burst_capacity(),
            )),
            Err(refused) => Err(Allowance {
                limit: limit.get(),
                remaining: 0,
                reset_seconds: whole_seconds(refused.wait_time_from(self.clock.now())),
            }),
        }
    }
}

fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

/// All classes' counts in this process.
pub(crate) struct RateLimits(RwLock<Classes>);

/// Shared, so that none is counted with while others are changed.
struct Classes {
    sign_in: Option<Arc<Limiter>>,
    anonymous: Option<Arc<Limiter>>,
    actor: Option<Arc<Limiter>>,
    guest: Option<Arc<Limiter>>,
    turn_start: Option<Arc<Limiter>>,
    search: Option<Arc<Limiter>>,
    image: Option<Arc<Limiter>>,
}

impl Classes {
    fn of(&self, class: Class) -> Option<&Arc<Limiter>> {
        match class {
            Class::SignIn => self.sign_in.as_ref(),
            Class::Anonymous => self.anonymous.as_ref(),
            Class::Actor => self.actor.as_ref(),
            Class::Guest => self.guest.as_ref(),
            Class::TurnStart => self.turn_start.as_ref(),
            Class::Search => self.search.as_ref(),
            Class::Image => self.image.as_ref(),
        }
    }

    /// The limits of `settings`; what is counted of one that stays is kept.
    fn with(&self, settings: &RateSettings) -> Self {
        let next = |class, per_minute| {
            let kept = self.of(class).filter(|one| one.limit.get() == per_minute);
            kept.cloned()
                .or_else(|| Limiter::new(per_minute).map(Arc::new))
        };
        Self {
            sign_in: next(Class::SignIn, settings.sign_in),
            anonymous: next(Class::Anonymous, settings.anonymous),
            actor: next(Class::Actor, settings.actor),
            guest: next(Class::Guest, settings.guest),
            turn_start: next(Class::TurnStart, settings.turn_start),
            search: next(Class::Search, settings.search),
            image: next(Class::Image, settings.image),
        }
    }
}

impl RateLimits {
    pub(crate) fn new(settings: &RateSettings) -> Self {
        let none = Classes {
            sign_in: None,
            anonymous: None,
            actor: None,
            guest: None,
            turn_start: None,
            search: None,
            image: None,
        };
        Self(RwLock::new(none.with(settings)))
    }

    /// Goes on with these limits. A limit that changes starts with all of it.
    pub(crate) fn apply(&self, settings: &RateSettings) {
        let mut classes = self.0.write();
        *classes = classes.with(settings);
    }

    /// Counts a request: what is left, or when to come back. None where the
    /// class is off.
    pub(crate) fn check(&self, class: Class, key: Key) -> Result<Option<Allowance>, Allowance> {
        let limiter = self.0.read().of(class).cloned();
        limiter.map(|limiter| limiter.check(key)).transpose()
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
    fn a_key_has_its_own_limit_and_a_new_one_holds_at_once() {
        let limits = KeyLimits::default();
        let key = |number| ApiKeyId::from_uuid(uuid::Uuid::from_u128(number));
        for left in [1, 0] {
            let allowance = limits.check(key(1), 2).expect("within");
            assert_eq!((allowance.limit, allowance.remaining), (2, left));
        }
        assert!(limits.check(key(1), 2).is_err());
        assert!(limits.check(key(2), 2).is_ok());
        let raised = limits.check(key(1), 10).expect("within the new one");
        assert_eq!((raised.limit, raised.remaining), (10, 9));
        assert_eq!(limits.check(key(1), 1).expect("the first").remaining, 0);
    }

    #[test]
    fn a_limit_that_stays_keeps_its_count_when_others_change() {
        let limits = limits(2);
        let check = |class| limits.check(class, address("192.0.2.1"));
        assert!(check(Class::SignIn).is_ok());
        let raised = RateSettings {
            sign_in: 2,
            anonymous: 1,
            ..RateSettings::default()
        };
        limits.apply(&raised);
        assert_eq!(check(Class::SignIn).expect("one").expect("on").remaining, 0);
        assert!(check(Class::SignIn).is_err());
        assert!(check(Class::Anonymous).is_ok() && check(Class::Anonymous).is_err());
        limits.apply(&RateSettings {
            sign_in: 5,
            ..raised
        });
        assert_eq!(
            check(Class::SignIn).expect("anew").expect("on").remaining,
            4
        );
        assert!(check(Class::Anonymous).is_err());
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
