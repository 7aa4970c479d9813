//! Backups: one file with everything, its writing, its restoring, the schedule.
//!
//! A backup is made from one snapshot of the database while the server goes on
//! writing ([`create`]), into one compressed file of which every byte is under
//! a checksum ([`mod@file`]). Restoring ([`restore`]) reads the whole file before
//! it touches anything, fills a schema of its own, and puts it in place of the
//! old one in one transaction. A scheduled backup ([`service`]) is tried by
//! restoring it into a scratch database ([`verify`]).
//!
//! The master key is inside only when a passphrase was given, and then sealed
//! with it ([`passphrase`]).

pub mod create;
mod error;
pub mod file;
mod metrics;
pub mod passphrase;
pub mod restore;
pub mod retention;
pub mod schedule;
pub mod service;
pub mod verify;

use std::{sync::Arc, time::Duration};

use tokio::time::timeout;

pub use error::BackupError;

/// How long the database may take to give or take the next rows. One that takes
/// longer is gone, or behind a connection that is.
const SILENCE: Duration = Duration::from_mins(5);

/// Waits for the database's next rows, but not for ever.
async fn soon<T>(step: impl Future<Output = T>) -> Result<T, BackupError> {
    let done = timeout(SILENCE, step).await;
    done.map_err(|_| BackupError::Silent(SILENCE))
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress<'a> {
    /// The table that is under way.
    pub table: &'a str,
    /// Tables that are done.
    pub tables_done: usize,
    /// All tables.
    pub tables: usize,
    /// Bytes of rows so far, as text.
    pub bytes: u64,
}

/// Is told how far it is, often.
pub type Watcher = Arc<dyn Fn(Progress<'_>) + Send + Sync>;

/// For whom nobody watches.
pub fn unwatched() -> Watcher {
    Arc::new(|_| {})
}
