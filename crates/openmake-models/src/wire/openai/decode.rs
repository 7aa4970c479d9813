//! Answers: server-sent events, one chunk each.

use std::collections::VecDeque;

use openmake_types::TokenCounts;
use serde::Deserialize;
use serde_json::Value;

use super::calls::{Calls, Fragment};
use crate::{
    ChatDelta, FinishReason, ModelError,
    wire::{
        ChatDecoder, Failure, Progress, Stage, cut_off, read_failure, sse::SseParser,
        think::ThinkSplitter,
    },
};

#[derive(Deserialize)]
struct Chunk {
    #[serde(default)]
    choices: Option<Vec<Choice>>,
    #[serde(default)]
    usage: Option<Usage>,
    #[serde(default)]
    error: Option<Value>,
    #[serde(default)]
    object: Option<String>,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(default)]
    index: u64,
    #[serde(default)]
    delta: Option<Delta>,
    #[serde(default)]
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Delta {
    #[serde(default)]
    content: Option<Value>,
    #[serde(default)]
    reasoning_content: Option<String>,
    #[serde(default)]
    reasoning: Option<String>,
    #[serde(default)]
    refusal: Option<String>,
    #[serde(default)]
    tool_calls: Option<Vec<Fragment>>,
}

#[derive(Deserialize)]
struct Usage {
    #[serde(default)]
    prompt_tokens: Option<u64>,
    #[serde(default)]
    completion_tokens: Option<u64>,
}

/// Decodes the body of `/v1/chat/completions`.
#[derive(Debug)]
pub struct OpenAiDecoder {
    model: String,
    call_prefix: String,
    events: SseParser,
    think: ThinkSplitter,
    calls: Calls,
    usage: Option<TokenCounts>,
    reason: Option<FinishReason>,
    ended: bool,
}

impl OpenAiDecoder {
    /// A decoder for an answer of `model`. Tool calls that the server gives no
    /// id get one that begins with `call_prefix`.
    pub fn new(model: impl Into<String>, call_prefix: impl Into<String>) -> Self {
        Self {
            model: model.into(),
            call_prefix: call_prefix.into(),
            events: SseParser::default(),
            think: ThinkSplitter::default(),
            calls: Calls::default(),
            usage: None,
            reason: None,
            ended: false,
        }
    }

    fn event(
        &mut self,
        data: &[u8],
        deltas: &mut VecDeque<ChatDelta>,
    ) -> Result<Progress, ModelError> {
        let data = data.trim_ascii();
        if data.is_empty() || self.ended {
            return Ok(Progress::Nothing);
        }
        if data == b"[DONE]" {
            self.finish(deltas);
            return Ok(Progress::Data);
        }
        let chunk: Chunk = serde_json::from_slice(data).map_err(|error| {
            ModelError::protocol(format!("an event of the answer is no chunk: {error}"))
        })?;
        // vLLM's older form has no `error` field, and llama.cpp's `error:`
        // line holds the error itself.
        let bare_error = chunk.choices.is_none()
            && chunk.usage.is_none()
            && chunk.object.as_deref() != Some("chat.completion.chunk");
        if chunk.error.is_some() || (bare_error && looks_like_error(data)) {
            let failure = Failure {
                status: None,
                retry_after: None,
                body: data,
                model: &self.model,
            };
            return Err(read_failure(failure));
        }
        let mut progress = Progress::Nothing;
        if let Some(usage) = chunk.usage {
            self.usage = Some(TokenCounts {
                input: usage.prompt_tokens.unwrap_or(0),
                output: usage.completion_tokens.unwrap_or(0),
            });
        }
        // Only one answer is ever asked for.
        for choice in chunk
            .choices
            .into_iter()
            .flatten()
            .filter(|choice| choice.index == 0)
        {
            if let Some(delta) = choice.delta
                && self.delta(delta, deltas)? == Progress::Data
            {
                progress = Progress::Data;
            }
            if let Some(reason) = choice.finish_reason.filter(|reason| !reason.is_empty()) {
                self.reason = Some(finish_reason(&reason)?);
                progress = Progress::Data;
            }
        }
        Ok(progress)
    }

