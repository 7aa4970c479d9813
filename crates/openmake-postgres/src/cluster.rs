//! The data directory: its lock, its first initialisation, its configuration.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::signal::Signal;
use nix::unistd::geteuid;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use crate::account::Identity;
use crate::binaries::recorded_major;
use crate::connect::{APPLICATION, Passwords, SUPERUSER, password_file};
use crate::error::{Error, init_failure};
use crate::files::{give, give_tree, make_dir, random_hex, sync_dir, write_private};
use crate::settings::{Durability, Settings};
use crate::supervisor::{Exit, Job, Supervised};

/// How long `initdb` or the bootstrap may take.
const INIT_TIMEOUT: Duration = Duration::from_mins(2);
/// Begins the name of a directory in which an initialisation is under way.
const STAGING: &str = "postgres.initdb-";

/// The database's directory inside the program's data directory.
pub(crate) fn directory(data_dir: &Path) -> PathBuf {
    data_dir.join("postgres")
}

/// Makes the program's data directory if it is not there, and gives its real
/// path. As root, others may pass through it, because PostgreSQL's account
/// must; what is private in it is so by its own mode.
pub(crate) fn prepare_data_dir(path: &Path) -> Result<PathBuf, Error> {
    let error = |error| Error::io("create", path, error);
    if !path.exists() {
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(error)?;
        }
        match make_dir(path, if geteuid().is_root() { 0o711 } else { 0o700 }) {
            Err(problem) if problem.kind() != ErrorKind::AlreadyExists => {
                return Err(error(problem));
            }
            _ => {}
        }
    }
    fs::canonicalize(path).map_err(|error| Error::io("find", path, error))
}

/// The lock on the data directory, held until dropped, also by a kill.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    pub(crate) fn take(data_dir: &Path) -> Result<Self, Error> {
        let path = data_dir.join("openmake.lock");
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(|error| Error::io("open", &path, error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                let pid = file
                    .read_to_string(&mut holder)
                    .ok()
                    .and_then(|_| holder.trim().parse().ok());
                return Err(Error::AlreadyRunning {
                    data_dir: data_dir.to_owned(),
                    pid,
                });
            }
            Err(TryLockError::Error(error)) => return Err(Error::io("lock", &path, error)),
        }
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{}", std::process::id()))
            .map_err(|error| Error::io("write", &path, error))?;
        Ok(Self { _file: file })
    }
}

/// The database's directory and who may touch it.
pub(crate) struct Cluster<'a> {
    pub(crate) settings: &'a Settings,
    /// The program's data directory, without symbolic links.
    pub(crate) data_dir: &'a Path,
    pub(crate) identity: Identity,
    /// The major version of the binaries.
    pub(crate) major: u32,
}

