//! Requests.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::Serialize;
use serde_json::{Value, json};

use super::dialect::{Dialect, MaxTokensField, SamplingFields, ThinkingField, UsageField};
use crate::{
    AnswerFormat, ChatMessage, ChatRequest, EmbedRequest, Image, Role, ThinkingLevel, ToolChoice,
};

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    messages: Vec<Message<'a>>,
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_options: Option<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<u32>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    stop: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_k: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    min_p: Option<f64>,
    // vLLM and OpenRouter call it so, …
    #[serde(skip_serializing_if = "Option::is_none")]
    repetition_penalty: Option<f64>,
    // … and llama.cpp so; each ignores the other's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    repeat_penalty: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    presence_penalty: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    frequency_penalty: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_format: Option<Value>,
    #[serde(flatten)]
    thinking: Thinking,
}

#[derive(Serialize, Default)]
struct Thinking {
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_effort: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    chat_template_kwargs: Option<Value>,
}

#[derive(Serialize)]
struct Message<'a> {
    role: &'static str,
    content: Option<Content<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_call_id: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Content<'a> {
    Text(&'a str),
    Parts(Vec<Value>),
}

/// The body of `POST /v1/chat/completions` for a server of `dialect`.
pub fn chat_body(request: &ChatRequest, dialect: Dialect) -> Vec<u8> {
    let options = &request.options;
    let samples = !dialect.fixes_sampling(&request.model);
    let (max_tokens, max_completion_tokens) = match dialect.max_tokens {
        MaxTokensField::MaxTokens => (options.max_tokens, None),
        MaxTokensField::MaxCompletionTokens => (None, options.max_tokens),
    };
    let body = Body {
        model: &request.model,
        messages: request
            .messages
            .iter()
            .map(|message| self::message(message, dialect))
            .collect(),
        stream: true,
        stream_options: (dialect.usage == UsageField::StreamOptions)
            .then(|| json!({ "include_usage": true })),
        tools: request
            .tools
            .iter()
            .map(crate::wire::function_tool)
            .collect(),
        tool_choice: if request.tools.is_empty() {
            None
        } else {
            tool_choice(&request.tool_choice)
        },
        temperature: options.temperature.filter(|_| samples),
        top_p: options.top_p.filter(|_| samples),
        max_tokens,
        max_completion_tokens,
        stop: &options.stop,
        seed: options.seed,
        top_k: options.top_k,
        min_p: options.min_p,
        repetition_penalty: options.repeat_penalty,
        repeat_penalty: options.repeat_penalty,
        presence_penalty: options.presence_penalty,
        frequency_penalty: options.frequency_penalty,
        response_format: response_format(&request.format),
        thinking: request
            .thinking
            .map(|level| thinking(&request.model, level, dialect))
            .unwrap_or_default(),
    };
    crate::wire::json_bytes(&body)
}

/// What of `request` a server of `dialect` has no words for.
pub fn unsupported(request: &ChatRequest, dialect: Dialect) -> Option<&'static str> {
    if dialect.sampling == SamplingFields::All {
        return None;
    }
    let options = &request.options;
    [
        (options.top_k.is_some(), "top_k"),
        (options.min_p.is_some(), "min_p"),
        (options.repeat_penalty.is_some(), "repeat_penalty"),
    ]
    .into_iter()
    .find_map(|(asked, what)| asked.then_some(what))
}

/// The body of `POST /v1/embeddings`.
pub fn embed_body(request: &EmbedRequest) -> Vec<u8> {
    let mut body =
        json!({ "model": request.model, "input": request.inputs, "encoding_format": "float" });
    if let (Some(dimensions), Some(fields)) = (request.dimensions, body.as_object_mut()) {
        fields.insert("dimensions".to_owned(), dimensions.into());
    }
    crate::wire::json_bytes(&body)
}

fn message(message: &ChatMessage, dialect: Dialect) -> Message<'_> {
    let content = if !message.images.is_empty() {
        let text = (!message.content.is_empty())
            .then(|| json!({ "type": "text", "text": message.content }));
        Some(Content::Parts(
            text.into_iter()
                .chain(message.images.iter().map(image_part))
                .collect(),
        ))
    } else if message.content.is_empty() && !message.tool_calls.is_empty() {
        None
    } else {
        Some(Content::Text(&message.content))
    };
    let thinking = message
        .thinking
        .as_deref()
        .filter(|_| message.role == Role::Assistant);
    Message {
        role: message.role.as_str(),
        content,
        name: message.name.as_deref(),
        // Servers that do not ask for their thinking back refuse it.
        reasoning_content: thinking.filter(|_| dialect.thinking == ThinkingField::Template),
        reasoning: thinking.filter(|_| dialect.thinking == ThinkingField::Object),
        tool_calls: message
            .tool_calls
            .iter()
            .map(|call| {
                json!({
                    "id": call.id,
                    "type": "function",
                    "function": { "name": call.name, "arguments": call.arguments },
                })
            })
            .collect(),
        tool_call_id: message.tool_call_id.as_deref(),
    }
}

fn image_part(image: &Image) -> Value {
    let data = BASE64_STANDARD.encode(&image.bytes);
    json!({ "type": "image_url", "image_url": { "url": format!("data:{};base64,{data}", image.media_type) } })
}

fn tool_choice(choice: &ToolChoice) -> Option<Value> {
    match choice {
        ToolChoice::Auto => None,
        ToolChoice::None => Some(json!("none")),
        ToolChoice::Required => Some(json!("required")),
        ToolChoice::Named(name) => {
            Some(json!({ "type": "function", "function": { "name": name } }))
        }
    }
}

fn response_format(format: &AnswerFormat) -> Option<Value> {
    match format {
        AnswerFormat::Text => None,
        AnswerFormat::Json => Some(json!({ "type": "json_object" })),
        AnswerFormat::Schema(schema) => Some(
            json!({ "type": "json_schema", "json_schema": { "name": "answer", "schema": schema } }),
        ),
        AnswerFormat::StrictSchema(schema) => Some(json!({
            "type": "json_schema",
            "json_schema": { "name": "answer", "schema": schema, "strict": true },
        })),
    }
}

fn thinking(model: &str, level: ThinkingLevel, dialect: Dialect) -> Thinking {
    let thinks = level != ThinkingLevel::Off;
    // The least that models which always think can be asked for.
    let effort = level.max(ThinkingLevel::Low).as_str();
    match dialect.thinking {
        ThinkingField::Effort(prefixes)
            if prefixes.iter().any(|prefix| model.starts_with(prefix)) =>
        {
            Thinking {
                reasoning_effort: Some(effort),
                ..Thinking::default()
            }
        }
        ThinkingField::None | ThinkingField::Effort(_) => Thinking::default(),
        ThinkingField::Object => {
            let value = if thinks {
                json!({ "effort": effort })
            } else {
                json!({ "enabled": false })
            };
            Thinking {
                reasoning: Some(value),
                ..Thinking::default()
            }
        }
        ThinkingField::Template => Thinking {
            reasoning_effort: model.contains("gpt-oss").then_some(effort),
            // Templates differ in the name that they read.
            chat_template_kwargs: Some(
                json!({ "enable_thinking": thinks, "thinking": thinks, "reasoning_effort": effort }),
            ),
            reasoning: None,
        },
    }
}
