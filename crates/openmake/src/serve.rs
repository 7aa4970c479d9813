//! `openmake serve`: puts the roles together, and takes them apart in order.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use axum::Router;
use openmake_ai::{Ai, AiParts, AiSettings};
use openmake_egress::{AllowedHosts, Egress, EgressSettings, SystemResolver};
use openmake_gateway::{
    Backups, Gateway, GatewayParts, GatewaySettings, Images, RateSettings, SignInSettings,
};
use openmake_models::{
    NodePool, PoolParts, PoolSettings,
    profiles::{EngineOverrides, Profiles},
};
use openmake_store::{Store, secrets::KeyRing, wakeups::Heard};
use openmake_types::{Clock, Ids, ProcessId, RandomIds, SystemClock};
use prometheus_client::registry::Registry;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::broadcast,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    backups,
    cli::Role,
    config::{Config, Engines},
    database::{Database, Hint},
    http_server, master_key, model_nodes, openapi,
    paths::Paths,
    sign_in,
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
    let Role::All = role;
    let began = Instant::now();
    let world = World::new();
    let signals = Signals::listen(&world.tasks)?;
    // Bound first, so that a taken port is said before anything is started.
    let listener = bind(config.server.host, config.server.port).await?;
    let metrics_listener = match config.server.metrics_listen {
        Some(address) => Some(
            TcpListener::bind(address)
                .await
                .with_context(|| format!("cannot listen on {address} for /metrics"))?,
        ),
        None => None,
    };
    let paths = Paths::new(&config.data, environment)?;
    let database = Database::serve(&config.data, &paths, &world.tasks).await?;
    // Whatever happens in it, the database is stopped after it.
    let served = serve(
        config,
        &paths,
        &database,
        &world,
        Listeners {
            http: listener,
            metrics: metrics_listener,
            began,
        },
        &signals,
    )
    .await;
    world.stop.cancel();
    drop(signals);
    let stopped = database.stop().await;
    world.tasks.close();
    if tokio::time::timeout(TASK_GRACE, world.tasks.wait())
        .await
        .is_err()
    {
        tracing::warn!(tasks = world.tasks.len(), "some tasks did not end in time");
    }
    served?;
    stopped?;
    tracing::info!("stopped");
    Ok(())
}

struct Listeners {
    http: TcpListener,
    metrics: Option<TcpListener>,
    began: Instant,
}

async fn serve(
    config: &Config,
    paths: &Paths,
    database: &Database,
    world: &World,
    listeners: Listeners,
    signals: &Signals,
) -> anyhow::Result<()> {
    make_private_dir(&paths.data)?;
    let store = database.connect(config.data.database_connections).await?;
    store
        .migrate()
        .await
        .context("the database could not be migrated")?;
    let bound = store.master_key_id().await?;
    master_key::finish_restore(&paths.master_key, bound.as_deref(), world.clock.now())?;
    let keys = master_key::read_or_create(&paths.master_key, world.ids.as_ref())?;
    store.check_master_key(&keys).await.map_err(|error| {
        anyhow::Error::new(error).context(Hint(format!(
            "{} is not the key that this database was used with; put that key file back",
            paths.master_key.display()
        )))
    })?;
    let wakeups = store.wakeups().listen(&world.tasks, world.stop.clone());
    let provider = model_nodes::provider_parts(&config.models, world)?;
    let configured_nodes = model_nodes::configured(&config.models)?;
    let pool = NodePool::start(
        PoolParts {
            provider: provider.clone(),
            settings: PoolSettings {
                check_interval: config.models.check_interval,
                ..PoolSettings::default()
            },
            tracker: world.tasks.clone(),
            stop: world.stop.clone(),
        },
        configured_nodes.clone(),
    );
    let mut registry = Registry::with_prefix("openmake");
    let process = ProcessId::from_uuid(world.ids.uuid(world.clock.now()));
    let ai = Ai::new(
        AiParts {
            store: store.clone(),
            pool,
            provider,
            profiles: Arc::new(
                Profiles::builtin(engines(&config.models.engines)).context("the profiles")?,
            ),
            tools: openmake_tools::builtin().context("the built-in tools")?,
            keys: keys.clone(),
            clock: Arc::clone(&world.clock),
            ids: Arc::clone(&world.ids),
            process,
            settings: AiSettings {
                single_process: database.is_embedded(),
                default_model: config.models.default.clone(),
                ..AiSettings::default()
            },
            configured_nodes,
            wakeups: wakeups.clone(),
            tasks: world.tasks.clone(),
            stop: world.stop.clone(),
        },
        &mut registry,
    );
    ai.start()
        .await
        .context("the turns could not be taken up")?;
    backups::start_service(&config.backup, &store, &keys, world, &mut registry);
    let parts = Parts {
        store: &store,
        keys: &keys,
        ai: &ai,
        process,
        world,
    };
    let port = listeners
        .http
        .local_addr()
        .map_or(config.server.port, |address| address.port());
    let sign_in = sign_in::settings(config, port)?;
    let gateway = gateway(config, &parts, Observed { wakeups, registry }, sign_in)?;
    run_servers(config, &gateway, &ai, world, listeners, signals).await;
    store.close().await;
    Ok(())
}

/// What the gateway stands on.
struct Parts<'a> {
    store: &'a Store,
    keys: &'a KeyRing,
    ai: &'a Ai,
    process: ProcessId,
    world: &'a World,
}

/// What tells of changes and counts.
struct Observed {
    wakeups: broadcast::Sender<Heard>,
    registry: Registry,
}

