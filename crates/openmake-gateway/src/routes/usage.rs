//! What one used.

use axum::extract::State;
use chrono::Days;
use openmake_api::{
    Allowed, ApiError,
    authorize::ReadOwnUsage,
    extract::{Json, Query},
    responses::ReadProblems,
    usage::{UsageBy, UsageQuery, UsageReport, UsageRow, UsageTotals},
};
use openmake_store::usage::{UsageBy as StoredBy, UsageFilter, UsageRow as Stored};
use openmake_types::ApiKeyId;

use crate::{error::store_error, state::App};

const DEFAULT_DAYS: u64 = 30;
const MAX_DAYS: i64 = 366;

/// One's own use by day and model, in UTC, and by key where that is asked for.
#[utoipa::path(get, path = "/api/v1/usage", tag = "usage", params(UsageQuery),
    responses((status = 200, body = UsageReport), ReadProblems))]
pub(crate) async fn report(
    State(app): State<App>,
    allowed: Allowed<ReadOwnUsage>,
    Query(query): Query<UsageQuery>,
) -> Result<Json<UsageReport>, ApiError> {
    let to = query.to.unwrap_or_else(|| app.clock.now().date_naive());
    let default_from = || to.checked_sub_days(Days::new(DEFAULT_DAYS));
    let from = query.from.or_else(default_from).unwrap_or(to);
    let days = (to - from).num_days() + 1;
    if !(1..=MAX_DAYS).contains(&days) {
        let detail = format!("`from` to `to` are 1 to {MAX_DAYS} days.");
        return Err(ApiError::field("from", "invalid", detail));
    }
    let filter = UsageFilter {
        owner: allowed.actor.user_id,
        from,
        to,
        api_key: query.api_key_id.map(ApiKeyId::from_uuid),
        by: match query.by {
            None => StoredBy::Model,
            Some(UsageBy::ApiKey) => StoredBy::ApiKey,
        },
    };
    let rows = app.store.usage().report_by(&filter).await;
    let items: Vec<UsageRow> = rows
        .map_err(store_error("report"))?
        .iter()
        .map(view)
        .collect();
    let total = items.iter().fold(UsageTotals::default(), |mut sum, row| {
        sum.requests += row.totals.requests;
        sum.errors += row.totals.errors;
        sum.input_tokens += row.totals.input_tokens;
        sum.output_tokens += row.totals.output_tokens;
        sum.cost += row.totals.cost;
        sum.unpriced_requests += row.totals.unpriced_requests;
        sum
    });
    Ok(Json(UsageReport {
        from,
        to,
        items,
        total,
    }))
}

pub(super) fn view(row: &Stored) -> UsageRow {
    let count = |number: i64| u64::try_from(number).unwrap_or(0);
    UsageRow {
        date: row.date,
        model: row.model.clone(),
        api_key_id: row.api_key.map(ApiKeyId::as_uuid),
        totals: UsageTotals {
            requests: count(row.requests),
            errors: count(row.errors),
            input_tokens: count(row.input_tokens),
            output_tokens: count(row.output_tokens),
            cost: count(row.cost),
            unpriced_requests: count(row.unpriced),
        },
    }
}
