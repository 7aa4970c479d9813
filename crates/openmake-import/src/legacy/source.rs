//! What sources have in common: a stream of tables with their rows.

use std::{io, path::PathBuf};

use tokio::sync::mpsc;

use super::cell::Row;

/// The tables, parents before children.
pub(crate) const TABLES: &[&str] = &[
    "users",
    "conversation_sessions",
    "conversation_messages",
    "custom_agents",
    "agent_usage_logs",
    "agent_feedback",
    "audit_logs",
    "alert_history",
    "user_memories",
    "memory_tags",
    "research_sessions",
    "research_steps",
    "agent_marketplace",
    "agent_reviews",
    "agent_installations",
    "canvas_documents",
    "canvas_versions",
    "canvas_ai_edits",
    "external_connections",
    "external_files",
    "api_usage",
    "mcp_servers",
    "user_api_keys",
    "token_blacklist",
    "push_subscriptions",
];

/// What a source says next.
#[derive(Debug)]
pub(crate) enum Event {
    /// The rows of a table follow.
    Table { table: &'static str, rows: u64 },
    /// Rows of it.
    Rows(Vec<Row>),
    /// A table that the predecessor did not have.
    Unknown { table: String, rows: u64 },
}

/// Why a source cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The file cannot be read.
    #[error("{} cannot be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is something else, or encrypted as a whole.
    #[error("{} is not an SQLite database, or is encrypted", .0.display())]
    NotADatabase(PathBuf),
    /// Another program holds it.
    #[error("{} is locked by another program; stop it, or copy the file with its -wal", .0.display())]
    Busy(PathBuf),
    /// It has lost pages.
    #[error("{} is damaged; `sqlite3 FILE .recover` makes one that can be read", .0.display())]
    Damaged(PathBuf),
    /// Anything else that SQLite says.
    #[error("the SQLite database refused a statement")]
    Sqlite(#[from] rusqlite::Error),
    /// The predecessor's PostgreSQL.
    #[error("the old PostgreSQL refused a statement or cannot be reached")]
    Postgres(#[from] sqlx::Error),
    /// Its address is not one.
    #[error("the old PostgreSQL's address is not one")]
    Address,
    /// The other side has stopped.
    #[error("the import was stopped")]
    Stopped,
}

/// Rows that are sent together.
const ROWS: usize = 256;
/// Their size together, about, from which they are sent.
const BYTES: usize = 512 * 1024;

/// Where a source sends to, from its own thread.
#[derive(Debug)]
pub(crate) struct Feed {
    out: mpsc::Sender<Event>,
    rows: Vec<Row>,
    bytes: usize,
}

impl Feed {
    pub(crate) const fn new(out: mpsc::Sender<Event>) -> Self {
        Self {
            out,
            rows: Vec::new(),
            bytes: 0,
        }
    }

    /// Adds a row; true when [`Self::take`] should be sent.
    fn add(&mut self, row: Row) -> bool {
        self.bytes += row.size();
        self.rows.push(row);
        self.rows.len() >= ROWS || self.bytes >= BYTES
    }

    fn take(&mut self) -> Event {
        self.bytes = 0;
        Event::Rows(std::mem::take(&mut self.rows))
    }

    /// Sends from a thread that may wait.
    pub(crate) fn send(&self, event: Event) -> Result<(), SourceError> {
        let sent = self.out.blocking_send(event);
        sent.map_err(|_| SourceError::Stopped)
    }

    /// Adds a row, and sends when there are enough.
    pub(crate) fn row(&mut self, row: Row) -> Result<(), SourceError> {
        if self.add(row) { self.flush() } else { Ok(()) }
    }

    /// Sends what is left of a table.
    pub(crate) fn flush(&mut self) -> Result<(), SourceError> {
        if self.rows.is_empty() {
            return Ok(());
        }
        let event = self.take();
        self.send(event)
    }

    /// The same three from a task.
    pub(crate) async fn send_async(&self, event: Event) -> Result<(), SourceError> {
        let sent = self.out.send(event).await;
        sent.map_err(|_| SourceError::Stopped)
    }

    /// Adds a row, and sends when there are enough.
    pub(crate) async fn row_async(&mut self, row: Row) -> Result<(), SourceError> {
        if self.add(row) {
            self.flush_async().await
        } else {
            Ok(())
        }
    }

    /// Sends what is left of a table.
    pub(crate) async fn flush_async(&mut self) -> Result<(), SourceError> {
        if self.rows.is_empty() {
            return Ok(());
        }
        let event = self.take();
        self.send_async(event).await
    }
}
