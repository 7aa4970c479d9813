//! The supervisor process, and the program's handle on it.
//!
//! The supervisor runs one command as its child. Its standard input is a pipe
//! from the program and carries nothing: when it closes, because the program
//! wants a stop or was killed, the child is asked to stop and waited for. Its
//! standard output carries one line an event, its standard error what the
//! child says. (A parent-death signal would follow the thread that started the
//! child, and is lost when the child changes its uid.)

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader, Lines};
use tokio::net::unix::pipe;
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use crate::account::Account;
use crate::error::Error;

/// The first argument that makes a program a supervisor.
pub const SUPERVISOR_ARG: &str = "__postgres-supervisor";

/// How long a child may take to end after each of the harder signals.
const HARD_STOP: Duration = Duration::from_secs(10);
/// How long a supervisor may take to report that its child has begun.
const REPORT_TIMEOUT: Duration = Duration::from_secs(30);
/// How long the rest of a child's output is waited for after its end.
const OUTPUT_TIMEOUT: Duration = Duration::from_secs(2);
/// How many of a child's last lines are kept for an error message, and how
/// many bytes of each.
const TAIL_LINES: usize = 30;
const TAIL_LINE_BYTES: usize = 1000;

/// A command for a supervisor.
pub(crate) struct Job<'a> {
    /// The executable that becomes the supervisor, if not our own.
    pub(crate) supervisor: Option<&'a Path>,
    /// Whom the child runs as.
    pub(crate) account: Option<Account>,
    /// The signal that asks the child to stop.
    pub(crate) stop_signal: Signal,
    /// How long it may take then.
    pub(crate) stop_timeout: Duration,
    /// A file for the child's standard input; the supervisor opens it.
    pub(crate) input: Option<&'a Path>,
    /// The child's executable.
    pub(crate) program: PathBuf,
    /// Its arguments.
    pub(crate) args: Vec<OsString>,
}

/// The program's handle on a supervisor. Dropping it closes the pipe, so the
/// child stops.
pub(crate) struct Supervised {
    process: Child,
    /// The child's process number.
    pub(crate) pid: i32,
    control: Option<ChildStdin>,
    events: Lines<BufReader<ChildStdout>>,
    tail: Tail,
    output: Option<JoinHandle<()>>,
    stop_limit: Duration,
}

/// How a child ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// With status 0.
    Success,
    /// With another status, by a signal, or unseen because the supervisor
    /// itself was killed.
    Failure,
}

impl Supervised {
    /// Starts a supervisor and waits until its child has begun.
    pub(crate) async fn start(job: Job<'_>, tasks: &TaskTracker) -> Result<Self, Error> {
        let failed = |reason: String| Error::Supervisor { reason };
        let mut command = Command::new(match job.supervisor {
            Some(path) => path.to_owned(),
            None => own_executable().map_err(|error| failed(error.to_string()))?,
        });
        let account = job.account.map_or("-".to_owned(), |account| {
            format!("{}:{}", account.uid, account.gid)
        });
        command
            .arg0("openmake")
            .arg(SUPERVISOR_ARG)
            .arg(account)
            .arg(job.stop_signal.as_str())
            .arg(job.stop_timeout.as_millis().to_string())
            .arg(job.input.map_or(OsStr::new("-"), Path::as_os_str))
            .arg(&job.program)
            .args(&job.args)
            .current_dir("/")
            // A Ctrl-C in the terminal goes to the foreground group: the
            // program stops the server when it has drained, not the terminal.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut process = command.spawn().map_err(|error| failed(error.to_string()))?;
        let control = process.stdin.take();
        let (Some(events), Some(output)) = (process.stdout.take(), process.stderr.take()) else {
            return Err(failed("its pipes are missing".to_owned()));
        };
        let tail = Tail::default();
        let output = tasks.spawn(forward(output, tail.clone()));
        let mut this = Self {
            process,
            pid: 0,
            control,
            events: BufReader::new(events).lines(),
            tail,
            output: Some(output),
            stop_limit: job.stop_timeout + 2 * HARD_STOP + REPORT_TIMEOUT,
        };
        let first = timeout(REPORT_TIMEOUT, this.events.next_line())
            .await
            .map_err(|_| Error::TimedOut {
                what: "the start of the supervisor process",
                limit: REPORT_TIMEOUT,
            })?
            .map_err(|error| failed(error.to_string()))?;
        match first.as_deref().and_then(|line| line.split_once(' ')) {
            Some(("started", pid)) => {
                this.pid = pid
                    .parse()
                    .map_err(|_| failed(format!("unexpected pid {pid}")))?;
            }
            Some(("failed", reason)) => return Err(failed(reason.to_owned())),
            _ => {
                let said = this.tail().await;
                return Err(failed(format!("it ended at once. {said}")));
            }
        }
        Ok(this)
    }

