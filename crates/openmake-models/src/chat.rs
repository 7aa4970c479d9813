//! What is asked of a model and what it answers, in our own words.

use std::{fmt, time::Duration};

use bytes::Bytes;
use openmake_types::{TokenCounts, ToolCall};
use serde_json::Value;

/// Who says a message, to a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Instructions.
    System,
    /// The person.
    User,
    /// The model.
    Assistant,
    /// The result of a tool that the model asked for.
    Tool,
}

impl Role {
    /// The name that both protocols use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
            Self::Assistant => "assistant",
            Self::Tool => "tool",
        }
    }
}

/// An image for a model that sees.
#[derive(Clone, PartialEq, Eq)]
pub struct Image {
    /// `image/png`, `image/jpeg`, …
    pub media_type: String,
    /// The file's bytes.
    pub bytes: Bytes,
}

impl fmt::Debug for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Image({}, {} bytes)", self.media_type, self.bytes.len())
    }
}

/// One message of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatMessage {
    /// Who says it.
    pub role: Role,
    /// The text.
    pub content: String,
    /// What goes with the text, from the person.
    pub images: Vec<Image>,
    /// The tools that the model asked for, from the model.
    pub tool_calls: Vec<ToolCall>,
    /// What the model thought before it answered, where that is to be sent
    /// back to it.
    pub thinking: Option<String>,
    /// The call that a tool's message answers, by its id …
    pub tool_call_id: Option<String>,
    /// … and by the tool's name; which one is used depends on the protocol.
    pub tool_name: Option<String>,
    /// Which of several participants speaks, for protocols that can tell.
    pub name: Option<String>,
}

impl ChatMessage {
    /// A message of plain text.
    pub fn text(role: Role, content: impl Into<String>) -> Self {
        Self {
            role,
            content: content.into(),
            images: Vec::new(),
            tool_calls: Vec::new(),
            thinking: None,
            tool_call_id: None,
            tool_name: None,
            name: None,
        }
    }

    /// The answer to `call`.
    pub fn tool_result(call: &ToolCall, content: impl Into<String>) -> Self {
        Self {
            tool_call_id: Some(call.id.clone()),
            tool_name: Some(call.name.clone()),
            ..Self::text(Role::Tool, content)
        }
    }
}

/// A tool that the model may ask for.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolSpec {
    /// Its name.
    pub name: String,
    /// What it does and when to use it, for the model.
    pub description: String,
    /// The JSON schema of its arguments.
    pub parameters: Value,
    /// How closely calls have to keep to it.
    pub strictness: Strictness,
}

/// How closely a model is held to a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Strictness {
    /// As its server does it of its own accord.
    #[default]
    Usual,
    /// To the letter, where the server can be told so.
    Strict,
}

/// Whether the model is to use tools.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ToolChoice {
    /// As it sees fit.
    #[default]
    Auto,
    /// Not now, though they are defined.
    None,
    /// At least one. Ollama knows no such demand and takes it as `Auto`.
    Required,
    /// This one. Ollama is offered no other instead.
    Named(String),
}

/// How much a model thinks before it answers. Models that know only on and off
/// take everything above `Off` as on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ThinkingLevel {
    /// Not at all, as far as the model can be told.
    Off,
    /// Briefly.
    Low,
    /// As usual.
    Medium,
    /// At length.
    High,
}

