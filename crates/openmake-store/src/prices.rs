//! What models cost (`model_prices`).

use chrono::{DateTime, Utc};
use openmake_types::TokenPrice;

use crate::{
    Store, StoreError,
    audit::{self, NewAudit},
    budgets::changed,
    text::storable,
};

/// The highest price: a million a token.
pub const MAX_PRICE: u64 = 1_000_000_000_000;

/// A model's price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelPrice {
    /// The real model's name.
    pub model: String,
    /// What its tokens cost.
    pub price: TokenPrice,
    /// When it was set.
    pub updated_at: DateTime<Utc>,
}

/// What models cost.
#[derive(Debug, Clone, Copy)]
pub struct Prices<'a>(&'a Store);

impl Store {
    /// What models cost.
    pub const fn prices(&self) -> Prices<'_> {
        Prices(self)
    }
}

impl Prices<'_> {
    /// All, by the model's name.
    pub async fn list(&self) -> Result<Vec<ModelPrice>, StoreError> {
        let rows = sqlx::query!(
            "SELECT model, input_price, output_price, updated_at FROM model_prices ORDER BY model",
        )
        .fetch_all(&self.0.pool)
        .await?;
        let count = |number: i64| u64::try_from(number).unwrap_or(0);
        Ok(rows
            .into_iter()
            .map(|row| ModelPrice {
                model: row.model,
                price: TokenPrice {
                    input: count(row.input_price),
                    output: count(row.output_price),
                },
                updated_at: row.updated_at,
            })
            .collect())
    }

    /// Sets a model's price, for calls from now on.
    pub async fn set(&self, price: &ModelPrice, audit: &NewAudit) -> Result<(), StoreError> {
        let stored = |price: u64| i64::try_from(price.min(MAX_PRICE)).unwrap_or(0);
        let mut tx = self.0.pool.begin().await?;
        sqlx::query!(
            "INSERT INTO model_prices (model, input_price, output_price, updated_at)
             VALUES ($1, $2, $3, $4)
             ON CONFLICT (model) DO UPDATE
                SET input_price = excluded.input_price, output_price = excluded.output_price,
                    updated_at = excluded.updated_at",
            &*storable(&price.model),
            stored(price.price.input),
            stored(price.price.output),
            price.updated_at,
        )
        .execute(&mut *tx)
        .await?;
        changed(&mut tx).await?;
        audit::write(&mut tx, audit, None).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Removes a model's price: it costs nothing from now on.
    pub async fn remove(&self, model: &str, audit: &NewAudit) -> Result<(), StoreError> {
        let mut tx = self.0.pool.begin().await?;
        let removed = sqlx::query!(
            "DELETE FROM model_prices WHERE model = $1",
            &*storable(model),
        )
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
}