    /// Waits for the child's end, for ever if need be.
    pub(crate) async fn exited(&mut self) -> Exit {
        let exit = match self.events.next_line().await {
            Ok(Some(line)) if line == "exited 0" => Exit::Success,
            Ok(Some(line)) => {
                tracing::debug!(event = line, "a supervised process ended");
                Exit::Failure
            }
            Ok(None) | Err(_) => Exit::Failure,
        };
        if timeout(HARD_STOP, self.process.wait()).await.is_err() {
            tracing::warn!("the supervisor process does not end");
        }
        exit
    }

    /// Asks the child to stop and waits until it has.
    pub(crate) async fn stop(&mut self) -> Result<(), Error> {
        self.control = None;
        let limit = self.stop_limit;
        timeout(limit, self.exited())
            .await
            .map_err(|_| Error::TimedOut {
                what: "the database's stop",
                limit,
            })?;
        Ok(())
    }

    /// The last that the child said; complete once it has ended.
    pub(crate) async fn tail(&mut self) -> String {
        if let Some(output) = self.output.take() {
            // A grandchild may hold the pipe open a moment longer.
            let _ = timeout(OUTPUT_TIMEOUT, output).await;
        }
        self.tail.text()
    }

    /// Whether the child has said `text` lately.
    pub(crate) fn has_said(&self, text: &str) -> bool {
        self.tail.text().contains(text)
    }
}

/// On Linux the link still leads to the running program after its file was
/// replaced by an upgrade.
fn own_executable() -> io::Result<PathBuf> {
    if cfg!(target_os = "linux") {
        Ok(PathBuf::from("/proc/self/exe"))
    } else {
        std::env::current_exe()
    }
}

/// The last lines of a child's output.
#[derive(Clone, Default)]
struct Tail(Arc<Mutex<VecDeque<String>>>);

impl Tail {
    fn push(&self, line: &str) {
        let mut end = line.len().min(TAIL_LINE_BYTES);
        while !line.is_char_boundary(end) {
            end -= 1;
        }
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == TAIL_LINES {
            lines.pop_front();
        }
        lines.push_back(line[..end].to_owned());
    }

    fn text(&self) -> String {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines
            .iter()
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join("\n")
    }
}

/// Copies a child's output to our log until it ends.
async fn forward(output: impl AsyncRead + Unpin, tail: Tail) {
    let mut lines = BufReader::new(output).split(b'\n');
    while let Ok(Some(line)) = lines.next_segment().await {
        let line = String::from_utf8_lossy(&line);
        let line = line.trim_end();
        if line.is_empty() {
            continue;
        }
        tail.push(line);
        // LOG is the server about itself; what is worse is for people, but for
        // the sessions that every stop ends.
        let ended = line.contains("terminating connection due to administrator command");
        if line.contains("PANIC:  ") {
            tracing::error!(target: "postgres", "{line}");
        } else if (line.contains("FATAL:  ") || line.contains("WARNING:  ")) && !ended {
            tracing::warn!(target: "postgres", "{line}");
        } else {
            tracing::debug!(target: "postgres", "{line}");
        }
    }
}

/// Runs a supervisor with the arguments after [`SUPERVISOR_ARG`]; a program
/// that uses this crate calls it first thing in `main`.
pub fn supervisor_main(args: impl Iterator<Item = OsString>) -> ExitCode {
    let outcome = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())
        .and_then(|runtime| runtime.block_on(supervise(args)));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            report(format_args!("failed {}", reason.replace('\n', " ")));
            ExitCode::FAILURE
        }
    }
}

/// Tells the program, if it still listens.
fn report(event: std::fmt::Arguments<'_>) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{event}").and_then(|()| out.flush());
}

