//! From what a model writes to what Anthropic's clients read.

use openmake_models::FinishReason;
use openmake_types::ToolCall;
use serde_json::{Value, json};

use super::wire::Display;
use crate::compat::{End, Piece, Whole};

/// What stands where Anthropic signs its models' thinking. Nothing here needs
/// a signature: a block that comes back is text like any other, and is not
/// checked.
const UNSIGNED: &str = "openmake-unsigned";

/// What an answer is called.
#[derive(Debug, Clone)]
pub(super) struct Head {
    /// `msg_…`
    pub(super) id: String,
    /// The real model that answers.
    pub(super) model: String,
    /// Whether the client wants to read the thinking.
    pub(super) display: Display,
}

/// One server-sent event.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Frame {
    pub(super) name: &'static str,
    pub(super) data: Value,
}

impl Frame {
    fn new(name: &'static str, data: Value) -> Self {
        Self { name, data }
    }

    /// What keeps a silent connection open.
    pub(super) fn ping() -> Self {
        Self::new("ping", json!({ "type": "ping" }))
    }

    /// The end of an answer that broke off.
    pub(super) fn error(body: Value) -> Self {
        Self::new("error", body)
    }
}

/// Writes an answer as events.
#[derive(Debug)]
pub(super) struct Encoder {
    head: Head,
    open: Option<Open>,
    index: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Open {
    Text,
    Thinking,
}

impl Encoder {
    pub(super) const fn new(head: Head) -> Self {
        Self {
            head,
            open: None,
            index: 0,
        }
    }

    /// The first events. Servers count at the end, so that the tokens read are
    /// our estimate here; the last event has the count.
    pub(super) fn start(&self, estimated_input: u64) -> Vec<Frame> {
        let message = message(&self.head, &[], &Value::Null, [estimated_input, 0]);
        vec![
            Frame::new(
                "message_start",
                json!({ "type": "message_start", "message": message }),
            ),
            Frame::ping(),
        ]
    }

    /// The events of a piece.
    pub(super) fn piece(&mut self, piece: Piece) -> Vec<Frame> {
        let mut frames = Vec::new();
        match piece {
            Piece::Text(text) => {
                self.open(Open::Text, &mut frames);
                frames.push(self.delta(&json!({ "type": "text_delta", "text": text })));
            }
            Piece::Thinking(text) => {
                self.open(Open::Thinking, &mut frames);
                if self.head.display == Display::Summarized {
                    frames.push(self.delta(&json!({ "type": "thinking_delta", "thinking": text })));
                }
            }
            Piece::Call(_, call) => {
                self.close(&mut frames);
                let block =
                    json!({ "type": "tool_use", "id": call.id, "name": call.name, "input": {} });
                frames.push(self.begin(&block));
                let input = input(&call).to_string();
                frames.push(
                    self.delta(&json!({ "type": "input_json_delta", "partial_json": input })),
                );
                frames.push(self.stop());
            }
            Piece::End(end) => {
                self.close(&mut frames);
                frames.push(Frame::new(
                    "message_delta",
                    json!({
                        "type": "message_delta",
                        "delta": { "stop_reason": stop_reason(end), "stop_sequence": null },
                        "usage": {
                            "input_tokens": end.tokens.input,
                            "output_tokens": end.tokens.output,
                        },
                    }),
                ));
                frames.push(Frame::new(
                    "message_stop",
                    json!({ "type": "message_stop" }),
                ));
            }
        }
        frames
    }

    fn open(&mut self, kind: Open, frames: &mut Vec<Frame>) {
        if self.open == Some(kind) {
            return;
        }
        self.close(frames);
        self.open = Some(kind);
        frames.push(self.begin(&match kind {
            Open::Text => json!({ "type": "text", "text": "" }),
            Open::Thinking => json!({ "type": "thinking", "thinking": "", "signature": "" }),
        }));
    }

