//! The one task that writes events: those of all turns of the process in one
//! statement a commit.
//!
//! While a commit is in flight, what turns say waits in their outboxes, where
//! deltas merge; so the busier the database, the fewer and larger the events.
//! Nobody sees an event before its commit.

use std::{collections::HashMap, mem, sync::Arc, time::Duration};

use openmake_store::{
    Store, StoreError,
    turns::Append,
    wakeups::{Wakeup, WakeupKind},
};
use openmake_types::{TurnId, UserId};
use parking_lot::Mutex;
use tokio::{
    sync::Notify,
    time::{Instant, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{frame::Frame, live::LiveTurn};
use crate::metrics::Metrics;

/// Turns in one statement at most.
const MAX_TURNS: usize = 500;
/// Bytes in one statement at most, about.
const MAX_BYTES: usize = 4 * 1024 * 1024;
/// The longest wait between two attempts.
const MAX_BACKOFF: Duration = Duration::from_millis(500);

/// Turns that have something to write.
#[derive(Default)]
pub(crate) struct Writer {
    queue: Mutex<Vec<Arc<LiveTurn>>>,
    wake: Notify,
    hints: Mutex<HashMap<TurnId, (UserId, u64)>>,
}

/// What the writer's task works with.
pub(crate) struct WriterParts {
    pub(crate) store: Store,
    pub(crate) lease: Duration,
    pub(crate) metrics: Metrics,
    pub(crate) hints: Hints,
    /// The process ends: give up what cannot be written.
    pub(crate) stop: CancellationToken,
}

/// Whether other processes are told of new events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hints {
    /// There are others.
    Send,
    /// This process is alone.
    Keep,
}

struct Taken {
    live: Arc<LiveTurn>,
    append: Append,
    frames: Vec<Frame>,
}

impl Writer {
    /// Tells the writer that a turn has something to write.
    pub(crate) fn queue(&self, live: Arc<LiveTurn>) {
        self.queue.lock().push(live);
        self.wake.notify_one();
    }

    /// Writes until `stop`.
    pub(crate) async fn run(&self, parts: &WriterParts) {
        loop {
            let batch = self.take_batch();
            if batch.is_empty() {
                tokio::select! {
                    () = self.wake.notified() => continue,
                    () = parts.stop.cancelled() => return,
                }
            }
            self.write(parts, batch).await;
        }
    }

    fn take_batch(&self) -> Vec<Taken> {
        let mut queue = mem::take(&mut *self.queue.lock()).into_iter();
        let mut batch = Vec::new();
        let mut bytes = 0;
        for live in queue.by_ref() {
            if let Some((append, numbered)) = live.take() {
                bytes += numbered.bytes;
                batch.push(Taken {
                    live,
                    append,
                    frames: numbered.frames,
                });
            }
            if batch.len() >= MAX_TURNS || bytes >= MAX_BYTES {
                break;
            }
        }
        let rest: Vec<_> = queue.collect();
        if !rest.is_empty() {
            // They were first, and go first in the next statement.
            let mut queue = self.queue.lock();
            let newer = mem::replace(&mut *queue, rest);
            queue.extend(newer);
        }
        batch
    }

    async fn write(&self, parts: &WriterParts, batch: Vec<Taken>) {
        let appends: Vec<Append> = batch.iter().map(|taken| taken.append.clone()).collect();
        match commit(parts, &appends).await {
            Committed::Kept(kept) => {
                for taken in batch {
                    self.settle(parts, taken, &kept);
                }
            }
            // One turn's event must not hurt the others: each on its own.
            Committed::Refused(_) if batch.len() > 1 => {
                for taken in batch {
                    match commit(parts, std::slice::from_ref(&taken.append)).await {
                        Committed::Kept(kept) => self.settle(parts, taken, &kept),
                        Committed::Refused(error) => refuse(&taken, &error),
                        Committed::Stopped => taken.live.lost(),
                    }
                }
            }
            Committed::Refused(error) => {
                for taken in &batch {
                    refuse(taken, &error);
                }
            }
            Committed::Stopped => {
                for taken in &batch {
                    taken.live.lost();
                }
            }
        }
    }

    fn settle(&self, parts: &WriterParts, taken: Taken, kept: &[TurnId]) {
        let Taken { live, frames, .. } = taken;
        if !kept.contains(&live.id) {
            tracing::warn!(turn = %live.id, "another process has taken the turn over; it is no longer written here");
            live.lost();
            return;
        }
        if parts.hints == Hints::Send
            && let Some(last) = frames.last()
        {
            self.hints.lock().insert(live.id, (live.owner, last.seq()));
        }
        live.committed(frames);
    }

    /// The turns that have had new events since the last call, for the other
    /// processes' subscribers.
    pub(crate) fn take_hints(&self) -> Vec<Wakeup> {
        mem::take(&mut *self.hints.lock())
            .into_iter()
            .map(|(turn, (owner, seq))| Wakeup {
                kind: WakeupKind::Turn,
                id: turn.as_uuid(),
                version: i64::try_from(seq).unwrap_or(i64::MAX),
                owner: Some(owner),
            })
            .collect()
    }
}

fn refuse(taken: &Taken, error: &StoreError) {
    tracing::error!(turn = %taken.live.id, error = error as &dyn std::error::Error, "a turn's events were refused by the database");
    taken.live.lost();
}

enum Committed {
    /// These turns are still ours, and their events are in the log.
    Kept(Vec<TurnId>),
    /// The database would refuse it again.
    Refused(StoreError),
    /// The process ends.
    Stopped,
}

/// Appends, and tries again while the database is out: what is lost meanwhile
/// is decided by the epoch, when it is back.
async fn commit(parts: &WriterParts, appends: &[Append]) -> Committed {
    let began = Instant::now();
    let mut backoff = Duration::from_millis(25);
    loop {
        // An attempt whose answer is lost may have been done; the store takes
        // the same events a second time without writing them twice.
        let attempt = timeout(
            parts.lease,
            parts.store.turns().append(appends, parts.lease),
        )
        .await;
        match attempt {
            Ok(Ok(kept)) => {
                let events = appends.iter().map(|append| append.events.len()).sum();
                parts.metrics.appended(events, began.elapsed());
                return Committed::Kept(kept);
            }
            Ok(Err(StoreError::Unavailable(error))) => {
                tracing::warn!(%error, turns = appends.len(), "the database is not available; events wait");
            }
            Ok(Err(error)) => return Committed::Refused(error),
            Err(_) => {
                tracing::warn!(
                    turns = appends.len(),
                    "the database does not answer; events wait"
                );
            }
        }
        tokio::select! {
            () = tokio::time::sleep(backoff) => backoff = (backoff * 2).min(MAX_BACKOFF),
            () = parts.stop.cancelled() => return Committed::Stopped,
        }
    }
}
