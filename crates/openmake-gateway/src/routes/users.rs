//! Accounts, for administrators.

use axum::extract::State;
use openmake_api::{
    Allowed, ApiError, Page, PageQuery,
    authorize::ManageUsers,
    extract::{Json, Path, Query},
    responses::{ReadProblems, WriteProblems},
    users::{AdminUserView, UpdateUser},
};
use openmake_store::{
    sessions::EndReason,
    users::{User, UserChange},
    wakeups::{Wakeup, WakeupKind},
};
use openmake_types::{Role, UserId};
use serde_json::json;
use uuid::Uuid;

use super::page;
use crate::{audit::AuditContext, error::store_error, state::App};

/// Accounts, oldest first, without guests.
#[utoipa::path(get, path = "/api/v1/users", tag = "users", params(PageQuery),
    responses((status = 200, body = Page<AdminUserView>), ReadProblems))]
pub(crate) async fn list(
    State(app): State<App>,
    _allowed: Allowed<ManageUsers>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<AdminUserView>>, ApiError> {
    let rows = app.store.users().list(page::request(&query)?).await;
    Ok(Json(page::page(
        rows.map_err(store_error("account"))?,
        view,
    )))
}

/// Changes an account's role, or whether it may sign in. Its sessions end.
#[utoipa::path(patch, path = "/api/v1/users/{id}", tag = "users", params(("id" = Uuid, Path)),
    request_body = UpdateUser,
    responses((status = 200, body = AdminUserView), WriteProblems))]
pub(crate) async fn update(
    State(app): State<App>,
    _allowed: Allowed<ManageUsers>,
    audit: AuditContext,
    Path(id): Path<Uuid>,
    Json(body): Json<UpdateUser>,
) -> Result<Json<AdminUserView>, ApiError> {
    let id = UserId::from_uuid(id);
    let change = UserChange {
        role: body.role.as_deref().map(role).transpose()?,
        is_active: body.is_active,
    };
    let before = app.store.users().get(id).await;
    let before = before.map_err(store_error("account"))?;
    let details = json!({"role": body.role, "is_active": body.is_active});
    let entry = audit.success("user.change").on("user", &id).with(details);
    let user = app.store.users().change(id, change, &entry.done()).await;
    let user = user.map_err(store_error("account"))?;
    // What is so already ended nothing.
    if user.version != before.version {
        app.authority.ended_of(id, None, EndReason::AccountChanged);
        app.announce(vec![changed(id, user.version)]);
    }
    Ok(Json(view(user)))
}

/// An account's role, password or activation changed.
pub(crate) fn changed(id: UserId, version: i64) -> Wakeup {
    Wakeup {
        kind: WakeupKind::User,
        id: id.as_uuid(),
        version,
        owner: Some(id),
    }
}

fn role(name: &str) -> Result<Role, ApiError> {
    match name {
        "admin" => Ok(Role::Admin),
        "user" => Ok(Role::User),
        _ => Err(ApiError::field(
            "role",
            "invalid",
            "`role` is `user` or `admin`.",
        )),
    }
}

fn view(user: User) -> AdminUserView {
    AdminUserView {
        id: user.id.as_uuid(),
        email: user.email,
        display_name: user.display_name,
        role: user.role.as_str().to_owned(),
        is_active: user.is_active,
        created_at: user.created_at,
        last_login: user.last_login,
    }
}
