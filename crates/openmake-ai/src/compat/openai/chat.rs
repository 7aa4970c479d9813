//! `POST /v1/chat/completions`

use std::{collections::VecDeque, sync::Arc};

use axum::{
    extract::State,
    response::{IntoResponse as _, Response, sse::Event},
};
use futures_util::stream;
use openmake_api::{
    Allowed, ApiError, ErrorShape, authorize::Chat, extract::Json, responses::WriteProblems,
};

use super::{
    chat_answer::{Chunks, Head, completion},
    chat_request::{ChatCompletionRequest, Delivery},
};
use crate::{
    compat::{Reply, Surface, ask, event_stream},
    core::Core,
};

/// Go on with a conversation that the client keeps, in OpenAI's protocol.
/// Nothing is stored but what it cost. Closing the connection stops the model.
#[utoipa::path(
    post,
    path = "/v1/chat/completions",
    tag = "OpenAI",
    request_body = ChatCompletionRequest,
    responses(
        (status = OK, description = "A `chat.completion`, or with `stream` server-sent `chat.completion.chunk`s and `[DONE]`. Errors have OpenAI's shape", body = Object),
        WriteProblems,
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn create(
    State(core): State<Arc<Core>>,
    Allowed { actor, .. }: Allowed<Chat>,
    Json(request): Json<ChatCompletionRequest>,
) -> Result<Response, ApiError> {
    let (query, delivery) = request.query()?;
    let reply = ask(&core, Surface::OpenAi, &actor, query).await?;
    let now = core.clock.now();
    let head = Head {
        id: format!("chatcmpl-{}", core.ids.uuid(now).simple()),
        created: now.timestamp(),
        model: reply.model.clone(),
    };
    match delivery {
        Delivery::Whole => {
            let answer = reply.whole().await?;
            Ok(Json(completion(&head, answer)).into_response())
        }
        Delivery::Stream { usage } => Ok(stream(reply, Chunks { head, usage })),
    }
}

/// What is still to be written of an answer in chunks.
struct Writing {
    reply: Reply,
    chunks: Chunks,
    ready: VecDeque<String>,
    over: bool,
}

fn stream(reply: Reply, chunks: Chunks) -> Response {
    let writing = Writing {
        ready: VecDeque::from([chunks.first().to_string()]),
        reply,
        chunks,
        over: false,
    };
    event_stream(stream::unfold(writing, |mut writing| async move {
        let data = writing.next().await?;
        Some((Event::default().data(data), writing))
    }))
}

impl Writing {
    async fn next(&mut self) -> Option<String> {
        loop {
            if let Some(data) = self.ready.pop_front() {
                return Some(data);
            }
            if self.over {
                return None;
            }
            match self.reply.next().await {
                Some(Ok(piece)) => self
                    .ready
                    .extend(self.chunks.of(piece).iter().map(ToString::to_string)),
                Some(Err(error)) => {
                    self.over = true;
                    tracing::info!(%error, "an answer in chunks broke off");
                    let body = ErrorShape::OpenAi.body(&error.problem());
                    self.ready.push_back(body.to_string());
                }
                None => {
                    self.over = true;
                    self.ready.push_back("[DONE]".to_owned());
                }
            }
        }
    }
}
