//! Whether the person behind a session proved recently who they are: for acts
//! that a stolen session must not be able to do.

use axum::extract::FromRequestParts;
use chrono::{DateTime, TimeDelta, Utc};
use http::request::Parts;
use openmake_api::ApiError;
use openmake_store::StoreError;
use openmake_types::Actor;

use crate::{error::store_error, state::App};

/// For how long a proof counts.
pub(crate) const LIFETIME: TimeDelta = TimeDelta::minutes(10);

/// The session was signed in or reauthenticated within [`LIFETIME`]. A
/// handler that does something sensitive has this in its signature, after
/// `Allowed`. API keys have no session and are refused.
pub(crate) struct Fresh;

impl FromRequestParts<App> for Fresh {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Self::Rejection> {
        let actor = parts.extensions.get::<Actor>();
        let actor = actor.ok_or_else(ApiError::unauthenticated)?;
        match until(app, actor).await? {
            Some(_) => Ok(Self),
            None => Err(ApiError::reauthentication_required()),
        }
    }
}

/// Until when the actor's session may do sensitive things, if it may.
pub(crate) async fn until(app: &App, actor: &Actor) -> Result<Option<DateTime<Utc>>, ApiError> {
    let session = actor.session_id.ok_or_else(ApiError::forbidden)?;
    let at = app
        .store
        .sessions()
        .reauthenticated_at(actor.user_id, session)
        .await;
    let at = match at {
        // It ended just now.
        Err(StoreError::NotFound) => return Err(ApiError::unauthenticated()),
        at => at.map_err(store_error("session"))?,
    };
    let until = at.map(|at| at + LIFETIME);
    Ok(until.filter(|until| *until > app.clock.now()))
}
