//! What belongs to a person besides conversations, for the export of an
//! account: one list over all tables that have no page of their own yet.

use openmake_types::UserId;
use serde_json::Value;
use sqlx::{AssertSqlSafe, Row as _};
use uuid::Uuid;

use crate::{Store, StoreError};

/// A table whose rows belong to people.
struct Owned {
    table: &'static str,
    /// Which rows are the account's, `$1`.
    of: &'static str,
    /// Columns that are secrets.
    without: &'static [&'static str],
}

const OWNED: &[Owned] = &[
    Owned {
        table: "custom_agents",
        of: "created_by = $1 AND deleted_at IS NULL",
        without: &[],
    },
    Owned {
        table: "agent_usage_logs",
        of: "user_id = $1",
        without: &[],
    },
    Owned {
        table: "agent_feedback",
        of: "user_id = $1",
        without: &[],
    },
    Owned {
        table: "user_memories",
        of: "user_id = $1 AND deleted_at IS NULL",
        without: &[],
    },
    Owned {
        table: "memory_tags",
        of: "memory_id IN (SELECT id FROM user_memories
                            WHERE user_id = $1 AND deleted_at IS NULL)",
        without: &[],
    },
    Owned {
        table: "research_sessions",
        of: "user_id = $1 AND deleted_at IS NULL",
        without: &[],
    },
    Owned {
        table: "research_steps",
        of: "session_id IN (SELECT id FROM research_sessions
                             WHERE user_id = $1 AND deleted_at IS NULL)",
        without: &[],
    },
    Owned {
        table: "agent_marketplace",
        of: "author_id = $1 AND deleted_at IS NULL",
        without: &[],
    },
    Owned {
        table: "agent_reviews",
        of: "user_id = $1",
        without: &[],
    },
    Owned {
        table: "agent_installations",
        of: "user_id = $1",
        without: &[],
    },
    Owned {
        table: "canvas_documents",
        of: "user_id = $1 AND deleted_at IS NULL",
        without: &["share_token_hash"],
    },
    Owned {
        table: "canvas_versions",
        of: "document_id IN (SELECT id FROM canvas_documents
                              WHERE user_id = $1 AND deleted_at IS NULL)",
        without: &[],
    },
    Owned {
        table: "canvas_ai_edits",
        of: "document_id IN (SELECT id FROM canvas_documents
                              WHERE user_id = $1 AND deleted_at IS NULL)",
        without: &[],
    },
    Owned {
        table: "external_connections",
        of: "user_id = $1",
        without: &["access_token_sealed", "refresh_token_sealed"],
    },
    Owned {
        table: "external_files",
        of: "connection_id IN (SELECT id FROM external_connections WHERE user_id = $1)",
        without: &[],
    },
    Owned {
        table: "push_subscriptions",
        of: "user_id = $1",
        without: &["p256dh", "auth"],
    },
    Owned {
        table: "import_holding",
        of: "owner_id = $1",
        without: &[],
    },
];

/// Rows that are read at once: documents are long.
const PAGE: i64 = 50;

/// Where to go on reading.
#[derive(Debug, Clone, Copy, Default)]
pub struct Place {
    table: usize,
    after: Uuid,
}

/// Something that belongs to a person.
#[derive(Debug, Clone, PartialEq)]
pub struct Belonging {
    /// Its table.
    pub kind: &'static str,
    /// Its row, without secrets.
    pub row: Value,
}

/// What belongs to people.
#[derive(Debug, Clone, Copy)]
pub struct Belongings<'a>(&'a Store);

impl Store {
    /// What belongs to people.
    pub const fn belongings(&self) -> Belongings<'_> {
        Belongings(self)
    }
}

impl Belongings<'_> {
    /// Some of what belongs to an account, from a place on; and where to go on.
    pub async fn list(
        &self,
        owner: UserId,
        from: Place,
    ) -> Result<(Vec<Belonging>, Option<Place>), StoreError> {
        let Some(group) = OWNED.get(from.table) else {
            return Ok((Vec::new(), None));
        };
        // Names that stand above.
        let query = format!(
            "SELECT t.id, to_jsonb(t) - $4::text[] FROM {} t
              WHERE {} AND t.id > $2 ORDER BY t.id LIMIT $3",
            group.table, group.of
        );
        let rows = sqlx::query(AssertSqlSafe(query))
            .bind(owner.as_uuid())
            .bind(from.after)
            .bind(PAGE)
            .bind(group.without)
            .fetch_all(&self.0.pool)
            .await?;
        let mut next = Place {
            table: from.table + 1,
            after: Uuid::nil(),
        };
        if i64::try_from(rows.len()).unwrap_or(i64::MAX) == PAGE
            && let Some(last) = rows.last()
        {
            next = Place {
                table: from.table,
                after: last.try_get(0)?,
            };
        }
        let items = rows
            .iter()
            .map(|row| {
                Ok(Belonging {
                    kind: group.table,
                    row: row.try_get(1)?,
                })
            })
            .collect::<Result<_, sqlx::Error>>()?;
        Ok((items, (next.table < OWNED.len()).then_some(next)))
    }

    /// The tables of the list, for the test that finds those that are missing.
    #[doc(hidden)]
    pub fn tables() -> impl Iterator<Item = &'static str> {
        OWNED.iter().map(|owned| owned.table)
    }
}
