//! The program as a process of its own: a test starts it, asks it, kills it
//! and starts it again on the same data.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs,
    io::{BufRead as _, BufReader, Write as _},
    net::SocketAddr,
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tempfile::TempDir;
use tokio::{
    sync::mpsc,
    time::{sleep, timeout},
};

/// For whatever must happen: longer than any machine needs.
const PATIENCE: Duration = Duration::from_mins(1);
/// How long a killed program's database may take to be gone.
const REMAINS: Duration = Duration::from_secs(15);
/// How often a process is looked at.
const POLL: Duration = Duration::from_millis(5);
/// What the program says when it can be used, before its address.
const READY: &str = "OpenMake is ready at ";
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
    /// Where it listens; a free port of 127.0.0.1 unless a test says so.
    listen: Option<SocketAddr>,
}

/// What a command that ended has said.
#[derive(Debug)]
pub struct Finished {
    /// Its exit code; none when a signal ended it.
    pub code: Option<i32>,
    /// What it said on standard output.
    pub stdout: String,
    /// What it said on standard error.
    pub stderr: String,
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
        }
    }

    /// Listening at this address at every start.
    #[must_use]
    pub const fn listening(mut self, address: SocketAddr) -> Self {
        self.listen = Some(address);
        self
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

    /// Starts the server and does not wait.
    pub fn launch(&self) -> Program {
        let mut command = self.command();
        command.arg("serve").args(&self.arguments);
        match self.listen {
            Some(address) => command
                .args(["--host", &address.ip().to_string()])
                .args(["--port", &address.port().to_string()]),
            None => command.args(["--port", "0"]),
        };
        let mut program = Program::spawn(&mut command);
        program.listens_at = self.listen;
        program
    }

    /// Starts the server and waits until it says that it is ready.
    pub async fn serve(&self) -> Program {
        let mut program = self.launch();
        program.ready().await;
        program
    }

    /// Runs another command to its end with `input` on its standard input.
    pub async fn run(&self, arguments: &[&str], input: &str) -> Finished {
        let mut command = self.command();
        command.args(arguments).stdin(Stdio::piped());
        let mut program = Program::spawn(&mut command);
        if let Some(mut stdin) = program.take_stdin() {
            // A command that does not read it has said why.
            let _ = stdin.write_all(input.as_bytes());
        }
        program.finished().await
    }

    /// Starts another command and does not wait.
    pub fn spawn(&self, arguments: &[&str]) -> Program {
        Program::spawn(self.command().args(arguments))
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.binary);
        command
            .env_clear()
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
    child: Child,
    base_url: String,
    /// Where it was told to listen.
    listens_at: Option<SocketAddr>,
    lines: mpsc::UnboundedReceiver<String>,
    log: Arc<Mutex<String>>,
    readers: Vec<thread::JoinHandle<()>>,
}

impl Program {
    fn spawn(command: &mut Command) -> Self {
        let mut child = match command.spawn() {
            Ok(child) => child,
            Err(error) => panic!(
                "cannot start {}: {error}",
                command.get_program().to_string_lossy()
            ),
        };
        let (said, lines) = mpsc::unbounded_channel();
        let log = Arc::new(Mutex::new(String::new()));
        let mut readers = Vec::new();
        if let Some(output) = child.stdout.take() {
            readers.push(thread::spawn(move || {
                for line in BufReader::new(output).lines().map_while(Result::ok) {
                    // Nobody listens any more: it must still not block.
                    let _ = said.send(line);
                }
            }));
        }
        if let Some(output) = child.stderr.take() {
            let log = Arc::clone(&log);
            readers.push(thread::spawn(move || {
                for line in BufReader::new(output).lines().map_while(Result::ok) {
                    let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
                    log.push_str(&line);
                    log.push('\n');
                }
            }));
        }
        Self {
            child,
            base_url: String::new(),
            listens_at: None,
            lines,
            log,
            readers,
        }
    }

    fn take_stdin(&mut self) -> Option<ChildStdin> {
        self.child.stdin.take()
    }

    /// Waits until it can be used.
    ///
    /// # Panics
    /// When it ends before, or says something else.
    pub async fn ready(&mut self) {
        let said = timeout(PATIENCE, self.lines.recv()).await;
        let line = said.unwrap_or_default().unwrap_or_default();
        match address(&line) {
            Some(base_url) => {
                self.base_url = match self.listens_at {
                    Some(address) => format!("http://{address}"),
                    None => base_url,
                };
            }
            None => panic!(
                "the program did not start, but said `{line}`:\n{}",
                self.log()
            ),
        }
    }

