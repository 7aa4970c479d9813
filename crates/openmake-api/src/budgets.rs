//! Budgets and prices.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// Whom a budget binds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BudgetSubject {
    /// The calls of one key.
    Key,
    /// The calls of one account, over all its keys.
    User,
    /// The calls of all members of a group together.
    Group,
}

/// What a budget counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BudgetUnit {
    /// Tokens, read and written alike.
    Tokens,
    /// Money, in millionths of the instance's currency, by the price list.
    Money,
}

/// After what time a budget begins anew, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BudgetPeriod {
    /// At midnight.
    Day,
    /// At the midnight before the first of the month.
    Month,
}

/// The query of `GET /api/v1/budgets`.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct BudgetQuery {
    /// Only budgets of keys, accounts or groups.
    pub subject: Option<BudgetSubject>,
    /// Only budgets of this key, account or group.
    pub subject_id: Option<Uuid>,
}

/// `POST /api/v1/budgets`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateBudget {
    /// Whom it binds.
    pub subject: BudgetSubject,
    /// The key, account or group.
    pub subject_id: Uuid,
    /// What it counts.
    pub unit: BudgetUnit,
    /// After what time it begins anew.
    pub period: BudgetPeriod,
    /// How much: tokens, or millionths of the currency. 0 allows nothing.
    #[schema(maximum = 1_000_000_000_000_000_u64)]
    pub limit: u64,
}

/// `PATCH /api/v1/budgets/{id}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateBudget {
    /// How much, for the period that is now as well.
    #[schema(maximum = 1_000_000_000_000_000_u64)]
    pub limit: u64,
}

/// A budget, and how far it is used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BudgetView {
    /// The budget.
    pub id: Uuid,
    /// Whom it binds.
    pub subject: BudgetSubject,
    /// The key, account or group.
    pub subject_id: Uuid,
    /// What that is called.
    pub subject_name: String,
    /// What it counts.
    pub unit: BudgetUnit,
    /// After what time it begins anew.
    pub period: BudgetPeriod,
    /// How much it is: tokens, or millionths of the currency.
    pub limit: u64,
    /// What was used since it began, a second or so ago.
    pub spent: u64,
    /// What is held for calls that run or may come.
    pub reserved: u64,
    /// What was not used.
    pub remaining: u64,
    /// When the period that is now began.
    pub since: DateTime<Utc>,
    /// When the next one begins.
    pub renews_at: DateTime<Utc>,
    /// When the budget was made.
    pub created_at: DateTime<Utc>,
}

/// The budgets that bind one's own calls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OwnBudgets {
    /// Those of the account, of its keys and of its groups, oldest first.
    pub items: Vec<BudgetView>,
}

/// What a model's tokens cost, in millionths of the currency for a million
/// tokens: 2,500,000 is 2.50 for a million.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetModelPrice {
    /// For tokens that are read.
    #[schema(maximum = 1_000_000_000_000_u64)]
    pub input_price: u64,
    /// For tokens that are written.
    #[schema(maximum = 1_000_000_000_000_u64)]
    pub output_price: u64,
}

/// A model's price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ModelPriceView {
    /// The real model's name.
    pub model: String,
    /// For a million tokens that are read, in millionths of the currency.
    pub input_price: u64,
    /// For a million tokens that are written, in millionths of the currency.
    pub output_price: u64,
    /// When it was set.
    pub updated_at: DateTime<Utc>,
}

/// `GET /api/v1/model-prices`: models that are not in it cost nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ModelPriceList {
    /// By the model's name.
    pub items: Vec<ModelPriceView>,
}
