//! Conversations.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::messages::MessageView;

/// `POST /api/v1/conversations`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateConversation {
    /// At most 200 characters; the model makes one after the first answer
    /// unless given.
    #[serde(default)]
    pub title: Option<String>,
    /// The model that its turns use unless they name one.
    #[serde(default)]
    pub model: Option<String>,
}

/// `PATCH /api/v1/conversations/{id}`: what is absent stays.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateConversation {
    /// 1 to 200 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The model of later turns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Kept at the top of the list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pinned: Option<bool>,
    /// Out of the list, still found by search.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archived: Option<bool>,
    /// The branch to show: any message of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active_leaf_id: Option<Uuid>,
}

/// One conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConversationView {
    /// The conversation.
    pub id: Uuid,
    /// Empty until one is made.
    pub title: String,
    /// The model that its turns use unless they name one.
    pub model: Option<String>,
    /// Whether it is kept at the top.
    pub pinned: bool,
    /// Whether it is out of the list.
    pub archived: bool,
    /// Whether it is a guest's and goes with the guest.
    pub temporary: bool,
    /// The last message of the branch that is shown.
    pub active_leaf_id: Option<Uuid>,
    /// Turns that are being answered now.
    pub running_turns: Vec<RunningTurn>,
    /// Rises with every change: what `conversation.changed` names.
    pub version: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed by a message.
    pub updated_at: DateTime<Utc>,
    /// When it was deleted; it can be restored for 30 days from then.
    pub deleted_at: Option<DateTime<Utc>>,
}

/// A turn that is being answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RunningTurn {
    /// The turn.
    pub turn_id: Uuid,
    /// The answer that it writes.
    pub assistant_message_id: Uuid,
}

/// Which conversations to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConversationFilter {
    /// Neither archived nor deleted.
    #[default]
    Active,
    /// Archived.
    Archived,
    /// Deleted, and still to be restored.
    Deleted,
}

/// In which order to list conversations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConversationSort {
    /// By last change, newest first.
    #[default]
    Recent,
    /// By last change, oldest first.
    Oldest,
    /// By title, whatever its case; those without one last.
    Title,
}

/// The query of `GET /api/v1/conversations`. Unless it says more than the
/// filter, the first page begins with the pinned ones; what else it says makes
/// one list in one order, the pinned ones in their places.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ConversationQuery {
    /// Which ones; `active` unless given.
    #[serde(default)]
    #[param(inline)]
    pub filter: ConversationFilter,
    /// In which order; `recent` unless given. A cursor belongs to its order.
    #[serde(default)]
    #[param(inline)]
    pub sort: ConversationSort,
    /// Only those that are pinned, or only those that are not.
    #[serde(default)]
    pub pinned: Option<bool>,
    /// Only what changed at this time or later.
    #[serde(default)]
    pub from: Option<DateTime<Utc>>,
    /// Only what changed before this time.
    #[serde(default)]
    pub to: Option<DateTime<Utc>>,
}

/// The query of `GET /api/v1/search`.
#[derive(Debug, Clone, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SearchQuery {
    /// Words that must all occur, 1 to 200 characters; in any language.
    pub q: String,
    /// How many conversations, 1 to 200; 20 unless given.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
}

/// One conversation that matches, with the places where it does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SearchHit {
    /// The conversation.
    pub conversation: ConversationView,
    /// At most three messages; none when only the title matches.
    pub excerpts: Vec<Excerpt>,
}

/// A piece of a message around what was searched for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Excerpt {
    /// The message.
    pub message_id: Uuid,
    /// `user` or `assistant`.
    pub role: String,
    /// The text, cut at both ends.
    pub text: String,
    /// What matched, as ranges of `text` in UTF-16 code units, which is how
    /// browsers count.
    pub highlights: Vec<Highlight>,
}

/// A range of an excerpt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Highlight {
    /// Where it starts.
    pub start: u32,
    /// Where it ends, exclusive.
    pub end: u32,
}

/// What search gives: the best first, one page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SearchResults {
    /// The best first.
    pub items: Vec<SearchHit>,
}

/// The format of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExportFormat {
    /// The branch that is shown, to read.
    #[default]
    Markdown,
    /// Every message of every branch, to keep.
    Json,
}

/// The query of `GET /api/v1/conversations/{id}/export`.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ExportQuery {
    /// `markdown` unless given.
    #[serde(default)]
    #[param(inline)]
    pub format: ExportFormat,
}

/// A conversation as JSON: all that there is of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ConversationExport {
    /// `openmake.conversation/1`.
    pub format: String,
    /// The conversation.
    pub conversation: ConversationView,
    /// Every message of every branch, oldest first.
    pub messages: Vec<MessageView>,
}
