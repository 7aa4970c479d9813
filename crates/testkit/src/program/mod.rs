//! The program as a process of its own: a test starts it, asks it, kills it
//! and starts it again on the same data.

mod process;

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs,
    io::Write as _,
    net::SocketAddr,
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    process::{Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use nix::sys::signal::Signal;
use tempfile::TempDir;
use tokio::sync::OnceCell;

use self::process::{POLL, Process, send};
use crate::database::TestDatabase;

pub use self::process::{Finished, is_alive, kill_process, wait_until_gone};

/// How long a killed program's database may take to be gone.
const REMAINS: Duration = Duration::from_secs(15);
/// Set to `apart`, programs are started as two processes, gateway and ai, on a
/// database of the scratch server.
pub const ROLES: &str = "OPENMAKE_TEST_ROLES";
/// What gateway and ai know each other by in tests.
pub(crate) const INTERNAL_KEY: &str = "0123456789abcdef0123456789abcdef";
/// Connections of each process to the scratch server, which many tests use.
const CONNECTIONS: &str = "8";
/// What is passed on from the test's own environment.
const INHERITED: &[&str] = &["PATH", "HOME", "OPENMAKE_CACHE"];

/// A data directory and how the program is started on it. Dropping it removes
/// the directory, once nothing runs on it any more.
#[derive(Debug)]
pub struct Instance {
    binary: PathBuf,
    directory: TempDir,
    environment: BTreeMap<String, OsString>,
    arguments: Vec<OsString>,
    /// Where one process listens; a free port of 127.0.0.1 unless a test says
    /// so.
    listen: Option<SocketAddr>,
    shape: Shape,
    /// Where roles run apart.
    database: OnceCell<TestDatabase>,
}

/// What runs when the program is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// One process, with its own database.
    Whole,
    /// Gateway and ai, on a given database.
    Apart,
}

/// Whether tests run the roles apart.
pub fn are_roles_apart() -> bool {
    std::env::var_os(ROLES).is_some_and(|shape| shape == "apart")
}

impl Instance {
    /// An empty data directory for `binary`, or for the program that
    /// `OPENMAKE_BIN` names. Nothing of the test's environment reaches the
    /// program but where things are; rates are out of the way.
    pub fn new(binary: impl Into<PathBuf>) -> Self {
        let named = std::env::var_os("OPENMAKE_BIN").map(PathBuf::from);
        let directory = tempfile::Builder::new()
            .prefix("openmake-program-")
            // As root, the database's account must pass through it.
            .permissions(fs::Permissions::from_mode(0o711))
            .tempdir();
        let directory = match directory {
            Ok(directory) => directory,
            Err(error) => panic!("no directory for the program: {error}"),
        };
        let mut environment: BTreeMap<String, OsString> = INHERITED
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), std::env::var_os(name)?)))
            .collect();
        if let Some(binaries) = std::env::var_os("OPENMAKE_TEST_POSTGRES_BIN") {
            environment.insert("OPENMAKE_POSTGRES_BIN".to_owned(), binaries);
        }
        for limit in ["SIGN_IN", "REQUESTS", "TURNS", "SEARCHES"] {
            environment.insert(format!("OPENMAKE_LIMIT_{limit}"), "1000000".into());
        }
        Self {
            binary: named.unwrap_or_else(|| binary.into()),
            directory,
            environment,
            arguments: Vec::new(),
            listen: None,
            shape: if are_roles_apart() {
                Shape::Apart
            } else {
                Shape::Whole
            },
            database: OnceCell::new(),
        }
    }

    /// One process with its own database, whatever the environment says: for
    /// tests of just that.
    #[must_use]
    pub fn whole(mut self) -> Self {
        self.shape = Shape::Whole;
        self
    }

    /// One process that listens at this address at every start.
    #[must_use]
    pub fn listening(mut self, address: SocketAddr) -> Self {
        self.listen = Some(address);
        self.whole()
    }

    /// With this variable in the program's environment.
    #[must_use]
    pub fn with_env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.set_env(name, value);
        self
    }

    /// Sets a variable for later starts.
    pub fn set_env(&mut self, name: &str, value: impl Into<OsString>) {
        self.environment.insert(name.to_owned(), value.into());
    }

    /// Takes a variable away from later starts.
    pub fn remove_env(&mut self, name: &str) {
        self.environment.remove(name);
    }

    /// With one more argument to `serve`.
    #[must_use]
    pub fn with_argument(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// The data directory.
    pub fn data_dir(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// The number of the embedded server's process, if one left its mark.
    pub fn postmaster(&self) -> Option<i32> {
        let file = self.data_dir().join("postgres/postmaster.pid");
        let content = fs::read_to_string(file).ok()?;
        content.lines().next()?.trim().parse().ok()
    }

    /// Where the embedded server's socket is, outside of the data directory.
    fn socket_directory(&self) -> Option<PathBuf> {
        let file = self.data_dir().join("postgres/postmaster.opts");
        let content = fs::read_to_string(file).ok()?;
        let (_, path) = content.split_once("unix_socket_directories=\"")?;
        let path = PathBuf::from(path.split('"').next()?);
        let name = path.file_name()?.to_str()?;
        name.starts_with("openmake-").then_some(path)
    }

    /// Starts the server as one process and does not wait.
    pub fn launch(&self) -> Program {
        let mut command = self.command();
        command.arg("serve").args(&self.arguments);
        match self.listen {
            Some(address) => command
                .args(["--host", &address.ip().to_string()])
                .args(["--port", &address.port().to_string()]),
            None => command.args(["--port", "0"]),
        };
        Program::of(Process::spawn(&mut command).listening(self.listen))
    }

    /// Starts the server and waits until it says that it is ready.
    pub async fn serve(&self) -> Program {
        self.ensure_database().await;
        let mut program = match self.shape {
            Shape::Whole => self.launch(),
            Shape::Apart => {
                let mut ai = Process::spawn(
                    self.command()
                        .args(["serve", "--role", "ai"])
                        .args(["--port", "0"]),
                );
                ai.ready().await;
                let mut command = self.command();
                command
                    .args(["serve", "--role", "gateway", "--port", "0"])
                    .args(&self.arguments)
                    .env("OPENMAKE_AI_URL", ai.base_url());
                Program {
                    main: Process::spawn(&mut command),
                    ai: Some(ai),
                }
            }
        };
        program.main.ready().await;
        program
    }

    /// Runs another command to its end with `input` on its standard input.
    pub async fn run(&self, arguments: &[&str], input: &str) -> Finished {
        self.ensure_database().await;
        let mut command = self.command();
        command.args(arguments).stdin(Stdio::piped());
        let mut process = Process::spawn(&mut command);
        if let Some(mut stdin) = process.take_stdin() {
            // A command that does not read it has said why.
            let _ = stdin.write_all(input.as_bytes());
        }
        process.finished().await
    }

    /// Starts another command and does not wait.
    pub fn spawn(&self, arguments: &[&str]) -> Program {
        Program::of(Process::spawn(self.command().args(arguments)))
    }

    async fn ensure_database(&self) {
        if self.shape == Shape::Apart && !self.environment.contains_key("DATABASE_URL") {
            self.database.get_or_init(TestDatabase::create).await;
        }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.binary);
        command.env_clear();
        if self.shape == Shape::Apart {
            command
                .env("OPENMAKE_DATABASE_CONNECTIONS", CONNECTIONS)
                .env("OPENMAKE_INTERNAL_KEY", INTERNAL_KEY);
        }
        if let Some(database) = self.database.get() {
            command.env("DATABASE_URL", database.url());
        }
        command
            .envs(&self.environment)
            .env("OPENMAKE_DATA_DIR", self.data_dir())
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        if let Some(postmaster) = self.postmaster() {
            // Its supervisor stops it when the program is gone.
            let deadline = Instant::now() + REMAINS;
            while is_alive(postmaster) && Instant::now() < deadline {
                thread::sleep(POLL);
            }
            if is_alive(postmaster) {
                send(postmaster, Signal::SIGKILL);
            }
        }
        if let Some(directory) = self.socket_directory() {
            // A program that was killed could not; one that was stopped has.
            let _ = fs::remove_dir_all(directory);
        }
    }
}

