//! Taking tables into a schema of their own, beside the one in use.

use chrono::{DateTime, Utc};
use sqlx::{
    AssertSqlSafe, Executor as _, PgConnection,
    migrate::{MigrateError, Migration, Migrator},
    postgres::PgCopyIn,
};

use super::{
    AppliedMigration, NAME, SequenceState, TableShape, TransferError, catalogue, column_list,
    connection, quoted, require_known, sealed, swap,
};
use crate::{
    Store, StoreError,
    audit::{self, NewAudit},
    schema, wakeups,
};

/// The schema that is filled. One that a killed restore has left is dropped by
/// the next.
pub(super) const SCHEMA: &str = "openmake_restoring";

/// SQLSTATE `insufficient_privilege`.
const NOT_ALLOWED: &str = "42501";

/// A schema that is being filled. Dropping it leaves the database as it was,
/// but for what the next one clears away.
#[derive(Debug)]
pub struct Staging {
    connection: PgConnection,
    /// The schema in use, whose place this one takes.
    home: String,
    foreign_keys: Vec<ForeignKey>,
    tables: Vec<TableShape>,
}

/// A foreign key that waits for its rows.
#[derive(Debug)]
struct ForeignKey {
    table: String,
    name: String,
    definition: String,
}

/// A table that is being filled.
pub struct Loading<'a>(PgCopyIn<&'a mut PgConnection>);

impl std::fmt::Debug for Loading<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Loading").finish_non_exhaustive()
    }
}

