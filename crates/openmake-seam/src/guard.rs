//! The other side: who asks is what was signed, and nothing else.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{MatchedPath, Request, State},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
    routing::get,
};
use http::{StatusCode, Uri};
use openmake_api::{ApiError, ClientInfo, RequestId};
use openmake_types::{Actor, Clock, ErrorKind};
use tower_http::catch_panic::CatchPanicLayer;
use tracing::Instrument as _;

use crate::{
    Deadline,
    identity::{HEADER, Identity, Line, Refusal},
    keys::InternalKeys,
};

/// Answers 204 to a signature that holds: how a key is checked.
pub const IDENTITY_PATH: &str = "/identity";

/// What signatures are checked with.
#[derive(Clone)]
pub struct GuardParts {
    /// The keys that roles share.
    pub keys: InternalKeys,
    /// The time of day.
    pub clock: Arc<dyn Clock>,
}

/// `router` for requests that carry a signed identity: what it says is put into
/// their extensions, and all others are refused.
pub fn guarded(router: Router, parts: GuardParts) -> Router {
    router
        .route(IDENTITY_PATH, get(async || StatusCode::NO_CONTENT))
        // Of our own, so that it stays behind the check wherever the router is
        // merged into another.
        .fallback(async || ApiError::not_found("route"))
        .layer(CatchPanicLayer::custom(|_| {
            ApiError::internal("a handler panicked").into_response()
        }))
        .layer(middleware::from_fn_with_state(parts, check))
}

async fn check(State(guard): State<GuardParts>, mut request: Request, next: Next) -> Response {
    let line = Line::of(request.method(), request.uri());
    let value = request.headers().get(HEADER);
    let identity = match guard.keys.check(line, value, guard.clock.now()) {
        Ok(identity) => identity,
        Err(refusal) => return refused(&request, refusal),
    };
    let patience = identity.patience;
    enter(&mut request, identity);
    let span = span(&request);
    let Some(patience) = patience else {
        return next.run(request).instrument(span).await;
    };
    answer_within(patience, next.run(request).instrument(span)).await
}

/// Puts what was signed in the place of whatever is there.
fn enter(request: &mut Request, identity: Identity) {
    request.headers_mut().remove(HEADER);
    // As in one process: nothing of the way here.
    if let Some(target) = request.uri().path_and_query().cloned() {
        *request.uri_mut() = Uri::from(target);
    }
    let extensions = request.extensions_mut();
    extensions.remove::<Actor>();
    extensions.remove::<RequestId>();
    if let Some(actor) = identity.actor {
        extensions.insert(actor);
    }
    if let Some(id) = &identity.client.request_id {
        extensions.insert(RequestId(id.clone()));
    }
    extensions.insert::<ClientInfo>(identity.client);
    if let Some(patience) = identity.patience {
        extensions.insert(Deadline(tokio::time::Instant::now() + patience));
    }
}

fn span(request: &Request) -> tracing::Span {
    let extensions = request.extensions();
    let id = extensions.get::<RequestId>().map(|id| id.0.as_str());
    let actor = extensions.get::<Actor>();
    tracing::info_span!(
        "request",
        request_id = id,
        method = %request.method(),
        route = extensions.get::<MatchedPath>().map_or("unknown", MatchedPath::as_str),
        user_id = actor.map(|actor| actor.user_id.to_string()),
        api_key_id = actor.and_then(|actor| actor.api_key_id).map(|key| key.to_string()),
    )
}

async fn answer_within(patience: Duration, answer: impl Future<Output = Response>) -> Response {
    tokio::time::timeout(patience, answer)
        .await
        .unwrap_or_else(|_| {
            ApiError::new(ErrorKind::Timeout, "The server took too long to answer.")
                .with_hint("Try again in a moment.")
                .into_response()
        })
}

fn refused(request: &Request, refusal: Refusal) -> Response {
    tracing::warn!(
        method = %request.method(),
        path = request.uri().path(),
        %refusal,
        "refused a request"
    );
    ApiError::new(
        ErrorKind::Unauthenticated,
        "This role answers other roles of the instance only.",
    )
    .with_code(refusal.code())
    .with_hint("Ask the gateway. Roles of one instance have the same OPENMAKE_INTERNAL_KEY and clocks that agree.")
    .into_response()
}
