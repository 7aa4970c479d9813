//! `POST /ollama/api/chat` and `/ollama/api/generate`

use std::{convert::Infallible, sync::Arc};

use axum::{
    body::Body as ResponseBody,
    extract::State,
    response::{IntoResponse as _, Response},
};
use chrono::SecondsFormat;
use futures_util::stream;
use http::{HeaderName, HeaderValue, header};
use openmake_api::{
    Allowed, ApiError, ErrorShape, authorize::Chat, extract::Json, responses::WriteProblems,
};
use openmake_types::{Actor, Clock};
use serde_json::Value;
use tokio::time::Instant;

use super::{
    Body,
    lines::{Kind, Took, Writer},
    request::{self, Asked, Delivery},
    untagged,
    wire::{ChatBody, GenerateBody},
};
use crate::{
    compat::{Piece, Reply, Surface, ask},
    core::Core,
};

/// Go on with a conversation, in Ollama's protocol.
#[utoipa::path(
    post,
    path = "/ollama/api/chat",
    tag = "Ollama",
    request_body = ChatBody,
    responses((status = OK, description = "One JSON object a line, the last with `done: true`, or one object with `stream: false`. Errors have Ollama's shape", body = Object, content_type = "application/x-ndjson"), WriteProblems),
    security(("bearer" = [])),
)]
pub(super) async fn chat(
    State(core): State<Arc<Core>>,
    Allowed { actor, .. }: Allowed<Chat>,
    Body(body): Body<ChatBody>,
) -> Result<Response, ApiError> {
    answer(&core, &actor, Kind::Chat, request::chat(body)?).await
}

/// Answer one question, in Ollama's protocol.
#[utoipa::path(
    post,
    path = "/ollama/api/generate",
    tag = "Ollama",
    request_body = GenerateBody,
    responses((status = OK, description = "One JSON object a line, the last with `done: true`, or one object with `stream: false`. Errors have Ollama's shape", body = Object, content_type = "application/x-ndjson"), WriteProblems),
    security(("bearer" = [])),
)]
pub(super) async fn generate(
    State(core): State<Arc<Core>>,
    Allowed { actor, .. }: Allowed<Chat>,
    Body(body): Body<GenerateBody>,
) -> Result<Response, ApiError> {
    answer(&core, &actor, Kind::Generate, request::generate(body)?).await
}

async fn answer(
    core: &Arc<Core>,
    actor: &Actor,
    kind: Kind,
    asked: Asked,
) -> Result<Response, ApiError> {
    let Asked {
        mut query,
        delivery,
        only,
    } = asked;
    let began = Instant::now();
    let writer = Writer {
        kind,
        model: query.model.clone(),
        only,
    };
    query.model = untagged(core, query.model);
    let reply = ask(core, Surface::Ollama, actor, query).await?;
    let timer = Timer {
        clock: Arc::clone(&core.clock),
        began,
        answering: Instant::now(),
    };
    match delivery {
        Delivery::Whole => {
            let whole = reply.whole().await?;
            let object = writer.whole(&whole, timer.took(), &timer.now());
            Ok(Json(object).into_response())
        }
        Delivery::Streamed => Ok(streaming(Sending {
            reply,
            writer,
            timer,
        })),
    }
}

/// Tells the time of an answer.
struct Timer {
    clock: Arc<dyn Clock>,
    began: Instant,
    answering: Instant,
}

impl Timer {
    fn now(&self) -> String {
        self.clock.now().to_rfc3339_opts(SecondsFormat::Nanos, true)
    }

    fn took(&self) -> Took {
        Took {
            reading: self.answering.duration_since(self.began),
            writing: self.answering.elapsed(),
        }
    }
}

/// An answer that is being sent.
struct Sending {
    reply: Reply,
    writer: Writer,
    timer: Timer,
}

impl Sending {
    /// The next object; one that says what went wrong is the last.
    async fn next(&mut self) -> Option<Value> {
        let now = self.timer.now();
        match self.reply.next().await? {
            Ok(Piece::End(end)) => Some(self.writer.end(end, self.timer.took(), &now)),
            Ok(piece) => self.writer.piece(&piece, &now),
            Err(error) => Some(ErrorShape::Ollama.body(&error.problem())),
        }
    }
}

fn streaming(sending: Sending) -> Response {
    let lines = stream::unfold(sending, async |mut sending| {
        let object = sending.next().await?;
        Some((Ok::<_, Infallible>(format!("{object}\n")), sending))
    });
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/x-ndjson"),
        ),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (
            HeaderName::from_static("x-accel-buffering"),
            HeaderValue::from_static("no"),
        ),
    ];
    (headers, ResponseBody::from_stream(lines)).into_response()
}
