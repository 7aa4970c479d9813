//! The database of a command: given by its address, or embedded.

use std::path::PathBuf;

use anyhow::Context as _;
use openmake_postgres::{EmbeddedPostgres, Lookup, Settings, attach, locate_binaries};
use openmake_store::{PoolSettings, Store};
use secrecy::{ExposeSecret as _, SecretString};
use tokio_util::task::TaskTracker;

use crate::{config::Data, paths::Paths};

/// A database that this process can use.
#[derive(Debug)]
pub(crate) struct Database {
    /// How to reach it; holds a password.
    pub(crate) url: SecretString,
    /// The server, where this process runs it.
    embedded: Option<EmbeddedPostgres>,
}

impl Database {
    /// For the server: the given database, or an embedded one that nobody else
    /// may be using.
    pub(crate) async fn serve(
        data: &Data,
        paths: &Paths,
        tasks: &TaskTracker,
    ) -> anyhow::Result<Self> {
        if let Some(url) = &data.database_url {
            return Ok(Self {
                url: url.clone(),
                embedded: None,
            });
        }
        let embedded = start(data, paths, tasks).await?;
        Ok(Self {
            url: embedded.connect_info().url().into(),
            embedded: Some(embedded),
        })
    }

    /// For a command: the given database, the running server's embedded one,
    /// or an embedded one for the command's own duration.
    pub(crate) async fn command(
        data: &Data,
        paths: &Paths,
        tasks: &TaskTracker,
    ) -> anyhow::Result<Self> {
        if data.database_url.is_none()
            && let Ok(running) = attach(&paths.data)
        {
            return Ok(Self {
                url: running.url().into(),
                embedded: None,
            });
        }
        Self::serve(data, paths, tasks).await
    }

    /// Whether this process is the only one that can use the database.
    pub(crate) const fn is_embedded(&self) -> bool {
        self.embedded.is_some()
    }

    /// Connects.
    pub(crate) async fn connect(&self, connections: u32) -> anyhow::Result<Store> {
        let settings = PoolSettings {
            max_connections: connections,
            ..PoolSettings::default()
        };
        Store::connect(self.url.expose_secret(), &settings)
            .await
            .context("cannot connect to the database")
    }

    /// Stops the server, where it is ours.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        match self.embedded {
            Some(embedded) => embedded
                .stop()
                .await
                .context("PostgreSQL did not stop well"),
            None => Ok(()),
        }
    }
}

async fn start(
    data: &Data,
    paths: &Paths,
    tasks: &TaskTracker,
) -> anyhow::Result<EmbeddedPostgres> {
    let mut caches = vec![paths.cache.clone()];
    caches.extend(beside_the_program());
    let lookup = Lookup {
        named: data.postgres_bin.clone(),
        caches,
        data_dir: Some(paths.data.clone()),
    };
    let binaries = locate_binaries(&lookup).map_err(with_hint)?;
    let mut settings = Settings::new(&paths.data, binaries);
    settings.runtime_parents.clone_from(&paths.runtime_parents);
    // A few for commands that attach, beside the pool and the listener.
    settings.max_connections = u16::try_from(data.database_connections.saturating_add(20))
        .unwrap_or(u16::MAX)
        .max(40);
    EmbeddedPostgres::start(settings, tasks)
        .await
        .map_err(with_hint)
}

/// An unpacked release has PostgreSQL next to the program.
fn beside_the_program() -> Option<PathBuf> {
    Some(std::env::current_exe().ok()?.parent()?.to_owned())
}

fn with_hint(error: openmake_postgres::Error) -> anyhow::Error {
    match error.hint() {
        Some(hint) => anyhow::Error::new(error).context(Hint(hint)),
        None => error.into(),
    }
}

/// What to do about an error; printed on a line of its own.
#[derive(Debug)]
pub(crate) struct Hint(pub(crate) String);

impl std::fmt::Display for Hint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Hint {}
