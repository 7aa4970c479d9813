//! Limits that administrators set at run time (`instance_limits`).

use chrono::{DateTime, Utc};
use openmake_types::{Limit, Limits as Set};

use crate::{
    Store, StoreError,
    audit::{self, NewAudit},
    settings,
};

/// The limits.
#[derive(Debug, Clone, Copy)]
pub struct Limits<'a>(&'a Store);

impl Store {
    /// Limits that administrators set at run time.
    pub const fn limits(&self) -> Limits<'_> {
        Limits(self)
    }
}

impl Limits<'_> {
    /// Those that are set. What only a later version knows is left out.
    pub async fn get(&self) -> Result<Set, StoreError> {
        let rows = sqlx::query!("SELECT name, amount FROM instance_limits")
            .fetch_all(&self.0.pool)
            .await?;
        let known = rows.into_iter().filter_map(|row| {
            let limit: Limit = row.name.parse().ok()?;
            Some((limit, u64::try_from(row.amount).ok()?))
        });
        Ok(known.collect())
    }

    /// Sets limits, or takes them back to the configuration (None). Gives the
    /// settings' new version.
    pub async fn change(
        &self,
        changes: &[(Limit, Option<u64>)],
        now: DateTime<Utc>,
        audit: &NewAudit,
    ) -> Result<i64, StoreError> {
        let mut tx = self.0.pool.begin().await?;
        // First, so that changes take their turns at this row.
        let version = settings::touch(&mut tx).await?;
        for (limit, amount) in changes {
            // The bounds of every limit are far below.
            let amount = amount.map(|amount| i64::try_from(amount).unwrap_or(i64::MAX));
            if let Some(amount) = amount {
                sqlx::query!(
                    "INSERT INTO instance_limits (name, amount, updated_at) VALUES ($1, $2, $3)
                     ON CONFLICT (name) DO UPDATE SET amount = $2, updated_at = $3",
                    limit.as_str(),
                    amount,
                    now,
                )
                .execute(&mut *tx)
                .await?;
            } else {
                sqlx::query!(
                    "DELETE FROM instance_limits WHERE name = $1",
                    limit.as_str()
                )
                .execute(&mut *tx)
                .await?;
            }
        }
        audit::write(&mut tx, audit, None).await?;
        tx.commit().await?;
        Ok(version)
    }
}