impl Store {
    /// Makes the schema of these migrations, empty, beside the one in use.
    ///
    /// No server may run on the database, and none can start until this is
    /// over: it holds the locks that both take.
    pub async fn stage(&self, migrations: &[AppliedMigration]) -> Result<Staging, TransferError> {
        require_known(migrations)?;
        let mut connection = connection::open(self, NAME).await?;
        for lock in [schema::LOCK, wakeups::PRESENCE] {
            let locked =
                sqlx::query_scalar!(r#"SELECT pg_try_advisory_lock($1) AS "locked!""#, lock)
                    .fetch_one(&mut connection)
                    .await?;
            if !locked {
                return Err(TransferError::InUse);
            }
        }
        let home = sqlx::query_scalar!(r#"SELECT current_schema()::text AS "home!""#)
            .fetch_one(&mut connection)
            .await?;
        make_schema(&mut connection).await?;
        set_search_path(&mut connection).await?;
        exactly(migrations)
            .run_direct(None, &mut connection, false)
            .await
            .map_err(migrating)?;
        let tables = catalogue::tables(&mut connection).await?;
        let foreign_keys = drop_foreign_keys(&mut connection).await?;
        set_triggers(&mut connection, "DISABLE").await?;
        // What migrations insert comes from the backup.
        let names: Vec<String> = tables.iter().map(|table| quoted(&table.name)).collect();
        let truncate = format!("TRUNCATE {}", names.join(", "));
        connection.execute(AssertSqlSafe(truncate)).await?;
        Ok(Staging {
            connection,
            home,
            foreign_keys,
            tables,
        })
    }
}

impl Staging {
    /// Begins with a table; its partitions are made.
    pub async fn load(&mut self, table: &TableShape) -> Result<Loading<'_>, TransferError> {
        let unknown = |what: &str| TransferError::NotInSchema(what.to_owned());
        let ours = self.tables.iter().find(|ours| ours.name == table.name);
        let ours = ours.ok_or_else(|| unknown(&table.name))?;
        for column in &table.columns {
            if !ours.columns.contains(column) {
                return Err(unknown(&format!("{}.{}", table.name, column.name)));
            }
        }
        for partition in &table.partitions {
            let make = format!(
                "CREATE TABLE {} PARTITION OF {} FOR VALUES FROM ('{}') TO ('{}')",
                quoted(&partition.name),
                quoted(&table.name),
                partition.from,
                partition.to,
            );
            self.connection.execute(AssertSqlSafe(make)).await?;
        }
        let copy = format!(
            "COPY {} ({}) FROM STDIN",
            quoted(&table.name),
            column_list(table)
        );
        Ok(Loading(self.connection.copy_in_raw(&copy).await?))
    }

    /// Puts sequences and foreign keys in place, which checks every reference,
    /// and brings the schema to the newest version.
    pub async fn complete(&mut self, sequences: &[SequenceState]) -> Result<(), TransferError> {
        for sequence in sequences {
            if let Some(last) = sequence.last {
                sqlx::query("SELECT setval($1::regclass, $2)")
                    .bind(quoted(&sequence.name))
                    .bind(last)
                    .execute(&mut self.connection)
                    .await?;
            }
        }
        for key in &self.foreign_keys {
            let add = format!(
                "ALTER TABLE {} ADD CONSTRAINT {} {}",
                key.table,
                quoted(&key.name),
                key.definition
            );
            self.connection.execute(AssertSqlSafe(add)).await?;
        }
        set_triggers(&mut self.connection, "ENABLE").await?;
        schema::migrations()
            .run_direct(None, &mut self.connection, false)
            .await
            .map_err(migrating)?;
        Ok(())
    }

    /// Makes it the instance that runs next: what was going on when the backup
    /// was made is over. The act is recorded in its own audit trail.
    pub async fn settle(&mut self, audit: &NewAudit) -> Result<(), TransferError> {
        sqlx::query!(
            "UPDATE backups SET status = 'failed', finished_at = $1,
                                detail = 'the instance was restored from a backup made meanwhile'
              WHERE status IN ('waiting', 'running')",
            audit.at,
        )
        .execute(&mut self.connection)
        .await?;
        audit::write(&mut self.connection, audit, None).await?;
        Ok(())
    }

    /// Takes away what needs a master key that is not at hand, and says what
    /// must be entered again.
    pub async fn forget_key(&mut self, now: DateTime<Utc>) -> Result<Vec<String>, TransferError> {
        sealed::forget_key(&mut self.connection, now).await
    }

    /// Takes the place of the schema in use, in one transaction. Where that
    /// fails, nothing is left of it.
    pub async fn swap(mut self, previous: &swap::Previous) -> Result<(), TransferError> {
        let swapped = self.take_place(previous).await;
        if swapped.is_err()
            && let Err(error) = drop_schema(&mut self.connection).await
        {
            tracing::debug!(%error, "what was staged is cleared by the next restore");
        }
        connection::close(self.connection).await;
        swapped
    }

    async fn take_place(&mut self, previous: &swap::Previous) -> Result<(), TransferError> {
        // Plans are made from statistics that a fresh table has none of.
        let names: Vec<String> = self.tables.iter().map(|t| quoted(&t.name)).collect();
        let analyze = format!("ANALYZE {}", names.join(", "));
        self.connection.execute(AssertSqlSafe(analyze)).await?;
        swap::swap(&mut self.connection, &self.home, previous).await
    }

    /// Gives up: nothing is left of it.
    pub async fn discard(mut self) -> Result<(), TransferError> {
        drop_schema(&mut self.connection).await?;
        connection::close(self.connection).await;
        Ok(())
    }
}

impl Loading<'_> {
    /// Adds rows, cut anywhere.
    pub async fn send(&mut self, rows: &[u8]) -> Result<(), TransferError> {
        self.0.send(rows).await?;
        Ok(())
    }

    /// Ends the table and says how many rows it got.
    pub async fn finish(self) -> Result<u64, TransferError> {
        Ok(self.0.finish().await?)
    }
}

async fn drop_schema(connection: &mut PgConnection) -> Result<(), TransferError> {
    let drop = format!("DROP SCHEMA IF EXISTS {SCHEMA} CASCADE");
    connection.execute(AssertSqlSafe(drop)).await?;
    Ok(())
}

