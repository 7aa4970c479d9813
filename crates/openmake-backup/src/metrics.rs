//! What Prometheus is told about backups.

use chrono::{DateTime, Utc};
use openmake_store::backups::{Backup, BackupStatus, Verification};
use prometheus_client::{metrics::gauge::Gauge, registry::Registry};

/// Gauges of the last backup, by whichever process it was made.
#[derive(Debug, Clone, Default)]
pub(crate) struct Metrics {
    last_time: Gauge,
    last_size: Gauge,
    last_succeeded: Gauge,
    last_verified: Gauge,
    last_success: Gauge,
    running: Gauge,
}

impl Metrics {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register(
            "backup_last_timestamp_seconds",
            "When the last backup ended, well or not; 0 when there was none",
            metrics.last_time.clone(),
        );
        registry.register(
            "backup_last_success_timestamp_seconds",
            "When the last scheduled or requested backup that is good began; 0 when there was none",
            metrics.last_success.clone(),
        );
        registry.register(
            "backup_last_size_bytes",
            "How large the last backup is",
            metrics.last_size.clone(),
        );
        registry.register(
            "backup_last_succeeded",
            "Whether the last backup was made and is good",
            metrics.last_succeeded.clone(),
        );
        registry.register(
            "backup_last_verified",
            "Whether the last backup was restored into a scratch database and compared",
            metrics.last_verified.clone(),
        );
        registry.register(
            "backup_running",
            "Whether this process makes a backup now",
            metrics.running.clone(),
        );
        metrics
    }

    pub(crate) fn running(&self, now: Running) {
        self.running.set(match now {
            Running::Yes => 1,
            Running::No => 0,
        });
    }

    pub(crate) fn last(&self, last: &Backup) {
        let ended = last.finished_at.unwrap_or(last.created_at);
        self.last_time.set(ended.timestamp());
        self.last_size.set(last.size.unwrap_or(0));
        let succeeded = last.status == BackupStatus::Done;
        self.last_succeeded.set(succeeded.into());
        let verified = last.verification == Some(Verification::Verified);
        self.last_verified.set(verified.into());
    }

    pub(crate) fn last_success(&self, at: DateTime<Utc>) {
        self.last_success.set(at.timestamp());
    }
}

/// Whether a backup is being made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Running {
    Yes,
    No,
}
