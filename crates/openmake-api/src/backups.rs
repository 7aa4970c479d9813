//! Backups, for administrators.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// One backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BackupView {
    /// The backup.
    pub id: Uuid,
    /// `schedule`, `request` or `command`.
    pub reason: String,
    /// Who asked for it, where somebody did.
    pub requested_by: Option<Uuid>,
    /// `waiting`, `running`, `done` or `failed`.
    pub status: String,
    /// Its file's name, without the directory.
    pub file: Option<String>,
    /// Bytes.
    pub size: Option<i64>,
    /// Rows in it.
    pub rows: Option<i64>,
    /// Whether the master key is inside, sealed with a passphrase.
    pub has_key: bool,
    /// `verified` when it was restored into a scratch database and compared,
    /// `skipped`, or `failed`.
    pub verification: Option<String>,
    /// Why it failed, or was not tried.
    pub detail: Option<String>,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
    /// When it began.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
}
