//! Reading the index.

use std::collections::HashMap;

use openmake_types::{MessageId, UserId};
use uuid::Uuid;

use super::{
    Hit, MessageExcerpt, Search, excerpt,
    query::{Query, Reach},
};
use crate::{StoreError, conversations, error::parsed};

/// How many conversations can be asked for.
const LIMIT_MAX: u32 = 200;
/// How many conversations are read at once.
const CHUNK: usize = 20;
/// Excerpts of one conversation at most.
const EXCERPTS_MAX: usize = 3;

/// How many of an owner's newest messages are looked at one by one. A word
/// that occurs often is found among them, and the index, which would have to
/// give every message that has it, is asked only for words that are rare. The
/// messages of most accounts are fewer, and then the index is not needed.
const NEWEST: i64 = 4000;

/// What is asked for.
struct Asked<'a> {
    owner: UserId,
    query: &'a Query,
    limit: u32,
}

/// A conversation that seems to match.
struct Candidate {
    conversation: Uuid,
    /// The messages that seem to.
    messages: Vec<Uuid>,
}

/// A query as the database takes it.
struct Terms {
    /// A `tsquery` for each word.
    each: Vec<String>,
    /// All words in one piece.
    all: String,
    /// The pieces of split messages.
    split: String,
}

impl Terms {
    fn of(asked: &Asked<'_>, reach: Reach) -> Self {
        let each = asked.query.terms(reach);
        Self {
            all: Query::all(asked.owner, &each),
            split: Query::split(asked.owner),
            each,
        }
    }
}

impl Asked<'_> {
    /// How many conversations to choose from: some are dropped when they are
    /// read.
    fn wanted(&self) -> i64 {
        i64::from(self.limit) * 2 + 10
    }
}

