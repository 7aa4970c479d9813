//! What the program counted over time, and how it is now.

use std::time::Duration;

use axum::extract::State;
use chrono::{DateTime, DurationRound as _, TimeDelta, Utc};
use openmake_api::{
    Allowed, ApiError,
    authorize::ReadMetrics,
    extract::{Json, Query},
    metrics::{LastBackup, MetricPoint, MetricsQuery, MetricsReport, Percentiles, SystemHealth},
    responses::ReadProblems,
};
use openmake_store::{
    backups::Verification,
    metrics::{Counts, Levels, MetricPoint as Stored},
};
use openmake_types::buckets::{APPEND_SECONDS, FIRST_TOKEN_SECONDS, REQUEST_SECONDS, percentile};
use tokio::time::{Instant, timeout};

use crate::{error::store_error, settings::Backups, state::App};

/// The most steps of a report.
const MAX_POINTS: i64 = 300;
/// Lengths of steps, in minutes.
const STEPS: [i64; 12] = [1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1_440];
const MAX_DAYS: i64 = 31;
/// How long the database may take to answer.
const PING: Duration = Duration::from_secs(3);

/// What all processes counted over a time, in at most 300 steps, and how
/// things are now. Counts are sums, levels the most of a step, and percentiles
/// are of all that was measured in a step, by whichever process.
#[utoipa::path(get, path = "/api/v1/admin/metrics", tag = "operation", params(MetricsQuery),
    responses((status = 200, body = MetricsReport), ReadProblems))]
pub(crate) async fn report(
    State(app): State<App>,
    _allowed: Allowed<ReadMetrics>,
    Query(query): Query<MetricsQuery>,
) -> Result<Json<MetricsReport>, ApiError> {
    let now = app.clock.now();
    let to = query.to.unwrap_or(now);
    let from = query.from.unwrap_or(to - TimeDelta::hours(1));
    if from >= to || to - from > TimeDelta::days(MAX_DAYS) {
        let detail = format!("`from` lies before `to`, by at most {MAX_DAYS} days.");
        return Err(ApiError::field("from", "invalid", detail));
    }
    let step = step(to - from);
    let from = from.duration_trunc(step).unwrap_or(from);
    let metrics = app.store.metrics();
    let points = metrics.series((from, to), step).await;
    let points = points.map_err(store_error("report"))?;
    let first_at = metrics.lookup_first().await;
    Ok(Json(MetricsReport {
        from,
        to,
        step_seconds: u32::try_from(step.num_seconds()).unwrap_or(u32::MAX),
        points: points.into_iter().map(view).collect(),
        first_at: first_at.map_err(store_error("report"))?,
        health: health(&app, now).await?,
    }))
}

/// The shortest step with which `range` has few enough of them, the one that
/// is cut off at the beginning included.
fn step(range: TimeDelta) -> TimeDelta {
    let few = |minutes: &i64| range.num_minutes() / minutes < MAX_POINTS;
    let minutes = STEPS.into_iter().find(few).unwrap_or(1_440);
    TimeDelta::minutes(minutes)
}

async fn health(app: &App, now: DateTime<Utc>) -> Result<SystemHealth, ApiError> {
    let began = Instant::now();
    let ping = timeout(PING, app.store.ping()).await;
    ping.map_err(ApiError::unavailable)?
        .map_err(store_error("report"))?;
    let database_ms = began.elapsed().as_secs_f64() * 1_000.0;
    let processes = app.store.metrics();
    let processes = processes.count_processes(now - TimeDelta::minutes(2)).await;
    let last = app.store.backups().lookup_last().await;
    let pool = app.store.pool_use();
    Ok(SystemHealth {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        uptime_seconds: app.started.elapsed().as_secs(),
        // The one that answers runs, whether or not it has written yet.
        processes: count(processes.map_err(store_error("report"))?).max(1),
        database_ms,
        database_connections: pool.in_use,
        database_connections_max: pool.max,
        backups_configured: app.settings.backups == Backups::Configured,
        last_backup: last
            .map_err(store_error("backup"))?
            .map(|backup| LastBackup {
                status: backup.status.as_str().to_owned(),
                at: backup.finished_at.unwrap_or(backup.created_at),
                verified: backup.verification == Some(Verification::Verified),
            }),
    })
}

fn view(point: Stored) -> MetricPoint {
    let Stored { counts, levels, .. } = point;
    let Counts {
        requests_ok,
        requests_refused,
        requests_failed,
        rate_limited,
        turns_started,
        turns_completed,
        turns_failed,
        turns_stopped,
        calls_succeeded,
        calls_refused,
        calls_failed,
        input_tokens,
        output_tokens,
        request_buckets,
        first_token_buckets,
        append_buckets,
    } = counts;
    let Levels {
        turns_running,
        sockets,
        streams,
        database_connections,
        memory_bytes,
    } = levels;
    MetricPoint {
        at: point.at,
        processes: count(point.processes),
        requests_ok: count(requests_ok),
        requests_refused: count(requests_refused),
        requests_failed: count(requests_failed),
        rate_limited: count(rate_limited),
        request_ms: percentiles(&REQUEST_SECONDS, &request_buckets),
        turns_started: count(turns_started),
        turns_completed: count(turns_completed),
        turns_failed: count(turns_failed),
        turns_stopped: count(turns_stopped),
        turns_running: count(turns_running),
        first_token_ms: percentiles(&FIRST_TOKEN_SECONDS, &first_token_buckets),
        calls_succeeded: count(calls_succeeded),
        calls_refused: count(calls_refused),
        calls_failed: count(calls_failed),
        input_tokens: count(input_tokens),
        output_tokens: count(output_tokens),
        append_ms: percentiles(&APPEND_SECONDS, &append_buckets),
        database_connections: count(database_connections),
        sockets: count(sockets),
        streams: count(streams),
        memory_bytes: memory_bytes.map(count),
        cpus: point.cpus,
    }
}

fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

fn percentiles(bounds: &[f64], counts: &[i64]) -> Option<Percentiles> {
    let counts: Vec<u64> = counts.iter().copied().map(count).collect();
    let millis = |of| percentile(bounds, &counts, of).map(|seconds| seconds * 1_000.0);
    Some(Percentiles {
        p50: millis(0.5)?,
        p95: millis(0.95)?,
        p99: millis(0.99)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_range_has_too_many_steps() {
        let minutes = |range| step(range).num_minutes();
        assert_eq!(minutes(TimeDelta::hours(1)), 1);
        assert_eq!(minutes(TimeDelta::hours(24)), 5);
        assert_eq!(minutes(TimeDelta::days(7)), 60);
        assert_eq!(minutes(TimeDelta::days(30)), 180);
        for hours in 1..=MAX_DAYS * 24 {
            let range = TimeDelta::hours(hours);
            assert!(
                range.num_minutes() / minutes(range) < MAX_POINTS,
                "{hours} h"
            );
        }
    }
}
