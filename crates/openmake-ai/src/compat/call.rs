//! Asking a model for a client that keeps its own history.

use std::sync::Arc;

use futures_util::StreamExt as _;
use openmake_agents::{Answer, ModelClient as _, TurnFailure, estimate_tokens};
use openmake_api::ApiError;
use openmake_models::{ChatDelta, ChatRequest, FinishReason, ModelError};
use openmake_types::{Actor, ErrorKind, TokenCounts, ToolCall};
use tokio::time::Instant;

use super::{
    bill::{Bill, Surface},
    plan::{CallsAtOnce, Prepared, Query, prepare},
};
use crate::{admission::admit, core::Core};

/// An answer as it comes. Dropping it ends the model's request.
pub(crate) struct Reply {
    /// The real model that answers.
    pub(crate) model: String,
    answer: Answer,
    bill: Bill,
    deadline: Option<Instant>,
    calls: CallsAtOnce,
    must_call: bool,
    seen_calls: usize,
    has_text: bool,
    over: bool,
}

/// One piece of an answer. `End` is the last of every answer that is complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    /// More of what the model thinks.
    Thinking(String),
    /// More text.
    Text(String),
    /// A tool that the model asks for, whole; its place among the calls.
    Call(usize, ToolCall),
    /// The end.
    End(End),
}

/// How an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct End {
    /// Why.
    pub(crate) finish: FinishReason,
    /// What it cost.
    pub(crate) tokens: TokenCounts,
    /// Whether that is our estimate, since the server does not count.
    pub(crate) estimated: bool,
}

/// An answer that is complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Whole {
    /// What the model thought.
    pub(crate) thinking: String,
    /// What it says.
    pub(crate) text: String,
    /// The tools that it asks for.
    pub(crate) calls: Vec<ToolCall>,
    /// How it ended.
    pub(crate) end: End,
}

/// Asks, and returns when the first piece of the answer is there. Dropping the
/// future ends the model's request.
pub(crate) async fn ask(
    core: &Arc<Core>,
    surface: Surface,
    actor: &Actor,
    query: Query,
) -> Result<Reply, ApiError> {
    let began = Instant::now();
    admit(core, actor, began)?;
    let mut prepared = prepare(core, &actor.models, query).await?;
    let mut bill = Bill::open(core, surface, actor, &prepared.plan.model);
    let deadline = prepared.time_budget().map(|budget| began + budget);
    let must_call = prepared.must_call();
    let request = std::mem::replace(&mut prepared.request, ChatRequest::new("", Vec::new()));
    let connected = within(deadline, connect(core, actor, request)).await;
    let Prepared {
        calls,
        estimated_input,
        ..
    } = prepared;
    let answer = match connected {
        Some(Ok(answer)) => answer,
        Some(Err(error)) => {
            bill.failed();
            return Err(failure(&error));
        }
        None => {
            bill.failed();
            return Err(out_of_time());
        }
    };
    bill.connected(&answer.model, estimated_input);
    Ok(Reply {
        model: answer.model.clone(),
        answer,
        bill,
        deadline,
        calls,
        must_call,
        seen_calls: 0,
        has_text: false,
        over: false,
    })
}

/// The one place at which stateless calls reach a model.
async fn connect(core: &Core, actor: &Actor, request: ChatRequest) -> Result<Answer, ModelError> {
    core.client_for(actor.into()).chat(request).await
}

async fn within<T>(deadline: Option<Instant>, future: impl Future<Output = T>) -> Option<T> {
    match deadline {
        Some(deadline) => tokio::time::timeout_at(deadline, future).await.ok(),
        None => Some(future.await),
    }
}

impl Reply {
    /// What the model reads, by our estimate: for surfaces that say it before
    /// a server has counted.
    pub(crate) const fn estimated_input(&self) -> u64 {
        self.bill.estimated_input()
    }

    /// The next piece; none after the last one or an error.
    pub(crate) async fn next(&mut self) -> Option<Result<Piece, ApiError>> {
        while !self.over {
            let next = within(self.deadline, self.answer.deltas.next()).await;
            match next {
                Some(Some(Ok(delta))) => {
                    if let Some(piece) = self.take(delta) {
                        return Some(piece);
                    }
                }
                Some(Some(Err(error))) => return Some(self.fail(failure(&error))),
                Some(None) => return Some(self.fail(broken_off())),
                // The profile's time is up: what is there is the answer.
                None if self.has_text => return Some(self.end(FinishReason::Length)),
                None => return Some(self.fail(out_of_time())),
            }
        }
        None
    }

