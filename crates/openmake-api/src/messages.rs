//! Messages of a conversation.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// Which messages of a conversation to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MessageListing {
    /// Every message of every branch, oldest first.
    #[default]
    All,
    /// The branch that is shown, from its end: the first page has its last
    /// messages, the next page those before them. Within a page the oldest is
    /// first, and each message comes with its other versions, which do not
    /// count towards the limit.
    Branch,
}

/// The query of `GET /api/v1/conversations/{id}/messages`.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct MessageQuery {
    /// Which ones; `all` unless given. A cursor belongs to the list that gave it.
    #[serde(default)]
    #[param(inline)]
    pub list: MessageListing,
    /// With `branch`: what stands above this message, which may be any that is
    /// not deleted.
    #[serde(default)]
    pub before: Option<Uuid>,
}

/// One message in a conversation's tree.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MessageView {
    /// The message.
    pub id: Uuid,
    /// What it answers or follows; none for the first.
    pub parent_id: Option<Uuid>,
    /// The turn that it belongs to.
    pub turn_id: Option<Uuid>,
    /// `user`, `assistant` or `system`.
    pub role: String,
    /// The text; for an unfinished answer, what there is so far.
    pub content: String,
    /// The model's thinking, where it showed any.
    pub thinking: Option<String>,
    /// Images that were sent with it.
    pub attachments: Vec<Attachment>,
    /// Tools that were called while it was written.
    pub tool_calls: Vec<ToolCallView>,
    /// The real model that wrote it.
    pub model: Option<String>,
    /// The agent that wrote it.
    pub agent_id: Option<String>,
    /// `running`, `complete`, `cancelled`, `failed` or `interrupted`.
    pub status: String,
    /// What went wrong, when it failed.
    pub error: Option<MessageError>,
    /// Tokens and time, for an answer that has ended.
    pub metrics: Option<MessageMetrics>,
    /// Why the model stopped, for an answer that is complete: `stop`, `length`,
    /// `tool_limit`, `time_budget` or `content_filter`.
    pub finish_reason: Option<String>,
    /// How long the model thought, in milliseconds, where it showed any of it.
    pub thinking_ms: Option<u64>,
    /// What was left out because it did not fit into the model's context.
    pub context_cut: Option<ContextCut>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// An image in a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Attachment {
    /// Read it at `/api/v1/blobs/{id}`.
    pub id: Uuid,
    /// `image/png` and the like.
    pub media_type: String,
}

/// What did not fit into a model's context.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ContextCut {
    /// How many of the oldest messages were left out.
    pub messages: u64,
    /// About how many tokens they had.
    pub tokens: u64,
}

/// One call of a tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ToolCallView {
    /// Names the call within the turn.
    pub call_id: String,
    /// The tool.
    pub name: String,
    /// Its arguments as JSON text.
    pub arguments: String,
    /// What it answered; absent while it runs.
    pub output: Option<String>,
    /// Whether it failed.
    pub is_error: bool,
    /// How long it took.
    pub duration_ms: Option<u64>,
}

/// What went wrong in a turn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MessageError {
    /// The code, as in a problem document.
    pub code: String,
    /// For a person.
    pub detail: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// Tokens and time of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MessageMetrics {
    /// Tokens read.
    pub input_tokens: u64,
    /// Tokens written.
    pub output_tokens: u64,
    /// Whether a count is our estimate.
    pub estimated: bool,
    /// Milliseconds to the first token.
    pub first_token_ms: Option<u64>,
    /// Milliseconds from start to end.
    pub response_time_ms: Option<u64>,
    /// Output tokens a second.
    pub tokens_per_second: Option<f64>,
}
