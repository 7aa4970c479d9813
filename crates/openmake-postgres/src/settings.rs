//! What the caller decides about the server.

use std::path::PathBuf;
use std::time::Duration;

use crate::binaries::Binaries;

/// How hard the server tries to keep what it has accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// A commit is on the disk before it is answered.
    Durable,
    /// Nothing is flushed: for databases that are thrown away, such as tests'.
    Scratch,
}

/// Where the server can be reached, beside its Unix socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listen {
    /// Only through the Unix socket.
    UnixSocket,
    /// Also on 127.0.0.1, for tools that cannot use a Unix socket.
    Loopback {
        /// The TCP port.
        port: u16,
    },
}

/// Everything that [`crate::EmbeddedPostgres::start`] needs to know.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The program's data directory; the database is `postgres/` inside it.
    pub data_dir: PathBuf,
    /// The PostgreSQL to run.
    pub binaries: Binaries,
    /// Where the private directory of the socket is made; the first that fits
    /// is taken, and `/tmp` is tried last.
    pub runtime_parents: Vec<PathBuf>,
    /// As root: the name or number of the account that runs PostgreSQL.
    /// Without one, the owner of existing data, the user `openmake`, or the
    /// uid 52416 is taken. Ignored for other users.
    pub account: Option<String>,
    /// The executable that answers to [`crate::SUPERVISOR_ARG`]; without one,
    /// this program's own.
    pub supervisor: Option<PathBuf>,
    /// Where the server listens.
    pub listen: Listen,
    /// How hard it tries.
    pub durability: Durability,
    /// How many connections it accepts.
    pub max_connections: u16,
    /// Memory for its page cache, in MiB.
    pub shared_buffers_mib: u32,
    /// How long the server may take to become ready. Recovery after a crash
    /// counts, so the limit is generous.
    pub start_timeout: Duration,
    /// How long a graceful stop may take before the server is told to stop at
    /// once, which is safe and makes the next start recover.
    pub stop_timeout: Duration,
}

impl Settings {
    /// The settings of a server for people, in `data_dir`.
    pub fn new(data_dir: impl Into<PathBuf>, binaries: Binaries) -> Self {
        Self {
            data_dir: data_dir.into(),
            binaries,
            runtime_parents: Vec::new(),
            account: None,
            supervisor: None,
            listen: Listen::UnixSocket,
            durability: Durability::Durable,
            max_connections: 100,
            shared_buffers_mib: 64,
            start_timeout: Duration::from_mins(5),
            stop_timeout: Duration::from_mins(1),
        }
    }
}