impl Search<'_> {
    /// An owner's conversations in which every word of `query` occurs (in the
    /// title or in one message), best first; what was deleted is left out. The
    /// last word may be the beginning of one.
    ///
    /// When enough conversations are found among the newest few thousand
    /// messages, older ones are found by their titles only.
    pub async fn find(
        &self,
        owner: UserId,
        query: &str,
        limit: u32,
    ) -> Result<Vec<Hit>, StoreError> {
        let Some(query) = Query::parse(query) else {
            return Ok(Vec::new());
        };
        let limit = limit.clamp(1, LIMIT_MAX);
        let asked = Asked {
            owner,
            query: &query,
            limit,
        };
        let candidates = match self.among_newest(&asked).await? {
            Some(enough) => enough,
            None => self.among_all(&asked).await?,
        };
        let mut hits = Vec::new();
        for chunk in candidates.chunks(CHUNK) {
            hits.extend(self.read_hits(&asked, chunk).await?);
            if hits.len() >= limit as usize {
                break;
            }
        }
        hits.truncate(limit as usize);
        Ok(hits)
    }

    /// Conversations that seem to match, best first: a title counts more than
    /// messages, many messages more than few, and a conversation that rests up
    /// to three times less than a new one. None when too few are found among
    /// the newest messages and there are older ones.
    async fn among_newest(&self, asked: &Asked<'_>) -> Result<Option<Vec<Candidate>>, StoreError> {
        let terms = Terms::of(asked, Reach::Newest);
        // OFFSET keeps the conversations in their order and reads each one's
        // messages by itself, so that the limit ends the reading; and it keeps
        // the index of words out, which would look at everybody's messages.
        let found = sqlx::query!(
            r#"WITH seen AS MATERIALIZED (
                   SELECT s.message_id, s.session_id, s.words @@ $2::text::tsquery AS has_all,
                          s.words @@ $3::text::tsquery AS is_part
                     FROM (SELECT id FROM conversation_sessions
                            WHERE user_id = $1 AND deleted_at IS NULL
                            ORDER BY updated_at DESC, id DESC) c
                    CROSS JOIN LATERAL (SELECT m.message_id, m.session_id, m.words
                                          FROM message_search m
                                         WHERE m.session_id = c.id OFFSET 0) s
                    LIMIT $5
               ), messages AS (
                   SELECT message_id, session_id FROM seen WHERE has_all
                   UNION
                   SELECT p.message_id, p.session_id
                     FROM (SELECT DISTINCT message_id FROM seen WHERE is_part) s
                    CROSS JOIN LATERAL (SELECT m.message_id, m.session_id, m.words
                                          FROM message_search m
                                         WHERE m.message_id = s.message_id OFFSET 0) p
                     JOIN unnest($4::text[]) WITH ORDINALITY AS t (term, n)
                       ON p.words @@ t.term::tsquery
                    GROUP BY p.message_id, p.session_id
                   HAVING count(DISTINCT t.n) = cardinality($4)
               ), hits AS (
                   SELECT coalesce(m.session_id, t.session_id) AS session_id,
                          CASE WHEN t.session_id IS NULL THEN 0 ELSE 1 END AS titles,
                          coalesce(cardinality(m.ids), 0)::float8 AS messages, m.ids
                     FROM (SELECT session_id, array_agg(message_id) AS ids
                             FROM messages GROUP BY session_id) m
                     FULL JOIN (SELECT session_id FROM conversation_search
                                 WHERE words @@ $2::text::tsquery) t
                       ON t.session_id = m.session_id
               ), best AS (
                   SELECT c.id, h.ids,
                          row_number() OVER (
                              ORDER BY (2 * h.titles + ln(1 + h.messages))
                                       * (0.5 + exp(-least(100, greatest(0, extract(epoch FROM
                                             clock_timestamp() - c.updated_at)::float8)
                                           / 2592000))) DESC,
                                       c.updated_at DESC, c.id) AS place
                     FROM hits h JOIN conversation_sessions c ON c.id = h.session_id
                    WHERE c.user_id = $1 AND c.deleted_at IS NULL
                    ORDER BY place LIMIT $6
               )
               SELECT n.seen AS "seen!", n.matching AS "matching!", b.id AS "id?",
                      coalesce(b.ids, '{}') AS "ids!"
                 FROM (SELECT (SELECT count(*) FROM seen) AS seen,
                              (SELECT count(DISTINCT session_id) FROM messages) AS matching) n
                 LEFT JOIN best b ON true
                ORDER BY b.place"#,
            asked.owner.as_uuid(),
            terms.all,
            terms.split,
            &terms.each,
            NEWEST,
            asked.wanted(),
        )
        .fetch_all(&self.0.pool)
        .await?;
        let is_enough = found
            .first()
            .is_none_or(|row| row.seen < NEWEST || row.matching >= asked.wanted());
        let candidates = found.into_iter().filter_map(|row| {
            Some(Candidate {
                conversation: row.id?,
                messages: row.ids,
            })
        });
        Ok(is_enough.then(|| candidates.collect()))
    }

    /// The same from the index, over all messages.
    async fn among_all(&self, asked: &Asked<'_>) -> Result<Vec<Candidate>, StoreError> {
        let terms = Terms::of(asked, Reach::All);
        let found = sqlx::query!(
            r#"WITH messages AS (
                   SELECT s.message_id, s.session_id
                     FROM message_search s WHERE s.words @@ $2::text::tsquery
                   UNION
                   SELECT s.message_id, s.session_id
                     FROM (SELECT p.message_id, p.session_id, p.words
                             FROM message_search p
                            WHERE p.words @@ $3::text::tsquery OFFSET 0) s
                     JOIN unnest($4::text[]) WITH ORDINALITY AS t (term, n)
                       ON s.words @@ t.term::tsquery
                    GROUP BY s.message_id, s.session_id
                   HAVING count(DISTINCT t.n) = cardinality($4)
               ), hits AS (
                   SELECT coalesce(m.session_id, t.session_id) AS session_id,
                          CASE WHEN t.session_id IS NULL THEN 0 ELSE 1 END AS titles,
                          coalesce(cardinality(m.ids), 0)::float8 AS messages, m.ids
                     FROM (SELECT session_id, array_agg(message_id) AS ids
                             FROM messages GROUP BY session_id) m
                     FULL JOIN (SELECT session_id FROM conversation_search
                                 WHERE words @@ $2::text::tsquery) t
                       ON t.session_id = m.session_id
               )
               SELECT c.id, coalesce(h.ids, '{}') AS "ids!"
                 FROM hits h JOIN conversation_sessions c ON c.id = h.session_id
                WHERE c.user_id = $1 AND c.deleted_at IS NULL
                ORDER BY (2 * h.titles + ln(1 + h.messages))
                         * (0.5 + exp(-least(100, greatest(0, extract(epoch FROM
                               clock_timestamp() - c.updated_at)::float8) / 2592000))) DESC,
                         c.updated_at DESC, c.id
                LIMIT $5"#,
            asked.owner.as_uuid(),
            terms.all,
            terms.split,
            &terms.each,
            asked.wanted(),
        )
        .fetch_all(&self.0.pool)
        .await?;
        let candidates = found.into_iter().map(|row| Candidate {
            conversation: row.id,
            messages: row.ids,
        });
        Ok(candidates.collect())
    }

    /// Reads candidates again: those that really match, in their order.
    async fn read_hits(
        &self,
        asked: &Asked<'_>,
        candidates: &[Candidate],
    ) -> Result<Vec<Hit>, StoreError> {
        let messages: Vec<Uuid> = candidates
            .iter()
            .flat_map(|candidate| candidate.messages.iter().copied())
            .collect();
        let conversations: Vec<Uuid> = candidates.iter().map(|one| one.conversation).collect();
        let mut excerpts = self.excerpts(asked, &messages).await?;
        let mut connection = self.0.pool.acquire().await?;
        let found = conversations::read(&mut connection, asked.owner, &conversations).await?;
        let mut hits = Vec::new();
        for conversation in found {
            let excerpts = excerpts
                .remove(&conversation.id.as_uuid())
                .unwrap_or_default();
            if !excerpts.is_empty() || asked.query.occurrences(&conversation.title).is_some() {
                hits.push(Hit {
                    conversation,
                    excerpts,
                });
            }
        }
        Ok(hits)
    }

    /// Excerpts of the newest of these messages in each conversation that
    /// match.
    async fn excerpts(
        &self,
        asked: &Asked<'_>,
        messages: &[Uuid],
    ) -> Result<HashMap<Uuid, Vec<MessageExcerpt>>, StoreError> {
        // Two to spare for those that only seem to match.
        let rows = sqlx::query!(
            r#"WITH newest AS (
                   SELECT m.id, row_number() OVER (PARTITION BY m.session_id
                                                   ORDER BY m.created_at DESC, m.id DESC) AS place
                     FROM conversation_messages m
                     JOIN conversation_sessions c ON c.id = m.session_id AND c.user_id = $1
                    WHERE m.id = ANY ($2) AND m.deleted_at IS NULL
               )
               SELECT m.id, m.session_id, m.role, m.content
                 FROM newest n JOIN conversation_messages m ON m.id = n.id
                WHERE n.place <= 5
                ORDER BY m.session_id, n.place"#,
            asked.owner.as_uuid(),
            messages,
        )
        .fetch_all(&self.0.pool)
        .await?;
        let mut excerpts = HashMap::<Uuid, Vec<MessageExcerpt>>::new();
        for row in rows {
            // A long message takes a moment; others may go on in between.
            tokio::task::yield_now().await;
            let cut = excerpts.entry(row.session_id).or_default();
            if cut.len() >= EXCERPTS_MAX {
                continue;
            }
            if let Some(found) = asked.query.occurrences(&row.content) {
                let excerpt = excerpt::cut(&row.content, &found);
                cut.push(MessageExcerpt {
                    message_id: MessageId::from_uuid(row.id),
                    role: parsed("role", &row.role)?,
                    text: excerpt.text,
                    highlights: excerpt.highlights,
                });
            }
        }
        Ok(excerpts)
    }
}
