//! What every role that needs the database stands on.

use anyhow::Context as _;
use openmake_store::{Store, secrets::KeyRing, wakeups::Heard};
use openmake_types::ProcessId;
use tokio::sync::broadcast;

use super::{Apart, Server, make_private_dir};
use crate::{
    database::{Database, Hint},
    master_key,
    paths::Paths,
};

/// The database, migrated, with its key.
pub(super) struct Foundation {
    pub(super) store: Store,
    pub(super) keys: KeyRing,
    pub(super) process: ProcessId,
    /// What other processes changed.
    pub(super) wakeups: broadcast::Sender<Heard>,
    /// Whether no other process uses the database.
    pub(super) single_process: bool,
}

impl Foundation {
    /// Connects, migrates, and reads the master key, or makes one for a new
    /// database.
    pub(super) async fn lay(
        apart: &Apart,
        paths: &Paths,
        database: &Database,
        server: &Server<'_>,
    ) -> anyhow::Result<Self> {
        let (config, world) = (server.config, server.world);
        make_private_dir(&paths.data)?;
        let store = database.connect(config.data.database_connections).await?;
        store
            .migrate()
            .await
            .context("the database could not be migrated")?;
        let bound = store.master_key_id().await?;
        let (file, bound) = (&paths.master_key, bound.as_deref());
        master_key::finish_restore(file, bound, world.clock.now())?;
        let keys = if apart.shares_database() {
            master_key::read_shared(file, bound, world.ids.as_ref())?
        } else {
            master_key::read_or_create(file, world.ids.as_ref())?
        };
        store.check_master_key(&keys).await.map_err(|error| {
            anyhow::Error::new(error).context(Hint(format!(
                "{} is not the key that this database was used with; put that key file back",
                paths.master_key.display()
            )))
        })?;
        let wakeups = store.wakeups().listen(&world.tasks, world.stop.clone());
        Ok(Self {
            store,
            keys,
            process: ProcessId::from_uuid(world.ids.uuid(world.clock.now())),
            wakeups,
            single_process: database.is_embedded(),
        })
    }
}
