//! What `/v1/responses` is sent, and what it means. No I/O.

use openmake_api::ApiError;
use openmake_models::{AnswerFormat, ChatMessage, ChatOptions, Role, ToolChoice, ToolSpec};
use openmake_types::{ToolCall, TurnId};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::{
    super::{
        chat_request::no_such_tool,
        content::{Content, described, effort, image, tokens, within},
        tools::{self, Function},
    },
    no_response, turn_of,
};
use crate::compat::{
    CallsAtOnce, Query,
    fields::{KnownFields, wrong},
};

/// Items of one request.
const MAX_ITEMS: usize = 4_096;
/// Entries of `metadata`.
const MAX_METADATA: usize = 16;
/// Bytes of `metadata`.
const MAX_METADATA_BYTES: usize = 16 * 1024;

const FIELDS: KnownFields = KnownFields {
    harmless: &[
        "user",
        "safety_identifier",
        "prompt_cache_key",
        "prompt_cache_retention",
        "stream_options",
    ],
    unsupported: &[
        ("conversation", &[]),
        ("include", &["[]"]),
        ("truncation", &["\"disabled\""]),
        ("service_tier", &["\"auto\"", "\"default\""]),
        ("top_logprobs", &["0"]),
        ("max_tool_calls", &[]),
        ("prompt", &[]),
    ],
};

/// A response to make, as OpenAI's clients ask for it.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = OpenAiResponseRequest)]
pub(crate) struct ResponseRequest {
    /// A profile or a real model.
    model: String,
    /// A text or a list of items.
    input: Value,
    /// In place of the profile's way of working.
    #[serde(default)]
    instructions: Option<String>,
    /// Functions that the model may ask for.
    #[serde(default)]
    tools: Option<Vec<Value>>,
    /// `auto`, `none`, `required` or a function.
    #[serde(default)]
    tool_choice: Option<Value>,
    /// Whether it may ask for several at once.
    #[serde(default)]
    parallel_tool_calls: Option<bool>,
    /// The answer's form.
    #[serde(default)]
    text: Option<TextIn>,
    /// How much to think.
    #[serde(default)]
    reasoning: Option<ReasoningIn>,
    /// The most tokens to write.
    #[serde(default)]
    max_output_tokens: Option<u32>,
    /// 0 to 2.
    #[serde(default)]
    temperature: Option<f64>,
    /// 0 to 1.
    #[serde(default)]
    top_p: Option<f64>,
    /// Whether the answer comes as events.
    #[serde(default)]
    stream: Option<bool>,
    /// Whether it is kept, as a turn in a conversation; it is unless this says
    /// no or the request cannot be a turn.
    #[serde(default)]
    store: Option<bool>,
    /// Whether to answer at once and go on in the background.
    #[serde(default)]
    background: Option<bool>,
    /// The response to go on from.
    #[serde(default)]
    previous_response_id: Option<String>,
    /// Up to 16 texts of the caller's own.
    #[serde(default)]
    metadata: Option<Map<String, Value>>,
    #[serde(flatten)]
    #[schema(ignore)]
    other: Map<String, Value>,
}

#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = OpenAiResponseText)]
pub(crate) struct TextIn {
    /// `text`, `json_object` or `json_schema`.
    #[serde(default)]
    format: Option<Value>,
    /// `medium`.
    #[serde(default)]
    verbosity: Option<String>,
}

#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = OpenAiResponseReasoning)]
pub(crate) struct ReasoningIn {
    /// `none`, `minimal`, `low`, `medium`, `high` or `xhigh`.
    #[serde(default)]
    effort: Option<String>,
    /// Accepted: what the model thinks is given as it is.
    #[serde(default)]
    summary: Option<String>,
}

/// A request that was understood.
#[derive(Debug)]
pub(super) struct Asked {
    /// The conversation, the caller's instructions first.
    pub(super) query: Query,
    /// The caller's instructions.
    pub(super) instructions: Option<String>,
    /// The response to go on from.
    pub(super) previous: Option<TurnId>,
    /// Whether it is kept.
    pub(super) keeping: Keeping,
    /// How the answer comes.
    pub(super) delivery: Delivery,
    /// What the response repeats of the request.
    pub(super) echo: Map<String, Value>,
}

/// Whether a response is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keeping {
    /// As a turn.
    Stored,
    /// Not at all.
    Stateless,
}

/// How a response comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Delivery {
    Whole,
    Stream,
    /// Its state at once; the rest is asked for later.
    Background,
}

