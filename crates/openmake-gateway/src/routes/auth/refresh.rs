//! A new access token for the refresh cookie.

use axum::{
    extract::State,
    response::{IntoResponse as _, Response},
};
use chrono::TimeDelta;
use http::HeaderMap;
use openmake_api::{ApiError, auth::SignedIn, extract::Json, responses::OpenProblems};
use openmake_store::sessions::{EndReason, Presented, Rotation};
use openmake_types::ErrorKind;

use super::session::{self, OwnSite};
use crate::{
    audit::AuditContext,
    error::store_error,
    site::Site,
    state::App,
    tokens::{RefreshClaim, RefreshCookie},
};

/// For how long the token before is answered with the same successor: two tabs
/// that wake up together.
const GRACE: TimeDelta = TimeDelta::seconds(30);

/// Spends the refresh cookie: a new access token and a new cookie. An older
/// cookie that comes again ends the session, because two have it.
#[utoipa::path(post, path = "/api/v1/auth/refresh", tag = "auth",
    security(("refresh_cookie" = [])),
    responses((status = 200, body = SignedIn),
        (status = 401, description = "No session, or it is over"),
        (status = 403, description = "Sent by another site"), OpenProblems))]
pub(crate) async fn refresh(
    State(app): State<App>,
    OwnSite(site): OwnSite,
    audit: AuditContext,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let Some(claim) = session::cookie_claim(&app, &headers).await? else {
        return Ok(over(
            &app,
            &site,
            "no_session",
            "There is no session to refresh.",
        ));
    };
    match rotate(&app, &audit, claim).await? {
        Rotation::Refreshed {
            generation,
            authority,
        } => {
            let nonce = app.store.sessions().nonce(claim.session_id).await;
            let nonce = nonce.map_err(store_error("session"))?;
            let nonce = nonce.ok_or_else(ApiError::unauthenticated)?;
            let user = app.store.users().get(authority.user_id).await;
            let user = user.map_err(store_error("account"))?;
            let body = session::signed_in(&app, &user, claim.session_id)?;
            let token = app
                .refresh_tokens
                .issue(claim.session_id, generation, &nonce);
            let lifetime = authority.expires_at - audit.now();
            let cookie = session::set_cookie(&app, &site, RefreshCookie::Set(&token, lifetime));
            Ok((cookie, Json(body)).into_response())
        }
        Rotation::Reused { user_id } => {
            app.authority
                .ended(claim.session_id, EndReason::TokenReused);
            app.announce(vec![session::ended(claim.session_id, user_id)]);
            let detail = "This refresh token was used before, so the session was ended.";
            Ok(over(&app, &site, "token_reused", detail))
        }
        Rotation::Ended => Ok(over(&app, &site, "session_ended", "The session is over.")),
    }
}

async fn rotate(
    app: &App,
    audit: &AuditContext,
    claim: RefreshClaim,
) -> Result<Rotation, ApiError> {
    let now = audit.now();
    let presented = Presented {
        session_id: claim.session_id,
        generation: claim.generation,
        now,
        grace: GRACE,
        expires_at: session::expires_at(claim.session_id, now),
        ip_address: audit.client.ip_text(),
    };
    let entry = audit.denied("session.token_reused");
    let entry = entry.on("session", &claim.session_id).done();
    let rotation = app.store.sessions().rotate(&presented, &entry).await;
    rotation.map_err(store_error("session"))
}

/// There is nothing to refresh: the cookie goes.
fn over(app: &App, site: &Site, code: &'static str, detail: &'static str) -> Response {
    let error = ApiError::new(ErrorKind::Unauthenticated, detail)
        .with_code(code)
        .with_hint("Sign in again.");
    let cookie = session::set_cookie(app, site, RefreshCookie::Clear);
    (cookie, error).into_response()
}
