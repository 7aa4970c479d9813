//! What all parts of the ai role share.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use openmake_agents::ModelClient;
use openmake_models::{NodePool, ProviderParts, pool::NodeConfig};
use openmake_store::{
    Store,
    secrets::KeyRing,
    wakeups::{Heard, Wakeup},
};
use openmake_tools::Registry;
use openmake_types::{Clock, Ids, NodeId, ProcessId, TurnId};
use parking_lot::Mutex;
use tokio::sync::{Notify, Semaphore, broadcast};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    AiSettings,
    administered::Administered,
    budgets::{BudgetParts, Budgets, Payer, client::PaidClient},
    metrics::Metrics,
    token_rates::TokenRates,
    turns::{
        live::{LiveTurn, StopReason},
        writer::Writer,
    },
    upstream::PoolClient,
};

/// Ends that are stored at once.
const PARALLEL_FINISHES: usize = 8;

/// What all parts share.
pub(crate) struct Core {
    pub(crate) store: Store,
    pub(crate) pool: NodePool,
    pub(crate) provider: ProviderParts,
    models: Arc<dyn ModelClient>,
    pub(crate) budgets: Arc<Budgets>,
    /// What administrators decided: limits and profiles.
    pub(crate) administered: Administered,
    pub(crate) tools: Registry,
    pub(crate) keys: KeyRing,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<dyn Ids>,
    pub(crate) process: ProcessId,
    pub(crate) settings: AiSettings,
    pub(crate) configured_nodes: Vec<NodeConfig>,
    pub(crate) wakeups: broadcast::Sender<Heard>,
    pub(crate) tasks: TaskTracker,
    pub(crate) stop: CancellationToken,
    pub(crate) metrics: Metrics,
    pub(crate) token_rates: TokenRates,
    pub(crate) writer: Arc<Writer>,
    pub(crate) finishing: Semaphore,
    /// Asks the lease loop to look now who is to stop.
    pub(crate) look_now: Notify,
    /// The stored nodes, by id and version, that the pool was given last.
    pub(crate) applied: tokio::sync::Mutex<Option<Vec<(NodeId, i64)>>>,
    live: Mutex<HashMap<TurnId, Arc<LiveTurn>>>,
    /// Stateless calls under way.
    calls: Arc<AtomicUsize>,
    /// Told whenever a turn leaves `live` or a call ends.
    pub(crate) left: Arc<Notify>,
    draining: AtomicBool,
}

/// The parts that come from outside.
pub(crate) struct CoreParts {
    pub(crate) parts: crate::AiParts,
    pub(crate) metrics: Metrics,
}

impl Core {
    pub(crate) fn new(parts: CoreParts) -> Self {
        let CoreParts { parts, metrics } = parts;
        let models: Arc<dyn ModelClient> = Arc::new(PoolClient(parts.pool.clone()));
        let budgets = Arc::new(Budgets::new(BudgetParts {
            store: parts.store.clone(),
            clock: Arc::clone(&parts.clock),
            ids: Arc::clone(&parts.ids),
            process: parts.process,
            metrics: metrics.clone(),
        }));
        Self {
            store: parts.store,
            pool: parts.pool,
            provider: parts.provider,
            models,
            budgets,
            administered: Administered::new(parts.profiles),
            tools: parts.tools,
            keys: parts.keys,
            clock: parts.clock,
            ids: parts.ids,
            process: parts.process,
            settings: parts.settings,
            configured_nodes: parts.configured_nodes,
            wakeups: parts.wakeups,
            tasks: parts.tasks,
            stop: parts.stop,
            metrics,
            token_rates: TokenRates::default(),
            writer: Arc::new(Writer::default()),
            finishing: Semaphore::new(PARALLEL_FINISHES),
            look_now: Notify::new(),
            applied: tokio::sync::Mutex::new(None),
            live: Mutex::new(HashMap::new()),
            calls: Arc::default(),
            left: Arc::default(),
            draining: AtomicBool::new(false),
        }
    }

    /// What asks models for `payer`: every call is paid from the budgets that
    /// bind it.
    pub(crate) fn client_for(&self, payer: Payer) -> Arc<PaidClient> {
        Arc::new(PaidClient::new(
            Arc::clone(&self.models),
            Arc::clone(&self.budgets),
            payer,
        ))
    }

    pub(crate) fn lookup_live(&self, turn: TurnId) -> Option<Arc<LiveTurn>> {
        self.live.lock().get(&turn).cloned()
    }

    /// Ends all turns of this process, with what they have written.
    pub(crate) fn interrupt_all(&self) {
        let turns: Vec<_> = self.live.lock().values().cloned().collect();
        for live in turns {
            live.stop(StopReason::Shutdown);
        }
    }

    pub(crate) fn running(&self) -> usize {
        self.live.lock().len()
    }

    pub(crate) fn enter(&self, live: Arc<LiveTurn>) {
        let mut turns = self.live.lock();
        turns.insert(live.id, live);
        self.metrics.running(turns.len());
    }

    pub(crate) fn leave(&self, turn: TurnId) {
        let mut turns = self.live.lock();
        turns.remove(&turn);
        self.metrics.running(turns.len());
        drop(turns);
        self.left.notify_waiters();
    }

    /// Stateless calls under way.
    pub(crate) fn running_calls(&self) -> usize {
        self.calls.load(Ordering::Acquire)
    }

    /// Counts a stateless call for as long as the answer is kept.
    pub(crate) fn enter_call(&self) -> RunningCall {
        self.calls.fetch_add(1, Ordering::AcqRel);
        self.metrics.call_began();
        RunningCall {
            calls: Arc::clone(&self.calls),
            left: Arc::clone(&self.left),
            metrics: self.metrics.clone(),
        }
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    pub(crate) fn start_draining(&self) {
        self.draining.store(true, Ordering::Release);
    }

    /// Tells every process of changes, in the background: a hint may fail.
    pub(crate) fn notify(&self, wakeups: Vec<Wakeup>) {
        let store = self.store.clone();
        self.tasks.spawn(async move {
            if let Err(error) = store.wakeups().notify(&wakeups).await {
                tracing::debug!(
                    error = &error as &dyn std::error::Error,
                    "a wake-up was not sent"
                );
            }
        });
    }
}

/// A stateless call that is counted.
pub(crate) struct RunningCall {
    calls: Arc<AtomicUsize>,
    left: Arc<Notify>,
    metrics: Metrics,
}

impl Drop for RunningCall {
    fn drop(&mut self) {
        self.calls.fetch_sub(1, Ordering::AcqRel);
        self.metrics.call_ended();
        self.left.notify_waiters();
    }
}
