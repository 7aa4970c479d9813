//! Anyone's keys, for administrators: to see them and to take them back. Making
//! and changing them is their owner's.

use axum::extract::State;
use http::StatusCode;
use openmake_api::{
    Allowed, ApiError, Page, PageQuery,
    api_keys::ApiKeyView,
    authorize::ManageUsers,
    extract::{Json, Path, Query},
    responses::{ReadProblems, WriteProblems},
};
use openmake_types::{ApiKeyId, UserId};
use uuid::Uuid;

use super::super::page;
use crate::{audit::AuditContext, error::store_error, state::App};

/// An account's keys, newest first.
#[utoipa::path(get, path = "/api/v1/users/{id}/api-keys", tag = "api-keys",
    params(("id" = Uuid, Path), PageQuery),
    responses((status = 200, body = Page<ApiKeyView>), ReadProblems))]
pub(crate) async fn list(
    State(app): State<App>,
    _allowed: Allowed<ManageUsers>,
    Path(id): Path<Uuid>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<ApiKeyView>>, ApiError> {
    let owner = UserId::from_uuid(id);
    let user = app.store.users().get(owner).await;
    user.map_err(store_error("account"))?;
    let rows = app
        .store
        .api_keys()
        .list(owner, page::request(&query)?)
        .await;
    let rows = rows.map_err(store_error("API key"))?;
    let now = app.clock.now();
    Ok(Json(page::page(rows, |key| super::view(key, now))))
}

/// Takes an account's key back for good.
#[utoipa::path(delete, path = "/api/v1/users/{id}/api-keys/{key_id}", tag = "api-keys",
    params(("id" = Uuid, Path), ("key_id" = Uuid, Path)),
    responses((status = 204), WriteProblems))]
pub(crate) async fn revoke(
    State(app): State<App>,
    _allowed: Allowed<ManageUsers>,
    audit: AuditContext,
    Path((id, key_id)): Path<(Uuid, Uuid)>,
) -> Result<StatusCode, ApiError> {
    let (owner, key) = (UserId::from_uuid(id), ApiKeyId::from_uuid(key_id));
    super::revoke(&app, &audit, owner, key).await?;
    Ok(StatusCode::NO_CONTENT)
}