fn gateway(
    config: &Config,
    parts: &Parts<'_>,
    observed: Observed,
    sign_in: SignInSettings,
) -> anyhow::Result<Gateway> {
    let limits = &config.limits;
    let openapi_json = openapi::document_text().context("the OpenAPI document")?;
    let Observed { wakeups, registry } = observed;
    let Parts {
        store,
        keys,
        ai,
        process,
        world,
    } = *parts;
    Ok(Gateway::new(GatewayParts {
        store: store.clone(),
        keys: keys.clone(),
        clock: Arc::clone(&world.clock),
        ids: Arc::clone(&world.ids),
        process,
        settings: GatewaySettings {
            bound_to_loopback: config.server.host.is_loopback(),
            admin_emails: config.accounts.admin_emails.clone(),
            trusted_proxies: config.server.trusted_proxies.clone(),
            allowed_origins: config.server.cors_origins.clone(),
            default_model: config.models.default.clone(),
            demo: config.models.demo,
            backups: if config.backup.directory.is_some() {
                Backups::Configured
            } else {
                Backups::NotConfigured
            },
            sign_in,
            rates: RateSettings {
                sign_in: limits.sign_in_per_minute,
                anonymous: limits.requests_per_minute / 2,
                actor: limits.requests_per_minute,
                guest: limits.requests_per_minute,
                turn_start: limits.turns_per_minute,
                search: limits.searches_per_minute,
                ..RateSettings::default()
            },
            ..GatewaySettings::default()
        },
        ai: tower::util::BoxCloneSyncService::new(ai.router()),
        ai_routes: openmake_ai::routes(),
        images: images()?,
        web: openmake_web::router(),
        openapi_json,
        wakeups,
        metrics: registry,
        tasks: world.tasks.clone(),
        stop: world.stop.clone(),
    }))
}

/// What fetches the pictures of answers: from public addresses only.
fn images() -> anyhow::Result<Images> {
    let egress = Egress::new(EgressSettings::default(), SystemResolver)
        .context("no HTTP client for pictures from elsewhere")?;
    Ok(Images::new(egress, AllowedHosts::none()))
}

/// Serves until the first signal, then drains.
async fn run_servers(
    config: &Config,
    gateway: &Gateway,
    ai: &Ai,
    world: &World,
    listeners: Listeners,
    signals: &Signals,
) {
    let accept = CancellationToken::new();
    let serve = |listener: TcpListener, router: Router| {
        world.tasks.spawn(http_server::serve(
            listener,
            router,
            world.tasks.clone(),
            accept.clone(),
            CONNECTION_GRACE,
        ))
    };
    let address = listeners.http.local_addr().ok();
    let http = serve(listeners.http, gateway.router());
    let metrics = listeners
        .metrics
        .map(|listener| serve(listener, gateway.metrics_router()));
    announce(address, listeners.began);
    warn_if_public(config.server.host);

    signals.soft.cancelled().await;
    gateway.start_draining();
    tracing::info!(
        turns = ai.running_turns(),
        "stopping: waiting for turns that are being answered"
    );
    tokio::select! {
        () = ai.drain(config.server.drain) => {}
        () = signals.hard.cancelled() => {
            tracing::info!("told twice: closing turns as interrupted now");
            ai.drain(Duration::ZERO).await;
        }
    }
    // Streams and sockets end now; then the connections have nothing to wait for.
    world.stop.cancel();
    accept.cancel();
    for server in std::iter::once(http).chain(metrics) {
        if let Err(error) = server.await {
            tracing::error!(%error, "a listener ended badly");
        }
    }
}

#[expect(
    clippy::print_stdout,
    reason = "the one line that a person waits for, and scripts read"
)]
fn announce(address: Option<SocketAddr>, began: Instant) {
    let Some(address) = address else { return };
    let host = if address.ip().is_loopback() || address.ip().is_unspecified() {
        "localhost".to_owned()
    } else if address.is_ipv6() {
        format!("[{}]", address.ip())
    } else {
        address.ip().to_string()
    };
    let took = began.elapsed();
    println!(
        "OpenMake is ready at http://{host}:{} ({} ms)",
        address.port(),
        took.as_millis()
    );
    tracing::info!(%address, ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX), "ready");
}

fn warn_if_public(host: IpAddr) {
    if !host.is_loopback() {
        tracing::warn!(
            %host,
            "listening beyond this machine: registration is by invitation unless set otherwise; put a TLS proxy in front"
        );
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

fn engines(engines: &Engines) -> EngineOverrides {
    EngineOverrides {
        llm: engines.llm.clone(),
        pro: engines.pro.clone(),
        fast: engines.fast.clone(),
        think: engines.think.clone(),
        code: engines.code.clone(),
        vision: engines.vision.clone(),
    }
}

/// The first signal stops in order, the second stops waiting.
struct Signals {
    soft: CancellationToken,
    hard: CancellationToken,
}

impl Signals {
    fn listen(tasks: &TaskTracker) -> anyhow::Result<Self> {
        let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
        let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
        let (soft, hard) = (CancellationToken::new(), CancellationToken::new());
        let (first, second) = (soft.clone(), hard.clone());
        // Ends with the process: it must hear the second signal to the last.
        let listening = async move {
            for token in [first, second] {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
                token.cancel();
            }
        };
        let ended = hard.clone();
        tasks.spawn(async move { ended.run_until_cancelled(listening).await });
        Ok(Self { soft, hard })
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        self.hard.cancel();
    }
}
