//! Turns that were asked for through `/v1/responses` (`responses`). The row is
//! written with the turn, by [`crate::turns::Turns::start`].

use openmake_types::{ConversationId, TurnId, UserId};
use serde_json::Value;

use crate::{Store, StoreError};

/// What deleting a response came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeletedResponse {
    /// The conversation that it was in.
    pub conversation: ConversationId,
    /// How many other responses there are in it.
    pub left: i64,
}

/// Responses.
#[derive(Debug, Clone, Copy)]
pub struct Responses<'a>(&'a Store);

impl Store {
    /// Responses.
    pub const fn responses(&self) -> Responses<'_> {
        Responses(self)
    }
}

impl Responses<'_> {
    /// What a response repeats of its request. `NotFound` where the turn is not
    /// the owner's, was not asked for as a response, or was deleted as one.
    pub async fn request(&self, owner: UserId, turn: TurnId) -> Result<Value, StoreError> {
        let request = sqlx::query_scalar!(
            "SELECT r.request
               FROM responses r
               JOIN turns t ON t.id = r.turn_id
               JOIN conversation_sessions c ON c.id = t.session_id
              WHERE r.turn_id = $1 AND t.user_id = $2 AND c.deleted_at IS NULL",
            turn.as_uuid(),
            owner.as_uuid(),
        )
        .fetch_one(&self.0.pool)
        .await?;
        Ok(request)
    }

    /// Forgets that a turn is a response; the turn stays in its conversation.
    pub async fn delete(&self, owner: UserId, turn: TurnId) -> Result<DeletedResponse, StoreError> {
        let mut tx = self.0.pool.begin().await?;
        let conversation = sqlx::query_scalar!(
            "DELETE FROM responses r USING turns t
              WHERE t.id = r.turn_id AND r.turn_id = $1 AND t.user_id = $2
             RETURNING t.session_id",
            turn.as_uuid(),
            owner.as_uuid(),
        )
        .fetch_one(&mut *tx)
        .await?;
        let left = sqlx::query_scalar!(
            r#"SELECT count(*) AS "left!"
                 FROM responses r JOIN turns t ON t.id = r.turn_id
                WHERE t.session_id = $1"#,
            conversation,
        )
        .fetch_one(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(DeletedResponse {
            conversation: ConversationId::from_uuid(conversation),
            left,
        })
    }
}
