//! What a guest made becomes an account's.

use openmake_types::UserId;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::StoreError;

/// Moves everything of `guest` to `to` and removes the guest. False when there
/// is no such guest; then nothing was changed. `NotFound` when `to` is nobody,
/// or a guest too.
pub(super) async fn claim(
    connection: &mut PgConnection,
    guest: UserId,
    to: UserId,
) -> Result<bool, StoreError> {
    let (guest, to) = (guest.as_uuid(), to.as_uuid());
    // Whatever refers to the guest from now on waits here, and then finds that
    // there is no such account.
    let locked = sqlx::query_scalar!(
        "SELECT id FROM users WHERE id = $1 AND role = 'guest' FOR UPDATE",
        guest,
    )
    .fetch_optional(&mut *connection)
    .await?;
    if locked.is_none() {
        return Ok(false);
    }
    sqlx::query_scalar!(
        "SELECT id FROM users WHERE id = $1 AND role <> 'guest' FOR SHARE",
        to,
    )
    .fetch_one(&mut *connection)
    .await?;
    move_conversations(connection, guest, to).await?;
    move_blobs(connection, guest, to).await?;
    move_turns(connection, guest, to).await?;
    move_usage(connection, guest, to).await?;
    end_sessions(connection, guest, to).await?;
    sqlx::query!("DELETE FROM users WHERE id = $1", guest)
        .execute(connection)
        .await?;
    Ok(true)
}

/// A claimed conversation is one like any other, no longer a temporary one.
async fn move_conversations(
    connection: &mut PgConnection,
    guest: Uuid,
    to: Uuid,
) -> Result<(), StoreError> {
    // The owner is among the words that are indexed, so they are taken back;
    // maintenance indexes anew.
    sqlx::query!(
        "UPDATE message_search s SET tokenizer = 0, words = ''
           FROM conversation_sessions c
          WHERE c.id = s.session_id AND c.user_id = $1",
        guest,
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "UPDATE conversation_search s SET tokenizer = 0, words = ''
           FROM conversation_sessions c
          WHERE c.id = s.session_id AND c.user_id = $1",
        guest,
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "UPDATE conversation_sessions
            SET user_id = $2, is_temporary = false, version = version + 1
          WHERE user_id = $1",
        guest,
        to,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Of bytes that both have, the account's stay, and the messages that came
/// with the conversations refer to those.
async fn move_blobs(
    connection: &mut PgConnection,
    guest: Uuid,
    to: Uuid,
) -> Result<(), StoreError> {
    sqlx::query!(
        "WITH same AS (
             SELECT mine.id::text AS dropped, theirs.id AS kept
               FROM blobs mine JOIN blobs theirs ON theirs.sha256 = mine.sha256
              WHERE mine.user_id = $1 AND theirs.user_id = $2
         )
         UPDATE conversation_messages m
            SET attachments = (
                SELECT jsonb_agg(
                           CASE WHEN same.kept IS NULL THEN a.part
                                ELSE jsonb_set(a.part, '{blob}', to_jsonb(same.kept)) END
                           ORDER BY a.place)
                  FROM jsonb_array_elements(m.attachments) WITH ORDINALITY AS a (part, place)
                  LEFT JOIN same ON same.dropped = a.part ->> 'blob')
           FROM conversation_sessions c
          WHERE c.id = m.session_id AND c.user_id = $2
            AND EXISTS (SELECT FROM jsonb_array_elements(m.attachments) AS a (part)
                          JOIN same ON same.dropped = a.part ->> 'blob')",
        guest,
        to,
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "DELETE FROM blobs mine USING blobs theirs
          WHERE mine.user_id = $1 AND theirs.user_id = $2 AND theirs.sha256 = mine.sha256",
        guest,
        to,
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "UPDATE blobs SET user_id = $2 WHERE user_id = $1",
        guest,
        to
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// A key that both used stays the account's.
async fn move_turns(
    connection: &mut PgConnection,
    guest: Uuid,
    to: Uuid,
) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE turns t
            SET user_id = $2,
                idempotency_key = CASE
                    WHEN EXISTS (SELECT FROM turns other
                                  WHERE other.user_id = $2
                                    AND other.idempotency_key = t.idempotency_key)
                    THEN NULL ELSE t.idempotency_key END
          WHERE t.user_id = $1",
        guest,
        to,
    )
    .execute(connection)
    .await?;
    Ok(())
}

async fn move_usage(
    connection: &mut PgConnection,
    guest: Uuid,
    to: Uuid,
) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO api_usage AS mine (date, user_id, api_key_id, model, requests, errors,
                                        input_tokens, output_tokens)
         SELECT date, $2, api_key_id, model, requests, errors, input_tokens, output_tokens
           FROM api_usage WHERE user_id = $1
             ON CONFLICT (user_id, date, api_key_id, model) DO UPDATE
            SET requests = mine.requests + excluded.requests,
                errors = mine.errors + excluded.errors,
                input_tokens = mine.input_tokens + excluded.input_tokens,
                output_tokens = mine.output_tokens + excluded.output_tokens",
        guest,
        to,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The guest's sessions are kept, ended, under the account: removed with the
/// guest they would not be among the changes that the processes ask for, and
/// their access tokens would be good for as long as someone remembers them.
async fn end_sessions(
    connection: &mut PgConnection,
    guest: Uuid,
    to: Uuid,
) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE sessions
            SET user_id = $2,
                ended_at = coalesce(ended_at, clock_timestamp()),
                ended_reason = coalesce(ended_reason, 'account_changed')
          WHERE user_id = $1",
        guest,
        to,
    )
    .execute(connection)
    .await?;
    Ok(())
}
