//! Who belongs to a group.

use axum::extract::State;
use http::StatusCode;
use openmake_api::{
    Allowed, ApiError, Page, PageQuery,
    authorize::{ManageOwnAccount, ManageUsers},
    extract::{Json, Path, Query},
    groups::{AddGroupMember, GroupMemberView, GroupRole, UpdateGroupMember},
    responses::{ReadProblems, WriteProblems},
};
use openmake_store::groups::{Member, NewMember, Whom};
use openmake_types::{Capability, GroupId, UserId};
use serde_json::json;
use uuid::Uuid;

use super::{super::page, governed, role, stored, tell};
use crate::{audit::AuditContext, error::store_error, state::App};

/// Who belongs to a group, for its managers and administrators.
#[utoipa::path(get, path = "/api/v1/groups/{id}/members", tag = "groups",
    params(("id" = Uuid, Path), PageQuery),
    responses((status = 200, body = Page<GroupMemberView>), ReadProblems))]
pub(crate) async fn list(
    State(app): State<App>,
    allowed: Allowed<ManageOwnAccount>,
    Path(id): Path<Uuid>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<GroupMemberView>>, ApiError> {
    let group = governed(&app, &allowed.actor, GroupId::from_uuid(id)).await?;
    let rows = app
        .store
        .groups()
        .members(group.id, page::request(&query)?)
        .await;
    Ok(Json(page::page(rows.map_err(store_error("member"))?, view)))
}

/// Adds an account to a group, for its managers and administrators.
#[utoipa::path(post, path = "/api/v1/groups/{id}/members", tag = "groups",
    params(("id" = Uuid, Path)), request_body = AddGroupMember,
    responses((status = 201, body = GroupMemberView), WriteProblems))]
pub(crate) async fn add(
    State(app): State<App>,
    allowed: Allowed<ManageOwnAccount>,
    audit: AuditContext,
    Path(id): Path<Uuid>,
    Json(body): Json<AddGroupMember>,
) -> Result<(StatusCode, Json<GroupMemberView>), ApiError> {
    let actor = &allowed.actor;
    let group = governed(&app, actor, GroupId::from_uuid(id)).await?;
    if body.role == GroupRole::Manager && !actor.may(Capability::ManageUsers) {
        return Err(ApiError::forbidden().with_hint("An administrator makes managers."));
    }
    let new = NewMember {
        group: group.id,
        user: account(&app, &body).await?,
        role: stored(body.role),
        now: audit.now(),
    };
    let entry = audit.success("group.member_add").on("group", &group.id);
    let details = json!({"user_id": new.user.to_string(), "role": new.role.as_str()});
    let added = app.store.groups();
    let added = added.add_member(&new, &entry.with(details).done()).await;
    let added = added.map_err(store_error("account"))?;
    tell(&app, &[new.user]);
    Ok((StatusCode::CREATED, Json(view(added))))
}

/// Makes a member a manager or the other way round.
#[utoipa::path(patch, path = "/api/v1/groups/{id}/members/{user_id}", tag = "groups",
    params(("id" = Uuid, Path), ("user_id" = Uuid, Path)), request_body = UpdateGroupMember,
    responses((status = 200, body = GroupMemberView), WriteProblems))]
pub(crate) async fn update(
    State(app): State<App>,
    _allowed: Allowed<ManageUsers>,
    audit: AuditContext,
    Path((id, user_id)): Path<(Uuid, Uuid)>,
    Json(body): Json<UpdateGroupMember>,
) -> Result<Json<GroupMemberView>, ApiError> {
    let which = (GroupId::from_uuid(id), UserId::from_uuid(user_id));
    let new = stored(body.role);
    let entry = audit.success("group.member_role").on("group", &which.0);
    let details = json!({"user_id": user_id.to_string(), "role": new.as_str()});
    let set = app.store.groups();
    let set = set.set_role(which, new, &entry.with(details).done()).await;
    Ok(Json(view(set.map_err(store_error("member"))?)))
}

/// Removes an account from a group, for its managers and administrators. A
/// manager does not remove a manager.
#[utoipa::path(delete, path = "/api/v1/groups/{id}/members/{user_id}", tag = "groups",
    params(("id" = Uuid, Path), ("user_id" = Uuid, Path)),
    responses((status = 204), WriteProblems))]
pub(crate) async fn remove(
    State(app): State<App>,
    allowed: Allowed<ManageOwnAccount>,
    audit: AuditContext,
    Path((id, user_id)): Path<(Uuid, Uuid)>,
) -> Result<StatusCode, ApiError> {
    let actor = &allowed.actor;
    let group = governed(&app, actor, GroupId::from_uuid(id)).await?;
    let whom = if actor.may(Capability::ManageUsers) {
        Whom::Anyone
    } else {
        Whom::Members
    };
    let user = UserId::from_uuid(user_id);
    let entry = audit.success("group.member_remove").on("group", &group.id);
    let entry = entry.with(json!({"user_id": user.to_string()})).done();
    let removed = app.store.groups();
    let removed = removed.remove_member((group.id, user), whom, &entry).await;
    removed.map_err(store_error("member"))?;
    tell(&app, &[user]);
    Ok(StatusCode::NO_CONTENT)
}

/// The account that is meant.
async fn account(app: &App, body: &AddGroupMember) -> Result<UserId, ApiError> {
    match (body.user_id, body.email.as_deref()) {
        (Some(id), None) => Ok(UserId::from_uuid(id)),
        (None, Some(email)) => {
            let found = app.store.users().lookup_credentials(email.trim()).await;
            let found = found.map_err(store_error("account"))?;
            found
                .map(|found| found.user.id)
                .ok_or_else(|| ApiError::not_found("account"))
        }
        _ => Err(ApiError::field(
            "user_id",
            "required",
            "Name the account by `user_id` or by `email`, one of them.",
        )),
    }
}

fn view(member: Member) -> GroupMemberView {
    GroupMemberView {
        user_id: member.user_id.as_uuid(),
        email: member.email,
        display_name: member.display_name,
        role: role(member.role),
        added_at: member.added_at,
    }
}
