//! The predecessor's PostgreSQL, from its version 1.5 on.
//!
//! A foreign database is a file format, so its SQL stands here and not in the
//! store. Rows come as JSON: whatever types a build gave its columns, they
//! arrive as something.

use std::{str::FromStr as _, sync::Arc, time::Duration};

use futures_util::TryStreamExt as _;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Executor as _, PgConnection, Row as _,
    postgres::PgConnectOptions,
};
use tokio::time::timeout;

use super::{
    cell::{Cell, Row},
    source::{Event, Feed, SourceError, TABLES},
};

/// How long to wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A database that is being read, as of one moment.
#[derive(Debug)]
pub(crate) struct Database(PgConnection);

/// Connects, and begins a transaction that can change nothing.
pub(crate) async fn open(url: &SecretString) -> Result<Database, SourceError> {
    let url = url.expose_secret();
    if !["postgres://", "postgresql://"]
        .iter()
        .any(|scheme| url.starts_with(scheme))
    {
        return Err(SourceError::Address);
    }
    let options = PgConnectOptions::from_str(url)
        .map_err(|_| SourceError::Address)?
        .application_name("openmake import")
        .options([
            ("timezone", "UTC"),
            ("statement_timeout", "0"),
            ("lock_timeout", "10s"),
            ("idle_in_transaction_session_timeout", "0"),
        ]);
    let connecting = timeout(CONNECT_TIMEOUT, options.connect()).await;
    let mut connection = connecting.map_err(|_| sqlx::Error::PoolTimedOut)??;
    connection
        .execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        .await?;
    Ok(Database(connection))
}

/// A column and whether it is JSON.
type Columns = Vec<(String, bool)>;

impl Database {
    /// Sends everything, table by table.
    pub(crate) async fn send(&mut self, feed: &mut Feed) -> Result<(), SourceError> {
        let names: Vec<String> = sqlx::query_scalar(
            "SELECT c.relname::text FROM pg_class c
              WHERE c.relnamespace = to_regnamespace(quote_ident(current_schema())) AND c.relkind IN ('r', 'p')
                AND NOT c.relispartition ORDER BY 1",
        )
        .fetch_all(&mut self.0)
        .await?;
        for table in TABLES {
            let is_there = names.iter().any(|name| name == table);
            let rows = if is_there {
                self.count(table).await?
            } else {
                0
            };
            feed.send_async(Event::Table { table, rows }).await?;
            if is_there {
                self.rows(table, feed).await?;
            }
            feed.flush_async().await?;
        }
        for name in names.iter().filter(|name| !TABLES.contains(&&***name)) {
            let rows = self.count(name).await?;
            let table = name.clone();
            feed.send_async(Event::Unknown { table, rows }).await?;
        }
        Ok(())
    }

    async fn count(&mut self, table: &str) -> Result<u64, SourceError> {
        let count: i64 = sqlx::query_scalar(AssertSqlSafe(format!(
            "SELECT count(*) FROM {}",
            quoted(table)
        )))
        .fetch_one(&mut self.0)
        .await?;
        Ok(count.unsigned_abs())
    }

    async fn columns(&mut self, table: &str) -> Result<Columns, SourceError> {
        Ok(sqlx::query_as(
            "SELECT a.attname::text, a.atttypid IN ('json'::regtype, 'jsonb'::regtype)
               FROM pg_attribute a
              WHERE a.attrelid = (quote_ident(current_schema()) || '.' || quote_ident($1))::regclass
                AND a.attnum > 0 AND NOT a.attisdropped
              ORDER BY a.attnum",
        )
        .bind(table)
        .fetch_all(&mut self.0)
        .await?)
    }

    async fn rows(&mut self, table: &str, feed: &mut Feed) -> Result<(), SourceError> {
        let columns = self.columns(table).await?;
        let has = |name: &str| columns.iter().any(|(column, _)| column == name);
        // Messages come conversation by conversation in the order of their
        // times.
        let order: Vec<&str> = if table == "conversation_messages" {
            ["session_id", "created_at", "id"]
                .into_iter()
                .filter(|name| has(name))
                .collect()
        } else {
            ["id"].into_iter().filter(|name| has(name)).collect()
        };
        let order = if order.is_empty() {
            String::new()
        } else {
            format!(" ORDER BY {}", order.join(", "))
        };
        let select = format!("SELECT to_json(t)::text FROM {} t{order}", quoted(table));
        let names: Arc<[String]> = columns
            .iter()
            .map(|(name, _)| name.to_lowercase())
            .collect();
        let mut rows = sqlx::query(AssertSqlSafe(select)).fetch(&mut self.0);
        let mut place = 0;
        while let Some(row) = rows.try_next().await? {
            place += 1;
            let text: String = row.try_get(0)?;
            let mut fields: Value =
                serde_json::from_str(&text).map_err(|error| sqlx::Error::Decode(error.into()))?;
            let cells = columns
                .iter()
                .map(|(name, is_json)| {
                    let value = fields.get_mut(name).map(Value::take).unwrap_or_default();
                    cell(value, *is_json)
                })
                .collect();
            let columns = Arc::clone(&names);
            feed.row_async(Row {
                columns,
                cells,
                place,
            })
            .await?;
        }
        Ok(())
    }
}

fn cell(value: Value, is_json: bool) -> Cell {
    match value {
        Value::Null => Cell::Null,
        value if is_json => Cell::Json(value),
        Value::Bool(flag) => Cell::Bool(flag),
        Value::String(text) => Cell::Text(text),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => Cell::Int(whole),
            None => number.as_f64().map_or(Cell::Null, Cell::Real),
        },
        other => Cell::Json(other),
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
