//! Two answers to one question that are compared. The second names the first
//! (`beside_id`), and says whether the comparison is still open (`comparing`).

use openmake_types::{MessageId, TurnId};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Ask, StartTurn, Turn};
use crate::StoreError;

/// What a new answer is to the branch that is shown.
pub(super) enum Effect {
    /// It becomes its end.
    Leaf,
    /// It took the place of the second of two that are compared, and the
    /// conversation still goes on from the first.
    Aside,
}

/// The answer that this one is being compared with.
pub(super) async fn partner(
    connection: &mut PgConnection,
    answer: MessageId,
) -> Result<Option<Uuid>, StoreError> {
    Ok(sqlx::query_scalar!(
        r#"SELECT CASE WHEN id = $1 THEN beside_id ELSE id END AS "other!"
             FROM conversation_messages
            WHERE comparing AND beside_id IS NOT NULL AND (id = $1 OR beside_id = $1)"#,
        answer.as_uuid(),
    )
    .fetch_optional(connection)
    .await?)
}

/// What a turn that was just stored does to a comparison: another answer takes
/// the place of the one that it was asked again for, and whatever goes on from
/// one of the two decides for it.
pub(super) async fn effect(
    connection: &mut PgConnection,
    start: &StartTurn,
    turn: &Turn,
) -> Result<Effect, StoreError> {
    match &start.ask {
        Ask::Again(earlier) => take_place(connection, *earlier, turn.assistant_message_id).await,
        Ask::Question { message_id, .. } => {
            close_above(connection, message_id.as_uuid()).await?;
            Ok(Effect::Leaf)
        }
        Ask::Continue(_) => {
            close_above(connection, turn.assistant_message_id.as_uuid()).await?;
            Ok(Effect::Leaf)
        }
    }
}

/// Closes the comparison of an answer, if there is one.
pub(crate) async fn close(connection: &mut PgConnection, answer: Uuid) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE conversation_messages SET comparing = false
          WHERE comparing AND (id = $1 OR beside_id = $1)",
        answer,
    )
    .execute(connection)
    .await?;
    Ok(())
}

async fn close_above(connection: &mut PgConnection, message: Uuid) -> Result<(), StoreError> {
    let parent = sqlx::query_scalar!(
        "SELECT parent_id FROM conversation_messages WHERE id = $1",
        message,
    )
    .fetch_one(&mut *connection)
    .await?;
    match parent {
        None => Ok(()),
        Some(parent) => close(connection, parent).await,
    }
}

async fn take_place(
    connection: &mut PgConnection,
    earlier: TurnId,
    answer: MessageId,
) -> Result<Effect, StoreError> {
    let old = sqlx::query!(
        "SELECT m.id, m.beside_id, m.comparing
           FROM turns t JOIN conversation_messages m ON m.id = t.assistant_message_id
          WHERE t.id = $1",
        earlier.as_uuid(),
    )
    .fetch_one(&mut *connection)
    .await?;
    if let (true, Some(first)) = (old.comparing, old.beside_id) {
        sqlx::query!(
            "UPDATE conversation_messages
                SET comparing = id = $2,
                    beside_id = CASE WHEN id = $2 THEN $3 ELSE beside_id END
              WHERE id IN ($1, $2)",
            old.id,
            answer.as_uuid(),
            first,
        )
        .execute(connection)
        .await?;
        return Ok(Effect::Aside);
    }
    sqlx::query!(
        "UPDATE conversation_messages SET beside_id = $2 WHERE comparing AND beside_id = $1",
        old.id,
        answer.as_uuid(),
    )
    .execute(connection)
    .await?;
    Ok(Effect::Leaf)
}
