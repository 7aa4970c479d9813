//! A node's keys and their turns.
//!
//! Each request takes a key of its own for as long as it lasts; there is no
//! "current key" that requests could change under each other.

use std::time::Duration;

use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::time::Instant;

use crate::{ModelError, RateLimits, provider::Credential};

/// How long a key rests that the server refuses.
const REFUSED: Duration = Duration::from_mins(5);
/// How long a key rests that is asked too often, where the server does not
/// say; doubled with every time in a row.
const LIMITED: Duration = Duration::from_secs(30);
/// The longest of those rests.
const LIMITED_AT_MOST: Duration = Duration::from_mins(15);

/// The keys of one node. A node without keys has one slot without a key.
#[derive(Debug)]
pub(super) struct KeyRing {
    slots: Mutex<Vec<Slot>>,
}

#[derive(Debug)]
struct Slot {
    credential: Credential,
    requests: u64,
    /// Its place in the order of use; the smallest is next.
    turn: u64,
    /// Refusals in a row.
    refusals: u32,
    rests_until: Option<Instant>,
    /// Why it rests, or rested last.
    reason: RestReason,
}

/// Why a key rests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RestReason {
    /// The server refused it.
    Refused,
    /// It was asked with too often.
    #[default]
    Limited,
}

impl RestReason {
    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Limited => "limited",
        }
    }
}

/// A key for one request.
#[derive(Debug, Clone)]
pub(super) struct Lease {
    pub(super) index: usize,
    pub(super) credential: Credential,
}

impl Lease {
    /// Its place among the node's keys, and its last four characters; `None`
    /// where the node has no keys.
    pub(super) fn key(&self) -> Option<(usize, String)> {
        let key = self.credential.secret()?;
        Some((self.index, last_four(key)))
    }
}

/// What the ring has for a request.
#[derive(Debug)]
pub(super) enum Pick {
    /// This key.
    Key(Lease),
    /// All others rest for at least this long.
    Resting(Duration),
    /// All have been tried.
    Tried,
}

/// A key without the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeySnapshot {
    /// Its last four characters, if it is long enough for them to say nothing.
    pub last_four: String,
    /// Requests sent with it.
    pub requests: u64,
    /// Refusals in a row.
    pub refusals: u32,
    /// Until when it rests, and why.
    pub rests: Option<(DateTime<Utc>, RestReason)>,
    /// What the server said last of how much may be asked with it.
    pub limits: Option<RateLimits>,
}

