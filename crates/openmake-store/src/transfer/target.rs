//! What is in the database that something is to be restored into.

use sqlx::{AssertSqlSafe, Executor as _};

use super::{NAME, TransferError, connection, quoted, staging::SCHEMA, swap::SET_ASIDE};
use crate::{Store, schema};

/// What a restore would meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// No tables, or an instance without accounts and model servers.
    Empty,
    /// An instance in use.
    Instance {
        /// How many accounts it has.
        accounts: i64,
    },
    /// Tables of something else.
    Foreign,
}

/// Data that a restore has replaced and kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetAside {
    /// The schema that it is in.
    pub schema: String,
    /// Bytes on disk.
    pub size_bytes: i64,
}

impl Store {
    /// Looks at the database without touching it.
    pub async fn restore_target(&self) -> Result<Target, TransferError> {
        let found = sqlx::query!(
            r#"SELECT count(*) AS "tables!",
                      count(*) FILTER (WHERE c.relname = '_sqlx_migrations') > 0 AS "migrated!",
                      count(*) FILTER (WHERE c.relname IN ('users', 'model_nodes')) = 2 AS "ours!"
                 FROM pg_class c
                WHERE c.relnamespace = to_regnamespace(quote_ident(current_schema()))
                  AND c.relkind IN ('r', 'p')
                  AND NOT EXISTS (SELECT FROM pg_depend d
                                   WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
                                     AND d.deptype = 'e')"#
        )
        .fetch_one(&self.pool)
        .await?;
        if found.tables == 0 {
            return Ok(Target::Empty);
        }
        if !found.migrated {
            return Ok(Target::Foreign);
        }
        if !found.ours {
            // Nothing but the list of migrations: a first start that was
            // broken off.
            return Ok(if found.tables == 1 {
                Target::Empty
            } else {
                Target::Foreign
            });
        }
        let counts = sqlx::query!(
            r#"SELECT (SELECT count(*) FROM users) AS "accounts!",
                      (SELECT count(*) FROM model_nodes) AS "nodes!""#
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(if counts.accounts == 0 && counts.nodes == 0 {
            Target::Empty
        } else {
            Target::Instance {
                accounts: counts.accounts,
            }
        })
    }

    /// What restores have set aside, or killed ones have left, and nobody has discarded, oldest first.
    pub async fn set_aside(&self) -> Result<Vec<SetAside>, TransferError> {
        let rows = sqlx::query!(
            r#"SELECT n.nspname::text AS "schema!",
                      coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint AS "size_bytes!"
                 FROM pg_namespace n
                 LEFT JOIN pg_class c ON c.relnamespace = n.oid AND c.relkind IN ('r', 'm')
                WHERE starts_with(n.nspname::text, $1) OR n.nspname::text = $2
                GROUP BY n.nspname ORDER BY n.nspname"#,
            SET_ASIDE,
            SCHEMA,
        )
        .fetch_all(&self.pool)
        .await?;
        let found = rows.into_iter().map(|row| SetAside {
            schema: row.schema,
            size_bytes: row.size_bytes,
        });
        Ok(found.collect())
    }

    /// Drops all that restores have set aside, and says what that was. Not while
    /// one is under way.
    pub async fn discard_set_aside(&self) -> Result<Vec<SetAside>, TransferError> {
        let mut connection = connection::open(self, NAME).await?;
        let locked = sqlx::query_scalar!(
            r#"SELECT pg_try_advisory_lock($1) AS "locked!""#,
            schema::LOCK
        )
        .fetch_one(&mut connection)
        .await?;
        if !locked {
            return Err(TransferError::InUse);
        }
        let found = self.set_aside().await?;
        for aside in &found {
            let drop = format!("DROP SCHEMA {} CASCADE", quoted(&aside.schema));
            connection.execute(AssertSqlSafe(drop)).await?;
        }
        connection::close(connection).await;
        Ok(found)
    }
}
