//! The beginning of a turn.

use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};
use openmake_types::{ApiKeyId, BlobId, MessageId, TurnId, TurnStatus, UserId};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Ask, Follows, Idempotency, StartTurn, Started, Turn, Turns, row};
use crate::{
    Conflict, StoreError,
    maintenance::partitions,
    messages::write_attachments,
    text::{storable, storable_json},
};

/// Why a transaction has to be tried again.
enum Again {
    /// The log has no partition for the turn's day yet.
    NoPartition,
    /// Another transaction used the key first.
    KeyTaken,
}

/// Where in the tree the answer goes, and what stands before it.
struct Place {
    /// The question's parent, when a question is asked.
    question_parent: Option<Uuid>,
    question: MessageId,
    answer_parent: Uuid,
    continues: Option<MessageId>,
}

impl Turns<'_> {
    /// Stores the question, the empty answer and the turn in one transaction.
    /// The answer becomes the active leaf. `NotFound` when the conversation,
    /// the message to follow, the earlier turn or an attachment is not the
    /// owner's. Conflicts: `TurnRunning` (the message to follow is being
    /// written, or the question, or the answer to continue, has an answer that
    /// is), `TurnState`, `IdempotencyMismatch`.
    pub async fn start(&self, start: &StartTurn) -> Result<Started, StoreError> {
        let day = start.now.date_naive();
        loop {
            match self.attempt(start).await? {
                Ok(started) => return Ok(started),
                Err(Again::NoPartition) => {
                    partitions::ensure(self.0, day).await?;
                }
                // The other transaction has ended, so that its turn is found.
                Err(Again::KeyTaken) => {}
            }
        }
    }

    /// Whether a turn of this owner was started with this idempotency key.
    pub async fn is_key_used(&self, owner: UserId, key: &str) -> Result<bool, StoreError> {
        Ok(sqlx::query_scalar!(
            r#"SELECT EXISTS (SELECT FROM turns
                               WHERE user_id = $1 AND idempotency_key = $2) AS "used!""#,
            owner.as_uuid(),
            &*storable(key),
        )
        .fetch_one(&self.0.pool)
        .await?)
    }

    async fn attempt(&self, start: &StartTurn) -> Result<Result<Started, Again>, StoreError> {
        let mut tx = self.0.pool.begin().await?;
        // The lock orders all starts of a conversation: the second of two that
        // follow the same leaf sees what the first made of it.
        let conversation = sqlx::query!(
            r#"SELECT active_leaf_id,
                      EXISTS (SELECT FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
                               WHERE i.inhparent = 'turn_events'::regclass
                                 AND c.relname = $3) AS "has_partition!"
                 FROM conversation_sessions
                WHERE id = $1 AND user_id = $2 AND deleted_at IS NULL
                  FOR NO KEY UPDATE"#,
            start.conversation_id.as_uuid(),
            start.owner.as_uuid(),
            partitions::name(start.now.date_naive()),
        )
        .fetch_one(&mut *tx)
        .await?;
        if let Some(key) = &start.idempotency
            && let Some(turn) = existing(&mut tx, start, key).await?
        {
            return Ok(Ok(Started::Existing(turn)));
        }
        if !conversation.has_partition {
            return Ok(Err(Again::NoPartition));
        }
        let leaf = conversation.active_leaf_id;
        let place = match &start.ask {
            Ask::Question {
                message_id,
                follows,
                attachments,
                ..
            } => {
                let parent = match follows {
                    Follows::ActiveLeaf => leaf,
                    Follows::Nothing => None,
                    Follows::Message(id) => Some(id.as_uuid()),
                };
                let blobs: Vec<BlobId> = attachments.iter().map(|one| one.blob).collect();
                require_blobs(&mut tx, start, &blobs).await?;
                require_written(&mut tx, start, parent).await?;
                Place {
                    question_parent: parent,
                    question: *message_id,
                    answer_parent: message_id.as_uuid(),
                    continues: None,
                }
            }
            Ask::Again(turn) => again(&mut tx, start, *turn).await?,
            Ask::Continue(turn) => continuation(&mut tx, start, *turn).await?,
        };
        let at = next_time(&mut tx, start).await?;
        let answered_at = insert_messages(&mut tx, start, &place, at).await?;
        let turn = turn_of(start, &place, answered_at);
        if !insert_turn(&mut tx, start, &turn).await? {
            return Ok(Err(Again::KeyTaken));
        }
        if let Some(request) = &start.response {
            sqlx::query!(
                "INSERT INTO responses (turn_id, request) VALUES ($1, $2)",
                turn.id.as_uuid(),
                &*storable_json(request),
            )
            .execute(&mut *tx)
            .await?;
        }
        let version = sqlx::query_scalar!(
            "UPDATE conversation_sessions
                SET active_leaf_id = $2, version = version + 1,
                    updated_at = greatest(updated_at, $3)
              WHERE id = $1
             RETURNING version",
            start.conversation_id.as_uuid(),
            start.assistant_message_id.as_uuid(),
            start.now,
        )
        .fetch_one(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(Ok(Started::New(turn, version)))
    }
}

