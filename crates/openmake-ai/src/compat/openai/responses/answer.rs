//! A response and its events, from the pieces of an answer. No I/O: the same
//! pieces give the same events with the same numbers, so that a stream can be
//! taken up again.

use openmake_types::{TokenCounts, ToolCall};
use serde_json::{Map, Value, json};

/// One piece of what a response is made from.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Progress {
    /// The real model that answers.
    Model(String),
    Thinking(String),
    Text(String),
    Call(ToolCall),
    /// The end.
    Done(Ending),
}

/// How a response ended.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Ending {
    pub(super) state: State,
    pub(super) tokens: Option<TokenCounts>,
}

/// How a response is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum State {
    InProgress,
    Completed,
    /// Cut, and why.
    Incomplete(&'static str),
    Cancelled,
    /// With a code and a text.
    Failed(String, String),
}

impl State {
    const fn name(&self) -> &'static str {
        match self {
            Self::InProgress => "in_progress",
            Self::Completed => "completed",
            Self::Incomplete(_) => "incomplete",
            Self::Cancelled => "cancelled",
            Self::Failed(..) => "failed",
        }
    }

    /// The last event of a stream. A stream has no word for a response that was
    /// cancelled; the response within the event says it.
    const fn event(&self) -> &'static str {
        match self {
            Self::InProgress => "response.in_progress",
            Self::Completed => "response.completed",
            Self::Incomplete(_) => "response.incomplete",
            Self::Cancelled | Self::Failed(..) => "response.failed",
        }
    }
}

/// What is known of a response before its answer.
#[derive(Debug, Clone)]
pub(super) struct Head {
    pub(super) id: String,
    pub(super) created_at: i64,
    pub(super) model: String,
    /// What it repeats of its request.
    pub(super) echo: Map<String, Value>,
}

/// The item that is being written.
#[derive(Debug)]
enum Open {
    Reasoning(String),
    Message(String),
}

/// Writes a response.
#[derive(Debug)]
pub(super) struct Writer {
    head: Head,
    items: Vec<Value>,
    open: Option<Open>,
    state: State,
    tokens: Option<TokenCounts>,
    next: u64,
}

impl Writer {
    pub(super) fn new(head: Head) -> Self {
        Self {
            head,
            items: Vec::new(),
            open: None,
            state: State::InProgress,
            tokens: None,
            next: 0,
        }
    }

    /// The response as it is now.
    pub(super) fn response(&self) -> Value {
        let (error, incomplete) = match &self.state {
            State::Failed(code, message) => {
                (json!({ "code": code, "message": message }), Value::Null)
            }
            State::Incomplete(reason) => (Value::Null, json!({ "reason": reason })),
            _ => (Value::Null, Value::Null),
        };
        let usage = self.tokens.map(|tokens| {
            json!({
                "input_tokens": tokens.input,
                "input_tokens_details": { "cached_tokens": 0 },
                "output_tokens": tokens.output,
                "output_tokens_details": { "reasoning_tokens": 0 },
                "total_tokens": tokens.input.saturating_add(tokens.output),
            })
        });
        let mut response = self.head.echo.clone();
        let own = json!({
            "id": self.head.id,
            "object": "response",
            "created_at": self.head.created_at,
            "status": self.state.name(),
            "error": error,
            "incomplete_details": incomplete,
            "model": self.head.model,
            "output": self.items,
            "usage": usage,
        });
        if let Value::Object(own) = own {
            response.extend(own);
        }
        response.into()
    }

    /// The events that every stream begins with.
    pub(super) fn begin(&mut self) -> Vec<Value> {
        ["response.created", "response.in_progress"]
            .map(|kind| self.event(kind, json!({ "response": self.response() })))
            .into()
    }

    /// Takes a piece, and gives the events that it is.
    pub(super) fn take(&mut self, progress: Progress) -> Vec<Value> {
        let mut events = Vec::new();
        match progress {
            Progress::Model(model) => self.head.model = model,
            Progress::Thinking(text) => {
                if !matches!(self.open, Some(Open::Reasoning(_))) {
                    self.close(&mut events);
                    self.open(Open::Reasoning(String::new()), &mut events);
                }
                self.append("response.reasoning_text.delta", &text, &mut events);
            }
            Progress::Text(text) => {
                if !matches!(self.open, Some(Open::Message(_))) {
                    self.close(&mut events);
                    self.open(Open::Message(String::new()), &mut events);
                }
                self.append("response.output_text.delta", &text, &mut events);
            }
            Progress::Call(call) => {
                self.close(&mut events);
                self.call(&call, &mut events);
            }
            Progress::Done(ending) => {
                self.close(&mut events);
                self.state = ending.state;
                self.tokens = ending.tokens;
                let body = json!({ "response": self.response() });
                events.push(self.event(self.state.event(), body));
            }
        }
        events
    }

