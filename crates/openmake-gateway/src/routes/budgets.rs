//! Budgets, for administrators; and what one may still use oneself.

use axum::extract::State;
use chrono::{DateTime, NaiveTime, Utc};
use http::StatusCode;
use openmake_api::{
    Allowed, ApiError, Page, PageQuery,
    authorize::{ManageUsers, ReadOwnUsage},
    budgets::{
        BudgetPeriod, BudgetQuery, BudgetSubject, BudgetUnit, BudgetView, CreateBudget, OwnBudgets,
        UpdateBudget,
    },
    extract::{Json, Path, Query},
    responses::{ReadProblems, WriteProblems},
};
use openmake_store::{
    budgets::{BudgetFilter, BudgetStatus, MAX_LIMIT, NewBudget},
    wakeups::{Wakeup, WakeupKind},
};
use openmake_types::{
    BudgetId, BudgetPeriod as Period, BudgetSubject as Subject, BudgetUnit as Unit,
};
use serde_json::json;
use uuid::Uuid;

use super::page;
use crate::{audit::AuditContext, error::store_error, state::App};

/// Budgets with what was used of them, oldest first.
#[utoipa::path(get, path = "/api/v1/budgets", tag = "budgets", params(BudgetQuery, PageQuery),
    responses((status = 200, body = Page<BudgetView>), ReadProblems))]
pub(crate) async fn list(
    State(app): State<App>,
    _allowed: Allowed<ManageUsers>,
    Query(filter): Query<BudgetQuery>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<BudgetView>>, ApiError> {
    let filter = BudgetFilter {
        subject: filter.subject.map(stored_subject),
        subject_id: filter.subject_id,
    };
    let now = app.clock.now();
    let budgets = app.store.budgets();
    let rows = budgets.list(filter, page::request(&query)?, now).await;
    Ok(Json(page::page(rows.map_err(store_error("budget"))?, view)))
}

/// Makes a budget: one of each unit and period for a key, account or group.
#[utoipa::path(post, path = "/api/v1/budgets", tag = "budgets", request_body = CreateBudget,
    responses((status = 201, body = BudgetView), WriteProblems))]
pub(crate) async fn create(
    State(app): State<App>,
    _allowed: Allowed<ManageUsers>,
    audit: AuditContext,
    Json(body): Json<CreateBudget>,
) -> Result<(StatusCode, Json<BudgetView>), ApiError> {
    let budget = NewBudget {
        id: BudgetId::from_uuid(audit.new_id()),
        subject: stored_subject(body.subject),
        subject_id: body.subject_id,
        unit: match body.unit {
            BudgetUnit::Tokens => Unit::Tokens,
            BudgetUnit::Money => Unit::Money,
        },
        period: match body.period {
            BudgetPeriod::Day => Period::Day,
            BudgetPeriod::Month => Period::Month,
        },
        limit: limit(body.limit)?,
        now: audit.now(),
    };
    let entry = audit.success("budget.create").on("budget", &budget.id);
    let entry = entry.with(json!({
        "subject": budget.subject.as_str(),
        "subject_id": budget.subject_id,
        "unit": budget.unit.as_str(),
        "period": budget.period.as_str(),
        "limit": budget.limit,
    }));
    let made = app.store.budgets().create(&budget, &entry.done()).await;
    let made = made.map_err(store_error(budget_subject(body.subject)))?;
    announce(&app, made.budget.id.as_uuid(), made.budget.version);
    Ok((StatusCode::CREATED, Json(view(made))))
}

/// A budget with what was used of it.
#[utoipa::path(get, path = "/api/v1/budgets/{id}", tag = "budgets", params(("id" = Uuid, Path)),
    responses((status = 200, body = BudgetView), ReadProblems))]
pub(crate) async fn show(
    State(app): State<App>,
    _allowed: Allowed<ManageUsers>,
    Path(id): Path<Uuid>,
) -> Result<Json<BudgetView>, ApiError> {
    let budgets = app.store.budgets();
    let found = budgets.get(BudgetId::from_uuid(id), app.clock.now()).await;
    Ok(Json(view(found.map_err(store_error("budget"))?)))
}

/// Sets another limit, which holds within a second.
#[utoipa::path(patch, path = "/api/v1/budgets/{id}", tag = "budgets", params(("id" = Uuid, Path)),
    request_body = UpdateBudget, responses((status = 200, body = BudgetView), WriteProblems))]
