//! Limits on tokens and money (`budgets`), and what is drawn of them.
//!
//! [`ledger`] is the arithmetic, [`slices`] its rows. A budget is changed by
//! administrators; each process follows all of them through
//! [`Budgets::news`].

pub mod ledger;
mod news;
pub mod slices;

use chrono::{DateTime, NaiveDate, Utc};
use openmake_types::{BudgetId, BudgetPeriod, BudgetSubject, BudgetUnit, UserId};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    PageRequest, Position, Rows, Store, StoreError,
    audit::{self, NewAudit},
    error::parsed,
};

pub use news::{Fingerprint, Membership, News};

/// The largest limit: what a price in millionths times any count of tokens
/// stays far below.
pub const MAX_LIMIT: u64 = 1_000_000_000_000_000;

/// A limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budget {
    /// Its id.
    pub id: BudgetId,
    /// Whom it binds.
    pub subject: BudgetSubject,
    /// The key, account or group.
    pub subject_id: Uuid,
    /// What it counts.
    pub unit: BudgetUnit,
    /// After what time it begins anew.
    pub period: BudgetPeriod,
    /// How much, in tokens or millionths of the currency.
    pub limit: i64,
    /// Rises with every change.
    pub version: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// A budget, and how far it is used in the period that is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BudgetStatus {
    /// The budget.
    pub budget: Budget,
    /// What its subject is called.
    pub subject_name: String,
    /// The first day of the period.
    pub period_start: NaiveDate,
    /// What was used.
    pub spent: i64,
    /// What processes hold for calls that run or may come.
    pub reserved: i64,
}

/// A budget to make.
#[derive(Debug, Clone)]
pub struct NewBudget {
    /// Its id.
    pub id: BudgetId,
    /// Whom it binds.
    pub subject: BudgetSubject,
    /// The key, account or group.
    pub subject_id: Uuid,
    /// What it counts.
    pub unit: BudgetUnit,
    /// After what time it begins anew.
    pub period: BudgetPeriod,
    /// How much, at most [`MAX_LIMIT`].
    pub limit: i64,
    /// Now.
    pub now: DateTime<Utc>,
}

/// Which budgets to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BudgetFilter {
    /// Only of this kind of subject.
    pub subject: Option<BudgetSubject>,
    /// Only of this key, account or group.
    pub subject_id: Option<Uuid>,
}

/// Budgets.
#[derive(Debug, Clone, Copy)]
pub struct Budgets<'a>(&'a Store);

impl Store {
    /// Limits on tokens and money.
    pub const fn budgets(&self) -> Budgets<'_> {
        Budgets(self)
    }
}

/// A row of `budgets` and what is known of its period.
struct Row {
    id: Uuid,
    subject: String,
    subject_id: Uuid,
    unit: String,
    period: String,
    amount: i64,
    version: i64,
    created_at: DateTime<Utc>,
    spent: i64,
    reserved: i64,
    subject_name: String,
}

impl Row {
    fn read(self, now: DateTime<Utc>) -> Result<BudgetStatus, StoreError> {
        let period: BudgetPeriod = parsed("budgets.period", &self.period)?;
        Ok(BudgetStatus {
            period_start: period.start(now),
            spent: self.spent,
            reserved: self.reserved,
            subject_name: self.subject_name,
            budget: Budget {
                id: BudgetId::from_uuid(self.id),
                subject: parsed("budgets' subject", &self.subject)?,
                subject_id: self.subject_id,
                unit: parsed("budgets.unit", &self.unit)?,
                period,
                limit: self.amount,
                version: self.version,
                created_at: self.created_at,
            },
        })
    }
}

/// Which rows [`read`] reads.
#[derive(Default)]
struct Wanted {
    id: Option<Uuid>,
    of_person: Option<Uuid>,
    filter: BudgetFilter,
    after: (Option<DateTime<Utc>>, Option<Uuid>),
    limit: Option<i64>,
}

