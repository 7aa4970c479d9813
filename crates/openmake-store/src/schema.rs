//! Migrations, and which schema a database has.

use std::time::Duration;

use sqlx::{
    ConnectOptions as _, Connection as _, PgConnection,
    migrate::{MigrateError, Migrator},
};
use tokio::time::{Instant, sleep, timeout};

use crate::{Store, StoreError};

/// The advisory lock that whoever migrates holds. Any number will do; it must
/// never change.
pub(crate) const LOCK: i64 = 0x6f70_656e_6d61_6b65;

/// How long to wait for another process that migrates.
const PATIENCE: Duration = Duration::from_mins(15);

/// How often to look whether it is done.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// How long to wait for a connection to migrate on, and for its end.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

pub(crate) fn migrations() -> Migrator {
    let mut migrator = sqlx::migrate!();
    migrator.set_locking(false);
    migrator
}

/// The newest migration that this program has.
pub(crate) fn newest() -> i64 {
    migrations().iter().map(|m| m.version).max().unwrap_or(0)
}

impl Store {
    /// Brings the schema to the newest version, under an advisory lock, so that
    /// several processes may start at once, and chains audit entries that are
    /// older than the chain.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        // On a connection of its own: a migration may take longer than a
        // statement of ours, and closing it is what frees the lock whatever
        // happens.
        let options = (*self.pool.connect_options()).clone().options([
            ("statement_timeout", "0"),
            // Waiting for a table, a migration makes everybody wait behind it.
            ("lock_timeout", "60s"),
            ("idle_in_transaction_session_timeout", "60s"),
        ]);
        let mut connection = timeout(CONNECT_TIMEOUT, options.connect())
            .await
            .map_err(|_| StoreError::timed_out())??;
        wait_for_lock(&mut connection).await?;
        let migrated = migrations().run_direct(None, &mut connection, false).await;
        if timeout(CONNECT_TIMEOUT, connection.close()).await.is_err() {
            tracing::warn!("the connection that migrated the database did not close in time");
        }
        migrated.map_err(explained)?;
        // Their hashes are not for SQL to make.
        let chained = self.audit().chain_waiting().await?;
        if chained > 0 {
            tracing::info!(entries = chained, "entries of the audit trail were chained");
        }
        Ok(())
    }

    /// The newest migration that was applied.
    pub(crate) async fn schema_version(&self) -> Result<Option<i64>, StoreError> {
        // Not checked when compiling: the table is sqlx's, made by the first
        // migration that runs.
        let version = sqlx::query_scalar::<_, Option<i64>>(
            "SELECT max(version) FROM _sqlx_migrations WHERE success",
        )
        .fetch_one(&self.pool)
        .await;
        match version {
            Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some(NO_TABLE) => {
                Ok(None)
            }
            other => Ok(other?),
        }
    }

    /// That the database has all that this program needs. A newer schema is
    /// fine here: migrations keep the version before them working.
    pub(crate) async fn require_schema(&self) -> Result<(), StoreError> {
        let database = self.schema_version().await?;
        let program = newest();
        if database.is_some_and(|version| version >= program) {
            Ok(())
        } else {
            Err(StoreError::SchemaOlder { database, program })
        }
    }
}

/// SQLSTATE `undefined_table`.
const NO_TABLE: &str = "42P01";

/// Takes the lock by asking again and again. A session that waits inside
/// `pg_advisory_lock` holds a snapshot, and an index that the winner builds
/// concurrently would wait for it for ever.
async fn wait_for_lock(connection: &mut PgConnection) -> Result<(), StoreError> {
    let deadline = Instant::now() + PATIENCE;
    let mut waited = false;
    loop {
        let locked = sqlx::query_scalar!(r#"SELECT pg_try_advisory_lock($1) AS "locked!""#, LOCK)
            .fetch_one(&mut *connection)
            .await?;
        if locked {
            return Ok(());
        }
        if Instant::now() >= deadline {
            return Err(StoreError::timed_out());
        }
        if !waited {
            tracing::info!("another process is migrating the database; waiting for it");
            waited = true;
        }
        sleep(LOOK_EVERY).await;
    }
}

fn explained(error: MigrateError) -> StoreError {
    match error {
        MigrateError::VersionMissing(database) if database > newest() => StoreError::SchemaNewer {
            database,
            program: newest(),
        },
        MigrateError::Execute(error) => error.into(),
        other => StoreError::Migrate(other),
    }
}