    fn delta(
        &mut self,
        delta: Delta,
        deltas: &mut VecDeque<ChatDelta>,
    ) -> Result<Progress, ModelError> {
        let mut progress = Progress::Nothing;
        // Some servers send the same thought under both names.
        let thought = [delta.reasoning_content, delta.reasoning]
            .into_iter()
            .flatten()
            .find(|text| !text.is_empty());
        if let Some(thought) = thought {
            self.thought(thought, deltas);
            progress = Progress::Data;
        }
        match delta.content {
            Some(Value::String(text)) if !text.is_empty() => {
                self.think.push(&text, deltas);
                progress = Progress::Data;
            }
            Some(Value::Array(parts)) => {
                for part in &parts {
                    self.part(part, deltas);
                    progress = Progress::Data;
                }
            }
            _ => {}
        }
        if let Some(refusal) = delta.refusal.filter(|text| !text.is_empty()) {
            self.think.push(&refusal, deltas);
            progress = Progress::Data;
        }
        for fragment in delta.tool_calls.into_iter().flatten() {
            self.calls.add(fragment)?;
            progress = Progress::Data;
        }
        Ok(progress)
    }

    fn thought(&mut self, thought: String, deltas: &mut VecDeque<ChatDelta>) {
        self.think.separated();
        deltas.push_back(ChatDelta::Thinking(thought));
    }

    /// A part of a content that is a list, as Mistral writes it:
    /// `{type: "text", text}` or `{type: "thinking", thinking: [{text}]}`.
    fn part(&mut self, part: &Value, deltas: &mut VecDeque<ChatDelta>) {
        let text = |value: &Value| {
            value
                .get("text")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        match part.get("thinking") {
            Some(Value::Array(thoughts)) => {
                let thought: String = thoughts.iter().map(text).collect();
                if !thought.is_empty() {
                    self.thought(thought, deltas);
                }
            }
            Some(Value::String(thought)) if !thought.is_empty() => {
                self.thought(thought.clone(), deltas);
            }
            _ => self.think.push(&text(part), deltas),
        }
    }

    fn finish(&mut self, deltas: &mut VecDeque<ChatDelta>) {
        self.think.end(deltas);
        let asked = !self.calls.is_empty();
        for (index, call) in self.calls.finish(&self.call_prefix).into_iter().enumerate() {
            deltas.push_back(ChatDelta::ToolCall { index, call });
        }
        if let Some(usage) = self.usage {
            deltas.push_back(ChatDelta::Usage(usage));
        }
        let reason = match self.reason {
            // Several servers say `stop` when the model asks for tools.
            None | Some(FinishReason::Stop) if asked => FinishReason::ToolCalls,
            None => FinishReason::Stop,
            Some(reason) => reason,
        };
        deltas.push_back(ChatDelta::Finish(reason));
        self.ended = true;
    }
}

impl ChatDecoder for OpenAiDecoder {
    fn push(
        &mut self,
        mut bytes: &[u8],
        deltas: &mut VecDeque<ChatDelta>,
    ) -> Result<Progress, ModelError> {
        let mut progress = Progress::Nothing;
        while let Some(data) = self.events.next(&mut bytes)? {
            if self.event(&data, deltas)? == Progress::Data {
                progress = Progress::Data;
            }
        }
        Ok(progress)
    }

    fn end(&mut self, deltas: &mut VecDeque<ChatDelta>) -> Result<(), ModelError> {
        if let Some(data) = self.events.rest()?
            && !self.ended
        {
            let complete =
                data.trim_ascii() == b"[DONE]" || serde_json::from_slice::<Value>(&data).is_ok();
            if !complete {
                return Err(cut_off());
            }
            self.event(&data, deltas)?;
        }
        if self.ended {
            return Ok(());
        }
        if self.reason.is_some() {
            // Not every server ends with `[DONE]`.
            self.finish(deltas);
            return Ok(());
        }
        match self.events.stray() {
            Some(line) if looks_like_error(line) => Err(read_failure(Failure {
                status: None,
                retry_after: None,
                body: line,
                model: &self.model,
            })),
            Some(_) => Err(ModelError::protocol("the answer is no stream of events")),
            None => Err(cut_off()),
        }
    }

    fn stage(&self) -> Stage {
        if self.ended {
            Stage::Ended
        } else if self.reason.is_some() {
            Stage::Closing
        } else {
            Stage::Answering
        }
    }
}

/// Whether JSON without choices says what went wrong.
fn looks_like_error(data: &[u8]) -> bool {
    serde_json::from_slice::<Value>(data).is_ok_and(|value| {
        value.get("error").is_some()
            || value.get("message").is_some()
            || value.get("detail").is_some()
    })
}

fn finish_reason(reason: &str) -> Result<FinishReason, ModelError> {
    Ok(match reason {
        "length" | "max_tokens" | "model_length" => FinishReason::Length,
        "tool_calls" | "function_call" => FinishReason::ToolCalls,
        "content_filter" => FinishReason::ContentFilter,
        "error" => {
            return Err(ModelError::upstream(
                None,
                "the provider broke the answer off",
            ));
        }
        _ => FinishReason::Stop,
    })
}
