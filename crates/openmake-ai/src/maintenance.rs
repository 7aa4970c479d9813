//! What is done from time to time.

use std::{sync::Arc, time::Duration};

use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::core::Core;

/// How long one round may take.
const PATIENCE: Duration = Duration::from_mins(10);
/// So many messages that were indexed at once say that more wait.
const MANY: u64 = 1000;
/// How often to look for words that wait.
const INDEX_EVERY: Duration = Duration::from_secs(10);
/// How often other processes' subscribers are told of new events.
const HINT_EVERY: Duration = Duration::from_millis(100);

/// Rounds of everything that is due, until the process stops. The first one
/// comes soon after the start: a process that restarts every hour must not
/// never do it.
pub(crate) async fn run(core: Arc<Core>) {
    let mut ticks = interval(core.settings.maintain_every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = core.stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        let round = async {
            core.store.ensure_partitions().await?;
            core.store
                .maintain(&core.settings.retention, core.clock.now())
                .await
        };
        let done = tokio::select! {
            () = core.stop.cancelled() => return,
            done = timeout(PATIENCE, round) => done,
        };
        match done {
            Ok(Ok(report)) => tracing::debug!(?report, "maintenance is done"),
            Ok(Err(error)) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "maintenance failed; the next round tries again"
                );
            }
            Err(_) => tracing::warn!("maintenance took too long; the next round goes on"),
        }
    }
}

/// Indexes words that wait, until the process stops: an import leaves millions
/// at once, which the rounds above would take weeks for.
pub(crate) async fn index(core: Arc<Core>) {
    let mut ticks = interval(INDEX_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = core.stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        loop {
            let search = core.store.search();
            let indexed = tokio::select! {
                () = core.stop.cancelled() => return,
                indexed = timeout(PATIENCE, search.index_waiting()) => indexed,
            };
            match indexed {
                Ok(Ok(messages)) if messages < MANY => break,
                Ok(Ok(messages)) => tracing::debug!(messages, "messages were indexed"),
                Ok(Err(error)) => {
                    tracing::debug!(
                        error = &error as &dyn std::error::Error,
                        "indexing failed; the next round tries again"
                    );
                    break;
                }
                Err(_) => break,
            }
        }
    }
}

/// Tells other processes' subscribers of new events, until the process stops.
pub(crate) async fn hint(core: Arc<Core>) {
    if core.settings.single_process {
        return;
    }
    let mut ticks = interval(HINT_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = core.stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        let hints = core.writer.take_hints();
        if hints.is_empty() {
            continue;
        }
        if let Ok(Err(error)) =
            timeout(Duration::from_secs(5), core.store.wakeups().notify(&hints)).await
        {
            tracing::debug!(
                error = &error as &dyn std::error::Error,
                "hints were not sent"
            );
        }
    }
}