    fn close(&mut self, frames: &mut Vec<Frame>) {
        match self.open.take() {
            None => return,
            Some(Open::Text) => {}
            Some(Open::Thinking) => {
                frames
                    .push(self.delta(&json!({ "type": "signature_delta", "signature": UNSIGNED })));
            }
        }
        frames.push(self.stop());
    }

    fn begin(&self, block: &Value) -> Frame {
        Frame::new(
            "content_block_start",
            json!({ "type": "content_block_start", "index": self.index, "content_block": block }),
        )
    }

    fn delta(&self, delta: &Value) -> Frame {
        Frame::new(
            "content_block_delta",
            json!({ "type": "content_block_delta", "index": self.index, "delta": delta }),
        )
    }

    fn stop(&mut self) -> Frame {
        let index = self.index;
        self.index += 1;
        Frame::new(
            "content_block_stop",
            json!({ "type": "content_block_stop", "index": index }),
        )
    }
}

/// The answer as one document.
pub(super) fn whole(head: &Head, whole: &Whole) -> Value {
    let mut content = Vec::new();
    if !whole.thinking.is_empty() {
        let thinking = match head.display {
            Display::Summarized => whole.thinking.as_str(),
            Display::Omitted => "",
        };
        content.push(json!({ "type": "thinking", "thinking": thinking, "signature": UNSIGNED }));
    }
    if !whole.text.is_empty() {
        content.push(json!({ "type": "text", "text": whole.text }));
    }
    content.extend(whole.calls.iter().map(|call| {
        json!({ "type": "tool_use", "id": call.id, "name": call.name, "input": input(call) })
    }));
    let tokens = whole.end.tokens;
    let stop = json!(stop_reason(whole.end));
    message(head, &content, &stop, [tokens.input, tokens.output])
}

fn message(head: &Head, content: &[Value], stop: &Value, [input, output]: [u64; 2]) -> Value {
    json!({
        "id": head.id,
        "type": "message",
        "role": "assistant",
        "model": head.model,
        "content": content,
        "stop_reason": stop,
        "stop_sequence": null,
        "usage": { "input_tokens": input, "output_tokens": output },
    })
}

/// The arguments as an object. What is none goes as Anthropic's documentation
/// has invalid JSON go.
fn input(call: &ToolCall) -> Value {
    serde_json::from_str(&call.arguments)
        .ok()
        .filter(Value::is_object)
        .unwrap_or_else(|| json!({ "INVALID_JSON": call.arguments }))
}

/// Which text ended the answer is nothing that every server says, so that one
/// of `stop_sequences` is an `end_turn` too.
const fn stop_reason(end: End) -> &'static str {
    match end.finish {
        FinishReason::Stop => "end_turn",
        FinishReason::Length => "max_tokens",
        FinishReason::ToolCalls => "tool_use",
        FinishReason::ContentFilter => "refusal",
    }
}

#[cfg(test)]
mod tests {
    use openmake_types::TokenCounts;

    use super::*;

    fn head(display: Display) -> Head {
        Head {
            id: "msg_1".to_owned(),
            model: "openmake_think".to_owned(),
            display,
        }
    }

    fn call(arguments: &str) -> ToolCall {
        ToolCall {
            id: "c1".to_owned(),
            name: "look".to_owned(),
            arguments: arguments.to_owned(),
        }
    }

    const END: End = End {
        finish: FinishReason::ToolCalls,
        tokens: TokenCounts {
            input: 12,
            output: 7,
        },
        estimated: false,
    };

    fn events(display: Display, pieces: Vec<Piece>) -> Vec<Value> {
        let mut encoder = Encoder::new(head(display));
        let mut frames = encoder.start(9);
        for piece in pieces {
            frames.extend(encoder.piece(piece));
        }
        for frame in &frames {
            assert_eq!(frame.data["type"], frame.name);
        }
        frames.into_iter().map(|frame| frame.data).collect()
    }

