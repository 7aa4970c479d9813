//! What can go wrong, and what the reader can do about it.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Why the embedded server is not there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Another program holds the lock on the data directory.
    #[error("another OpenMake{} already uses the data directory {}", pid_note(*.pid), .data_dir.display())]
    AlreadyRunning {
        /// The directory that both want.
        data_dir: PathBuf,
        /// The process that has it, where the lock file tells.
        pid: Option<u32>,
    },
    /// There is no server to attach to.
    #[error("no OpenMake database is running in {}", .data_dir.display())]
    NotRunning {
        /// The directory that was looked at.
        data_dir: PathBuf,
    },
    /// No PostgreSQL installation where one was named or expected.
    #[error("no PostgreSQL installation was found in {}", list(.searched))]
    BinariesMissing {
        /// Every place that was tried.
        searched: Vec<PathBuf>,
    },
    /// `postgres --version` did not answer as PostgreSQL does.
    #[error("{} is not a PostgreSQL that can be run: {reason}", .path.display())]
    BinariesBroken {
        /// The executable.
        path: PathBuf,
        /// What happened instead.
        reason: String,
    },
    /// The installation lacks the pgvector extension.
    #[error("the PostgreSQL in {} has no pgvector extension", .binaries.display())]
    NoVectorExtension {
        /// The directory of the executables.
        binaries: PathBuf,
    },
    /// The data was written by another major version.
    #[error("{} holds data of PostgreSQL {data}, but the binaries are of version {binaries}", .directory.display())]
    VersionMismatch {
        /// The database's directory.
        directory: PathBuf,
        /// The version that wrote the data.
        data: u32,
        /// The version of the binaries.
        binaries: u32,
    },
    /// The version mark of the data directory is missing or unreadable.
    #[error("{} is not a PostgreSQL data directory: {reason}", .directory.display())]
    NotADatabase {
        /// The database's directory.
        directory: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// As root: the unprivileged account cannot reach a path that it needs.
    #[error("the account that runs PostgreSQL (uid {uid}) cannot enter {}, and needs to for {}", .directory.display(), .needed.display())]
    CannotTraverse {
        /// The account.
        uid: u32,
        /// The first directory on the way that it may not enter.
        directory: PathBuf,
        /// The path that it must reach.
        needed: PathBuf,
    },
    /// As root: no account could be found to run PostgreSQL under.
    #[error("no unprivileged account to run PostgreSQL under: {reason}")]
    NoAccount {
        /// Why the candidates did not serve.
        reason: String,
    },
    /// The data belongs to someone else.
    #[error("{} belongs to uid {owner}, but this program runs as uid {uid}", .directory.display())]
    WrongOwner {
        /// The database's directory.
        directory: PathBuf,
        /// Whom it belongs to.
        owner: u32,
        /// Who we are.
        uid: u32,
    },
    /// The file with the database passwords is missing or unreadable.
    #[error("the database passwords in {} cannot be used: {reason}", .path.display())]
    PasswordFile {
        /// Where it should be.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// No private directory with a short enough path for the socket.
    #[error("no usable directory for the database socket: {reason}")]
    NoRuntimeDirectory {
        /// What was wrong with each candidate.
        reason: String,
    },
    /// The disk is full.
    #[error("the disk that holds {} is full", .path.display())]
    DiskFull {
        /// What could not be written.
        path: PathBuf,
    },
    /// The data directory could not be initialised.
    #[error("the database could not be initialised: {output}")]
    InitFailed {
        /// The last that the tool said.
        output: String,
    },
    /// The server ended instead of becoming ready.
    #[error("PostgreSQL did not start: {output}")]
    StartFailed {
        /// The last that the server said.
        output: String,
    },
    /// A step took longer than it may.
    #[error("{what} did not finish within {} s", .limit.as_secs())]
    TimedOut {
        /// The step.
        what: &'static str,
        /// Its limit.
        limit: Duration,
    },
    /// The supervisor process did not do its part.
    #[error("the database's supervisor process failed: {reason}")]
    Supervisor {
        /// What it reported or failed to report.
        reason: String,
    },
    /// An operation on a file failed.
    #[error("cannot {action} {}: {source}", .path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which path.
        path: PathBuf,
        /// What the system answered.
        source: io::Error,
    },
}