    /// Where it listens: `http://127.0.0.1:PORT`.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// What it has said on standard error.
    pub fn log(&self) -> String {
        self.log
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Its process.
    pub fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).unwrap_or(0)
    }

    /// The processes that it has started, and those that they have started.
    pub fn descendants(&self) -> Vec<i32> {
        let parents = parents();
        let mut found = vec![self.pid()];
        let mut next = 0;
        while let Some(parent) = found.get(next).copied() {
            found.extend(
                parents
                    .iter()
                    .filter(|(_, of)| *of == parent)
                    .map(|(pid, _)| *pid),
            );
            next += 1;
        }
        found.split_off(1)
    }

    /// `kill -9`, for the program alone.
    pub fn kill(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// `kill -STOP`: it stands still and knows nothing of it.
    pub fn pause(&self) {
        send(self.pid(), Signal::SIGSTOP);
    }

    /// `kill -CONT`.
    pub fn resume(&self) {
        send(self.pid(), Signal::SIGCONT);
    }

    /// Tells it to stop in order.
    pub fn terminate(&self) {
        send(self.pid(), Signal::SIGTERM);
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it does not end.
    pub async fn ended(&mut self) -> ExitStatus {
        let waiting = async {
            loop {
                match self.child.try_wait() {
                    Ok(Some(status)) => return status,
                    Ok(None) => sleep(POLL).await,
                    Err(error) => panic!("the program cannot be waited for: {error}"),
                }
            }
        };
        let Ok(status) = timeout(PATIENCE, waiting).await else {
            panic!("the program does not end:\n{}", self.log())
        };
        status
    }

    /// Waits for its end and gives all that it said.
    pub async fn finished(&mut self) -> Finished {
        let status = self.ended().await;
        let mut stdout = String::new();
        while let Ok(Some(line)) = timeout(PATIENCE, self.lines.recv()).await {
            stdout.push_str(&line);
            stdout.push('\n');
        }
        for reader in self.readers.drain(..) {
            // It ends with the pipe; what it found is in the log.
            let _ = reader.join();
        }
        Finished {
            code: status.code(),
            stdout,
            stderr: self.log(),
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
        if thread::panicking() {
            let log = self.log();
            // The test's output is captured, and shown when it fails.
            let _ = writeln!(std::io::stderr(), "--- the program's log\n{log}");
        }
    }
}

/// The address in the line by which the program says that it is ready.
fn address(line: &str) -> Option<String> {
    let url = line.strip_prefix(READY)?.split(' ').next()?;
    let port = url.rsplit(':').next()?;
    Some(format!("http://127.0.0.1:{port}"))
}

/// Whether a process is there, and not only waiting to be collected.
pub fn is_alive(pid: i32) -> bool {
    let output = Command::new("ps")
        .args(["-o", "stat=", "-p", &pid.to_string()])
        .output();
    let state = output
        .map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
        .unwrap_or_default();
    !state.is_empty() && !state.starts_with('Z')
}

/// `kill -9`.
pub fn kill_process(pid: i32) {
    send(pid, Signal::SIGKILL);
}

fn send(pid: i32, signal: Signal) {
    if pid > 0 {
        // It may be gone by now.
        let _ = kill(Pid::from_raw(pid), signal);
    }
}

/// Every process with the one that started it.
fn parents() -> Vec<(i32, i32)> {
    let output = Command::new("ps").args(["-A", "-o", "pid=,ppid="]).output();
    let output = output
        .map(|output| String::from_utf8_lossy(&output.stdout).into_owned())
        .unwrap_or_default();
    output
        .lines()
        .filter_map(|line| {
            let mut numbers = line.split_whitespace().map(str::parse);
            Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
        })
        .collect()
}

/// Waits until a process is gone.
///
/// # Panics
/// When it stays.
pub async fn wait_until_gone(pid: i32) {
    let waiting = async {
        while is_alive(pid) {
            sleep(POLL).await;
        }
    };
    assert!(
        timeout(PATIENCE, waiting).await.is_ok(),
        "process {pid} is still there"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_read() {
        assert_eq!(
            address("OpenMake is ready at http://localhost:40123 (812 ms)").as_deref(),
            Some("http://127.0.0.1:40123")
        );
        assert_eq!(address("something else"), None);
    }

    #[test]
    fn processes_are_found_by_number() {
        let own = i32::try_from(std::process::id()).expect("small");
        assert!(is_alive(own));
        assert!(parents().iter().any(|(pid, _)| *pid == own));
    }
}
