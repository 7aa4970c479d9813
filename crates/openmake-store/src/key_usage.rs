//! What was asked with the keys of model servers (`model_key_usage`).

use chrono::{DateTime, DurationRound as _, TimeDelta, Utc};
use openmake_types::NodeId;

use crate::{Store, StoreError, text::storable, usage::counted};

/// A key, without the key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KeyPlace {
    /// The node whose key it is.
    pub node: NodeId,
    /// Its place among the node's keys; `None` for a node without keys.
    pub position: Option<u16>,
    /// Its last four characters, if it is long enough for them to say nothing.
    pub last_four: String,
}

/// What was asked with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KeyCounts {
    /// Requests that were sent, those that were broken off included.
    pub requests: u64,
    /// Those that were answered in full.
    pub succeeded: u64,
    /// Those whose key was refused (401, 403).
    pub unauthorized: u64,
    /// Those that were too many (429, 402).
    pub rate_limited: u64,
    /// Those that the server failed on (5xx).
    pub server_errors: u64,
    /// Those that went wrong otherwise: no connection, no answer in time,
    /// questions that the server would not take.
    pub other_errors: u64,
    /// Tokens read, as the server counted.
    pub input_tokens: u64,
    /// Tokens written, as the server counted.
    pub output_tokens: u64,
}

/// What was asked with a key since it was last written down.
#[derive(Debug, Clone)]
pub struct KeyUsage {
    /// The key.
    pub key: KeyPlace,
    /// What its node is called now; empty when it is no more.
    pub node_name: String,
    /// What was asked.
    pub counts: KeyCounts,
    /// When for the last time.
    pub last_used_at: DateTime<Utc>,
}

/// What was asked with a key in an hour or on a day.
#[derive(Debug, Clone)]
pub struct KeyUsagePoint {
    /// Where it begins, in UTC.
    pub at: DateTime<Utc>,
    /// What was asked, and when for the last time.
    pub usage: KeyUsage,
}

/// What to tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyUsageBy {
    /// Hours.
    Hour,
    /// Days, in UTC.
    Day,
}

/// What was asked with model servers' keys.
#[derive(Debug, Clone, Copy)]
pub struct KeyUsages<'a>(&'a Store);

impl Store {
    /// What was asked with model servers' keys.
    pub const fn key_usage(&self) -> KeyUsages<'_> {
        KeyUsages(self)
    }
}

