//! Deleting a message with all that follows it, and taking that back.

use chrono::{DateTime, Utc};
use openmake_types::{ConversationId, MessageId, UserId};
use sqlx::PgConnection;
use uuid::Uuid;

use super::Messages;
use crate::{
    Conflict, StoreError,
    conversations::{self, Conversation},
};

impl Messages<'_> {
    /// Deletes a message with all that follows it; it can be restored until
    /// maintenance removes it. When the branch that is shown goes, the newest
    /// one beside it is shown. Conflict: `TurnRunning`, while an answer among
    /// them is being written.
    pub async fn delete(
        &self,
        owner: UserId,
        conversation: ConversationId,
        message: MessageId,
        now: DateTime<Utc>,
    ) -> Result<Conversation, StoreError> {
        let mut tx = self.0.pool.begin().await?;
        // Turns start and end under the same lock: none begins below what is
        // being deleted.
        conversations::lock(&mut tx, owner, conversation).await?;
        let going = subtree(&mut tx, conversation, message).await?;
        if going.is_running {
            return Err(Conflict::TurnRunning.into());
        }
        let leaf = active_leaf(&mut tx, conversation).await?;
        let lost_leaf = leaf.filter(|leaf| going.ids.contains(leaf));
        sqlx::query!(
            "UPDATE conversation_messages
                SET deleted_at = $2, deleted_with = $3,
                    deleted_leaf_id = CASE WHEN id = $3 THEN $4::uuid END
              WHERE id = ANY ($1)",
            &going.ids,
            now,
            message.as_uuid(),
            lost_leaf,
        )
        .execute(&mut *tx)
        .await?;
        let leaf = match (lost_leaf, going.parent) {
            (None, _) => leaf,
            (Some(_), Some(parent)) => Some(
                conversations::newest_descendant(
                    &mut tx,
                    conversation,
                    MessageId::from_uuid(parent),
                )
                .await?,
            ),
            (Some(_), None) => newest(&mut tx, conversation).await?,
        };
        show(&mut tx, conversation, leaf).await?;
        let changed = conversations::one(&mut tx, owner, conversation).await?;
        tx.commit().await?;
        Ok(changed)
    }

    /// Restores a message with all that was deleted with it, and shows the
    /// branch that was shown before; one that is not deleted stays as it is.
    /// `NotFound` for what went with another message, or stands below one that
    /// is still deleted.
    pub async fn restore(
        &self,
        owner: UserId,
        conversation: ConversationId,
        message: MessageId,
    ) -> Result<Conversation, StoreError> {
        let mut tx = self.0.pool.begin().await?;
        conversations::lock(&mut tx, owner, conversation).await?;
        let found = sqlx::query!(
            r#"SELECT m.deleted_with, m.deleted_leaf_id,
                      (m.parent_id IS NULL
                       OR EXISTS (SELECT FROM conversation_messages p
                                   WHERE p.id = m.parent_id AND p.deleted_at IS NULL))
                          AS "is_reachable!"
                 FROM conversation_messages m
                WHERE m.id = $1 AND m.session_id = $2"#,
            message.as_uuid(),
            conversation.as_uuid(),
        )
        .fetch_one(&mut *tx)
        .await?;
        if let Some(deleted_with) = found.deleted_with {
            if deleted_with != message.as_uuid() || !found.is_reachable {
                return Err(StoreError::NotFound);
            }
            sqlx::query!(
                "UPDATE conversation_messages
                    SET deleted_at = NULL, deleted_with = NULL, deleted_leaf_id = NULL
                  WHERE session_id = $1 AND deleted_with = $2",
                conversation.as_uuid(),
                message.as_uuid(),
            )
            .execute(&mut *tx)
            .await?;
            let leaf = match found.deleted_leaf_id {
                Some(leaf) => Some(leaf),
                None => active_leaf(&mut tx, conversation).await?,
            };
            show(&mut tx, conversation, leaf).await?;
        }
        let restored = conversations::one(&mut tx, owner, conversation).await?;
        tx.commit().await?;
        Ok(restored)
    }
}

/// A message with all that follows it and is not deleted.
struct Subtree {
    ids: Vec<Uuid>,
    /// What the first of them follows.
    parent: Option<Uuid>,
    /// Whether an answer among them is being written.
    is_running: bool,
}

async fn subtree(
    connection: &mut PgConnection,
    conversation: ConversationId,
    message: MessageId,
) -> Result<Subtree, StoreError> {
    let rows = sqlx::query!(
        r#"WITH RECURSIVE below AS (
               SELECT m.id, m.parent_id, m.status FROM conversation_messages m
                WHERE m.id = $1 AND m.session_id = $2 AND m.deleted_at IS NULL
               UNION ALL
               SELECT m.id, m.parent_id, m.status
                 FROM conversation_messages m JOIN below ON m.parent_id = below.id
                WHERE m.deleted_at IS NULL
           )
           SELECT id AS "id!", parent_id, status AS "status!" FROM below"#,
        message.as_uuid(),
        conversation.as_uuid(),
    )
    .fetch_all(connection)
    .await?;
    let first = rows.iter().find(|row| row.id == message.as_uuid());
    let parent = first.ok_or(StoreError::NotFound)?.parent_id;
    Ok(Subtree {
        parent,
        is_running: rows.iter().any(|row| row.status == "running"),
        ids: rows.into_iter().map(|row| row.id).collect(),
    })
}

pub(super) async fn active_leaf(
    connection: &mut PgConnection,
    conversation: ConversationId,
) -> Result<Option<Uuid>, StoreError> {
    Ok(sqlx::query_scalar!(
        "SELECT active_leaf_id FROM conversation_sessions WHERE id = $1",
        conversation.as_uuid(),
    )
    .fetch_one(connection)
    .await?)
}

/// The newest message of all, which is a leaf.
pub(super) async fn newest(
    connection: &mut PgConnection,
    conversation: ConversationId,
) -> Result<Option<Uuid>, StoreError> {
    Ok(sqlx::query_scalar!(
        "SELECT id FROM conversation_messages
          WHERE session_id = $1 AND deleted_at IS NULL
          ORDER BY created_at DESC, id DESC LIMIT 1",
        conversation.as_uuid(),
    )
    .fetch_optional(connection)
    .await?)
}

async fn show(
    connection: &mut PgConnection,
    conversation: ConversationId,
    leaf: Option<Uuid>,
) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE conversation_sessions SET active_leaf_id = $2, version = version + 1
          WHERE id = $1",
        conversation.as_uuid(),
        leaf,
    )
    .execute(connection)
    .await?;
    Ok(())
}
