//! What `/v1/chat/completions` is sent, and what it means. No I/O.

use openmake_api::ApiError;
use openmake_models::{AnswerFormat, ChatMessage, ChatOptions, Role, ToolChoice, ToolSpec};
use openmake_types::ToolCall;
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{
    content::{Content, described, effort, image, tokens, within},
    tools::{self, Function},
};
use crate::compat::{
    CallsAtOnce, Query,
    fields::{KnownFields, wrong},
};

/// Messages of one request.
const MAX_MESSAGES: usize = 4_096;
/// Texts that may end an answer.
const MAX_STOPS: usize = 16;

const FIELDS: KnownFields = KnownFields {
    harmless: &[
        "user",
        "metadata",
        "safety_identifier",
        "prompt_cache_key",
        "prompt_cache_retention",
    ],
    unsupported: &[
        ("n", &["1"]),
        ("logprobs", &["false"]),
        ("top_logprobs", &["0"]),
        ("logit_bias", &["{}"]),
        ("store", &["false"]),
        ("service_tier", &["\"auto\"", "\"default\""]),
        ("modalities", &["[\"text\"]"]),
        ("verbosity", &["\"medium\""]),
        ("audio", &[]),
        ("prediction", &[]),
        ("web_search_options", &[]),
        ("functions", &["[]"]),
        ("function_call", &["\"none\"", "\"auto\""]),
    ],
};

const MESSAGE_FIELDS: KnownFields = KnownFields {
    // What answers carry, and clients send back with them.
    harmless: &["annotations"],
    unsupported: &[("audio", &[]), ("function_call", &[])],
};

/// A conversation to go on with, as OpenAI's clients send it.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = OpenAiChatRequest)]
pub(crate) struct ChatCompletionRequest {
    /// A profile or a real model.
    pub(super) model: String,
    /// The conversation, oldest first.
    messages: Vec<Value>,
    /// Whether the answer comes in pieces.
    #[serde(default)]
    stream: Option<bool>,
    /// How it comes in pieces.
    #[serde(default)]
    stream_options: Option<StreamOptions>,
    /// Functions that the model may ask for.
    #[serde(default)]
    tools: Option<Vec<Value>>,
    /// `auto`, `none`, `required` or a function.
    #[serde(default)]
    tool_choice: Option<Value>,
    /// Whether it may ask for several at once.
    #[serde(default)]
    parallel_tool_calls: Option<bool>,
    /// `text`, `json_object` or `json_schema`.
    #[serde(default)]
    response_format: Option<Value>,
    /// 0 to 2.
    #[serde(default)]
    temperature: Option<f64>,
    /// 0 to 1.
    #[serde(default)]
    top_p: Option<f64>,
    /// -2 to 2.
    #[serde(default)]
    presence_penalty: Option<f64>,
    /// -2 to 2.
    #[serde(default)]
    frequency_penalty: Option<f64>,
    /// The most tokens to write.
    #[serde(default)]
    max_completion_tokens: Option<u32>,
    /// Its old name.
    #[serde(default)]
    max_tokens: Option<u32>,
    /// Texts that end the answer: one or a list.
    #[serde(default)]
    stop: Option<Value>,
    /// Makes sampling repeatable where the server can.
    #[serde(default)]
    seed: Option<u64>,
    /// `none`, `minimal`, `low`, `medium`, `high` or `xhigh`.
    #[serde(default)]
    reasoning_effort: Option<String>,
    #[serde(flatten)]
    #[schema(ignore)]
    other: Map<String, Value>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[schema(as = OpenAiStreamOptions)]
pub(crate) struct StreamOptions {
    /// Whether a last chunk says what the answer cost.
    #[serde(default)]
    include_usage: Option<bool>,
    /// Accepted: chunks are not padded.
    #[serde(default)]
    #[expect(dead_code, reason = "clients send it, and nothing follows from it")]
    include_obfuscation: Option<bool>,
}

/// How the answer is to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Delivery {
    Whole,
    Stream { usage: bool },
}

