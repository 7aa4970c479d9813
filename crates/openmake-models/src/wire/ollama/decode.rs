//! Answers: one JSON object a line.

use std::collections::VecDeque;

use openmake_types::{TokenCounts, ToolCall};
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use crate::{
    ChatDelta, FinishReason, ModelError,
    wire::{
        ChatDecoder, Failure, MAX_TOOL_CALLS, Progress, Stage, cut_off, lines::Lines, read_failure,
        think::ThinkSplitter,
    },
};

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow, default)]
    message: Option<Message<'a>>,
    #[serde(default)]
    done: bool,
    #[serde(default)]
    done_reason: Option<String>,
    #[serde(default)]
    prompt_eval_count: Option<u64>,
    #[serde(default)]
    eval_count: Option<u64>,
    #[serde(default)]
    error: Option<Value>,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(default)]
    content: Option<String>,
    #[serde(default)]
    thinking: Option<String>,
    #[serde(borrow, default)]
    tool_calls: Option<Vec<Call<'a>>>,
}

#[derive(Deserialize)]
struct Call<'a> {
    #[serde(default)]
    id: Option<String>,
    #[serde(borrow)]
    function: Function<'a>,
}

#[derive(Deserialize)]
struct Function<'a> {
    name: String,
    #[serde(borrow, default)]
    arguments: Option<&'a RawValue>,
}

/// Decodes the body of `/api/chat`.
#[derive(Debug)]
pub struct OllamaDecoder {
    model: String,
    call_prefix: String,
    lines: Lines,
    think: ThinkSplitter,
    calls: usize,
    ended: bool,
}

impl OllamaDecoder {
    /// A decoder for an answer of `model`. Tool calls that the server gives no
    /// id get one that begins with `call_prefix`.
    pub fn new(model: impl Into<String>, call_prefix: impl Into<String>) -> Self {
        Self {
            model: model.into(),
            call_prefix: call_prefix.into(),
            lines: Lines::default(),
            think: ThinkSplitter::default(),
            calls: 0,
            ended: false,
        }
    }

    fn line(
        &mut self,
        line: &[u8],
        deltas: &mut VecDeque<ChatDelta>,
    ) -> Result<Progress, ModelError> {
        if line.trim_ascii().is_empty() || self.ended {
            return Ok(Progress::Nothing);
        }
        let parsed: Line<'_> = serde_json::from_slice(line).map_err(|error| {
            ModelError::protocol(format!("a line of the answer is no answer: {error}"))
        })?;
        if parsed.error.is_some() {
            let failure = Failure {
                status: None,
                retry_after: None,
                body: line,
                model: &self.model,
            };
            return Err(read_failure(failure));
        }
        let mut progress = Progress::Nothing;
        if let Some(message) = parsed.message {
            progress = self.message(message, deltas)?;
        }
        if parsed.done {
            self.think.end(deltas);
            if parsed.prompt_eval_count.is_some() || parsed.eval_count.is_some() {
                deltas.push_back(ChatDelta::Usage(TokenCounts {
                    input: parsed.prompt_eval_count.unwrap_or(0),
                    output: parsed.eval_count.unwrap_or(0),
                }));
            }
            deltas.push_back(ChatDelta::Finish(match parsed.done_reason.as_deref() {
                Some("length") => FinishReason::Length,
                _ if self.calls > 0 => FinishReason::ToolCalls,
                _ => FinishReason::Stop,
            }));
            self.ended = true;
            progress = Progress::Data;
        }
        Ok(progress)
    }

    fn message(
        &mut self,
        message: Message<'_>,
        deltas: &mut VecDeque<ChatDelta>,
    ) -> Result<Progress, ModelError> {
        let mut progress = Progress::Nothing;
        if let Some(thinking) = message.thinking.filter(|text| !text.is_empty()) {
            self.think.separated();
            deltas.push_back(ChatDelta::Thinking(thinking));
            progress = Progress::Data;
        }
        if let Some(text) = message.content.filter(|text| !text.is_empty()) {
            self.think.push(&text, deltas);
            progress = Progress::Data;
        }
        for call in message.tool_calls.into_iter().flatten() {
            if self.calls >= MAX_TOOL_CALLS {
                return Err(ModelError::protocol(
                    "the model asks for more than 128 tools at once",
                ));
            }
            let index = self.calls;
            self.calls += 1;
            let id = call
                .id
                .filter(|id| !id.is_empty())
                .unwrap_or_else(|| format!("{}{index}", self.call_prefix));
            let arguments = call
                .function
                .arguments
                .map(RawValue::get)
                .filter(|json| *json != "null");
            let arguments = arguments.unwrap_or("{}").to_owned();
            deltas.push_back(ChatDelta::ToolCall {
                index,
                call: ToolCall {
                    id,
                    name: call.function.name,
                    arguments,
                },
            });
            progress = Progress::Data;
        }
        Ok(progress)
    }
}

impl ChatDecoder for OllamaDecoder {
    fn push(
        &mut self,
        mut bytes: &[u8],
        deltas: &mut VecDeque<ChatDelta>,
    ) -> Result<Progress, ModelError> {
        let mut progress = Progress::Nothing;
        while let Some(line) = self.lines.next(&mut bytes)? {
            if self.line(&line, deltas)? == Progress::Data {
                progress = Progress::Data;
            }
        }
        Ok(progress)
    }

    fn end(&mut self, deltas: &mut VecDeque<ChatDelta>) -> Result<(), ModelError> {
        if let Some(line) = self.lines.rest() {
            let complete = serde_json::from_slice::<&RawValue>(&line).is_ok();
            if !complete && !self.ended {
                return Err(cut_off());
            }
            self.line(&line, deltas)?;
        }
        if self.ended { Ok(()) } else { Err(cut_off()) }
    }

    fn stage(&self) -> Stage {
        if self.ended {
            Stage::Ended
        } else {
            Stage::Answering
        }
    }
}
