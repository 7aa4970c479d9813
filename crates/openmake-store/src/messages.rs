//! Messages (`conversation_messages`), a tree a conversation.

mod shown;
mod subtree;

use chrono::{DateTime, Utc};
use openmake_types::{
    BlobId, ConversationId, MessageId, MessageRole, MessageStatus, TurnId, UserId,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

pub use self::shown::ShownPart;
use crate::{
    PageRequest, Position, Rows, Store, StoreError, conversations, error::parsed, text::storable,
};

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
    /// Why the model stopped, once it has answered.
    pub finish_reason: Option<String>,
    /// How long the model thought, in milliseconds, where it showed any of it.
    pub thinking_ms: Option<i64>,
    /// What did not fit into the model's context.
    pub cut: Option<StoredCut>,
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

/// What did not fit into a model's context.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredCut {
    /// How many of the oldest messages.
    pub messages: i64,
    /// About how many tokens they had.
    pub tokens: i64,
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

impl StoredError {
    /// From three columns, of which the first two are there or not together.
    pub(crate) fn from_columns(
        code: Option<String>,
        detail: Option<String>,
        hint: Option<String>,
    ) -> Option<Self> {
        Some(Self {
            code: code?,
            detail: detail.unwrap_or_default(),
            hint,
        })
    }
}

/// An image as `attachments` holds it.
#[derive(Serialize, Deserialize)]
struct AttachmentJson {
    #[serde(rename = "type")]
    kind: String,
    blob: Uuid,
    media_type: String,
}

/// Images as the column holds them.
pub(crate) fn write_attachments(attachments: &[StoredAttachment]) -> Value {
    attachments
        .iter()
        .map(|attachment| {
            serde_json::json!({
                "type": "image",
                "blob": attachment.blob.as_uuid(),
                "media_type": storable(&attachment.media_type),
            })
        })
        .collect()
}

struct Row {
    id: Uuid,
    parent_id: Option<Uuid>,
    turn_id: Option<Uuid>,
    role: String,
    content: String,
    attachments: Value,
    thinking: Option<String>,
    tool_calls: Value,
    model: Option<String>,
    agent_id: Option<String>,
    status: String,
    error_code: Option<String>,
    error_detail: Option<String>,
    error_hint: Option<String>,
    input_tokens: Option<i64>,
    tokens: Option<i64>,
    tokens_estimated: bool,
    first_token_ms: Option<i64>,
    response_time_ms: Option<i64>,
    tokens_per_second: Option<f64>,
    finish_reason: Option<String>,
    thinking_ms: Option<i64>,
    cut_messages: Option<i64>,
    cut_tokens: Option<i64>,
    created_at: DateTime<Utc>,
}

impl TryFrom<Row> for Message {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let attachments: Vec<AttachmentJson> = serde_json::from_value(row.attachments)
            .map_err(|error| StoreError::corrupt("conversation_messages.attachments", error))?;
        let metrics = row.input_tokens.zip(row.tokens);
        Ok(Self {
            id: MessageId::from_uuid(row.id),
            parent_id: row.parent_id.map(MessageId::from_uuid),
            turn_id: row.turn_id.map(TurnId::from_uuid),
            role: parsed("conversation_messages.role", &row.role)?,
            content: row.content,
            attachments: attachments
                .into_iter()
                .filter(|attachment| attachment.kind == "image")
                .map(|attachment| StoredAttachment {
                    blob: BlobId::from_uuid(attachment.blob),
                    media_type: attachment.media_type,
                })
                .collect(),
            thinking: row.thinking,
            tool_calls: row.tool_calls,
            model: row.model,
            agent_id: row.agent_id,
            status: parsed("conversation_messages.status", &row.status)?,
            error: StoredError::from_columns(row.error_code, row.error_detail, row.error_hint),
            metrics: metrics.map(|(input_tokens, output_tokens)| StoredMetrics {
                input_tokens,
                output_tokens,
                estimated: row.tokens_estimated,
                first_token_ms: row.first_token_ms,
                response_time_ms: row.response_time_ms,
                tokens_per_second: row.tokens_per_second,
            }),
            finish_reason: row.finish_reason,
            thinking_ms: row.thinking_ms,
            cut: row.cut_messages.map(|messages| StoredCut {
                messages,
                tokens: row.cut_tokens.unwrap_or(0),
            }),
            created_at: row.created_at,
        })
    }
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
    /// All messages of an owner's conversation (all branches), oldest first;
    /// deleted ones are left out.
    pub async fn page(
        &self,
        owner: UserId,
        conversation: ConversationId,
        page: PageRequest,
    ) -> Result<Rows<Message>, StoreError> {
        let mut connection = self.0.pool.acquire().await?;
        conversations::require(&mut connection, owner, conversation).await?;
        let (at, id) = page.after();
        let rows = sqlx::query_as!(
            Row,
            "SELECT id, parent_id, turn_id, role, content, attachments, thinking, tool_calls, model,
                    agent_id, status, error_code, error_detail, error_hint, input_tokens, tokens,
                    tokens_estimated, first_token_ms, response_time_ms, tokens_per_second,
                    finish_reason, thinking_ms, cut_messages, cut_tokens, created_at
               FROM conversation_messages
              WHERE session_id = $1 AND deleted_at IS NULL
                AND ($2::timestamptz IS NULL OR (created_at, id) > ($2, $3::uuid))
              ORDER BY created_at, id
              LIMIT $4",
            conversation.as_uuid(),
            at,
            id,
            page.fetch(),
        )
        .fetch_all(&mut *connection)
        .await?;
        let items = rows
            .into_iter()
            .map(Message::try_from)
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Rows::cut(items, page, |message: &Message| Position {
            at: message.created_at,
            id: message.id.as_uuid(),
        }))
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
        let mut connection = self.0.pool.acquire().await?;
        conversations::require(&mut connection, owner, conversation).await?;
        let rows = sqlx::query_as!(
            Row,
            r#"WITH RECURSIVE branch AS (
                   SELECT id, parent_id, 1 AS depth FROM conversation_messages
                    WHERE id = $2 AND session_id = $1 AND deleted_at IS NULL
                   UNION ALL
                   SELECT m.id, m.parent_id, b.depth + 1
                     FROM conversation_messages m JOIN branch b ON m.id = b.parent_id
                    WHERE b.depth < $3
               )
               SELECT m.id, m.parent_id, m.turn_id, m.role, m.content, m.attachments, m.thinking,
                      m.tool_calls, m.model, m.agent_id, m.status, m.error_code, m.error_detail,
                      m.error_hint, m.input_tokens, m.tokens, m.tokens_estimated, m.first_token_ms,
                      m.response_time_ms, m.tokens_per_second, m.finish_reason, m.thinking_ms,
                      m.cut_messages, m.cut_tokens, m.created_at
                 FROM branch b JOIN conversation_messages m ON m.id = b.id
                ORDER BY b.depth DESC"#,
            conversation.as_uuid(),
            leaf.as_uuid(),
            i32::try_from(limit.max(1)).unwrap_or(i32::MAX),
        )
        .fetch_all(&mut *connection)
        .await?;
        if rows.is_empty() {
            return Err(StoreError::NotFound);
        }
        rows.into_iter().map(Message::try_from).collect()
    }
}
