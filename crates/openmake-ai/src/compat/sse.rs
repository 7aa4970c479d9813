//! Answers that come as server-sent events.

use std::{convert::Infallible, time::Duration};

use axum::response::{
    IntoResponse as _, Response,
    sse::{Event, KeepAlive, Sse},
};
use futures_util::{Stream, StreamExt as _};
use http::{HeaderName, HeaderValue, header};

/// How often a silent stream shows that it lives: a model may think for long
/// between two words, and proxies close what is silent.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// The response that `events` are. A comment keeps it open.
pub(crate) fn event_stream(events: impl Stream<Item = Event> + Send + 'static) -> Response {
    kept_open(events, KeepAlive::new())
}

/// The same for a protocol that has an event of its own to keep it open.
pub(crate) fn event_stream_with(
    ping: Event,
    events: impl Stream<Item = Event> + Send + 'static,
) -> Response {
    kept_open(events, KeepAlive::new().event(ping))
}

fn kept_open(
    events: impl Stream<Item = Event> + Send + 'static,
    keep_alive: KeepAlive,
) -> Response {
    let events = events.map(Ok::<_, Infallible>);
    let mut response = Sse::new(events)
        .keep_alive(keep_alive.interval(HEARTBEAT))
        .into_response();
    let headers = response.headers_mut();
    headers.insert(
        HeaderName::from_static("x-accel-buffering"),
        HeaderValue::from_static("no"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
