//! What Ollama's clients send.
//!
//! Fields that are not known, and ask for something, are errors that name
//! them, so that nothing is silently left out.

use std::fmt;

use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// The body of `POST /ollama/api/chat`.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = OllamaChatRequest)]
pub(crate) struct ChatBody {
    /// A profile or a real model, as `/ollama/api/tags` lists them.
    pub(super) model: String,
    /// The conversation, oldest first. Without any, the model is loaded.
    #[schema(value_type = Option<Vec<Value>>)]
    pub(super) messages: Option<Vec<Message>>,
    /// The client's own tools.
    #[schema(value_type = Option<Vec<Value>>)]
    pub(super) tools: Option<Vec<Tool>>,
    /// What both ways of asking share.
    #[serde(flatten)]
    pub(super) how: How,
}

/// The body of `POST /ollama/api/generate`.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = OllamaGenerateRequest)]
pub(crate) struct GenerateBody {
    /// A profile or a real model, as `/ollama/api/tags` lists them.
    pub(super) model: String,
    /// The question. Without any, the model is loaded.
    pub(super) prompt: Option<String>,
    /// Instructions.
    pub(super) system: Option<String>,
    /// Images in base64.
    #[schema(value_type = Option<Vec<String>>)]
    pub(super) images: Option<Vec<Base64>>,
    /// What both ways of asking share.
    #[serde(flatten)]
    pub(super) how: How,
}

/// What both ways of asking share.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = OllamaRequestSettings)]
pub(crate) struct How {
    /// One JSON object a line, unless this is `false`.
    pub(super) stream: Option<bool>,
    /// `json`, or a JSON schema.
    pub(super) format: Option<Value>,
    /// `true`, `false`, `low`, `medium` or `high`.
    pub(super) think: Option<Value>,
    /// How the model samples; docs/compatibility-anthropic-ollama.md lists what is passed on.
    #[schema(value_type = Option<Value>)]
    pub(super) options: Option<Map<String, Value>>,
    /// Seconds, or a duration such as `5m`; below zero for ever.
    pub(super) keep_alive: Option<Value>,
    /// Fields that this surface does not have.
    #[schema(ignore)]
    #[serde(flatten)]
    pub(super) rest: Map<String, Value>,
}

/// The body of `POST /ollama/api/embed`.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = OllamaEmbedRequest)]
pub(crate) struct EmbedBody {
    /// A model that makes vectors.
    pub(super) model: String,
    /// A text, or several.
    #[schema(value_type = Value)]
    pub(super) input: OneOrMany,
    /// The length of the vectors, for models that can be asked for a shorter
    /// one.
    pub(super) dimensions: Option<u32>,
    /// Either way a text that is too long is an error.
    #[serde(rename = "truncate")]
    pub(super) _truncate: Option<bool>,
    /// None is passed on.
    #[schema(value_type = Option<Value>)]
    pub(super) options: Option<Map<String, Value>>,
    /// Not passed on: the model server decides.
    #[serde(rename = "keep_alive")]
    pub(super) _keep_alive: Option<Value>,
    /// Fields that this surface does not have.
    #[schema(ignore)]
    #[serde(flatten)]
    pub(super) rest: Map<String, Value>,
}

/// The body of `POST /ollama/api/embeddings`, which older clients send.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = OllamaEmbeddingsRequest)]
pub(crate) struct EmbeddingsBody {
    /// A model that makes vectors.
    pub(super) model: String,
    /// The text.
    pub(super) prompt: String,
    /// None is passed on.
    #[schema(value_type = Option<Value>)]
    pub(super) options: Option<Map<String, Value>>,
    /// Not passed on: the model server decides.
    #[serde(rename = "keep_alive")]
    pub(super) _keep_alive: Option<Value>,
    /// Fields that this surface does not have.
    #[schema(ignore)]
    #[serde(flatten)]
    pub(super) rest: Map<String, Value>,
}

/// The body of `POST /ollama/api/show`.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = OllamaShowRequest)]
pub(crate) struct ShowBody {
    /// The model.
    pub(super) model: Option<String>,
    /// What older clients call it.
    pub(super) name: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

/// One message.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Message {
    pub(super) role: Role,
    pub(super) content: Option<String>,
    pub(super) thinking: Option<String>,
    pub(super) images: Option<Vec<Base64>>,
    pub(super) tool_calls: Option<Vec<Call>>,
    pub(super) tool_name: Option<String>,
    pub(super) tool_call_id: Option<String>,
    /// What some clients send instead of `tool_name`.
    pub(super) name: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Role {
    System,
    User,
    Assistant,
    Tool,
}

/// Bytes in base64, which no log shows.
#[derive(Deserialize)]
pub(crate) struct Base64(pub(super) String);

impl fmt::Debug for Base64 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Base64({} characters)", self.0.len())
    }
}

/// A tool that was asked for.
#[derive(Debug, Deserialize)]
pub(super) struct Call {
    pub(super) id: Option<String>,
    pub(super) function: Called,
}

#[derive(Debug, Deserialize)]
pub(super) struct Called {
    pub(super) name: String,
    #[serde(default)]
    pub(super) arguments: Map<String, Value>,
}

/// A tool that may be asked for.
#[derive(Debug, Deserialize)]
pub(super) struct Tool {
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    pub(super) function: Described,
}

#[derive(Debug, Deserialize)]
pub(super) struct Described {
    pub(super) name: String,
    pub(super) description: Option<String>,
    pub(super) parameters: Option<Value>,
}
