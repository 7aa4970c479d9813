//! What processes draw of a budget (`budget_periods`, `budget_slices`).
//!
//! Whoever changes a period locks its row before any slice, and slices are
//! locked in the order of their ids.

use std::time::Duration;

use chrono::NaiveDate;
use openmake_types::{BudgetId, ProcessId, SliceId};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    Budgets,
    ledger::{Account, Answer, Ledger, Wish},
};
use crate::StoreError;

/// A process's slice of one period of one budget, and what it wants of it.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// The slice; a new id for a new one.
    pub slice: SliceId,
    /// The budget.
    pub budget: BudgetId,
    /// The first day of the period.
    pub period_start: NaiveDate,
    /// Whose the slice is.
    pub process: ProcessId,
    /// The process's count of its writes to this slice, from 1.
    pub seq: i64,
    /// What it says and wants.
    pub wish: Wish,
    /// For how long the slice is left alone if nothing more is heard of it.
    pub keep_for: Duration,
}

/// What an exchange came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exchanged {
    /// The slice is as this says now.
    Settled {
        /// Whether the call that waits may begin.
        answer: Answer,
        /// The slice.
        account: Account,
        /// What no slice has.
        left: i64,
        /// The budget's limit.
        limit: i64,
    },
    /// The slice was taken for its process's death: what its calls might have
    /// used has been counted, and it is never to be used again.
    Gone,
}

/// What a process says of a slice from time to time.
#[derive(Debug, Clone, Copy)]
pub struct Renewal {
    /// The slice.
    pub slice: SliceId,
    /// The process's count of its writes to this slice.
    pub seq: i64,
    /// What calls that ended have used.
    pub used: i64,
    /// What calls may have used at the most.
    pub committed: i64,
}

/// How much of a slice calls that ended have used, in all: writing it again
/// changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SliceUse {
    /// The slice.
    pub slice: SliceId,
    /// What was used of it.
    pub used: i64,
}

/// A slice whose calls have all ended.
#[derive(Debug, Clone, Copy)]
pub struct Closing {
    /// The slice and what was used of it.
    pub slice: SliceUse,
    /// Its budget.
    pub budget: BudgetId,
    /// The first day of its period.
    pub period_start: NaiveDate,
}

struct Row {
    id: Uuid,
    amount: i64,
    used: i64,
    committed: i64,
}

impl Row {
    const fn account(&self) -> Account {
        Account {
            amount: self.amount,
            used: self.used,
            committed: self.committed,
        }
    }
}

