//! Messages (`conversation_messages`), a tree a conversation.

use chrono::{DateTime, Utc};
use openmake_types::{
    BlobId, ConversationId, MessageId, MessageRole, MessageStatus, TurnId, UserId,
};
use serde_json::Value;

use crate::{PageRequest, Rows, Store, StoreError};

/// A message.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// The message.
    pub id: MessageId,
    /// What it follows.
    pub parent_id: Option<MessageId>,
    /// The turn that it belongs to.
    pub turn_id: Option<TurnId>,
    /// Who it is from.
    pub role: MessageRole,
    /// The text. Empty while `Running`: the log has it.
    pub content: String,
    /// Images.
    pub attachments: Vec<StoredAttachment>,
    /// The model's thinking.
    pub thinking: Option<String>,
    /// Tool calls, as the wire carries them.
    pub tool_calls: Value,
    /// The real model.
    pub model: Option<String>,
    /// The agent.
    pub agent_id: Option<String>,
    /// How far it has come.
    pub status: MessageStatus,
    /// What went wrong.
    pub error: Option<StoredError>,
    /// Tokens and time, once it has ended.
    pub metrics: Option<StoredMetrics>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// An image of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredAttachment {
    /// Its bytes.
    pub blob: BlobId,
    /// `image/png` and the like.
    pub media_type: String,
}

/// What went wrong in a turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredError {
    /// The code that clients key on.
    pub code: String,
    /// For a person.
    pub detail: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// Tokens and time.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct StoredMetrics {
    /// Tokens read.
    pub input_tokens: i64,
    /// Tokens written.
    pub output_tokens: i64,
    /// Whether a count is our estimate.
    pub estimated: bool,
    /// Milliseconds to the first token.
    pub first_token_ms: Option<i64>,
    /// Milliseconds from start to end.
    pub response_time_ms: Option<i64>,
    /// Output tokens a second.
    pub tokens_per_second: Option<f64>,
}

/// Messages.
#[derive(Debug, Clone, Copy)]
pub struct Messages<'a>(&'a Store);

impl Store {
    /// Messages.
    pub const fn messages(&self) -> Messages<'_> {
        Messages(self)
    }
}

impl Messages<'_> {
    /// All messages of an owner's conversation (all branches), oldest first.
    pub async fn page(
        &self,
        owner: UserId,
        conversation: ConversationId,
        page: PageRequest,
    ) -> Result<Rows<Message>, StoreError> {
        let _ = (self.0, owner, conversation, page);
        todo!()
    }

    /// The branch that ends in `leaf`, first message first; the last `limit`
    /// messages of it when it is longer.
    pub async fn branch(
        &self,
        owner: UserId,
        conversation: ConversationId,
        leaf: MessageId,
        limit: u32,
    ) -> Result<Vec<Message>, StoreError> {
        let _ = (owner, conversation, leaf, limit);
        todo!()
    }
}
