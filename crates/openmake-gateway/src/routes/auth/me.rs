//! One's own account.

use axum::extract::State;
use openmake_api::{
    Allowed, ApiError,
    auth::{UpdateProfile, UserView},
    authorize::{Chat, ManageOwnAccount},
    extract::Json,
    responses::{ReadProblems, WriteProblems},
};

use super::{super::input, session::user_view};
use crate::{error::store_error, state::App};

/// Who one is.
#[utoipa::path(get, path = "/api/v1/auth/me", tag = "auth",
    responses((status = 200, body = UserView), ReadProblems))]
pub(crate) async fn show(
    State(app): State<App>,
    allowed: Allowed<Chat>,
) -> Result<Json<UserView>, ApiError> {
    let user = app.store.users().get(allowed.actor.user_id).await;
    Ok(Json(user_view(&user.map_err(store_error("account"))?)))
}

/// Changes what one is called.
#[utoipa::path(patch, path = "/api/v1/auth/me", tag = "auth", request_body = UpdateProfile,
    responses((status = 200, body = UserView), WriteProblems))]
pub(crate) async fn update(
    State(app): State<App>,
    allowed: Allowed<ManageOwnAccount>,
    Json(body): Json<UpdateProfile>,
) -> Result<Json<UserView>, ApiError> {
    let name = input::line("display_name", &body.display_name, 100)?;
    let users = app.store.users();
    let now = app.clock.now();
    let user = users
        .set_display_name(allowed.actor.user_id, &name, now)
        .await;
    Ok(Json(user_view(&user.map_err(store_error("account"))?)))
}