impl Budgets<'_> {
    /// Brings a slice's books up to date and draws what a call needs. Slices of
    /// silent processes go back first. `NotFound` when the budget is gone.
    pub async fn exchange(&self, exchange: &Exchange) -> Result<Exchanged, StoreError> {
        let mut tx = self.0.pool.begin().await?;
        let mut ledger = lock_or_open(&mut tx, exchange.budget, exchange.period_start).await?;
        let (own, expired) = lock_slices(&mut tx, exchange).await?;
        if own.is_none() && exchange.seq > 1 {
            return Ok(Exchanged::Gone);
        }
        for slice in &expired {
            ledger.expire(slice.account());
        }
        let mut account = own.map(|row| row.account()).unwrap_or_default();
        let answer = ledger.exchange(&mut account, &exchange.wish);
        remove(&mut tx, &expired).await?;
        write_slice(&mut tx, exchange, account).await?;
        write_ledger(&mut tx, exchange.budget, exchange.period_start, ledger).await?;
        tx.commit().await?;
        Ok(Exchanged::Settled {
            answer,
            account,
            left: ledger.left(),
            limit: ledger.limit,
        })
    }

    /// Says of many slices at once how much was used, and that their process
    /// lives. Gives those that are still there.
    pub async fn renew(
        &self,
        renewals: &[Renewal],
        keep_for: Duration,
    ) -> Result<Vec<SliceId>, StoreError> {
        let ids: Vec<Uuid> = renewals.iter().map(|one| one.slice.as_uuid()).collect();
        let column = |value: fn(&Renewal) -> i64| renewals.iter().map(value).collect::<Vec<_>>();
        let kept = sqlx::query_scalar!(
            r#"WITH locked AS MATERIALIZED (
                   SELECT id FROM budget_slices WHERE id = ANY ($1) ORDER BY id FOR NO KEY UPDATE
               )
               UPDATE budget_slices s
                  SET used = greatest(s.used, n.used),
                      committed = CASE WHEN n.seq > s.seq THEN n.committed ELSE s.committed END,
                      seq = greatest(s.seq, n.seq),
                      expires_at = clock_timestamp() + make_interval(secs => $5)
                 FROM locked
                 JOIN unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[])
                      AS n (id, seq, used, committed) USING (id)
                WHERE s.id = locked.id
               RETURNING s.id"#,
            &ids,
            &column(|one| one.seq),
            &column(|one| one.used),
            &column(|one| one.committed),
            keep_for.as_secs_f64(),
        )
        .fetch_all(&self.0.pool)
        .await?;
        Ok(kept.into_iter().map(SliceId::from_uuid).collect())
    }

    /// Closes a slice: what it did not use goes back. One that is gone is
    /// closed already.
    pub async fn close(&self, closing: &Closing) -> Result<(), StoreError> {
        let (budget, start) = (closing.budget, closing.period_start);
        let mut tx = self.0.pool.begin().await?;
        let Some(mut ledger) = lock(&mut tx, budget, start).await? else {
            return Ok(());
        };
        let closed = sqlx::query_as!(
            Row,
            "DELETE FROM budget_slices WHERE id = $1 RETURNING id, amount, used, committed",
            closing.slice.slice.as_uuid(),
        )
        .fetch_optional(&mut *tx)
        .await?;
        let Some(row) = closed else { return Ok(()) };
        let mut account = row.account();
        account.used = account.used.max(closing.slice.used);
        ledger.close(account);
        write_ledger(&mut tx, budget, start, ledger).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Says that all processes but `process` are gone, so that their slices are
    /// taken back by the next call; how many there were.
    pub async fn expire_except(&self, process: ProcessId) -> Result<u64, StoreError> {
        let expired = sqlx::query!(
            "UPDATE budget_slices SET expires_at = clock_timestamp()
              WHERE process <> $1 AND expires_at > clock_timestamp()",
            process.as_uuid(),
        )
        .execute(&self.0.pool)
        .await?;
        Ok(expired.rows_affected())
    }

    /// Gives back the slices of all silent processes; how many there were.
    pub(crate) async fn reclaim(&self) -> Result<u64, StoreError> {
        let periods = sqlx::query!(
            "SELECT DISTINCT budget_id, period_start FROM budget_slices
              WHERE expires_at <= clock_timestamp()",
        )
        .fetch_all(&self.0.pool)
        .await?;
        let mut reclaimed = 0;
        for period in periods {
            let budget = BudgetId::from_uuid(period.budget_id);
            let mut tx = self.0.pool.begin().await?;
            let Some(mut ledger) = lock(&mut tx, budget, period.period_start).await? else {
                continue;
            };
            let expired = lock_expired(&mut tx, budget, period.period_start).await?;
            for slice in &expired {
                ledger.expire(slice.account());
            }
            remove(&mut tx, &expired).await?;
            write_ledger(&mut tx, budget, period.period_start, ledger).await?;
            tx.commit().await?;
            reclaimed += expired.len() as u64;
        }
        Ok(reclaimed)
    }

    /// Forgets periods that began before `cut` and have no open slice.
    pub(crate) async fn forget_before(&self, cut: NaiveDate) -> Result<u64, StoreError> {
        let forgotten = sqlx::query!(
            "DELETE FROM budget_periods p
              WHERE p.period_start < $1
                AND NOT EXISTS (SELECT FROM budget_slices s
                                 WHERE s.budget_id = p.budget_id
                                   AND s.period_start = p.period_start)",
            cut,
        )
        .execute(&self.0.pool)
        .await?;
        Ok(forgotten.rows_affected())
    }
}