impl ResponseRequest {
    pub(super) fn read(self) -> Result<Asked, ApiError> {
        FIELDS.check(&self.other, "")?;
        check_metadata(self.metadata.as_ref())?;
        let text = self.text.unwrap_or_default();
        if text
            .verbosity
            .is_some_and(|verbosity| verbosity != "medium")
        {
            return Err(wrong(
                "text.verbosity",
                "`text.verbosity` is supported as \"medium\" only.",
            ));
        }
        let reasoning = self.reasoning.unwrap_or_default();
        let items = Items::read(self.input)?;
        let tools_sent = self.tools.unwrap_or_default();
        let tools = read_tools(tools_sent.clone())?;
        let fits = if tools.is_empty() && items.is_one_question() {
            Fits::Turn
        } else {
            Fits::CallOnly
        };
        let background = self.background == Some(true);
        let keeping = keeping(fits, self.store)?;
        if background && keeping == Keeping::Stateless {
            return Err(ApiError::field(
                "background",
                "unsupported",
                "Only a response that is stored goes on in the background.",
            )
            .with_code("background_not_supported")
            .with_hint("Ask one question, without tools and without `store: false`."));
        }
        let previous = self
            .previous_response_id
            .as_deref()
            .map(|id| turn_of(id).ok_or_else(|| no_response("previous_response_id")))
            .transpose()?;
        let format_sent = text.format.unwrap_or_else(|| json!({ "type": "text" }));
        let options = ChatOptions {
            temperature: within(self.temperature, 0.0..=2.0, "temperature")?,
            top_p: within(self.top_p, 0.0..=1.0, "top_p")?,
            max_tokens: tokens(self.max_output_tokens, "max_output_tokens")?,
            ..ChatOptions::default()
        };
        let (instructions, messages) = items.with_instructions(self.instructions.clone());
        let mut query = Query {
            thinking: reasoning
                .effort
                .as_deref()
                .map(|name| effort(name, "reasoning.effort"))
                .transpose()?,
            tool_choice: choice(self.tool_choice.as_ref())?,
            tools,
            calls: match self.parallel_tool_calls {
                Some(false) => CallsAtOnce::One,
                Some(true) | None => CallsAtOnce::Any,
            },
            format: format(format_sent.clone())?,
            ..Query::new(self.model, messages)
        };
        let echo = json!({
            "background": background,
            "instructions": self.instructions,
            "max_output_tokens": options.max_tokens,
            "metadata": self.metadata.unwrap_or_default(),
            "parallel_tool_calls": self.parallel_tool_calls.unwrap_or(true),
            "previous_response_id": self.previous_response_id,
            "reasoning": { "effort": reasoning.effort, "summary": reasoning.summary },
            "store": keeping == Keeping::Stored,
            "temperature": options.temperature,
            "text": { "format": format_sent },
            "tool_choice": self.tool_choice.unwrap_or_else(|| json!("auto")),
            "tools": tools_sent,
            "top_p": options.top_p,
            "truncation": "disabled",
            "user": self.other.get("user"),
        });
        query.options = options;
        Ok(Asked {
            query,
            instructions,
            previous,
            keeping,
            delivery: match (self.stream, background) {
                (Some(true), _) => Delivery::Stream,
                (_, true) => Delivery::Background,
                _ => Delivery::Whole,
            },
            echo: match echo {
                Value::Object(fields) => fields,
                _ => Map::new(),
            },
        })
    }
}

/// What a request can be. A turn holds one question and its answer: calls of
/// the caller's own tools, and a history that the caller brings, have no place
/// in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fits {
    Turn,
    CallOnly,
}

fn keeping(fits: Fits, store: Option<bool>) -> Result<Keeping, ApiError> {
    match (fits, store) {
        (Fits::CallOnly, Some(true)) => Err(ApiError::field(
            "store",
            "unsupported",
            "A response with tools or with more than one question is not stored here.",
        )
        .with_code("store_not_supported")
        .with_hint("Leave `store` out or set it to false, and send the items that came before.")),
        (Fits::CallOnly, _) | (Fits::Turn, Some(false)) => Ok(Keeping::Stateless),
        (Fits::Turn, Some(true) | None) => Ok(Keeping::Stored),
    }
}

