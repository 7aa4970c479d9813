//! From what a model writes to what Ollama's clients read.

use std::time::Duration;

use openmake_models::FinishReason;
use openmake_types::ToolCall;
use serde_json::{Map, Value, json};

use crate::compat::{End, Piece, Whole};

/// Whether text stands in a message or by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// `/api/chat`
    Chat,
    /// `/api/generate`
    Generate,
}

/// Writes an answer's objects.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) kind: Kind,
    /// The model, as it was asked for.
    pub(super) model: String,
    /// Why it ends, where nothing was asked.
    pub(super) only: Option<&'static str>,
}

/// How long an answer took.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Took {
    /// From the request to the first piece of the answer: loading the model
    /// and reading the question, which nobody tells apart here.
    pub(super) reading: Duration,
    /// From there to the end.
    pub(super) writing: Duration,
}

/// What an object says.
#[derive(Debug, Default)]
struct Said<'a> {
    text: &'a str,
    thinking: &'a str,
    calls: &'a [ToolCall],
}

impl Writer {
    /// The object of a piece that is not the last; `now` is a time in RFC
    /// 3339.
    pub(super) fn piece(&self, piece: &Piece, now: &str) -> Option<Value> {
        let said = match piece {
            Piece::Text(text) => Said {
                text,
                ..Said::default()
            },
            Piece::Thinking(thinking) => Said {
                thinking,
                ..Said::default()
            },
            Piece::Call(_, call) => Said {
                calls: std::slice::from_ref(call),
                ..Said::default()
            },
            Piece::End(_) => return None,
        };
        Some(self.object(&said, now, None))
    }

    /// The last object of an answer whose pieces were sent.
    pub(super) fn end(&self, end: End, took: Took, now: &str) -> Value {
        self.object(&Said::default(), now, Some((end, took)))
    }

    /// The answer as one object.
    pub(super) fn whole(&self, whole: &Whole, took: Took, now: &str) -> Value {
        let said = Said {
            text: &whole.text,
            thinking: &whole.thinking,
            calls: &whole.calls,
        };
        self.object(&said, now, Some((whole.end, took)))
    }

    fn object(&self, said: &Said<'_>, now: &str, end: Option<(End, Took)>) -> Value {
        let mut spoken = Map::new();
        let text = match self.kind {
            Kind::Chat => {
                spoken.insert("role".to_owned(), json!("assistant"));
                "content"
            }
            Kind::Generate => "response",
        };
        spoken.insert(text.to_owned(), json!(said.text));
        if !said.thinking.is_empty() {
            spoken.insert("thinking".to_owned(), json!(said.thinking));
        }
        if !said.calls.is_empty() {
            let calls: Vec<Value> = said.calls.iter().map(call).collect();
            spoken.insert("tool_calls".to_owned(), json!(calls));
        }
        let mut object = Map::new();
        object.insert("model".to_owned(), json!(self.model));
        object.insert("created_at".to_owned(), json!(now));
        match self.kind {
            Kind::Chat => {
                object.insert("message".to_owned(), Value::Object(spoken));
            }
            Kind::Generate => object.append(&mut spoken),
        }
        object.insert("done".to_owned(), json!(end.is_some()));
        if let Some((end, took)) = end {
            object.insert("done_reason".to_owned(), json!(self.done_reason(end)));
            if self.only.is_none() {
                counts(&mut object, end, took);
            }
        }
        Value::Object(object)
    }

    const fn done_reason(&self, end: End) -> &'static str {
        match (self.only, end.finish) {
            (Some(only), _) => only,
            (None, FinishReason::Length) => "length",
            (None, FinishReason::ContentFilter) => "content_filter",
            (None, FinishReason::Stop | FinishReason::ToolCalls) => "stop",
        }
    }
}

fn counts(object: &mut Map<String, Value>, end: End, took: Took) {
    for (name, value) in [
        ("total_duration", nanos(took.reading + took.writing)),
        ("load_duration", 0),
        ("prompt_eval_count", end.tokens.input),
        ("prompt_eval_duration", nanos(took.reading)),
        ("eval_count", end.tokens.output),
        ("eval_duration", nanos(took.writing)),
    ] {
        object.insert(name.to_owned(), json!(value));
    }
}