/// Writes what calls of one process have used, within the transaction that
/// stores what the calls were for.
pub(crate) async fn settle(
    connection: &mut PgConnection,
    uses: &[SliceUse],
) -> Result<(), StoreError> {
    if uses.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = uses.iter().map(|one| one.slice.as_uuid()).collect();
    let totals: Vec<i64> = uses.iter().map(|one| one.used).collect();
    sqlx::query!(
        "WITH locked AS MATERIALIZED (
             SELECT id FROM budget_slices WHERE id = ANY ($1) ORDER BY id FOR NO KEY UPDATE
         )
         UPDATE budget_slices s
            SET used = greatest(s.used, n.used), committed = greatest(s.committed, n.used)
           FROM locked JOIN unnest($1::uuid[], $2::bigint[]) AS n (id, used) USING (id)
          WHERE s.id = locked.id",
        &ids,
        &totals,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The period, locked; opened if this is the first call of it.
async fn lock_or_open(
    connection: &mut PgConnection,
    budget: BudgetId,
    start: NaiveDate,
) -> Result<Ledger, StoreError> {
    if let Some(ledger) = lock(connection, budget, start).await? {
        return Ok(ledger);
    }
    sqlx::query!(
        "INSERT INTO budget_periods (budget_id, period_start)
         SELECT id, $2 FROM budgets WHERE id = $1
         ON CONFLICT DO NOTHING",
        budget.as_uuid(),
        start,
    )
    .execute(&mut *connection)
    .await?;
    lock(connection, budget, start)
        .await?
        .ok_or(StoreError::NotFound)
}

async fn lock(
    connection: &mut PgConnection,
    budget: BudgetId,
    start: NaiveDate,
) -> Result<Option<Ledger>, StoreError> {
    Ok(sqlx::query_as!(
        Ledger,
        r#"SELECT b.amount AS "limit", p.spent, p.drawn
             FROM budget_periods p JOIN budgets b ON b.id = p.budget_id
            WHERE p.budget_id = $1 AND p.period_start = $2
              FOR NO KEY UPDATE OF p"#,
        budget.as_uuid(),
        start,
    )
    .fetch_optional(connection)
    .await?)
}

/// The caller's own slice, if it is there, and those of silent processes.
async fn lock_slices(
    connection: &mut PgConnection,
    exchange: &Exchange,
) -> Result<(Option<Row>, Vec<Row>), StoreError> {
    let own = exchange.slice.as_uuid();
    let mut rows = sqlx::query_as!(
        Row,
        "SELECT id, amount, used, committed FROM budget_slices
          WHERE budget_id = $1 AND period_start = $2
            AND (id = $3 OR expires_at <= clock_timestamp())
          ORDER BY id FOR NO KEY UPDATE",
        exchange.budget.as_uuid(),
        exchange.period_start,
        own,
    )
    .fetch_all(connection)
    .await?;
    let place = rows.iter().position(|row| row.id == own);
    let own = place.map(|place| rows.swap_remove(place));
    Ok((own, rows))
}

async fn lock_expired(
    connection: &mut PgConnection,
    budget: BudgetId,
    start: NaiveDate,
) -> Result<Vec<Row>, StoreError> {
    Ok(sqlx::query_as!(
        Row,
        "SELECT id, amount, used, committed FROM budget_slices
          WHERE budget_id = $1 AND period_start = $2 AND expires_at <= clock_timestamp()
          ORDER BY id FOR NO KEY UPDATE",
        budget.as_uuid(),
        start,
    )
    .fetch_all(connection)
    .await?)
}

async fn remove(connection: &mut PgConnection, slices: &[Row]) -> Result<(), StoreError> {
    if slices.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = slices.iter().map(|slice| slice.id).collect();
    sqlx::query!("DELETE FROM budget_slices WHERE id = ANY ($1)", &ids)
        .execute(connection)
        .await?;
    Ok(())
}

async fn write_slice(
    connection: &mut PgConnection,
    exchange: &Exchange,
    account: Account,
) -> Result<(), StoreError> {
    sqlx::query!(
        "INSERT INTO budget_slices AS s
             (id, budget_id, period_start, process, amount, used, committed, seq, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, clock_timestamp() + make_interval(secs => $9))
         ON CONFLICT (id) DO UPDATE
            SET amount = excluded.amount, used = excluded.used,
                committed = excluded.committed, seq = greatest(s.seq, excluded.seq),
                expires_at = excluded.expires_at",
        exchange.slice.as_uuid(),
        exchange.budget.as_uuid(),
        exchange.period_start,
        exchange.process.as_uuid(),
        account.amount,
        account.used,
        account.committed,
        exchange.seq,
        exchange.keep_for.as_secs_f64(),
    )
    .execute(connection)
    .await?;
    Ok(())
}

async fn write_ledger(
    connection: &mut PgConnection,
    budget: BudgetId,
    start: NaiveDate,
    ledger: Ledger,
) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE budget_periods SET spent = $3, drawn = $4
          WHERE budget_id = $1 AND period_start = $2",
        budget.as_uuid(),
        start,
        ledger.spent,
        ledger.drawn,
    )
    .execute(connection)
    .await?;
    Ok(())
}
