//! What administrators set at run time (`instance_settings`).

use sqlx::PgConnection;

use crate::{
    Store, StoreError,
    audit::{self, NewAudit},
    text::storable_option,
};

/// The settings. None means "not set": the caller's default holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceSettings {
    /// What the instance is called.
    pub instance_name: Option<String>,
    /// `open`, `invitation` or `closed`.
    pub registration: Option<String>,
    /// Whether one may chat without an account.
    pub guests_allowed: Option<bool>,
    /// The model of new conversations.
    pub default_model: Option<String>,
    /// Rises with every change.
    pub version: i64,
}

/// A change: what is None stays.
#[derive(Debug, Clone, Default)]
pub struct SettingsChange {
    /// What the instance is called.
    pub instance_name: Option<String>,
    /// `open`, `invitation` or `closed`.
    pub registration: Option<&'static str>,
    /// Whether one may chat without an account.
    pub guests_allowed: Option<bool>,
    /// The model of new conversations.
    pub default_model: Option<String>,
}

/// The settings.
#[derive(Debug, Clone, Copy)]
pub struct Settings<'a>(&'a Store);

impl Store {
    /// What administrators set at run time.
    pub const fn settings(&self) -> Settings<'_> {
        Settings(self)
    }
}

impl Settings<'_> {
    /// As they are now.
    pub async fn get(&self) -> Result<InstanceSettings, StoreError> {
        Ok(sqlx::query_as!(
            InstanceSettings,
            "SELECT instance_name, registration, guests_allowed, default_model, version
               FROM instance_settings",
        )
        .fetch_one(&self.0.pool)
        .await?)
    }

    /// Changes them, and says what they are then.
    pub async fn change(
        &self,
        change: &SettingsChange,
        audit: &NewAudit,
    ) -> Result<InstanceSettings, StoreError> {
        let mut tx = self.0.pool.begin().await?;
        let settings = sqlx::query_as!(
            InstanceSettings,
            "UPDATE instance_settings
                SET instance_name = coalesce($1, instance_name),
                    registration = coalesce($2, registration),
                    guests_allowed = coalesce($3, guests_allowed),
                    default_model = coalesce($4, default_model),
                    version = version + 1,
                    updated_at = now()
             RETURNING instance_name, registration, guests_allowed, default_model, version",
            storable_option(change.instance_name.as_deref()),
            change.registration,
            change.guests_allowed,
            storable_option(change.default_model.as_deref()),
        )
        .fetch_one(&mut *tx)
        .await?;
        audit::write(&mut tx, audit, None).await?;
        tx.commit().await?;
        Ok(settings)
    }
}

/// Notes in a transaction that something changed which administrators set, and
/// gives the settings' new version.
pub(crate) async fn touch(connection: &mut PgConnection) -> Result<i64, StoreError> {
    Ok(sqlx::query_scalar!(
        "UPDATE instance_settings SET version = version + 1, updated_at = now() RETURNING version",
    )
    .fetch_one(connection)
    .await?)
}