    /// The whole answer.
    pub(crate) async fn whole(mut self) -> Result<Whole, ApiError> {
        let (mut thinking, mut text, mut calls) = (String::new(), String::new(), Vec::new());
        while let Some(piece) = self.next().await {
            match piece? {
                Piece::Thinking(more) => thinking.push_str(&more),
                Piece::Text(more) => text.push_str(&more),
                Piece::Call(_, call) => calls.push(call),
                Piece::End(end) => {
                    return Ok(Whole {
                        thinking,
                        text,
                        calls,
                        end,
                    });
                }
            }
        }
        Err(broken_off())
    }

    fn take(&mut self, delta: ChatDelta) -> Option<Result<Piece, ApiError>> {
        match delta {
            ChatDelta::Text(text) if text.is_empty() => None,
            ChatDelta::Thinking(text) if text.is_empty() => None,
            ChatDelta::Text(text) => {
                self.bill.wrote(estimate_tokens(&text));
                self.has_text = true;
                Some(Ok(Piece::Text(text)))
            }
            ChatDelta::Thinking(text) => {
                self.bill.wrote(estimate_tokens(&text));
                Some(Ok(Piece::Thinking(text)))
            }
            ChatDelta::ToolCall { call, .. } => {
                self.bill
                    .wrote(estimate_tokens(&call.name) + estimate_tokens(&call.arguments));
                if self.calls == CallsAtOnce::One && self.seen_calls > 0 {
                    return None;
                }
                self.seen_calls += 1;
                Some(Ok(Piece::Call(self.seen_calls - 1, call)))
            }
            ChatDelta::Usage(tokens) => {
                self.bill.counted(tokens);
                None
            }
            ChatDelta::Finish(reason) => Some(self.end(reason)),
        }
    }

    fn end(&mut self, reason: FinishReason) -> Result<Piece, ApiError> {
        if self.must_call && self.seen_calls == 0 && reason == FinishReason::Stop {
            // Not every server can be told that it must.
            return self.fail(no_call());
        }
        self.over = true;
        self.bill.answered();
        let finish = match reason {
            FinishReason::Stop | FinishReason::ToolCalls if self.seen_calls > 0 => {
                FinishReason::ToolCalls
            }
            FinishReason::ToolCalls => FinishReason::Stop,
            other => other,
        };
        Ok(Piece::End(End {
            finish,
            tokens: self.bill.tokens(),
            estimated: self.bill.is_estimated(),
        }))
    }

    fn fail(&mut self, error: ApiError) -> Result<Piece, ApiError> {
        self.over = true;
        self.bill.failed();
        Err(error)
    }
}

/// What a client is told of a model's error.
pub(super) fn failure(error: &ModelError) -> ApiError {
    if let ModelError::BudgetExhausted(refusal) = error {
        return ApiError::budget(refusal);
    }
    // The caller chose the fields that the server refuses, and can change them.
    if let ModelError::Upstream {
        status: Some(400 | 422),
        ..
    } = error
    {
        return ApiError::invalid(TurnFailure::from(error).detail).with_code("upstream_refused");
    }
    let TurnFailure {
        kind,
        code,
        detail,
        hint,
    } = TurnFailure::from(error);
    let code = match code {
        // What every client of OpenAI's looks for.
        "context_too_long" => "context_length_exceeded",
        code => code,
    };
    let mut told = ApiError::new(kind, detail).with_code(code);
    if let Some(hint) = hint {
        told = told.with_hint(hint);
    }
    if let ModelError::RateLimited {
        retry_after: Some(wait),
    } = error
    {
        told = told.with_retry_after(wait.as_secs().max(1));
    }
    told
}

fn out_of_time() -> ApiError {
    ApiError::new(
        ErrorKind::Timeout,
        "The model wrote nothing within the time that this profile has.",
    )
    .with_hint("Ask again: the model may have been loading. Or choose a profile with more time.")
}

fn broken_off() -> ApiError {
    ApiError::new(ErrorKind::UpstreamFailed, "The model's answer broke off.")
        .with_hint("Ask again.")
}

fn no_call() -> ApiError {
    ApiError::new(
        ErrorKind::UpstreamFailed,
        "The model called no tool, though `tool_choice` asks for one.",
    )
    .with_code("tool_choice_not_followed")
    .with_hint("Ask again, say in words that the tool is to be called, or choose another model.")
}