    #[test]
    fn thinking_text_and_a_tool_are_three_blocks() {
        let pieces = vec![
            Piece::Thinking("Hm".to_owned()),
            Piece::Thinking(", well".to_owned()),
            Piece::Text("I will ".to_owned()),
            Piece::Text("look.".to_owned()),
            Piece::Call(0, call(r#"{"at": "the sky"}"#)),
            Piece::End(END),
        ];
        assert_eq!(
            events(Display::Summarized, pieces),
            [
                json!({"type": "message_start", "message": {
                    "id": "msg_1", "type": "message", "role": "assistant",
                    "model": "openmake_think", "content": [],
                    "stop_reason": null, "stop_sequence": null,
                    "usage": {"input_tokens": 9, "output_tokens": 0},
                }}),
                json!({"type": "ping"}),
                json!({"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": "", "signature": ""}}),
                json!({"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "Hm"}}),
                json!({"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": ", well"}}),
                json!({"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": UNSIGNED}}),
                json!({"type": "content_block_stop", "index": 0}),
                json!({"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}}),
                json!({"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "I will "}}),
                json!({"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "look."}}),
                json!({"type": "content_block_stop", "index": 1}),
                json!({"type": "content_block_start", "index": 2, "content_block": {"type": "tool_use", "id": "c1", "name": "look", "input": {}}}),
                json!({"type": "content_block_delta", "index": 2, "delta": {"type": "input_json_delta", "partial_json": "{\"at\":\"the sky\"}"}}),
                json!({"type": "content_block_stop", "index": 2}),
                json!({"type": "message_delta", "delta": {"stop_reason": "tool_use", "stop_sequence": null}, "usage": {"input_tokens": 12, "output_tokens": 7}}),
                json!({"type": "message_stop"}),
            ]
        );
    }

    #[test]
    fn omitted_thinking_is_a_block_without_text() {
        let pieces = vec![
            Piece::Thinking("secret".to_owned()),
            Piece::Text("4".to_owned()),
        ];
        let events = events(Display::Omitted, pieces);
        assert!(!json!(events).to_string().contains("secret"));
        assert_eq!(events[2]["content_block"]["type"], "thinking");
        assert_eq!(events[3]["delta"]["type"], "signature_delta");
        assert_eq!(events[5]["content_block"]["type"], "text");
    }

    #[test]
    fn an_empty_answer_has_no_blocks() {
        let end = End {
            finish: FinishReason::Stop,
            ..END
        };
        let events = events(Display::Summarized, vec![Piece::End(end)]);
        assert_eq!(events.len(), 4);
        assert_eq!(events[2]["delta"]["stop_reason"], "end_turn");
    }

    #[test]
    fn a_whole_answer_has_the_same_blocks() {
        let answer = Whole {
            thinking: "Hm".to_owned(),
            text: "I will look.".to_owned(),
            calls: vec![call(r#"{"at": "the sky"}"#), call("not json")],
            end: END,
        };
        assert_eq!(
            whole(&head(Display::Summarized), &answer),
            json!({
                "id": "msg_1", "type": "message", "role": "assistant", "model": "openmake_think",
                "content": [
                    {"type": "thinking", "thinking": "Hm", "signature": UNSIGNED},
                    {"type": "text", "text": "I will look."},
                    {"type": "tool_use", "id": "c1", "name": "look", "input": {"at": "the sky"}},
                    {"type": "tool_use", "id": "c1", "name": "look", "input": {"INVALID_JSON": "not json"}},
                ],
                "stop_reason": "tool_use", "stop_sequence": null,
                "usage": {"input_tokens": 12, "output_tokens": 7},
            })
        );
    }

    #[test]
    fn why_it_ended() {
        for (finish, reason) in [
            (FinishReason::Stop, "end_turn"),
            (FinishReason::Length, "max_tokens"),
            (FinishReason::ToolCalls, "tool_use"),
            (FinishReason::ContentFilter, "refusal"),
        ] {
            assert_eq!(stop_reason(End { finish, ..END }), reason);
        }
    }
}
