//! How a session begins, and whose a refresh cookie is.
//!
//! A session lasts [`IDLE`] from its last refresh and [`LONGEST`] in all:
//! who comes every day signs in four times a year, and a forgotten device is
//! out after a month.

use axum::{
    extract::FromRequestParts,
    response::{AppendHeaders, IntoResponse as _, Response},
};
use chrono::{DateTime, TimeDelta, Utc};
use http::{HeaderMap, StatusCode, header, request::Parts};
use openmake_api::{
    ApiError,
    auth::{SignedIn, UserView},
    extract::Json,
};
use openmake_store::{
    StoreError,
    sessions::{Authority, EndReason, NewSession, Standing},
    users::User,
    wakeups::{Wakeup, WakeupKind},
};
use openmake_types::{Actor, ErrorKind, Role, SessionId, UserId};

use crate::{
    audit::AuditContext,
    error::store_error,
    site::Site,
    state::App,
    tokens::{LIFETIME, RefreshClaim, RefreshCookie, cookie_value},
};

/// How long a session lasts without a refresh.
pub(crate) const IDLE: TimeDelta = TimeDelta::days(30);
/// How long it lasts however often it is refreshed.
const LONGEST: TimeDelta = TimeDelta::days(90);

/// The site that the request asked for, after it was checked that no page of
/// another origin is behind it: for every route that reads or sets the cookie.
pub(crate) struct OwnSite(pub(crate) Site);

impl FromRequestParts<App> for OwnSite {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Self::Rejection> {
        let site = parts.extensions.get::<Site>().cloned();
        let site = site.ok_or_else(|| ApiError::internal("the request names no site"))?;
        app.origins.check(&parts.headers, &site)?;
        Ok(Self(site))
    }
}

/// The guest who is about to get an account, by access token or cookie.
pub(crate) struct MaybeGuest(pub(crate) Option<UserId>);

impl FromRequestParts<App> for MaybeGuest {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Self::Rejection> {
        if let Some(actor) = parts.extensions.get::<Actor>() {
            let guest = (actor.role == Role::Guest).then_some(actor.user_id);
            return Ok(Self(guest));
        }
        let session = cookie_session(app, &parts.headers).await?;
        let guest = session.filter(|session| session.role == Role::Guest);
        Ok(Self(guest.map(|guest| guest.user_id)))
    }
}

/// The session of the refresh cookie, without spending it. None when there is
/// none that holds.
pub(crate) async fn cookie_session(
    app: &App,
    headers: &HeaderMap,
) -> Result<Option<Authority>, ApiError> {
    let Some(claim) = cookie_claim(app, headers).await? else {
        return Ok(None);
    };
    let now = app.clock.now();
    let standing = app.store.sessions().standing(claim.session_id, now).await;
    match standing.map_err(store_error("session"))? {
        Standing::Good(authority) => Ok(Some(authority)),
        Standing::Ended(_) | Standing::Unknown => Ok(None),
    }
}

/// The refresh token of the cookie, if we made it.
pub(crate) async fn cookie_claim(
    app: &App,
    headers: &HeaderMap,
) -> Result<Option<RefreshClaim>, ApiError> {
    let claim = cookie_value(headers).and_then(|token| RefreshClaim::parse(&token));
    let Some(claim) = claim else { return Ok(None) };
    let nonce = app.store.sessions().nonce(claim.session_id).await;
    let nonce = nonce.map_err(store_error("session"))?;
    Ok(nonce
        .filter(|nonce| app.refresh_tokens.verify(&claim, nonce))
        .map(|_| claim))
}

/// When a session ends by itself that is refreshed now.
pub(crate) fn expires_at(id: SessionId, now: DateTime<Utc>) -> DateTime<Utc> {
    // Sessions are made here only, so their ids are of version 7 and tell when.
    let made = id
        .as_uuid()
        .get_timestamp()
        .and_then(|time| DateTime::from_timestamp(i64::try_from(time.to_unix().0).ok()?, 0))
        .unwrap_or(now);
    (now + IDLE).min(made + LONGEST)
}

/// Signs `user` in: a session, its two tokens, and the answer with them.
pub(crate) async fn begin(
    app: &App,
    audit: &AuditContext,
    site: &Site,
    user: User,
    status: StatusCode,
) -> Result<Response, ApiError> {
    let begun = open(app, audit, site, &user).await?;
    let body = signed_in(app, &user, begun.id)?;
    Ok((status, begun.cookie, Json(body)).into_response())
}