pub(crate) async fn update(
    State(app): State<App>,
    _allowed: Allowed<ManageUsers>,
    audit: AuditContext,
    Path(id): Path<Uuid>,
    Json(body): Json<UpdateBudget>,
) -> Result<Json<BudgetView>, ApiError> {
    let id = BudgetId::from_uuid(id);
    let limit = limit(body.limit)?;
    let entry = audit.success("budget.change").on("budget", &id);
    let entry = entry.with(json!({"limit": limit})).done();
    let budgets = app.store.budgets();
    let changed = budgets.set_limit(id, limit, audit.now(), &entry).await;
    let changed = changed.map_err(store_error("budget"))?;
    announce(&app, id.as_uuid(), changed.budget.version);
    Ok(Json(view(changed)))
}

/// Removes a budget, and forgets what was used of it.
#[utoipa::path(delete, path = "/api/v1/budgets/{id}", tag = "budgets", params(("id" = Uuid, Path)),
    responses((status = 204), WriteProblems))]
pub(crate) async fn delete(
    State(app): State<App>,
    _allowed: Allowed<ManageUsers>,
    audit: AuditContext,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, ApiError> {
    let id = BudgetId::from_uuid(id);
    let entry = audit.success("budget.delete").on("budget", &id).done();
    let removed = app.store.budgets().remove(id, &entry).await;
    removed.map_err(store_error("budget"))?;
    announce(&app, id.as_uuid(), 0);
    Ok(StatusCode::NO_CONTENT)
}

/// The budgets that bind one's own calls: the account's, those of its keys and
/// those of its groups, with what is left.
#[utoipa::path(get, path = "/api/v1/usage/budgets", tag = "usage",
    responses((status = 200, body = OwnBudgets), ReadProblems))]
pub(crate) async fn own(
    State(app): State<App>,
    allowed: Allowed<ReadOwnUsage>,
) -> Result<Json<OwnBudgets>, ApiError> {
    let budgets = app.store.budgets();
    let found = budgets
        .of_user(allowed.actor.user_id, app.clock.now())
        .await;
    let items = found.map_err(store_error("budget"))?;
    Ok(Json(OwnBudgets {
        items: items.into_iter().map(view).collect(),
    }))
}

/// Tells the processes that ask models.
pub(super) fn announce(app: &App, id: Uuid, version: i64) {
    app.announce(vec![Wakeup {
        kind: WakeupKind::Budget,
        id,
        version,
        owner: None,
    }]);
}

fn limit(limit: u64) -> Result<i64, ApiError> {
    i64::try_from(limit)
        .ok()
        .filter(|_| limit <= MAX_LIMIT)
        .ok_or_else(|| {
            ApiError::field(
                "limit",
                "invalid",
                format!("`limit` is a number from 0 to {MAX_LIMIT}."),
            )
        })
}

const fn stored_subject(subject: BudgetSubject) -> Subject {
    match subject {
        BudgetSubject::Key => Subject::Key,
        BudgetSubject::User => Subject::User,
        BudgetSubject::Group => Subject::Group,
    }
}

const fn budget_subject(subject: BudgetSubject) -> &'static str {
    match subject {
        BudgetSubject::Key => "key",
        BudgetSubject::User => "account",
        BudgetSubject::Group => "group",
    }
}

fn view(status: BudgetStatus) -> BudgetView {
    let count = |number: i64| u64::try_from(number).unwrap_or(0);
    let since: DateTime<Utc> = status.period_start.and_time(NaiveTime::MIN).and_utc();
    let budget = status.budget;
    BudgetView {
        id: budget.id.as_uuid(),
        subject: match budget.subject {
            Subject::Key => BudgetSubject::Key,
            Subject::User => BudgetSubject::User,
            Subject::Group => BudgetSubject::Group,
        },
        subject_id: budget.subject_id,
        subject_name: status.subject_name,
        unit: match budget.unit {
            Unit::Tokens => BudgetUnit::Tokens,
            Unit::Money => BudgetUnit::Money,
        },
        period: match budget.period {
            Period::Day => BudgetPeriod::Day,
            Period::Month => BudgetPeriod::Month,
        },
        limit: count(budget.limit),
        spent: count(status.spent),
        reserved: count(status.reserved),
        remaining: count(budget.limit.saturating_sub(status.spent)),
        since,
        renews_at: budget.period.end(status.period_start),
        created_at: budget.created_at,
    }
}