impl ThinkingLevel {
    /// The name in settings and on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// How a model samples, and its limits. What is `None` is left to the server.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ChatOptions {
    /// 0 is the same every time, 1 and more is varied.
    pub temperature: Option<f64>,
    /// The share of probability that tokens are drawn from.
    pub top_p: Option<f64>,
    /// The most tokens to write.
    pub max_tokens: Option<u32>,
    /// The context to load the model with; only Ollama takes it from a request.
    pub context_length: Option<u32>,
    /// Texts that end the answer.
    pub stop: Vec<String>,
    /// Makes sampling repeatable where the server can.
    pub seed: Option<u64>,
    /// How many of the likeliest tokens are drawn from. This and the next two
    /// are known to Ollama, to servers of one's own and to `OpenRouter`; others
    /// answer [`ModelError::Unsupported`](crate::ModelError::Unsupported).
    pub top_k: Option<u32>,
    /// The least probability of a token, as a share of the likeliest one's.
    pub min_p: Option<f64>,
    /// What tokens that were written lately are weighed down by; 1 is nothing.
    pub repeat_penalty: Option<f64>,
    /// Weighs down what was written at all, -2 to 2.
    pub presence_penalty: Option<f64>,
    /// Weighs down what was written, the more often the more, -2 to 2.
    pub frequency_penalty: Option<f64>,
}

/// The form that the answer has to have.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum AnswerFormat {
    /// Text.
    #[default]
    Text,
    /// Some JSON object.
    Json,
    /// JSON that fits this schema.
    Schema(Value),
    /// The same to the letter, for servers that otherwise take a schema for a
    /// suggestion.
    StrictSchema(Value),
}

/// How long Ollama keeps the model in memory after the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeepAlive {
    /// This long; zero unloads it at once.
    For(Duration),
    /// Until it is told otherwise.
    Forever,
}

/// A question with its conversation.
#[derive(Debug, Clone, PartialEq)]
pub struct ChatRequest {
    /// The real model's name, as the server lists it.
    pub model: String,
    /// The conversation, oldest first.
    pub messages: Vec<ChatMessage>,
    /// The tools on offer.
    pub tools: Vec<ToolSpec>,
    /// Whether to use them.
    pub tool_choice: ToolChoice,
    /// How much to think; `None` leaves it to the server.
    pub thinking: Option<ThinkingLevel>,
    /// Sampling and limits.
    pub options: ChatOptions,
    /// The form of the answer.
    pub format: AnswerFormat,
    /// How long the model stays loaded; `None` leaves it to the server.
    pub keep_alive: Option<KeepAlive>,
}

impl ChatRequest {
    /// A question with nothing but its messages.
    pub fn new(model: impl Into<String>, messages: Vec<ChatMessage>) -> Self {
        Self {
            model: model.into(),
            messages,
            tools: Vec::new(),
            tool_choice: ToolChoice::Auto,
            thinking: None,
            options: ChatOptions::default(),
            format: AnswerFormat::Text,
            keep_alive: None,
        }
    }
}

/// One piece of an answer. `Finish` is the last of every answer that is
/// complete, and `Usage`, where the server reports it, comes right before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChatDelta {
    /// More text.
    Text(String),
    /// More of what the model thinks.
    Thinking(String),
    /// A tool that the model asks for, whole.
    ToolCall {
        /// Its place among the answer's calls.
        index: usize,
        /// The call. Its arguments are as the model wrote them and may be no
        /// JSON at all.
        call: ToolCall,
    },
    /// What it cost, as the server counts.
    Usage(TokenCounts),
    /// The end.
    Finish(FinishReason),
}

/// Why an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FinishReason {
    /// The model was done.
    Stop,
    /// It ran into a limit of tokens; the answer is cut.
    Length,
    /// It waits for the results of tools.
    ToolCalls,
    /// The server withheld the rest.
    ContentFilter,
}

impl FinishReason {
    /// The name that OpenAI's protocol uses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::ToolCalls => "tool_calls",
            Self::ContentFilter => "content_filter",
        }
    }
}

/// Texts to embed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmbedRequest {
    /// The real model's name.
    pub model: String,
    /// The texts.
    pub inputs: Vec<String>,
    /// The length of the vectors, for models that can be asked for a shorter
    /// one.
    pub dimensions: Option<u32>,
}

/// The vectors of texts.
#[derive(Debug, Clone, PartialEq)]
pub struct Embeddings {
    /// One for each input, in order, all of the same length.
    pub vectors: Vec<Vec<f32>>,
    /// What it cost.
    pub tokens: TokenCounts,
}
