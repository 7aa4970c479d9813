//! What is removed for good when its time is over.

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{Store, StoreError};

/// How many conversations or guests go in one transaction.
const BATCH: i64 = 50;
/// How many sessions do.
const SESSION_BATCH: i64 = 1000;

/// What went with conversations.
#[derive(Default)]
pub(super) struct Removed {
    pub(super) conversations: u64,
    pub(super) messages: u64,
    pub(super) blobs: u64,
}

/// Removes conversations that were deleted before `cut`, with their messages,
/// turns and the images that no other message shows.
pub(super) async fn conversations(
    store: &Store,
    cut: DateTime<Utc>,
) -> Result<Removed, StoreError> {
    let mut removed = Removed::default();
    loop {
        let mut tx = store.pool.begin().await?;
        let ids = sqlx::query_scalar!(
            "SELECT id FROM conversation_sessions WHERE deleted_at < $1
              ORDER BY deleted_at LIMIT $2 FOR UPDATE SKIP LOCKED",
            cut,
            BATCH,
        )
        .fetch_all(&mut *tx)
        .await?;
        if ids.is_empty() {
            return Ok(removed);
        }
        let blobs = attached(&mut tx, &ids).await?;
        sqlx::query!(
            "DELETE FROM conversation_sessions WHERE id = ANY ($1)",
            &ids
        )
        .execute(&mut *tx)
        .await?;
        let unused = remove_unused(&mut tx, &blobs).await?;
        tx.commit().await?;
        removed.conversations += ids.len() as u64;
        removed.blobs += unused;
    }
}

/// Removes messages that were deleted before `cut`, each with all that followed
/// it (which is deleted too, and by the same cut), and the images that no other
/// message shows.
pub(super) async fn messages(store: &Store, cut: DateTime<Utc>) -> Result<Removed, StoreError> {
    let mut removed = Removed::default();
    loop {
        let mut tx = store.pool.begin().await?;
        let ids = sqlx::query_scalar!(
            "SELECT id FROM conversation_messages
              WHERE deleted_with = id AND deleted_at < $1
              ORDER BY deleted_at LIMIT $2 FOR UPDATE SKIP LOCKED",
            cut,
            BATCH,
        )
        .fetch_all(&mut *tx)
        .await?;
        if ids.is_empty() {
            return Ok(removed);
        }
        let blobs = attached_below(&mut tx, &ids).await?;
        sqlx::query!(
            "DELETE FROM conversation_messages WHERE id = ANY ($1)",
            &ids
        )
        .execute(&mut *tx)
        .await?;
        let unused = remove_unused(&mut tx, &blobs).await?;
        tx.commit().await?;
        removed.messages += ids.len() as u64;
        removed.blobs += unused;
    }
}

async fn attached_below(
    connection: &mut PgConnection,
    messages: &[Uuid],
) -> Result<Vec<Uuid>, StoreError> {
    Ok(sqlx::query_scalar!(
        r#"WITH RECURSIVE below AS (
               SELECT id, attachments FROM conversation_messages WHERE id = ANY ($1)
               UNION ALL
               SELECT m.id, m.attachments
                 FROM conversation_messages m JOIN below ON m.parent_id = below.id
           )
           SELECT DISTINCT (a.part ->> 'blob')::uuid AS "blob!"
             FROM below m, jsonb_array_elements(m.attachments) AS a (part)
            WHERE m.attachments <> '[]' AND a.part ? 'blob'"#,
        messages,
    )
    .fetch_all(connection)
    .await?)
}

async fn attached(
    connection: &mut PgConnection,
    conversations: &[Uuid],
) -> Result<Vec<Uuid>, StoreError> {
    Ok(sqlx::query_scalar!(
        r#"SELECT DISTINCT (a.part ->> 'blob')::uuid AS "blob!"
             FROM conversation_messages m, jsonb_array_elements(m.attachments) AS a (part)
            WHERE m.session_id = ANY ($1) AND m.attachments <> '[]' AND a.part ? 'blob'"#,
        conversations,
    )
    .fetch_all(connection)
    .await?)
}

