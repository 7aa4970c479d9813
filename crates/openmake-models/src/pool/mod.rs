//! The nodes and the way to one of them.
//!
//! The pool checks its nodes in the background (`check`), routes each
//! question to one (`route`) and sees it through (`ask`). A node whose
//! configuration changes keeps its state where its server stays the same;
//! requests that run hold on to the old one.

mod ask;
mod breaker;
mod check;
mod config;
mod keys;
mod node;
mod probe;
mod route;
mod snapshot;
mod usage;

use std::{fmt, sync::Arc, time::Duration};

use futures_util::future::join_all;
use openmake_types::NodeId;
use parking_lot::{Mutex, RwLock};
use tokio::{sync::watch, time::Instant};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use ask::ChatStream;
pub use config::{NodeConfig, PoolSettings};
pub use keys::{KeySnapshot, RestReason};
pub use probe::Probe;
pub use snapshot::{NodeHealth, NodeSnapshot, PoolModel};
pub use usage::{AskedKey, KeyUse};

use self::{
    node::{Check, Node, Server},
    route::Candidate,
    usage::Ledger,
};
use crate::{ModelError, ProviderLimits, ProviderParts};

/// The least time between two rounds of checks that questions for unknown
/// models cause.
const UNKNOWN_MODEL_CHECK: Duration = Duration::from_secs(5);

/// What a pool is made of.
#[derive(Debug)]
pub struct PoolParts {
    /// For the nodes' providers.
    pub provider: ProviderParts,
    /// How it behaves.
    pub settings: PoolSettings,
    /// Where its background task runs.
    pub tracker: TaskTracker,
    /// Ends its background task and all answers under way.
    pub stop: CancellationToken,
}

/// All model servers. Clones are the same pool.
#[derive(Clone)]
pub struct NodePool(Arc<Inner>);

struct Inner {
    parts: ProviderParts,
    settings: PoolSettings,
    stop: CancellationToken,
    nodes: RwLock<Arc<[Arc<Node>]>>,
    changes: watch::Sender<u64>,
    wake: tokio::sync::Notify,
    /// Held during a round of checks, so that there is one at a time.
    checking: tokio::sync::Mutex<()>,
    last_round: Mutex<Option<Instant>>,
    ledger: Arc<Ledger>,
}

impl NodePool {
    /// A pool of `nodes`, whose first checks begin at once.
    pub fn start(parts: PoolParts, nodes: Vec<NodeConfig>) -> Self {
        let pool = Self(Arc::new(Inner {
            ledger: Arc::new(Ledger::new(Arc::clone(&parts.provider.clock))),
            parts: parts.provider,
            settings: parts.settings,
            stop: parts.stop,
            nodes: RwLock::new(Arc::from([])),
            changes: watch::Sender::new(0),
            wake: tokio::sync::Notify::new(),
            checking: tokio::sync::Mutex::new(()),
            last_round: Mutex::new(None),
        }));
        pool.apply(nodes);
        let background = pool.clone();
        parts.tracker.spawn(async move {
            let stop = background.0.stop.clone();
            stop.run_until_cancelled(background.check_for_ever()).await;
        });
        pool
    }

    /// Replaces the nodes by `configs`. What stays the same keeps its state,
    /// what runs goes on, and what is new is checked at once.
    pub fn apply(&self, configs: Vec<NodeConfig>) {
        {
            let mut nodes = self.0.nodes.write();
            *nodes = configs
                .into_iter()
                .map(|config| {
                    let old = nodes.iter().find(|node| node.config.id == config.id);
                    let server = match old {
                        Some(old) if old.config.same_endpoint(&config) => Arc::clone(&old.server),
                        _ => Arc::new(Server::new(
                            &config,
                            self.0.parts.clone(),
                            self.0.changes.clone(),
                            Arc::clone(&self.0.ledger),
                        )),
                    };
                    server.touch();
                    Arc::new(Node { config, server })
                })
                .collect();
        }
        self.0.changes.send_modify(|count| *count += 1);
        self.0.wake.notify_one();
    }

    /// Checks all nodes in use now, and returns when that is done.
    pub async fn refresh(&self) {
        self.check_those(|_| true).await;
    }

