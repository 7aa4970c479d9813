//! The ai role's routes: passed on with the actor, and with nothing that the
//! ai role has no business with.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use axum::{
    body::Body,
    extract::{MatchedPath, Request, State},
    response::{IntoResponse as _, Response},
};
use futures_util::StreamExt as _;
use http::{Extensions, HeaderMap, Method, header};
use openmake_api::{ApiError, ClientInfo, RequestId};
use openmake_seam::Deadline;
use openmake_types::Actor;
use tokio_util::task::task_tracker::TaskTrackerToken;
use tower::ServiceExt as _;

use crate::{
    authority::{AuthorityCache, LiveSession, Refusal},
    grant::Grant,
    guard::{self, API_KEY_HEADER},
    state::{AiService, App},
};

/// Headers that say who asks: the gateway has read them, and whoever sends the
/// last one from outside has made it up.
const OWN_HEADERS: [header::HeaderName; 5] = [
    openmake_seam::HEADER,
    header::AUTHORIZATION,
    header::COOKIE,
    header::PROXY_AUTHORIZATION,
    header::HeaderName::from_static(API_KEY_HEADER),
];

/// Who asks, as the ai role reads it.
#[derive(Clone)]
pub(crate) struct Caller {
    pub(crate) actor: Actor,
    pub(crate) client: ClientInfo,
}

/// Passes a request on. A stream ends when its session or key does.
pub(crate) async fn forward(State(app): State<App>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let mut inner = Request::new(body);
    *inner.method_mut() = parts.method;
    *inner.uri_mut() = parts.uri;
    *inner.headers_mut() = own_headers_removed(parts.headers);
    // A fresh set: what axum noted about our own routing must not reach the
    // routing inside.
    let grant = parts.extensions.get::<Grant>().cloned();
    let route = parts.extensions.get::<MatchedPath>();
    let is_call = route.is_some_and(|route| guard::calls_model(route.as_str()));
    let counted = is_call.then(|| app.calls.token());
    copy_extensions(&parts.extensions, inner.extensions_mut());
    let response = call(app.ai.clone(), inner).await;
    let response = match counted {
        Some(token) => response.map(|body| {
            Body::new(Counted {
                body,
                _token: token,
            })
        }),
        None => response,
    };
    match grant {
        Some(grant) if is_live(&response) => end_with(&app.authority, &grant, response).await,
        _ => response,
    }
}

/// The answer to a program's call, which counts until it is dropped.
struct Counted {
    body: Body,
    _token: TaskTrackerToken,
}

impl http_body::Body for Counted {
    type Data = bytes::Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<bytes::Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.body.size_hint()
    }
}

/// Sends a request of the gateway's own to the ai role, for `caller`.
pub(crate) async fn send(app: &App, caller: &Caller, mut request: Request) -> Response {
    let extensions = request.extensions_mut();
    extensions.insert(caller.actor.clone());
    if let Some(id) = &caller.client.request_id {
        extensions.insert(RequestId(id.clone()));
    }
    extensions.insert(caller.client.clone());
    call(app.ai.clone(), request).await
}

/// A request of the gateway's own. An invalid address is a fault of ours.
pub(crate) fn request(method: Method, path: &str, body: Body) -> Result<Request, ApiError> {
    Request::builder()
        .method(method)
        .uri(path)
        .body(body)
        .map_err(ApiError::internal)
}

async fn call(ai: AiService, request: Request) -> Response {
    match ai.oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

fn own_headers_removed(mut headers: HeaderMap) -> HeaderMap {
    for name in OWN_HEADERS {
        headers.remove(name);
    }
    headers
}

fn copy_extensions(from: &Extensions, to: &mut Extensions) {
    if let Some(actor) = from.get::<Actor>() {
        to.insert(actor.clone());
    }
    if let Some(id) = from.get::<RequestId>() {
        to.insert(id.clone());
    }
    if let Some(client) = from.get::<ClientInfo>() {
        to.insert(client.clone());
    }
    if let Some(deadline) = from.get::<Deadline>() {
        to.insert(*deadline);
    }
}

/// Whether an answer is a stream of events, or of lines as Ollama's are.
pub(crate) fn is_event_stream(response: &Response) -> bool {
    response
        .headers()
        .get(header::CONTENT_TYPE)
        .map(http::HeaderValue::as_bytes)
        .is_some_and(|kind| {
            kind.starts_with(b"text/event-stream") || kind.starts_with(b"application/x-ndjson")
        })
}

/// Whether an answer is a stream that goes on for as long as a model writes.
fn is_live(response: &Response) -> bool {
    is_event_stream(response)
        || response
            .headers()
            .get(header::CONTENT_TYPE)
            .is_some_and(|kind| kind.as_bytes().starts_with(b"application/x-ndjson"))
}

async fn end_with(authority: &AuthorityCache, grant: &Grant, response: Response) -> Response {
    let live = match authority.authorize(grant.credential).await {
        Ok(grant) => authority.follow(&grant),
        Err(Refusal::Ended) => return ApiError::unauthenticated().into_response(),
        Err(Refusal::Unavailable) => {
            return ApiError::unavailable("the credential could not be checked").into_response();
        }
    };
    response.map(|body| following(body, live))
}

fn following(body: Body, live: LiveSession) -> Body {
    let over = live.token().cancelled_owned();
    let stream = body.into_data_stream().take_until(over).map(move |piece| {
        // The stream owns its registration and drops it at its end.
        let _registered = &live;
        piece
    });
    Body::from_stream(stream)
}
