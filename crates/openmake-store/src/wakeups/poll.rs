//! The poll behind the wake-ups: what every process has to know is read again
//! and again, and told where no wake-up told it. So a change is known
//! everywhere within a second, though its wake-up is lost: its process was
//! killed before it sent one, or nobody heard it.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use chrono::{DateTime, Utc};
use sqlx::PgPool;
use tokio::{
    sync::broadcast::{self, error::TryRecvError},
    time::{MissedTickBehavior, interval, timeout},
};
use uuid::Uuid;

use super::{Heard, Wakeup, WakeupKind, tell};
use crate::StoreError;

/// How often: with the time that reading takes, less than a second.
const EVERY: Duration = Duration::from_millis(700);

/// How long reading may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// What every process has to know, by version.
#[derive(Debug, Clone, PartialEq, Eq)]
struct State {
    settings: i64,
    nodes: HashMap<Uuid, i64>,
    /// The database's time.
    now: DateTime<Utc>,
}

/// What wake-ups told since they were looked at last.
#[derive(Debug, Default)]
struct Told {
    settings: Option<i64>,
}

/// Polls until it is dropped.
pub(super) async fn always(pool: &PgPool, told: &broadcast::Sender<Heard>) {
    let mut heard = told.subscribe();
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut known = None;
    loop {
        ticks.tick().await;
        // Before reading: what is told meanwhile is told twice at most.
        let lately = drain(&mut heard);
        match timeout(PATIENCE, read(pool)).await {
            Ok(Ok(state)) => {
                for wakeup in news(known.as_ref(), &state, &lately) {
                    tell(told, Heard::Changed(wakeup));
                }
                known = Some(state);
            }
            // The listener says in the log that the database is away.
            Ok(Err(error)) => tracing::debug!(%error, "what changed could not be read"),
            Err(_) => tracing::debug!("what changed could not be read in time"),
        }
    }
}

fn drain(heard: &mut broadcast::Receiver<Heard>) -> Told {
    let mut told = Told::default();
    loop {
        match heard.try_recv() {
            Ok(Heard::Changed(wakeup)) if wakeup.kind == WakeupKind::Settings => {
                told.settings = Some(wakeup.version);
            }
            Ok(_) | Err(TryRecvError::Lagged(_)) => {}
            Err(TryRecvError::Empty | TryRecvError::Closed) => return told,
        }
    }
}

async fn read(pool: &PgPool) -> Result<State, StoreError> {
    let row = sqlx::query!(
        r#"SELECT version,
                  clock_timestamp() AS "now!",
                  ARRAY(SELECT id FROM model_nodes ORDER BY id) AS "nodes!: Vec<Uuid>",
                  ARRAY(SELECT version FROM model_nodes ORDER BY id) AS "versions!: Vec<i64>"
             FROM instance_settings"#,
    )
    .fetch_one(pool)
    .await?;
    Ok(State {
        settings: row.version,
        nodes: row.nodes.into_iter().zip(row.versions).collect(),
        now: row.now,
    })
}

/// What is not yet known. At first that is everything: what was read before may
/// have changed before the poll began.
fn news(known: Option<&State>, state: &State, told: &Told) -> Vec<Wakeup> {
    let changed = |kind, id, version| Wakeup {
        kind,
        id,
        version,
        owner: None,
    };
    let mut news = Vec::new();
    let settings = [known.map(|known| known.settings), told.settings];
    if !settings.contains(&Some(state.settings)) {
        news.push(changed(WakeupKind::Settings, Uuid::nil(), state.settings));
    }
    let none = HashMap::new();
    let before = known.map_or(&none, |known| &known.nodes);
    let nodes: HashSet<&Uuid> = before.keys().chain(state.nodes.keys()).collect();
    let nodes = nodes
        .into_iter()
        .filter(|id| before.get(id) != state.nodes.get(id));
    // Of a node's wake-ups the version is a time.
    let version = state.now.timestamp_micros();
    news.extend(nodes.map(|id| changed(WakeupKind::Node, *id, version)));
    news
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(settings: i64, nodes: &[(u128, i64)]) -> State {
        State {
            settings,
            nodes: nodes
                .iter()
                .map(|(id, version)| (Uuid::from_u128(*id), *version))
                .collect(),
            now: DateTime::UNIX_EPOCH,
        }
    }

    fn told(known: Option<&State>, state: &State, told: &Told) -> Vec<(WakeupKind, u128)> {
        let mut told: Vec<_> = news(known, state, told)
            .iter()
            .map(|wakeup| (wakeup.kind, wakeup.id.as_u128()))
            .collect();
        told.sort_by_key(|(_, id)| *id);
        told
    }

    #[test]
    fn what_changed_is_told_once() {
        let quiet = Told::default();
        let before = state(4, &[(1, 1), (2, 1), (3, 1)]);
        assert_eq!(told(Some(&before), &before, &quiet), []);
        let after = state(5, &[(1, 1), (2, 2), (4, 1)]);
        let node = |id| (WakeupKind::Node, id);
        let all = [(WakeupKind::Settings, 0), node(2), node(3), node(4)];
        assert_eq!(told(Some(&before), &after, &quiet), all);
        let lately = Told { settings: Some(5) };
        assert_eq!(told(Some(&before), &after, &lately), all[1..]);
        let older = Told { settings: Some(4) };
        assert_eq!(told(Some(&before), &after, &older), all);
    }

    #[test]
    fn at_first_everything_is_news() {
        let state = state(1, &[(7, 3)]);
        let all = [(WakeupKind::Settings, 0), (WakeupKind::Node, 7)];
        assert_eq!(told(None, &state, &Told::default()), all);
    }
}
