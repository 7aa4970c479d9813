//! Reading the index.

use std::collections::HashMap;

use openmake_types::{MessageId, UserId};
use uuid::Uuid;

use super::{Hit, MessageExcerpt, Search, excerpt, query::Query};
use crate::{StoreError, conversations, error::parsed};

/// How many conversations can be asked for.
const LIMIT_MAX: u32 = 200;
/// How many conversations are read at once.
const CHUNK: usize = 20;
/// Excerpts of one conversation at most.
const EXCERPTS_MAX: usize = 3;

/// What is asked of the index.
struct Asked<'a> {
    owner: UserId,
    query: &'a Query,
    /// A `tsquery` for each word.
    terms: Vec<String>,
    /// All words in one piece.
    all: String,
    /// Any word in a piece of a split message.
    any_in_split: String,
}

impl Search<'_> {
    /// An owner's conversations in which every word of `query` occurs (in the
    /// title or in one message), best first; deleted ones are left out. The
    /// last word may be the beginning of one.
    pub async fn find(
        &self,
        owner: UserId,
        query: &str,
        limit: u32,
    ) -> Result<Vec<Hit>, StoreError> {
        let Some(query) = Query::parse(query) else {
            return Ok(Vec::new());
        };
        let terms = query.terms();
        let asked = Asked {
            owner,
            query: &query,
            all: Query::all(owner, &terms),
            any_in_split: Query::any_in_split(owner, &terms),
            terms,
        };
        let limit = limit.clamp(1, LIMIT_MAX);
        let candidates = self.candidates(&asked, limit).await?;
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

    /// Conversations of which the index says that they match, best first: a
    /// title counts more than messages, many messages more than few, and what
    /// is old up to three times less than what is new.
    async fn candidates(&self, asked: &Asked<'_>, limit: u32) -> Result<Vec<Uuid>, StoreError> {
        Ok(sqlx::query_scalar!(
            r#"WITH messages AS (
                   SELECT s.message_id FROM message_search s WHERE s.words @@ $2::text::tsquery
                   UNION
                   SELECT s.message_id
                     FROM message_search s
                     JOIN unnest($4::text[]) WITH ORDINALITY AS t (term, n)
                       ON s.words @@ t.term::tsquery
                    WHERE s.words @@ $3::text::tsquery
                    GROUP BY s.message_id HAVING count(DISTINCT t.n) = cardinality($4)
               ), found AS (
                   SELECT m.session_id, 0 AS titles, count(*) AS messages,
                          max(m.created_at) AS latest
                     FROM messages f JOIN conversation_messages m ON m.id = f.message_id
                    GROUP BY m.session_id
                   UNION ALL
                   SELECT s.session_id, 1, 0, NULL
                     FROM conversation_search s WHERE s.words @@ $2::text::tsquery
               ), hits AS (
                   SELECT session_id, sum(titles)::float8 AS titles,
                          sum(messages)::float8 AS messages, max(latest) AS latest
                     FROM found GROUP BY session_id
               )
               SELECT c.id
                 FROM hits h JOIN conversation_sessions c ON c.id = h.session_id
                WHERE c.user_id = $1 AND c.deleted_at IS NULL
                ORDER BY (2 * h.titles + ln(1 + h.messages))
                         * (0.5 + exp(-least(100, greatest(0, extract(epoch FROM
                               clock_timestamp() - coalesce(h.latest, c.updated_at))::float8)
                             / 2592000))) DESC,
                         c.updated_at DESC, c.id
                LIMIT $5"#,
            asked.owner.as_uuid(),
            asked.all,
            asked.any_in_split,
            &asked.terms,
            // Some are dropped when they are read.
            i64::from(limit) * 2 + 10,
        )
        .fetch_all(&self.0.pool)
        .await?)
    }

    /// Reads candidates again: those that really match, in their order.
    async fn read_hits(&self, asked: &Asked<'_>, ids: &[Uuid]) -> Result<Vec<Hit>, StoreError> {
        let mut excerpts = self.excerpts(asked, ids).await?;
        let mut connection = self.0.pool.acquire().await?;
        let found = conversations::read(&mut connection, asked.owner, ids).await?;
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

    /// Excerpts of the newest messages of each conversation that match.
    async fn excerpts(
        &self,
        asked: &Asked<'_>,
        ids: &[Uuid],
    ) -> Result<HashMap<Uuid, Vec<MessageExcerpt>>, StoreError> {
        // Two to spare for those that only seem to match.
        let rows = sqlx::query!(
            r#"WITH messages AS (
                   SELECT s.message_id FROM message_search s
                    WHERE s.words @@ $2::text::tsquery AND s.session_id = ANY ($5)
                   UNION
                   SELECT s.message_id
                     FROM message_search s
                     JOIN unnest($4::text[]) WITH ORDINALITY AS t (term, n)
                       ON s.words @@ t.term::tsquery
                    WHERE s.words @@ $3::text::tsquery AND s.session_id = ANY ($5)
                    GROUP BY s.message_id HAVING count(DISTINCT t.n) = cardinality($4)
               ), newest AS (
                   SELECT m.id, row_number() OVER (PARTITION BY m.session_id
                                                   ORDER BY m.created_at DESC, m.id DESC) AS place
                     FROM messages f
                     JOIN conversation_messages m ON m.id = f.message_id
                     JOIN conversation_sessions c ON c.id = m.session_id AND c.user_id = $1
               )
               SELECT m.id, m.session_id, m.role, m.content
                 FROM newest n JOIN conversation_messages m ON m.id = n.id
                WHERE n.place <= 5
                ORDER BY m.session_id, n.place"#,
            asked.owner.as_uuid(),
            asked.all,
            asked.any_in_split,
            &asked.terms,
            ids,
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
