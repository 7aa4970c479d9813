//! Accounts, for administrators.

use axum::extract::State;
use openmake_api::{
    Allowed, ApiError, Page, PageQuery,
    administration::{AccountStatus, UserQuery},
    authorize::ManageUsers,
    extract::{Json, Path, Query},
    responses::{ReadProblems, WriteProblems},
    users::{AdminUserView, UpdateUser},
};
use openmake_store::{
    sessions::EndReason,
    users::{User, UserChange, UserFilter},
    wakeups::{Wakeup, WakeupKind},
};
use openmake_types::{Role, UserId};
use serde_json::json;
use uuid::Uuid;

use super::{model_access::stored_role, page};
use crate::{audit::AuditContext, error::store_error, state::App};

/// Characters of a search.
const MAX_SEARCH: usize = 200;

/// Accounts that fit, oldest first, without guests.
#[utoipa::path(get, path = "/api/v1/users", tag = "users", params(UserQuery, PageQuery),
    responses((status = 200, body = Page<AdminUserView>), ReadProblems))]
pub(crate) async fn list(
    State(app): State<App>,
    _allowed: Allowed<ManageUsers>,
    Query(wanted): Query<UserQuery>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<AdminUserView>>, ApiError> {
    let text = wanted.q.unwrap_or_default();
    if text.chars().count() > MAX_SEARCH {
        let detail = format!("`q` has at most {MAX_SEARCH} characters.");
        return Err(ApiError::field("q", "too_long", detail));
    }
    let filter = UserFilter {
        words: text.split_whitespace().map(str::to_owned).collect(),
        role: wanted.role.map(stored_role),
        is_active: wanted.status.map(|status| status == AccountStatus::Active),
    };
    let users = app.store.users();
    let rows = users.list(&filter, page::request(&query)?).await;
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
