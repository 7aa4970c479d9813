//! The running server: its start, the restart after its death, its stop.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use nix::sys::signal::Signal;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::account::Identity;
use crate::cluster::{self, Cluster, Lock};
use crate::connect::{ConnectInfo, Passwords};
use crate::directories::RuntimeDir;
use crate::error::{Error, start_failure};
use crate::postmaster::{POLL, Postmaster, stop_orphan};
use crate::settings::{Listen, Settings};
use crate::supervisor::{Job, Supervised};

/// The port that is part of the socket's name when no TCP port is asked for.
const SOCKET_PORT: u16 = 5432;
/// The first and the longest pause before a restart.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(10));
/// A server that ran this long had started well: its death begins a new row of
/// pauses.
const STEADY: Duration = Duration::from_mins(1);
/// How long a first start waits for the remains of a killed server to go.
const REMAINS: Duration = Duration::from_secs(15);
/// What a server says when such remains are in its way.
const REMAINS_SAID: [&str; 2] = [
    "pre-existing shared memory block",
    "lock file \"postmaster.pid\" already exists",
];

/// Whether the server can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServerState {
    /// It takes connections.
    Running,
    /// It died or could not start again, and is being started.
    Restarting {
        /// What went wrong last.
        reason: String,
    },
    /// It was stopped.
    Stopped,
}

/// A PostgreSQL server that belongs to this process.
#[derive(Debug)]
pub struct EmbeddedPostgres {
    connect: ConnectInfo,
    superuser: ConnectInfo,
    state: watch::Receiver<ServerState>,
    stop: CancellationToken,
    monitor: JoinHandle<Result<(), Error>>,
    stop_limit: Duration,
}

impl EmbeddedPostgres {
    /// Starts the server on a data directory, after initialising that on first
    /// use, and gives it when it takes connections.
    ///
    /// One task on `tasks` watches the server until [`Self::stop`], so stop it
    /// before waiting for the tracker.
    pub async fn start(settings: Settings, tasks: &TaskTracker) -> Result<Self, Error> {
        let data_dir = cluster::prepare_data_dir(&settings.data_dir)?;
        let lock = Lock::take(&data_dir)?;
        let directory = cluster::directory(&data_dir);
        let identity = Identity::resolve(settings.account.as_deref(), &directory)?;
        identity.check_reach(&data_dir)?;
        identity.check_reach(&settings.binaries.program("postgres"))?;
        let major = settings.binaries.major(identity.server).await?;
        stop_orphan(&directory).await?;
        let cluster = Cluster {
            settings: &settings,
            data_dir: &data_dir,
            identity,
            major,
        };
        let passwords = cluster.ensure(tasks).await?;
        let mut launcher = Launcher {
            settings,
            data_dir,
            identity,
            major,
            tasks: tasks.clone(),
            runtime: None,
        };
        let server = launcher.launch_after_remains().await?;

        let (connect, superuser) = launcher.connect_infos(&passwords);
        let (state_sender, state) = watch::channel(ServerState::Running);
        let stop = CancellationToken::new();
        let stop_limit = launcher.settings.stop_timeout + REMAINS + Duration::from_mins(1);
        let monitor = Monitor {
            launcher,
            state: state_sender,
            stop: stop.clone(),
            _lock: lock,
        };
        let monitor = tasks.spawn(monitor.run(server));
        Ok(Self {
            connect,
            superuser,
            state,
            stop,
            monitor,
            stop_limit,
        })
    }

    /// How to connect as the role that owns the database. It stays the same
    /// over restarts.
    pub fn connect_info(&self) -> &ConnectInfo {
        &self.connect
    }

    /// How to connect as the superuser: for maintenance only.
    pub fn superuser_connect_info(&self) -> &ConnectInfo {
        &self.superuser
    }

    /// Whether the server can be used now, and every change of that.
    pub fn state(&self) -> watch::Receiver<ServerState> {
        self.state.clone()
    }

    /// Stops the server: open connections are ended, what was committed is on
    /// the disk. Dropping the handle does the same without waiting.
    pub async fn stop(mut self) -> Result<(), Error> {
        self.stop.cancel();
        let limit = self.stop_limit;
        match timeout(limit, &mut self.monitor).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(error)) => Err(Error::Supervisor {
                reason: error.to_string(),
            }),
            Err(_) => Err(Error::TimedOut {
                what: "the database's stop",
                limit,
            }),
        }
    }
}

impl Drop for EmbeddedPostgres {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Starts servers on one data directory, one after the other.
struct Launcher {
    settings: Settings,
    data_dir: PathBuf,
    identity: Identity,
    major: u32,
    tasks: TaskTracker,
    runtime: Option<RuntimeDir>,
}

impl Launcher {
    fn port(&self) -> u16 {
        match self.settings.listen {
            Listen::UnixSocket => SOCKET_PORT,
            Listen::Loopback { port } => port,
        }
    }

    /// The socket's directory: the same one over all restarts, because clients
    /// hold its path.
    fn runtime(&mut self) -> Result<RuntimeDir, Error> {
        if let Some(runtime) = &self.runtime
            && runtime.path().is_dir()
        {
            return Ok(runtime.clone());
        }
        let parents = &self.settings.runtime_parents;
        let made = RuntimeDir::prepare(parents, &self.data_dir, self.identity.server, self.port())?;
        Ok(self.runtime.insert(made).clone())
    }

