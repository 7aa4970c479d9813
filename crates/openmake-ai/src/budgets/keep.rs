//! What is done beside the calls: following changes of budgets, writing down
//! what was used, and giving back what nobody needs.

use std::{sync::Arc, time::Duration};

use futures_util::{StreamExt as _, stream};
use openmake_store::{
    budgets::slices::{Exchange, Exchanged},
    wakeups::{Heard, WakeupKind},
};
use tokio::{
    sync::{OwnedMutexGuard, broadcast::error::RecvError},
    time::{Instant, MissedTickBehavior, interval, sleep, timeout},
};

use super::{
    ATTEMPT, Budgets, KEEP_FOR,
    slice::{Chore, Slice, Standing, Wrote},
};
use crate::core::Core;

/// How often: changes hold everywhere within a second.
const EVERY: Duration = Duration::from_millis(800);
/// Statements of a round that run at once.
const PARALLEL: usize = 4;
/// How long the end waits for calls that still run.
const LAST_CALLS: Duration = Duration::from_secs(2);

/// Follows the budgets and keeps the slices, until the process stops.
pub(crate) async fn run(core: Arc<Core>) {
    let budgets = &core.budgets;
    let mut heard = core.wakeups.subscribe();
    let mut hints = true;
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = core.stop.cancelled() => break,
            _ = ticks.tick() => {
                // What fails now is tried again at the next tick.
                let _ = budgets.refresh().await;
                budgets.tidy().await;
            }
            hint = heard.recv(), if hints => {
                hints = !matches!(hint, Err(RecvError::Closed));
                let changed = match hint {
                    Ok(Heard::Changed(change)) => change.kind == WakeupKind::Budget,
                    Ok(Heard::Reconnected) | Err(RecvError::Lagged(_)) => true,
                    Err(RecvError::Closed) => false,
                };
                if changed {
                    let _ = budgets.refresh().await;
                }
            }
        }
    }
    budgets.close_all().await;
}

impl Budgets {
    /// One round over all slices.
    async fn tidy(&self) {
        let slices: Vec<(Arc<Slice>, Standing)> = {
            let known = self.known.read();
            let now = self.parts.clock.now();
            let mut slices = self.slices.lock();
            // One that somebody is about to use is counted twice at least.
            slices.retain(|_, slice| !slice.is_empty() || Arc::strong_count(slice) > 1);
            slices
                .values()
                .map(|slice| {
                    let version = known.version(slice.subject_id, slice.budget);
                    let standing = slice.standing(version, slice.period.start(now));
                    (Arc::clone(slice), standing)
                })
                .collect()
        };
        let mut renewing = Vec::new();
        let mut others = Vec::new();
        for (slice, standing) in slices {
            // Whoever exchanges now writes all there is to write.
            let Ok(held) = Arc::clone(&slice.exchanging).try_lock_owned() else {
                continue;
            };
            match slice.chore(standing) {
                Chore::None => {}
                Chore::Renew => renewing.push((slice, held)),
                chore @ (Chore::Exchange | Chore::Close) => others.push((slice, held, chore)),
            }
        }
        self.renew(renewing).await;
        stream::iter(others)
            .for_each_concurrent(PARALLEL, |(slice, held, chore)| async move {
                match chore {
                    Chore::Close => self.close(&slice).await,
                    _ => self.settle_books(&slice).await,
                }
                drop(held);
            })
            .await;
    }

    /// Writes what was used of many slices in one statement.
    async fn renew(&self, slices: Vec<(Arc<Slice>, OwnedMutexGuard<()>)>) {
        if slices.is_empty() {
            return;
        }
        let renewals: Vec<_> = slices
            .iter()
            .filter_map(|(slice, _)| Some((slice, slice.renewal()?)))
            .collect();
        let written: Vec<_> = renewals.iter().map(|(_, renewal)| *renewal).collect();
        let sent = Instant::now();
        let store = self.parts.store.budgets();
        match timeout(ATTEMPT, store.renew(&written, KEEP_FOR)).await {
            Ok(Ok(kept)) => {
                for (slice, renewal) in renewals {
                    if kept.contains(&renewal.slice) {
                        slice.renewed(&renewal, sent + KEEP_FOR);
                    } else {
                        slice.lost(renewal.slice);
                    }
                }
            }
            Ok(Err(error)) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "what was used of budgets is not written yet"
                );
            }
            Err(_) => tracing::warn!("what was used of budgets is not written yet"),
        }
    }

    /// Gives back what a slice has and does not need, and accounts for calls
    /// that took more than they held.
    async fn settle_books(&self, slice: &Slice) {
        let known = self.known.read().version(slice.subject_id, slice.budget);
        let Some(wish) = slice.chore_wish() else {
            return;
        };
        let exchange = Exchange {
            slice: wish.slice,
            budget: slice.budget,
            period_start: slice.period_start,
            process: self.parts.process,
            seq: wish.seq,
            wish: wish.wish,
            keep_for: KEEP_FOR,
        };
        let sent = Instant::now();
        self.parts.metrics.exchanged();
        match timeout(ATTEMPT, self.parts.store.budgets().exchange(&exchange)).await {
            Ok(Ok(Exchanged::Gone) | Err(openmake_store::StoreError::NotFound)) => {
                slice.lost(wish.slice);
            }
            Ok(Ok(Exchanged::Settled { account, left, .. })) => {
                let wrote = Wrote {
                    slice: wish.slice,
                    ours_until: sent + KEEP_FOR,
                };
                slice.exchanged(account, left, &wrote);
                if let Some(version) = known {
                    slice.is_up_to_date_with(version);
                }
            }
            Ok(Err(error)) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "a slice of a budget was not given back yet"
                );
            }
            Err(_) => tracing::warn!("a slice of a budget was not given back yet"),
        }
    }

    async fn close(&self, slice: &Slice) {
        let Some(closing) = slice.close() else { return };
        let closed = timeout(ATTEMPT, self.parts.store.budgets().close(&closing)).await;
        // What is not closed now is taken back when its time is over.
        match closed {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "a slice of a budget goes back when its time is over"
                );
            }
            Err(_) => tracing::warn!("a slice of a budget goes back when its time is over"),
        }
    }

    /// Closes all slices, as soon as their calls have ended.
    pub(crate) async fn close_all(&self) {
        let slices: Vec<_> = self.slices.lock().values().cloned().collect();
        let deadline = Instant::now() + LAST_CALLS;
        stream::iter(slices)
            .for_each_concurrent(PARALLEL, |slice| async move {
                while !slice.is_empty() && Instant::now() < deadline {
                    if let Ok(held) = slice.exchanging.try_lock() {
                        self.close(&slice).await;
                        drop(held);
                    }
                    if !slice.is_empty() {
                        sleep(Duration::from_millis(20)).await;
                    }
                }
            })
            .await;
    }
}
