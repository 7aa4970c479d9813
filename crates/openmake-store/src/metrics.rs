//! What processes counted, by the minute (`metric_samples`).

use chrono::{DateTime, TimeDelta, Utc};
use openmake_types::ProcessId;

use crate::{Store, StoreError};

/// What one process counted in one minute.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricSample {
    /// The beginning of the minute.
    pub at: DateTime<Utc>,
    /// The process.
    pub process: ProcessId,
    /// How many seconds of the minute it has seen.
    pub seconds: f64,
    /// What it counted in them.
    pub counts: Counts,
    /// The most that there was at a time.
    pub levels: Levels,
    /// Seconds of processors' time, where the system tells.
    pub cpu_seconds: Option<f64>,
}

/// What happened in a time.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counts {
    /// Requests answered with a status below 400.
    pub requests_ok: i64,
    /// Requests answered with a status from 400 to 499.
    pub requests_refused: i64,
    /// Requests answered with a status from 500.
    pub requests_failed: i64,
    /// Requests that were too many.
    pub rate_limited: i64,
    /// Turns that began.
    pub turns_started: i64,
    /// Turns that ended with an answer.
    pub turns_completed: i64,
    /// Turns that ended with an error.
    pub turns_failed: i64,
    /// Turns that somebody, or the end of the process, stopped.
    pub turns_stopped: i64,
    /// Requests to model servers that were answered.
    pub calls_succeeded: i64,
    /// Those that were refused for their key or for being too many.
    pub calls_refused: i64,
    /// Those that went wrong otherwise.
    pub calls_failed: i64,
    /// Tokens that models read.
    pub input_tokens: i64,
    /// Tokens that models wrote.
    pub output_tokens: i64,
    /// Requests by [`openmake_types::buckets::REQUEST_SECONDS`].
    pub request_buckets: Vec<i64>,
    /// Answers by [`openmake_types::buckets::FIRST_TOKEN_SECONDS`].
    pub first_token_buckets: Vec<i64>,
    /// Commits of the event log by [`openmake_types::buckets::APPEND_SECONDS`].
    pub append_buckets: Vec<i64>,
}

/// What there was at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Levels {
    /// Turns being answered.
    pub turns_running: i64,
    /// Open WebSockets.
    pub sockets: i64,
    /// Those who watch a turn.
    pub streams: i64,
    /// Connections to the database in use.
    pub database_connections: i64,
    /// Bytes of memory, where the system tells.
    pub memory_bytes: Option<i64>,
}

/// Some minutes of all processes.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricPoint {
    /// Where they begin.
    pub at: DateTime<Utc>,
    /// The most processes of a minute.
    pub processes: i64,
    /// The sums.
    pub counts: Counts,
    /// The most of a minute, all processes together.
    pub levels: Levels,
    /// Processors in use, all processes together, on average.
    pub cpus: Option<f64>,
}

/// How the pool of connections is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolUse {
    /// Connections in use.
    pub in_use: u32,
    /// Connections at most.
    pub max: u32,
}

/// What processes counted.
#[derive(Debug, Clone, Copy)]
pub struct Metrics<'a>(&'a Store);

impl Store {
    /// What processes counted.
    pub const fn metrics(&self) -> Metrics<'_> {
        Metrics(self)
    }

    /// How this process's pool of connections is used now.
    pub fn pool_use(&self) -> PoolUse {
        let idle = u32::try_from(self.pool.num_idle()).unwrap_or(u32::MAX);
        PoolUse {
            in_use: self.pool.size().saturating_sub(idle),
            max: self.pool.options().get_max_connections(),
        }
    }
}

