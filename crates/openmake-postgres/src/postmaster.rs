//! Reading `postmaster.pid`, and stopping a server that was left behind.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::time::{Instant, sleep};

use crate::error::Error;

/// How often a file or process that has no event of its own is looked at.
pub(crate) const POLL: Duration = Duration::from_millis(5);
/// How long an orphan may take for a fast shutdown, and then for an immediate
/// one.
const ORPHAN_FAST: Duration = Duration::from_secs(30);
const ORPHAN_IMMEDIATE: Duration = Duration::from_secs(10);

/// What a server says about itself in its data directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Postmaster {
    pub(crate) pid: i32,
    pub(crate) port: u16,
    pub(crate) socket_dir: String,
    pub(crate) ready: bool,
}

impl Postmaster {
    /// Reads the file of the server in `directory`. `None` when there is none,
    /// or when it is still being written.
    pub(crate) fn read(directory: &Path) -> Result<Option<Self>, Error> {
        let path = directory.join("postmaster.pid");
        match fs::read_to_string(&path) {
            Ok(content) => Ok(Self::parse(&content)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::io("read", &path, error)),
        }
    }

    fn parse(content: &str) -> Option<Self> {
        let lines: Vec<&str> = content.lines().collect();
        Some(Self {
            // Negative for a server in single-user mode.
            pid: lines
                .first()?
                .trim()
                .parse::<i32>()
                .ok()?
                .checked_abs()
                .filter(|pid| *pid > 1)?,
            port: lines
                .get(3)
                .and_then(|line| line.trim().parse().ok())
                .unwrap_or_default(),
            socket_dir: lines
                .get(4)
                .map(|line| (*line).to_owned())
                .unwrap_or_default(),
            ready: lines.get(7).is_some_and(|line| line.trim() == "ready"),
        })
    }

    /// Whether this is a live server on `directory` that answers.
    pub(crate) fn is_serving(&self, directory: &Path) -> bool {
        self.ready && self.is_ours(directory) && self.answers()
    }

    /// Whether the socket takes connections.
    pub(crate) fn answers(&self) -> bool {
        UnixStream::connect(format!("{}/.s.PGSQL.{}", self.socket_dir, self.port)).is_ok()
    }

    /// Whether the process of that number is a server on `directory`, and not
    /// one that got the number after the server had gone.
    fn is_ours(&self, directory: &Path) -> bool {
        is_alive(self.pid) && works_in(self.pid, directory)
    }
}

/// PostgreSQL's processes have the data directory as their working directory.
#[cfg(target_os = "linux")]
fn works_in(pid: i32, directory: &Path) -> bool {
    let (Ok(theirs), Ok(ours)) = (
        fs::read_link(format!("/proc/{pid}/cwd")),
        fs::canonicalize(directory),
    ) else {
        return false;
    };
    theirs == ours
}

/// Without `/proc`, the command line tells: we start the server with the path
/// of its data directory.
#[cfg(not(target_os = "linux"))]
fn works_in(pid: i32, directory: &Path) -> bool {
    let Ok(output) = std::process::Command::new("ps")
        .args(["-ww", "-o", "command=", "-p", &pid.to_string()])
        .output()
    else {
        return false;
    };
    let command = String::from_utf8_lossy(&output.stdout);
    command.contains("postgres") && command.contains(&*directory.to_string_lossy())
}

fn is_alive(pid: i32) -> bool {
    // EPERM means that it is there and belongs to someone else.
    !matches!(kill(Pid::from_raw(pid), None), Err(Errno::ESRCH))
}

/// Ends a server that a killed program and a killed supervisor left on
/// `directory`, so that ours can start. The caller holds the lock on the data
/// directory, so such a server serves nobody.
pub(crate) async fn stop_orphan(directory: &Path) -> Result<(), Error> {
    for (signal, limit) in [
        (Signal::SIGINT, ORPHAN_FAST),
        (Signal::SIGQUIT, ORPHAN_IMMEDIATE),
    ] {
        let Some(server) = Postmaster::read(directory)? else {
            return Ok(());
        };
        if !server.is_ours(directory) {
            return remove_stale(directory, &server);
        }
        tracing::info!(pid = server.pid, %signal, "stopping a database server that was left behind");
        if let Err(errno) = kill(Pid::from_raw(server.pid), signal) {
            tracing::debug!(pid = server.pid, %errno, "the server went by itself");
        }
        let deadline = Instant::now() + limit;
        while server.is_ours(directory) && Instant::now() < deadline {
            sleep(POLL).await;
        }
        if !server.is_ours(directory) {
            return Ok(());
        }
    }
    Err(Error::TimedOut {
        what: "the stop of a database server that was left behind",
        limit: ORPHAN_IMMEDIATE,
    })
}

/// PostgreSQL clears the file of a process that is gone by itself, but not
/// when the number has gone to another process since, as happens in
/// containers, where numbers are small.
fn remove_stale(directory: &Path, server: &Postmaster) -> Result<(), Error> {
    if !is_alive(server.pid) {
        return Ok(());
    }
    let path = directory.join("postmaster.pid");
    tracing::info!(
        pid = server.pid,
        "process is not the database server that had this number: removing its mark"
    );
    fs::remove_file(&path).map_err(|error| Error::io("remove", &path, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    const READY: &str =
        "4242\n/data/postgres\n1790000000\n5432\n/run/openmake\n\n  1234  5678\nready   \n";

    #[test]
    fn the_file_is_read() {
        let server = Postmaster::parse(READY).unwrap();
        assert_eq!(
            server,
            Postmaster {
                pid: 4242,
                port: 5432,
                socket_dir: "/run/openmake".to_owned(),
                ready: true
            }
        );
        assert!(
            !Postmaster::parse(&READY.replace("ready   ", "starting"))
                .unwrap()
                .ready
        );
        assert_eq!(Postmaster::parse("-77\n/data\n").unwrap().pid, 77);
        assert_eq!(Postmaster::parse(""), None);
        assert_eq!(Postmaster::parse("1\n"), None);
    }

    #[tokio::test]
    async fn another_process_with_the_old_number_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("postmaster.pid");
        let mut bystander = std::process::Command::new("sleep")
            .arg("60")
            .current_dir("/")
            .spawn()
            .unwrap();
        fs::write(&path, READY.replace("4242", &bystander.id().to_string())).unwrap();
        stop_orphan(directory.path()).await.unwrap();
        assert!(!path.exists());
        assert_eq!(bystander.try_wait().unwrap(), None);
        bystander.kill().unwrap();
        bystander.wait().unwrap();
    }
}
