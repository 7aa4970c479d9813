//! The audit trail, for administrators.

use axum::extract::State;
use openmake_api::{
    Allowed, ApiError, Page, PageQuery,
    authorize::ReadAudit,
    extract::{Json, Query},
    responses::ReadProblems,
    users::{AuditQuery, AuditView},
};
use openmake_store::audit::{AuditEntry, AuditFilter};
use openmake_types::UserId;

use super::{input, page};
use crate::{error::store_error, state::App};

/// What was done, newest first.
#[utoipa::path(get, path = "/api/v1/audit", tag = "audit", params(AuditQuery, PageQuery),
    responses((status = 200, body = Page<AuditView>), ReadProblems))]
pub(crate) async fn list(
    State(app): State<App>,
    _allowed: Allowed<ReadAudit>,
    Query(filter): Query<AuditQuery>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<AuditView>>, ApiError> {
    let action = filter.action.as_deref();
    let filter = AuditFilter {
        action: action
            .map(|text| input::line("action", text, 100))
            .transpose()?,
        user_id: filter.user_id.map(UserId::from_uuid),
    };
    let rows = app
        .store
        .audit()
        .list(&filter, page::request(&query)?)
        .await;
    Ok(Json(page::page(rows.map_err(store_error("entry"))?, view)))
}

fn view(entry: AuditEntry) -> AuditView {
    AuditView {
        id: entry.id,
        timestamp: entry.timestamp,
        action: entry.action,
        outcome: entry.outcome,
        user_id: entry.user_id.map(UserId::as_uuid),
        resource_type: entry.resource_type,
        resource_id: entry.resource_id,
        details: entry.details,
        ip_address: entry.ip_address,
        user_agent: entry.user_agent,
        request_id: entry.request_id,
    }
}
