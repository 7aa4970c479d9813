//! The end of a turn.

use openmake_types::{ApiKeyId, ConversationId, TurnStatus, UserId};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    FinishTurn, Turns, log,
    outline::{self, Outline},
};
use crate::{
    StoreError,
    budgets::slices::settle,
    text::{storable, storable_json, storable_option},
    usage::{self, CallOutcome, UsageRecord, counted},
};

/// A turn that the transaction has just ended.
struct Ended {
    owner: UserId,
    api_key: Option<ApiKeyId>,
    answer: Uuid,
}

impl Turns<'_> {
    /// Ends a turn: its last events, its message, its usage and itself, in one
    /// transaction. Gives the conversation's new version, or none when the turn
    /// is no longer the caller's and nothing was written. A caller that did not
    /// hear the answer may finish in the same way again.
    pub async fn finish(&self, finish: &FinishTurn) -> Result<Option<i64>, StoreError> {
        let mut tx = self.0.pool.begin().await?;
        let Some(conversation) = sqlx::query_scalar!(
            "SELECT session_id FROM turns WHERE id = $1",
            finish.turn_id.as_uuid(),
        )
        .fetch_optional(&mut *tx)
        .await?
        else {
            return Ok(None);
        };
        let conversation = ConversationId::from_uuid(conversation);
        // Before the turn: everyone who locks both does it in this order.
        sqlx::query_scalar!(
            "SELECT id FROM conversation_sessions WHERE id = $1 FOR NO KEY UPDATE",
            conversation.as_uuid(),
        )
        .fetch_optional(&mut *tx)
        .await?;
        let Some(ended) = end(&mut tx, finish).await? else {
            return ended_so(&mut tx, finish).await;
        };
        log::append_last(&mut tx, finish.turn_id, &finish.events).await?;
        let outline = outline::read(&mut tx, finish.turn_id).await?;
        write_answer(&mut tx, finish, ended.answer, &outline).await?;
        let version = sqlx::query_scalar!(
            "UPDATE conversation_sessions
                SET version = version + 1, updated_at = greatest(updated_at, $2)
              WHERE id = $1
             RETURNING version",
            conversation.as_uuid(),
            finish.now,
        )
        .fetch_one(&mut *tx)
        .await?;
        settle(&mut tx, &finish.settled).await?;
        // Nothing was used before a model was chosen.
        if let Some(model) = &finish.model {
            let record = UsageRecord {
                date: finish.now.date_naive(),
                owner: ended.owner,
                api_key: ended.api_key,
                model,
                tokens: finish.metrics.tokens,
                failed: match finish.status {
                    TurnStatus::Failed => CallOutcome::Failed,
                    _ => CallOutcome::Answered,
                },
            };
            usage::add(&mut tx, &record).await?;
        }
        tx.commit().await?;
        Ok(Some(version))
    }
}

/// Ends the row, if it is still the caller's and lacks exactly these events.
async fn end(
    connection: &mut PgConnection,
    finish: &FinishTurn,
) -> Result<Option<Ended>, StoreError> {
    let (first, last) = log::range(&finish.events).unzip();
    let error = finish.error.as_ref();
    let ended = sqlx::query!(
        "UPDATE turns
            SET status = $3, last_seq = greatest(last_seq, $5), model = $6, node = $7,
                error_code = $8, error_detail = $9, error_hint = $10, finished_at = $11
          WHERE id = $1 AND epoch = $2 AND status = 'running'
            AND ($5::bigint IS NULL OR last_seq BETWEEN $4::bigint - 1 AND $5)
         RETURNING user_id, api_key_id, assistant_message_id",
        finish.turn_id.as_uuid(),
        finish.epoch,
        finish.status.as_str(),
        first,
        last,
        storable_option(finish.model.as_deref()),
        storable_option(finish.node.as_deref()),
        storable_option(error.map(|error| error.code.as_str())),
        storable_option(error.map(|error| error.detail.as_str())),
        storable_option(error.and_then(|error| error.hint.as_deref())),
        finish.now,
    )
    .fetch_optional(connection)
    .await?;
    Ok(ended.map(|row| Ended {
        owner: UserId::from_uuid(row.user_id),
        api_key: row.api_key_id.map(ApiKeyId::from_uuid),
        answer: row.assistant_message_id,
    }))
}

/// The conversation's version, if the turn was ended by this very call before.
async fn ended_so(
    connection: &mut PgConnection,
    finish: &FinishTurn,
) -> Result<Option<i64>, StoreError> {
    let last = log::range(&finish.events).map(|range| range.1);
    Ok(sqlx::query_scalar!(
        "SELECT c.version FROM turns t JOIN conversation_sessions c ON c.id = t.session_id
          WHERE t.id = $1 AND t.epoch = $2 AND t.status = $3
            AND t.last_seq = coalesce($4, t.last_seq)",
        finish.turn_id.as_uuid(),
        finish.epoch,
        finish.status.as_str(),
        last,
    )
    .fetch_optional(connection)
    .await?)
}

/// The answer as it is to be read from now on, waiting to be indexed.
async fn write_answer(
    connection: &mut PgConnection,
    finish: &FinishTurn,
    answer: Uuid,
    outline: &Outline,
) -> Result<(), StoreError> {
    let error = finish.error.as_ref();
    let metrics = &finish.metrics;
    sqlx::query!(
        "WITH answer AS (
             UPDATE conversation_messages
                SET content = $2, thinking = $3, tool_calls = $4, model = $5, status = $6,
                    error_code = $7, error_detail = $8, error_hint = $9, input_tokens = $10,
                    tokens = $11, tokens_estimated = $12, first_token_ms = $13,
                    response_time_ms = $14, tokens_per_second = $15, finish_reason = $16,
                    thinking_ms = $17, cut_messages = $18, cut_tokens = $19
              WHERE id = $1
             RETURNING id, session_id
         )
         INSERT INTO message_search (message_id, session_id) SELECT id, session_id FROM answer
         ON CONFLICT (message_id, piece) DO UPDATE SET tokenizer = 0, words = ''",
        answer,
        &*storable(&finish.content),
        storable_option(finish.thinking.as_deref()),
        &*storable_json(&finish.tool_calls),
        storable_option(finish.model.as_deref()),
        finish.status.message_status().as_str(),
        storable_option(error.map(|error| error.code.as_str())),
        storable_option(error.map(|error| error.detail.as_str())),
        storable_option(error.and_then(|error| error.hint.as_deref())),
        counted(metrics.tokens.input),
        counted(metrics.tokens.output),
        metrics.estimated,
        metrics.first_token_ms.map(counted),
        counted(metrics.total_ms),
        metrics.tokens_per_second.filter(|rate| rate.is_finite()),
        outline.finish_reason,
        outline.thinking_ms,
        outline.cut_messages,
        outline.cut_tokens,
    )
    .execute(connection)
    .await?;
    Ok(())
}