impl KeyRing {
    pub(super) fn new(keys: &[SecretString]) -> Self {
        let slot = |credential| Slot {
            credential,
            requests: 0,
            turn: 0,
            refusals: 0,
            rests_until: None,
            reason: RestReason::default(),
        };
        let slots = if keys.is_empty() {
            vec![slot(Credential::none())]
        } else {
            keys.iter()
                .map(|key| slot(Credential::key(key.clone())))
                .collect()
        };
        Self {
            slots: Mutex::new(slots),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.slots.lock().len()
    }

    /// The key whose last use is longest ago, among those that do not rest and are not in
    /// `tried`, counted as used.
    pub(super) fn pick(&self, tried: &[usize]) -> Pick {
        let now = Instant::now();
        let mut slots = self.slots.lock();
        let turn = slots.iter().map(|slot| slot.turn).max().unwrap_or(0) + 1;
        let mut best: Option<(usize, &mut Slot)> = None;
        let mut soonest: Option<Duration> = None;
        for (index, slot) in slots
            .iter_mut()
            .enumerate()
            .filter(|(index, _)| !tried.contains(index))
        {
            match slot.rest(now) {
                Some(rest) => soonest = Some(soonest.map_or(rest, |other| other.min(rest))),
                None if best.as_ref().is_none_or(|(_, best)| slot.turn < best.turn) => {
                    best = Some((index, slot));
                }
                None => {}
            }
        }
        if let Some((index, slot)) = best {
            slot.requests += 1;
            slot.turn = turn;
            return Pick::Key(Lease {
                index,
                credential: slot.credential.clone(),
            });
        }
        soonest.map_or(Pick::Tried, Pick::Resting)
    }

    /// Says that the server took the key.
    pub(super) fn accepted(&self, lease: &Lease) {
        if let Some(slot) = self.slots.lock().get_mut(lease.index) {
            slot.refusals = 0;
            slot.rests_until = None;
        }
    }

    /// Puts the key to rest if `error` is about it.
    pub(super) fn failed(&self, lease: &Lease, error: &ModelError) {
        let mut slots = self.slots.lock();
        let Some(slot) = slots.get_mut(lease.index) else {
            return;
        };
        let has_key = slot.credential.secret().is_some();
        let (rest, reason) = match error {
            ModelError::Unauthorized { .. } if has_key => (REFUSED, RestReason::Refused),
            ModelError::RateLimited {
                retry_after: Some(wait),
            } => (*wait, RestReason::Limited),
            ModelError::RateLimited { retry_after: None } if has_key => {
                let rest = LIMITED.saturating_mul(1 << slot.refusals.min(8));
                (rest.min(LIMITED_AT_MOST), RestReason::Limited)
            }
            _ => return,
        };
        slot.refusals = slot.refusals.saturating_add(1);
        // A slower request may report a shorter rest later.
        let until = Some(Instant::now() + rest);
        if until >= slot.rests_until {
            slot.rests_until = until;
            slot.reason = reason;
        }
    }

    pub(super) fn snapshot(&self, now: DateTime<Utc>) -> Vec<KeySnapshot> {
        let instant = Instant::now();
        let slots = self.slots.lock();
        slots
            .iter()
            .filter_map(|slot| {
                Some(KeySnapshot {
                    last_four: last_four(slot.credential.secret()?),
                    requests: slot.requests,
                    refusals: slot.refusals,
                    rests: slot.rest(instant).map(|rest| (now + rest, slot.reason)),
                    limits: slot.credential.limits(),
                })
            })
            .collect()
    }
}

impl Slot {
    /// How long it still rests.
    fn rest(&self, now: Instant) -> Option<Duration> {
        let rest = self.rests_until?.saturating_duration_since(now);
        (!rest.is_zero()).then_some(rest)
    }
}

fn last_four(key: &SecretString) -> String {
    let key = key.expose_secret();
    let count = key.chars().count();
    if count < 16 {
        String::new()
    } else {
        key.chars().skip(count - 4).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring() -> KeyRing {
        KeyRing::new(&["key-number-one-1111".into(), "key-number-two-2222".into()])
    }

    fn index(pick: Pick) -> usize {
        match pick {
            Pick::Key(lease) => lease.index,
            other => panic!("{other:?}"),
        }
    }

    fn lease(pick: Pick) -> Lease {
        match pick {
            Pick::Key(lease) => lease,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn keys_take_turns() {
        let ring = ring();
        let turns: Vec<usize> = (0..4).map(|_| index(ring.pick(&[]))).collect();
        assert_eq!(turns, [0, 1, 0, 1]);
        assert!(matches!(ring.pick(&[0, 1]), Pick::Tried));
    }

    #[tokio::test(start_paused = true)]
    async fn a_limited_key_rests_as_long_as_the_server_says() {
        let ring = ring();
        let first = lease(ring.pick(&[]));
        ring.failed(
            &first,
            &ModelError::RateLimited {
                retry_after: Some(Duration::from_secs(7)),
            },
        );
        assert_eq!([index(ring.pick(&[])), index(ring.pick(&[]))], [1, 1]);
        assert!(matches!(ring.pick(&[1]), Pick::Resting(rest) if rest == Duration::from_secs(7)));
        tokio::time::advance(Duration::from_secs(7)).await;
        assert_eq!(index(ring.pick(&[])), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn rests_grow_until_the_key_is_accepted_again() {
        let ring = ring();
        let first = lease(ring.pick(&[]));
        let limited = ModelError::RateLimited { retry_after: None };
        let mut rests = Vec::new();
        for _ in 0..7 {
            ring.failed(&first, &limited);
            let Pick::Resting(rest) = ring.pick(&[1]) else {
                panic!("the key should rest")
            };
            rests.push(rest.as_secs());
            tokio::time::advance(rest).await;
        }
        assert_eq!(rests, [30, 60, 120, 240, 480, 900, 900]);
        ring.accepted(&first);
        ring.failed(&first, &limited);
        assert!(matches!(ring.pick(&[1]), Pick::Resting(rest) if rest.as_secs() == 30));
    }

    #[tokio::test(start_paused = true)]
    async fn a_snapshot_shows_no_key() {
        let ring = KeyRing::new(&["key-number-one-1111".into(), "short".into()]);
        let first = lease(ring.pick(&[]));
        ring.failed(
            &first,
            &ModelError::Unauthorized {
                message: String::new(),
            },
        );
        let shown = ring.snapshot(DateTime::UNIX_EPOCH);
        assert_eq!(
            shown,
            [
                KeySnapshot {
                    last_four: "1111".into(),
                    requests: 1,
                    refusals: 1,
                    rests: Some((DateTime::UNIX_EPOCH + REFUSED, RestReason::Refused)),
                    limits: None,
                },
                KeySnapshot {
                    last_four: String::new(),
                    requests: 0,
                    refusals: 0,
                    rests: None,
                    limits: None,
                },
            ]
        );
        assert!(!format!("{ring:?}").contains("number"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_node_without_keys_is_not_put_to_rest_for_them() {
        let ring = KeyRing::new(&[]);
        let only = lease(ring.pick(&[]));
        ring.failed(
            &only,
            &ModelError::Unauthorized {
                message: String::new(),
            },
        );
        ring.failed(&only, &ModelError::RateLimited { retry_after: None });
        assert_eq!(index(ring.pick(&[])), 0);
        assert!(ring.snapshot(DateTime::UNIX_EPOCH).is_empty());
    }
}