async fn make_schema(connection: &mut PgConnection) -> Result<(), TransferError> {
    drop_schema(connection).await?;
    let create = format!("CREATE SCHEMA {SCHEMA}");
    match connection.execute(AssertSqlSafe(create)).await {
        Ok(_) => Ok(()),
        Err(source) => Err(allowed("make a schema in it", source)),
    }
}

/// An error, told apart where it is one of rights.
pub(super) fn allowed(what: &'static str, source: sqlx::Error) -> TransferError {
    let refused = source
        .as_database_error()
        .is_some_and(|error| error.code().as_deref() == Some(NOT_ALLOWED));
    if refused {
        TransferError::NotAllowed { what, source }
    } else {
        source.into()
    }
}

/// New objects go into the staging schema. The schemas of extensions follow,
/// since types such as pgvector's are found by name; whatever migrations name
/// besides is found in the staging schema first.
async fn set_search_path(connection: &mut PgConnection) -> Result<(), TransferError> {
    let extensions = sqlx::query_scalar!(
        r#"SELECT DISTINCT quote_ident(n.nspname) AS "schema!"
             FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
            WHERE n.nspname <> 'pg_catalog'"#
    )
    .fetch_all(&mut *connection)
    .await?;
    let path = std::iter::once(SCHEMA.to_owned()).chain(extensions);
    let path: Vec<String> = path.collect();
    let set = format!("SET search_path = {}", path.join(", "));
    connection.execute(AssertSqlSafe(set)).await?;
    Ok(())
}

/// A migrator of these migrations and no others.
fn exactly(migrations: &[AppliedMigration]) -> Migrator {
    let wanted = |ours: &&Migration| {
        migrations
            .iter()
            .any(|theirs| theirs.version == ours.version)
    };
    let all = schema::migrations();
    let mut migrator = Migrator::with_migrations(all.iter().filter(wanted).cloned().collect());
    migrator.set_locking(false);
    migrator
}

fn migrating(error: MigrateError) -> TransferError {
    match error {
        MigrateError::Execute(error) => error.into(),
        other => StoreError::Migrate(other).into(),
    }
}

/// Takes away all foreign keys: tables are then filled in any order, in
/// themselves too, and every reference is checked once, at the end.
async fn drop_foreign_keys(
    connection: &mut PgConnection,
) -> Result<Vec<ForeignKey>, TransferError> {
    let rows = sqlx::query!(
        r#"SELECT conrelid::regclass::text AS "table!", conname::text AS "name!",
                  pg_get_constraintdef(oid) AS "definition!"
             FROM pg_constraint
            WHERE contype = 'f' AND conparentid = 0
              AND connamespace = to_regnamespace(quote_ident(current_schema()))
            ORDER BY conrelid::regclass::text, conname"#
    )
    .fetch_all(&mut *connection)
    .await?;
    let mut keys = Vec::new();
    for row in rows {
        let drop = format!(
            "ALTER TABLE {} DROP CONSTRAINT {}",
            row.table,
            quoted(&row.name)
        );
        connection.execute(AssertSqlSafe(drop)).await?;
        keys.push(ForeignKey {
            table: row.table,
            name: row.name,
            definition: row.definition,
        });
    }
    Ok(keys)
}

/// Turns the tables' own triggers off and on: rows come as they were, and what
/// triggers did about them comes as rows.
async fn set_triggers(
    connection: &mut PgConnection,
    what: &'static str,
) -> Result<(), TransferError> {
    let tables = sqlx::query_scalar!(
        r#"SELECT DISTINCT t.tgrelid::regclass::text AS "table!"
             FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
            WHERE NOT t.tgisinternal AND t.tgparentid = 0
              AND c.relnamespace = to_regnamespace(quote_ident(current_schema()))"#
    )
    .fetch_all(&mut *connection)
    .await?;
    for table in tables {
        let set = format!("ALTER TABLE {table} {what} TRIGGER USER");
        connection.execute(AssertSqlSafe(set)).await?;
    }
    Ok(())
}