/// The turn that the same key started before.
async fn existing(
    connection: &mut PgConnection,
    start: &StartTurn,
    key: &Idempotency,
) -> Result<Option<Turn>, StoreError> {
    let found = row::lookup_by_key(connection, start.owner, &storable(&key.key)).await?;
    match found {
        None => Ok(None),
        Some((turn, hash)) if hash == key.request_hash => Ok(Some(turn)),
        Some(_) => Err(Conflict::IdempotencyMismatch.into()),
    }
}

/// The question follows a message that is there, in this conversation, and
/// that nobody is writing.
async fn require_written(
    connection: &mut PgConnection,
    start: &StartTurn,
    parent: Option<Uuid>,
) -> Result<(), StoreError> {
    let Some(parent) = parent else {
        return Ok(());
    };
    let status = sqlx::query_scalar!(
        "SELECT status FROM conversation_messages
          WHERE id = $1 AND session_id = $2 AND deleted_at IS NULL",
        parent,
        start.conversation_id.as_uuid(),
    )
    .fetch_one(connection)
    .await?;
    if status == "running" {
        return Err(Conflict::TurnRunning.into());
    }
    Ok(())
}

/// Images belong to the owner. The lock keeps maintenance from removing them
/// until the message that refers to them is there.
async fn require_blobs(
    connection: &mut PgConnection,
    start: &StartTurn,
    blobs: &[BlobId],
) -> Result<(), StoreError> {
    if blobs.is_empty() {
        return Ok(());
    }
    let mut ids: Vec<Uuid> = blobs.iter().map(|blob| blob.as_uuid()).collect();
    ids.sort_unstable();
    ids.dedup();
    let locked = sqlx::query_scalar!(
        "SELECT id FROM blobs WHERE id = ANY ($1) AND user_id = $2 ORDER BY id FOR KEY SHARE",
        &ids,
        start.owner.as_uuid(),
    )
    .fetch_all(connection)
    .await?;
    if locked.len() < ids.len() {
        return Err(StoreError::NotFound);
    }
    Ok(())
}

/// A sibling of an earlier turn's answer: to the same question, or from where
/// the same answer stopped.
async fn again(
    connection: &mut PgConnection,
    start: &StartTurn,
    earlier: TurnId,
) -> Result<Place, StoreError> {
    let turn = earlier_turn(connection, start, earlier).await?;
    let place = Place {
        question_parent: None,
        question: turn.user_message_id,
        answer_parent: turn
            .continues_message_id
            .unwrap_or(turn.user_message_id)
            .as_uuid(),
        continues: turn.continues_message_id,
    };
    refuse_running_child(connection, place.answer_parent).await?;
    Ok(place)
}

/// A child of an earlier turn's answer, which it continues.
async fn continuation(
    connection: &mut PgConnection,
    start: &StartTurn,
    earlier: TurnId,
) -> Result<Place, StoreError> {
    let turn = earlier_turn(connection, start, earlier).await?;
    let answer = turn.assistant_message_id;
    match turn.status {
        TurnStatus::Interrupted | TurnStatus::Cancelled | TurnStatus::Failed => {}
        TurnStatus::Completed if is_cut(connection, answer).await? => {}
        TurnStatus::Running | TurnStatus::Completed => return Err(Conflict::TurnState.into()),
    }
    refuse_running_child(connection, answer.as_uuid()).await?;
    Ok(Place {
        question_parent: None,
        question: turn.user_message_id,
        answer_parent: answer.as_uuid(),
        continues: Some(answer),
    })
}

/// Whether an answer ended because it reached the limit of its length.
async fn is_cut(connection: &mut PgConnection, answer: MessageId) -> Result<bool, StoreError> {
    Ok(sqlx::query_scalar!(
        r#"SELECT finish_reason = 'length' AS "is_cut!" FROM conversation_messages
            WHERE id = $1 AND finish_reason IS NOT NULL"#,
        answer.as_uuid(),
    )
    .fetch_optional(connection)
    .await?
    .unwrap_or(false))
}

async fn earlier_turn(
    connection: &mut PgConnection,
    start: &StartTurn,
    earlier: TurnId,
) -> Result<Turn, StoreError> {
    let turn = row::read(connection, start.owner, earlier).await?;
    if turn.conversation_id != start.conversation_id {
        return Err(StoreError::NotFound);
    }
    Ok(turn)
}