impl Cluster<'_> {
    /// Initialises the database on first use and checks it later. Gives its
    /// passwords.
    pub(crate) async fn ensure(&self, tasks: &TaskTracker) -> Result<Passwords, Error> {
        self.remove_abandoned();
        let directory = directory(self.data_dir);
        if !directory.exists() {
            return self.initialise(&directory, tasks).await;
        }
        let data = recorded_major(&directory).ok_or_else(|| Error::NotADatabase {
            directory: directory.clone(),
            reason: "its version mark (PG_VERSION) is missing or unreadable".to_owned(),
        })?;
        if data != self.major {
            return Err(Error::VersionMismatch {
                directory,
                data,
                binaries: self.major,
            });
        }
        Passwords::read(&password_file(self.data_dir))
    }

    /// Initialises beside the final place and moves the result there, so that
    /// a kill at any moment leaves either nothing or a whole database.
    async fn initialise(&self, directory: &Path, tasks: &TaskTracker) -> Result<Passwords, Error> {
        tracing::info!(directory = %directory.display(), "initialising the database");
        let staging = self
            .data_dir
            .join(format!("{STAGING}{}", random_hex::<6>()));
        make_dir(&staging, 0o700).map_err(|error| Error::io("create", &staging, error))?;
        give(&staging, self.identity.initialiser)?;
        let outcome = self.initialise_in(&staging, directory, tasks).await;
        if let Err(error) = fs::remove_dir_all(&staging) {
            tracing::debug!(%error, "an initialisation's directory stays until the next start");
        }
        outcome
    }

    async fn initialise_in(
        &self,
        staging: &Path,
        directory: &Path,
        tasks: &TaskTracker,
    ) -> Result<Passwords, Error> {
        let passwords = Passwords::generate();
        let data = staging.join("data");
        let password = staging.join("superuser-password");
        write_private(&password, &passwords.superuser, self.identity.initialiser)?;
        let mut args = vec![
            OsString::from("--no-instructions"),
            "--data-checksums".into(),
            "--auth=scram-sha-256".into(),
            "--encoding=UTF8".into(),
            "--locale=C".into(),
            format!("--username={SUPERUSER}").into(),
            prefixed("--pwfile=", &password),
            prefixed("--pgdata=", &data),
        ];
        if self.major >= 17 {
            args.extend([
                "--locale-provider=builtin".into(),
                "--builtin-locale=C.UTF-8".into(),
            ]);
        }
        if self.settings.durability == Durability::Scratch {
            args.push("--no-sync".into());
        }
        self.run("initdb", args, None, tasks).await?;

        self.include_configuration(&data)?;
        self.write_configuration(&data)?;
        let script = staging.join("bootstrap.sql");
        write_private(&script, &bootstrap(&passwords), None)?;
        let args = vec![
            OsString::from("--single"),
            "-D".into(),
            data.clone().into(),
            "-c".into(),
            "exit_on_error=on".into(),
            "template1".into(),
        ];
        self.run("postgres", args, Some(&script), tasks).await?;

        if let Some(server) = self.identity.server
            && self.identity.initialiser != self.identity.server
        {
            give_tree(&data, server)?;
        }
        passwords.write(&password_file(self.data_dir))?;
        fs::rename(&data, directory).map_err(|error| Error::io("create", directory, error))?;
        sync_dir(self.data_dir)?;
        Ok(passwords)
    }

    async fn run(
        &self,
        program: &str,
        args: Vec<OsString>,
        input: Option<&Path>,
        tasks: &TaskTracker,
    ) -> Result<(), Error> {
        let job = Job {
            supervisor: self.settings.supervisor.as_deref(),
            account: self.identity.initialiser,
            stop_signal: Signal::SIGTERM,
            stop_timeout: Duration::from_secs(5),
            input,
            program: self.settings.binaries.program(program),
            args,
        };
        let mut process = Supervised::start(job, tasks).await?;
        match timeout(INIT_TIMEOUT, process.exited()).await {
            Ok(Exit::Success) => Ok(()),
            Ok(Exit::Failure) => {
                let output = process.tail().await;
                Err(init_failure(
                    output,
                    self.data_dir,
                    self.settings.binaries.dir(),
                ))
            }
            Err(_) => Err(Error::TimedOut {
                what: "the database's initialisation",
                limit: INIT_TIMEOUT,
            }),
        }
    }

    /// Makes PostgreSQL read our file after its own, and an administrator's
    /// after ours.
    fn include_configuration(&self, data: &Path) -> Result<(), Error> {
        let path = data.join("postgresql.conf");
        let mut content =
            fs::read_to_string(&path).map_err(|error| Error::io("read", &path, error))?;
        content.push_str("\ninclude 'openmake.conf'\ninclude_if_exists 'local.conf'\n");
        write_private(&path, &content, self.identity.initialiser)
    }

    /// Writes our part of the configuration, anew at every start.
    pub(crate) fn write_configuration(&self, data: &Path) -> Result<(), Error> {
        let owner = if data == directory(self.data_dir) {
            self.identity.server
        } else {
            self.identity.initialiser
        };
        write_private(
            &data.join("openmake.conf"),
            &configuration(self.settings),
            owner,
        )
    }

    /// Removes what initialisations that were killed have left.
    fn remove_abandoned(&self) {
        let Ok(entries) = fs::read_dir(self.data_dir) else {
            return;
        };
        for entry in entries.flatten() {
            if entry.file_name().to_string_lossy().starts_with(STAGING)
                && let Err(error) = fs::remove_dir_all(entry.path())
            {
                tracing::warn!(path = %entry.path().display(), %error, "an abandoned initialisation cannot be removed");
            }
        }
    }
}

fn prefixed(flag: &str, path: &Path) -> OsString {
    let mut argument = OsString::from(flag);
    argument.push(path);
    argument
}

/// What is done once as the superuser. It runs in `template1`, so that every
/// later database has pgvector, which only a superuser can add.
fn bootstrap(passwords: &Passwords) -> String {
    format!(
        "CREATE EXTENSION vector\n\
         CREATE ROLE {APPLICATION} LOGIN CREATEDB PASSWORD '{}'\n\
         CREATE DATABASE {APPLICATION} OWNER {APPLICATION}\n",
        passwords.application
    )
}

fn configuration(settings: &Settings) -> String {
    let mut text = format!(
        "# Written by OpenMake at every start. Put settings of your own in local.conf\n\
         # beside this file, which is read after it.\n\
         cluster_name = 'openmake'\n\
         max_connections = {}\n\
         shared_buffers = '{}MB'\n\
         password_encryption = 'scram-sha-256'\n\
         timezone = 'UTC'\n\
         log_timezone = 'UTC'\n\
         lc_messages = 'C'\n\
         jit = off\n\
         max_wal_size = '256MB'\n\
         min_wal_size = '64MB'\n\
         # The program reads the log. It gets errors of its own statements from\n\
         # the connection, and what they contain is not for a log.\n\
         logging_collector = off\n\
         log_destination = 'stderr'\n\
         log_line_prefix = '[%p] '\n\
         log_min_messages = log\n\
         log_min_error_statement = panic\n\
         log_error_verbosity = terse\n\
         log_checkpoints = off\n",
        settings.max_connections, settings.shared_buffers_mib
    );
    let settings = match settings.durability {
        Durability::Durable => "fsync = on\nsynchronous_commit = on\nfull_page_writes = on\n",
        Durability::Scratch => {
            "fsync = off\nsynchronous_commit = off\nfull_page_writes = off\nautovacuum = off\n"
        }
    };
    let _ = text.write_str(settings);
    text
}
