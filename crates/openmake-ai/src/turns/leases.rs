//! Leases: this process's turns stay its own, and turns whose process died
//! are closed with all that they had written.

use std::{sync::Arc, time::Duration};

use openmake_api::event::Folded;
use openmake_store::{
    turns::{ClaimedTurn, FinishTurn, NewEvent},
    wakeups::{Heard, WakeupKind},
};
use openmake_types::{TokenCounts, TurnId, TurnMetrics};
use serde_json::Value;
use tokio::{
    sync::broadcast::error::RecvError,
    time::{MissedTickBehavior, interval, timeout},
};

use super::{
    after::{self, Answered},
    finish::{self, Ended},
    live::{StopReason, to_data},
    runner::interrupted,
};
use crate::core::Core;

/// Turns that are claimed at once.
const CLAIM: u32 = 50;
/// How long a statement of these loops may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often it is asked who was asked to stop elsewhere: the request's wake-up
/// may be lost.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Renews the leases until the process stops, and stops the turns that
/// somebody asked to stop elsewhere.
pub(crate) async fn keep(core: Arc<Core>) {
    let mut renewals = interval(core.settings.renew_every);
    renewals.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut looks = interval(LOOK_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let renews = tokio::select! {
            () = core.stop.cancelled() => return,
            _ = renewals.tick() => true,
            _ = looks.tick() => false,
            () = core.look_now.notified() => false,
        };
        if core.running() == 0 {
            continue;
        }
        // What fails now is tried again at the next tick.
        if renews {
            let _ = renew(&core).await;
        } else {
            look(&core).await;
        }
    }
}

/// Stops the turns of this process that somebody asked another to stop.
async fn look(core: &Core) {
    let asked = timeout(PATIENCE, core.store.turns().asked_to_stop(core.process)).await;
    match asked {
        Ok(Ok(turns)) => stop(core, turns),
        Ok(Err(error)) => tracing::debug!(
            error = &error as &dyn std::error::Error,
            "who is to stop could not be read"
        ),
        Err(_) => tracing::debug!("who is to stop could not be read in time"),
    }
}

fn stop(core: &Core, turns: Vec<TurnId>) {
    for live in turns.into_iter().filter_map(|turn| core.lookup_live(turn)) {
        live.stop(StopReason::Person);
    }
}

/// Renews the leases; whether that worked.
async fn renew(core: &Core) -> bool {
    let renewed = timeout(
        PATIENCE,
        core.store.turns().renew(core.process, core.settings.lease),
    )
    .await;
    match renewed {
        Ok(Ok(asked_to_stop)) => {
            stop(core, asked_to_stop);
            true
        }
        Ok(Err(error)) => {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "leases were not renewed"
            );
            false
        }
        Err(_) => {
            tracing::warn!("leases were not renewed: the database does not answer");
            false
        }
    }
}

/// Listens for requests to stop from other processes.
pub(crate) async fn listen(core: Arc<Core>) {
    let mut heard = core.wakeups.subscribe();
    loop {
        let heard = tokio::select! {
            () = core.stop.cancelled() => return,
            heard = heard.recv() => heard,
        };
        match heard {
            // A version is a hint at new events; without one it is a request.
            Ok(Heard::Changed(change))
                if change.kind == WakeupKind::Turn && change.version == 0 =>
            {
                if core.lookup_live(TurnId::from_uuid(change.id)).is_some() {
                    core.look_now.notify_one();
                }
            }
            Ok(Heard::Changed(_)) => {}
            Ok(Heard::Reconnected) | Err(RecvError::Lagged(_)) => core.look_now.notify_one(),
            Err(RecvError::Closed) => return,
        }
    }
}

/// Closes turns whose lease is over, at once and then again and again.
pub(crate) async fn claim(core: Arc<Core>) {
    if core.settings.single_process {
        give_up_predecessors(&core).await;
    }
    let mut ticks = interval(core.settings.claim_every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = core.stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        while claim_some(&core).await == Claimed::Full {}
    }
}

