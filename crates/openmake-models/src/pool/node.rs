//! A node as the pool knows it.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, Utc};
use openmake_types::{NodeId, TokenCounts};
use parking_lot::Mutex;
use tokio::{sync::watch, time::Instant};

use super::{
    NodeConfig,
    breaker::{Admission, Breaker},
    keys::{KeyRing, Lease},
    usage::{AskedKey, Ledger},
};
use crate::{
    ListedModel, LoadedModel, ModelDetails, ModelError, Provider, ProviderParts, provider::provider,
};

/// A configuration with the state of its server. Renaming or draining a node
/// makes a new one of these around the same state.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) config: NodeConfig,
    pub(super) server: Arc<Server>,
}

/// A server and what is known of it. Requests hold on to it, so that they end
/// in peace when their node is changed or removed.
pub(super) struct Server {
    pub(super) provider: Arc<dyn Provider>,
    pub(super) keys: KeyRing,
    in_flight: AtomicUsize,
    state: Mutex<State>,
    changes: watch::Sender<u64>,
    node: NodeId,
    ledger: Arc<Ledger>,
}

/// Whether the last check went well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Check {
    #[default]
    None,
    Good,
    Bad,
}

/// What changes by itself.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) check: Check,
    pub(super) checked_at: Option<DateTime<Utc>>,
    pub(super) last_error: Option<String>,
    pub(super) version: Option<String>,
    pub(super) latency: Option<Duration>,
    pub(super) models: Vec<ListedModel>,
    /// `None` where the server does not say.
    pub(super) loaded: Option<Vec<LoadedModel>>,
    pub(super) breaker: Breaker,
    pub(super) requests: u64,
    pub(super) failures: u64,
    /// What `show` said, and when, by name and digest.
    pub(super) details: HashMap<(String, Option<String>), (ModelDetails, Instant)>,
    /// Counts changes of the models, loaded or not.
    models_revision: u64,
    /// The pool's count of changes when something of this last changed.
    pub(super) revision: u64,
}

impl Server {
    pub(super) fn new(
        config: &NodeConfig,
        parts: ProviderParts,
        changes: watch::Sender<u64>,
        ledger: Arc<Ledger>,
    ) -> Self {
        Self {
            node: config.id,
            ledger,
            provider: provider(config.base_url.clone(), parts),
            keys: KeyRing::new(&config.api_keys),
            in_flight: AtomicUsize::new(0),
            state: Mutex::default(),
            changes,
        }
    }

    pub(super) fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    pub(super) fn read<T>(&self, read: impl FnOnce(&State) -> T) -> T {
        read(&self.state.lock())
    }

    /// Changes the state, and says so if what people see of it has changed.
    pub(super) fn update<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.state.lock();
        let before = state.visible();
        let result = change(&mut state);
        if state.visible() != before {
            self.changes.send_modify(|count| *count += 1);
            state.revision = *self.changes.borrow();
        }
        result
    }

    /// Marks the node as changed from outside.
    pub(super) fn touch(&self) {
        self.changes.send_modify(|count| *count += 1);
        self.state.lock().revision = *self.changes.borrow();
    }

    /// Lets a request pass, unless the breaker is open.
    pub(super) fn admit(self: &Arc<Self>) -> Option<Ticket> {
        let admission = self.update(|state| {
            let admission = state.breaker.admit();
            if admission != Admission::Refuse {
                state.requests += 1;
            }
            admission
        });
        if admission == Admission::Refuse {
            return None;
        }
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        Some(Ticket {
            server: Arc::clone(self),
            asked: None,
            tokens: TokenCounts::default(),
            undecided: admission == Admission::Trial,
        })
    }
}

impl State {
    /// What a page about the node shows, apart from numbers that move with
    /// every request.
    fn visible(&self) -> u64 {
        use std::hash::{DefaultHasher, Hash as _, Hasher as _};
        let mut hasher = DefaultHasher::new();
        (
            self.check as u8,
            self.breaker.is_closed(),
            &self.last_error,
            &self.version,
        )
            .hash(&mut hasher);
        self.models_revision.hash(&mut hasher);
        hasher.finish()
    }