fn check_metadata(metadata: Option<&Map<String, Value>>) -> Result<(), ApiError> {
    let Some(metadata) = metadata else {
        return Ok(());
    };
    let bytes: usize = metadata
        .iter()
        .map(|(name, value)| name.len() + value.as_str().map_or(0, str::len))
        .sum();
    if metadata.len() > MAX_METADATA
        || bytes > MAX_METADATA_BYTES
        || !metadata.values().all(Value::is_string)
    {
        return Err(wrong(
            "metadata",
            format!("`metadata` has at most {MAX_METADATA} texts, and {MAX_METADATA_BYTES} bytes."),
        ));
    }
    Ok(())
}

/// The input, read.
#[derive(Debug, Default)]
struct Items {
    messages: Vec<ChatMessage>,
    /// What the model thought before what it says next.
    thinking: Option<String>,
}

impl Items {
    fn read(input: Value) -> Result<Self, ApiError> {
        let values = match input {
            Value::String(text) => {
                return Ok(Self {
                    messages: vec![ChatMessage::text(Role::User, text)],
                    thinking: None,
                });
            }
            Value::Array(values) if (1..=MAX_ITEMS).contains(&values.len()) => values,
            _ => {
                return Err(wrong(
                    "input",
                    format!("`input` is a text or a list of 1 to {MAX_ITEMS} items."),
                ));
            }
        };
        let mut items = Self::default();
        for (place, item) in values.iter().enumerate() {
            items.add(item, &format!("input[{place}]"))?;
        }
        Ok(items)
    }

    fn add(&mut self, item: &Value, place: &str) -> Result<(), ApiError> {
        let text = |name: &str| {
            item.get(name)
                .and_then(Value::as_str)
                .ok_or_else(|| wrong(format!("{place}.{name}"), format!("`{name}` is a text.")))
        };
        let kind = item
            .get("type")
            .and_then(Value::as_str)
            .unwrap_or("message");
        match kind {
            "message" => self.add_message(item, text("role")?, place)?,
            "function_call" => {
                let call = ToolCall {
                    id: text("call_id")?.to_owned(),
                    name: text("name")?.to_owned(),
                    arguments: text("arguments")?.to_owned(),
                };
                let thinking = self.thinking.take();
                match self.messages.last_mut() {
                    Some(last) if last.role == Role::Assistant && thinking.is_none() => {
                        last.tool_calls.push(call);
                    }
                    _ => self.messages.push(ChatMessage {
                        tool_calls: vec![call],
                        thinking,
                        ..ChatMessage::text(Role::Assistant, "")
                    }),
                }
            }
            "function_call_output" => {
                let id = text("call_id")?;
                let call = self
                    .messages
                    .iter()
                    .rev()
                    .flat_map(|message| &message.tool_calls)
                    .find(|call| call.id == id)
                    .cloned()
                    .ok_or_else(|| {
                        wrong(
                            format!("{place}.call_id"),
                            "There is no call of this id before: send it with its output.",
                        )
                    })?;
                let field = format!("{place}.output");
                let output = content(item.get("output"), Role::Tool, &field)?;
                self.messages
                    .push(ChatMessage::tool_result(&call, output.text));
            }
            "reasoning" => {
                let texts = item
                    .get("content")
                    .or_else(|| item.get("summary"))
                    .and_then(Value::as_array)
                    .into_iter()
                    .flatten()
                    .filter_map(|part| part.get("text").and_then(Value::as_str));
                let thought = texts.collect::<Vec<_>>().join("\n\n");
                self.thinking = Some(thought).filter(|text| !text.is_empty());
            }
            other => {
                return Err(ApiError::field(
                    format!("{place}.type"),
                    "unsupported",
                    format!("There are no items of the type {other:?} here."),
                )
                .with_code("unsupported_item"));
            }
        }
        Ok(())
    }

    fn add_message(&mut self, item: &Value, role: &str, place: &str) -> Result<(), ApiError> {
        let role = match role {
            "system" | "developer" => Role::System,
            "user" => Role::User,
            "assistant" => Role::Assistant,
            other => {
                return Err(wrong(
                    format!("{place}.role"),
                    format!("{other:?} is none of `system`, `developer`, `user` and `assistant`."),
                ));
            }
        };
        let content = content(item.get("content"), role, &format!("{place}.content"))?;
        let thinking = self.thinking.take().filter(|_| role == Role::Assistant);
        self.messages.push(ChatMessage {
            images: content.images,
            thinking,
            ..ChatMessage::text(role, content.text)
        });
        Ok(())
    }

