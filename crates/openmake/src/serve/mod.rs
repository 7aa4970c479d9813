//! `openmake serve`: puts the roles together, or one of them alone, and takes
//! them apart in order.

mod ai;
mod all;
mod apart;
mod foundation;
mod gateway;
mod signals;
mod web;

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use axum::Router;
use openmake_seam::{Listening, Side};
use openmake_types::{Clock, Ids, RandomIds, SystemClock};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub(crate) use self::gateway::role_client;
use self::{apart::Apart, foundation::Foundation, signals::Signals};
use crate::{
    cli::Role,
    config::Config,
    database::{Database, Hint},
    paths::Paths,
};

/// How long open connections may take to end after the turns did.
const CONNECTION_GRACE: Duration = Duration::from_secs(5);
/// How long background tasks may take to end.
const TASK_GRACE: Duration = Duration::from_secs(10);

/// Time, randomness, tasks and the end: what every part is given.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<dyn Ids>,
    /// Every task of the server.
    pub(crate) tasks: TaskTracker,
    /// Ends what is open: sockets, streams, loops.
    pub(crate) stop: CancellationToken,
}

impl World {
    /// The real one.
    pub(crate) fn new() -> Self {
        Self {
            clock: Arc::new(SystemClock),
            ids: Arc::new(RandomIds),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
        }
    }
}

/// Runs until a signal, then stops in order.
pub(crate) async fn run(
    role: Role,
    config: &Config,
    environment: &BTreeMap<String, String>,
) -> anyhow::Result<()> {
    let began = Instant::now();
    let apart = Apart::check(role, config)?;
    let world = World::new();
    // Bound first, so that a taken port is said before anything is started.
    let http = bind(config.server.host, config.server.port).await?;
    let metrics = match config.server.metrics_listen {
        Some(address) => Some(
            TcpListener::bind(address)
                .await
                .with_context(|| format!("cannot listen on {address} for /metrics"))?,
        ),
        None => None,
    };
    let server = Server {
        name: name_of(role),
        config,
        world: &world,
        signals: Signals::listen(&world.tasks)?,
        accept: CancellationToken::new(),
        began,
    };
    let listeners = Listeners { http, metrics };
    let outcome = match apart {
        Apart::Web => {
            web::serve(&server, listeners).await;
            Ok(())
        }
        Apart::All | Apart::Ai(_) | Apart::Gateway(_) => {
            with_database(apart, &server, listeners, environment).await
        }
    };
    world.stop.cancel();
    drop(server);
    world.tasks.close();
    if tokio::time::timeout(TASK_GRACE, world.tasks.wait())
        .await
        .is_err()
    {
        tracing::warn!(tasks = world.tasks.len(), "some tasks did not end in time");
    }
    outcome?;
    tracing::info!("stopped");
    Ok(())
}

/// Runs the roles that need the database.
async fn with_database(
    apart: Apart,
    server: &Server<'_>,
    listeners: Listeners,
    environment: &BTreeMap<String, String>,
) -> anyhow::Result<()> {
    let Server { config, world, .. } = *server;
    let paths = Paths::new(&config.data, environment)?;
    let database = Database::serve(&config.data, &paths, &world.tasks).await?;
    let laid = Foundation::lay(&apart, &paths, &database, server).await;
    // Whatever happens in it, the database is stopped after it.
    let outcome = match laid {
        Ok(foundation) => {
            let outcome = match apart {
                Apart::All | Apart::Web => all::serve(server, &foundation, listeners).await,
                Apart::Ai(keys) => ai::serve(server, &foundation, keys, listeners).await,
                Apart::Gateway(peers) => {
                    gateway::serve(server, &foundation, peers, listeners).await
                }
            };
            if outcome.is_ok() {
                foundation.store.close().await;
            }
            outcome
        }
        Err(error) => Err(error),
    };
    world.stop.cancel();
    let stopped = database.stop().await;
    outcome?;
    stopped
}

/// Where the program listens.
struct Listeners {
    http: TcpListener,
    metrics: Option<TcpListener>,
}

