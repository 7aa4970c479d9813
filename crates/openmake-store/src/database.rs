//! The pool, migrations, and what pages have in common.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::PgPool;
use uuid::Uuid;

use crate::StoreError;

/// Limits of the connection pool.
#[derive(Debug, Clone)]
pub struct PoolSettings {
    /// Connections at most.
    pub max_connections: u32,
    /// How long a caller waits for a connection.
    pub acquire_timeout: Duration,
    /// How long one statement may run.
    pub statement_timeout: Duration,
}

impl Default for PoolSettings {
    fn default() -> Self {
        Self {
            max_connections: 20,
            acquire_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(15),
        }
    }
}

/// The database. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    pub(crate) pool: PgPool,
}

/// What `doctor` says about the database.
#[derive(Debug, Clone)]
pub struct DatabaseInfo {
    /// Such as `18.6`.
    pub server_version: String,
    /// The pgvector that is installed or can be.
    pub vector_version: Option<String>,
    /// The newest migration that was applied.
    pub schema_version: Option<i64>,
    /// Bytes on disk.
    pub size_bytes: i64,
    /// The database's clock.
    pub now: DateTime<Utc>,
}

/// Which rows of a list to read.
#[derive(Debug, Clone, Copy)]
pub struct PageRequest {
    /// After this row.
    pub after: Option<Position>,
    /// How many, at least 1.
    pub limit: u32,
}

/// A row's place in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The row's time.
    pub at: DateTime<Utc>,
    /// The row's id.
    pub id: Uuid,
}

/// Rows of a list, and where to go on.
#[derive(Debug, Clone)]
pub struct Rows<T> {
    /// In the list's order.
    pub items: Vec<T>,
    /// The last row's place, when there are more.
    pub next: Option<Position>,
}

impl Store {
    /// Connects to `url` (`postgres://…`, a Unix socket as `?host=DIR`). Waits
    /// at most the acquire timeout.
    pub async fn connect(url: &str, settings: &PoolSettings) -> Result<Self, StoreError> {
        let _ = (url, settings);
        todo!()
    }

    /// Brings the schema to the newest version, under an advisory lock, so that
    /// several processes may start at once.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        todo!()
    }

    /// Whether the database answers and is migrated; bounded to two seconds.
    pub async fn ping(&self) -> Result<(), StoreError> {
        todo!()
    }

    /// Versions, size and clock, for `doctor`.
    pub async fn info(&self) -> Result<DatabaseInfo, StoreError> {
        todo!()
    }

    /// Closes every connection.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}
