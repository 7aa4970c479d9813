//! The audit trail's hash chain.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// The query of `GET /api/v1/audit/verify`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AuditVerifyQuery {
    /// A `head` that was noted earlier: whether that entry is still the same.
    pub noted: Option<String>,
}

/// What checking the audit trail came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditVerification {
    /// Whether every entry is as it was written, and none is missing.
    pub intact: bool,
    /// How many entries were found as they were written.
    pub entries: u64,
    /// The end of the chain, as `SEQ:HASH`: noted elsewhere, it shows later
    /// that nobody wrote the chain anew.
    pub head: String,
    /// The first thing that is wrong.
    pub fault: Option<AuditFault>,
}

/// What is wrong with the audit trail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AuditFault {
    /// `altered`, `missing`, `unchained` (written past the chain) or `replaced`
    /// (not the entry that was noted).
    pub kind: String,
    /// At which number.
    pub seq: Option<i64>,
    /// Which entry, if it is there.
    pub entry_id: Option<Uuid>,
}
