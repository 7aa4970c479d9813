//! Deleting one's account.

use axum::{
    extract::State,
    response::{IntoResponse as _, Response},
};
use http::StatusCode;
use openmake_api::{
    Allowed, ApiError, ClientInfo, authorize::ManageOwnAccount, responses::WriteProblems,
};
use openmake_store::sessions::EndReason;

use super::{
    super::{conversations::one::stop_turns, users},
    session::{self, OwnSite},
};
use crate::{
    audit::AuditContext, error::store_error, forward::Caller, sign_in::Fresh, state::App,
    tokens::RefreshCookie,
};

/// Deletes one's account for good, with conversations, images, keys and
/// sessions. The last administrator stays.
#[utoipa::path(delete, path = "/api/v1/auth/me", tag = "auth",
    responses((status = 204), WriteProblems))]
pub(crate) async fn delete(
    State(app): State<App>,
    allowed: Allowed<ManageOwnAccount>,
    _fresh: Fresh,
    OwnSite(site): OwnSite,
    client: ClientInfo,
    audit: AuditContext,
) -> Result<Response, ApiError> {
    let id = allowed.actor.user_id;
    let entry = audit.success("user.delete").on("user", &id).done();
    let deleted = app.store.users().delete(id, &entry).await;
    let deleted = deleted.map_err(store_error("account"))?;
    app.authority.ended_of(id, None, EndReason::AccountChanged);
    app.announce(vec![users::changed(id, deleted.version)]);
    let caller = Caller {
        actor: allowed.actor,
        client,
    };
    stop_turns(&app, caller, deleted.turns);
    remove(&app);
    let cookie = session::set_cookie(&app, &site, RefreshCookie::Clear);
    Ok((StatusCode::NO_CONTENT, cookie).into_response())
}

/// Removes what was the account's. Nobody can reach it any more, so nobody
/// waits for it; what fails here, maintenance does.
fn remove(app: &App) {
    let own = app.clone();
    app.tasks.spawn(async move {
        let users = own.store.users();
        let removed = tokio::select! {
            () = own.stop.cancelled() => return,
            removed = users.remove_deleted() => removed,
        };
        if let Err(error) = removed {
            tracing::warn!(%error, "a deleted account is removed later");
        }
    });
}
