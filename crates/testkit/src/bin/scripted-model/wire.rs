//! What a script says, in each protocol.

use axum::Json;
use bytes::Bytes;
use serde_json::{Value, json};

use crate::{MODEL, script::Piece};

/// How a request was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// OpenAI's.
    OpenAi,
    /// Ollama's own.
    Ollama,
}

impl Protocol {
    pub(crate) const fn content_type(self) -> &'static str {
        match self {
            Self::OpenAi => "text/event-stream",
            Self::Ollama => "application/x-ndjson",
        }
    }

    pub(crate) fn problem(self, message: &str) -> Json<Value> {
        Json(match self {
            Self::OpenAi => json!({ "error": { "message": message, "type": "server_error" } }),
            Self::Ollama => json!({ "error": message }),
        })
    }

    fn line(self, value: &Value) -> String {
        match self {
            Self::OpenAi => format!("data: {value}\n\n"),
            Self::Ollama => format!("{value}\n"),
        }
    }
}

/// What all parts of one answer share.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    pub(crate) protocol: Protocol,
    pub(crate) id: String,
    /// The tokens of the request.
    pub(crate) read: usize,
}

/// What a whole answer adds up to.
#[derive(Default)]
struct Sum {
    text: String,
    thinking: String,
    calls: Vec<Value>,
}

impl Head {
    /// One piece of a stream; nothing for a pause.
    pub(crate) fn chunk(&self, piece: &Piece) -> Bytes {
        let delta = match (self.protocol, piece) {
            (_, Piece::Text(text)) => json!({ "content": text }),
            (Protocol::OpenAi, Piece::Think(text)) => json!({ "reasoning_content": text }),
            (Protocol::Ollama, Piece::Think(text)) => json!({ "content": "", "thinking": text }),
            (_, Piece::Call { name, arguments }) => {
                json!({ "content": "", "tool_calls": [self.call(0, name, arguments)] })
            }
            (_, Piece::Wait(_) | Piece::Refuse | Piece::Break) => return Bytes::new(),
        };
        self.protocol.line(&self.delta(delta, None)).into()
    }

    /// The end of a stream that said `pieces`.
    pub(crate) fn end(&self, pieces: &[Piece]) -> Bytes {
        self.end_after(pieces.len(), finish_reason(pieces))
    }

    /// The end of a stream that wrote so many tokens.
    pub(crate) fn end_after(&self, written: usize, reason: &str) -> Bytes {
        let mut last = self.delta(json!({}), Some(reason));
        match self.protocol {
            Protocol::OpenAi => {
                last["usage"] = self.usage(written);
                format!("{}data: [DONE]\n\n", self.protocol.line(&last)).into()
            }
            Protocol::Ollama => {
                self.count(&mut last, written);
                self.protocol.line(&last).into()
            }
        }
    }

    /// The answer in one document.
    pub(crate) fn whole(&self, pieces: &[Piece]) -> Json<Value> {
        let mut sum = Sum::default();
        for piece in pieces {
            match piece {
                Piece::Text(part) => sum.text.push_str(part),
                Piece::Think(part) => sum.thinking.push_str(part),
                Piece::Call { name, arguments } => {
                    sum.calls.push(self.call(sum.calls.len(), name, arguments));
                }
                Piece::Wait(_) | Piece::Refuse | Piece::Break => {}
            }
        }
        let thinking = match self.protocol {
            Protocol::OpenAi => "reasoning_content",
            Protocol::Ollama => "thinking",
        };
        let mut message = json!({ "role": "assistant", "content": sum.text });
        if !sum.thinking.is_empty() {
            message[thinking] = json!(sum.thinking);
        }
        if !sum.calls.is_empty() {
            message["tool_calls"] = json!(sum.calls);
        }
        let reason = finish_reason(pieces);
        Json(match self.protocol {
            Protocol::OpenAi => json!({
                "id": self.id, "object": "chat.completion", "created": 0, "model": MODEL,
                "choices": [{ "index": 0, "message": message, "finish_reason": reason }],
                "usage": self.usage(pieces.len()),
            }),
            Protocol::Ollama => {
                let mut answer = self.delta(json!({}), Some(reason));
                answer["message"] = message;
                self.count(&mut answer, pieces.len());
                answer
            }
        })
    }

    fn delta(&self, mut delta: Value, reason: Option<&str>) -> Value {
        match self.protocol {
            Protocol::OpenAi => json!({
                "id": self.id, "object": "chat.completion.chunk", "created": 0, "model": MODEL,
                "choices": [{ "index": 0, "delta": delta, "finish_reason": reason }],
            }),
            Protocol::Ollama => {
                delta["role"] = json!("assistant");
                if delta.get("content").is_none() {
                    delta["content"] = json!("");
                }
                json!({
                    "model": MODEL, "created_at": "2026-01-01T00:00:00Z", "message": delta,
                    "done": reason.is_some(),
                })
            }
        }
    }

    fn call(&self, index: usize, name: &str, arguments: &Value) -> Value {
        match self.protocol {
            Protocol::OpenAi => json!({
                "index": index, "id": format!("call_{index}"), "type": "function",
                "function": { "name": name, "arguments": arguments.to_string() },
            }),
            Protocol::Ollama => json!({ "function": { "name": name, "arguments": arguments } }),
        }
    }

    fn usage(&self, written: usize) -> Value {
        json!({
            "prompt_tokens": self.read, "completion_tokens": written,
            "total_tokens": self.read + written,
        })
    }

    /// Ollama says what it counted in the last document itself.
    fn count(&self, last: &mut Value, written: usize) {
        last["done_reason"] = json!("stop");
        last["prompt_eval_count"] = json!(self.read);
        last["eval_count"] = json!(written);
    }
}

fn finish_reason(pieces: &[Piece]) -> &'static str {
    if pieces
        .iter()
        .any(|piece| matches!(piece, Piece::Call { .. }))
    {
        "tool_calls"
    } else {
        "stop"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(protocol: Protocol, chunk: &Bytes) -> Value {
        let text = std::str::from_utf8(chunk).expect("text");
        let json = match protocol {
            Protocol::OpenAi => text.trim().strip_prefix("data: ").expect("an event"),
            Protocol::Ollama => text.trim(),
        };
        serde_json::from_str(json).expect("JSON")
    }

    fn head(protocol: Protocol) -> Head {
        Head {
            protocol,
            id: "scripted-1".to_owned(),
            read: 3,
        }
    }

    #[test]
    fn each_protocol_says_the_same_in_its_own_way() {
        let piece = Piece::Text("word".to_owned());
        let openai = said(Protocol::OpenAi, &head(Protocol::OpenAi).chunk(&piece));
        assert_eq!(openai["choices"][0]["delta"]["content"], "word");
        let ollama = said(Protocol::Ollama, &head(Protocol::Ollama).chunk(&piece));
        assert_eq!(ollama["message"]["content"], "word");
        assert_eq!(ollama["done"], false);
        let end = said(Protocol::Ollama, &head(Protocol::Ollama).end(&[piece]));
        assert_eq!(
            (&end["done"], &end["eval_count"]),
            (&json!(true), &json!(1))
        );
    }
}
