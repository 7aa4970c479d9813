//! What a script says, in each protocol.

use axum::body::Bytes;
use serde_json::{Value, json};

use super::Step;

/// How a request was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// Ollama's own.
    Ollama,
    /// OpenAI's.
    OpenAi,
}

/// A vector for each text of a request: its length in bytes, then ones, as many
/// numbers as are asked for, or four.
pub(super) fn vectors(body: &Value) -> Vec<Vec<usize>> {
    let dimensions = body["dimensions"].as_u64().unwrap_or(4);
    let dimensions = usize::try_from(dimensions).unwrap_or(4).max(1);
    let texts = match &body["input"] {
        Value::Array(texts) => texts.as_slice(),
        text => std::slice::from_ref(text),
    };
    texts
        .iter()
        .map(|text| {
            let mut vector = vec![1; dimensions];
            if let Some(first) = vector.first_mut() {
                *first = text.as_str().map_or(0, str::len);
            }
            vector
        })
        .collect()
}

/// Writes steps.
pub(super) struct Encoder {
    protocol: Protocol,
    calls: usize,
    usage: (u64, u64),
}

impl Encoder {
    pub(super) const fn new(protocol: Protocol) -> Self {
        Self {
            protocol,
            calls: 0,
            usage: (0, 0),
        }
    }

    pub(super) fn encode(&mut self, step: &Step) -> Bytes {
        if let Step::Usage { input, output } = step {
            self.usage = (*input, *output);
            if self.protocol == Protocol::Ollama {
                // Ollama says it with the end.
                return Bytes::from_static(b"\n");
            }
        }
        match self.protocol {
            Protocol::Ollama => format!("{}\n", self.ollama(step)).into(),
            Protocol::OpenAi => self.openai(step).into(),
        }
    }

    fn ollama(&mut self, step: &Step) -> Value {
        let message = |message: Value| json!({"model": "scripted", "created_at": "2026-01-01T00:00:00Z", "message": message, "done": false});
        match step {
            Step::Text(text) => message(json!({"role": "assistant", "content": text})),
            Step::Thinking(text) => {
                message(json!({"role": "assistant", "content": "", "thinking": text}))
            }
            Step::Call { name, arguments } => {
                let arguments: Value =
                    serde_json::from_str(arguments).unwrap_or_else(|_| json!(arguments));
                message(json!({"role": "assistant", "content": "", "tool_calls": [
                    {"function": {"name": name, "arguments": arguments}}
                ]}))
            }
            Step::Fail(error) => json!({ "error": error }),
            Step::Finish(reason) => {
                let (input, output) = self.usage;
                json!({
                    "model": "scripted", "created_at": "2026-01-01T00:00:00Z",
                    "message": {"role": "assistant", "content": ""},
                    "done": true, "done_reason": reason,
                    "prompt_eval_count": input, "eval_count": output,
                })
            }
            Step::Usage { .. } | Step::Wait(_) | Step::Cut | Step::Hang => Value::Null,
        }
    }

    fn openai(&mut self, step: &Step) -> String {
        let chunk = |delta: Value, finish: Option<&str>| {
            let chunk = json!({
                "id": "chatcmpl-script", "object": "chat.completion.chunk", "model": "scripted",
                "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
            });
            format!("data: {chunk}\n\n")
        };
        match step {
            Step::Text(text) => chunk(json!({ "content": text }), None),
            Step::Thinking(text) => chunk(json!({ "reasoning_content": text }), None),
            Step::Call { name, arguments } => {
                let index = self.calls;
                self.calls += 1;
                chunk(
                    json!({"tool_calls": [{
                        "index": index, "id": format!("call_{index}"), "type": "function",
                        "function": {"name": name, "arguments": arguments},
                    }]}),
                    None,
                )
            }
            Step::Fail(error) => format!("data: {}\n\n", json!({"error": {"message": error}})),
            Step::Finish(reason) => {
                let (input, output) = self.usage;
                let usage = json!({
                    "object": "chat.completion.chunk", "choices": [],
                    "usage": {"prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output},
                });
                let end = chunk(json!({}), Some(reason));
                format!("{end}data: {usage}\n\ndata: [DONE]\n\n")
            }
            // Said with the end; a comment keeps the stream well-formed.
            Step::Usage { .. } | Step::Wait(_) | Step::Cut | Step::Hang => ": -\n\n".to_owned(),
        }
    }
}
