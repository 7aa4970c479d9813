//! What `/v1/chat/completions` answers, whole or in chunks. No I/O.

use openmake_types::{TokenCounts, ToolCall};
use serde_json::{Value, json};

use crate::compat::{Piece, Whole};

/// What all chunks of an answer have in common.
#[derive(Debug, Clone)]
pub(super) struct Head {
    pub(super) id: String,
    pub(super) created: i64,
    /// The real model that answers.
    pub(super) model: String,
}

/// The answer in one piece.
pub(super) fn completion(head: &Head, answer: Whole) -> Value {
    let calls: Vec<Value> = answer.calls.iter().map(call).collect();
    let content = if answer.text.is_empty() && !calls.is_empty() {
        Value::Null
    } else {
        answer.text.into()
    };
    let mut message = json!({
        "role": "assistant", "content": content, "refusal": null, "annotations": [],
    });
    if let Some(fields) = message.as_object_mut() {
        if !answer.thinking.is_empty() {
            fields.insert("reasoning_content".to_owned(), answer.thinking.into());
        }
        if !calls.is_empty() {
            fields.insert("tool_calls".to_owned(), calls.into());
        }
    }
    json!({
        "id": head.id,
        "object": "chat.completion",
        "created": head.created,
        "model": head.model,
        "choices": [{
            "index": 0,
            "message": message,
            "logprobs": null,
            "finish_reason": answer.end.finish.as_str(),
        }],
        "usage": usage(answer.end.tokens),
    })
}

fn call(call: &ToolCall) -> Value {
    json!({
        "id": call.id,
        "type": "function",
        "function": { "name": call.name, "arguments": call.arguments },
    })
}

fn usage(tokens: TokenCounts) -> Value {
    json!({
        "prompt_tokens": tokens.input,
        "completion_tokens": tokens.output,
        "total_tokens": tokens.input.saturating_add(tokens.output),
    })
}

/// Writes an answer in chunks.
#[derive(Debug)]
pub(super) struct Chunks {
    pub(super) head: Head,
    /// Whether a last chunk says what it cost.
    pub(super) usage: bool,
}

impl Chunks {
    /// The chunk that says who speaks.
    pub(super) fn first(&self) -> Value {
        self.chunk(
            &json!({ "role": "assistant", "content": "", "refusal": null }),
            None,
        )
    }

    /// The chunks that a piece is.
    pub(super) fn of(&self, piece: Piece) -> Vec<Value> {
        match piece {
            Piece::Text(text) => vec![self.chunk(&json!({ "content": text }), None)],
            Piece::Thinking(text) => vec![self.chunk(&json!({ "reasoning_content": text }), None)],
            Piece::Call(index, call) => {
                let begin = json!({
                    "index": index, "id": call.id, "type": "function",
                    "function": { "name": call.name, "arguments": "" },
                });
                let rest = json!({ "index": index, "function": { "arguments": call.arguments } });
                [begin, rest]
                    .map(|call| self.chunk(&json!({ "tool_calls": [call] }), None))
                    .into()
            }
            Piece::End(end) => {
                let mut chunks = vec![self.chunk(&json!({}), Some(end.finish.as_str()))];
                if self.usage {
                    let mut last = self.envelope(&[]);
                    set(&mut last, "usage", usage(end.tokens));
                    chunks.push(last);
                }
                chunks
            }
        }
    }

    fn chunk(&self, delta: &Value, finish: Option<&str>) -> Value {
        let choice =
            json!({ "index": 0, "delta": delta, "logprobs": null, "finish_reason": finish });
        self.envelope(&[choice])
    }

    fn envelope(&self, choices: &[Value]) -> Value {
        let mut chunk = json!({
            "id": self.head.id,
            "object": "chat.completion.chunk",
            "created": self.head.created,
            "model": self.head.model,
            "choices": choices,
        });
        if self.usage {
            set(&mut chunk, "usage", Value::Null);
        }
        chunk
    }
}

fn set(object: &mut Value, name: &str, value: Value) {
    if let Some(fields) = object.as_object_mut() {
        fields.insert(name.to_owned(), value);
    }
}

#[cfg(test)]
mod tests {
    use openmake_models::FinishReason;

    use super::*;
    use crate::compat::End;

    fn head() -> Head {
        Head {
            id: "chatcmpl-1".to_owned(),
            created: 5,
            model: "real".to_owned(),
        }
    }

    const END: End = End {
        finish: FinishReason::ToolCalls,
        tokens: TokenCounts {
            input: 3,
            output: 4,
        },
        estimated: false,
    };

    fn look() -> ToolCall {
        ToolCall {
            id: "c1".to_owned(),
            name: "look".to_owned(),
            arguments: "{\"a\":1}".to_owned(),
        }
    }

    #[test]
    fn a_whole_answer() {
        let answer = Whole {
            thinking: "Hm.".to_owned(),
            text: String::new(),
            calls: vec![look()],
            end: END,
        };
        let body = completion(&head(), answer);
        assert_eq!(body["object"], "chat.completion");
        let choice = &body["choices"][0];
        assert_eq!(choice["finish_reason"], "tool_calls");
        assert_eq!(choice["message"]["content"], Value::Null);
        assert_eq!(choice["message"]["reasoning_content"], "Hm.");
        assert_eq!(
            choice["message"]["tool_calls"][0]["function"]["arguments"],
            "{\"a\":1}"
        );
        assert_eq!(body["usage"]["total_tokens"], 7);
    }

    #[test]
    fn chunks_add_up_to_the_answer() {
        let chunks = Chunks {
            head: head(),
            usage: true,
        };
        let mut all = vec![chunks.first()];
        for piece in [
            Piece::Thinking("Hm.".to_owned()),
            Piece::Text("So".to_owned()),
            Piece::Call(0, look()),
            Piece::End(END),
        ] {
            all.extend(chunks.of(piece));
        }
        let deltas: Vec<&Value> = all
            .iter()
            .map(|chunk| &chunk["choices"][0]["delta"])
            .collect();
        assert_eq!(deltas[0]["role"], "assistant");
        assert_eq!(deltas[1]["reasoning_content"], "Hm.");
        assert_eq!(deltas[2]["content"], "So");
        assert_eq!(deltas[3]["tool_calls"][0]["function"]["name"], "look");
        assert_eq!(
            deltas[4]["tool_calls"][0]["function"]["arguments"],
            "{\"a\":1}"
        );
        assert_eq!(all[5]["choices"][0]["finish_reason"], "tool_calls");
        assert_eq!(all[5]["usage"], Value::Null);
        assert_eq!(all[6]["choices"], json!([]));
        assert_eq!(all[6]["usage"]["prompt_tokens"], 3);
        assert!(all.iter().all(|chunk| chunk["id"] == "chatcmpl-1"));
        let plain = Chunks {
            head: head(),
            usage: false,
        };
        assert!(plain.first().get("usage").is_none());
        assert_eq!(plain.of(Piece::End(END)).len(), 1);
    }
}