    fn event(&mut self, kind: &str, body: Value) -> Value {
        let mut event = body;
        if let Some(fields) = event.as_object_mut() {
            fields.insert("type".to_owned(), kind.into());
            fields.insert("sequence_number".to_owned(), self.next.into());
        }
        self.next += 1;
        event
    }

    /// The place of the item that is being written.
    fn place(&self) -> usize {
        self.items.len()
    }

    fn item_id(&self, prefix: &str) -> String {
        let own = self.head.id.strip_prefix("resp_").unwrap_or(&self.head.id);
        format!("{prefix}_{own}_{}", self.place())
    }

    fn open(&mut self, open: Open, events: &mut Vec<Value>) {
        let place = self.place();
        let added = json!({ "output_index": place, "item": self.item(&open, "in_progress") });
        events.push(self.event("response.output_item.added", added));
        let part = json!({
            "item_id": self.id_of(&open), "output_index": place, "content_index": 0,
            "part": part(&open),
        });
        events.push(self.event("response.content_part.added", part));
        self.open = Some(open);
    }

    fn append(&mut self, kind: &str, more: &str, events: &mut Vec<Value>) {
        let Some(Open::Reasoning(text) | Open::Message(text)) = &mut self.open else {
            return;
        };
        text.push_str(more);
        let id = self.open.as_ref().map(|open| self.id_of(open));
        let mut body = json!({
            "item_id": id, "output_index": self.place(), "content_index": 0, "delta": more,
        });
        if kind == "response.output_text.delta" {
            set(&mut body, "logprobs", json!([]));
        }
        events.push(self.event(kind, body));
    }

    fn close(&mut self, events: &mut Vec<Value>) {
        let Some(open) = self.open.take() else {
            return;
        };
        let (id, place) = (self.id_of(&open), self.place());
        let (kind, text) = match &open {
            Open::Reasoning(text) => ("response.reasoning_text.done", text),
            Open::Message(text) => ("response.output_text.done", text),
        };
        let mut done = json!({
            "item_id": id, "output_index": place, "content_index": 0, "text": text,
        });
        if matches!(open, Open::Message(_)) {
            set(&mut done, "logprobs", json!([]));
        }
        events.push(self.event(kind, done));
        let part = json!({
            "item_id": id, "output_index": place, "content_index": 0, "part": part(&open),
        });
        events.push(self.event("response.content_part.done", part));
        let item = self.item(&open, "completed");
        let done = json!({ "output_index": place, "item": item });
        events.push(self.event("response.output_item.done", done));
        self.items.push(item);
    }

    fn call(&mut self, call: &ToolCall, events: &mut Vec<Value>) {
        let (id, place) = (self.item_id("fc"), self.place());
        let item = |arguments: &str, status: &str| {
            json!({
                "id": id, "type": "function_call", "status": status,
                "call_id": call.id, "name": call.name, "arguments": arguments,
            })
        };
        let whole = item(&call.arguments, "completed");
        for (kind, body) in [
            (
                "response.output_item.added",
                json!({ "output_index": place, "item": item("", "in_progress") }),
            ),
            (
                "response.function_call_arguments.delta",
                json!({ "item_id": id, "output_index": place, "delta": call.arguments }),
            ),
            (
                "response.function_call_arguments.done",
                json!({
                    "item_id": id, "output_index": place,
                    "name": call.name, "arguments": call.arguments,
                }),
            ),
            (
                "response.output_item.done",
                json!({ "output_index": place, "item": whole }),
            ),
        ] {
            events.push(self.event(kind, body));
        }
        self.items.push(whole);
    }

    fn id_of(&self, open: &Open) -> String {
        self.item_id(match open {
            Open::Reasoning(_) => "rs",
            Open::Message(_) => "msg",
        })
    }