    /// All nodes with their state, by name.
    pub fn snapshot(&self) -> Vec<NodeSnapshot> {
        let now = self.0.parts.clock.now();
        let mut nodes: Vec<NodeSnapshot> = self
            .nodes()
            .iter()
            .map(|node| snapshot::node(node, now))
            .collect();
        nodes.sort_by(|a, b| {
            a.name
                .cmp(&b.name)
                .then_with(|| a.id.as_uuid().cmp(&b.id.as_uuid()))
        });
        nodes
    }

    /// The state of one node.
    pub fn lookup_node(&self, id: NodeId) -> Option<NodeSnapshot> {
        let now = self.0.parts.clock.now();
        self.nodes()
            .iter()
            .find(|node| node.config.id == id)
            .map(|node| snapshot::node(node, now))
    }

    /// What was asked with each key since this was last called. What cannot
    /// be written down is given back with [`Self::return_key_use`].
    pub fn take_key_use(&self) -> Vec<(AskedKey, KeyUse)> {
        self.0.ledger.take()
    }

    /// Counts what was taken once more.
    pub fn return_key_use(&self, uses: Vec<(AskedKey, KeyUse)>) {
        self.0.ledger.give_back(uses);
    }

    /// The models of all nodes in use, by name.
    pub fn models(&self) -> Vec<PoolModel> {
        snapshot::models(self.nodes().iter().map(|node| &**node))
    }

    /// The models, as [`Self::models`], once every node in use has been
    /// checked: what to ask right after the start.
    pub async fn checked_models(&self) -> Vec<PoolModel> {
        self.check_new().await;
        self.models()
    }

    /// Counts the changes of all nodes. [`NodeSnapshot::revision`] tells which
    /// of them changed since a count that was seen before.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.0.changes.subscribe()
    }

    fn nodes(&self) -> Arc<[Arc<Node>]> {
        Arc::clone(&self.0.nodes.read())
    }

    fn stop(&self) -> &CancellationToken {
        &self.0.stop
    }

    fn settings(&self) -> &PoolSettings {
        &self.0.settings
    }

    fn limits(&self) -> &ProviderLimits {
        &self.0.parts.limits
    }

    /// The nodes for `model`, best first. If no node is known to have it, all
    /// are asked anew: it may have just been added.
    async fn candidates(&self, model: &str) -> Result<Vec<Candidate>, ModelError> {
        let in_use = |node: &Arc<Node>| node.config.enabled && !node.config.draining;
        if !self.nodes().iter().any(in_use) {
            return Err(ModelError::NoModelServer);
        }
        self.check_new().await;
        let found = route::candidates(&self.nodes(), model);
        if !found.is_empty() {
            return Ok(found);
        }
        let recent = self
            .0
            .last_round
            .lock()
            .is_some_and(|last| last.elapsed() < UNKNOWN_MODEL_CHECK);
        if !recent {
            self.refresh().await;
        }
        let found = route::candidates(&self.nodes(), model);
        if !found.is_empty() {
            return Ok(found);
        }
        let nodes = self.nodes();
        let mut in_use = nodes.iter().filter(|node| in_use(node));
        // As long as no server can be reached, nobody knows what they have.
        if in_use.all(|node| {
            node.server
                .read(|state| state.check == Check::Bad && state.models.is_empty())
        }) {
            return Err(ModelError::Unavailable {
                model: model.to_owned(),
            });
        }
        Err(ModelError::ModelNotFound {
            model: model.to_owned(),
        })
    }

    async fn check_for_ever(&self) {
        loop {
            self.refresh().await;
            let next_round = Instant::now() + self.0.settings.check_interval;
            while tokio::time::timeout_at(next_round, self.0.wake.notified())
                .await
                .is_ok()
            {
                self.check_new().await;
            }
        }
    }

    /// Checks the nodes in use that never were.
    async fn check_new(&self) {
        let is_new = |node: &Node| node.server.read(|state| state.check == Check::None);
        if self
            .nodes()
            .iter()
            .any(|node| node.config.enabled && is_new(node))
        {
            self.check_those(is_new).await;
        }
    }

    async fn check_those(&self, wanted: impl Fn(&Node) -> bool) {
        let _one_at_a_time = self.0.checking.lock().await;
        let nodes = self.nodes();
        let due = nodes
            .iter()
            .filter(|node| node.config.enabled && wanted(node));
        join_all(due.map(|node| check::check(&node.server, self.0.parts.clock.now()))).await;
        *self.0.last_round.lock() = Some(Instant::now());
    }
}

impl fmt::Debug for NodePool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NodePool")
            .field("nodes", &self.nodes().len())
            .finish_non_exhaustive()
    }
}
