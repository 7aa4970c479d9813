//! Bringing one's own conversations from other products. What is uploaded here
//! is brought in by a task of the server (`openmake_import::service`).

use axum::{
    body::Bytes,
    extract::State,
    response::{IntoResponse as _, Response},
};
use http::{StatusCode, header};
use openmake_api::{
    Allowed, ApiError, Page, PageQuery,
    authorize::ManageOwnAccount,
    extract::{Json, Path, Query},
    imports::{ChunkQuery, CreateImport, ImportView},
    responses::{ReadProblems, WriteProblems},
};
use openmake_store::import_jobs::{CHUNK_MAX, Chunk, ImportJob, NewImportJob};
use openmake_types::ErrorKind;
use serde_json::json;
use uuid::Uuid;

use super::{input, page};
use crate::{audit::AuditContext, error::store_error, state::App};

/// How many files of the greatest size may wait at once, of all accounts.
const FILES_AT_ONCE: i64 = 8;

/// One's own imports, newest first.
#[utoipa::path(get, path = "/api/v1/imports", tag = "imports", params(PageQuery),
    responses((status = 200, body = Page<ImportView>), ReadProblems))]
pub(crate) async fn list(
    State(app): State<App>,
    allowed: Allowed<ManageOwnAccount>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<ImportView>>, ApiError> {
    let jobs = app.store.import_jobs();
    let rows = jobs
        .list(allowed.actor.user_id, page::request(&query)?)
        .await;
    Ok(Json(page::page(rows.map_err(store_error("import"))?, view)))
}

/// Begins an import; its file is sent in pieces. One at a time, twenty a day.
#[utoipa::path(post, path = "/api/v1/imports", tag = "imports", request_body = CreateImport,
    responses((status = 201, body = ImportView), WriteProblems))]
pub(crate) async fn create(
    State(app): State<App>,
    allowed: Allowed<ManageOwnAccount>,
    audit: AuditContext,
    Json(body): Json<CreateImport>,
) -> Result<(StatusCode, Json<ImportView>), ApiError> {
    let most = i64::try_from(app.settings.import_bytes).unwrap_or(i64::MAX);
    if body.size < 1 {
        return Err(ApiError::field("size", "required", "The file is empty."));
    }
    if body.size > most {
        let mebibytes = most >> 20;
        return Err(ApiError::new(
            ErrorKind::TooLarge,
            format!("A file may have at most {mebibytes} MiB."),
        )
        .with_code("import_too_large")
        .with_hint("Ask an administrator to import it with the command `openmake import`."));
    }
    let new = NewImportJob {
        id: audit.new_id(),
        owner: allowed.actor.user_id,
        kind: body.kind.as_str(),
        file_name: input::line("file_name", &body.file_name, 255)?,
        size: body.size,
        room: most.saturating_mul(FILES_AT_ONCE),
        now: audit.now(),
    };
    let entry = audit
        .success("import.create")
        .on("import", &new.id)
        .with(json!({"kind": new.kind, "size": new.size}));
    let made = app.store.import_jobs().create(&new, &entry.done()).await;
    let job = made.map_err(store_error("import"))?;
    Ok((StatusCode::CREATED, Json(view(job))))
}

/// Sends the next piece of the file, at most 8 MiB. After the last one the
/// import begins by itself. A piece that is sent twice counts once.
#[utoipa::path(post, path = "/api/v1/imports/{id}/chunks", tag = "imports",
    params(("id" = Uuid, Path), ChunkQuery),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 200, body = ImportView), WriteProblems))]
pub(crate) async fn append(
    State(app): State<App>,
    allowed: Allowed<ManageOwnAccount>,
    Path(id): Path<Uuid>,
    Query(query): Query<ChunkQuery>,
    audit: AuditContext,
    body: Bytes,
) -> Result<Json<ImportView>, ApiError> {
    if body.is_empty() || body.len() > CHUNK_MAX {
        return Err(ApiError::field(
            "body",
            "invalid",
            "A piece has 1 byte to 8 MiB.",
        ));
    }
    if query.offset < 0 {
        return Err(ApiError::field(
            "offset",
            "invalid",
            "A place in the file is not negative.",
        ));
    }
    let chunk = Chunk {
        position: query.offset,
        data: &body,
        now: audit.now(),
    };
    let jobs = app.store.import_jobs();
    let job = jobs.append(allowed.actor.user_id, id, &chunk).await;
    Ok(Json(view(job.map_err(store_error("import"))?)))
}