    fn item(&self, open: &Open, status: &str) -> Value {
        let content = match open {
            Open::Reasoning(text) | Open::Message(text) if text.is_empty() => Vec::new(),
            open => vec![part(open)],
        };
        let id = self.id_of(open);
        match open {
            Open::Reasoning(_) => json!({
                "id": id, "type": "reasoning", "status": status, "summary": [], "content": content,
            }),
            Open::Message(_) => json!({
                "id": id, "type": "message", "status": status, "role": "assistant",
                "content": content,
            }),
        }
    }
}

fn part(open: &Open) -> Value {
    match open {
        Open::Reasoning(text) => json!({ "type": "reasoning_text", "text": text }),
        Open::Message(text) => {
            json!({ "type": "output_text", "text": text, "annotations": [], "logprobs": [] })
        }
    }
}

fn set(object: &mut Value, name: &str, value: Value) {
    if let Some(fields) = object.as_object_mut() {
        fields.insert(name.to_owned(), value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn writer() -> Writer {
        Writer::new(Head {
            id: "resp_1".to_owned(),
            created_at: 5,
            model: "asked".to_owned(),
            echo: Map::from_iter([("store".to_owned(), json!(true))]),
        })
    }

    fn pieces() -> Vec<Progress> {
        vec![
            Progress::Model("real".to_owned()),
            Progress::Thinking("Hm".to_owned()),
            Progress::Thinking(".".to_owned()),
            Progress::Text("So ".to_owned()),
            Progress::Text("be it.".to_owned()),
            Progress::Call(ToolCall {
                id: "c1".to_owned(),
                name: "look".to_owned(),
                arguments: "{}".to_owned(),
            }),
            Progress::Done(Ending {
                state: State::Completed,
                tokens: Some(TokenCounts {
                    input: 3,
                    output: 4,
                }),
            }),
        ]
    }

    fn all_events() -> Vec<Value> {
        let mut writer = writer();
        let mut events = writer.begin();
        for piece in pieces() {
            events.extend(writer.take(piece));
        }
        events
    }

    #[test]
    fn events_come_in_the_documented_order() {
        let events = all_events();
        let kinds: Vec<&str> = events
            .iter()
            .filter_map(|event| event["type"].as_str())
            .collect();
        assert_eq!(
            kinds,
            [
                "response.created",
                "response.in_progress",
                "response.output_item.added",
                "response.content_part.added",
                "response.reasoning_text.delta",
                "response.reasoning_text.delta",
                "response.reasoning_text.done",
                "response.content_part.done",
                "response.output_item.done",
                "response.output_item.added",
                "response.content_part.added",
                "response.output_text.delta",
                "response.output_text.delta",
                "response.output_text.done",
                "response.content_part.done",
                "response.output_item.done",
                "response.output_item.added",
                "response.function_call_arguments.delta",
                "response.function_call_arguments.done",
                "response.output_item.done",
                "response.completed",
            ]
        );
        for (number, event) in events.iter().enumerate() {
            assert_eq!(event["sequence_number"], number);
        }
        assert_eq!(events, all_events(), "and are the same every time");
    }

    #[test]
    fn the_last_event_has_the_whole_response() {
        let events = all_events();
        let response = &events.last().expect("an end")["response"];
        assert_eq!(response["status"], "completed");
        assert_eq!(response["model"], "real");
        assert_eq!(response["store"], true);
        assert_eq!(response["usage"]["total_tokens"], 7);
        let output = response["output"].as_array().expect("items");
        assert_eq!(output[0]["content"][0]["text"], "Hm.");
        assert_eq!(output[1]["content"][0]["text"], "So be it.");
        assert_eq!(output[2]["call_id"], "c1");
        assert_ne!(output[0]["id"], output[1]["id"]);
    }

    #[test]
    fn other_ends() {
        for (state, status, event) in [
            (
                State::Incomplete("max_output_tokens"),
                "incomplete",
                "response.incomplete",
            ),
            (State::Cancelled, "cancelled", "response.failed"),
            (
                State::Failed("timeout".to_owned(), "Too long.".to_owned()),
                "failed",
                "response.failed",
            ),
        ] {
            let mut writer = writer();
            let events = writer.take(Progress::Done(Ending {
                state,
                tokens: None,
            }));
            assert_eq!(events[0]["type"], event);
            assert_eq!(events[0]["response"]["status"], status);
            assert_eq!(events[0]["response"]["usage"], Value::Null);
        }
    }
}
