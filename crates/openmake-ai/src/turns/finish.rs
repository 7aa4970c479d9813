//! The end of a turn: exactly one, whatever happens to the database.

use std::time::Duration;

use openmake_api::{EventBody, messages::ToolCallView};
use openmake_store::{
    StoreError,
    budgets::slices::SliceUse,
    messages::StoredError,
    turns::{FinishTurn, Turn},
};
use openmake_types::{TurnMetrics, TurnStatus};
use serde_json::Value;
use tokio::time::timeout;

use super::live::LiveTurn;
use crate::core::Core;

/// How long one attempt may take.
const ATTEMPT: Duration = Duration::from_secs(10);
/// The longest wait between two attempts.
const MAX_BACKOFF: Duration = Duration::from_secs(1);

/// How a turn ended, and what it left.
#[derive(Debug)]
pub(crate) struct End {
    pub(crate) status: TurnStatus,
    pub(crate) terminal: EventBody,
    pub(crate) error: Option<StoredError>,
    pub(crate) model: Option<String>,
    pub(crate) node: Option<String>,
    pub(crate) metrics: TurnMetrics,
    /// The slices of budgets that its calls were paid from.
    pub(crate) settled: Vec<SliceUse>,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// It is stored, with the conversation's new version.
    Stored(i64),
    /// The turn is another process's, or the process ends.
    Lost,
}

/// Stores the end of a turn that this process writes and tells its
/// subscribers. Nothing is given up while the database is out.
pub(crate) async fn end(core: &Core, turn: &Turn, live: &LiveTurn, end: End) -> Ended {
    let Some(mut numbered) = live.close().await else {
        return Ended::Lost;
    };
    live.number_last(end.terminal.clone(), &mut numbered);
    let folded = live.folded();
    let finish = FinishTurn {
        turn_id: turn.id,
        epoch: turn.epoch,
        status: end.status,
        events: numbered.events,
        content: folded.text,
        thinking: (!folded.thinking.is_empty()).then_some(folded.thinking),
        tool_calls: tool_calls(&folded.tool_calls),
        model: end.model.or(folded.model),
        node: end.node,
        error: end.error,
        metrics: end.metrics,
        settled: end.settled,
        now: core.clock.now(),
    };
    let ended = store(core, turn, &finish).await;
    if let Ended::Stored(_) = ended {
        live.publish(numbered.frames);
        core.metrics.finished(end.status, &end.metrics);
    }
    ended
}

/// Writes the end until it is there or is known to be someone else's.
pub(crate) async fn store(core: &Core, turn: &Turn, finish: &FinishTurn) -> Ended {
    // Two hundred turns that end at once leave connections for the others.
    let Ok(_permit) = core.finishing.acquire().await else {
        return Ended::Lost;
    };
    let mut backoff = Duration::from_millis(25);
    loop {
        match timeout(ATTEMPT, core.store.turns().finish(finish)).await {
            Ok(Ok(Some(version))) => return Ended::Stored(version),
            // An end that was stored by an attempt whose answer was lost gives
            // its version again; none means that the turn is not ours.
            Ok(Ok(None)) => {
                tracing::warn!(turn = %turn.id, "another process has ended the turn");
                return Ended::Lost;
            }
            Ok(Err(StoreError::NotFound)) => return Ended::Lost,
            Ok(Err(StoreError::Unavailable(error))) => {
                tracing::warn!(turn = %turn.id, %error, "the database is not available; the end of a turn waits");
            }
            Ok(Err(error)) => {
                tracing::error!(turn = %turn.id, error = &error as &dyn std::error::Error, "the end of a turn was refused by the database");
                backoff = MAX_BACKOFF;
            }
            Err(_) => {
                tracing::warn!(turn = %turn.id, "the database does not answer; the end of a turn waits");
            }
        }
        tokio::select! {
            () = tokio::time::sleep(backoff) => backoff = (backoff * 2).min(MAX_BACKOFF),
            () = core.stop.cancelled() => return Ended::Lost,
        }
    }
}

/// Tool calls as messages carry them.
pub(crate) fn tool_calls(calls: &[ToolCallView]) -> Value {
    serde_json::to_value(calls).unwrap_or_else(|_| Value::Array(Vec::new()))
}
