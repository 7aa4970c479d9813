//! Signing out.

use axum::{
    Extension,
    extract::State,
    response::{IntoResponse as _, Response},
};
use http::{HeaderMap, StatusCode};
use openmake_api::{ApiError, responses::OpenProblems};
use openmake_store::{StoreError, sessions::EndReason};
use openmake_types::{Actor, SessionId, UserId};

use super::session::{self, OwnSite};
use crate::{audit::AuditContext, error::store_error, state::App, tokens::RefreshCookie};

/// Ends the session of the cookie and that of the access token, and removes
/// the cookie. Without either there is nothing to end, and that is fine.
#[utoipa::path(post, path = "/api/v1/auth/logout", tag = "auth",
    security((), ("bearer" = []), ("refresh_cookie" = [])),
    responses((status = 204), (status = 403, description = "Sent by another site"), OpenProblems))]
pub(crate) async fn logout(
    State(app): State<App>,
    OwnSite(site): OwnSite,
    actor: Option<Extension<Actor>>,
    audit: AuditContext,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let by_token = actor.and_then(|Extension(actor)| {
        let session = actor.session_id?;
        Some((session, actor.user_id))
    });
    let by_cookie = session::cookie_session(&app, &headers).await?;
    let by_cookie = by_cookie.map(|session| (session.session_id, session.user_id));
    if let Some((session, owner)) = by_token {
        end(&app, &audit, session, owner).await?;
    }
    if let Some((session, owner)) = by_cookie.filter(|found| Some(*found) != by_token) {
        end(&app, &audit, session, owner).await?;
    }
    let cookie = session::set_cookie(&app, &site, RefreshCookie::Clear);
    Ok((StatusCode::NO_CONTENT, cookie).into_response())
}

async fn end(
    app: &App,
    audit: &AuditContext,
    id: SessionId,
    owner: UserId,
) -> Result<(), ApiError> {
    let entry = audit
        .success("user.logout")
        .by(owner)
        .on("session", &id)
        .done();
    let reason = EndReason::SignedOut;
    match app.store.sessions().end(owner, id, reason, &entry).await {
        // It ended in the meantime.
        Ok(()) | Err(StoreError::NotFound) => {}
        Err(error) => return Err(store_error("session")(error)),
    }
    app.authority.ended(id, reason);
    app.announce(vec![session::ended(id, owner)]);
    Ok(())
}
