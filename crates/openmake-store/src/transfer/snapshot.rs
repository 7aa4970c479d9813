//! Reading everything as of one moment, while others write.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures_util::{StreamExt as _, TryStreamExt as _, stream::BoxStream};
use sqlx::{AssertSqlSafe, Executor as _, PgConnection};
use uuid::Uuid;

use super::{
    AppliedMigration, NAME, SequenceState, TableShape, TransferError, catalogue, column_list,
    connection, quoted,
};
use crate::{Store, StoreError};

/// How often a table may appear or go between the look at the catalogue and
/// the locks before that is an error.
const TRIES: u32 = 5;

/// What is in the database, as of the snapshot.
#[derive(Debug, Clone)]
pub struct Contents {
    /// The instance.
    pub instance: Uuid,
    /// Which master key it uses; none before its first start.
    pub master_key_id: Option<String>,
    /// By the database's clock.
    pub taken_at: DateTime<Utc>,
    /// PostgreSQL's version.
    pub server_version: String,
    /// The schema.
    pub migrations: Vec<AppliedMigration>,
    /// The tables, by name, with their row counts.
    pub tables: Vec<TableShape>,
    /// The sequences.
    pub sequences: Vec<SequenceState>,
}

/// One moment of the database. Nobody's writing waits for it; only a change of
/// the schema does.
#[derive(Debug)]
pub struct Snapshot {
    connection: PgConnection,
    contents: Contents,
}

impl Store {
    /// Takes a snapshot on a connection of its own.
    pub async fn snapshot(&self) -> Result<Snapshot, TransferError> {
        let mut connection = connection::open(self, NAME).await?;
        let tables = begin(&mut connection).await?;
        let contents = describe(&mut connection, tables).await?;
        Ok(Snapshot {
            connection,
            contents,
        })
    }
}

impl Snapshot {
    /// What there is.
    pub const fn contents(&self) -> &Contents {
        &self.contents
    }

    /// The rows of a table, as `COPY` writes them: text, a line a row. Read it
    /// to its end before the next one.
    pub async fn rows(
        &mut self,
        table: &TableShape,
    ) -> Result<BoxStream<'_, Result<Bytes, StoreError>>, TransferError> {
        // By a query, because a partitioned table can be copied no other way.
        let statement = format!(
            "COPY (SELECT {} FROM {}) TO STDOUT",
            column_list(table),
            quoted(&table.name)
        );
        let rows = self.connection.copy_out_raw(&statement).await?;
        Ok(rows.map_err(StoreError::from).boxed())
    }

    /// Lets go of the snapshot.
    pub async fn close(self) {
        connection::close(self.connection).await;
    }
}

/// Begins the transaction with a lock on every table, so that none is altered
/// or dropped while it is read. Locking takes no snapshot yet, so whatever was
/// committed before the locks were there is in it.
async fn begin(connection: &mut PgConnection) -> Result<Vec<TableShape>, TransferError> {
    for _ in 0..TRIES {
        let seen = catalogue::tables(connection).await?;
        connection
            .execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            .await?;
        let names: Vec<String> = seen.iter().map(|table| quoted(&table.name)).collect();
        if names.is_empty() {
            return Err(TransferError::Unsupported(
                "the database has no tables; start `openmake serve` once".to_owned(),
            ));
        }
        let lock = format!("LOCK TABLE {} IN ACCESS SHARE MODE", names.join(", "));
        connection.execute(AssertSqlSafe(lock)).await?;
        if catalogue::tables(connection).await? == seen {
            return Ok(seen);
        }
        // A partition came or went in between: look again.
        connection.execute("ROLLBACK").await?;
    }
    Err(TransferError::Unsupported(
        "the schema changes too often to be read".to_owned(),
    ))
}

async fn describe(
    connection: &mut PgConnection,
    mut tables: Vec<TableShape>,
) -> Result<Contents, TransferError> {
    let row = sqlx::query!(
        r#"SELECT id, master_key_id, now() AS "taken_at!",
                  current_setting('server_version') AS "server_version!"
             FROM instance"#
    )
    .fetch_one(&mut *connection)
    .await?;
    for table in &mut tables {
        table.rows = catalogue::count(connection, &table.name).await?;
    }
    Ok(Contents {
        instance: row.id,
        master_key_id: row.master_key_id,
        taken_at: row.taken_at,
        server_version: row.server_version,
        migrations: catalogue::migrations(connection).await?,
        // Sequences stand outside of transactions: read after the snapshot was
        // taken, they are not behind any row in it.
        sequences: catalogue::sequences(connection).await?,
        tables,
    })
}
