//! One process: what it says, and how it ends.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::SocketAddr,
    process::{Child, ChildStdin, Command, ExitStatus},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tokio::{
    sync::mpsc,
    time::{sleep, timeout},
};

/// For whatever must happen: longer than any machine needs.
const PATIENCE: Duration = Duration::from_mins(1);
/// How often a process is looked at.
pub(super) const POLL: Duration = Duration::from_millis(5);
/// What the program says when it can be used, before its address.
const READY: &str = " is ready at ";

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

/// A running process. Dropping it kills it.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    base_url: String,
    /// Where it was told to listen.
    listens_at: Option<SocketAddr>,
    lines: mpsc::UnboundedReceiver<String>,
    log: Arc<Mutex<String>>,
    readers: Vec<thread::JoinHandle<()>>,
}

impl Process {
    pub(super) fn spawn(command: &mut Command) -> Self {
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

    /// Which listens where it was told to.
    pub(super) const fn listening(mut self, at: Option<SocketAddr>) -> Self {
        self.listens_at = at;
        self
    }

    pub(super) fn take_stdin(&mut self) -> Option<ChildStdin> {
        self.child.stdin.take()
    }

    /// Waits until it can be used.
    ///
    /// # Panics
    /// When it ends before, or says something else.
    pub(super) async fn ready(&mut self) {
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
    pub(super) fn base_url(&self) -> &str {
        &self.base_url
    }

    /// What it has said on standard error.
    pub(super) fn log(&self) -> String {
        self.log
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Its process.
    pub(super) fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).unwrap_or(0)
    }

    /// The processes that it has started, and those that they have started.
    pub(super) fn descendants(&self) -> Vec<i32> {
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
    pub(super) fn kill(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Tells it to stop in order.
    pub(super) fn terminate(&self) {
        send(self.pid(), Signal::SIGTERM);
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it does not end.
    pub(super) async fn ended(&mut self) -> ExitStatus {
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
    pub(super) async fn finished(&mut self) -> Finished {
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

impl Drop for Process {
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
    let url = line.split_once(READY)?.1.split(' ').next()?;
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

pub(super) fn send(pid: i32, signal: Signal) {
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
