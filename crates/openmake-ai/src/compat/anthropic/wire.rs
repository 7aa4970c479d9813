//! What Anthropic's clients send.
//!
//! Fields that change nothing here (`cache_control`, `metadata`) are read and
//! left; every other one that is not known is an error that names it, so that
//! nothing is silently left out.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, SeqAccess, Visitor, value::SeqAccessDeserializer},
};
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// The body of `POST /v1/messages` and, without `max_tokens`, of
/// `/v1/messages/count_tokens`.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = AnthropicMessagesRequest)]
pub(crate) struct MessagesRequest {
    /// A profile or a real model, as `/v1/models` lists them.
    pub(super) model: String,
    /// The conversation, oldest first; the last one is the user's.
    #[schema(value_type = Vec<Value>)]
    pub(super) messages: Vec<InputMessage>,
    /// The most tokens to write. Required, but not for counting.
    pub(super) max_tokens: Option<u32>,
    /// Server-sent events instead of one answer.
    pub(super) stream: Option<bool>,
    /// Instructions: a text, or blocks of text.
    #[schema(value_type = Option<Value>)]
    pub(super) system: Option<TextOr<TextBlock>>,
    /// 0 is the same every time, 1 is varied.
    pub(super) temperature: Option<f64>,
    /// The share of probability that tokens are drawn from.
    pub(super) top_p: Option<f64>,
    /// How many of the likeliest tokens are drawn from; not known to every
    /// model server.
    pub(super) top_k: Option<u32>,
    /// Texts that end the answer.
    pub(super) stop_sequences: Option<Vec<String>>,
    /// The client's own tools.
    #[schema(value_type = Option<Vec<Value>>)]
    pub(super) tools: Option<Vec<Tool>>,
    /// `auto`, `any`, `tool` or `none`.
    #[schema(value_type = Option<Value>)]
    pub(super) tool_choice: Option<Choice>,
    /// `disabled`, `enabled` with `budget_tokens`, or `adaptive`.
    #[schema(value_type = Option<Value>)]
    pub(super) thinking: Option<Thinking>,
    /// `effort`, and `format` with a JSON schema.
    #[schema(value_type = Option<Value>)]
    pub(super) output_config: Option<OutputConfig>,
    /// Read and left: nothing of it changes the answer.
    #[schema(value_type = Option<Value>)]
    #[serde(rename = "metadata")]
    pub(super) _metadata: Option<IgnoredAny>,
    /// Read and left: prompts are cached as the model server does it.
    #[schema(value_type = Option<Value>)]
    #[serde(rename = "cache_control")]
    pub(super) _cache_control: Option<IgnoredAny>,
    /// `auto` or `standard_only`, which are the same here.
    pub(super) service_tier: Option<String>,
    /// Fields that this surface does not have.
    #[schema(ignore)]
    #[serde(flatten)]
    pub(super) rest: Map<String, Value>,
}

/// One message.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct InputMessage {
    pub(super) role: Role,
    pub(super) content: TextOr<Block>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Role {
    User,
    Assistant,
    System,
}

/// A text, or blocks.
#[derive(Debug)]
pub(super) enum TextOr<T> {
    Text(String),
    Blocks(Vec<T>),
}

/// One block of a message.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Block {
    Text {
        text: String,
        citations: Option<Vec<Value>>,
        #[serde(rename = "cache_control")]
        _cache_control: Option<IgnoredAny>,
    },
    Image {
        source: ImageSource,
        #[serde(rename = "cache_control")]
        _cache_control: Option<IgnoredAny>,
    },
    ToolUse {
        id: String,
        name: String,
        input: Map<String, Value>,
        caller: Option<Value>,
        #[serde(rename = "cache_control")]
        _cache_control: Option<IgnoredAny>,
    },
    ToolResult {
        tool_use_id: String,
        content: Option<TextOr<ResultBlock>>,
        is_error: Option<bool>,
        #[serde(rename = "cache_control")]
        _cache_control: Option<IgnoredAny>,
    },
    Thinking {
        thinking: String,
        /// Whoever wrote it: nothing is checked here.
        #[serde(rename = "signature")]
        _signature: Option<IgnoredAny>,
    },
    RedactedThinking {
        #[serde(rename = "data")]
        _data: IgnoredAny,
    },
}

/// One block of instructions.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum TextBlock {
    Text {
        text: String,
        citations: Option<Vec<Value>>,
        #[serde(rename = "cache_control")]
        _cache_control: Option<IgnoredAny>,
    },
}

/// One block of what a tool answered.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum ResultBlock {
    Text {
        text: String,
        #[serde(rename = "citations")]
        _citations: Option<IgnoredAny>,
        #[serde(rename = "cache_control")]
        _cache_control: Option<IgnoredAny>,
    },
    Image {
        source: ImageSource,
        #[serde(rename = "cache_control")]
        _cache_control: Option<IgnoredAny>,
    },
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum ImageSource {
    Base64 {
        data: String,
        /// The bytes themselves say what they are.
        #[serde(rename = "media_type")]
        _media_type: String,
    },
    Url {
        #[serde(rename = "url")]
        _url: String,
    },
}

impl fmt::Debug for ImageSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Base64 { data, .. } => write!(f, "Base64({} characters)", data.len()),
            Self::Url { .. } => f.write_str("Url"),
        }
    }
}

/// A tool of the client's, or one of Anthropic's own by its `type`.
#[derive(Debug, Deserialize)]
pub(super) struct Tool {
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    pub(super) name: Option<String>,
    pub(super) description: Option<String>,
    pub(super) input_schema: Option<Value>,
    pub(super) strict: Option<bool>,
    /// A wish for smaller pieces, which the model server decides.
    #[serde(rename = "eager_input_streaming")]
    pub(super) _eager_input_streaming: Option<IgnoredAny>,
    #[serde(rename = "cache_control")]
    pub(super) _cache_control: Option<IgnoredAny>,
    pub(super) allowed_callers: Option<Vec<String>>,
    #[serde(flatten)]
    pub(super) rest: Map<String, Value>,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Choice {
    Auto {
        disable_parallel_tool_use: Option<bool>,
    },
    Any {
        disable_parallel_tool_use: Option<bool>,
    },
    Tool {
        name: String,
        disable_parallel_tool_use: Option<bool>,
    },
    None {},
}

#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Thinking {
    Disabled {},
    Enabled {
        budget_tokens: u32,
        display: Option<Display>,
    },
    Adaptive {
        display: Option<Display>,
    },
}

/// Whether the client wants to read what the model thinks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Display {
    /// As the model writes it; nothing here summarises.
    #[default]
    Summarized,
    /// Not at all.
    Omitted,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OutputConfig {
    pub(super) effort: Option<Effort>,
    pub(super) format: Option<Format>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Effort {
    Low,
    Medium,
    High,
    Xhigh,
    Max,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Format {
    JsonSchema { schema: Value },
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for TextOr<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either<T>(std::marker::PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Either<T> {
            type Value = TextOr<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a list of blocks")
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(TextOr::Text(text.to_owned()))
            }

            fn visit_string<E>(self, text: String) -> Result<Self::Value, E> {
                Ok(TextOr::Text(text))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, blocks: A) -> Result<Self::Value, A::Error> {
                Vec::deserialize(SeqAccessDeserializer::new(blocks)).map(TextOr::Blocks)
            }
        }

        // A visitor, since an untagged enum would say nothing of what is wrong
        // within the blocks.
        deserializer.deserialize_any(Either(std::marker::PhantomData))
    }
}
