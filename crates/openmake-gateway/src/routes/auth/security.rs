//! What guards one's account.

use axum::extract::State;
use openmake_api::{
    Allowed, ApiError, authorize::ManageOwnAccount, extract::Json, responses::ReadProblems,
    sign_in::SecurityView,
};

use super::{identities, passkeys};
use crate::{error::store_error, sign_in::fresh, state::App};

/// What guards one's account, and how one can sign in.
#[utoipa::path(get, path = "/api/v1/auth/security", tag = "auth",
    responses((status = 200, body = SecurityView), ReadProblems))]
pub(crate) async fn show(
    State(app): State<App>,
    allowed: Allowed<ManageOwnAccount>,
) -> Result<Json<SecurityView>, ApiError> {
    let owner = allowed.actor.user_id;
    let fresh_until = fresh::until(&app, &allowed.actor).await?;
    let found = app.store.users().get_credentials(owner).await;
    let found = found.map_err(store_error("account"))?;
    let standing = app.store.factors().standing(owner).await;
    let standing = standing.map_err(store_error("account"))?;
    let keys = app.store.passkeys().list(owner).await;
    let keys = keys.map_err(store_error("passkey"))?;
    let linked = app.store.identities().list(owner).await;
    let linked = linked.map_err(store_error("identity"))?;
    let identity = |identity| identities::view(&app, identity);
    Ok(Json(SecurityView {
        has_password: found.password_hash.is_some(),
        totp_enabled: standing.totp,
        backup_codes_left: standing.backup_codes,
        passkeys: keys.into_iter().map(passkeys::view).collect(),
        identities: linked.into_iter().map(identity).collect(),
        fresh_until,
    }))
}
