//! The branch that is shown, read from its end.

use openmake_types::{ConversationId, MessageId, UserId};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Message, Messages, Row, subtree};
use crate::{Position, Rows, StoreError, conversations, database::MAX_PAGE};

/// Which part of the branch that is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShownPart {
    /// It ends before this message of the branch; without one, at its end.
    pub before: Option<MessageId>,
    /// How many messages, at least 1.
    pub limit: u32,
}

impl Messages<'_> {
    /// A part of the branch that is shown, oldest first; the part above it ends
    /// before [`Rows::next`]. With each message come its other versions, which
    /// follow the same message; they do not count towards the limit. `NotFound`
    /// also when the message that the part is to end before is gone.
    pub async fn shown(
        &self,
        owner: UserId,
        conversation: ConversationId,
        part: ShownPart,
    ) -> Result<Rows<Message>, StoreError> {
        let mut connection = self.0.pool.acquire().await?;
        conversations::require(&mut connection, owner, conversation).await?;
        let end = match part.before {
            Some(message) => parent(&mut connection, conversation, message).await?,
            None => match subtree::active_leaf(&mut connection, conversation).await? {
                Some(leaf) => Some(leaf),
                None => subtree::newest(&mut connection, conversation).await?,
            },
        };
        let Some(end) = end else {
            return Ok(Rows {
                items: Vec::new(),
                next: None,
            });
        };
        let branch = upwards(&mut connection, conversation, end, part.limit).await?;
        let top = branch.last().copied();
        let items = with_versions(&mut connection, conversation, &branch).await?;
        let top = top.and_then(|(id, parent)| parent.map(|_| MessageId::from_uuid(id)));
        let next = items.iter().find(|message| Some(message.id) == top);
        let next = next.map(|message| Position {
            at: message.created_at,
            id: message.id.as_uuid(),
        });
        Ok(Rows { items, next })
    }
}

async fn parent(
    connection: &mut PgConnection,
    conversation: ConversationId,
    message: MessageId,
) -> Result<Option<Uuid>, StoreError> {
    Ok(sqlx::query_scalar!(
        "SELECT parent_id FROM conversation_messages
          WHERE id = $1 AND session_id = $2 AND deleted_at IS NULL",
        message.as_uuid(),
        conversation.as_uuid(),
    )
    .fetch_one(connection)
    .await?)
}

/// A message and what it follows, upwards: ids with their parents'.
async fn upwards(
    connection: &mut PgConnection,
    conversation: ConversationId,
    from: Uuid,
    limit: u32,
) -> Result<Vec<(Uuid, Option<Uuid>)>, StoreError> {
    let rows = sqlx::query!(
        r#"WITH RECURSIVE branch AS (
               SELECT id, parent_id, 1 AS depth FROM conversation_messages
                WHERE id = $2 AND session_id = $1 AND deleted_at IS NULL
               UNION ALL
               SELECT m.id, m.parent_id, b.depth + 1
                 FROM conversation_messages m JOIN branch b ON m.id = b.parent_id
                WHERE b.depth < $3
           )
           SELECT id AS "id!", parent_id FROM branch ORDER BY depth"#,
        conversation.as_uuid(),
        from,
        i32::try_from(limit.clamp(1, MAX_PAGE)).unwrap_or(i32::MAX),
    )
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.id, row.parent_id))
        .collect())
}

/// Messages with all that follow what they follow, oldest first.
async fn with_versions(
    connection: &mut PgConnection,
    conversation: ConversationId,
    branch: &[(Uuid, Option<Uuid>)],
) -> Result<Vec<Message>, StoreError> {
    let ids: Vec<Uuid> = branch.iter().map(|(id, _)| *id).collect();
    let parents: Vec<Uuid> = branch.iter().filter_map(|(_, parent)| *parent).collect();
    let begins = parents.len() < ids.len();
    let rows = sqlx::query_as!(
        Row,
        "SELECT id, parent_id, turn_id, role, content, attachments, thinking, tool_calls, model,
                agent_id, status, error_code, error_detail, error_hint, input_tokens, tokens,
                tokens_estimated, first_token_ms, response_time_ms, tokens_per_second,
                finish_reason, thinking_ms, cut_messages, cut_tokens, created_at
           FROM conversation_messages
          WHERE id IN (
                    SELECT unnest($2::uuid[])
                    UNION
                    SELECT id FROM conversation_messages WHERE parent_id = ANY ($3)
                    UNION
                    SELECT id FROM conversation_messages
                     WHERE $4 AND session_id = $1 AND parent_id IS NULL)
            AND session_id = $1 AND deleted_at IS NULL
          ORDER BY created_at, id",
        conversation.as_uuid(),
        &ids,
        &parents,
        begins,
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(Message::try_from).collect()
}