/// Removes those of `blobs` that no message of their owner shows.
async fn remove_unused(connection: &mut PgConnection, blobs: &[Uuid]) -> Result<u64, StoreError> {
    if blobs.is_empty() {
        return Ok(0);
    }
    // A turn that starts with one of them holds a lock on it until its message
    // is there. Locked in a statement of its own, so that the next one sees
    // what was waited for.
    let locked = sqlx::query_scalar!(
        "SELECT id FROM blobs WHERE id = ANY ($1) ORDER BY id FOR UPDATE",
        blobs,
    )
    .fetch_all(&mut *connection)
    .await?;
    let removed = sqlx::query!(
        "DELETE FROM blobs b
          WHERE b.id = ANY ($1)
            AND NOT EXISTS (
                SELECT FROM conversation_sessions c
                  JOIN conversation_messages m ON m.session_id = c.id
                 WHERE c.user_id = b.user_id AND m.attachments <> '[]'
                   AND m.attachments @> jsonb_build_array(jsonb_build_object('blob', b.id)))",
        &locked,
    )
    .execute(connection)
    .await?;
    Ok(removed.rows_affected())
}

/// Removes guests that gave no sign of life since `cut`, with all that is
/// theirs.
pub(super) async fn guests(store: &Store, cut: DateTime<Utc>) -> Result<u64, StoreError> {
    let mut removed = 0;
    loop {
        let batch = sqlx::query!(
            "WITH gone AS MATERIALIZED (
                 SELECT u.id FROM users u
                  WHERE u.role = 'guest' AND u.created_at < $1
                    AND coalesce(u.last_login, u.created_at) < $1
                    AND NOT EXISTS (SELECT FROM sessions s
                                     WHERE s.user_id = u.id AND s.last_seen_at >= $1)
                    AND NOT EXISTS (SELECT FROM conversation_sessions c
                                     WHERE c.user_id = u.id AND c.updated_at >= $1)
                  LIMIT $2 FOR UPDATE SKIP LOCKED
             )
             DELETE FROM users u USING gone WHERE u.id = gone.id",
            cut,
            BATCH,
        )
        .execute(&store.pool)
        .await?
        .rows_affected();
        if batch == 0 {
            return Ok(removed);
        }
        removed += batch;
    }
}

/// Removes sessions that ended, or that nobody renewed, before `cut`.
pub(super) async fn sessions(store: &Store, cut: DateTime<Utc>) -> Result<u64, StoreError> {
    let mut removed = 0;
    loop {
        let batch = sqlx::query!(
            "WITH gone AS MATERIALIZED (
                 SELECT id FROM sessions WHERE ended_at < $1 OR expires_at < $1
                  LIMIT $2 FOR UPDATE SKIP LOCKED
             )
             DELETE FROM sessions s USING gone WHERE s.id = gone.id",
            cut,
            SESSION_BATCH,
        )
        .execute(&store.pool)
        .await?
        .rows_affected();
        if batch == 0 {
            return Ok(removed);
        }
        removed += batch;
    }
}

/// Removes keys that were taken back before `cut`. What was used with them
/// stays.
pub(super) async fn api_keys(store: &Store, cut: DateTime<Utc>) -> Result<u64, StoreError> {
    let removed = sqlx::query!("DELETE FROM api_keys WHERE revoked_at < $1", cut)
        .execute(&store.pool)
        .await?;
    Ok(removed.rows_affected())
}

/// Forgets failed sign-ins that are older than `kept` and lock nothing at
/// `now`: who tries from many addresses leaves a row for each.
pub(super) async fn throttles(
    store: &Store,
    now: DateTime<Utc>,
    kept: TimeDelta,
) -> Result<u64, StoreError> {
    let mut removed = 0;
    loop {
        let batch = sqlx::query!(
            "WITH gone AS MATERIALIZED (
                 SELECT key FROM sign_in_throttle
                  WHERE last_failure_at < $1 AND locked_until < $2
                  LIMIT $3 FOR UPDATE SKIP LOCKED
             )
             DELETE FROM sign_in_throttle t USING gone WHERE t.key = gone.key",
            now - kept,
            now,
            SESSION_BATCH,
        )
        .execute(&store.pool)
        .await?
        .rows_affected();
        if batch == 0 {
            return Ok(removed);
        }
        removed += batch;
    }
}
