//! What was used (`api_usage`).

use chrono::NaiveDate;
use openmake_types::{ApiKeyId, TokenCounts, UserId};

use crate::{Store, StoreError};

/// One day of one model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageRow {
    /// The day, in UTC.
    pub date: NaiveDate,
    /// The real model.
    pub model: String,
    /// Turns and other calls.
    pub requests: i64,
    /// Those that failed.
    pub errors: i64,
    /// Tokens read.
    pub input_tokens: i64,
    /// Tokens written.
    pub output_tokens: i64,
}

/// One model call outside a turn's own, such as a title's.
#[derive(Debug, Clone)]
pub struct UsageRecord<'a> {
    /// The day, in UTC.
    pub date: NaiveDate,
    /// Who caused it.
    pub owner: UserId,
    /// With which key.
    pub api_key: Option<ApiKeyId>,
    /// The real model.
    pub model: &'a str,
    /// What it cost.
    pub tokens: TokenCounts,
    /// Whether it failed.
    pub failed: CallOutcome,
}

/// How a model call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallOutcome {
    /// With an answer.
    Answered,
    /// With an error.
    Failed,
}

/// What was used.
#[derive(Debug, Clone, Copy)]
pub struct Usage<'a>(&'a Store);

impl Store {
    /// What was used.
    pub const fn usage(&self) -> Usage<'_> {
        Usage(self)
    }
}

impl Usage<'_> {
    /// Adds a call to its day.
    pub async fn record(&self, record: &UsageRecord<'_>) -> Result<(), StoreError> {
        let _ = (self.0, record);
        todo!()
    }

    /// An owner's use by day and model, over all keys, oldest first.
    pub async fn report(
        &self,
        owner: UserId,
        from: NaiveDate,
        to: NaiveDate,
    ) -> Result<Vec<UsageRow>, StoreError> {
        let _ = (owner, from, to);
        todo!()
    }
}
