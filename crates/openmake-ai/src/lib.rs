//! The ai role: whatever touches a model or a tool.
//!
//! [`Ai::router`] is its HTTP surface. It trusts its caller: every request
//! carries an [`openmake_types::Actor`] in its extensions, which only the
//! gateway puts there; apart, the guard of `openmake-seam` does, from what the
//! gateway has signed. Turns are durable: see
//! ARCHITECTURE.md, "A turn is durable".

mod administered;
mod admission;
mod budgets;
mod choose;
mod compat;
mod core;
mod error;
mod http;
mod key_usage;
mod maintenance;
mod metrics;
mod nodes;
mod token_rates;
mod turns;
mod upstream;

use std::{fmt, sync::Arc, time::Duration};

use ::http::Method;
use axum::middleware;
use chrono::TimeDelta;
use openmake_models::{NodePool, ProviderParts, pool::NodeConfig, profiles::Profiles};
use openmake_store::{Store, StoreError, maintenance::Retention, secrets::KeyRing, wakeups::Heard};
use openmake_tools::{Registry, Tz};
use openmake_types::{Clock, Ids, ProcessId};
use tokio::{
    sync::broadcast,
    time::{Instant, timeout_at},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    core::{Core, CoreParts},
    metrics::Metrics,
    turns::{
        leases,
        writer::{Hints, WriterParts},
    },
};

pub use crate::nodes::{NodeConfigError, node_config};

/// What the role is made of.
pub struct AiParts {
    /// The database.
    pub store: Store,
    /// The model servers. This role applies the stored nodes to it.
    pub pool: NodePool,
    /// What providers are made of, for looking for model servers.
    pub provider: ProviderParts,
    /// The profiles, as they are until an administrator edits them.
    pub profiles: Arc<Profiles>,
    /// The tools that turns may use.
    pub tools: Registry,
    /// Seals the nodes' keys.
    pub keys: KeyRing,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Makes ids.
    pub ids: Arc<dyn Ids>,
    /// This run of the program: the owner of its turns' leases.
    pub process: ProcessId,
    /// How it works.
    pub settings: AiSettings,
    /// Nodes from the environment or the settings file.
    pub configured_nodes: Vec<NodeConfig>,
    /// Wake-ups between processes, as [`openmake_store::wakeups`] gives them.
    pub wakeups: broadcast::Sender<Heard>,
    /// Where tasks are tracked.
    pub tasks: TaskTracker,
    /// Ends the background loops and open streams.
    pub stop: CancellationToken,
}

impl fmt::Debug for AiParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AiParts")
            .field("process", &self.process)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

/// How the role works.
#[derive(Debug, Clone)]
pub struct AiSettings {
    /// For how long other processes leave a turn alone.
    pub lease: Duration,
    /// How often leases are renewed.
    pub renew_every: Duration,
    /// How often expired leases are looked for.
    pub claim_every: Duration,
    /// Whether no other process uses this database: turns of earlier runs are
    /// then closed at once, and nobody else is told of new events.
    pub single_process: bool,
    /// The model of conversations that name none, until an administrator sets
    /// another.
    pub default_model: String,
    /// The time zone that dates are given in; UTC unless set.
    pub time_zone: Option<Tz>,
    /// How long things are kept.
    pub retention: Retention,
    /// How often it is written down what was asked with model servers' keys.
    pub count_keys_every: Duration,
    /// How often maintenance runs.
    pub maintain_every: Duration,
    /// Turns that one process runs at once.
    pub max_running_turns: usize,
}

impl Default for AiSettings {
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(10),
            renew_every: Duration::from_secs(3),
            claim_every: Duration::from_secs(2),
            single_process: false,
            default_model: "openmake_auto".to_owned(),
            time_zone: None,
            retention: Retention {
                events: TimeDelta::hours(24),
                deleted_conversations: TimeDelta::days(30),
                guests: TimeDelta::days(7),
                ended_sessions: TimeDelta::days(90),
                failed_sign_ins: TimeDelta::days(2),
            },
            count_keys_every: Duration::from_secs(10),
            maintain_every: Duration::from_hours(1),
            max_running_turns: 1_000,
        }
    }
}

/// The ai role.
#[derive(Clone)]
pub struct Ai {
    core: Arc<Core>,
}

impl fmt::Debug for Ai {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ai")
            .field("process", &self.core.process)
            .field("running", &self.core.running())
            .finish_non_exhaustive()
    }
}

