//! What was used.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// The query of `GET /api/v1/usage`: days in UTC, at most 366 of them.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct UsageQuery {
    /// The first day; 30 days ago unless given.
    pub from: Option<NaiveDate>,
    /// The last day; today unless given.
    pub to: Option<NaiveDate>,
    /// Only what was asked with this key.
    pub api_key_id: Option<Uuid>,
    /// What to tell apart besides days and models.
    #[param(inline)]
    pub by: Option<UsageBy>,
}

/// What a report of usage tells apart besides days and models.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum UsageBy {
    /// The keys.
    ApiKey,
}

/// One's own use.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct UsageReport {
    /// The first day.
    pub from: NaiveDate,
    /// The last day.
    pub to: NaiveDate,
    /// By day and model, oldest first.
    pub items: Vec<UsageRow>,
    /// All of it.
    pub total: UsageTotals,
}

/// One day of one model, or of one key and model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct UsageRow {
    /// The day, in UTC.
    pub date: NaiveDate,
    /// The real model.
    pub model: String,
    /// The key, where the report tells keys apart and this was asked with one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_key_id: Option<Uuid>,
    /// What was used.
    #[serde(flatten)]
    pub totals: UsageTotals,
}

/// Sums.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, ToSchema)]
pub struct UsageTotals {
    /// Turns and other calls.
    pub requests: u64,
    /// Those that failed.
    pub errors: u64,
    /// Tokens read.
    pub input_tokens: u64,
    /// Tokens written.
    pub output_tokens: u64,
    /// What they cost by the prices of then, in millionths of the currency.
    pub cost: u64,
    /// Requests of models that had no price then, and so are in `cost` as
    /// nothing.
    pub unpriced_requests: u64,
}