/// One's own import, and how far it is.
#[utoipa::path(get, path = "/api/v1/imports/{id}", tag = "imports", params(("id" = Uuid, Path)),
    responses((status = 200, body = ImportView), ReadProblems))]
pub(crate) async fn show(
    State(app): State<App>,
    allowed: Allowed<ManageOwnAccount>,
    Path(id): Path<Uuid>,
) -> Result<Json<ImportView>, ApiError> {
    let job = app.store.import_jobs().get(allowed.actor.user_id, id).await;
    Ok(Json(view(job.map_err(store_error("import"))?)))
}

/// The whole report: what became of everything in the file.
#[utoipa::path(get, path = "/api/v1/imports/{id}/report", tag = "imports",
    params(("id" = Uuid, Path)),
    responses((status = 200, body = serde_json::Value), ReadProblems))]
pub(crate) async fn report(
    State(app): State<App>,
    allowed: Allowed<ManageOwnAccount>,
    Path(id): Path<Uuid>,
) -> Result<Response, ApiError> {
    let report = app
        .store
        .import_jobs()
        .report(allowed.actor.user_id, id)
        .await
        .map_err(store_error("import"))?
        .ok_or_else(|| ApiError::not_found("report"))?;
    let text = serde_json::to_string_pretty(&report).map_err(ApiError::internal)?;
    let head = [
        (header::CONTENT_TYPE, "application/json"),
        (
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"openmake-import.json\"",
        ),
    ];
    Ok((head, text).into_response())
}

/// Calls an import off. What it brought so far stays, until it is taken back.
#[utoipa::path(post, path = "/api/v1/imports/{id}/cancel", tag = "imports",
    params(("id" = Uuid, Path)),
    responses((status = 202, body = ImportView), WriteProblems))]
pub(crate) async fn cancel(
    State(app): State<App>,
    allowed: Allowed<ManageOwnAccount>,
    Path(id): Path<Uuid>,
    audit: AuditContext,
) -> Result<(StatusCode, Json<ImportView>), ApiError> {
    let entry = audit.success("import.cancel").on("import", &id).done();
    let jobs = app.store.import_jobs();
    let job = jobs.cancel(allowed.actor.user_id, id, &entry).await;
    Ok((
        StatusCode::ACCEPTED,
        Json(view(job.map_err(store_error("import"))?)),
    ))
}

/// Takes an import back: removes its conversations that were not changed since,
/// for good.
#[utoipa::path(post, path = "/api/v1/imports/{id}/undo", tag = "imports",
    params(("id" = Uuid, Path)),
    responses((status = 200, body = ImportView), WriteProblems))]
pub(crate) async fn undo(
    State(app): State<App>,
    allowed: Allowed<ManageOwnAccount>,
    Path(id): Path<Uuid>,
    audit: AuditContext,
) -> Result<Json<ImportView>, ApiError> {
    let entry = audit.success("import.undo").on("import", &id).done();
    let jobs = app.store.import_jobs();
    let job = jobs.undo(allowed.actor.user_id, id, &entry).await;
    Ok(Json(view(job.map_err(store_error("import"))?)))
}

fn view(job: ImportJob) -> ImportView {
    ImportView {
        id: job.id,
        kind: job.kind,
        file_name: job.file_name,
        size: job.size,
        received: job.received,
        status: job.status.as_str().to_owned(),
        read: job.read_units,
        total: job.total_units,
        conversations: job.conversations,
        messages: job.messages,
        error_code: job.error_code,
        error_detail: job.error_detail,
        summary: job
            .summary
            .and_then(|summary| serde_json::from_value(summary).ok()),
        undone: job.undone,
        created_at: job.created_at,
        finished_at: job.finished_at,
    }
}