impl Ai {
    /// Puts the role together and registers its counters. Nothing runs before
    /// [`Self::start`].
    pub fn new(parts: AiParts, registry: &mut prometheus_client::registry::Registry) -> Self {
        let metrics = Metrics::register(registry);
        Self {
            core: Arc::new(Core::new(CoreParts { parts, metrics })),
        }
    }

    /// Its HTTP surface, for [`Service`](https://docs.rs/tower) callers in the
    /// same process or over a socket.
    pub fn router(&self) -> axum::Router {
        let core = &self.core;
        http::router()
            .0
            .layer(middleware::from_fn_with_state(
                Arc::clone(core),
                token_rates::say,
            ))
            .with_state(Arc::clone(core))
    }

    /// `/health` and `/ready` of a role that runs apart, for those who have no
    /// identity.
    pub fn health_router(&self) -> axum::Router {
        http::health::router(Arc::clone(&self.core))
    }

    /// Makes the log's partitions, applies the stored nodes to the pool, and
    /// starts the background loops, which end with the `stop` token.
    pub async fn start(&self) -> Result<(), StoreError> {
        let core = &self.core;
        core.store.ensure_partitions().await?;
        nodes::apply(core).await?;
        administered::refresh(core).await?;
        if core.settings.single_process {
            core.store.budgets().expire_except(core.process).await?;
        }
        core.budgets.refresh().await?;
        let writer = Arc::clone(&core.writer);
        let parts = WriterParts {
            store: core.store.clone(),
            lease: core.settings.lease,
            metrics: core.metrics.clone(),
            hints: if core.settings.single_process {
                Hints::Keep
            } else {
                Hints::Send
            },
            stop: core.stop.clone(),
        };
        core.tasks.spawn(async move { writer.run(&parts).await });
        core.tasks.spawn(interrupt_at_stop(Arc::clone(core)));
        core.tasks.spawn(leases::keep(Arc::clone(core)));
        core.tasks.spawn(leases::listen(Arc::clone(core)));
        core.tasks.spawn(leases::claim(Arc::clone(core)));
        core.tasks.spawn(maintenance::run(Arc::clone(core)));
        core.tasks.spawn(maintenance::index(Arc::clone(core)));
        core.tasks.spawn(budgets::keep::run(Arc::clone(core)));
        core.tasks.spawn(maintenance::hint(Arc::clone(core)));
        core.tasks.spawn(key_usage::run(Arc::clone(core)));
        core.tasks.spawn(nodes::follow_store(Arc::clone(core)));
        core.tasks.spawn(administered::follow(Arc::clone(core)));
        core.tasks.spawn(nodes::follow_health(Arc::clone(core)));
        Ok(())
    }

    /// Takes no new turns and calls, waits at most `patience` for those that
    /// run, and closes the turns that are left as interrupted, with all that
    /// they have written. Call it before the `stop` token is cancelled, which
    /// ends the calls.
    pub async fn drain(&self, patience: Duration) {
        let core = &self.core;
        core.start_draining();
        let deadline = Instant::now() + patience;
        if wait_for_none(core, deadline, |core| core.running() + core.running_calls()).await {
            core.budgets.close_all().await;
            key_usage::write_down(core).await;
            return;
        }
        core.interrupt_all();
        // Their ends still have to be stored.
        let deadline = Instant::now() + Duration::from_secs(5);
        if !wait_for_none(core, deadline, Core::running).await {
            tracing::warn!(
                turns = core.running(),
                "turns could not be closed; the next start does it"
            );
        }
        core.budgets.close_all().await;
        key_usage::write_down(core).await;
    }

    /// How many turns run in this process.
    pub fn running_turns(&self) -> usize {
        self.core.running()
    }
}

/// Ends what still runs when the process stops without having been drained.
async fn interrupt_at_stop(core: Arc<Core>) {
    core.stop.cancelled().await;
    core.start_draining();
    core.interrupt_all();
}

/// Whether nothing is left of what `running` counts, at the latest at
/// `deadline`.
async fn wait_for_none(core: &Core, deadline: Instant, running: fn(&Core) -> usize) -> bool {
    loop {
        let left = core.left.notified();
        if running(core) == 0 {
            return true;
        }
        if timeout_at(deadline, left).await.is_err() {
            return running(core) == 0;
        }
    }
}

/// The description of [`Ai::router`].
pub fn openapi() -> utoipa::openapi::OpenApi {
    http::router().1
}

/// Every route of [`Ai::router`], with its path as axum writes it.
pub fn routes() -> Vec<(Method, String)> {
    http::routes(&openapi())
}
