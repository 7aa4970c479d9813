//! What must be done from time to time. Each step is safe to run in several
//! processes at once and again after a crash.

pub(crate) mod partitions;
mod removal;

use chrono::{DateTime, Days, TimeDelta, Utc};

use crate::{Store, StoreError};

/// How long it is kept what was used of a budget in a period.
const PERIODS_KEPT: TimeDelta = TimeDelta::days(400);

/// How long it is kept what processes counted, and what was asked with model
/// servers' keys.
const FIGURES: TimeDelta = TimeDelta::days(30);

/// How long things are kept.
#[derive(Debug, Clone, Copy)]
pub struct Retention {
    /// Events, after the end of their turn.
    pub events: TimeDelta,
    /// Deleted conversations, and deleted messages of others.
    pub deleted_conversations: TimeDelta,
    /// Guests with all that is theirs, after their last sign of life.
    pub guests: TimeDelta,
    /// Ended sessions, and keys that were taken back.
    pub ended_sessions: TimeDelta,
    /// Failed sign-ins that lock nothing any more.
    pub failed_sign_ins: TimeDelta,
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
    /// Deleted messages that were removed from a conversation, each with all
    /// that followed it.
    pub messages_removed: u64,
    /// Images that no message shows any more.
    pub blobs_removed: u64,
    /// Deleted accounts that were removed.
    pub users_removed: u64,
    /// Guests that were removed.
    pub guests_removed: u64,
    /// Sessions that were removed.
    pub sessions_removed: u64,
    /// Slices of budgets whose process was silent for too long.
    pub slices_reclaimed: u64,
    /// Old periods of budgets that were removed.
    pub periods_forgotten: u64,
    /// Unfinished sign-ins and links that reset passwords, whose time was
    /// over.
    pub sign_in_steps_removed: u64,
    /// Accounts and addresses whose failed sign-ins were forgotten.
    pub throttles_removed: u64,
    /// Keys that were removed.
    pub api_keys_removed: u64,
    /// Minutes of figures, and hours of what keys were used for.
    pub figures_removed: u64,
    /// Messages that were indexed.
    pub messages_indexed: u64,
}

impl Store {
    /// Makes the log's partitions for yesterday to the day after tomorrow. Must
    /// run once before the first turn; `turns().start` makes a missing day
    /// itself.
    pub async fn ensure_partitions(&self) -> Result<u32, StoreError> {
        let today = partitions::today(self).await?;
        let mut made = 0;
        for ahead in 0..4 {
            let day = today - Days::new(1) + Days::new(ahead);
            made += u32::from(partitions::ensure(self, day).await?);
        }
        Ok(made)
    }

    /// One round of everything that is due.
    pub async fn maintain(
        &self,
        retention: &Retention,
        now: DateTime<Utc>,
    ) -> Result<MaintenanceReport, StoreError> {
        let partitions_made = self.ensure_partitions().await?;
        let partitions_dropped = partitions::drop_old(self, retention.events, now).await?;
        let removed = removal::conversations(self, now - retention.deleted_conversations).await?;
        let messages = removal::messages(self, now - retention.deleted_conversations).await?;
        let budgets = self.budgets();
        Ok(MaintenanceReport {
            slices_reclaimed: budgets.reclaim().await?,
            periods_forgotten: budgets
                .forget_before((now - PERIODS_KEPT).date_naive())
                .await?,
            partitions_made,
            partitions_dropped,
            conversations_removed: removed.conversations,
            messages_removed: messages.messages,
            blobs_removed: removed.blobs + messages.blobs,
            users_removed: self.users().remove_deleted().await?,
            guests_removed: removal::guests(self, now - retention.guests).await?,
            sessions_removed: removal::sessions(self, now - retention.ended_sessions).await?,
            sign_in_steps_removed: self.challenges().remove_expired(now).await?
                + (self.password_resets())
                    .remove_ended(now - TimeDelta::days(1))
                    .await?,
            throttles_removed: removal::throttles(self, now, retention.failed_sign_ins).await?,
            api_keys_removed: removal::api_keys(self, now - retention.ended_sessions).await?,
            figures_removed: self.metrics().forget_before(now - FIGURES).await?
                + self.key_usage().forget_before(now - FIGURES).await?,
            messages_indexed: self.search().index_waiting().await?,
        })
    }
}
