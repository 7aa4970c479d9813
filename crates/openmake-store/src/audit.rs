//! The audit trail (`audit_logs`).

use chrono::{DateTime, Utc};
use openmake_types::UserId;
use serde_json::Value;
use uuid::Uuid;

use crate::{PageRequest, Rows, Store, StoreError};

/// How an act ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was done.
    Success,
    /// It was tried and did not work.
    Failure,
    /// It was refused.
    Denied,
}

/// One act to record.
#[derive(Debug, Clone)]
pub struct NewAudit {
    /// The entry.
    pub id: Uuid,
    /// When.
    pub at: DateTime<Utc>,
    /// What: `user.login`, `node.create`, …
    pub action: &'static str,
    /// How it ended.
    pub outcome: Outcome,
    /// Who, where that is known. Functions that make the account fill it in.
    pub user_id: Option<UserId>,
    /// On what kind of thing.
    pub resource_type: Option<&'static str>,
    /// On which.
    pub resource_id: Option<String>,
    /// What else there is to know; never a secret.
    pub details: Value,
    /// From where.
    pub ip_address: Option<String>,
    /// With what; cut at 300 characters.
    pub user_agent: Option<String>,
    /// Names the request in the log.
    pub request_id: Option<String>,
}

/// One recorded act.
#[derive(Debug, Clone)]
pub struct AuditEntry {
    /// The entry.
    pub id: Uuid,
    /// When.
    pub timestamp: DateTime<Utc>,
    /// What.
    pub action: String,
    /// `success`, `failure` or `denied`.
    pub outcome: String,
    /// Who.
    pub user_id: Option<UserId>,
    /// On what kind of thing.
    pub resource_type: Option<String>,
    /// On which.
    pub resource_id: Option<String>,
    /// What else there is to know.
    pub details: Value,
    /// From where.
    pub ip_address: Option<String>,
    /// With what.
    pub user_agent: Option<String>,
    /// Names the request in the log.
    pub request_id: Option<String>,
}

/// Which entries to list.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// Only this act.
    pub action: Option<String>,
    /// Only by this account.
    pub user_id: Option<UserId>,
}

/// The audit trail.
#[derive(Debug, Clone, Copy)]
pub struct Audit<'a>(&'a Store);

impl Store {
    /// The audit trail.
    pub const fn audit(&self) -> Audit<'_> {
        Audit(self)
    }
}

impl Audit<'_> {
    /// Records an act that changed nothing in the store, such as a refused one.
    pub async fn record(&self, entry: &NewAudit) -> Result<(), StoreError> {
        let _ = (self.0, entry);
        todo!()
    }

    /// Entries, newest first.
    pub async fn list(
        &self,
        filter: &AuditFilter,
        page: PageRequest,
    ) -> Result<Rows<AuditEntry>, StoreError> {
        let _ = (self.0, filter, page);
        todo!()
    }
}
