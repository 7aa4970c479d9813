//! A database that is thrown away, to try a backup on.

use std::time::Duration;

use sqlx::{AssertSqlSafe, Executor as _, PgConnection, postgres::PgPoolOptions};

use super::{NAME, TransferError, connection, quoted, staging::allowed};
use crate::Store;

/// How long to wait for a connection to it.
const PATIENCE: Duration = Duration::from_secs(10);
/// One for who loads it, one for who compares.
const CONNECTIONS: u32 = 2;

/// A database beside the one in use.
#[derive(Debug)]
pub struct Scratch {
    connection: PgConnection,
    name: String,
    store: Store,
}

impl Store {
    /// Makes one, anew where a killed process has left one.
    /// [`TransferError::NotAllowed`] where the role may not.
    pub async fn scratch(&self) -> Result<Scratch, TransferError> {
        let mut connection = connection::open(self, NAME).await?;
        // Of all databases of the server only this one has the number; copies
        // of an instance beside each other have the same id.
        let oid = sqlx::query_scalar!(
            r#"SELECT oid::bigint AS "oid!" FROM pg_database WHERE datname = current_database()"#
        )
        .fetch_one(&mut connection)
        .await?;
        let name = format!("openmake_verify_{oid}");
        remove(&mut connection, &name).await?;
        let create = format!("CREATE DATABASE {}", quoted(&name));
        connection
            .execute(AssertSqlSafe(create))
            .await
            .map_err(|source| allowed("create a database", source))?;
        let options = (*self.pool.connect_options()).clone().database(&name);
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(PATIENCE)
            .connect_lazy_with(options);
        Ok(Scratch {
            connection,
            name,
            store: Store { pool },
        })
    }
}

impl Scratch {
    /// The store in it, without a schema.
    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// Throws it away.
    pub async fn discard(mut self) -> Result<(), TransferError> {
        self.store.close().await;
        remove(&mut self.connection, &self.name).await?;
        connection::close(self.connection).await;
        Ok(())
    }
}

async fn remove(connection: &mut PgConnection, name: &str) -> Result<(), TransferError> {
    let drop = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", quoted(name));
    connection.execute(AssertSqlSafe(drop)).await?;
    Ok(())
}