async fn supervise(mut args: impl Iterator<Item = OsString>) -> Result<(), String> {
    let mut next = |what: &str| args.next().ok_or_else(|| format!("no {what}"));
    let account = parse_account(&next("account")?)?;
    let stop_signal: Signal = text(next("signal")?)?
        .parse()
        .map_err(|error| format!("signal: {error}"))?;
    let grace: u64 = text(next("timeout")?)?
        .parse()
        .map_err(|error| format!("timeout: {error}"))?;
    let input = next("input")?;
    let program = next("program")?;

    // Whoever stops the service as a whole signals every process of it; the
    // server must outlive the program's draining, so only the pipe counts.
    let _ignored = [
        SignalKind::interrupt(),
        SignalKind::terminate(),
        SignalKind::hangup(),
    ]
    .map(signal)
    .into_iter()
    .collect::<Result<Vec<_>, _>>()
    .map_err(|error| format!("signals: {error}"))?;
    let control = io::stdin()
        .as_fd()
        .try_clone_to_owned()
        .map_err(|error| format!("standard input: {error}"))?;
    let mut control = pipe::Receiver::from_owned_fd(control)
        .map_err(|error| format!("standard input: {error}"))?;
    let output = || {
        io::stderr()
            .as_fd()
            .try_clone_to_owned()
            .map_err(|error| format!("standard error: {error}"))
    };

    let mut command = Command::new(&program);
    command
        .args(args)
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("LC_ALL", "C")
        .current_dir("/")
        .stdin(if input == "-" {
            Stdio::null()
        } else {
            std::fs::File::open(&input)
                .map_err(|error| format!("{}: {error}", input.display()))?
                .into()
        })
        .stdout(output()?)
        .stderr(output()?);
    if let Some(account) = account {
        // The standard library also clears the supplementary groups here.
        command.uid(account.uid).gid(account.gid);
    }
    let mut child = command
        .spawn()
        .map_err(|error| format!("{}: {error}", program.display()))?;
    let pid = child
        .id()
        .and_then(|pid| i32::try_from(pid).ok())
        .ok_or("the child has no pid")?;
    report(format_args!("started {pid}"));

    let status = tokio::select! {
        status = child.wait() => status,
        () = closed(&mut control) => stop(&mut child, Pid::from_raw(pid), stop_signal, Duration::from_millis(grace)).await,
    };
    report_exit(status.map_err(|error| format!("waiting: {error}"))?);
    Ok(())
}

fn text(argument: OsString) -> Result<String, String> {
    argument
        .into_string()
        .map_err(|argument| format!("{} is not text", argument.display()))
}

fn parse_account(argument: &OsStr) -> Result<Option<Account>, String> {
    if argument == "-" {
        return Ok(None);
    }
    argument
        .to_str()
        .and_then(|argument| argument.split_once(':'))
        .and_then(|(uid, gid)| {
            Some(Account {
                uid: uid.parse().ok()?,
                gid: gid.parse().ok()?,
            })
        })
        .map(Some)
        .ok_or_else(|| format!("{} is not an account", argument.display()))
}

/// Waits until the program's end of the pipe is closed.
async fn closed(control: &mut pipe::Receiver) {
    let mut nothing = [0_u8; 64];
    while matches!(control.read(&mut nothing).await, Ok(1..)) {}
}

/// Stops the child: as asked, then by SIGQUIT (PostgreSQL's immediate
/// shutdown), then for good.
async fn stop(
    child: &mut Child,
    pid: Pid,
    first: Signal,
    grace: Duration,
) -> io::Result<ExitStatus> {
    for (signal, limit) in [
        (first, grace),
        (Signal::SIGQUIT, HARD_STOP),
        (Signal::SIGKILL, HARD_STOP),
    ] {
        // It cannot be another process's number: the child is not reaped yet.
        if let Err(errno) = kill(pid, signal) {
            return Err(errno.into());
        }
        if let Ok(status) = timeout(limit, child.wait()).await {
            return status;
        }
    }
    Err(io::Error::from(io::ErrorKind::TimedOut))
}

fn report_exit(status: ExitStatus) {
    match status.code() {
        Some(code) => report(format_args!("exited {code}")),
        None => report(format_args!("exited by a signal: {status}")),
    }
}
