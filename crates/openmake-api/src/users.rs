//! Accounts as administrators see them, and the audit trail.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// An account as an administrator sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AdminUserView {
    /// The account.
    pub id: Uuid,
    /// Absent for a guest.
    pub email: Option<String>,
    /// What they call themselves.
    pub display_name: String,
    /// `admin`, `user` or `guest`.
    pub role: String,
    /// Whether they may sign in.
    pub is_active: bool,
    /// When they registered.
    pub created_at: DateTime<Utc>,
    /// When they last signed in.
    pub last_login: Option<DateTime<Utc>>,
}

/// `PATCH /api/v1/users/{id}`: what is absent stays. Their sessions end.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateUser {
    /// `admin` or `user`. The last administrator stays one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Whether they may sign in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_active: Option<bool>,
}

/// The query of `GET /api/v1/audit` and of its export.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AuditQuery {
    /// Only this act.
    pub action: Option<String>,
    /// Only by this account.
    pub user_id: Option<Uuid>,
    /// Only what ended so.
    #[param(inline)]
    pub outcome: Option<AuditOutcome>,
    /// Only from then on.
    pub from: Option<DateTime<Utc>>,
    /// Only before then.
    pub to: Option<DateTime<Utc>>,
    /// Only on this kind of thing: `node`, `user`, …
    pub resource_type: Option<String>,
    /// Only on this one.
    pub resource_id: Option<String>,
}

/// How an act ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AuditOutcome {
    /// It was done.
    Success,
    /// It was tried and did not work.
    Failure,
    /// It was refused.
    Denied,
}

/// One entry of the audit trail.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AuditView {
    /// The entry.
    pub id: Uuid,
    /// When.
    pub timestamp: DateTime<Utc>,
    /// What was done: `user.login`, `node.create`, …
    pub action: String,
    /// `success`, `failure` or `denied`.
    pub outcome: String,
    /// By whom, where that is known.
    pub user_id: Option<Uuid>,
    /// On what kind of thing.
    pub resource_type: Option<String>,
    /// On which.
    pub resource_id: Option<String>,
    /// What else there is to know; never a secret.
    pub details: Value,
    /// From where.
    pub ip_address: Option<String>,
    /// With what.
    pub user_agent: Option<String>,
    /// Names the request in the log.
    pub request_id: Option<String>,
    /// Its number in the chain.
    pub seq: Option<i64>,
    /// Its SHA-256 in hexadecimal digits, which covers the entry before it.
    pub hash: Option<String>,
}
