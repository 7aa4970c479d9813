//! The groups themselves.

use axum::extract::State;
use http::StatusCode;
use openmake_api::{
    Allowed, ApiError, Page, PageQuery,
    authorize::{ManageOwnAccount, ManageUsers},
    extract::{Json, Path, Query},
    groups::{CreateGroup, GroupView, UpdateGroup},
    responses::{ReadProblems, WriteProblems},
};
use openmake_store::groups::{Group, GroupTerms, NewGroup};
use openmake_types::GroupId;
use serde_json::json;
use uuid::Uuid;

use super::{
    super::{input, page},
    role, seen, tell,
};
use crate::{audit::AuditContext, error::store_error, state::App};

const MAX_NAME: usize = 100;
const MAX_DESCRIPTION: usize = 500;

/// The groups that one is in, oldest first; for administrators all groups.
#[utoipa::path(get, path = "/api/v1/groups", tag = "groups", params(PageQuery),
    responses((status = 200, body = Page<GroupView>), ReadProblems))]
pub(crate) async fn list(
    State(app): State<App>,
    allowed: Allowed<ManageOwnAccount>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<GroupView>>, ApiError> {
    let groups = app.store.groups();
    let rows = groups.list(seen(&allowed.actor), page::request(&query)?);
    let rows = rows.await.map_err(store_error("group"))?;
    Ok(Json(page::page(rows, view)))
}

/// Makes a group.
#[utoipa::path(post, path = "/api/v1/groups", tag = "groups", request_body = CreateGroup,
    responses((status = 201, body = GroupView), WriteProblems))]
pub(crate) async fn create(
    State(app): State<App>,
    _allowed: Allowed<ManageUsers>,
    audit: AuditContext,
    Json(body): Json<CreateGroup>,
) -> Result<(StatusCode, Json<GroupView>), ApiError> {
    let models = body.allowed_models.as_deref();
    let models = models.map(|names| input::models("allowed_models", names));
    let new = NewGroup {
        id: GroupId::from_uuid(audit.new_id()),
        terms: GroupTerms {
            name: input::line("name", &body.name, MAX_NAME)?,
            description: description(&body.description)?,
            allowed_models: models.transpose()?,
        },
        now: audit.now(),
    };
    let entry = audit.success("group.create").on("group", &new.id);
    let details = json!({"name": new.terms.name, "allowed_models": new.terms.allowed_models});
    let made = app.store.groups();
    let made = made.create(&new, &entry.with(details).done()).await;
    let made = made.map_err(store_error("group"))?;
    Ok((StatusCode::CREATED, Json(view(made))))
}

/// One group that one is in; for administrators any.
#[utoipa::path(get, path = "/api/v1/groups/{id}", tag = "groups", params(("id" = Uuid, Path)),
    responses((status = 200, body = GroupView), ReadProblems))]
pub(crate) async fn show(
    State(app): State<App>,
    allowed: Allowed<ManageOwnAccount>,
    Path(id): Path<Uuid>,
) -> Result<Json<GroupView>, ApiError> {
    let groups = app.store.groups();
    let group = groups.get(seen(&allowed.actor), GroupId::from_uuid(id));
    let group = group.await.map_err(store_error("group"))?;
    Ok(Json(view(group)))
}

/// Changes a group. Which models its members may ask holds at once.
#[utoipa::path(patch, path = "/api/v1/groups/{id}", tag = "groups", params(("id" = Uuid, Path)),
    request_body = UpdateGroup,
    responses((status = 200, body = GroupView), WriteProblems))]
pub(crate) async fn update(
    State(app): State<App>,
    allowed: Allowed<ManageUsers>,
    audit: AuditContext,
    Path(id): Path<Uuid>,
    Json(body): Json<UpdateGroup>,
) -> Result<Json<GroupView>, ApiError> {
    let id = GroupId::from_uuid(id);
    let details = serde_json::to_value(&body).map_err(ApiError::internal)?;
    let name = body.name.map(|name| input::line("name", &name, MAX_NAME));
    let name = name.transpose()?;
    let text = body.description.as_deref().map(description).transpose()?;
    let models = body
        .allowed_models
        .try_map(|names| input::models("allowed_models", &names))?;
    let edit = move |terms: &mut GroupTerms| {
        if let Some(name) = name {
            terms.name = name;
        }
        if let Some(text) = text {
            terms.description = text;
        }
        models.apply(&mut terms.allowed_models);
    };
    let entry = audit.success("group.update").on("group", &id);
    let entry = entry.with(details).done();
    let which = (seen(&allowed.actor), id);
    let edited = app.store.groups();
    let edited = edited.edit(which, audit.now(), edit, &entry).await;
    let (group, affected) = edited.map_err(store_error("group"))?;
    tell(&app, &affected);
    Ok(Json(view(group)))
}

/// Removes a group. Its members stay accounts, without what it said.
#[utoipa::path(delete, path = "/api/v1/groups/{id}", tag = "groups", params(("id" = Uuid, Path)),
    responses((status = 204), WriteProblems))]
pub(crate) async fn remove(
    State(app): State<App>,
    _allowed: Allowed<ManageUsers>,
    audit: AuditContext,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, ApiError> {
    let id = GroupId::from_uuid(id);
    let entry = audit.success("group.delete").on("group", &id).done();
    let removed = app.store.groups().remove(id, &entry).await;
    tell(&app, &removed.map_err(store_error("group"))?);
    Ok(StatusCode::NO_CONTENT)
}

fn description(text: &str) -> Result<String, ApiError> {
    let text = text.trim();
    if text.chars().count() > MAX_DESCRIPTION {
        let detail = format!("`description` has at most {MAX_DESCRIPTION} characters.");
        return Err(ApiError::field("description", "too_long", detail));
    }
    Ok(text.to_owned())
}

fn view(group: Group) -> GroupView {
    GroupView {
        id: group.id.as_uuid(),
        name: group.terms.name,
        description: group.terms.description,
        allowed_models: group.terms.allowed_models,
        members: u64::try_from(group.members).unwrap_or(0),
        role: group.role.map(role),
        created_at: group.created_at,
        updated_at: group.updated_at,
    }
}
