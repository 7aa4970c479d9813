//! Requests.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    AnswerFormat, ChatMessage, ChatOptions, ChatRequest, EmbedRequest, KeepAlive, ThinkingLevel,
    ToolChoice, ToolSpec,
};

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    messages: Vec<Message<'a>>,
    stream: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    think: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<Value>,
    #[serde(skip_serializing_if = "Options::is_empty")]
    options: Options<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    keep_alive: Option<Value>,
}

#[derive(Serialize)]
struct Message<'a> {
    role: &'static str,
    content: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    images: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_call_id: Option<&'a str>,
}

#[derive(Serialize, PartialEq)]
struct Options<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    num_predict: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    num_ctx: Option<u32>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    stop: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_k: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    min_p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    repeat_penalty: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    presence_penalty: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    frequency_penalty: Option<f64>,
}

impl Options<'_> {
    fn is_empty(&self) -> bool {
        *self == options(&ChatOptions::default())
    }
}

/// The body of `POST /api/chat`.
pub fn chat_body(request: &ChatRequest) -> Vec<u8> {
    let body = Body {
        model: &request.model,
        messages: request.messages.iter().map(message).collect(),
        stream: true,
        tools: tools(&request.tools, &request.tool_choice),
        think: request.thinking.map(|level| think(&request.model, level)),
        format: match &request.format {
            AnswerFormat::Text => None,
            AnswerFormat::Json => Some(json!("json")),
            AnswerFormat::Schema(schema) | AnswerFormat::StrictSchema(schema) => {
                Some(schema.clone())
            }
        },
        options: options(&request.options),
        keep_alive: request.keep_alive.map(keep_alive),
    };
    crate::wire::json_bytes(&body)
}

/// The body of `POST /api/show`.
pub fn show_body(model: &str) -> Vec<u8> {
    crate::wire::json_bytes(&json!({ "model": model }))
}

/// The body of `POST /api/embed`.
pub fn embed_body(request: &EmbedRequest) -> Vec<u8> {
    let mut body = json!({ "model": request.model, "input": request.inputs, "truncate": false });
    if let (Some(dimensions), Some(fields)) = (request.dimensions, body.as_object_mut()) {
        fields.insert("dimensions".to_owned(), dimensions.into());
    }
    crate::wire::json_bytes(&body)
}

fn message(message: &ChatMessage) -> Message<'_> {
    Message {
        role: message.role.as_str(),
        content: &message.content,
        thinking: message.thinking.as_deref(),
        images: message
            .images
            .iter()
            .map(|image| BASE64_STANDARD.encode(&image.bytes))
            .collect(),
        tool_calls: message
            .tool_calls
            .iter()
            .map(|call| {
                // Ollama takes an object only; what a model wrote that is none
                // goes back to it as the text that it is.
                let arguments = serde_json::from_str(&call.arguments)
                    .ok()
                    .filter(Value::is_object)
                    .unwrap_or_else(|| json!({ "arguments": call.arguments }));
                json!({ "id": call.id, "function": { "name": call.name, "arguments": arguments } })
            })
            .collect(),
        tool_name: message.tool_name.as_deref(),
        tool_call_id: message.tool_call_id.as_deref(),
    }
}

/// Ollama has no choice of tools: what must not be used is not offered.
fn tools(tools: &[ToolSpec], choice: &ToolChoice) -> Vec<Value> {
    tools
        .iter()
        .filter(|tool| match choice {
            ToolChoice::None => false,
            ToolChoice::Auto | ToolChoice::Required => true,
            ToolChoice::Named(name) => tool.name == *name,
        })
        .map(crate::wire::function_tool)
        .collect()
}

/// gpt-oss takes a level and cannot be stopped from thinking; all others take
/// yes or no.
fn think(model: &str, level: ThinkingLevel) -> Value {
    if model.contains("gpt-oss") {
        let level = level.max(ThinkingLevel::Low);
        json!(level.as_str())
    } else {
        json!(level != ThinkingLevel::Off)
    }
}

fn options(options: &ChatOptions) -> Options<'_> {
    Options {
        temperature: options.temperature,
        top_p: options.top_p,
        num_predict: options.max_tokens,
        num_ctx: options.context_length,
        stop: &options.stop,
        seed: options.seed,
        top_k: options.top_k,
        min_p: options.min_p,
        repeat_penalty: options.repeat_penalty,
        presence_penalty: options.presence_penalty,
        frequency_penalty: options.frequency_penalty,
    }
}

fn keep_alive(keep: KeepAlive) -> Value {
    match keep {
        KeepAlive::For(time) => json!(format!("{}s", time.as_secs())),
        KeepAlive::Forever => json!(-1),
    }
}
