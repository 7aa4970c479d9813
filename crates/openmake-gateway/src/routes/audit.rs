//! The audit trail, for administrators.

use axum::{extract::State, response::Response};
use openmake_api::{
    Allowed, ApiError, Page, PageQuery,
    audit::{AuditFault, AuditVerification, AuditVerifyQuery},
    authorize::ReadAudit,
    extract::{Json, Query},
    responses::ReadProblems,
    users::{AuditOutcome, AuditQuery, AuditView},
};
use openmake_store::audit::{AuditEntry, AuditFilter, ChainFault, ChainHead, Outcome};
use openmake_types::UserId;

use super::{input, page};
use crate::{
    audit::AuditContext,
    download::{Attachment, Sink, Stopped, download},
    error::store_error,
    state::App,
};

/// Entries of an export that are read at once.
const EXPORT_PAGE: u32 = 500;

/// What was done, newest first.
#[utoipa::path(get, path = "/api/v1/audit", tag = "audit", params(AuditQuery, PageQuery),
    responses((status = 200, body = Page<AuditView>), ReadProblems))]
pub(crate) async fn list(
    State(app): State<App>,
    _allowed: Allowed<ReadAudit>,
    Query(filter): Query<AuditQuery>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<AuditView>>, ApiError> {
    let rows = app
        .store
        .audit()
        .list(&stored(&filter)?, page::request(&query)?)
        .await;
    Ok(Json(page::page(rows.map_err(store_error("entry"))?, view)))
}

/// Checks the chain of the whole trail: each entry's hash covers the entry and
/// the hash of the one before it.
#[utoipa::path(get, path = "/api/v1/audit/verify", tag = "audit", params(AuditVerifyQuery),
    responses((status = 200, body = AuditVerification), ReadProblems))]
pub(crate) async fn verify(
    State(app): State<App>,
    _allowed: Allowed<ReadAudit>,
    Query(query): Query<AuditVerifyQuery>,
) -> Result<Json<AuditVerification>, ApiError> {
    let noted = query.noted.as_deref().map(str::parse::<ChainHead>);
    let noted = noted
        .transpose()
        .map_err(|error| ApiError::field("noted", "invalid", error.to_string()))?;
    let report = app.store.audit().verify(noted).await;
    let report = report.map_err(store_error("entry"))?;
    Ok(Json(AuditVerification {
        intact: report.fault.is_none(),
        entries: u64::try_from(report.entries).unwrap_or(0),
        head: report.head.to_string(),
        fault: report.fault.map(fault),
    }))
}

/// The trail as a file, an entry a line, in the order of the chain.
#[utoipa::path(get, path = "/api/v1/audit/export", tag = "audit", params(AuditQuery),
    responses((status = 200, description = "One entry a line, as `GET /api/v1/audit` gives them, oldest first",
        body = AuditView, content_type = "application/x-ndjson"), ReadProblems))]
pub(crate) async fn export(
    State(app): State<App>,
    _allowed: Allowed<ReadAudit>,
    audit: AuditContext,
    Query(filter): Query<AuditQuery>,
) -> Result<Response, ApiError> {
    let entry = audit.success("audit.export");
    let asked = serde_json::to_value(&filter).map_err(ApiError::internal)?;
    let entry = entry.with(asked).done();
    let filter = stored(&filter)?;
    let recorded = app.store.audit().record(&entry).await;
    recorded.map_err(store_error("entry"))?;
    // Up to here: what happens while it is read is for the next one.
    let end = app.store.audit().head().await;
    let end = end.map_err(store_error("entry"))?.seq;
    let file = Attachment {
        media_type: "application/x-ndjson",
        name: "audit.jsonl",
    };
    let own = app.clone();
    Ok(download(&app, &file, move |sink| async move {
        write(&own, &filter, end, &sink).await
    }))
}

async fn write(app: &App, filter: &AuditFilter, end: i64, sink: &Sink) -> Result<(), Stopped> {
    let mut after = 0;
    loop {
        let audit = app.store.audit();
        let entries = audit.in_order(filter, (after, end), EXPORT_PAGE).await;
        let entries = entries.map_err(store_error("entry"))?;
        let Some(last) = entries.last().and_then(|entry| entry.seq) else {
            return Ok(());
        };
        after = last;
        let mut lines = Vec::new();
        for entry in entries {
            serde_json::to_writer(&mut lines, &view(entry)).map_err(ApiError::internal)?;
            lines.push(b'\n');
        }
        sink.write(lines).await?;
    }
}

fn stored(filter: &AuditQuery) -> Result<AuditFilter, ApiError> {
    let line = |field, text: &Option<String>| {
        let text = text.as_deref();
        text.map(|text| input::line(field, text, 200)).transpose()
    };
    Ok(AuditFilter {
        action: line("action", &filter.action)?,
        user_id: filter.user_id.map(UserId::from_uuid),
        outcome: filter.outcome.map(|outcome| match outcome {
            AuditOutcome::Success => Outcome::Success,
            AuditOutcome::Failure => Outcome::Failure,
            AuditOutcome::Denied => Outcome::Denied,
        }),
        from: filter.from,
        to: filter.to,
        resource_type: line("resource_type", &filter.resource_type)?,
        resource_id: line("resource_id", &filter.resource_id)?,
    })
}

fn fault(fault: ChainFault) -> AuditFault {
    AuditFault {
        kind: fault.kind.as_str().to_owned(),
        seq: fault.seq,
        entry_id: fault.entry,
    }
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
        seq: entry.seq,
        hash: entry.hash.map(hex::encode),
    }
}