impl Error {
    /// The next step for whoever reads the error, where there is one to name.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::AlreadyRunning { pid, .. } => match pid {
                Some(pid) => format!("stop process {pid} first, or choose another directory with --data-dir"),
                None => "stop it first, or choose another directory with --data-dir".to_owned(),
            },
            Self::NotRunning { .. } => "start it with `openmake serve`".to_owned(),
            Self::BinariesMissing { .. } => "run `make run` once, which fetches PostgreSQL; or name an installation \
                with --postgres-bin; or name a server of your own with DATABASE_URL"
                .to_owned(),
            Self::BinariesBroken { .. } => {
                "fetch PostgreSQL again with `cargo xtask postgres`, or name another with --postgres-bin".to_owned()
            }
            Self::NoVectorExtension { .. } => "install pgvector 0.8 or later for it, or leave --postgres-bin out to \
                use the PostgreSQL that OpenMake brings"
                .to_owned(),
            Self::VersionMismatch { data, .. } => format!(
                "name binaries of PostgreSQL {data} with --postgres-bin; to move on, `openmake backup` with them and `openmake restore` into a new --data-dir without"
            ),
            Self::NotADatabase { directory, .. } => {
                format!("move {} away to start with an empty database", directory.display())
            }
            Self::CannotTraverse { directory, .. } => format!(
                "run `chmod o+x '{}'`, or choose another place (--data-dir, --postgres-bin)",
                directory.display()
            ),
            Self::NoAccount { .. } => {
                "create a system user named `openmake`, for example with `useradd --system openmake`".to_owned()
            }
            Self::WrongOwner { directory, uid, .. } => {
                format!("run as the owner, or run `chown -R {uid} '{}'`", directory.display())
            }
            Self::PasswordFile { path, .. } => format!("restore {} from a backup", path.display()),
            Self::NoRuntimeDirectory { .. } => {
                "set XDG_RUNTIME_DIR to a directory of your own with a short path".to_owned()
            }
            Self::DiskFull { .. } => "free some space there and start again; nothing was lost".to_owned(),
            Self::InitFailed { .. }
            | Self::StartFailed { .. }
            | Self::TimedOut { .. }
            | Self::Supervisor { .. }
            | Self::Io { .. } => return None,
        })
    }

    /// Names a failed file operation, and tells a full disk from the rest.
    pub(crate) fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        if source.kind() == io::ErrorKind::StorageFull
            || source.kind() == io::ErrorKind::QuotaExceeded
        {
            return Self::DiskFull {
                path: path.to_owned(),
            };
        }
        Self::Io {
            action,
            path: path.to_owned(),
            source,
        }
    }
}

/// What PostgreSQL says, whatever the tool, when the disk is full.
const NO_SPACE: [&str; 2] = ["No space left on device", "Disk quota exceeded"];

/// Reads the output of a failed `initdb` or bootstrap.
pub(crate) fn init_failure(output: String, path: &Path, binaries: &Path) -> Error {
    if NO_SPACE.iter().any(|text| output.contains(text)) {
        return Error::DiskFull {
            path: path.to_owned(),
        };
    }
    if output.contains("extension \"vector\" is not available") {
        return Error::NoVectorExtension {
            binaries: binaries.to_owned(),
        };
    }
    Error::InitFailed { output }
}

/// Reads the output of a server that ended while it was starting.
pub(crate) fn start_failure(output: String, path: &Path) -> Error {
    if NO_SPACE.iter().any(|text| output.contains(text)) {
        return Error::DiskFull {
            path: path.to_owned(),
        };
    }
    Error::StartFailed { output }
}

fn pid_note(pid: Option<u32>) -> String {
    pid.map(|pid| format!(" (process {pid})"))
        .unwrap_or_default()
}

fn list(paths: &[PathBuf]) -> String {
    paths
        .iter()
        .map(|path| path.display().to_string())
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_from_other_failures() {
        let at = Path::new("/data/postgres");
        let full = "initdb: error: could not write file \"x\": No space left on device".to_owned();
        assert!(matches!(
            init_failure(full.clone(), at, at),
            Error::DiskFull { .. }
        ));
        assert!(matches!(start_failure(full, at), Error::DiskFull { .. }));
        assert!(matches!(
            start_failure(
                "PANIC:  could not write to file: No space left on device".to_owned(),
                at
            ),
            Error::DiskFull { .. }
        ));
        assert!(matches!(
            start_failure("FATAL:  bad config".to_owned(), at),
            Error::StartFailed { .. }
        ));
        let io_full = Error::io("write", at, io::Error::from(io::ErrorKind::StorageFull));
        assert!(matches!(io_full, Error::DiskFull { .. }));
        assert!(
            io_full
                .hint()
                .is_some_and(|hint| hint.contains("free some space"))
        );
    }

    #[test]
    fn a_missing_pgvector_is_named() {
        let output = "ERROR:  extension \"vector\" is not available".to_owned();
        let error = init_failure(output, Path::new("/data"), Path::new("/opt/pg/bin"));
        assert!(matches!(error, Error::NoVectorExtension { .. }));
    }
}
