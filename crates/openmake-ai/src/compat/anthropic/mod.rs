//! Anthropic's `/v1/messages`, for its clients.
//!
//! What of its protocol means what here, and what is refused, is in
//! docs/compatibility-anthropic-ollama.md.

mod conversation;
mod events;
pub(crate) mod models;
mod request;
mod wire;

use std::{collections::VecDeque, sync::Arc};

use axum::{
    extract::{DefaultBodyLimit, FromRequestParts, State},
    response::{IntoResponse as _, Response, sse::Event},
};
use futures_util::stream;
use http::{HeaderValue, request::Parts};
use openmake_agents::estimate_request;
use openmake_api::{
    Allowed, ApiError, ErrorShape, authorize::Chat, extract::Json, responses::WriteProblems,
};
use openmake_models::ChatRequest;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use self::{
    events::{Encoder, Frame, Head},
    request::Asked,
    wire::MessagesRequest,
};
use super::{Query, Reply, Surface, ask, event_stream_with, permit};
use crate::{core::Core, http::MAX_QUESTION_BYTES};

/// The versions of the protocol that are spoken here: those that Anthropic's
/// Python packages have sent.
const VERSIONS: &[&str] = &["2023-06-01", "2026-10-21"];

/// The routes with their description.
pub(crate) fn router() -> OpenApiRouter<Arc<Core>> {
    OpenApiRouter::new()
        .routes(routes!(create))
        .routes(routes!(count_tokens))
        .layer(DefaultBodyLimit::max(MAX_QUESTION_BYTES))
}

/// The header `anthropic-version`, which every client of Anthropic's sends.
#[derive(Debug)]
pub(crate) struct Version;

impl<S: Sync> FromRequestParts<S> for Version {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let sent = parts.headers.get("anthropic-version");
        let known = VERSIONS.join(" or ");
        match sent.map(HeaderValue::as_bytes) {
            Some(sent) if VERSIONS.iter().any(|known| known.as_bytes() == sent) => Ok(Self),
            Some(_) => Err(ApiError::field(
                "anthropic-version",
                "unsupported",
                format!("The header `anthropic-version` is {known} here."),
            )),
            None => Err(ApiError::field(
                "anthropic-version",
                "required",
                format!("The header `anthropic-version` is missing; send {known}."),
            )),
        }
    }
}

/// Ask a model, in Anthropic's protocol.
#[utoipa::path(
    post,
    path = "/v1/messages",
    tag = "Anthropic",
    params(("anthropic-version" = String, Header, description = "2023-06-01 or 2026-10-21")),
    request_body = MessagesRequest,
    responses(
        (status = OK, description = "The answer as Anthropic's clients read it: one document, or with `stream` server-sent events from `message_start` to `message_stop`", body = Object),
        WriteProblems,
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn create(
    State(core): State<Arc<Core>>,
    Allowed { actor, .. }: Allowed<Chat>,
    _: Version,
    Json(request): Json<MessagesRequest>,
) -> Result<Response, ApiError> {
    if request.max_tokens.is_none() {
        return Err(ApiError::field(
            "max_tokens",
            "required",
            "`max_tokens` is missing: the most tokens to write.",
        ));
    }
    let streamed = request.stream == Some(true);
    let Asked { query, display } = request::query(request)?;
    let reply = ask(&core, Surface::Anthropic, &actor, query).await?;
    let id = core.ids.uuid(core.clock.now()).simple();
    let head = Head {
        id: format!("msg_{id}"),
        model: reply.model.clone(),
        display,
    };
    if streamed {
        return Ok(streaming(head, reply));
    }
    let whole = reply.whole().await?;
    Ok(Json(events::whole(&head, &whole)).into_response())
}

/// How many tokens a request reads.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AnthropicTokenCount)]
pub(crate) struct TokenCount {
    /// Our estimate: models cut texts differently, and asking the model's
    /// server would cost a call.
    input_tokens: u64,
}

/// Estimate how many tokens a request of `/v1/messages` reads.
#[utoipa::path(
    post,
    path = "/v1/messages/count_tokens",
    tag = "Anthropic",
    params(("anthropic-version" = String, Header, description = "2023-06-01 or 2026-10-21")),
    request_body = MessagesRequest,
    responses((status = OK, body = TokenCount), WriteProblems),
    security(("bearer" = [])),
)]
pub(crate) async fn count_tokens(
    State(core): State<Arc<Core>>,
    Allowed { actor, .. }: Allowed<Chat>,
    _: Version,
    Json(request): Json<MessagesRequest>,
) -> Result<Json<TokenCount>, ApiError> {
    let Asked { query, .. } = request::query(request)?;
    permit(&core, &actor.models, &query.model)?;
    let Query {
        model,
        messages,
        tools,
        ..
    } = query;
    let read = ChatRequest {
        tools,
        ..ChatRequest::new(model, messages)
    };
    Ok(Json(TokenCount {
        input_tokens: estimate_request(&read),
    }))
}

/// An answer that is being sent.
struct Sending {
    reply: Reply,
    encoder: Encoder,
    ready: VecDeque<Frame>,
}

impl Sending {
    async fn next(&mut self) -> Option<Frame> {
        loop {
            if let Some(frame) = self.ready.pop_front() {
                return Some(frame);
            }
            match self.reply.next().await? {
                Ok(piece) => self.ready.extend(self.encoder.piece(piece)),
                Err(error) => {
                    let body = ErrorShape::Anthropic.body(&error.problem());
                    return Some(Frame::error(body));
                }
            }
        }
    }
}

fn streaming(head: Head, reply: Reply) -> Response {
    let encoder = Encoder::new(head);
    let sending = Sending {
        ready: encoder.start(reply.estimated_input()).into(),
        reply,
        encoder,
    };
    let events = stream::unfold(sending, async |mut sending| {
        let event = event(&sending.next().await?);
        Some((event, sending))
    });
    event_stream_with(event(&Frame::ping()), events)
}

fn event(frame: &Frame) -> Event {
    Event::default()
        .event(frame.name)
        .data(frame.data.to_string())
}