/// Nanoseconds, as Ollama counts.
pub(super) fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// Ollama's arguments are an object; what a model wrote that is none is its
/// text.
fn call(call: &ToolCall) -> Value {
    let arguments = serde_json::from_str(&call.arguments)
        .ok()
        .filter(Value::is_object)
        .unwrap_or_else(|| json!({ "arguments": call.arguments }));
    json!({ "id": call.id, "function": { "name": call.name, "arguments": arguments } })
}

#[cfg(test)]
mod tests {
    use openmake_types::TokenCounts;

    use super::*;

    const NOW: &str = "2026-01-01T00:00:00.000000000Z";
    const END: End = End {
        finish: FinishReason::Stop,
        tokens: TokenCounts {
            input: 12,
            output: 7,
        },
        estimated: false,
    };
    const TOOK: Took = Took {
        reading: Duration::from_millis(2),
        writing: Duration::from_millis(3),
    };

    fn writer(kind: Kind) -> Writer {
        Writer {
            kind,
            model: "openmake_fast".to_owned(),
            only: None,
        }
    }

    fn look(arguments: &str) -> ToolCall {
        ToolCall {
            id: "c1".to_owned(),
            name: "look".to_owned(),
            arguments: arguments.to_owned(),
        }
    }

    #[test]
    fn a_chat_is_written_in_messages() {
        let writer = writer(Kind::Chat);
        let piece = |piece| writer.piece(&piece, NOW).expect("an object");
        assert_eq!(
            [
                piece(Piece::Thinking("Hm".to_owned())),
                piece(Piece::Text("Hi".to_owned())),
                piece(Piece::Call(0, look(r#"{"at": 1}"#))),
                writer.end(END, TOOK, NOW),
            ],
            [
                json!({"model": "openmake_fast", "created_at": NOW, "done": false,
                    "message": {"role": "assistant", "content": "", "thinking": "Hm"}}),
                json!({"model": "openmake_fast", "created_at": NOW, "done": false,
                    "message": {"role": "assistant", "content": "Hi"}}),
                json!({"model": "openmake_fast", "created_at": NOW, "done": false,
                    "message": {"role": "assistant", "content": "", "tool_calls": [
                        {"id": "c1", "function": {"name": "look", "arguments": {"at": 1}}}]}}),
                json!({"model": "openmake_fast", "created_at": NOW, "done": true,
                    "message": {"role": "assistant", "content": ""}, "done_reason": "stop",
                    "total_duration": 5_000_000, "load_duration": 0,
                    "prompt_eval_count": 12, "prompt_eval_duration": 2_000_000,
                    "eval_count": 7, "eval_duration": 3_000_000}),
            ]
        );
        assert_eq!(writer.piece(&Piece::End(END), NOW), None);
    }

    #[test]
    fn generated_text_stands_by_itself() {
        let whole = Whole {
            thinking: "Hm".to_owned(),
            text: "Hi".to_owned(),
            calls: Vec::new(),
            end: End {
                finish: FinishReason::Length,
                ..END
            },
        };
        let object = writer(Kind::Generate).whole(&whole, TOOK, NOW);
        assert_eq!(object["response"], "Hi");
        assert_eq!(object["thinking"], "Hm");
        assert_eq!(object["done_reason"], "length");
        assert_eq!(object.get("message"), None);
    }

    #[test]
    fn a_model_that_was_only_loaded_says_so_and_nothing_else() {
        let writer = Writer {
            only: Some("load"),
            ..writer(Kind::Generate)
        };
        assert_eq!(
            writer.end(END, TOOK, NOW),
            json!({"model": "openmake_fast", "created_at": NOW, "response": "", "done": true, "done_reason": "load"})
        );
    }

    #[test]
    fn arguments_that_are_no_object_are_their_text() {
        assert_eq!(
            call(&look("not json"))["function"]["arguments"],
            json!({"arguments": "not json"})
        );
    }
}
