//! One's account as one document.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    api_keys::ApiKeyView,
    auth::{DefaultsView, SessionView, UserView},
    conversations::ConversationExport,
    sign_in::{IdentityView, PasskeyView},
    usage::UsageRow,
};

/// `GET /api/v1/auth/me/export`: everything of one's own that is not deleted,
/// and no secret.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AccountExport {
    /// `openmake.account/1`.
    pub format: String,
    /// When it was made.
    pub exported_at: DateTime<Utc>,
    /// The account.
    pub account: UserView,
    /// What new conversations begin with.
    pub defaults: DefaultsView,
    /// Where one is signed in.
    pub sessions: Vec<SessionView>,
    /// Passkeys, without their keys.
    pub passkeys: Vec<PasskeyView>,
    /// Accounts elsewhere that sign in here.
    pub identities: Vec<IdentityView>,
    /// Keys for programs, without the keys.
    pub api_keys: Vec<ApiKeyView>,
    /// What was used, by day, model and key.
    pub usage: Vec<UsageRow>,
    /// Conversations with all their messages.
    pub conversations: Vec<ConversationExport>,
    /// Images that were sent.
    pub images: Vec<ImageExport>,
    /// Whatever else is one's own: memories, agents, documents, research, and
    /// what an import found no place for.
    pub belongings: Vec<BelongingExport>,
}

/// Something of one's own in an export.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct BelongingExport {
    /// What it is, such as `user_memories`.
    pub kind: String,
    /// All that is known of it, without secrets.
    #[schema(value_type = Object)]
    pub row: serde_json::Value,
}

/// An image in an export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ImageExport {
    /// The id by which messages refer to it.
    pub id: Uuid,
    /// `image/png` and the like.
    pub media_type: String,
    /// Its bytes in Base64.
    pub data: String,
}