impl Budgets<'_> {
    /// Makes a budget. `NotFound` when there is no such key, account or group;
    /// conflict `BudgetExists` when it has one of this unit and period.
    pub async fn create(
        &self,
        budget: &NewBudget,
        audit: &NewAudit,
    ) -> Result<BudgetStatus, StoreError> {
        let of = |subject| (budget.subject == subject).then_some(budget.subject_id);
        let mut tx = self.0.pool.begin().await?;
        sqlx::query!(
            "INSERT INTO budgets (id, api_key_id, user_id, group_id, unit, period, amount,
                                  created_at, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)",
            budget.id.as_uuid(),
            of(BudgetSubject::Key),
            of(BudgetSubject::User),
            of(BudgetSubject::Group),
            budget.unit.as_str(),
            budget.period.as_str(),
            budget.limit,
            budget.now,
        )
        .execute(&mut *tx)
        .await?;
        changed(&mut tx).await?;
        audit::write(&mut tx, audit, None).await?;
        let made = read_one(&mut tx, budget.id, budget.now).await?;
        tx.commit().await?;
        Ok(made)
    }

    /// Sets another limit, for the period that is now as well.
    pub async fn set_limit(
        &self,
        id: BudgetId,
        limit: i64,
        now: DateTime<Utc>,
        audit: &NewAudit,
    ) -> Result<BudgetStatus, StoreError> {
        let mut tx = self.0.pool.begin().await?;
        let set = sqlx::query!(
            "UPDATE budgets SET amount = $2, version = version + 1, updated_at = $3 WHERE id = $1",
            id.as_uuid(),
            limit,
            now,
        )
        .execute(&mut *tx)
        .await?;
        if set.rows_affected() == 0 {
            return Err(StoreError::NotFound);
        }
        changed(&mut tx).await?;
        audit::write(&mut tx, audit, None).await?;
        let budget = read_one(&mut tx, id, now).await?;
        tx.commit().await?;
        Ok(budget)
    }

    /// Removes a budget with all that was drawn of it.
    pub async fn remove(&self, id: BudgetId, audit: &NewAudit) -> Result<(), StoreError> {
        let mut tx = self.0.pool.begin().await?;
        let removed = sqlx::query!("DELETE FROM budgets WHERE id = $1", id.as_uuid())
            .execute(&mut *tx)
            .await?;
        if removed.rows_affected() == 0 {
            return Err(StoreError::NotFound);
        }
        changed(&mut tx).await?;
        audit::write(&mut tx, audit, None).await?;
        tx.commit().await?;
        Ok(())
    }

    /// One.
    pub async fn get(&self, id: BudgetId, now: DateTime<Utc>) -> Result<BudgetStatus, StoreError> {
        let mut connection = self.0.pool.acquire().await?;
        read_one(&mut connection, id, now).await
    }

    /// Those that fit, oldest first.
    pub async fn list(
        &self,
        filter: BudgetFilter,
        page: PageRequest,
        now: DateTime<Utc>,
    ) -> Result<Rows<BudgetStatus>, StoreError> {
        let mut connection = self.0.pool.acquire().await?;
        let wanted = Wanted {
            filter,
            after: page.after(),
            limit: Some(page.fetch()),
            ..Wanted::default()
        };
        let items = read(&mut connection, &wanted, now).await?;
        Ok(Rows::cut(items, page, |status: &BudgetStatus| Position {
            at: status.budget.created_at,
            id: status.budget.id.as_uuid(),
        }))
    }

    /// Those that bind calls of this account: its own, those of its keys and
    /// those of its groups.
    pub async fn of_user(
        &self,
        user: UserId,
        now: DateTime<Utc>,
    ) -> Result<Vec<BudgetStatus>, StoreError> {
        let mut connection = self.0.pool.acquire().await?;
        let wanted = Wanted {
            of_person: Some(user.as_uuid()),
            ..Wanted::default()
        };
        read(&mut connection, &wanted, now).await
    }
}

async fn read_one(
    connection: &mut PgConnection,
    id: BudgetId,
    now: DateTime<Utc>,
) -> Result<BudgetStatus, StoreError> {
    let wanted = Wanted {
        id: Some(id.as_uuid()),
        ..Wanted::default()
    };
    let found = read(connection, &wanted, now).await?;
    found.into_iter().next().ok_or(StoreError::NotFound)
}

/// Budgets with what was used of their period. The slice of a process that was
/// silent for too long counts as it will when it is taken back.
async fn read(
    connection: &mut PgConnection,
    wanted: &Wanted,
    now: DateTime<Utc>,
) -> Result<Vec<BudgetStatus>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT b.id, b.unit, b.period, b.amount, b.version, b.created_at,
                  CASE WHEN b.user_id IS NOT NULL THEN 'user'
                       WHEN b.group_id IS NOT NULL THEN 'group'
                       ELSE 'key' END AS "subject!",
                  coalesce(b.user_id, b.group_id, b.api_key_id) AS "subject_id!",
                  coalesce((SELECT display_name FROM users WHERE id = b.user_id),
                           (SELECT name FROM user_groups WHERE id = b.group_id),
                           (SELECT name FROM api_keys WHERE id = b.api_key_id), '')
                      AS "subject_name!",
                  (coalesce(p.spent, 0) + coalesce(s.used, 0))::bigint AS "spent!",
                  coalesce(s.reserved, 0)::bigint AS "reserved!"
             FROM budgets b
             LEFT JOIN budget_periods p
                    ON p.budget_id = b.id
                   AND p.period_start = CASE b.period WHEN 'day' THEN $1::date ELSE $2::date END
             LEFT JOIN LATERAL (
                  SELECT sum(CASE WHEN expires_at <= clock_timestamp()
                                  THEN greatest(used, committed) ELSE used END) AS used,
                         sum(CASE WHEN expires_at <= clock_timestamp()
                                  THEN 0 ELSE greatest(amount - used, 0) END) AS reserved
                    FROM budget_slices
                   WHERE budget_id = p.budget_id AND period_start = p.period_start) s ON true
            WHERE ($3::uuid IS NULL OR b.id = $3)
              AND ($4::uuid IS NULL OR b.user_id = $4
                   OR b.group_id IN (SELECT group_id FROM user_group_members WHERE user_id = $4)
                   OR b.api_key_id IN (SELECT id FROM api_keys
                                        WHERE user_id = $4 AND revoked_at IS NULL))
              AND ($5::text IS NULL
                   OR CASE $5 WHEN 'user' THEN b.user_id WHEN 'group' THEN b.group_id
                              ELSE b.api_key_id END IS NOT NULL)
              AND ($6::uuid IS NULL OR $6 IN (b.user_id, b.group_id, b.api_key_id))
              AND ($7::timestamptz IS NULL OR (b.created_at, b.id) > ($7, $8::uuid))
            ORDER BY b.created_at, b.id
            LIMIT $9"#,
        BudgetPeriod::Day.start(now),
        BudgetPeriod::Month.start(now),
        wanted.id,
        wanted.of_person,
        wanted.filter.subject.map(BudgetSubject::as_str),
        wanted.filter.subject_id,
        wanted.after.0,
        wanted.after.1,
        wanted.limit,
    )
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(|row| row.read(now)).collect()
}

/// Something changed that every process has to read again. In a transaction it
/// comes before the entry in the audit trail: all changes meet at this row.
pub(crate) async fn changed(connection: &mut PgConnection) -> Result<(), StoreError> {
    sqlx::query!("UPDATE budget_feed SET version = version + 1")
        .execute(connection)
        .await?;
    Ok(())
}
