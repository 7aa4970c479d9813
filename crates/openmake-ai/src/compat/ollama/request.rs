//! From what Ollama's clients send to what a model is asked.

use std::{collections::VecDeque, time::Duration};

use openmake_api::ApiError;
use openmake_models::{
    AnswerFormat, ChatMessage, Image, KeepAlive, Role as Says, Strictness, ToolSpec,
};
use openmake_types::ToolCall;
use serde_json::{Map, Value, json};

use super::{
    options::{format, keep_alive, options, thinking},
    wire::{Base64, Call, ChatBody, GenerateBody, How, Message, Role, Tool},
};
use crate::compat::{Query, picture::picture};

/// Messages of one request.
const MAX_MESSAGES: usize = 10_000;
/// Tools of one request.
const MAX_TOOLS: usize = 256;

/// Fields that ask for nothing when they are empty: Ollama's own client sends
/// them with every request.
const MAY_BE_EMPTY: &[&str] = &[
    "suffix",
    "template",
    "context",
    "raw",
    "logprobs",
    "top_logprobs",
];

/// What is asked, and how the answer is to look.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) query: Query,
    pub(super) delivery: Delivery,
    /// Why an answer ends to which there was no question: the model is only
    /// loaded, or unloaded.
    pub(super) only: Option<&'static str>,
}

/// How the answer is to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Delivery {
    /// An object a line.
    Streamed,
    /// One object.
    Whole,
}

/// What `/api/chat` asks.
pub(super) fn chat(body: ChatBody) -> Result<Asked, ApiError> {
    let ChatBody {
        model,
        messages,
        tools,
        how,
    } = body;
    let messages = messages.unwrap_or_default();
    if messages.len() > MAX_MESSAGES {
        return Err(invalid(
            "messages",
            format!("`messages` has at most {MAX_MESSAGES} entries."),
        ));
    }
    let mut query = Query::new(model, conversation(messages)?);
    query.tools = offered(tools.unwrap_or_default())?;
    asked(query, how)
}

/// What `/api/generate` asks.
pub(super) fn generate(body: GenerateBody) -> Result<Asked, ApiError> {
    let GenerateBody {
        model,
        prompt,
        system,
        images,
        how,
    } = body;
    let mut messages = Vec::new();
    let prompt = prompt.unwrap_or_default();
    let images = pictures(images, "images")?;
    if !prompt.is_empty() || !images.is_empty() {
        if let Some(system) = system.filter(|system| !system.is_empty()) {
            messages.push(ChatMessage::text(Says::System, system));
        }
        messages.push(ChatMessage {
            images,
            ..ChatMessage::text(Says::User, prompt)
        });
    }
    asked(Query::new(model, messages), how)
}

fn asked(mut query: Query, how: How) -> Result<Asked, ApiError> {
    let How {
        stream,
        format: form,
        think,
        options: sampling,
        keep_alive: kept,
        rest,
    } = how;
    none_of(&rest)?;
    query.format = format(form)?;
    query.thinking = thinking(think.as_ref())?;
    query.options = options(sampling.unwrap_or_default())?;
    query.keep_alive = keep_alive(kept.as_ref())?;
    let delivery = if stream == Some(false) {
        Delivery::Whole
    } else {
        Delivery::Streamed
    };
    let mut only = None;
    if query.messages.is_empty() {
        let unloads = query.keep_alive == Some(KeepAlive::For(Duration::ZERO));
        only = Some(if unloads { "unload" } else { "load" });
        // What the next question will be asked with is not asked for now.
        query.tools.clear();
        query.format = AnswerFormat::Text;
        query.thinking = None;
    }
    Ok(Asked {
        query,
        delivery,
        only,
    })
}

/// Fields that are not known, and ask for something, are errors.
pub(super) fn none_of(rest: &Map<String, Value>) -> Result<(), ApiError> {
    let is_empty = |value: &Value| match value {
        Value::Null => true,
        Value::Bool(asks) => !asks,
        Value::Number(number) => number.as_u64() == Some(0),
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(fields) => fields.is_empty(),
    };
    let asks = |(name, value): &(&String, &Value)| {
        !(value.is_null() || MAY_BE_EMPTY.contains(&name.as_str()) && is_empty(value))
    };
    match rest.iter().find(asks) {
        None => Ok(()),
        Some((name, _)) => Err(ApiError::field(
            name,
            "unsupported",
            format!("`{name}` is not supported here."),
        )
        .with_code("unsupported")
        .with_hint("Leave it out.")),
    }
}

fn offered(tools: Vec<Tool>) -> Result<Vec<ToolSpec>, ApiError> {
    if tools.len() > MAX_TOOLS {
        return Err(invalid("tools", format!("At most {MAX_TOOLS} tools.")));
    }
    let specs = tools.into_iter().enumerate().map(|(n, tool)| {
        if tool.kind.is_some_and(|kind| kind != "function") {
            return Err(invalid(
                &format!("tools[{n}].type"),
                "A tool is of the type `function`.",
            ));
        }
        Ok(ToolSpec {
            name: tool.function.name,
            description: tool.function.description.unwrap_or_default(),
            parameters: tool
                .function
                .parameters
                .filter(|parameters| !parameters.is_null())
                .unwrap_or_else(|| json!({ "type": "object", "properties": {} })),
            strictness: Strictness::Usual,
        })
    });
    specs.collect()
}

