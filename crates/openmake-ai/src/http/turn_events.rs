//! `GET /api/v1/turns/{id}/events`

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    extract::State,
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures_util::stream;
use http::{HeaderMap, HeaderName, HeaderValue};
use openmake_api::{
    Allowed, ApiError,
    authorize::Chat,
    extract::{Path, Query},
    responses::ReadProblems,
    turns::EventsQuery,
};
use openmake_types::TurnId;
use uuid::Uuid;

use crate::{core::Core, error::store_error, turns::subscription::Subscription};

/// How often a silent stream shows that it lives.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// Watch a turn: every event after the given number, once, in order, and then
/// what follows, until the turn ends.
#[utoipa::path(
    get,
    path = "/api/v1/turns/{id}/events",
    tag = "turns",
    params(
        ("id" = Uuid, Path, description = "The turn"),
        EventsQuery,
        ("Last-Event-ID" = Option<u64>, Header, description = "The last number that the client has"),
    ),
    responses(
        (status = OK, description = "Server-sent events: `id` is the number, `event` the type, `data` the event", body = openmake_api::Event, content_type = "text/event-stream"),
        ReadProblems,
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn events(
    State(core): State<Arc<Core>>,
    Allowed { actor, .. }: Allowed<Chat>,
    Path(id): Path<Uuid>,
    Query(query): Query<EventsQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let turn = TurnId::from_uuid(id);
    let after = match headers.get("last-event-id") {
        Some(value) => value
            .to_str()
            .ok()
            .and_then(|text| text.trim().parse().ok())
            .ok_or_else(|| ApiError::invalid("`Last-Event-ID` is an event's number."))?,
        None => query.after.unwrap_or(0),
    };
    // Someone else's turn does not exist.
    core.store
        .turns()
        .get(actor.user_id, turn)
        .await
        .map_err(store_error("turn"))?;
    let subscription = Subscription::new(core, actor.user_id, turn, after);
    let events = stream::unfold(subscription, |mut subscription| async move {
        let frame = subscription.next().await?;
        let event = Event::default()
            .id(frame.seq().to_string())
            .event(frame.name())
            .data(frame.json());
        Some((Ok::<_, Infallible>(event), subscription))
    });
    let mut response = Sse::new(events)
        .keep_alive(KeepAlive::new().interval(HEARTBEAT))
        .into_response();
    let headers = response.headers_mut();
    headers.insert(
        HeaderName::from_static("x-accel-buffering"),
        HeaderValue::from_static("no"),
    );
    headers.insert(
        http::header::CACHE_CONTROL,
        HeaderValue::from_static("no-store"),
    );
    Ok(response)
}
