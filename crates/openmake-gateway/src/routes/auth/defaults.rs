//! What one's new conversations begin with.

use axum::extract::State;
use openmake_api::{
    Allowed, ApiError,
    auth::{DefaultsView, UpdateDefaults},
    authorize::{Chat, ManageOwnAccount},
    extract::Json,
    responses::{ReadProblems, WriteProblems},
};
use openmake_store::users::{Defaults, DefaultsChange};

use super::super::input;
use crate::{error::store_error, state::App};

/// What one's new conversations begin with.
#[utoipa::path(get, path = "/api/v1/auth/me/defaults", tag = "auth",
    responses((status = 200, body = DefaultsView), ReadProblems))]
pub(crate) async fn show(
    State(app): State<App>,
    allowed: Allowed<Chat>,
) -> Result<Json<DefaultsView>, ApiError> {
    let defaults = app.store.users().defaults(allowed.actor.user_id).await;
    Ok(Json(view(defaults.map_err(store_error("account"))?)))
}

/// Changes it: what is absent stays. Conversations that are there keep theirs.
#[utoipa::path(patch, path = "/api/v1/auth/me/defaults", tag = "auth",
    request_body = UpdateDefaults,
    responses((status = 200, body = DefaultsView), WriteProblems))]
pub(crate) async fn update(
    State(app): State<App>,
    allowed: Allowed<ManageOwnAccount>,
    Json(body): Json<UpdateDefaults>,
) -> Result<Json<DefaultsView>, ApiError> {
    let change = DefaultsChange {
        model: input::set(body.model, |model| input::line("model", &model, 200))?,
        instructions: input::set(body.instructions, |text| {
            input::instructions("instructions", &text)
        })?,
    };
    let users = app.store.users();
    let changed = users.set_defaults(allowed.actor.user_id, &change).await;
    Ok(Json(view(changed.map_err(store_error("account"))?)))
}

pub(super) fn view(defaults: Defaults) -> DefaultsView {
    DefaultsView {
        model: defaults.model,
        instructions: defaults.instructions,
    }
}