/// A session that was just made.
pub(super) struct Begun {
    id: SessionId,
    /// Carries its refresh token.
    pub(super) cookie: AppendHeaders<[(header::HeaderName, http::HeaderValue); 1]>,
}

/// Makes a session for `user`, whatever the answer will be.
pub(super) async fn open(
    app: &App,
    audit: &AuditContext,
    site: &Site,
    user: &User,
) -> Result<Begun, ApiError> {
    let id = SessionId::from_uuid(audit.new_id());
    let now = audit.now();
    let mut nonce = [0; 16];
    app.ids.fill(&mut nonce);
    let session = NewSession {
        id,
        user_id: user.id,
        user_version: user.version,
        nonce,
        now,
        expires_at: expires_at(id, now),
        user_agent: audit.client.user_agent.clone(),
        ip_address: audit.client.ip_text(),
    };
    let entry = audit.success("user.login").by(user.id).on("session", &id);
    let created = app.store.sessions().create(&session, &entry.done()).await;
    created.map_err(|error| match error {
        // Its password or role changed, or it was deactivated, after the
        // password was checked.
        StoreError::NotFound => account_changed(),
        error => store_error("account")(error),
    })?;
    let token = app.refresh_tokens.issue(id, FIRST_GENERATION, &nonce);
    let cookie = RefreshCookie::Set(&token, session.expires_at - now);
    Ok(Begun {
        id,
        cookie: set_cookie(app, site, cookie),
    })
}

fn account_changed() -> ApiError {
    ApiError::new(
        ErrorKind::Unauthenticated,
        "The account changed while you signed in.",
    )
    .with_code("account_changed")
    .with_hint("Sign in again.")
}

/// The generation of a new session's refresh token.
const FIRST_GENERATION: i32 = 1;

/// A fresh access token with who it is for.
pub(crate) fn signed_in(app: &App, user: &User, id: SessionId) -> Result<SignedIn, ApiError> {
    let token = app.access_tokens.issue(user.id, id, app.clock.now());
    Ok(SignedIn {
        access_token: token.map_err(ApiError::internal)?,
        expires_in: u64::try_from(LIFETIME.num_seconds()).unwrap_or(0),
        user: user_view(user),
    })
}

/// The `Set-Cookie` header for this site.
pub(crate) fn set_cookie(
    app: &App,
    site: &Site,
    cookie: RefreshCookie<'_>,
) -> AppendHeaders<[(header::HeaderName, http::HeaderValue); 1]> {
    let value = cookie.header(app.cookie_transport(site));
    AppendHeaders([(header::SET_COOKIE, value)])
}

/// Gives what a guest made to the account that they now have.
pub(crate) async fn claim_guest(
    app: &App,
    audit: &AuditContext,
    guest: Option<UserId>,
    user: UserId,
) -> Result<(), ApiError> {
    let Some(guest) = guest else { return Ok(()) };
    let entry = audit.success("guest.claim").by(user).on("user", &guest);
    let claimed = app
        .store
        .users()
        .claim_guest(guest, user, &entry.done())
        .await;
    claimed.map_err(store_error("guest"))?;
    app.authority
        .ended_of(guest, None, EndReason::AccountChanged);
    app.announce(vec![super::super::users::changed(guest, 0)]);
    Ok(())
}

/// A session ended.
pub(crate) fn ended(id: SessionId, owner: UserId) -> Wakeup {
    Wakeup {
        kind: WakeupKind::Session,
        id: id.as_uuid(),
        version: 0,
        owner: Some(owner),
    }
}

/// An account as its owner sees it.
pub(crate) fn user_view(user: &User) -> UserView {
    UserView {
        id: user.id.as_uuid(),
        email: user.email.clone(),
        display_name: user.display_name.clone(),
        role: user.role.as_str().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use openmake_types::{Ids as _, RandomIds};

    use super::*;

    #[test]
    fn a_session_slides_but_not_for_ever() {
        let start = DateTime::from_timestamp(1_900_000_000, 0).expect("in range");
        let id = SessionId::from_uuid(RandomIds.uuid(start));
        assert_eq!(expires_at(id, start), start + IDLE);
        let later = start + TimeDelta::days(40);
        assert_eq!(expires_at(id, later), later + IDLE);
        let late = start + TimeDelta::days(80);
        assert_eq!(expires_at(id, late), start + LONGEST);
    }
}
