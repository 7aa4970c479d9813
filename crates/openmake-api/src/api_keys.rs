//! Keys for programs.
//!
//! A key goes where an access token goes, `Authorization: Bearer omk_live_…`,
//! or into `X-API-Key`. Keys are made and changed by someone who is signed in;
//! no key can do it.

use std::fmt;

use chrono::{DateTime, Utc};
use openmake_types::Scope;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::Change;

/// What a key is for. It can do what its scopes say and its owner may, never
/// more; none reaches accounts, passwords, sessions, keys or groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ApiKeyScope {
    /// Ask models, start conversations and read one's own.
    Chat,
    /// Rename, archive, delete and export one's own conversations.
    Conversations,
    /// Read one's own usage.
    Usage,
    /// Read the process's metrics: for administrators' keys.
    Metrics,
    /// Model servers, settings, the audit trail and metrics: for
    /// administrators' keys.
    Admin,
}

impl From<ApiKeyScope> for Scope {
    fn from(scope: ApiKeyScope) -> Self {
        match scope {
            ApiKeyScope::Chat => Self::Chat,
            ApiKeyScope::Conversations => Self::Conversations,
            ApiKeyScope::Usage => Self::Usage,
            ApiKeyScope::Metrics => Self::Metrics,
            ApiKeyScope::Admin => Self::Admin,
        }
    }
}

impl From<Scope> for ApiKeyScope {
    fn from(scope: Scope) -> Self {
        match scope {
            Scope::Chat => Self::Chat,
            Scope::Conversations => Self::Conversations,
            Scope::Usage => Self::Usage,
            Scope::Metrics => Self::Metrics,
            Scope::Admin => Self::Admin,
        }
    }
}

/// Whether a key can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ApiKeyStatus {
    /// It can.
    Active,
    /// Its time is over; a later `expires_at` brings it back.
    Expired,
    /// It was taken back for good.
    Revoked,
}

/// `POST /api/v1/api-keys`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateApiKey {
    /// 1 to 100 characters.
    pub name: String,
    /// At least one, each of which one's role gives; `chat`, `conversations`
    /// and `usage` unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scopes: Option<Vec<ApiKeyScope>>,
    /// The names, 1 to 200, of the models that it may ask: profiles or real
    /// models. All that its owner may ask unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_models: Option<Vec<String>>,
    /// When it ends by itself, in the future; never unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<DateTime<Utc>>,
    /// Requests that it may send in a minute, 1 to 1,000,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub requests_per_minute: Option<u32>,
    /// Tokens, read and written, that it may cost in a minute, 1 to
    /// 1,000,000,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 1_000_000_000)]
    pub tokens_per_minute: Option<u32>,
}

/// `PATCH /api/v1/api-keys/{id}`: what is absent stays, `null` takes a limit
/// away. The limits of `POST` hold.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateApiKey {
    /// Another name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Other scopes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scopes: Option<Vec<ApiKeyScope>>,
    /// Other models; `null` allows all that its owner may ask.
    #[serde(default, skip_serializing_if = "Change::is_unsaid")]
    #[schema(value_type = Option<Vec<String>>)]
    pub allowed_models: Change<Vec<String>>,
    /// Another end; `null` for none.
    #[serde(default, skip_serializing_if = "Change::is_unsaid")]
    #[schema(value_type = Option<DateTime<Utc>>)]
    pub expires_at: Change<DateTime<Utc>>,
    /// Another limit; `null` for none.
    #[serde(default, skip_serializing_if = "Change::is_unsaid")]
    #[schema(value_type = Option<u32>)]
    pub requests_per_minute: Change<u32>,
    /// Another limit; `null` for none.
    #[serde(default, skip_serializing_if = "Change::is_unsaid")]
    #[schema(value_type = Option<u32>)]
    pub tokens_per_minute: Change<u32>,
}

/// A key without what proves it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ApiKeyView {
    /// The key.
    pub id: Uuid,
    /// What its owner calls it.
    pub name: String,
    /// Its last four characters.
    pub last_four: String,
    /// Whether it can be used.
    pub status: ApiKeyStatus,
    /// What it is for.
    pub scopes: Vec<ApiKeyScope>,
    /// The models that it may ask; none: all that its owner may.
    pub allowed_models: Option<Vec<String>>,
    /// Requests that it may send in a minute.
    pub requests_per_minute: Option<u32>,
    /// Tokens that it may cost in a minute.
    pub tokens_per_minute: Option<u32>,
    /// When it ends by itself.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was last used, give or take a minute.
    pub last_used_at: Option<DateTime<Utc>>,
    /// When it was taken back.
    pub revoked_at: Option<DateTime<Utc>>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// A key that was made, or made anew. The key itself is shown this once.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct CreatedApiKey {
    /// `omk_live_` and 49 letters and digits. Keep it like a password.
    pub key: String,
    /// What there is to know of it.
    pub api_key: ApiKeyView,
}

impl fmt::Debug for CreatedApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CreatedApiKey")
            .field("api_key", &self.api_key)
            .finish_non_exhaustive()
    }
}
