//! Which conversations changed: what makes up for wake-ups that were lost.

use chrono::{DateTime, Utc};
use openmake_types::{ConversationId, UserId};

use super::Conversations;
use crate::StoreError;

/// Changes that are named in one answer; whoever missed more reads everything
/// again.
const MOST: usize = 1_000;

/// One that changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecentChange {
    /// The conversation.
    pub id: ConversationId,
    /// Whose.
    pub owner: UserId,
    /// Its version now.
    pub version: i64,
}

/// What changed since it was last asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecentChanges {
    /// These did, the latest first; none when there were too many to name.
    pub changed: Option<Vec<RecentChange>>,
    /// The database's time, to ask with the next time.
    pub now: DateTime<Utc>,
}

impl Conversations<'_> {
    /// The conversations of `owners` that changed since `since`, an answer's
    /// `now`, or lately. The windows of two answers overlap by five seconds,
    /// since transactions commit out of order: a change may be named again.
    pub async fn changes_since(
        &self,
        owners: &[UserId],
        since: Option<DateTime<Utc>>,
    ) -> Result<RecentChanges, StoreError> {
        let owners: Vec<_> = owners.iter().map(|owner| owner.as_uuid()).collect();
        let limit = i64::try_from(MOST).unwrap_or(i64::MAX).saturating_add(1);
        // now() is from before the statement reads, so nothing can be committed
        // between the two and be missed.
        let rows = sqlx::query!(
            r#"SELECT now() AS "now!", c.id AS "id?", c.user_id AS "owner?", c.version AS "version?"
                 FROM (SELECT) always
                 LEFT JOIN LATERAL (
                     SELECT id, user_id, version FROM conversation_sessions
                      WHERE user_id = ANY ($1)
                        AND changed_at > coalesce($2, now()) - interval '5 seconds'
                      ORDER BY changed_at DESC LIMIT $3) c ON true"#,
            &owners,
            since,
            limit,
        )
        .fetch_all(&self.0.pool)
        .await?;
        let now = rows
            .first()
            .map(|row| row.now)
            .ok_or(StoreError::NotFound)?;
        let changed: Vec<_> = rows
            .into_iter()
            .filter_map(|row| {
                Some(RecentChange {
                    id: ConversationId::from_uuid(row.id?),
                    owner: UserId::from_uuid(row.owner?),
                    version: row.version?,
                })
            })
            .collect();
        Ok(RecentChanges {
            changed: (changed.len() <= MOST).then_some(changed),
            now,
        })
    }
}
