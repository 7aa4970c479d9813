//! The audit trail (`audit_logs`).

mod chain;

use chrono::{DateTime, Utc};
use openmake_types::UserId;
use serde_json::Value;
use sqlx::{PgConnection, Postgres, QueryBuilder};
use uuid::Uuid;

use self::chain::Content;
pub use self::chain::{ChainFault, ChainHead, ChainReport, FaultKind, NotAChainHead};
use crate::{
    PageRequest, Position, Rows, Store, StoreError,
    text::{storable, storable_agent, storable_json, storable_option},
};

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
    /// Its number in the chain.
    pub seq: Option<i64>,
    /// Its hash, which covers the entry before it.
    pub hash: Option<Vec<u8>>,
}

/// Which entries to list.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// Only this act.
    pub action: Option<String>,
    /// Only by this account.
    pub user_id: Option<UserId>,
    /// Only what ended so.
    pub outcome: Option<Outcome>,
    /// Only from then on.
    pub from: Option<DateTime<Utc>>,
    /// Only before then.
    pub to: Option<DateTime<Utc>>,
    /// Only on this kind of thing.
    pub resource_type: Option<String>,
    /// Only on this one.
    pub resource_id: Option<String>,
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

impl Outcome {
    /// The name that the store and the wire use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Denied => "denied",
        }
    }
}

impl Audit<'_> {
    /// Records an act that changed nothing in the store, such as a refused one.
    pub async fn record(&self, entry: &NewAudit) -> Result<(), StoreError> {
        let mut tx = self.0.pool.begin().await?;
        write(&mut tx, entry, None).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Entries, newest first.
    pub async fn list(
        &self,
        filter: &AuditFilter,
        page: PageRequest,
    ) -> Result<Rows<AuditEntry>, StoreError> {
        // Built, not checked: each combination has an index of its own, which
        // one statement with optional conditions would not use.
        let mut query = QueryBuilder::<Postgres>::new(
            "SELECT id, timestamp, action, outcome, user_id, resource_type, resource_id, details, \
             ip_address, user_agent, request_id, seq, hash FROM audit_logs WHERE true",
        );
        filter.push(&mut query);
        if let Some(after) = page.after {
            query
                .push(" AND (timestamp, id) < (")
                .push_bind(after.at)
                .push(", ")
                .push_bind(after.id)
                .push(")");
        }
        query
            .push(" ORDER BY timestamp DESC, id DESC LIMIT ")
            .push_bind(page.fetch());
        let rows: Vec<Row> = query.build_query_as().fetch_all(&self.0.pool).await?;
        let items = rows.into_iter().map(AuditEntry::from).collect();
        Ok(Rows::cut(items, page, |entry: &AuditEntry| Position {
            at: entry.timestamp,
            id: entry.id,
        }))
    }
}

impl Audit<'_> {
    /// Entries in the order of the chain, from the one after number `after` up
    /// to number `end`, at most `limit`.
    pub async fn in_order(
        &self,
        filter: &AuditFilter,
        (after, end): (i64, i64),
        limit: u32,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        let mut query = QueryBuilder::<Postgres>::new(
            "SELECT id, timestamp, action, outcome, user_id, resource_type, resource_id, details, \
             ip_address, user_agent, request_id, seq, hash FROM audit_logs WHERE seq > ",
        );
        query.push_bind(after).push(" AND seq <= ").push_bind(end);
        filter.push(&mut query);
        query
            .push(" ORDER BY seq LIMIT ")
            .push_bind(i64::from(limit));
        let rows: Vec<Row> = query.build_query_as().fetch_all(&self.0.pool).await?;
        Ok(rows.into_iter().map(AuditEntry::from).collect())
    }
}

impl AuditFilter {
    fn push(&self, query: &mut QueryBuilder<Postgres>) {
        if let Some(action) = &self.action {
            query
                .push(" AND action = ")
                .push_bind(storable(action).into_owned());
        }
        if let Some(user_id) = self.user_id {
            query.push(" AND user_id = ").push_bind(user_id.as_uuid());
        }
        if let Some(outcome) = self.outcome {
            query.push(" AND outcome = ").push_bind(outcome.as_str());
        }
        if let Some(from) = self.from {
            query.push(" AND timestamp >= ").push_bind(from);
        }
        if let Some(to) = self.to {
            query.push(" AND timestamp < ").push_bind(to);
        }
        if let Some(kind) = &self.resource_type {
            query
                .push(" AND resource_type = ")
                .push_bind(storable(kind).into_owned());
        }
        if let Some(id) = &self.resource_id {
            query
                .push(" AND resource_id = ")
                .push_bind(storable(id).into_owned());
        }
    }
}

/// Writes `entry` on the connection, and so in the transaction, of the act.
/// `made` is the account that the act made, and acts where nobody else does.
/// Entries form a chain, so whoever writes one is alone with that until the
/// commit: this belongs at the end of a transaction.
pub(crate) async fn write(
    connection: &mut PgConnection,
    entry: &NewAudit,
    made: Option<UserId>,
) -> Result<(), StoreError> {
    let user_id = entry.user_id.or(made).map(UserId::as_uuid);
    let resource_id = storable_option(entry.resource_id.as_deref());
    let details = storable_json(&entry.details);
    let ip_address = storable_option(entry.ip_address.as_deref());
    let user_agent = storable_agent(entry.user_agent.as_deref());
    let request_id = storable_option(entry.request_id.as_deref());
    // What is hashed is what is stored.
    let content = Content {
        id: entry.id,
        timestamp: entry.at,
        action: entry.action,
        outcome: entry.outcome.as_str(),
        user_id,
        resource_type: entry.resource_type,
        resource_id: resource_id.as_deref(),
        details: &details,
        ip_address: ip_address.as_deref(),
        user_agent: user_agent.as_deref(),
        request_id: request_id.as_deref(),
    };
    let head = chain::lock(connection).await?.followed_by(&content);
    sqlx::query!(
        "WITH moved AS (UPDATE audit_chain SET seq = $12, hash = $13)
         INSERT INTO audit_logs (id, timestamp, action, outcome, user_id, resource_type,
                                 resource_id, details, ip_address, user_agent, request_id,
                                 seq, hash)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
        entry.id,
        entry.at,
        entry.action,
        entry.outcome.as_str(),
        user_id,
        entry.resource_type,
        resource_id,
        &*details,
        ip_address,
        user_agent,
        request_id,
        head.seq,
        &head.hash[..],
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// A row of `audit_logs`.
#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    timestamp: DateTime<Utc>,
    action: String,
    outcome: String,
    user_id: Option<Uuid>,
    resource_type: Option<String>,
    resource_id: Option<String>,
    details: Value,
    ip_address: Option<String>,
    user_agent: Option<String>,
    request_id: Option<String>,
    seq: Option<i64>,
    hash: Option<Vec<u8>>,
}

impl From<Row> for AuditEntry {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            timestamp: row.timestamp,
            action: row.action,
            outcome: row.outcome,
            user_id: row.user_id.map(UserId::from_uuid),
            resource_type: row.resource_type,
            resource_id: row.resource_id,
            details: row.details,
            ip_address: row.ip_address,
            user_agent: row.user_agent,
            request_id: row.request_id,
            seq: row.seq,
            hash: row.hash,
        }
    }
}