/// What a role's server is made of, whichever role it is.
struct Server<'a> {
    /// The role as the line on standard output names it.
    name: &'static str,
    config: &'a Config,
    world: &'a World,
    signals: Signals,
    /// Fires when no connection is accepted any more.
    accept: CancellationToken,
    began: Instant,
}

/// The listeners that serve.
struct Serving(Vec<JoinHandle<()>>);

impl Server<'_> {
    /// Serves `http` to `side`, and `metrics` where there is an address for it.
    fn start(&self, side: Side, listeners: Listeners, http: Router, metrics: Router) -> Serving {
        let address = listeners.http.local_addr().ok();
        let serve = |listener: TcpListener, router: Router, side: Side| {
            let listening = Listening {
                side,
                leave: match side {
                    Side::Internal => self.signals.soft.clone(),
                    Side::Public => self.accept.clone(),
                },
                stop: self.accept.clone(),
                grace: CONNECTION_GRACE,
                tasks: self.world.tasks.clone(),
            };
            let serving = openmake_seam::serve(listener, router, listening);
            self.world.tasks.spawn(serving)
        };
        let mut serving = vec![serve(listeners.http, http, side)];
        if let Some(listener) = listeners.metrics {
            // Port 0 is any: what became of it is to be read somewhere.
            if let Ok(address) = listener.local_addr() {
                tracing::info!("metrics are at http://{address}/metrics");
            }
            serving.push(serve(listener, metrics, Side::Public));
        }
        self.announce(address);
        Serving(serving)
    }

    /// Lets go of clients: streams and sockets end now; then the connections
    /// have nothing to wait for.
    async fn finish(&self, serving: Serving) {
        self.world.stop.cancel();
        self.accept.cancel();
        for server in serving.0 {
            if let Err(error) = server.await {
                tracing::error!(%error, "a listener ended badly");
            }
        }
    }

    #[expect(
        clippy::print_stdout,
        reason = "the one line that a person waits for, and scripts read"
    )]
    fn announce(&self, address: Option<SocketAddr>) {
        let Some(address) = address else { return };
        let host = if address.ip().is_loopback() || address.ip().is_unspecified() {
            "localhost".to_owned()
        } else if address.is_ipv6() {
            format!("[{}]", address.ip())
        } else {
            address.ip().to_string()
        };
        let took = self.began.elapsed();
        println!(
            "{} is ready at http://{host}:{} ({} ms)",
            self.name,
            address.port(),
            took.as_millis()
        );
        tracing::info!(%address, ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX), "ready");
    }
}

const fn name_of(role: Role) -> &'static str {
    match role {
        Role::All => "OpenMake",
        Role::Gateway => "OpenMake's gateway",
        Role::Ai => "OpenMake's ai role",
        Role::Web => "OpenMake's page",
    }
}

async fn bind(host: IpAddr, port: u16) -> anyhow::Result<TcpListener> {
    match TcpListener::bind((host, port)).await {
        Ok(listener) => Ok(listener),
        Err(error) => {
            let hint = match error.kind() {
                std::io::ErrorKind::AddrInUse => {
                    format!(
                        "another program uses port {port}; stop it, or choose another with --port"
                    )
                }
                std::io::ErrorKind::PermissionDenied => {
                    format!("ports below 1024 need rights; choose another than {port} with --port")
                }
                _ => "check --host: it is an address of this machine".to_owned(),
            };
            Err(anyhow::Error::new(error)
                .context(format!("cannot listen on {host}:{port}"))
                .context(Hint(hint)))
        }
    }
}

/// Makes the data directory where PostgreSQL did not. Others may pass through
/// it (as root, PostgreSQL is another user) but not list it.
pub(crate) fn make_private_dir(dir: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    if dir.is_dir() {
        return Ok(());
    }
    if dir.exists() {
        bail!("{} is not a directory", dir.display());
    }
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o711)
        .create(dir)
        .with_context(|| format!("cannot make {}", dir.display()))
}
