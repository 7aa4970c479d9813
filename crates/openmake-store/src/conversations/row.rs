//! Rows of `conversation_sessions`, with the turns that run in them.

use chrono::{DateTime, Utc};
use openmake_types::{ConversationId, MessageId, TurnId, UserId};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Conversation, TitleSource};
use crate::StoreError;

struct Row {
    id: Uuid,
    user_id: Uuid,
    title: String,
    title_source: String,
    model: Option<String>,
    thinking: Option<String>,
    temperature: Option<f64>,
    instructions: Option<String>,
    active_leaf_id: Option<Uuid>,
    pinned_at: Option<DateTime<Utc>>,
    archived_at: Option<DateTime<Utc>>,
    deleted_at: Option<DateTime<Utc>>,
    is_temporary: bool,
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    running: Vec<Uuid>,
    writing: Vec<Uuid>,
}

impl TryFrom<Row> for Conversation {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let title_source = match row.title_source.as_str() {
            "none" => TitleSource::None,
            "model" => TitleSource::Model,
            "user" => TitleSource::User,
            other => {
                return Err(StoreError::corrupt(
                    "conversation_sessions.title_source",
                    other,
                ));
            }
        };
        let turns = row.running.into_iter().map(TurnId::from_uuid);
        Ok(Self {
            id: ConversationId::from_uuid(row.id),
            owner: UserId::from_uuid(row.user_id),
            title: row.title,
            title_source,
            model: row.model,
            thinking: row.thinking,
            temperature: row.temperature,
            instructions: row.instructions,
            pinned_at: row.pinned_at,
            archived_at: row.archived_at,
            deleted_at: row.deleted_at,
            is_temporary: row.is_temporary,
            active_leaf_id: row.active_leaf_id.map(MessageId::from_uuid),
            running_turns: turns
                .zip(row.writing.into_iter().map(MessageId::from_uuid))
                .collect(),
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

/// The owner's conversations among `ids`, deleted ones too, in their order.
pub(crate) async fn read(
    connection: &mut PgConnection,
    owner: UserId,
    ids: &[Uuid],
) -> Result<Vec<Conversation>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT c.id, c.user_id, c.title, c.title_source, c.model, c.active_leaf_id, c.pinned_at,
                  c.archived_at, c.deleted_at, c.is_temporary, c.version, c.created_at, c.updated_at,
                  c.thinking, c.temperature, c.instructions,
                  coalesce(r.running, '{}') AS "running!", coalesce(r.writing, '{}') AS "writing!"
             FROM unnest($1::uuid[]) WITH ORDINALITY AS wanted (id, place)
             JOIN conversation_sessions c ON c.id = wanted.id
             LEFT JOIN LATERAL (
                 SELECT array_agg(t.id ORDER BY t.created_at, t.id) AS running,
                        array_agg(t.assistant_message_id ORDER BY t.created_at, t.id) AS writing
                   FROM turns t WHERE t.session_id = c.id AND t.status = 'running'
             ) r ON true
            WHERE c.user_id = $2
            ORDER BY wanted.place"#,
        ids,
        owner.as_uuid(),
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(Conversation::try_from).collect()
}
