//! The audit trail's hash chain.
//!
//! An entry's hash is SHA-256 over the hash of the entry before it (32 zero
//! bytes for the first) and the entry's canonical form: a JSON array without
//! spaces of its number, id, time (RFC 3339, UTC, microseconds), action,
//! outcome, account, kind and id of the thing, details (names sorted at every
//! level), address, user agent and request; null for what is absent.

use std::str::FromStr;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Audit, Row};
use crate::StoreError;

/// Entries that are read or chained at once.
const BATCH: i64 = 1000;

/// A place in the chain. Written as `SEQ:HASH` it can be noted elsewhere, and
/// tells later whether the trail up to there is still the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChainHead {
    /// The entry's number, from 1; 0 where there is none.
    pub seq: i64,
    /// Its hash.
    pub hash: [u8; 32],
}

/// What checking the chain came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChainReport {
    /// How many entries were found as they were written.
    pub entries: i64,
    /// The end of the chain, as the database says.
    pub head: ChainHead,
    /// The first thing that is wrong.
    pub fault: Option<ChainFault>,
}

/// What is wrong with the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChainFault {
    /// What.
    pub kind: FaultKind,
    /// At which number; none for an entry that has none.
    pub seq: Option<i64>,
    /// Which entry, if it is there.
    pub entry: Option<Uuid>,
}

/// How an entry is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// It, or the hash of it or of the one before, is not what was written.
    Altered,
    /// It is not there.
    Missing,
    /// It was written past the chain.
    Unchained,
    /// It is whole, but not the one that was noted: the chain was written anew.
    Replaced,
}

/// What is not a [`ChainHead`] in writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a noted entry is its number, a colon and its hash in 64 hexadecimal digits")]
pub struct NotAChainHead;

impl FaultKind {
    /// The name that the wire uses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Altered => "altered",
            Self::Missing => "missing",
            Self::Unchained => "unchained",
            Self::Replaced => "replaced",
        }
    }
}

impl std::fmt::Display for ChainHead {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.seq, hex::encode(self.hash))
    }
}

impl FromStr for ChainHead {
    type Err = NotAChainHead;

    fn from_str(text: &str) -> Result<Self, NotAChainHead> {
        let (seq, hash) = text.trim().split_once(':').ok_or(NotAChainHead)?;
        let seq: i64 = seq.parse().map_err(|_| NotAChainHead)?;
        let mut bytes = [0; 32];
        hex::decode_to_slice(hash, &mut bytes).map_err(|_| NotAChainHead)?;
        if seq < 1 {
            return Err(NotAChainHead);
        }
        Ok(Self { seq, hash: bytes })
    }
}

impl ChainHead {
    fn read(seq: i64, hash: &[u8]) -> Result<Self, StoreError> {
        let hash = hash
            .try_into()
            .map_err(|_| StoreError::corrupt("audit_chain.hash", hash))?;
        Ok(Self { seq, hash })
    }

    /// The place of the entry after this one.
    pub(super) fn followed_by(&self, entry: &Content<'_>) -> Self {
        let seq = self.seq + 1;
        let mut hash = Sha256::new();
        hash.update(self.hash);
        hash.update(entry.canonical(seq).to_string());
        Self {
            seq,
            hash: hash.finalize().into(),
        }
    }
}

/// What an entry says, as it is stored.
pub(super) struct Content<'a> {
    pub(super) id: Uuid,
    pub(super) timestamp: DateTime<Utc>,
    pub(super) action: &'a str,
    pub(super) outcome: &'a str,
    pub(super) user_id: Option<Uuid>,
    pub(super) resource_type: Option<&'a str>,
    pub(super) resource_id: Option<&'a str>,
    pub(super) details: &'a Value,
    pub(super) ip_address: Option<&'a str>,
    pub(super) user_agent: Option<&'a str>,
    pub(super) request_id: Option<&'a str>,
}