/// One place has one answer that is being written: a second press of the same
/// button is a conflict. A place that was deleted is none.
async fn refuse_running_child(
    connection: &mut PgConnection,
    parent: Uuid,
) -> Result<(), StoreError> {
    let running = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM conversation_messages c
                           WHERE c.parent_id = m.id AND c.status = 'running') AS "running!"
             FROM conversation_messages m WHERE m.id = $1 AND m.deleted_at IS NULL"#,
        parent,
    )
    .fetch_one(connection)
    .await?;
    if running {
        return Err(Conflict::TurnRunning.into());
    }
    Ok(())
}

/// Now, but after every message that is there: clocks of several processes
/// differ, and a child must never stand before its parent.
async fn next_time(
    connection: &mut PgConnection,
    start: &StartTurn,
) -> Result<DateTime<Utc>, StoreError> {
    let newest = sqlx::query_scalar!(
        "SELECT max(created_at) FROM conversation_messages WHERE session_id = $1",
        start.conversation_id.as_uuid(),
    )
    .fetch_one(connection)
    .await?;
    // The database counts microseconds.
    let now = start.now.trunc_subsecs(6);
    Ok(newest.map_or(now, |newest| now.max(newest + TimeDelta::microseconds(1))))
}

/// The question, if one is asked, and the empty answer behind it. Gives the
/// answer's time.
async fn insert_messages(
    connection: &mut PgConnection,
    start: &StartTurn,
    place: &Place,
    at: DateTime<Utc>,
) -> Result<DateTime<Utc>, StoreError> {
    let mut answered_at = at;
    if let Ask::Question {
        message_id,
        content,
        attachments,
        ..
    } = &start.ask
    {
        sqlx::query!(
            "WITH question AS (
                 INSERT INTO conversation_messages
                     (id, session_id, parent_id, turn_id, role, content, attachments, created_at)
                 VALUES ($1, $2, $3, $4, 'user', $5, $6, $7)
                 RETURNING id, session_id
             )
             INSERT INTO message_search (message_id, session_id)
             SELECT id, session_id FROM question",
            message_id.as_uuid(),
            start.conversation_id.as_uuid(),
            place.question_parent,
            start.id.as_uuid(),
            &*storable(content),
            write_attachments(attachments),
            at,
        )
        .execute(&mut *connection)
        .await?;
        answered_at += TimeDelta::microseconds(1);
    }
    sqlx::query!(
        "INSERT INTO conversation_messages
             (id, session_id, parent_id, turn_id, role, content, status, created_at)
         VALUES ($1, $2, $3, $4, 'assistant', '', 'running', $5)",
        start.assistant_message_id.as_uuid(),
        start.conversation_id.as_uuid(),
        place.answer_parent,
        start.id.as_uuid(),
        answered_at,
    )
    .execute(connection)
    .await?;
    Ok(answered_at)
}

fn turn_of(start: &StartTurn, place: &Place, at: DateTime<Utc>) -> Turn {
    Turn {
        id: start.id,
        conversation_id: start.conversation_id,
        owner: start.owner,
        user_message_id: place.question,
        assistant_message_id: start.assistant_message_id,
        continues_message_id: place.continues,
        status: TurnStatus::Running,
        requested_model: storable(&start.requested_model).into_owned(),
        thinking: start.thinking.clone(),
        model: None,
        owner_process: start.process,
        epoch: 1,
        last_seq: 0,
        error: None,
        metrics: None,
        created_at: at,
        finished_at: None,
    }
}

/// False when another turn has the same idempotency key; of two transactions
/// that bring one at once, the second waits here for the first.
async fn insert_turn(
    connection: &mut PgConnection,
    start: &StartTurn,
    turn: &Turn,
) -> Result<bool, StoreError> {
    let (key, hash) = start.idempotency.as_ref().map_or((None, None), |key| {
        (Some(storable(&key.key)), Some(key.request_hash))
    });
    let inserted = sqlx::query!(
        "INSERT INTO turns (id, session_id, user_id, api_key_id, user_message_id,
                            assistant_message_id, continues_message_id, idempotency_key,
                            request_hash, requested_model, thinking, owner_process, epoch,
                            lease_until, log_day, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13,
                 clock_timestamp() + make_interval(secs => $14), $15, $16)
         ON CONFLICT (user_id, idempotency_key) WHERE idempotency_key IS NOT NULL DO NOTHING",
        turn.id.as_uuid(),
        turn.conversation_id.as_uuid(),
        turn.owner.as_uuid(),
        start.api_key.map(ApiKeyId::as_uuid),
        turn.user_message_id.as_uuid(),
        turn.assistant_message_id.as_uuid(),
        turn.continues_message_id.map(MessageId::as_uuid),
        key.as_deref(),
        hash.as_ref().map(<[u8; 32]>::as_slice),
        turn.requested_model,
        turn.thinking,
        turn.owner_process.as_uuid(),
        turn.epoch,
        start.lease.as_secs_f64(),
        start.now.date_naive(),
        turn.created_at,
    )
    .execute(connection)
    .await?;
    Ok(inserted.rows_affected() == 1)
}
