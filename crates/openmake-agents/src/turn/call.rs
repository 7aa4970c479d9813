//! One call of the model: its stream, passed on as it comes.

use futures_util::StreamExt as _;
use openmake_models::{ChatDelta, ChatRequest, FinishReason, ModelError};
use openmake_types::{ErrorKind, ToolCall};
use tokio::time::Instant;

use super::{Halt, Turn, meter::CallMeter, time_is_up};
use crate::{Answer, EventSink, TurnEvent, TurnFailure, estimate_tokens};

/// What one call of the model gave.
#[derive(Debug)]
pub(super) struct Round {
    /// The text of this call alone.
    pub(super) text: String,
    /// What it thought, for servers that want it back with the tools' results.
    pub(super) thinking: String,
    /// The tools that it asks for.
    pub(super) calls: Vec<ToolCall>,
    /// Why it ended.
    pub(super) finish: FinishReason,
}

impl<S: EventSink> Turn<'_, S> {
    /// Asks the model and passes its answer on. What it cost is counted
    /// however it ends.
    pub(super) async fn ask(
        &mut self,
        request: ChatRequest,
        estimated_input: u64,
    ) -> Result<Round, Halt> {
        let mut call = CallMeter {
            estimated_input,
            estimated_output: 0,
            counted: None,
            first: None,
        };
        let mut answer = self.connect(request).await?;
        let round = self.read(&mut answer, &mut call).await;
        drop(answer);
        self.meter.settle(&call);
        let round = round?;
        self.emit(TurnEvent::Usage(self.meter.metrics())).await?;
        Ok(round)
    }

    async fn connect(&mut self, request: ChatRequest) -> Result<Answer, Halt> {
        let models = self.deps.models;
        let answer = tokio::select! {
            biased;
            () = self.cancel.cancelled() => return Err(Halt::Stopped),
            () = time_is_up(self.deadline) => return Err(Halt::OutOfTime),
            answer = models.chat(request) => answer.map_err(|error| failed(&error))?,
        };
        // Later calls of the turn may be served by another node; the first
        // one is what the person is told, unless it changes.
        if self.model.as_ref() != Some(&answer.model) || self.node.as_ref() != Some(&answer.node) {
            self.model = Some(answer.model.clone());
            self.node = Some(answer.node.clone());
            self.emit(TurnEvent::ModelSelected {
                model: answer.model.clone(),
                profile: self.plan.profile.clone(),
                node: answer.node.clone(),
                reason: self.plan.reason.clone(),
            })
            .await?;
        }
        Ok(answer)
    }

    async fn read(&mut self, answer: &mut Answer, call: &mut CallMeter) -> Result<Round, Halt> {
        let mut round = Round {
            text: String::new(),
            thinking: String::new(),
            calls: Vec::new(),
            finish: FinishReason::Stop,
        };
        loop {
            let next = tokio::select! {
                biased;
                () = self.cancel.cancelled() => return Err(Halt::Stopped),
                () = time_is_up(self.deadline) => return Err(Halt::OutOfTime),
                next = answer.deltas.next() => next,
            };
            match next {
                Some(Ok(delta)) => {
                    if let Some(finish) = self.take(delta, &mut round, call).await? {
                        round.finish = finish;
                        return Ok(round);
                    }
                }
                Some(Err(error)) => return Err(failed(&error)),
                None => return Err(Halt::Failed(ended_early())),
            }
        }
    }

    /// Takes one piece; gives the reason when it is the last one.
    async fn take(
        &mut self,
        delta: ChatDelta,
        round: &mut Round,
        call: &mut CallMeter,
    ) -> Result<Option<FinishReason>, Halt> {
        match delta {
            ChatDelta::Text(text) if text.is_empty() => {}
            ChatDelta::Thinking(text) if text.is_empty() => {}
            ChatDelta::Text(text) => {
                self.piece(&text, call);
                let room = self
                    .limits
                    .output_bytes
                    .saturating_sub(self.written.text_bytes);
                let (text, whole) = within(text, room);
                // Text after a tool's result begins a paragraph of its own.
                let apart = round.text.is_empty()
                    && self.written.text_bytes > 0
                    && !self.written.ends_in_newline
                    && !text.starts_with('\n');
                self.written.text_bytes += text.len();
                self.written.ends_in_newline = text.ends_with('\n');
                round.text.push_str(&text);
                let said = if apart { format!("\n\n{text}") } else { text };
                self.emit(TurnEvent::Text(said)).await?;
                if !whole {
                    return Ok(Some(FinishReason::Length));
                }
            }
            ChatDelta::Thinking(text) => {
                self.piece(&text, call);
                let room = self
                    .limits
                    .output_bytes
                    .saturating_sub(self.written.thinking_bytes);
                let (text, whole) = within(text, room);
                self.written.thinking_bytes += text.len();
                round.thinking.push_str(&text);
                self.emit(TurnEvent::Thinking(text)).await?;
                if !whole {
                    return Ok(Some(FinishReason::Length));
                }
            }
            ChatDelta::ToolCall { call: tool, .. } => {
                call.estimated_output +=
                    estimate_tokens(&tool.name) + estimate_tokens(&tool.arguments);
                round.calls.push(tool);
            }
            ChatDelta::Usage(tokens) => call.counted = Some(tokens),
            ChatDelta::Finish(reason) => return Ok(Some(reason)),
        }
        Ok(None)
    }

    fn piece(&mut self, text: &str, call: &mut CallMeter) {
        let now = Instant::now();
        call.first.get_or_insert(now);
        self.meter.first_piece(now);
        call.estimated_output += estimate_tokens(text);
    }
}

/// As much of `text` as fits into `room` bytes, and whether that is all.
fn within(mut text: String, room: usize) -> (String, bool) {
    if text.len() <= room {
        return (text, true);
    }
    text.truncate(text.floor_char_boundary(room));
    (text, false)
}

fn failed(error: &ModelError) -> Halt {
    Halt::Failed(TurnFailure::from(error))
}

fn ended_early() -> TurnFailure {
    TurnFailure::new(
        ErrorKind::UpstreamFailed,
        "upstream_failed",
        "The model's answer broke off.",
        "Ask again, or continue the answer.",
    )
}
