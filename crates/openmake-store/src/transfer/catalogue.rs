//! What there is, from the database's own catalogue.

use chrono::NaiveDate;
use sqlx::{AssertSqlSafe, PgConnection};

use super::{
    AppliedMigration, ColumnShape, PartitionShape, SequenceState, TableShape, TransferError, quoted,
};

/// Tables that no backup carries, and why. Everything else is carried.
pub const EXCLUDED: &[(&str, &str)] = &[(
    "_sqlx_migrations",
    "the schema stands in the manifest, and is made again by the migrations themselves",
)];

/// Every table with its columns and partitions, by name; without row counts.
pub(super) async fn tables(
    connection: &mut PgConnection,
) -> Result<Vec<TableShape>, TransferError> {
    let columns = sqlx::query!(
        r#"SELECT c.relname::text AS "table!", a.attname::text AS "column!",
                  format_type(a.atttypid, a.atttypmod) AS "kind!"
             FROM pg_class c
             JOIN pg_attribute a ON a.attrelid = c.oid
            WHERE c.relnamespace = to_regnamespace(quote_ident(current_schema()))
              AND c.relkind IN ('r', 'p') AND NOT c.relispartition
              AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
              AND NOT EXISTS (SELECT FROM pg_depend d
                               WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
                                 AND d.deptype = 'e')
            ORDER BY c.relname, a.attnum"#
    )
    .fetch_all(&mut *connection)
    .await?;
    let mut tables: Vec<TableShape> = Vec::new();
    for row in columns {
        if EXCLUDED.iter().any(|(name, _)| *name == row.table) {
            continue;
        }
        let column = ColumnShape {
            name: row.column,
            kind: row.kind,
        };
        match tables.last_mut().filter(|last| last.name == row.table) {
            Some(table) => table.columns.push(column),
            None => tables.push(TableShape {
                name: row.table,
                columns: vec![column],
                partitions: Vec::new(),
                rows: 0,
            }),
        }
    }
    for (parent, partition) in partitions(connection).await? {
        if let Some(table) = tables.iter_mut().find(|table| table.name == parent) {
            table.partitions.push(partition);
        }
    }
    Ok(tables)
}

/// Partitions with their tables, by name.
async fn partitions(
    connection: &mut PgConnection,
) -> Result<Vec<(String, PartitionShape)>, TransferError> {
    let rows = sqlx::query!(
        r#"SELECT p.relname::text AS "parent!", c.relname::text AS "name!",
                  c.relkind = 'r' AS "leaf!",
                  pg_get_expr(c.relpartbound, c.oid) AS "bound!"
             FROM pg_inherits i
             JOIN pg_class p ON p.oid = i.inhparent
             JOIN pg_class c ON c.oid = i.inhrelid
            WHERE p.relnamespace = to_regnamespace(quote_ident(current_schema()))
              AND c.relispartition AND c.relkind IN ('r', 'p')
            ORDER BY c.relname"#
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|row| {
            let days = days_of(&row.bound).filter(|_| row.leaf);
            let (from, to) = days.ok_or_else(|| {
                TransferError::Unsupported(format!(
                    "the partition `{}` is not one by days: {}",
                    row.name, row.bound
                ))
            })?;
            let name = row.name;
            Ok((row.parent, PartitionShape { name, from, to }))
        })
        .collect()
}

/// The two days of `FOR VALUES FROM ('…') TO ('…')`.
fn days_of(bound: &str) -> Option<(NaiveDate, NaiveDate)> {
    let rest = bound.strip_prefix("FOR VALUES FROM ('")?;
    let (from, rest) = rest.split_once("') TO ('")?;
    let to = rest.strip_suffix("')")?;
    Some((from.parse().ok()?, to.parse().ok()?))
}

/// Every sequence and where it is.
pub(super) async fn sequences(
    connection: &mut PgConnection,
) -> Result<Vec<SequenceState>, TransferError> {
    let rows = sqlx::query!(
        r#"SELECT sequencename::text AS "name!", last_value
             FROM pg_sequences WHERE schemaname = current_schema()
            ORDER BY sequencename"#
    )
    .fetch_all(connection)
    .await?;
    let state = rows.into_iter().map(|row| SequenceState {
        name: row.name,
        last: row.last_value,
    });
    Ok(state.collect())
}

/// The migrations that were applied, in order.
pub(super) async fn migrations(
    connection: &mut PgConnection,
) -> Result<Vec<AppliedMigration>, TransferError> {
    // Not checked when compiling: the table is sqlx's own.
    let rows: Vec<(i64, Vec<u8>)> = sqlx::query_as(
        "SELECT version, checksum FROM _sqlx_migrations WHERE success ORDER BY version",
    )
    .fetch_all(connection)
    .await?;
    let applied = rows
        .into_iter()
        .map(|(version, checksum)| AppliedMigration {
            version,
            checksum: hex::encode(checksum),
        });
    Ok(applied.collect())
}

/// How many rows a table has.
pub(super) async fn count(
    connection: &mut PgConnection,
    table: &str,
) -> Result<u64, TransferError> {
    let statement = format!("SELECT count(*) FROM {}", quoted(table));
    let rows: i64 = sqlx::query_scalar(AssertSqlSafe(statement))
        .fetch_one(connection)
        .await?;
    Ok(u64::try_from(rows).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_days_are_a_partition_that_is_understood() {
        let day = |text: &str| text.parse::<NaiveDate>().expect("a day");
        assert_eq!(
            days_of("FOR VALUES FROM ('2026-11-23') TO ('2026-11-24')"),
            Some((day("2026-11-23"), day("2026-11-24")))
        );
        for other in [
            "DEFAULT",
            "FOR VALUES IN (1)",
            "FOR VALUES FROM (MINVALUE) TO ('2026-11-24')",
            "FOR VALUES FROM ('2026-11-23') TO ('2026-11-24'); DROP TABLE users; --')",
        ] {
            assert_eq!(days_of(other), None, "{other}");
        }
    }
}