    fn connect_infos(&self, passwords: &Passwords) -> (ConnectInfo, ConnectInfo) {
        let socket = self
            .runtime
            .as_ref()
            .map(|runtime| runtime.path().to_string_lossy().into_owned());
        let host = match self.settings.listen {
            Listen::UnixSocket => socket.unwrap_or_default(),
            Listen::Loopback { .. } => "127.0.0.1".to_owned(),
        };
        let connect = passwords.connect_info(&host, self.port());
        let superuser = ConnectInfo {
            user: crate::connect::SUPERUSER.to_owned(),
            password: passwords.superuser.clone(),
            ..connect.clone()
        };
        (connect, superuser)
    }

    /// Launches, and again while the last processes of a killed server are
    /// still going.
    async fn launch_after_remains(&mut self) -> Result<Supervised, Error> {
        let deadline = Instant::now() + REMAINS;
        loop {
            match self.launch().await {
                Err(Error::StartFailed { output })
                    if REMAINS_SAID.iter().any(|said| output.contains(said))
                        && Instant::now() < deadline =>
                {
                    sleep(BACKOFF.0).await;
                }
                outcome => return outcome,
            }
        }
    }

    /// Starts a server and waits until it takes connections.
    async fn launch(&mut self) -> Result<Supervised, Error> {
        let directory = cluster::directory(&self.data_dir);
        stop_orphan(&directory).await?;
        let cluster = Cluster {
            settings: &self.settings,
            data_dir: &self.data_dir,
            identity: self.identity,
            major: self.major,
        };
        cluster.write_configuration(&directory)?;
        let socket_dir = self.runtime()?;
        let listen = match self.settings.listen {
            Listen::UnixSocket => "",
            Listen::Loopback { .. } => "127.0.0.1",
        };
        // On the command line, where no file can override them.
        let settings = [
            format!(
                "unix_socket_directories=\"{}\"",
                socket_dir.path().display().to_string().replace('"', "\"\"")
            ),
            "unix_socket_permissions=0700".to_owned(),
            format!("listen_addresses={listen}"),
            format!("port={}", self.port()),
        ];
        let mut args = vec![OsString::from("-D"), directory.clone().into()];
        args.extend(
            settings
                .into_iter()
                .flat_map(|setting| [OsString::from("-c"), setting.into()]),
        );
        let job = Job {
            supervisor: self.settings.supervisor.as_deref(),
            account: self.identity.server,
            // A fast shutdown: ends sessions, rolls back, checkpoints.
            stop_signal: Signal::SIGINT,
            stop_timeout: self.settings.stop_timeout,
            input: None,
            program: self.settings.binaries.program("postgres"),
            args,
        };
        let mut server = Supervised::start(job, &self.tasks).await?;
        let pid = server.pid;
        let limit = self.settings.start_timeout;
        let ended = tokio::select! {
            ready = timeout(limit, ready(&directory, pid)) => match ready {
                Ok(Ok(())) => return Ok(server),
                Ok(Err(error)) => return Err(error),
                Err(_) => false,
            },
            _ = server.exited() => true,
        };
        if ended {
            let output = server.tail().await;
            return Err(start_failure(output, &directory));
        }
        server.stop().await?;
        if server.has_said("No space left on device") {
            return Err(Error::DiskFull { path: directory });
        }
        Err(Error::TimedOut {
            what: "the database's start",
            limit,
        })
    }
}

/// Waits until the server of that number says it is ready and its socket
/// answers. It writes its state to a file, which has no event on all systems.
async fn ready(directory: &std::path::Path, pid: i32) -> Result<(), Error> {
    loop {
        if let Some(server) = Postmaster::read(directory)?
            && server.pid == pid
            && server.ready
            && server.answers()
        {
            return Ok(());
        }
        sleep(POLL).await;
    }
}

/// Keeps the server running until it is told to stop.
struct Monitor {
    launcher: Launcher,
    state: watch::Sender<ServerState>,
    stop: CancellationToken,
    _lock: Lock,
}

impl Monitor {
    async fn run(mut self, mut server: Supervised) -> Result<(), Error> {
        let mut pause = BACKOFF.0;
        loop {
            let since = Instant::now();
            tokio::select! {
                () = self.stop.cancelled() => {
                    let outcome = server.stop().await;
                    return self.stopped(outcome);
                }
                _ = server.exited() => {}
            }
            if since.elapsed() > STEADY {
                pause = BACKOFF.0;
            }
            let mut reason = server.tail().await;
            tracing::error!("the database server has died and is started again");
            server = loop {
                self.state.send_replace(ServerState::Restarting { reason });
                let next = tokio::select! {
                    () = self.stop.cancelled() => None,
                    next = async { sleep(pause).await; self.launcher.launch().await } => Some(next),
                };
                pause = (pause * 2).min(BACKOFF.1);
                match next {
                    None => {
                        // A launch that was broken off may have left a server.
                        let outcome =
                            stop_orphan(&cluster::directory(&self.launcher.data_dir)).await;
                        return self.stopped(outcome);
                    }
                    Some(Ok(server)) => break server,
                    Some(Err(error)) => {
                        tracing::error!(%error, "the database server does not start");
                        reason = error.to_string();
                    }
                }
            };
            tracing::info!(pid = server.pid, "the database server is back");
            self.state.send_replace(ServerState::Running);
        }
    }

    fn stopped(self, outcome: Result<(), Error>) -> Result<(), Error> {
        if let Some(runtime) = &self.launcher.runtime
            && outcome.is_ok()
        {
            runtime.remove();
        }
        self.state.send_replace(ServerState::Stopped);
        outcome
    }
}
