//! Writing the index.

use std::collections::BTreeSet;

use openmake_types::{ConversationId, MessageId, UserId};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    Search, TOKENIZER,
    query::{SPLIT, owner_lexeme},
    words::words,
};
use crate::StoreError;

/// A `tsvector` holds a megabyte at most; pieces of this size stay well below.
const PIECE_BYTES: usize = 256 * 1024;
/// What one round of maintenance indexes at most.
const ROUND_MAX: usize = 5000;
const BATCH: i64 = 100;
/// Between the words of a piece, on their way into the database; the cutter
/// leaves no such character in a word.
const BETWEEN: &str = "\u{1f}";

impl Search<'_> {
    /// Indexes a message and its conversation's title. Errors are for the log:
    /// maintenance catches up.
    pub async fn index_message(&self, owner: UserId, message: MessageId) -> Result<(), StoreError> {
        let mut tx = self.0.pool.begin().await?;
        // The lock keeps the owner and the title as they are until the words
        // are stored.
        let source = sqlx::query!(
            r#"SELECT m.session_id, m.content, m.status, c.title,
                      coalesce(s.tokenizer = $3, false) AS "is_title_indexed!"
                 FROM conversation_messages m
                 JOIN conversation_sessions c ON c.id = m.session_id
                 LEFT JOIN conversation_search s ON s.session_id = c.id
                WHERE m.id = $1 AND c.user_id = $2
                  FOR SHARE OF c"#,
            message.as_uuid(),
            owner.as_uuid(),
            TOKENIZER,
        )
        .fetch_one(&mut *tx)
        .await?;
        if source.status == "running" {
            // Its text is still to come.
            return Ok(());
        }
        let pieces = pieces(owner, words(&source.content));
        for (number, words) in (0_i32..).zip(&pieces) {
            sqlx::query!(
                "INSERT INTO message_search (message_id, piece, session_id, tokenizer, words)
                 VALUES ($1, $2, $3, $4, array_to_tsvector($5))
                 ON CONFLICT (message_id, piece) DO UPDATE
                    SET tokenizer = excluded.tokenizer, words = excluded.words",
                message.as_uuid(),
                number,
                source.session_id,
                TOKENIZER,
                words,
            )
            .execute(&mut *tx)
            .await?;
        }
        sqlx::query!(
            "DELETE FROM message_search WHERE message_id = $1 AND piece >= $2",
            message.as_uuid(),
            i32::try_from(pieces.len()).unwrap_or(i32::MAX),
        )
        .execute(&mut *tx)
        .await?;
        if !source.is_title_indexed {
            let conversation = ConversationId::from_uuid(source.session_id);
            index_title(&mut tx, owner, conversation, &source.title).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Indexes what waits: messages that nobody indexed yet, and what was cut
    /// by another version of the word cutter; some thousands at most. Gives the
    /// number of messages.
    pub async fn index_waiting(&self) -> Result<u64, StoreError> {
        self.index_waiting_titles().await?;
        let mut indexed = self.index_waiting_conversations().await?;
        let mut seen = 0;
        // A message that cannot be indexed is passed over until the next round.
        let (mut tokenizer, mut after) = (i32::MIN, Uuid::nil());
        while seen < ROUND_MAX {
            let batch = sqlx::query!(
                "SELECT s.message_id, s.tokenizer, c.user_id
                   FROM message_search s
                   JOIN conversation_sessions c ON c.id = s.session_id
                  WHERE s.tokenizer < $1 AND (s.tokenizer, s.message_id) > ($2, $3)
                  ORDER BY s.tokenizer, s.message_id LIMIT $4",
                TOKENIZER,
                tokenizer,
                after,
                BATCH,
            )
            .fetch_all(&self.0.pool)
            .await?;
            let Some(last) = batch.last() else {
                break;
            };
            (tokenizer, after) = (last.tokenizer, last.message_id);
            seen += batch.len();
            for row in batch {
                let message = MessageId::from_uuid(row.message_id);
                match self
                    .index_message(UserId::from_uuid(row.user_id), message)
                    .await
                {
                    Ok(()) => indexed += 1,
                    // It was removed meanwhile, or changed hands.
                    Err(StoreError::NotFound) => {}
                    Err(error @ StoreError::Unavailable(_)) => return Err(error),
                    Err(error) => {
                        tracing::warn!(%message, %error, "a message could not be indexed");
                    }
                }
            }
        }
        Ok(indexed)
    }

    /// Indexes messages that came in bulk, a conversation at a time. Several
    /// processes may do it at once.
    async fn index_waiting_conversations(&self) -> Result<u64, StoreError> {
        let mut indexed = 0;
        while indexed < ROUND_MAX as u64 {
            let mut tx = self.0.pool.begin().await?;
            let next = sqlx::query!(
                "SELECT c.id, c.user_id
                   FROM message_search_waiting w
                   JOIN conversation_sessions c ON c.id = w.session_id
                  ORDER BY w.session_id LIMIT 1
                    FOR UPDATE OF w SKIP LOCKED FOR SHARE OF c SKIP LOCKED",
            )
            .fetch_optional(&mut *tx)
            .await?;
            let Some(next) = next else {
                break;
            };
            let messages = sqlx::query!(
                "SELECT m.id, m.content FROM conversation_messages m
                  WHERE m.session_id = $1 AND m.status <> 'running'
                    AND NOT EXISTS (SELECT FROM message_search s WHERE s.message_id = m.id)
                  ORDER BY m.created_at, m.id LIMIT $2",
                next.id,
                BATCH,
            )
            .fetch_all(&mut *tx)
            .await?;
            if i64::try_from(messages.len()).is_ok_and(|found| found < BATCH) {
                sqlx::query!(
                    "DELETE FROM message_search_waiting WHERE session_id = $1",
                    next.id
                )
                .execute(&mut *tx)
                .await?;
            }
            let owner = UserId::from_uuid(next.user_id);
            let (mut ids, mut numbers, mut texts) = (Vec::new(), Vec::new(), Vec::new());
            for message in &messages {
                for (number, piece) in (0_i32..).zip(pieces(owner, words(&message.content))) {
                    ids.push(message.id);
                    numbers.push(number);
                    texts.push(piece.join(BETWEEN));
                }
            }
            sqlx::query!(
                "INSERT INTO message_search (message_id, piece, session_id, tokenizer, words)
                 SELECT p.id, p.number, $1, $2, array_to_tsvector(string_to_array(p.words, $3))
                   FROM unnest($4::uuid[], $5::integer[], $6::text[]) AS p (id, number, words)
                 ON CONFLICT DO NOTHING",
                next.id,
                TOKENIZER,
                BETWEEN,
                &ids,
                &numbers,
                &texts,
            )
            .execute(&mut *tx)
            .await?;
            tx.commit().await?;
            indexed += messages.len() as u64;
        }
        Ok(indexed)
    }

    async fn index_waiting_titles(&self) -> Result<(), StoreError> {
        let mut seen = 0;
        while seen < ROUND_MAX {
            let mut tx = self.0.pool.begin().await?;
            let batch = sqlx::query!(
                "SELECT c.id, c.user_id, c.title
                   FROM conversation_search s JOIN conversation_sessions c ON c.id = s.session_id
                  WHERE s.tokenizer < $1
                  ORDER BY s.tokenizer, s.session_id LIMIT $2
                    FOR SHARE OF c SKIP LOCKED",
                TOKENIZER,
                BATCH,
            )
            .fetch_all(&mut *tx)
            .await?;
            if batch.is_empty() {
                break;
            }
            seen += batch.len();
            for row in batch {
                let owner = UserId::from_uuid(row.user_id);
                let conversation = ConversationId::from_uuid(row.id);
                index_title(&mut tx, owner, conversation, &row.title).await?;
            }
            tx.commit().await?;
        }
        Ok(())
    }
}

/// Indexes a conversation's title, in the transaction that sets it.
pub(crate) async fn index_title(
    connection: &mut PgConnection,
    owner: UserId,
    conversation: ConversationId,
    title: &str,
) -> Result<(), StoreError> {
    let mut lexemes = vec![owner_lexeme(owner)];
    lexemes.extend(words(title));
    sqlx::query!(
        "INSERT INTO conversation_search (session_id, tokenizer, words)
         VALUES ($1, $2, array_to_tsvector($3))
         ON CONFLICT (session_id) DO UPDATE
            SET tokenizer = excluded.tokenizer, words = excluded.words",
        conversation.as_uuid(),
        TOKENIZER,
        &lexemes,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Words in pieces that a `tsvector` can hold, each with its owner; at least
/// one.
pub(super) fn pieces(owner: UserId, words: BTreeSet<String>) -> Vec<Vec<String>> {
    let owner = owner_lexeme(owner);
    let mut pieces = Vec::new();
    let mut piece = vec![owner.clone()];
    let mut bytes = 0;
    for word in words {
        if bytes + word.len() > PIECE_BYTES {
            pieces.push(std::mem::replace(&mut piece, vec![owner.clone()]));
            bytes = 0;
        }
        bytes += word.len();
        piece.push(word);
    }
    pieces.push(piece);
    if pieces.len() > 1 {
        for piece in &mut pieces {
            piece.push(SPLIT.to_owned());
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_words_are_split_and_marked_and_none_is_lost() {
        let owner = UserId::from_uuid(Uuid::nil());
        let words: BTreeSet<String> = (0..100_000).map(|n| format!("word{n}")).collect();
        let cut = pieces(owner, words.clone());
        assert!(cut.len() > 1);
        let mut back = BTreeSet::new();
        for piece in cut {
            assert!(piece.contains(&owner_lexeme(owner)) && piece.contains(&SPLIT.to_owned()));
            assert!(piece.iter().map(String::len).sum::<usize>() < PIECE_BYTES + 100);
            back.extend(piece.into_iter().filter(|word| !word.contains(':')));
        }
        assert_eq!(back, words);
    }

    #[test]
    fn no_words_are_one_piece_too() {
        let owner = UserId::from_uuid(Uuid::nil());
        assert_eq!(pieces(owner, BTreeSet::new()), [[owner_lexeme(owner)]]);
    }
}