impl Content<'_> {
    fn canonical(&self, seq: i64) -> Value {
        // The database keeps microseconds, so no more of the time is written.
        let time = self.timestamp.to_rfc3339_opts(SecondsFormat::Micros, true);
        json!([
            seq,
            self.id,
            time,
            self.action,
            self.outcome,
            self.user_id,
            self.resource_type,
            self.resource_id,
            sorted(self.details),
            self.ip_address,
            self.user_agent,
            self.request_id,
        ])
    }
}

/// The same value with the names of each object in their order, however maps
/// are built.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(sorted).collect(),
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_unstable_by_key(|(name, _)| name.as_str());
            fields
                .into_iter()
                .map(|(name, value)| (name.clone(), sorted(value)))
                .collect()
        }
        other => other.clone(),
    }
}

impl Row {
    fn content(&self) -> Content<'_> {
        Content {
            id: self.id,
            timestamp: self.timestamp,
            action: &self.action,
            outcome: &self.outcome,
            user_id: self.user_id,
            resource_type: self.resource_type.as_deref(),
            resource_id: self.resource_id.as_deref(),
            details: &self.details,
            ip_address: self.ip_address.as_deref(),
            user_agent: self.user_agent.as_deref(),
            request_id: self.request_id.as_deref(),
        }
    }
}

impl Audit<'_> {
    /// The end of the chain.
    pub async fn head(&self) -> Result<ChainHead, StoreError> {
        let head = sqlx::query!("SELECT seq, hash FROM audit_chain")
            .fetch_one(&self.0.pool)
            .await?;
        ChainHead::read(head.seq, &head.hash)
    }

    /// Chains the entries that were written before there was a chain, oldest
    /// first, and gives their number.
    pub async fn chain_waiting(&self) -> Result<u64, StoreError> {
        let mut chained = 0;
        loop {
            let mut tx = self.0.pool.begin().await?;
            let mut head = lock(&mut tx).await?;
            let rows = sqlx::query_as!(
                Row,
                "SELECT id, timestamp, action, outcome, user_id, resource_type, resource_id,
                        details, ip_address, user_agent, request_id, seq, hash
                   FROM audit_logs WHERE seq IS NULL
                  ORDER BY timestamp, id LIMIT $1",
                BATCH,
            )
            .fetch_all(&mut *tx)
            .await?;
            if rows.is_empty() {
                return Ok(chained);
            }
            let mut seqs = Vec::with_capacity(rows.len());
            let mut hashes = Vec::with_capacity(rows.len());
            for row in &rows {
                head = head.followed_by(&row.content());
                seqs.push(head.seq);
                hashes.push(head.hash.to_vec());
            }
            let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
            sqlx::query!(
                "UPDATE audit_logs a SET seq = c.seq, hash = c.hash
                   FROM unnest($1::uuid[], $2::bigint[], $3::bytea[]) AS c (id, seq, hash)
                  WHERE a.id = c.id",
                &ids,
                &seqs,
                &hashes,
            )
            .execute(&mut *tx)
            .await?;
            move_head(&mut tx, &head).await?;
            tx.commit().await?;
            chained += rows.len() as u64;
        }
    }

    /// Checks every entry up to the end of the chain as it is now, and that
    /// the entry that was `noted` is still the same.
    pub async fn verify(&self, noted: Option<ChainHead>) -> Result<ChainReport, StoreError> {
        // An entry and the head move in one commit, so all up to it are there.
        let end = self.head().await?;
        let mut at = ChainHead {
            seq: 0,
            hash: [0; 32],
        };
        let report = |at: ChainHead, fault| ChainReport {
            entries: at.seq,
            head: end,
            fault,
        };
        let fault = |kind, seq, entry| {
            Some(ChainFault {
                kind,
                seq: Some(seq),
                entry,
            })
        };
        if let Some(noted) = noted.filter(|noted| noted.seq > end.seq) {
            return Ok(report(at, fault(FaultKind::Missing, noted.seq, None)));
        }
        while at.seq < end.seq {
            let rows = self.read_chain(at.seq, end.seq).await?;
            for row in &rows {
                let next = at.followed_by(&row.content());
                if row.seq != Some(next.seq) {
                    return Ok(report(at, fault(FaultKind::Missing, next.seq, None)));
                }
                if row.hash.as_deref() != Some(&next.hash[..]) {
                    let found = fault(FaultKind::Altered, next.seq, Some(row.id));
                    return Ok(report(at, found));
                }
                if noted.is_some_and(|noted| noted.seq == next.seq && noted.hash != next.hash) {
                    let found = fault(FaultKind::Replaced, next.seq, Some(row.id));
                    return Ok(report(at, found));
                }
                at = next;
            }
            if rows.is_empty() {
                return Ok(report(at, fault(FaultKind::Missing, at.seq + 1, None)));
            }
            // Hashing a thousand entries takes a moment; others may go on.
            tokio::task::yield_now().await;
        }
        if at.hash != end.hash {
            return Ok(report(at, fault(FaultKind::Altered, end.seq, None)));
        }
        let unchained = sqlx::query_scalar!(
            "SELECT id FROM audit_logs WHERE seq IS NULL ORDER BY timestamp, id LIMIT 1"
        )
        .fetch_optional(&self.0.pool)
        .await?;
        let unchained = unchained.map(|id| ChainFault {
            kind: FaultKind::Unchained,
            seq: None,
            entry: Some(id),
        });
        Ok(report(at, unchained))
    }

    async fn read_chain(&self, after: i64, end: i64) -> Result<Vec<Row>, StoreError> {
        Ok(sqlx::query_as!(
            Row,
            "SELECT id, timestamp, action, outcome, user_id, resource_type, resource_id, details,
                    ip_address, user_agent, request_id, seq, hash
               FROM audit_logs WHERE seq > $1 AND seq <= $2
              ORDER BY seq LIMIT $3",
            after,
            end,
            BATCH,
        )
        .fetch_all(&self.0.pool)
        .await?)
    }
}