/// Calls that no tool has answered yet, by id and name.
#[derive(Default)]
struct OpenCalls {
    open: VecDeque<(String, String)>,
    counted: usize,
}

impl OpenCalls {
    fn asked(&mut self, call: Call) -> ToolCall {
        let Call { id, function } = call;
        let id = id
            .filter(|id| !id.is_empty())
            .unwrap_or_else(|| format!("call_{}", self.counted));
        self.counted += 1;
        self.open.push_back((id.clone(), function.name.clone()));
        ToolCall {
            id,
            name: function.name,
            arguments: Value::Object(function.arguments).to_string(),
        }
    }

    /// The call that is answered. Ollama's clients name the tool or nothing,
    /// other protocols need the call.
    fn answered(
        &mut self,
        id: Option<&str>,
        tool: Option<&str>,
    ) -> (Option<String>, Option<String>) {
        let meant = self.open.iter().position(|(open, name)| match (id, tool) {
            (Some(id), _) => id == open,
            (None, Some(tool)) => tool == name,
            (None, None) => true,
        });
        meant.and_then(|place| self.open.remove(place)).unzip()
    }
}

fn conversation(messages: Vec<Message>) -> Result<Vec<ChatMessage>, ApiError> {
    let mut calls = OpenCalls::default();
    let mut said = Vec::new();
    for (n, message) in messages.into_iter().enumerate() {
        let Message {
            role,
            content,
            thinking,
            images,
            tool_calls,
            tool_name,
            tool_call_id,
            name,
        } = message;
        let role = match role {
            Role::System => Says::System,
            Role::User => Says::User,
            Role::Assistant => Says::Assistant,
            Role::Tool => Says::Tool,
        };
        let mut told = ChatMessage {
            images: pictures(images, &format!("messages[{n}].images"))?,
            thinking: thinking.filter(|text| !text.is_empty()),
            ..ChatMessage::text(role, content.unwrap_or_default())
        };
        let asked = tool_calls.into_iter().flatten();
        told.tool_calls = asked.map(|call| calls.asked(call)).collect();
        if role == Says::Tool {
            let tool = tool_name.or(name);
            let (id, name) = calls.answered(tool_call_id.as_deref(), tool.as_deref());
            told.tool_call_id = tool_call_id.or(id);
            told.tool_name = tool.or(name);
        } else {
            told.name = name;
        }
        said.push(told);
    }
    Ok(said)
}

fn pictures(images: Option<Vec<Base64>>, at: &str) -> Result<Vec<Image>, ApiError> {
    images
        .into_iter()
        .flatten()
        .enumerate()
        .map(|(n, Base64(encoded))| picture(&encoded, &format!("{at}[{n}]")))
        .collect()
}

fn invalid(field: &str, detail: impl Into<String>) -> ApiError {
    ApiError::field(field, "invalid", detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: Value) -> Result<Asked, ApiError> {
        chat(serde_json::from_value(body).expect("the form is right"))
    }

    #[test]
    fn a_tool_answers_by_id_by_name_or_in_turn() {
        let asked = read(json!({"model": "m", "messages": [
            {"role": "assistant", "content": "", "tool_calls": [
                {"function": {"name": "a", "arguments": {}}},
                {"id": "mine", "function": {"name": "b", "arguments": {}}},
                {"function": {"name": "a", "arguments": {}}},
            ]},
            {"role": "tool", "content": "2", "tool_call_id": "mine"},
            {"role": "tool", "content": "1", "tool_name": "a"},
            {"role": "tool", "content": "3"},
            {"role": "tool", "content": "4"},
        ]}))
        .expect("sound");
        let answered: Vec<(Option<&str>, Option<&str>)> = asked.query.messages[1..]
            .iter()
            .map(|message| {
                (
                    message.tool_call_id.as_deref(),
                    message.tool_name.as_deref(),
                )
            })
            .collect();
        assert_eq!(
            answered,
            [
                (Some("mine"), Some("b")),
                (Some("call_0"), Some("a")),
                (Some("call_2"), Some("a")),
                (None, None),
            ]
        );
    }

    #[test]
    fn an_answer_is_streamed_unless_it_is_told_otherwise() {
        let delivery = |stream: Value| {
            let body = json!({"model": "m", "messages": [], "stream": stream});
            read(body).expect("sound").delivery
        };
        assert_eq!(delivery(json!(null)), Delivery::Streamed);
        assert_eq!(delivery(json!(true)), Delivery::Streamed);
        assert_eq!(delivery(json!(false)), Delivery::Whole);
    }

    #[test]
    fn a_field_that_asks_for_nothing_is_no_error() {
        for (fields, refused) in [
            (
                json!({"suffix": "", "raw": false, "context": [], "logprobs": null}),
                false,
            ),
            (json!({"suffix": "x"}), true),
            (json!({"raw": true}), true),
            (json!({"other": false}), true),
            (json!({"other": null}), false),
        ] {
            let rest = fields.as_object().expect("fields");
            assert_eq!(none_of(rest).is_err(), refused, "{fields}");
        }
    }
}
