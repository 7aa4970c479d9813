//! The moment in which a restored schema takes the place of the one in use.

use chrono::{DateTime, Utc};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};

use super::{
    TransferError, quoted,
    staging::{SCHEMA, allowed},
};

/// What the names of schemas begin with that hold what was replaced.
pub(super) const SET_ASIDE: &str = "openmake_replaced_";

/// What becomes of what was there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Previous {
    /// It is kept in a schema of its own, named by this time.
    SetAside(DateTime<Utc>),
    /// It is dropped: for a database that had nothing in it.
    Drop,
}

impl Previous {
    /// The schema that it is kept in.
    pub fn schema(&self) -> Option<String> {
        match self {
            Self::SetAside(at) => Some(format!("{SET_ASIDE}{}", at.format("%Y%m%d_%H%M%S"))),
            Self::Drop => None,
        }
    }
}

/// Moves everything in `home` away and what was staged there. It is the objects
/// that move, not the schemas: the database's role may own the one and not the
/// other, and extensions stay where they are.
pub(super) async fn swap(
    connection: &mut PgConnection,
    home: &str,
    previous: &Previous,
) -> Result<(), TransferError> {
    let mut tx = connection.begin().await?;
    let aside = previous
        .schema()
        .unwrap_or_else(|| format!("{SET_ASIDE}empty"));
    let create = format!("CREATE SCHEMA {}", quoted(&aside));
    tx.execute(AssertSqlSafe(create))
        .await
        .map_err(|source| allowed("make a schema in it", source))?;
    move_all(&mut tx, home, &aside).await?;
    move_all(&mut tx, SCHEMA, home).await?;
    tx.execute(AssertSqlSafe(format!("DROP SCHEMA {SCHEMA}")))
        .await?;
    if *previous == Previous::Drop {
        let drop = format!("DROP SCHEMA {} CASCADE", quoted(&aside));
        tx.execute(AssertSqlSafe(drop)).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// Moves tables, views, free sequences, routines and types. Indexes, the
/// sequences of columns and the types of rows follow their tables.
async fn move_all(
    connection: &mut PgConnection,
    from: &str,
    to: &str,
) -> Result<(), TransferError> {
    let objects = sqlx::query_scalar!(
        r#"SELECT object AS "object!" FROM (
             SELECT 1 AS rank,
                    CASE c.relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW'
                                   WHEN 'S' THEN 'SEQUENCE' WHEN 'f' THEN 'FOREIGN TABLE'
                                   ELSE 'TABLE' END
                    || format(' %I.%I', n.nspname, c.relname) AS object
               FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
              WHERE n.nspname = $1 AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
                AND NOT EXISTS (SELECT FROM pg_depend d
                                 WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
                                   AND (d.deptype = 'e'
                                        OR c.relkind = 'S' AND d.deptype IN ('a', 'i')
                                           AND d.refclassid = 'pg_class'::regclass))
             UNION ALL
             SELECT 2,
                    CASE p.prokind WHEN 'p' THEN 'PROCEDURE' WHEN 'a' THEN 'AGGREGATE'
                                   ELSE 'FUNCTION' END
                    || format(' %I.%I(%s)', n.nspname, p.proname,
                              pg_get_function_identity_arguments(p.oid))
               FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
              WHERE n.nspname = $1
                AND NOT EXISTS (SELECT FROM pg_depend d
                                 WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid
                                   AND d.deptype = 'e')
             UNION ALL
             SELECT 3,
                    CASE t.typtype WHEN 'd' THEN 'DOMAIN' ELSE 'TYPE' END
                    || format(' %I.%I', n.nspname, t.typname)
               FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
               LEFT JOIN pg_class c ON c.oid = t.typrelid
              WHERE n.nspname = $1
                AND (t.typtype IN ('e', 'd', 'r') OR t.typtype = 'c' AND c.relkind = 'c')
                AND NOT EXISTS (SELECT FROM pg_depend d
                                 WHERE d.classid = 'pg_type'::regclass AND d.objid = t.oid
                                   AND d.deptype = 'e')
           ) AS movable ORDER BY rank, object"#,
        from,
    )
    .fetch_all(&mut *connection)
    .await?;
    for object in objects {
        let set = format!("ALTER {object} SET SCHEMA {}", quoted(to));
        connection
            .execute(AssertSqlSafe(set))
            .await
            .map_err(|source| allowed("move what is in it", source))?;
    }
    Ok(())
}
