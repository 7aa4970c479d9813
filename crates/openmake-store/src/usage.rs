//! What was used (`api_usage`).

use chrono::NaiveDate;
use openmake_types::{ApiKeyId, TokenCounts, UserId};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{Store, StoreError, text::storable};

/// One day of one model, or of one key and model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageRow {
    /// The day, in UTC.
    pub date: NaiveDate,
    /// The real model.
    pub model: String,
    /// The key, where keys are told apart and this was asked with one.
    pub api_key: Option<ApiKeyId>,
    /// Turns and other calls.
    pub requests: i64,
    /// Those that failed.
    pub errors: i64,
    /// Tokens read.
    pub input_tokens: i64,
    /// Tokens written.
    pub output_tokens: i64,
    /// What they cost when they were used, in millionths of the currency.
    pub cost: i64,
    /// Requests of models that had no price then.
    pub unpriced: i64,
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

/// What a report is about.
#[derive(Debug, Clone, Copy)]
pub struct UsageFilter {
    /// Whose use.
    pub owner: UserId,
    /// The first day.
    pub from: NaiveDate,
    /// The last day.
    pub to: NaiveDate,
    /// Only this key's.
    pub api_key: Option<ApiKeyId>,
    /// What is told apart.
    pub by: UsageBy,
}

/// What a report tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UsageBy {
    /// Days and models, over all keys.
    Model,
    /// Days, models and keys.
    ApiKey,
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
        let mut connection = self.0.pool.acquire().await?;
        add(&mut connection, record).await
    }

    /// An owner's use by day and model, over all keys, oldest first; both days
    /// included.
    pub async fn report(
        &self,
        owner: UserId,
        from: NaiveDate,
        to: NaiveDate,
    ) -> Result<Vec<UsageRow>, StoreError> {
        let filter = UsageFilter {
            owner,
            from,
            to,
            api_key: None,
            by: UsageBy::Model,
        };
        self.report_by(&filter).await
    }

    /// The same of one key, or with keys told apart.
    pub async fn report_by(&self, filter: &UsageFilter) -> Result<Vec<UsageRow>, StoreError> {
        let rows = sqlx::query!(
            r#"SELECT date, model, CASE WHEN $5 THEN api_key_id END AS api_key_id,
                      sum(requests)::bigint AS "requests!",
                      sum(errors)::bigint AS "errors!",
                      sum(input_tokens)::bigint AS "input_tokens!",
                      sum(output_tokens)::bigint AS "output_tokens!",
                      least(sum(cost), 9e18)::bigint AS "cost!",
                      sum(unpriced)::bigint AS "unpriced!"
                 FROM api_usage
                WHERE user_id = $1 AND date BETWEEN $2 AND $3
                  AND ($4::uuid IS NULL OR api_key_id = $4)
                GROUP BY 1, 2, 3
                ORDER BY 1, 2, 3"#,
            filter.owner.as_uuid(),
            filter.from,
            filter.to,
            filter.api_key.map(ApiKeyId::as_uuid),
            filter.by == UsageBy::ApiKey,
        )
        .fetch_all(&self.0.pool)
        .await?;
        Ok(rows
            .into_iter()
            .map(|row| UsageRow {
                date: row.date,
                model: row.model,
                // The nil id stands for nobody's key.
                api_key: row
                    .api_key_id
                    .filter(|id| !id.is_nil())
                    .map(ApiKeyId::from_uuid),
                requests: row.requests,
                errors: row.errors,
                input_tokens: row.input_tokens,
                output_tokens: row.output_tokens,
                cost: row.cost,
                unpriced: row.unpriced,
            })
            .collect())
    }
}

/// Tokens as the columns count them. What no model can have meant is cut, so
/// that it cannot overflow a sum.
pub(crate) fn counted(tokens: u64) -> i64 {
    i64::try_from(tokens.min(1 << 40)).unwrap_or(0)
}

/// Adds a call to its day, with what it costs by the price that is now. In a
/// transaction it comes last: all calls of one account, key and model meet at
/// this row.
pub(crate) async fn add(
    connection: &mut PgConnection,
    record: &UsageRecord<'_>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO api_usage AS day
             (date, user_id, api_key_id, model, requests, errors, input_tokens, output_tokens,
              cost, unpriced)
         SELECT $1::date, $2::uuid, $3::uuid, asked.model, 1, $5::bigint, $6::bigint, $7::bigint,
                -- Without a price it is NULL, which least() would pass over.
                ceil(least(coalesce((p.input_price::numeric * $6::bigint
                                     + p.output_price::numeric * $7::bigint)
                                    / 1000000, 0), 1e15))::bigint,
                (p.model IS NULL)::int
           FROM (VALUES ($4::text)) AS asked (model)
           LEFT JOIN model_prices p ON p.model = asked.model
         ON CONFLICT (user_id, date, api_key_id, model) DO UPDATE
            SET requests = day.requests + 1,
                errors = day.errors + excluded.errors,
                input_tokens = day.input_tokens + excluded.input_tokens,
                output_tokens = day.output_tokens + excluded.output_tokens,
                cost = day.cost + excluded.cost,
                unpriced = day.unpriced + excluded.unpriced",
        record.date,
        record.owner.as_uuid(),
        record.api_key.map_or(Uuid::nil(), ApiKeyId::as_uuid),
        &*storable(record.model),
        i64::from(record.failed == CallOutcome::Failed),
        counted(record.tokens.input),
        counted(record.tokens.output),
    )
    .execute(connection)
    .await?;
    Ok(())
}