    /// Keeps what a check found of the server's models.
    pub(super) fn set_models(
        &mut self,
        models: Vec<ListedModel>,
        loaded: Option<Vec<LoadedModel>>,
    ) {
        if self.models != models || self.loaded != loaded {
            self.models = models;
            self.loaded = loaded;
            self.models_revision += 1;
        }
    }

    /// Whether the model is in the server's memory; servers that do not say
    /// have their models there.
    pub(super) fn has_loaded(&self, name: &str) -> bool {
        self.loaded
            .as_ref()
            .is_none_or(|loaded| loaded.iter().any(|model| model.name == name))
    }
}

/// Hands a request through the node: counts it while it lasts and reports how
/// it went.
pub(super) struct Ticket {
    server: Arc<Server>,
    /// The key that is asked with.
    asked: Option<AskedKey>,
    /// What the answer cost so far.
    tokens: TokenCounts,
    /// The breaker waits for how it goes.
    undecided: bool,
}

impl Ticket {
    /// The server is asked with this key.
    pub(super) fn asking(&mut self, lease: &Lease) {
        let asked = AskedKey::new(self.server.node, lease.key());
        self.server.ledger.asked(&asked);
        self.asked = Some(asked);
    }

    /// The server has said what the answer cost, all of it: what it said
    /// before is part of it.
    pub(super) fn cost(&mut self, tokens: TokenCounts) {
        self.tokens = tokens;
    }

    /// The first piece of the answer is there.
    pub(super) fn answering(&mut self, lease: &Lease) {
        self.undecided = false;
        self.server.keys.accepted(lease);
        self.server.update(|state| state.breaker.answering());
    }

    /// The answer is complete.
    pub(super) fn succeeded(&mut self, lease: &Lease) {
        self.undecided = false;
        self.server.keys.accepted(lease);
        self.server.update(|state| state.breaker.succeeded());
        if let Some(asked) = &self.asked {
            self.server.ledger.succeeded(asked);
        }
    }

    /// There is an error instead of an answer, or in the middle of one.
    pub(super) fn failed(&mut self, lease: &Lease, error: &ModelError) {
        self.server.keys.failed(lease, error);
        if let Some(asked) = &self.asked {
            self.server.ledger.failed(asked, error);
        }
        let servers_fault = is_servers_fault(error);
        self.server.update(|state| {
            state.failures += 1;
            if servers_fault {
                state.breaker.failed();
                state.last_error = Some(error.to_string());
            } else if self.undecided {
                // It can be reached and answers; that is what was tried.
                state.breaker.answering();
            }
        });
        self.undecided = false;
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.server.in_flight.fetch_sub(1, Ordering::Relaxed);
        if let Some(asked) = &self.asked {
            self.server.ledger.cost(asked, self.tokens);
        }
        if self.undecided {
            self.server.update(|state| state.breaker.abandoned());
        }
    }
}

/// Whether an error speaks against the server rather than against the key, the
/// question or us.
pub(super) fn is_servers_fault(error: &ModelError) -> bool {
    match error {
        ModelError::Connection { .. } | ModelError::Timeout(_) | ModelError::Protocol { .. } => {
            true
        }
        ModelError::Upstream { status, .. } => {
            status.is_none_or(|status| status >= 500 || status == 408)
        }
        ModelError::NoModelServer
        | ModelError::ModelNotFound { .. }
        | ModelError::Unavailable { .. }
        | ModelError::Unauthorized { .. }
        | ModelError::RateLimited { .. }
        | ModelError::ContextTooLong { .. }
        | ModelError::Unsupported { .. }
        | ModelError::BudgetExhausted(_)
        | ModelError::BudgetUnknown
        | ModelError::Cancelled => false,
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("provider", &self.provider.kind())
            .field("in_flight", &self.in_flight())
            .finish_non_exhaustive()
    }
}