    /// Whether there is nothing but one question, instructions aside.
    fn is_one_question(&self) -> bool {
        let mut said = self
            .messages
            .iter()
            .filter(|message| message.role != Role::System);
        said.next()
            .is_some_and(|message| message.role == Role::User)
            && said.next().is_none()
    }

    /// All instructions as one text, and the messages with it in front.
    fn with_instructions(
        mut self,
        instructions: Option<String>,
    ) -> (Option<String>, Vec<ChatMessage>) {
        let first = instructions.filter(|text| !text.is_empty());
        if let Some(text) = &first {
            self.messages
                .insert(0, ChatMessage::text(Role::System, text.clone()));
        }
        let texts: Vec<&str> = self
            .messages
            .iter()
            .filter(|message| message.role == Role::System)
            .map(|message| message.content.as_str())
            .collect();
        let all = (!texts.is_empty()).then(|| texts.join("\n\n"));
        (all, self.messages)
    }
}

fn content(value: Option<&Value>, role: Role, field: &str) -> Result<Content, ApiError> {
    let mut content = Content::default();
    match value {
        Some(Value::String(text)) => content.text.clone_from(text),
        Some(Value::Array(parts)) => {
            for (place, part) in parts.iter().enumerate() {
                add_part(&mut content, part, role, &format!("{field}[{place}]"))?;
            }
        }
        _ => {
            return Err(wrong(
                field,
                format!("`{field}` is a text or a list of parts."),
            ));
        }
    }
    Ok(content)
}

fn add_part(content: &mut Content, part: &Value, role: Role, place: &str) -> Result<(), ApiError> {
    let text = |name: &str| {
        part.get(name)
            .and_then(Value::as_str)
            .ok_or_else(|| wrong(format!("{place}.{name}"), format!("`{name}` is a text.")))
    };
    match (text("type")?, role) {
        ("input_text" | "output_text" | "text", _) => content.push_text(text("text")?),
        ("refusal", Role::Assistant) => content.push_text(text("refusal")?),
        ("input_image", Role::User) => {
            let field = format!("{place}.image_url");
            content.images.push(image(text("image_url")?, &field)?);
        }
        (kind, _) => {
            return Err(ApiError::field(
                format!("{place}.type"),
                "unsupported",
                format!("Parts of the type {kind:?} are not taken here."),
            )
            .with_code("unsupported_content"));
        }
    }
    Ok(())
}

fn read_tools(values: Vec<Value>) -> Result<Vec<ToolSpec>, ApiError> {
    let mut read = Vec::with_capacity(values.len());
    for (place, value) in values.into_iter().enumerate() {
        let place = format!("tools[{place}]");
        match value.get("type").and_then(Value::as_str) {
            Some("function") => {
                let function: Function = serde_json::from_value(value).map_err(|error| {
                    wrong(&place, format!("`{place}` is no function: {error}."))
                })?;
                read.push(function.spec(&place)?);
            }
            kind => return Err(no_such_tool(&place, kind.unwrap_or_default())),
        }
    }
    tools::check(&read)?;
    Ok(read)
}

fn choice(value: Option<&Value>) -> Result<ToolChoice, ApiError> {
    let Some(value) = value.filter(|value| !value.is_null()) else {
        return Ok(ToolChoice::Auto);
    };
    let name = value.get("name").and_then(Value::as_str);
    match (
        value.as_str(),
        value.get("type").and_then(Value::as_str),
        name,
    ) {
        (Some("auto"), ..) => Ok(ToolChoice::Auto),
        (Some("none"), ..) => Ok(ToolChoice::None),
        (Some("required"), ..) => Ok(ToolChoice::Required),
        (None, Some("function"), Some(name)) => Ok(ToolChoice::Named(name.to_owned())),
        _ => Err(wrong(
            "tool_choice",
            "`tool_choice` is `auto`, `none`, `required` or a function.",
        )),
    }
}

#[derive(Deserialize)]
struct FormatIn {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    schema: Option<Value>,
    #[serde(default)]
    strict: Option<bool>,
}

