//! Bringing one's own conversations from other products.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// A product whose file can be brought in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ImportKind {
    /// The data export of `ChatGPT`: the ZIP, or one of its JSON files.
    #[serde(rename = "chatgpt")]
    ChatGpt,
    /// The data export of Claude: the same.
    Claude,
    /// The database of Open WebUI, `webui.db`.
    OpenWebui,
}

impl ImportKind {
    /// The name that the store and the wire use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ChatGpt => "chatgpt",
            Self::Claude => "claude",
            Self::OpenWebui => "open-webui",
        }
    }
}

/// A file to bring in.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateImport {
    /// Which product's.
    pub kind: ImportKind,
    /// Its name, for the list.
    #[schema(min_length = 1, max_length = 255)]
    pub file_name: String,
    /// Its bytes.
    #[schema(minimum = 1)]
    pub size: i64,
}

/// Which piece of a file is sent.
#[derive(Debug, Clone, Copy, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ChunkQuery {
    /// The place of its first byte in the file: `received` of the import.
    #[param(minimum = 0)]
    pub offset: i64,
}

/// What became of the rows of one kind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ImportCounts {
    /// Rows in the file.
    pub read: i64,
    /// Of these, those that are here now because of it.
    pub written: i64,
    /// Those that became one with another.
    pub merged: i64,
    /// Those that were here already or cannot be carried.
    pub skipped: i64,
    /// Of those written or merged, those that had to be changed.
    pub repaired: i64,
    /// Notes by class.
    #[serde(default)]
    pub classes: BTreeMap<String, i64>,
}

/// What became of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ImportSummary {
    /// By kind: `conversations`, `messages` and others.
    #[serde(default)]
    pub tables: BTreeMap<String, ImportCounts>,
    /// Whether every row is counted once and reads back as it was written.
    #[serde(default)]
    pub accounted: bool,
}

/// One import.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ImportView {
    /// Its id.
    pub id: Uuid,
    /// `chatgpt`, `claude` or `open-webui`.
    pub kind: String,
    /// The file's name.
    pub file_name: String,
    /// Its bytes.
    pub size: i64,
    /// Those that have arrived.
    pub received: i64,
    /// `uploading`, `waiting`, `running`, `done`, `failed` or `cancelled`.
    pub status: String,
    /// Bytes or rows of the file that were read.
    pub read: i64,
    /// How many there are; 0 while nobody knows.
    pub total: i64,
    /// Conversations that were read.
    pub conversations: i64,
    /// Messages that were read.
    pub messages: i64,
    /// Why it failed, in a word.
    pub error_code: Option<String>,
    /// The same in a sentence.
    pub error_detail: Option<String>,
    /// What became of the file, once it is over.
    pub summary: Option<ImportSummary>,
    /// How many conversations were taken back; none where that was not asked.
    pub undone: Option<i64>,
    /// When it was begun.
    pub created_at: DateTime<Utc>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
}
