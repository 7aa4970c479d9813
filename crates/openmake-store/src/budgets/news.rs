//! What every process has to know before a call: the budgets, who is in the
//! groups that have one, and the prices.

use chrono::{DateTime, Utc};
use openmake_types::UserId;
use uuid::Uuid;

use super::{Budget, Budgets, Wanted, read};
use crate::{StoreError, prices::ModelPrice};

/// Tells one state of the budgets from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint {
    version: i64,
    members: i64,
}

/// One member of a group that has a budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Membership {
    /// The group.
    pub group: Uuid,
    /// Who is in it.
    pub user: UserId,
}

/// The budgets, and what goes with them.
#[derive(Debug, Clone)]
pub struct News {
    /// To compare with later.
    pub fingerprint: Fingerprint,
    /// All budgets.
    pub budgets: Vec<Budget>,
    /// The members of those groups that have one.
    pub members: Vec<Membership>,
    /// All prices.
    pub prices: Vec<ModelPrice>,
}

impl Budgets<'_> {
    /// All that a process has to know, unless it is as it was at `known`. One
    /// small statement when nothing changed.
    pub async fn news(
        &self,
        known: Option<Fingerprint>,
        now: DateTime<Utc>,
    ) -> Result<Option<News>, StoreError> {
        // Groups change without the feed, so their members are compared.
        let found = sqlx::query!(
            r#"SELECT version,
                      (SELECT coalesce(bit_xor(hashtextextended(
                                  m.group_id::text || m.user_id::text, 0)), 0)
                         FROM user_group_members m
                        WHERE m.group_id IN (SELECT group_id FROM budgets
                                              WHERE group_id IS NOT NULL)) AS "members!"
                 FROM budget_feed"#,
        )
        .fetch_one(&self.0.pool)
        .await?;
        // Read before the rest: what changes in between is seen as a change the
        // next time.
        let fingerprint = Fingerprint {
            version: found.version,
            members: found.members,
        };
        if known == Some(fingerprint) {
            return Ok(None);
        }
        let mut connection = self.0.pool.acquire().await?;
        let budgets = read(&mut connection, &Wanted::default(), now).await?;
        let members = sqlx::query!(
            r#"SELECT m.group_id, m.user_id FROM user_group_members m
                WHERE m.group_id IN (SELECT group_id FROM budgets WHERE group_id IS NOT NULL)"#,
        )
        .fetch_all(&mut *connection)
        .await?;
        drop(connection);
        Ok(Some(News {
            fingerprint,
            budgets: budgets.into_iter().map(|status| status.budget).collect(),
            members: members
                .into_iter()
                .map(|row| Membership {
                    group: row.group_id,
                    user: UserId::from_uuid(row.user_id),
                })
                .collect(),
            prices: self.0.prices().list().await?,
        }))
    }
}
