//! Which models the accounts of a role may ask (`role_models`).
//!
//! It narrows what groups and keys allow, inside the database's
//! `user_allowed_models`.

use chrono::{DateTime, Utc};
use openmake_types::Role;

use crate::{
    Store, StoreError,
    audit::{self, NewAudit},
    error::parsed,
    model_access, settings,
};

/// What a role allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleModels {
    /// The role.
    pub role: Role,
    /// The models that its accounts may ask, 1 to 200; None is all.
    pub allowed_models: Option<Vec<String>>,
    /// When it last changed.
    pub changed_at: DateTime<Utc>,
}

/// What roles allow.
#[derive(Debug, Clone, Copy)]
pub struct RoleAccess<'a>(&'a Store);

impl Store {
    /// Which models the accounts of a role may ask.
    pub const fn role_models(&self) -> RoleAccess<'_> {
        RoleAccess(self)
    }
}

impl RoleAccess<'_> {
    /// Of every role, administrators first.
    pub async fn list(&self) -> Result<Vec<RoleModels>, StoreError> {
        let rows = sqlx::query!(
            "SELECT role, allowed_models, changed_at FROM role_models
              ORDER BY array_position(ARRAY['admin', 'user', 'guest'], role)",
        )
        .fetch_all(&self.0.pool)
        .await?;
        rows.into_iter()
            .map(|row| {
                Ok(RoleModels {
                    role: parsed("role_models.role", &row.role)?,
                    allowed_models: row.allowed_models,
                    changed_at: row.changed_at,
                })
            })
            .collect()
    }

    /// Sets what a role allows; None is all. Gives the settings' new version.
    pub async fn set(
        &self,
        role: Role,
        allowed_models: Option<&[String]>,
        audit: &NewAudit,
    ) -> Result<i64, StoreError> {
        let models = allowed_models.map(model_access::storable);
        let mut tx = self.0.pool.begin().await?;
        let version = settings::touch(&mut tx).await?;
        sqlx::query!(
            "UPDATE role_models SET allowed_models = $2, changed_at = clock_timestamp()
              WHERE role = $1",
            role.as_str(),
            models.as_deref(),
        )
        .execute(&mut *tx)
        .await?;
        audit::write(&mut tx, audit, None).await?;
        tx.commit().await?;
        Ok(version)
    }
}
