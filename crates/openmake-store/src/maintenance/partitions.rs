//! The partitions of `turn_events`, one a day.

use chrono::{DateTime, Days, NaiveDate, NaiveTime, TimeDelta, Utc};
use sqlx::{AssertSqlSafe, PgConnection};

use crate::{Store, StoreError};

/// What the names of partitions begin with; the day follows.
const PREFIX: &str = "turn_events_";
const DAY: &str = "%Y%m%d";

/// Whoever makes or drops partitions holds this lock.
const LOCK: i64 = 0x6f6d_6b5f_7061_7274;

/// The name of a day's partition.
pub(crate) fn name(day: NaiveDate) -> String {
    format!("{PREFIX}{}", day.format(DAY))
}

/// The day by the database's clock.
pub(super) async fn today(store: &Store) -> Result<NaiveDate, StoreError> {
    Ok(
        sqlx::query_scalar!(r#"SELECT (clock_timestamp() AT TIME ZONE 'UTC')::date AS "today!""#)
            .fetch_one(&store.pool)
            .await?,
    )
}

/// Makes a day's partition. False when it was there.
pub(crate) async fn ensure(store: &Store, day: NaiveDate) -> Result<bool, StoreError> {
    let name = name(day);
    let mut tx = store.pool.begin().await?;
    if exists(&mut tx, &name).await? {
        return Ok(false);
    }
    lock(&mut tx).await?;
    if exists(&mut tx, &name).await? {
        return Ok(false);
    }
    // Attaching lets others read and append meanwhile; `PARTITION OF` would
    // lock the whole log.
    sqlx::query(AssertSqlSafe(format!(
        "CREATE TABLE {name} (LIKE turn_events INCLUDING ALL)"
    )))
    .execute(&mut *tx)
    .await?;
    let next = day + Days::new(1);
    sqlx::query(AssertSqlSafe(format!(
        "ALTER TABLE turn_events ATTACH PARTITION {name} FOR VALUES FROM ('{day}') TO ('{next}')"
    )))
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(true)
}

/// Drops the partitions of days that are over by `keep`, unless a turn of the
/// day still runs or ended less than `keep` ago. Those that are made ahead of
/// need stay, whatever the caller's clock says.
pub(super) async fn drop_old(
    store: &Store,
    keep: TimeDelta,
    now: DateTime<Utc>,
) -> Result<u32, StoreError> {
    let needed_from = today(store).await? - Days::new(1);
    let mut dropped = 0;
    for day in days(store).await? {
        let end = (day + Days::new(1)).and_time(NaiveTime::MIN).and_utc();
        if day >= needed_from || end + keep > now {
            continue;
        }
        match drop_day(store, day, now - keep).await {
            Ok(gone) => dropped += u32::from(gone),
            Err(StoreError::Unavailable(error)) => {
                tracing::info!(%day, %error, "the day's log is in use and is dropped later");
            }
            Err(error) => return Err(error),
        }
    }
    Ok(dropped)
}

async fn days(store: &Store) -> Result<Vec<NaiveDate>, StoreError> {
    let names = sqlx::query_scalar!(
        r#"SELECT c.relname::text AS "name!"
             FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
            WHERE i.inhparent = 'turn_events'::regclass"#
    )
    .fetch_all(&store.pool)
    .await?;
    Ok(names
        .iter()
        .filter_map(|name| NaiveDate::parse_from_str(name.strip_prefix(PREFIX)?, DAY).ok())
        .collect())
}

async fn drop_day(
    store: &Store,
    day: NaiveDate,
    ended_before: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let name = name(day);
    let mut tx = store.pool.begin().await?;
    lock(&mut tx).await?;
    let needed = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM turns
                           WHERE log_day = $1
                             AND (finished_at IS NULL OR finished_at > $2)) AS "needed!""#,
        day,
        ended_before,
    )
    .fetch_one(&mut *tx)
    .await?;
    if needed || !exists(&mut tx, &name).await? {
        return Ok(false);
    }
    // Dropping waits for those who read the log, and those who come after wait
    // for it: better to try again in the next round than to hold them up.
    sqlx::query!("SET LOCAL lock_timeout = '1s'")
        .execute(&mut *tx)
        .await?;
    sqlx::query(AssertSqlSafe(format!("DROP TABLE {name}")))
        .execute(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok(true)
}

/// Read from the catalogue's tables: `to_regclass` may answer from a cache that
/// a transaction refreshes only when it locks a table.
async fn exists(connection: &mut PgConnection, name: &str) -> Result<bool, StoreError> {
    Ok(sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
                           WHERE i.inhparent = 'turn_events'::regclass
                             AND c.relname = $1) AS "exists!""#,
        name,
    )
    .fetch_one(connection)
    .await?)
}

async fn lock(connection: &mut PgConnection) -> Result<(), StoreError> {
    sqlx::query!("SELECT pg_advisory_xact_lock($1)", LOCK)
        .execute(connection)
        .await?;
    Ok(())
}