/// A running program. Dropping it kills it.
#[derive(Debug)]
pub struct Program {
    /// The one that people reach.
    main: Process,
    /// Its ai role, where that runs apart.
    ai: Option<Process>,
}

impl Program {
    const fn of(main: Process) -> Self {
        Self { main, ai: None }
    }

    fn processes(&self) -> impl Iterator<Item = &Process> {
        std::iter::once(&self.main).chain(&self.ai)
    }

    /// Waits until it can be used.
    ///
    /// # Panics
    /// When it ends before, or says something else.
    pub async fn ready(&mut self) {
        self.main.ready().await;
    }

    /// Where it listens: `http://127.0.0.1:PORT`.
    pub fn base_url(&self) -> &str {
        self.main.base_url()
    }

    /// What it has said on standard error.
    pub fn log(&self) -> String {
        self.processes().map(Process::log).collect()
    }

    /// Its process; apart, the gateway's.
    pub fn pid(&self) -> i32 {
        self.main.pid()
    }

    /// The processes that it has started, and those that they have started.
    pub fn descendants(&self) -> Vec<i32> {
        self.main.descendants()
    }

    /// `kill -9`, for the program alone.
    pub fn kill(&mut self) {
        self.main.kill();
        if let Some(ai) = &mut self.ai {
            ai.kill();
        }
    }

    /// `kill -STOP`: it stands still and knows nothing of it.
    pub fn pause(&self) {
        self.processes()
            .for_each(|process| send(process.pid(), Signal::SIGSTOP));
    }

    /// `kill -CONT`.
    pub fn resume(&self) {
        self.processes()
            .for_each(|process| send(process.pid(), Signal::SIGCONT));
    }

    /// Tells it to stop in order.
    pub fn terminate(&self) {
        self.processes().for_each(Process::terminate);
    }

    /// Waits for its end, and gives the gateway's where it was several.
    ///
    /// # Panics
    /// When it does not end.
    pub async fn ended(&mut self) -> ExitStatus {
        if let Some(ai) = &mut self.ai {
            let status = ai.ended().await;
            assert!(status.success(), "ai ended with {status}:\n{}", ai.log());
        }
        self.main.ended().await
    }

    /// Waits for its end and gives all that it said.
    pub async fn finished(&mut self) -> Finished {
        self.main.finished().await
    }
}
