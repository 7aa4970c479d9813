//! What must be done from time to time. Each step is safe to run in several
//! processes at once and again after a crash.

use chrono::{DateTime, TimeDelta, Utc};

use crate::{Store, StoreError};

/// How long things are kept.
#[derive(Debug, Clone, Copy)]
pub struct Retention {
    /// Events, after the end of their turn.
    pub events: TimeDelta,
    /// Deleted conversations.
    pub deleted_conversations: TimeDelta,
    /// Guests with all that is theirs, after their last sign of life.
    pub guests: TimeDelta,
    /// Ended sessions.
    pub ended_sessions: TimeDelta,
}

/// What maintenance did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MaintenanceReport {
    /// Partitions of the log that were made.
    pub partitions_made: u32,
    /// Partitions of the log that were dropped.
    pub partitions_dropped: u32,
    /// Conversations that were removed.
    pub conversations_removed: u64,
    /// Guests that were removed.
    pub guests_removed: u64,
    /// Sessions that were removed.
    pub sessions_removed: u64,
    /// Messages that were indexed.
    pub messages_indexed: u64,
}

impl Store {
    /// Makes the log's partitions for yesterday to the day after tomorrow. Must
    /// run once before the first turn; `turns().start` makes a missing day
    /// itself.
    pub async fn ensure_partitions(&self) -> Result<u32, StoreError> {
        todo!()
    }

    /// One round of everything that is due.
    pub async fn maintain(
        &self,
        retention: &Retention,
        now: DateTime<Utc>,
    ) -> Result<MaintenanceReport, StoreError> {
        let _ = (retention, now);
        todo!()
    }
}
