//! Which models the accounts of a role may ask.

use axum::extract::State;
use openmake_api::{
    Allowed, ApiError,
    administration::{ModelAccessView, RoleModelsView, RoleName, SetRoleModels},
    authorize::ManageSettings,
    extract::{Json, Path},
    responses::{ReadProblems, WriteProblems},
};
use openmake_types::Role;
use serde_json::json;

use super::input;
use crate::{administered::changed, audit::AuditContext, error::store_error, state::App};

/// The models that each role allows, besides what groups and keys do.
#[utoipa::path(get, path = "/api/v1/model-access", tag = "instance",
    responses((status = 200, body = ModelAccessView), ReadProblems))]
pub(crate) async fn show(
    State(app): State<App>,
    _allowed: Allowed<ManageSettings>,
) -> Result<Json<ModelAccessView>, ApiError> {
    view(&app).await
}

/// Sets the models that a role allows; null is all. It holds within a second
/// for who is signed in. Administration itself is never taken away.
#[utoipa::path(put, path = "/api/v1/model-access/{role}", tag = "instance",
    params(("role" = RoleName, Path)), request_body = SetRoleModels,
    responses((status = 200, body = ModelAccessView), WriteProblems))]
pub(crate) async fn set(
    State(app): State<App>,
    _allowed: Allowed<ManageSettings>,
    audit: AuditContext,
    Path(role): Path<RoleName>,
    Json(body): Json<SetRoleModels>,
) -> Result<Json<ModelAccessView>, ApiError> {
    let role = stored_role(role);
    let models = body.allowed_models.as_deref();
    let models = models.map(|models| input::models("allowed_models", models));
    let models = models.transpose()?;
    let entry = audit
        .success("model_access.change")
        .on("role", &role.as_str());
    let entry = entry.with(json!({"allowed_models": models})).done();
    let access = app.store.role_models();
    let version = access.set(role, models.as_deref(), &entry).await;
    let version = version.map_err(store_error("role"))?;
    app.authority.changed_role(role);
    app.announce(vec![changed(version)]);
    view(&app).await
}

async fn view(app: &App) -> Result<Json<ModelAccessView>, ApiError> {
    let roles = app.store.role_models().list().await;
    let roles = roles.map_err(store_error("role"))?;
    let one = |found: openmake_store::role_models::RoleModels| RoleModelsView {
        role: role_name(found.role),
        allowed_models: found.allowed_models,
    };
    Ok(Json(ModelAccessView {
        roles: roles.into_iter().map(one).collect(),
    }))
}

/// The role with this name on the wire.
pub(super) const fn stored_role(role: RoleName) -> Role {
    match role {
        RoleName::Admin => Role::Admin,
        RoleName::User => Role::User,
        RoleName::Guest => Role::Guest,
    }
}

const fn role_name(role: Role) -> RoleName {
    match role {
        Role::Admin => RoleName::Admin,
        Role::User => RoleName::User,
        Role::Guest => RoleName::Guest,
    }
}