fn format(value: Value) -> Result<AnswerFormat, ApiError> {
    let format: FormatIn = serde_json::from_value(value).map_err(|error| {
        wrong(
            "text.format",
            format!("`text.format` cannot be read: {error}."),
        )
    })?;
    let schema = format.schema.filter(Value::is_object);
    match (format.kind.as_str(), schema) {
        ("text", _) => Ok(AnswerFormat::Text),
        ("json_object", _) => Ok(AnswerFormat::Json),
        ("json_schema", Some(schema)) => {
            let schema = described(schema, format.description);
            Ok(match format.strict {
                Some(true) => AnswerFormat::StrictSchema(schema),
                Some(false) | None => AnswerFormat::Schema(schema),
            })
        }
        _ => Err(wrong(
            "text.format",
            "`text.format` is `text`, `json_object`, or `json_schema` with its schema.",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(mut request: Value) -> Result<Asked, ApiError> {
        request["model"] = json!("m");
        let request: ResponseRequest = serde_json::from_value(request).expect("the form is right");
        request.read()
    }

    #[test]
    fn a_question_is_a_turn() {
        let asked = read(json!({
            "input": [{"role": "developer", "content": "Briefly."}, {"role": "user", "content": [
                {"type": "input_text", "text": "What?"},
                {"type": "input_image", "image_url": "data:image/png;base64,iVBORw0KGgo=", "detail": "auto"},
            ]}],
            "instructions": "In verse.",
            "reasoning": {"effort": "high"},
            "text": {"format": {"type": "json_object"}},
            "max_output_tokens": 9,
            "metadata": {"a": "b"},
        }))
        .expect("sound");
        assert_eq!(asked.keeping, Keeping::Stored);
        assert_eq!(asked.delivery, Delivery::Whole);
        assert_eq!(asked.instructions.as_deref(), Some("In verse.\n\nBriefly."));
        assert_eq!(asked.query.messages.len(), 3);
        assert_eq!(asked.query.messages[2].images.len(), 1);
        assert_eq!(asked.query.options.max_tokens, Some(9));
        assert_eq!(asked.query.format, AnswerFormat::Json);
        assert_eq!(asked.echo["store"], true);
        assert_eq!(asked.echo["metadata"]["a"], "b");
    }

    #[test]
    fn what_a_turn_cannot_hold_is_not_stored() {
        let tool = json!({"type": "function", "name": "look", "parameters": {}});
        let history = json!([
            {"role": "user", "content": "What?"},
            {"type": "reasoning", "id": "rs_1", "summary": [], "content": [{"type": "reasoning_text", "text": "Hm."}]},
            {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "look", "arguments": "{}", "status": "completed"},
            {"type": "function_call_output", "call_id": "c1", "output": "A dot."},
            {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
             "content": [{"type": "output_text", "text": "A dot.", "annotations": []}]},
            {"role": "user", "content": "Sure?"},
        ]);
        let asked = read(json!({"input": history, "tools": [tool]})).expect("sound");
        assert_eq!(asked.keeping, Keeping::Stateless);
        assert_eq!(asked.echo["store"], false);
        let roles: Vec<Role> = asked.query.messages.iter().map(|m| m.role).collect();
        assert_eq!(
            roles,
            [
                Role::User,
                Role::Assistant,
                Role::Tool,
                Role::Assistant,
                Role::User
            ]
        );
        assert_eq!(asked.query.messages[1].thinking.as_deref(), Some("Hm."));
        assert_eq!(asked.query.messages[2].tool_name.as_deref(), Some("look"));
        for (fields, code) in [
            (
                json!({"input": "?", "tools": [tool], "store": true}),
                "store_not_supported",
            ),
            (
                json!({"input": "?", "store": false, "background": true}),
                "background_not_supported",
            ),
            (
                json!({"input": "?", "previous_response_id": "nonsense"}),
                "response_not_found",
            ),
            (
                json!({"input": "?", "tools": [{"type": "web_search"}]}),
                "unsupported_tool",
            ),
            (
                json!({"input": "?", "conversation": "conv_1"}),
                "unsupported_parameter",
            ),
            (
                json!({"input": [{"type": "item_reference", "id": "x"}]}),
                "unsupported_item",
            ),
            (json!({"input": []}), "invalid_value"),
            (json!({"input": "?", "metadata": {"a": 1}}), "invalid_value"),
            (json!({"input": "?", "colour": 1}), "unknown_parameter"),
        ] {
            let refused = read(fields.clone()).expect_err("refused");
            assert_eq!(refused.code(), code, "{fields}");
        }
    }

    #[test]
    fn how_it_comes() {
        let delivery = |fields: Value| read(fields).expect("sound").delivery;
        assert_eq!(
            delivery(json!({"input": "?", "stream": true})),
            Delivery::Stream
        );
        assert_eq!(
            delivery(json!({"input": "?", "background": true})),
            Delivery::Background
        );
        assert_eq!(
            delivery(json!({"input": "?", "background": true, "stream": true})),
            Delivery::Stream
        );
    }
}
