//! What a turn's log says besides texts, for the message that outlives it.

use openmake_types::TurnId;
use sqlx::PgConnection;

use crate::StoreError;

/// What a turn's log says besides texts.
pub(super) struct Outline {
    /// How long the model thought.
    pub(super) thinking_ms: Option<i64>,
    /// Why the model stopped.
    pub(super) finish_reason: Option<String>,
    /// How many messages did not fit into the model's context.
    pub(super) cut_messages: Option<i64>,
    /// About how many tokens they had.
    pub(super) cut_tokens: Option<i64>,
}

/// Reads the outline of a log that is complete.
///
/// Thinking takes from each of its pieces to whatever comes next: so waiting
/// for the first piece does not count, and thinking again after a tool does.
/// Neither does the time until somebody noticed that the process had died.
pub(super) async fn read(
    connection: &mut PgConnection,
    turn: TurnId,
) -> Result<Outline, StoreError> {
    Ok(sqlx::query_as!(
        Outline,
        r#"WITH log AS (
               SELECT e.type, e.data, e.created_at,
                      lead(e.type) OVER (ORDER BY e.seq) AS next_type,
                      lead(e.created_at) OVER (ORDER BY e.seq) AS next_at
                 FROM turns t
                 JOIN turn_events e ON e.log_day = t.log_day AND e.turn_id = t.id
                WHERE t.id = $1
           )
           SELECT (1000 * extract(epoch FROM sum(CASE
                       WHEN next_at > created_at AND next_type <> 'turn.interrupted'
                       THEN next_at - created_at ELSE '0'::interval END)
                       FILTER (WHERE type = 'thinking.delta')))::bigint AS thinking_ms,
                  max(data ->> 'finish_reason')
                      FILTER (WHERE type = 'turn.completed') AS finish_reason,
                  max((data ->> 'messages')::bigint)
                      FILTER (WHERE type = 'context.cut') AS cut_messages,
                  max((data ->> 'tokens')::bigint)
                      FILTER (WHERE type = 'context.cut') AS cut_tokens
             FROM log"#,
        turn.as_uuid(),
    )
    .fetch_one(connection)
    .await?)
}