impl ChatCompletionRequest {
    /// What it asks, and how the answer is to come.
    pub(super) fn query(self) -> Result<(Query, Delivery), ApiError> {
        FIELDS.check(&self.other, "")?;
        let delivery = if self.stream == Some(true) {
            let options = self.stream_options.unwrap_or_default();
            Delivery::Stream {
                usage: options.include_usage == Some(true),
            }
        } else {
            Delivery::Whole
        };
        let query = Query {
            tools: read_tools(self.tools.unwrap_or_default())?,
            tool_choice: choice(self.tool_choice)?,
            calls: match self.parallel_tool_calls {
                Some(false) => CallsAtOnce::One,
                Some(true) | None => CallsAtOnce::Any,
            },
            thinking: self
                .reasoning_effort
                .map(|name| effort(&name, "reasoning_effort"))
                .transpose()?,
            options: ChatOptions {
                temperature: within(self.temperature, 0.0..=2.0, "temperature")?,
                top_p: within(self.top_p, 0.0..=1.0, "top_p")?,
                presence_penalty: penalty(self.presence_penalty, "presence_penalty")?,
                frequency_penalty: penalty(self.frequency_penalty, "frequency_penalty")?,
                max_tokens: tokens(self.max_completion_tokens, "max_completion_tokens")?
                    .or(tokens(self.max_tokens, "max_tokens")?),
                stop: stops(self.stop)?,
                seed: self.seed,
                ..ChatOptions::default()
            },
            format: format(self.response_format)?,
            ..Query::new(self.model, messages(self.messages)?)
        };
        Ok((query, delivery))
    }
}

#[derive(Deserialize)]
struct MessageIn {
    role: String,
    #[serde(default)]
    content: Option<Value>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    refusal: Option<String>,
    #[serde(default)]
    reasoning_content: Option<String>,
    #[serde(default)]
    reasoning: Option<String>,
    #[serde(default)]
    tool_calls: Option<Vec<CallIn>>,
    #[serde(default)]
    tool_call_id: Option<String>,
    #[serde(flatten)]
    other: Map<String, Value>,
}

#[derive(Deserialize)]
struct CallIn {
    id: String,
    function: FunctionIn,
}

#[derive(Deserialize)]
struct FunctionIn {
    name: String,
    arguments: String,
}

fn messages(values: Vec<Value>) -> Result<Vec<ChatMessage>, ApiError> {
    if values.is_empty() || values.len() > MAX_MESSAGES {
        return Err(wrong(
            "messages",
            format!("A request has 1 to {MAX_MESSAGES} messages."),
        ));
    }
    let mut read: Vec<ChatMessage> = Vec::with_capacity(values.len());
    for (place, value) in values.into_iter().enumerate() {
        let place = format!("messages[{place}]");
        let parsed: MessageIn = serde_json::from_value(value)
            .map_err(|error| wrong(&place, format!("`{place}` is no message: {error}.")))?;
        let message = message(parsed, &place, &read)?;
        read.push(message);
    }
    Ok(read)
}

