//! Backups, for administrators. The server's own task makes them; what is asked
//! for here is written down for it.

use axum::extract::State;
use http::StatusCode;
use openmake_api::{
    Allowed, ApiError, Page, PageQuery,
    authorize::ManageSettings,
    backups::BackupView,
    extract::{Json, Query},
    responses::{ReadProblems, WriteProblems},
};
use openmake_store::backups::{Backup, BackupReason, NewBackup, Verification};
use openmake_types::UserId;

use super::page;
use crate::{audit::AuditContext, error::store_error, settings::Backups, state::App};

/// Backups that were made, tried or asked for, newest first.
#[utoipa::path(get, path = "/api/v1/backups", tag = "operation", params(PageQuery),
    responses((status = 200, body = Page<BackupView>), ReadProblems))]
pub(crate) async fn list(
    State(app): State<App>,
    _allowed: Allowed<ManageSettings>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<BackupView>>, ApiError> {
    let rows = app.store.backups().list(page::request(&query)?).await;
    Ok(Json(page::page(rows.map_err(store_error("backup"))?, view)))
}

/// Asks for a backup now. The answer is the one that waits; look for it in the
/// list to see how it came out.
#[utoipa::path(post, path = "/api/v1/backups", tag = "operation",
    responses((status = 202, body = BackupView), WriteProblems))]
pub(crate) async fn create(
    State(app): State<App>,
    allowed: Allowed<ManageSettings>,
    audit: AuditContext,
) -> Result<(StatusCode, Json<BackupView>), ApiError> {
    if app.settings.backups == Backups::NotConfigured {
        let detail = "This server has no directory to put backups into.";
        return Err(ApiError::conflict("backups_not_configured", detail)
            .with_hint("Set OPENMAKE_BACKUP_DIR and start the server again."));
    }
    let new = NewBackup {
        id: audit.new_id(),
        reason: BackupReason::Request,
        requested_by: Some(allowed.actor.user_id),
        now: audit.now(),
    };
    let entry = audit.success("backup.request").on("backup", &new.id);
    let backup = app.store.backups().request(&new, &entry.done()).await;
    let backup = backup.map_err(store_error("backup"))?;
    Ok((StatusCode::ACCEPTED, Json(view(backup))))
}

fn view(backup: Backup) -> BackupView {
    BackupView {
        id: backup.id,
        reason: backup.reason.as_str().to_owned(),
        requested_by: backup.requested_by.map(UserId::as_uuid),
        status: backup.status.as_str().to_owned(),
        file: backup.file,
        size: backup.size,
        rows: backup.rows,
        has_key: backup.has_key,
        verification: backup
            .verification
            .map(Verification::as_str)
            .map(str::to_owned),
        detail: backup.detail,
        created_at: backup.created_at,
        started_at: backup.started_at,
        finished_at: backup.finished_at,
    }
}