/// A single process knows that whoever held leases before it is gone.
async fn give_up_predecessors(core: &Core) {
    let given_up = timeout(
        PATIENCE,
        core.store.turns().expire_leases_except(core.process),
    )
    .await;
    match given_up {
        Ok(Ok(0)) => {}
        Ok(Ok(turns)) => tracing::info!(turns, "turns of the last run are closed as interrupted"),
        Ok(Err(error)) => {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "leases of the last run end by themselves"
            );
        }
        Err(_) => tracing::warn!("leases of the last run end by themselves"),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Claimed {
    /// There may be more.
    Full,
    /// That was all.
    All,
}

async fn claim_some(core: &Arc<Core>) -> Claimed {
    // After an outage its own leases may be over too: what still runs here is
    // not to be taken away from itself.
    if core.running() > 0 && !renew(core).await {
        return Claimed::All;
    }
    let claimed = timeout(
        PATIENCE,
        core.store
            .turns()
            .claim_expired(core.process, core.settings.lease, CLAIM),
    )
    .await;
    let claimed = match claimed {
        Ok(Ok(claimed)) => claimed,
        Ok(Err(error)) => {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "expired leases were not looked for"
            );
            return Claimed::All;
        }
        Err(_) => return Claimed::All,
    };
    let full = u32::try_from(claimed.len()).is_ok_and(|count| count >= CLAIM);
    for claimed in claimed {
        close(core, claimed).await;
        if core.stop.is_cancelled() {
            return Claimed::All;
        }
    }
    if full { Claimed::Full } else { Claimed::All }
}

/// Ends a dead process's turn with all that is in its log.
async fn close(core: &Arc<Core>, claimed: ClaimedTurn) {
    let ClaimedTurn { turn, events } = claimed;
    tracing::info!(turn = %turn.id, events = events.len(), "a turn whose process died is closed as interrupted");
    let folded = Folded::from_log(events.iter().map(|event| &event.data));
    let (status, terminal, error) = interrupted("lease_expired");
    let last_seq = events
        .last()
        .map_or(turn.last_seq, |event| event.seq.max(turn.last_seq));
    let now = core.clock.now();
    let elapsed = now
        .signed_duration_since(turn.created_at)
        .num_milliseconds();
    let metrics = TurnMetrics {
        total_ms: u64::try_from(elapsed).unwrap_or(0),
        ..metrics_of(events.iter().map(|event| &event.data), &folded)
    };
    let finish = FinishTurn {
        turn_id: turn.id,
        epoch: turn.epoch,
        status,
        events: vec![NewEvent {
            seq: last_seq + 1,
            kind: terminal.name(),
            data: to_data(&terminal),
        }],
        content: folded.text.clone(),
        thinking: (!folded.thinking.is_empty()).then(|| folded.thinking.clone()),
        tool_calls: finish::tool_calls(&folded.tool_calls),
        model: folded.model.clone(),
        node: None,
        error,
        metrics,
        // What a dead process's calls may have used is counted when its slices
        // are taken back.
        settled: Vec::new(),
        now,
    };
    if let Ended::Stored(version) = finish::store(core, &turn, &finish).await {
        core.metrics.finished(status, &metrics);
        let answered = Answered {
            model: folded.model.clone(),
            folded,
            status,
            capabilities: openmake_models::ModelCapabilities::default(),
            version,
            api_key: None,
            beside: None,
        };
        after::ended(core, &turn, answered).await;
    }
}

/// What the log says that the turn cost; an estimate of what it wrote where it
/// says nothing.
fn metrics_of<'a>(
    events: impl DoubleEndedIterator<Item = &'a Value>,
    folded: &Folded,
) -> TurnMetrics {
    let usage = events
        .rev()
        .find(|event| event.get("type").and_then(Value::as_str) == Some("usage"));
    let number = |name: &str| {
        usage
            .and_then(|usage| usage.get(name))
            .and_then(Value::as_u64)
    };
    let tokens = TokenCounts {
        input: number("input_tokens").unwrap_or(0),
        output: number("output_tokens").unwrap_or_else(|| {
            openmake_agents::estimate_tokens(&folded.text)
                + openmake_agents::estimate_tokens(&folded.thinking)
        }),
    };
    TurnMetrics {
        tokens,
        estimated: usage
            .is_none_or(|usage| usage.get("estimated").and_then(Value::as_bool) == Some(true)),
        first_token_ms: number("first_token_ms"),
        tokens_per_second: None,
        total_ms: 0,
    }
}
