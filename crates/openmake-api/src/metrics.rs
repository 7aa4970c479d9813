//! What the program counted over time, for administrators.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// The query of `GET /api/v1/admin/metrics`: at most 31 days.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct MetricsQuery {
    /// The beginning; an hour before the end unless given.
    pub from: Option<DateTime<Utc>>,
    /// The end; now unless given.
    pub to: Option<DateTime<Utc>>,
}

/// What all processes counted in a time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MetricsReport {
    /// Where the first step begins.
    pub from: DateTime<Utc>,
    /// The end.
    pub to: DateTime<Utc>,
    /// The length of a step, chosen so that there are at most 300.
    pub step_seconds: u32,
    /// The steps in which a process wrote something down, oldest first. One
    /// that is missing is a time of which nothing is known.
    pub points: Vec<MetricPoint>,
    /// When the first minute that is still kept was.
    pub first_at: Option<DateTime<Utc>>,
    /// How things are now.
    pub health: SystemHealth,
}

/// What all processes counted in one step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MetricPoint {
    /// Where it begins.
    pub at: DateTime<Utc>,
    /// The most processes that ran at a time.
    pub processes: u64,
    /// Requests answered with a status below 400.
    pub requests_ok: u64,
    /// Requests answered with a status from 400 to 499.
    pub requests_refused: u64,
    /// Requests answered with a status from 500.
    pub requests_failed: u64,
    /// Requests that were too many; they are among the refused ones.
    pub rate_limited: u64,
    /// From a request to the head of its answer.
    pub request_ms: Option<Percentiles>,
    /// Turns that began.
    pub turns_started: u64,
    /// Turns that ended with an answer.
    pub turns_completed: u64,
    /// Turns that ended with an error.
    pub turns_failed: u64,
    /// Turns that somebody, or the end of a process, stopped.
    pub turns_stopped: u64,
    /// The most turns that ran at a time.
    pub turns_running: u64,
    /// From a question to the first token.
    pub first_token_ms: Option<Percentiles>,
    /// Requests to model servers that were answered.
    pub calls_succeeded: u64,
    /// Those that were refused for their key or for being too many.
    pub calls_refused: u64,
    /// Those that went wrong otherwise.
    pub calls_failed: u64,
    /// Tokens that models read.
    pub input_tokens: u64,
    /// Tokens that models wrote.
    pub output_tokens: u64,
    /// How long a commit of the event log takes.
    pub append_ms: Option<Percentiles>,
    /// The most connections to the database in use.
    pub database_connections: u64,
    /// The most open WebSockets.
    pub sockets: u64,
    /// The most who watched a turn.
    pub streams: u64,
    /// The most memory, in bytes.
    pub memory_bytes: Option<u64>,
    /// Processors in use, on average.
    pub cpus: Option<f64>,
}

/// Milliseconds that a share of all took at most.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Percentiles {
    /// Half of them.
    pub p50: f64,
    /// 95 of a hundred.
    pub p95: f64,
    /// 99 of a hundred.
    pub p99: f64,
}

/// How things are now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SystemHealth {
    /// The version of the process that answers.
    pub version: String,
    /// For how long it has been running.
    pub uptime_seconds: u64,
    /// Processes that wrote something down within two minutes.
    pub processes: u64,
    /// How long the database takes to answer, in milliseconds.
    pub database_ms: f64,
    /// This process's connections to it in use.
    pub database_connections: u32,
    /// And at most.
    pub database_connections_max: u32,
    /// Whether the server has a directory for backups.
    pub backups_configured: bool,
    /// The last backup.
    pub last_backup: Option<LastBackup>,
}

/// How the last backup came out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LastBackup {
    /// `waiting`, `running`, `done` or `failed`.
    pub status: String,
    /// When it ended, or was asked for.
    pub at: DateTime<Utc>,
    /// Whether it was restored on trial and compared.
    pub verified: bool,
}
