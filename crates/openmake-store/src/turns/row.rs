//! A turn as it is stored.

use chrono::{DateTime, Utc};
use openmake_types::{ConversationId, MessageId, ProcessId, TurnId, TurnStatus, UserId};
use sqlx::PgConnection;
use uuid::Uuid;

use super::Turn;
use crate::{
    StoreError,
    error::parsed,
    messages::{StoredError, StoredMetrics},
};

/// A row of `turns` with the metrics of its answer.
pub(super) struct Row {
    id: Uuid,
    session_id: Uuid,
    user_id: Uuid,
    user_message_id: Uuid,
    assistant_message_id: Uuid,
    continues_message_id: Option<Uuid>,
    status: String,
    requested_model: String,
    thinking: Option<String>,
    model: Option<String>,
    owner_process: Uuid,
    epoch: i64,
    last_seq: i64,
    error_code: Option<String>,
    error_detail: Option<String>,
    error_hint: Option<String>,
    created_at: DateTime<Utc>,
    finished_at: Option<DateTime<Utc>>,
    input_tokens: Option<i64>,
    tokens: Option<i64>,
    tokens_estimated: bool,
    first_token_ms: Option<i64>,
    response_time_ms: Option<i64>,
    tokens_per_second: Option<f64>,
}

/// Selects [`Row`]s of `turns t`; the text goes on behind `FROM`.
macro_rules! select_turns {
    ($rest:tt $(, $argument:expr)* $(,)?) => {
        sqlx::query_as!(
            Row,
            "SELECT t.id, t.session_id, t.user_id, t.user_message_id, t.assistant_message_id,
                    t.continues_message_id, t.status, t.requested_model, t.thinking, t.model,
                    t.owner_process, t.epoch, t.last_seq, t.error_code, t.error_detail,
                    t.error_hint, t.created_at, t.finished_at, m.input_tokens, m.tokens,
                    m.tokens_estimated, m.first_token_ms, m.response_time_ms, m.tokens_per_second
               FROM turns t JOIN conversation_messages m ON m.id = t.assistant_message_id "
                + $rest
            $(, $argument)*
        )
    };
}

/// An owner's turn.
pub(super) async fn read(
    connection: &mut PgConnection,
    owner: UserId,
    id: TurnId,
) -> Result<Turn, StoreError> {
    select_turns!(
        "WHERE t.id = $1 AND t.user_id = $2",
        id.as_uuid(),
        owner.as_uuid(),
    )
    .fetch_one(connection)
    .await?
    .try_into()
}

/// The turn that an owner started with this key, and the hash of what was
/// asked then.
pub(super) async fn lookup_by_key(
    connection: &mut PgConnection,
    owner: UserId,
    key: &str,
) -> Result<Option<(Turn, Vec<u8>)>, StoreError> {
    let Some(found) = sqlx::query!(
        "SELECT id, request_hash FROM turns WHERE user_id = $1 AND idempotency_key = $2",
        owner.as_uuid(),
        key,
    )
    .fetch_optional(&mut *connection)
    .await?
    else {
        return Ok(None);
    };
    let turn = read(connection, owner, TurnId::from_uuid(found.id)).await?;
    Ok(Some((turn, found.request_hash.unwrap_or_default())))
}

/// The turn that was started beside this one.
pub(super) async fn beside(
    connection: &mut PgConnection,
    turn: &Turn,
) -> Result<Option<Turn>, StoreError> {
    // One that took the place of the first such answer came later.
    let row = select_turns!(
        "WHERE m.beside_id = $1 AND t.user_id = $2 ORDER BY t.created_at, t.id LIMIT 1",
        turn.assistant_message_id.as_uuid(),
        turn.owner.as_uuid(),
    )
    .fetch_optional(connection)
    .await?;
    row.map(Turn::try_from).transpose()
}

/// Turns that the caller has claimed.
pub(super) async fn read_many(
    connection: &mut PgConnection,
    ids: &[Uuid],
) -> Result<Vec<Turn>, StoreError> {
    let rows = select_turns!("WHERE t.id = ANY ($1) ORDER BY t.created_at, t.id", ids)
        .fetch_all(connection)
        .await?;
    rows.into_iter().map(Turn::try_from).collect()
}

impl TryFrom<Row> for Turn {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let status: TurnStatus = parsed("status", &row.status)?;
        let metrics = row
            .input_tokens
            .filter(|_| status != TurnStatus::Running)
            .map(|input_tokens| StoredMetrics {
                input_tokens,
                output_tokens: row.tokens.unwrap_or(0),
                estimated: row.tokens_estimated,
                first_token_ms: row.first_token_ms,
                response_time_ms: row.response_time_ms,
                tokens_per_second: row.tokens_per_second,
            });
        Ok(Self {
            id: TurnId::from_uuid(row.id),
            conversation_id: ConversationId::from_uuid(row.session_id),
            owner: UserId::from_uuid(row.user_id),
            user_message_id: MessageId::from_uuid(row.user_message_id),
            assistant_message_id: MessageId::from_uuid(row.assistant_message_id),
            continues_message_id: row.continues_message_id.map(MessageId::from_uuid),
            status,
            requested_model: row.requested_model,
            thinking: row.thinking,
            model: row.model,
            owner_process: ProcessId::from_uuid(row.owner_process),
            epoch: row.epoch,
            last_seq: seq_from_column(row.last_seq)?,
            error: StoredError::from_columns(row.error_code, row.error_detail, row.error_hint),
            metrics,
            created_at: row.created_at,
            finished_at: row.finished_at,
        })
    }
}

/// An event's number as the column counts.
pub(super) fn seq_to_column(seq: u64) -> i64 {
    i64::try_from(seq).unwrap_or(i64::MAX)
}

/// An event's number as the program counts.
pub(super) fn seq_from_column(seq: i64) -> Result<u64, StoreError> {
    u64::try_from(seq).map_err(|_| StoreError::corrupt("seq", seq))
}