/// The end of the chain, which nobody else moves until the transaction ends.
pub(super) async fn lock(connection: &mut PgConnection) -> Result<ChainHead, StoreError> {
    let head = sqlx::query!("SELECT seq, hash FROM audit_chain FOR UPDATE")
        .fetch_one(connection)
        .await?;
    ChainHead::read(head.seq, &head.hash)
}

/// Sets the end of a chain that [`lock`] holds.
pub(super) async fn move_head(
    connection: &mut PgConnection,
    head: &ChainHead,
) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE audit_chain SET seq = $1, hash = $2",
        head.seq,
        &head.hash[..],
    )
    .execute(connection)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_canonical_form_is_what_the_documentation_says() {
        let details = json!({"b": 1, "a": {"z": null, "y": "예"}});
        let entry = Content {
            id: Uuid::from_u128(1),
            timestamp: DateTime::from_timestamp(1_750_000_000, 123_456_789).expect("a time"),
            action: "user.login",
            outcome: "success",
            user_id: None,
            resource_type: Some("session"),
            resource_id: None,
            details: &details,
            ip_address: Some("::1"),
            user_agent: None,
            request_id: None,
        };
        let text = concat!(
            r#"[1,"00000000-0000-0000-0000-000000000001","2025-06-15T15:06:40.123456Z","#,
            r#""user.login","success",null,"session",null,{"a":{"y":"예","z":null},"b":1},"#,
            r#""::1",null,null]"#
        );
        assert_eq!(entry.canonical(1).to_string(), text);
        let start = ChainHead {
            seq: 0,
            hash: [0; 32],
        };
        let mut hashed = vec![0; 32];
        hashed.extend_from_slice(text.as_bytes());
        let expected = ChainHead {
            seq: 1,
            hash: Sha256::digest(&hashed).into(),
        };
        assert_eq!(start.followed_by(&entry), expected);
        assert_eq!(expected.to_string().parse(), Ok(expected));
        for wrong in ["", "1", "0:00", "x:y", "1:zz"] {
            assert_eq!(wrong.parse::<ChainHead>(), Err(NotAChainHead), "{wrong}");
        }
    }
}
