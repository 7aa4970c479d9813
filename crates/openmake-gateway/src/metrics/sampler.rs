//! Writes down, minute by minute, what the process counts. The row of the
//! running minute is written anew every few seconds, so that a page shows what
//! just happened and a process that is killed loses little. A row that cannot
//! be written is dropped: nothing waits for it.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, DurationRound as _, TimeDelta, Utc};
use openmake_store::{
    Store,
    metrics::{Counts, Levels, MetricSample},
};
use openmake_types::{Clock, ProcessId};
use prometheus_client::registry::Registry;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use super::{
    encode,
    process::{self, Process},
    totals::{Totals, most, since},
};

/// How long a row may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// What writes a process's figures down.
pub struct Sampler {
    /// Where the figures go.
    pub store: Store,
    /// The time of day.
    pub clock: Arc<dyn Clock>,
    /// Whose figures they are.
    pub process: ProcessId,
    /// How often the running minute's row is written anew.
    pub every: Duration,
    /// What the process counts.
    pub registry: Arc<Registry>,
    /// Ends it.
    pub stop: CancellationToken,
}

impl std::fmt::Debug for Sampler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sampler")
            .field("process", &self.process)
            .finish_non_exhaustive()
    }
}

impl Sampler {
    /// Samples until the process stops.
    pub async fn run(self) {
        let mut ticks = interval(self.every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut minute: Option<Minute> = None;
        loop {
            tokio::select! {
                () = self.stop.cancelled() => return,
                _ = ticks.tick() => {}
            }
            let Some(reading) = self.read() else {
                continue;
            };
            let Some(current) = &mut minute else {
                minute = Some(Minute::after(&reading));
                continue;
            };
            current.levels = most(current.levels, reading.totals.levels);
            self.write(current.sample(self.process, &reading)).await;
            if minute_of(reading.at) != current.at {
                minute = Some(Minute::after(&reading));
            }
        }
    }

    async fn write(&self, sample: MetricSample) {
        match timeout(PATIENCE, self.store.metrics().put(&sample)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(
                error = &error as &dyn std::error::Error,
                "a minute of figures was dropped"
            ),
            Err(_) => {
                tracing::debug!("a minute of figures was dropped: the database took too long");
            }
        }
    }

    fn read(&self) -> Option<Reading> {
        let text = encode(&self.registry).ok()?;
        let process = process::read();
        let mut totals = Totals::read(&text);
        totals.levels.database_connections = self.store.pool_use().in_use.into();
        totals.levels.memory_bytes = process.memory_bytes;
        Some(Reading {
            at: self.clock.now(),
            totals,
            process,
        })
    }
}

/// What was counted up to a moment.
struct Reading {
    at: DateTime<Utc>,
    totals: Totals,
    process: Process,
}

/// The minute that runs.
struct Minute {
    at: DateTime<Utc>,
    /// What there was when it began, or when the process did.
    began: DateTime<Utc>,
    counts: Counts,
    cpu_seconds: Option<f64>,
    levels: Levels,
}

impl Minute {
    /// The one that `reading` lies in, of which what came after it counts.
    fn after(reading: &Reading) -> Self {
        Self {
            at: minute_of(reading.at),
            began: reading.at,
            counts: reading.totals.counts.clone(),
            cpu_seconds: reading.process.cpu_seconds,
            levels: reading.totals.levels,
        }
    }

    /// What happened in it up to `reading`.
    fn sample(&self, process: ProcessId, reading: &Reading) -> MetricSample {
        let cpu = reading.process.cpu_seconds.zip(self.cpu_seconds);
        MetricSample {
            at: self.at,
            process,
            seconds: (reading.at - self.began).as_seconds_f64().max(0.0),
            counts: since(&reading.totals.counts, &self.counts),
            levels: self.levels,
            cpu_seconds: cpu.map(|(now, then)| (now - then).max(0.0)),
        }
    }
}

fn minute_of(at: DateTime<Utc>) -> DateTime<Utc> {
    at.duration_trunc(TimeDelta::minutes(1)).unwrap_or(at)
}
