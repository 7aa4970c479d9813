//! The instance: what a visitor may know of it, and what an administrator sets.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Who may register.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RegistrationMode {
    /// Anyone.
    Open,
    /// Who has an invitation.
    Invitation,
    /// Nobody.
    Closed,
}

/// `GET /api/v1/instance`: open to all; what the sign-in page needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InstanceView {
    /// `OpenMake`, or what the administrator calls it.
    pub name: String,
    /// The program's version.
    pub version: String,
    /// Whether there is no administrator yet: the next to register becomes one.
    pub needs_setup: bool,
    /// Who may register.
    pub registration: RegistrationMode,
    /// Whether one may chat without an account.
    pub guests_allowed: bool,
    /// How short a password may be.
    pub password_min_length: u32,
    /// Whether a scripted model server is connected (`make demo`).
    pub demo: bool,
}

/// `GET /api/v1/settings`: for administrators.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SettingsView {
    /// What the instance is called.
    pub instance_name: String,
    /// Who may register.
    pub registration: RegistrationMode,
    /// Whether `registration` was set, or follows from the address that the
    /// server listens on.
    pub registration_is_default: bool,
    /// Whether one may chat without an account.
    pub guests_allowed: bool,
    /// The model of new conversations.
    pub default_model: String,
    /// Things an administrator should mend, such as cookies without Secure.
    pub warnings: Vec<SettingsWarning>,
}

/// Something an administrator should mend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SettingsWarning {
    /// Stable, for translation: `insecure_cookies`, …
    pub code: String,
    /// What it is and what to do.
    pub detail: String,
}

/// `PATCH /api/v1/settings`: what is absent stays.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateSettings {
    /// 1 to 60 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_name: Option<String>,
    /// Who may register.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registration: Option<RegistrationMode>,
    /// Whether one may chat without an account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guests_allowed: Option<bool>,
    /// The model of new conversations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_model: Option<String>,
}

/// `GET /health`: the process is up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Health {
    /// `ok`.
    pub status: String,
    /// The program's version.
    pub version: String,
    /// Seconds since it started.
    pub uptime_seconds: u64,
}

/// `GET /ready`: 200 when the database is migrated and reachable, else 503.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Readiness {
    /// Whether it can serve.
    pub ready: bool,
    /// `ok`, `unreachable` or `migrating`.
    pub database: String,
}