fn message(
    message: MessageIn,
    place: &str,
    before: &[ChatMessage],
) -> Result<ChatMessage, ApiError> {
    MESSAGE_FIELDS.check(&message.other, &format!("{place}."))?;
    let role = match message.role.as_str() {
        "system" | "developer" => Role::System,
        "user" => Role::User,
        "assistant" => Role::Assistant,
        "tool" => Role::Tool,
        other => {
            return Err(wrong(
                format!("{place}.role"),
                format!(
                    "{other:?} is none of `system`, `developer`, `user`, `assistant` and `tool`."
                ),
            ));
        }
    };
    let field = format!("{place}.content");
    let mut content = content(message.content, role, &field)?;
    if let Some(refusal) = &message.refusal {
        content.push_text(refusal);
    }
    let tool_calls: Vec<ToolCall> = message
        .tool_calls
        .unwrap_or_default()
        .into_iter()
        .map(|call| ToolCall {
            id: call.id,
            name: call.function.name,
            arguments: call.function.arguments,
        })
        .collect();
    if !tool_calls.is_empty() && role != Role::Assistant {
        return Err(wrong(
            format!("{place}.tool_calls"),
            "Only the assistant calls tools.",
        ));
    }
    let thinking = message.reasoning_content.or(message.reasoning);
    let mut read = ChatMessage {
        images: content.images,
        thinking: thinking.filter(|text| !text.is_empty() && role == Role::Assistant),
        tool_calls,
        name: message.name,
        ..ChatMessage::text(role, content.text)
    };
    if role == Role::Tool {
        let id = message.tool_call_id.ok_or_else(|| {
            wrong(
                format!("{place}.tool_call_id"),
                "A tool's message says which call it answers.",
            )
        })?;
        let call = before
            .iter()
            .rev()
            .flat_map(|message| &message.tool_calls)
            .find(|call| call.id == id)
            .ok_or_else(|| {
                wrong(
                    format!("{place}.tool_call_id"),
                    "There is no call of this id before.",
                )
            })?;
        read.tool_name = Some(call.name.clone());
        read.tool_call_id = Some(id);
        read.name = None;
    }
    Ok(read)
}

fn content(value: Option<Value>, role: Role, field: &str) -> Result<Content, ApiError> {
    let mut content = Content::default();
    match value {
        None | Some(Value::Null) if role == Role::Assistant => {}
        Some(Value::String(text)) => content.text = text,
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
        ("text", _) => content.push_text(text("text")?),
        ("refusal", Role::Assistant) => content.push_text(text("refusal")?),
        ("image_url", Role::User) => {
            let field = format!("{place}.image_url.url");
            let url = part
                .pointer("/image_url/url")
                .and_then(Value::as_str)
                .ok_or_else(|| wrong(&field, "An image has a URL."))?;
            content.images.push(image(url, &field)?);
        }
        (kind, _) => {
            return Err(ApiError::field(
                format!("{place}.type"),
                "unsupported",
                format!(
                    "A {} takes no part of the type {kind:?} here.",
                    role.as_str()
                ),
            )
            .with_code("unsupported_content"));
        }
    }
    Ok(())
}

#[derive(Deserialize)]
struct ToolIn {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    function: Option<Function>,
}

fn read_tools(values: Vec<Value>) -> Result<Vec<ToolSpec>, ApiError> {
    let mut read = Vec::with_capacity(values.len());
    for (place, value) in values.into_iter().enumerate() {
        let place = format!("tools[{place}]");
        let tool: ToolIn = serde_json::from_value(value)
            .map_err(|error| wrong(&place, format!("`{place}` is no tool: {error}.")))?;
        match (tool.kind.as_str(), tool.function) {
            ("function", Some(function)) => {
                read.push(function.spec(&format!("{place}.function"))?);
            }
            ("function", None) => {
                return Err(wrong(
                    format!("{place}.function"),
                    "The function is missing.",
                ));
            }
            (kind, _) => return Err(no_such_tool(&place, kind)),
        }
    }
    tools::check(&read)?;
    Ok(read)
}

/// A penalty; none where it would weigh nothing, so that servers which know no
/// penalties need not be told.
fn penalty(value: Option<f64>, field: &str) -> Result<Option<f64>, ApiError> {
    let value = within(value, -2.0..=2.0, field)?;
    Ok(value.filter(|weight| weight.abs() > 0.0))
}

/// A tool that the vendor runs, or that is called in another way.
pub(super) fn no_such_tool(place: &str, kind: &str) -> ApiError {
    ApiError::field(
        format!("{place}.type"),
        "unsupported",
        format!("There are no tools of the type {kind:?} here, only functions."),
    )
    .with_code("unsupported_tool")
}

