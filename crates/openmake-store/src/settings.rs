//! What administrators set at run time (`instance_settings`).

use crate::{Store, StoreError, audit::NewAudit};

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
        let _ = self.0;
        todo!()
    }

    /// Changes them, and says what they are then.
    pub async fn change(
        &self,
        change: &SettingsChange,
        audit: &NewAudit,
    ) -> Result<InstanceSettings, StoreError> {
        let _ = (change, audit);
        todo!()
    }
}
