//! What was asked with each key, until somebody writes it down.

use std::{collections::HashMap, fmt, sync::Arc};

use chrono::{DateTime, Utc};
use openmake_types::{Clock, NodeId, TokenCounts};
use parking_lot::Mutex;

use crate::ModelError;

/// A key that was asked with, without the key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AskedKey {
    /// The node whose key it is.
    pub node: NodeId,
    /// Its place among the node's keys; `None` for a node without keys.
    pub position: Option<usize>,
    /// Its last four characters, if it is long enough for them to say nothing.
    pub last_four: String,
}

impl AskedKey {
    pub(super) fn new(node: NodeId, key: Option<(usize, String)>) -> Self {
        let (position, last_four) = key.unzip();
        Self {
            node,
            position,
            last_four: last_four.unwrap_or_default(),
        }
    }
}

/// What was asked with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyUse {
    /// Requests that were sent, those that were broken off included.
    pub requests: u64,
    /// Those that were answered in full.
    pub succeeded: u64,
    /// Those whose key was refused.
    pub unauthorized: u64,
    /// Those that were too many.
    pub rate_limited: u64,
    /// Those that the server failed on (5xx).
    pub server_errors: u64,
    /// Those that went wrong otherwise.
    pub other_errors: u64,
    /// What they cost, as the server counted.
    pub tokens: TokenCounts,
    /// When for the last time.
    pub last_used_at: DateTime<Utc>,
}

impl KeyUse {
    fn none(now: DateTime<Utc>) -> Self {
        Self {
            requests: 0,
            succeeded: 0,
            unauthorized: 0,
            rate_limited: 0,
            server_errors: 0,
            other_errors: 0,
            tokens: TokenCounts::default(),
            last_used_at: now,
        }
    }
}

/// Counts by key. Only keys that were asked with since the last
/// [`Ledger::take`] are in it.
pub(super) struct Ledger {
    clock: Arc<dyn Clock>,
    uses: Mutex<HashMap<AskedKey, KeyUse>>,
}

impl Ledger {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            uses: Mutex::default(),
        }
    }

    /// A request is sent.
    pub(super) fn asked(&self, key: &AskedKey) {
        self.count(key, |used| used.requests += 1);
    }

    /// It was answered in full.
    pub(super) fn succeeded(&self, key: &AskedKey) {
        self.count(key, |used| used.succeeded += 1);
    }

    /// It was not.
    pub(super) fn failed(&self, key: &AskedKey, error: &ModelError) {
        self.count(key, |used| match error {
            ModelError::Unauthorized { .. } => used.unauthorized += 1,
            ModelError::RateLimited { .. } => used.rate_limited += 1,
            ModelError::Upstream { status, .. } if status.is_none_or(|status| status >= 500) => {
                used.server_errors += 1;
            }
            _ => used.other_errors += 1,
        });
    }

    /// What it cost.
    pub(super) fn cost(&self, key: &AskedKey, tokens: TokenCounts) {
        if tokens.input > 0 || tokens.output > 0 {
            self.count(key, |used| {
                used.tokens.input = used.tokens.input.saturating_add(tokens.input);
                used.tokens.output = used.tokens.output.saturating_add(tokens.output);
            });
        }
    }

    pub(super) fn take(&self) -> Vec<(AskedKey, KeyUse)> {
        self.uses.lock().drain().collect()
    }

    pub(super) fn give_back(&self, uses: Vec<(AskedKey, KeyUse)>) {
        let mut all = self.uses.lock();
        for (key, back) in uses {
            let sum = all
                .entry(key)
                .or_insert_with(|| KeyUse::none(back.last_used_at));
            sum.requests += back.requests;
            sum.succeeded += back.succeeded;
            sum.unauthorized += back.unauthorized;
            sum.rate_limited += back.rate_limited;
            sum.server_errors += back.server_errors;
            sum.other_errors += back.other_errors;
            sum.tokens.input = sum.tokens.input.saturating_add(back.tokens.input);
            sum.tokens.output = sum.tokens.output.saturating_add(back.tokens.output);
            sum.last_used_at = sum.last_used_at.max(back.last_used_at);
        }
    }

    fn count(&self, key: &AskedKey, change: impl FnOnce(&mut KeyUse)) {
        let now = self.clock.now();
        let mut uses = self.uses.lock();
        let sum = uses.entry(key.clone()).or_insert_with(|| KeyUse::none(now));
        sum.last_used_at = now;
        change(sum);
    }
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ledger")
            .field("keys", &self.uses.lock().len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use openmake_types::{Ids as _, RandomIds, SystemClock};

    use super::*;

    #[test]
    fn what_is_given_back_is_counted_with_what_came_since() {
        let ledger = Ledger::new(Arc::new(SystemClock));
        let node = NodeId::from_uuid(RandomIds.uuid(SystemClock.now()));
        let key = AskedKey::new(node, Some((1, "wxyz".to_owned())));
        ledger.asked(&key);
        ledger.failed(&key, &ModelError::RateLimited { retry_after: None });
        let taken = ledger.take();
        assert!(ledger.take().is_empty());
        ledger.asked(&key);
        let tokens = TokenCounts {
            input: 3,
            output: 4,
        };
        ledger.cost(&key, tokens);
        ledger.succeeded(&key);
        ledger.give_back(taken);
        let all = ledger.take();
        let [(_, used)] = &all[..] else {
            panic!("{all:?}")
        };
        assert_eq!(
            (
                used.requests,
                used.succeeded,
                used.rate_limited,
                used.tokens
            ),
            (2, 1, 1, tokens)
        );
    }
}