fn choice(value: Option<Value>) -> Result<ToolChoice, ApiError> {
    let Some(value) = value.filter(|value| !value.is_null()) else {
        return Ok(ToolChoice::Auto);
    };
    match value.as_str() {
        Some("auto") => return Ok(ToolChoice::Auto),
        Some("none") => return Ok(ToolChoice::None),
        Some("required") => return Ok(ToolChoice::Required),
        _ => {}
    }
    let name = value.pointer("/function/name").and_then(Value::as_str);
    match (value.get("type").and_then(Value::as_str), name) {
        (Some("function"), Some(name)) => Ok(ToolChoice::Named(name.to_owned())),
        _ => Err(wrong(
            "tool_choice",
            "`tool_choice` is `auto`, `none`, `required` or a function.",
        )),
    }
}

fn stops(value: Option<Value>) -> Result<Vec<String>, ApiError> {
    let stops = match value {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::String(stop)) => vec![stop],
        Some(list @ Value::Array(_)) => serde_json::from_value(list)
            .map_err(|_| wrong("stop", "`stop` is a text or a list of texts."))?,
        Some(_) => return Err(wrong("stop", "`stop` is a text or a list of texts.")),
    };
    if stops.len() > MAX_STOPS || stops.iter().any(String::is_empty) {
        return Err(wrong(
            "stop",
            format!("There are at most {MAX_STOPS} texts in `stop`, and none is empty."),
        ));
    }
    Ok(stops)
}

#[derive(Deserialize)]
struct FormatIn {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    json_schema: Option<SchemaIn>,
}

#[derive(Deserialize)]
struct SchemaIn {
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    schema: Option<Value>,
    #[serde(default)]
    strict: Option<bool>,
}

fn format(value: Option<Value>) -> Result<AnswerFormat, ApiError> {
    let Some(value) = value.filter(|value| !value.is_null()) else {
        return Ok(AnswerFormat::Text);
    };
    let format: FormatIn = serde_json::from_value(value).map_err(|error| {
        wrong(
            "response_format",
            format!("`response_format` cannot be read: {error}."),
        )
    })?;
    match (format.kind.as_str(), format.json_schema) {
        ("text", _) => Ok(AnswerFormat::Text),
        ("json_object", _) => Ok(AnswerFormat::Json),
        ("json_schema", Some(wanted)) => {
            let schema = wanted.schema.filter(Value::is_object).ok_or_else(|| {
                wrong(
                    "response_format.json_schema.schema",
                    "The schema is missing.",
                )
            })?;
            let schema = described(schema, wanted.description);
            Ok(match wanted.strict {
                Some(true) => AnswerFormat::StrictSchema(schema),
                Some(false) | None => AnswerFormat::Schema(schema),
            })
        }
        _ => Err(wrong(
            "response_format",
            "`response_format` is `text`, `json_object`, or `json_schema` with its schema.",
        )),
    }
}

#[cfg(test)]
mod tests {
    use openmake_models::ThinkingLevel;
    use serde_json::json;

    use super::*;

    fn read(request: Value) -> Result<(Query, Delivery), ApiError> {
        let request: ChatCompletionRequest =
            serde_json::from_value(request).expect("the form is right");
        request.query()
    }