impl KeyUsages<'_> {
    /// Adds to the hours in which the keys were last used, all in one statement.
    pub async fn add(&self, usages: &[KeyUsage]) -> Result<(), StoreError> {
        if usages.is_empty() {
            return Ok(());
        }
        // Several processes add to the same rows: all lock them in one order.
        let mut usages: Vec<&KeyUsage> = usages.iter().collect();
        usages.sort_by_cached_key(|usage| {
            let KeyPlace {
                node,
                position,
                last_four,
            } = &usage.key;
            (node.as_uuid(), *position, last_four.clone())
        });
        let column = |value: fn(&KeyCounts) -> u64| -> Vec<i64> {
            usages
                .iter()
                .map(|usage| counted(value(&usage.counts)))
                .collect()
        };
        let hours: Vec<_> = usages
            .iter()
            .map(|usage| hour(usage.last_used_at))
            .collect();
        let nodes: Vec<_> = usages
            .iter()
            .map(|usage| usage.key.node.as_uuid())
            .collect();
        let positions: Vec<i32> = usages
            .iter()
            .map(|usage| usage.key.position.map_or(-1, i32::from))
            .collect();
        let last_fours: Vec<String> = usages
            .iter()
            .map(|usage| storable(&usage.key.last_four).into_owned())
            .collect();
        let names: Vec<String> = usages
            .iter()
            .map(|usage| storable(&usage.node_name).into_owned())
            .collect();
        let used: Vec<_> = usages.iter().map(|usage| usage.last_used_at).collect();
        sqlx::query!(
            "INSERT INTO model_key_usage AS hour
                 (hour, node_id, position, last_four, node_name, last_used_at, requests,
                  succeeded, unauthorized, rate_limited, server_errors, other_errors,
                  input_tokens, output_tokens)
             SELECT * FROM unnest($1::timestamptz[], $2::uuid[], $3::int[], $4::text[],
                                  $5::text[], $6::timestamptz[], $7::bigint[], $8::bigint[],
                                  $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[],
                                  $13::bigint[], $14::bigint[])
             ON CONFLICT (hour, node_id, position, last_four) DO UPDATE
                SET node_name = coalesce(nullif(excluded.node_name, ''), hour.node_name),
                    last_used_at = greatest(hour.last_used_at, excluded.last_used_at),
                    requests = hour.requests + excluded.requests,
                    succeeded = hour.succeeded + excluded.succeeded,
                    unauthorized = hour.unauthorized + excluded.unauthorized,
                    rate_limited = hour.rate_limited + excluded.rate_limited,
                    server_errors = hour.server_errors + excluded.server_errors,
                    other_errors = hour.other_errors + excluded.other_errors,
                    input_tokens = hour.input_tokens + excluded.input_tokens,
                    output_tokens = hour.output_tokens + excluded.output_tokens",
            &hours,
            &nodes,
            &positions,
            &last_fours,
            &names,
            &used,
            &column(|counts| counts.requests),
            &column(|counts| counts.succeeded),
            &column(|counts| counts.unauthorized),
            &column(|counts| counts.rate_limited),
            &column(|counts| counts.server_errors),
            &column(|counts| counts.other_errors),
            &column(|counts| counts.input_tokens),
            &column(|counts| counts.output_tokens),
        )
        .execute(&self.0.pool)
        .await?;
        Ok(())
    }

    /// What was asked with each key since `since`, oldest first.
    pub async fn list(
        &self,
        since: DateTime<Utc>,
        by: KeyUsageBy,
    ) -> Result<Vec<KeyUsagePoint>, StoreError> {
        let unit = match by {
            KeyUsageBy::Hour => "hour",
            KeyUsageBy::Day => "day",
        };
        let rows = sqlx::query!(
            r#"SELECT date_trunc($2, hour, 'UTC') AS "at!", node_id, position, last_four,
                      (array_agg(node_name ORDER BY last_used_at DESC))[1] AS "node_name!",
                      max(last_used_at) AS "last_used_at!",
                      sum(requests)::bigint AS "requests!",
                      sum(succeeded)::bigint AS "succeeded!",
                      sum(unauthorized)::bigint AS "unauthorized!",
                      sum(rate_limited)::bigint AS "rate_limited!",
                      sum(server_errors)::bigint AS "server_errors!",
                      sum(other_errors)::bigint AS "other_errors!",
                      sum(input_tokens)::bigint AS "input_tokens!",
                      sum(output_tokens)::bigint AS "output_tokens!"
                 FROM model_key_usage
                WHERE hour >= $1
                GROUP BY 1, node_id, position, last_four
                ORDER BY 1"#,
            since,
            unit,
        )
        .fetch_all(&self.0.pool)
        .await?;
        let count = |number: i64| u64::try_from(number).unwrap_or(0);
        Ok(rows
            .into_iter()
            .map(|row| KeyUsagePoint {
                at: row.at,
                usage: KeyUsage {
                    key: KeyPlace {
                        node: NodeId::from_uuid(row.node_id),
                        position: u16::try_from(row.position).ok(),
                        last_four: row.last_four,
                    },
                    node_name: row.node_name,
                    counts: KeyCounts {
                        requests: count(row.requests),
                        succeeded: count(row.succeeded),
                        unauthorized: count(row.unauthorized),
                        rate_limited: count(row.rate_limited),
                        server_errors: count(row.server_errors),
                        other_errors: count(row.other_errors),
                        input_tokens: count(row.input_tokens),
                        output_tokens: count(row.output_tokens),
                    },
                    last_used_at: row.last_used_at,
                },
            })
            .collect())
    }

    pub(crate) async fn forget_before(&self, cut: DateTime<Utc>) -> Result<u64, StoreError> {
        let removed = sqlx::query!("DELETE FROM model_key_usage WHERE hour < $1", cut)
            .execute(&self.0.pool)
            .await?;
        Ok(removed.rows_affected())
    }
}

/// The hour that `at` lies in.
fn hour(at: DateTime<Utc>) -> DateTime<Utc> {
    at.duration_trunc(TimeDelta::hours(1)).unwrap_or(at)
}
