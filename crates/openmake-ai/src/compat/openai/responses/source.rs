//! Where the pieces of a response come from: a turn's events, or a stateless
//! call.

use std::{collections::VecDeque, sync::Arc};

use axum::response::{Response, sse::Event};
use futures_util::stream;
use openmake_api::EventBody;
use openmake_models::FinishReason;
use openmake_store::turns::Turn;
use openmake_types::{TokenCounts, TurnId, UserId};
use serde_json::Value;

use super::answer::{Ending, Progress, State, Writer};
use crate::{
    compat::{Piece, Reply, event_stream},
    core::Core,
    turns::subscription::Subscription,
};

/// The pieces of a response, as they come.
pub(super) enum Source {
    Call(Box<Reply>),
    Turn(Box<Watched>),
}

/// A turn that is watched from its first event on.
pub(super) struct Watched {
    core: Arc<Core>,
    owner: UserId,
    turn: TurnId,
    events: Subscription,
    ready: VecDeque<Progress>,
    tokens: Option<TokenCounts>,
}

impl Source {
    /// The owner's turn, from its beginning.
    pub(super) fn turn(core: &Arc<Core>, turn: &Turn) -> Self {
        Self::Turn(Box::new(Watched {
            core: Arc::clone(core),
            owner: turn.owner,
            turn: turn.id,
            events: Subscription::new(Arc::clone(core), turn.owner, turn.id, 0),
            ready: VecDeque::new(),
            tokens: None,
        }))
    }

    /// The next piece; none after the end.
    pub(super) async fn next(&mut self) -> Option<Progress> {
        match self {
            Self::Call(reply) => of_call(reply).await,
            Self::Turn(watched) => watched.next().await,
        }
    }

    /// Takes all pieces into `writer`.
    pub(super) async fn write(mut self, writer: &mut Writer) {
        while let Some(progress) = self.next().await {
            writer.take(progress);
        }
    }
}

async fn of_call(reply: &mut Reply) -> Option<Progress> {
    Some(match reply.next().await? {
        Ok(Piece::Thinking(text)) => Progress::Thinking(text),
        Ok(Piece::Text(text)) => Progress::Text(text),
        Ok(Piece::Call(_, call)) => Progress::Call(call),
        Ok(Piece::End(end)) => Progress::Done(Ending {
            state: match end.finish {
                FinishReason::Length => State::Incomplete("max_output_tokens"),
                FinishReason::ContentFilter => State::Incomplete("content_filter"),
                FinishReason::Stop | FinishReason::ToolCalls => State::Completed,
            },
            tokens: Some(end.tokens),
        }),
        Err(error) => {
            tracing::info!(%error, "a response broke off");
            Progress::Done(Ending {
                state: State::Failed(error.code().to_owned(), error.detail().to_owned()),
                tokens: None,
            })
        }
    })
}

impl Watched {
    async fn next(&mut self) -> Option<Progress> {
        loop {
            if let Some(progress) = self.ready.pop_front() {
                return Some(progress);
            }
            let frame = self.events.next().await?;
            let event: openmake_api::Event = match serde_json::from_str(frame.json()) {
                Ok(event) => event,
                Err(error) => {
                    tracing::error!(turn = %self.turn, %error, "an event of the log cannot be read");
                    continue;
                }
            };
            self.take(event.body).await;
        }
    }

    async fn take(&mut self, event: EventBody) {
        let state = match event {
            EventBody::ModelSelected { model, .. } => {
                self.ready.push_back(Progress::Model(model));
                return;
            }
            EventBody::ThinkingDelta { text } => {
                self.ready.push_back(Progress::Thinking(text));
                return;
            }
            EventBody::TextDelta { text } => {
                self.ready.push_back(Progress::Text(text));
                return;
            }
            EventBody::Snapshot { text, thinking } => {
                let pieces = [Progress::Thinking(thinking), Progress::Text(text)];
                self.ready.extend(pieces.into_iter().filter(|piece| {
                    !matches!(piece, Progress::Thinking(text) | Progress::Text(text) if text.is_empty())
                }));
                return;
            }
            EventBody::Usage {
                input_tokens,
                output_tokens,
                ..
            } => {
                self.tokens = Some(TokenCounts {
                    input: input_tokens,
                    output: output_tokens,
                });
                return;
            }
            EventBody::Completed { finish_reason } => match finish_reason.as_str() {
                "length" | "time_budget" => State::Incomplete("max_output_tokens"),
                "content_filter" => State::Incomplete("content_filter"),
                _ => State::Completed,
            },
            EventBody::Cancelled {} => State::Cancelled,
            EventBody::Failed { code, detail, .. } => State::Failed(code, detail),
            EventBody::Interrupted { reason } => State::Failed(
                format!("interrupted_{reason}"),
                "The server stopped while this was written.".to_owned(),
            ),
            // What the page shows of a turn and a response has no place for.
            _ => return,
        };
        let tokens = match self.tokens {
            Some(tokens) => Some(tokens),
            None => self.stored_tokens().await,
        };
        self.ready
            .push_back(Progress::Done(Ending { state, tokens }));
    }

    /// What an ended turn cost, where its log is gone.
    async fn stored_tokens(&self) -> Option<TokenCounts> {
        let turn = self.core.store.turns().get(self.owner, self.turn).await;
        let metrics = turn.ok()?.metrics?;
        Some(TokenCounts {
            input: u64::try_from(metrics.input_tokens).unwrap_or(0),
            output: u64::try_from(metrics.output_tokens).unwrap_or(0),
        })
    }
}

/// What is still to be written of a response's events.
struct Writing {
    source: Source,
    writer: Writer,
    ready: VecDeque<Value>,
    /// The number of the last event that the client has.
    after: Option<u64>,
}

/// The response as events, from after the one that the client has.
pub(super) fn stream(source: Source, mut writer: Writer, after: Option<u64>) -> Response {
    let writing = Writing {
        ready: writer.begin().into(),
        source,
        writer,
        after,
    };
    event_stream(stream::unfold(writing, |mut writing| async move {
        let event = writing.next().await?;
        let kind = event
            .get("type")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
        let event = Event::default().event(kind).data(event.to_string());
        Some((event, writing))
    }))
}

impl Writing {
    async fn next(&mut self) -> Option<Value> {
        loop {
            let Some(event) = self.ready.pop_front() else {
                let progress = self.source.next().await?;
                self.ready.extend(self.writer.take(progress));
                continue;
            };
            let number = event.get("sequence_number").and_then(Value::as_u64);
            if number > self.after || self.after.is_none() {
                return Some(event);
            }
        }
    }
}