    fn with(fields: Value) -> Result<(Query, Delivery), ApiError> {
        let mut request = json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}]});
        let (Some(request_fields), Value::Object(fields)) = (request.as_object_mut(), fields)
        else {
            panic!("objects");
        };
        request_fields.extend(fields);
        read(request)
    }

    #[test]
    fn a_whole_conversation_is_read() {
        let (query, delivery) = read(json!({
            "model": "m",
            "stream": true,
            "stream_options": {"include_usage": true},
            "messages": [
                {"role": "developer", "content": "Be brief."},
                {"role": "user", "name": "ann", "content": [
                    {"type": "text", "text": "What is this?"},
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo=", "detail": "low"}},
                ]},
                {"role": "assistant", "content": null, "reasoning_content": "Hm.", "refusal": null,
                 "annotations": [], "audio": null, "function_call": null,
                 "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}]},
                {"role": "tool", "tool_call_id": "c1", "content": [{"type": "text", "text": "A dot."}]},
            ],
            "tools": [{"type": "function", "function": {"name": "look", "strict": true}}],
            "tool_choice": {"type": "function", "function": {"name": "look"}},
            "parallel_tool_calls": false,
            "max_tokens": 10, "max_completion_tokens": 20,
            "stop": "END", "seed": 7, "temperature": 0, "top_p": 1,
            "reasoning_effort": "minimal",
            "user": "u", "metadata": {"a": "b"}, "n": 1, "logit_bias": {}, "presence_penalty": 0.0,
        }))
        .expect("sound");
        assert_eq!(delivery, Delivery::Stream { usage: true });
        assert_eq!(query.options.max_tokens, Some(20));
        assert_eq!(query.options.stop, ["END"]);
        assert_eq!(query.thinking, Some(ThinkingLevel::Low));
        assert_eq!(query.calls, CallsAtOnce::One);
        assert_eq!(query.tool_choice, ToolChoice::Named("look".to_owned()));
        assert_eq!(query.tools[0].parameters["type"], "object");
        let [system, user, assistant, tool] = &query.messages[..] else {
            panic!("four messages");
        };
        assert_eq!(system.role, Role::System);
        assert_eq!(user.images[0].media_type, "image/png");
        assert_eq!(user.name.as_deref(), Some("ann"));
        assert_eq!(assistant.thinking.as_deref(), Some("Hm."));
        assert_eq!(tool.tool_name.as_deref(), Some("look"));
        assert_eq!(tool.content, "A dot.");
    }

    #[test]
    fn formats() {
        let format =
            |value: Value| with(json!({"response_format": value})).map(|(query, _)| query.format);
        assert_eq!(
            format(json!({"type": "json_object"})).expect("sound"),
            AnswerFormat::Json
        );
        let schema = json!({"type": "json_schema", "json_schema": {
            "name": "x", "description": "Why.", "strict": true, "schema": {"type": "object"},
        }});
        assert_eq!(
            format(schema).expect("sound"),
            AnswerFormat::StrictSchema(json!({"type": "object", "description": "Why."}))
        );
        assert!(format(json!({"type": "json_schema"})).is_err());
        assert!(format(json!({"type": "grammar"})).is_err());
    }

    #[test]
    fn what_is_not_supported_is_named() {
        for (fields, param) in [
            (json!({"n": 2}), "n"),
            (json!({"logprobs": true}), "logprobs"),
            (json!({"audio": {"voice": "x"}}), "audio"),
            (json!({"top_k": 3}), "top_k"),
            (json!({"store": true}), "store"),
            (json!({"temperature": 3}), "temperature"),
            (json!({"max_tokens": 0}), "max_tokens"),
            (json!({"stop": [""]}), "stop"),
            (json!({"reasoning_effort": "much"}), "reasoning_effort"),
            (json!({"tool_choice": "sometimes"}), "tool_choice"),
            (
                json!({"tools": [{"type": "custom", "custom": {}}]}),
                "tools[0].type",
            ),
            (
                json!({"tools": [{"type": "function", "function": {"name": "a b"}}]}),
                "tools[0].function.name",
            ),
            (json!({"messages": []}), "messages"),
            (
                json!({"messages": [{"role": "robot", "content": ""}]}),
                "messages[0].role",
            ),
            (
                json!({"messages": [{"role": "user", "content": ""}, {"role": "tool", "content": "", "tool_call_id": "x"}]}),
                "messages[1].tool_call_id",
            ),
            (
                json!({"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]}),
                "messages[0].content[0].type",
            ),
            (
                json!({"messages": [{"role": "user", "content": "", "cache": 1}]}),
                "messages[0].cache",
            ),
            (
                json!({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}]}]}),
                "messages[0].content[0].image_url.url",
            ),
        ] {
            let problem = with(fields.clone()).expect_err("refused").problem();
            assert_eq!(problem.status, 400, "{fields}");
            assert_eq!(problem.fields[0].field, param, "{fields}");
        }
    }
}