impl Metrics<'_> {
    /// Writes a process's minute, or writes it anew.
    pub async fn put(&self, sample: &MetricSample) -> Result<(), StoreError> {
        let MetricSample { counts, levels, .. } = sample;
        sqlx::query!(
            "INSERT INTO metric_samples
                 (at, process, seconds, requests_ok, requests_refused, requests_failed,
                  rate_limited, turns_started, turns_completed, turns_failed, turns_stopped,
                  calls_succeeded, calls_refused, calls_failed, input_tokens, output_tokens,
                  request_buckets, first_token_buckets, append_buckets, turns_running, sockets,
                  streams, database_connections, memory_bytes, cpu_seconds)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17,
                     $18, $19, $20, $21, $22, $23, $24, $25)
             ON CONFLICT (at, process) DO UPDATE
                SET (seconds, requests_ok, requests_refused, requests_failed, rate_limited,
                     turns_started, turns_completed, turns_failed, turns_stopped, calls_succeeded,
                     calls_refused, calls_failed, input_tokens, output_tokens, request_buckets,
                     first_token_buckets, append_buckets, turns_running, sockets, streams,
                     database_connections, memory_bytes, cpu_seconds)
                  = ROW (excluded.seconds, excluded.requests_ok, excluded.requests_refused,
                     excluded.requests_failed, excluded.rate_limited, excluded.turns_started,
                     excluded.turns_completed, excluded.turns_failed, excluded.turns_stopped,
                     excluded.calls_succeeded, excluded.calls_refused, excluded.calls_failed,
                     excluded.input_tokens, excluded.output_tokens, excluded.request_buckets,
                     excluded.first_token_buckets, excluded.append_buckets,
                     excluded.turns_running, excluded.sockets, excluded.streams,
                     excluded.database_connections, excluded.memory_bytes, excluded.cpu_seconds)",
            sample.at,
            sample.process.as_uuid(),
            sample.seconds,
            counts.requests_ok,
            counts.requests_refused,
            counts.requests_failed,
            counts.rate_limited,
            counts.turns_started,
            counts.turns_completed,
            counts.turns_failed,
            counts.turns_stopped,
            counts.calls_succeeded,
            counts.calls_refused,
            counts.calls_failed,
            counts.input_tokens,
            counts.output_tokens,
            &counts.request_buckets,
            &counts.first_token_buckets,
            &counts.append_buckets,
            levels.turns_running,
            levels.sockets,
            levels.streams,
            levels.database_connections,
            levels.memory_bytes,
            sample.cpu_seconds,
        )
        .execute(&self.0.pool)
        .await?;
        Ok(())
    }

    /// What all processes counted from `from` up to `to`, a point for each
    /// `step` in which one of them wrote, oldest first. Steps begin at whole
    /// multiples of their length.
    pub async fn series(
        &self,
        (from, to): (DateTime<Utc>, DateTime<Utc>),
        step: TimeDelta,
    ) -> Result<Vec<MetricPoint>, StoreError> {
        let seconds = step.as_seconds_f64();
        let rows = sqlx::query!(
            r#"WITH minutes AS (
                   SELECT at, count(*) AS processes,
                          sum(requests_ok) AS requests_ok,
                          sum(requests_refused) AS requests_refused,
                          sum(requests_failed) AS requests_failed,
                          sum(rate_limited) AS rate_limited,
                          sum(turns_started) AS turns_started,
                          sum(turns_completed) AS turns_completed,
                          sum(turns_failed) AS turns_failed,
                          sum(turns_stopped) AS turns_stopped,
                          sum(calls_succeeded) AS calls_succeeded,
                          sum(calls_refused) AS calls_refused,
                          sum(calls_failed) AS calls_failed,
                          sum(input_tokens) AS input_tokens,
                          sum(output_tokens) AS output_tokens,
                          sum(turns_running) AS turns_running,
                          sum(sockets) AS sockets,
                          sum(streams) AS streams,
                          sum(database_connections) AS database_connections,
                          sum(memory_bytes) AS memory_bytes,
                          sum(cpu_seconds / nullif(seconds, 0)) AS cpus
                     FROM metric_samples
                    WHERE at >= $1 AND at < $2
                    GROUP BY at
               )
               SELECT date_bin(make_interval(secs => $3), at, to_timestamp(0)) AS "at!",
                      max(processes) AS "processes!",
                      sum(requests_ok)::bigint AS "requests_ok!",
                      sum(requests_refused)::bigint AS "requests_refused!",
                      sum(requests_failed)::bigint AS "requests_failed!",
                      sum(rate_limited)::bigint AS "rate_limited!",
                      sum(turns_started)::bigint AS "turns_started!",
                      sum(turns_completed)::bigint AS "turns_completed!",
                      sum(turns_failed)::bigint AS "turns_failed!",
                      sum(turns_stopped)::bigint AS "turns_stopped!",
                      sum(calls_succeeded)::bigint AS "calls_succeeded!",
                      sum(calls_refused)::bigint AS "calls_refused!",
                      sum(calls_failed)::bigint AS "calls_failed!",
                      sum(input_tokens)::bigint AS "input_tokens!",
                      sum(output_tokens)::bigint AS "output_tokens!",
                      max(turns_running)::bigint AS "turns_running!",
                      max(sockets)::bigint AS "sockets!",
                      max(streams)::bigint AS "streams!",
                      max(database_connections)::bigint AS "database_connections!",
                      max(memory_bytes)::bigint AS memory_bytes,
                      avg(cpus) AS cpus
                 FROM minutes
                GROUP BY 1
                ORDER BY 1"#,
            from,
            to,
            seconds,
        )
        .fetch_all(&self.0.pool)
        .await?;
        let mut points: Vec<MetricPoint> = rows
            .into_iter()
            .map(|row| MetricPoint {
                at: row.at,
                processes: row.processes,
                counts: Counts {
                    requests_ok: row.requests_ok,
                    requests_refused: row.requests_refused,
                    requests_failed: row.requests_failed,
                    rate_limited: row.rate_limited,
                    turns_started: row.turns_started,
                    turns_completed: row.turns_completed,
                    turns_failed: row.turns_failed,
                    turns_stopped: row.turns_stopped,
                    calls_succeeded: row.calls_succeeded,
                    calls_refused: row.calls_refused,
                    calls_failed: row.calls_failed,
                    input_tokens: row.input_tokens,
                    output_tokens: row.output_tokens,
                    ..Counts::default()
                },
                levels: Levels {
                    turns_running: row.turns_running,
                    sockets: row.sockets,
                    streams: row.streams,
                    database_connections: row.database_connections,
                    memory_bytes: row.memory_bytes,
                },
                cpus: row.cpus,
            })
            .collect();
        self.add_buckets(&mut points, (from, to), seconds).await?;
        Ok(points)
    }

    /// Adds to `points` how many took how long.
    async fn add_buckets(
        &self,
        points: &mut [MetricPoint],
        (from, to): (DateTime<Utc>, DateTime<Utc>),
        step_seconds: f64,
    ) -> Result<(), StoreError> {
        // The arrays are of different lengths: the shorter ones go on as NULLs.
        let rows = sqlx::query!(
            r#"SELECT date_bin(make_interval(secs => $3), s.at, to_timestamp(0)) AS "at!",
                      sum(b.request)::bigint AS request,
                      sum(b.first_token)::bigint AS first_token,
                      sum(b.append)::bigint AS append
                 FROM metric_samples s,
                      LATERAL unnest(s.request_buckets, s.first_token_buckets, s.append_buckets)
                          WITH ORDINALITY AS b (request, first_token, append, place)
                WHERE s.at >= $1 AND s.at < $2
                GROUP BY 1, b.place
                ORDER BY 1, b.place"#,
            from,
            to,
            step_seconds,
        )
        .fetch_all(&self.0.pool)
        .await?;
        let mut points = points.iter_mut().peekable();
        for row in rows {
            while points.next_if(|point| point.at < row.at).is_some() {}
            let Some(point) = points.peek_mut().filter(|point| point.at == row.at) else {
                continue;
            };
            point.counts.request_buckets.extend(row.request);
            point.counts.first_token_buckets.extend(row.first_token);
            point.counts.append_buckets.extend(row.append);
        }
        Ok(())
    }

    /// When the first minute that is still kept was.
    pub async fn lookup_first(&self) -> Result<Option<DateTime<Utc>>, StoreError> {
        Ok(sqlx::query_scalar!("SELECT min(at) FROM metric_samples")
            .fetch_one(&self.0.pool)
            .await?)
    }

    /// How many processes have written since `since`.
    pub async fn count_processes(&self, since: DateTime<Utc>) -> Result<i64, StoreError> {
        Ok(sqlx::query_scalar!(
            r#"SELECT count(DISTINCT process) AS "count!" FROM metric_samples WHERE at >= $1"#,
            since,
        )
        .fetch_one(&self.0.pool)
        .await?)
    }

    pub(crate) async fn forget_before(&self, cut: DateTime<Utc>) -> Result<u64, StoreError> {
        let removed = sqlx::query!("DELETE FROM metric_samples WHERE at < $1", cut)
            .execute(&self.0.pool)
            .await?;
        Ok(removed.rows_affected())
    }
}
