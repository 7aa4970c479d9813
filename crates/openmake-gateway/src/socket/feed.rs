//! The poll behind `conversation.changed`: what changed of those who have a
//! socket here is asked of the database, and told as if a wake-up had come
//! where none came.

use std::{collections::HashMap, time::Duration};

use chrono::{DateTime, Utc};
use openmake_store::{
    conversations::{RecentChange, RecentChanges},
    wakeups::{Heard, Wakeup, WakeupKind},
};
use tokio::{
    sync::broadcast::{self, error::TryRecvError},
    time::{Instant, MissedTickBehavior, interval, timeout},
};
use uuid::Uuid;

use crate::state::App;

/// How often: with the time that reading takes, less than a second.
const EVERY: Duration = Duration::from_millis(700);
/// How long reading may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// For how long it is remembered what was told: longer than a change is named
/// again.
const REMEMBERED: Duration = Duration::from_secs(15);

/// Versions of conversations that sockets have been told.
#[derive(Default)]
struct Told(HashMap<Uuid, (i64, Instant)>);

impl Told {
    fn note(&mut self, conversation: Uuid, version: i64) {
        let entry = (version, Instant::now());
        let known = self.0.entry(conversation).or_insert(entry);
        if known.0 <= version {
            *known = entry;
        }
    }

    /// Notes what wake-ups told since the last time.
    fn drain(&mut self, heard: &mut broadcast::Receiver<Heard>) {
        loop {
            match heard.try_recv() {
                Ok(Heard::Changed(change)) if change.kind == WakeupKind::Conversation => {
                    self.note(change.id, change.version);
                }
                Ok(_) | Err(TryRecvError::Lagged(_)) => {}
                Err(TryRecvError::Empty | TryRecvError::Closed) => return,
            }
        }
    }

    fn forget_old(&mut self) {
        self.0.retain(|_, (_, at)| at.elapsed() < REMEMBERED);
    }

    /// Notes a change; whether it is news.
    fn is_news(&mut self, change: &RecentChange) -> bool {
        let id = change.id.as_uuid();
        let known = self.0.get(&id).is_some_and(|(v, _)| *v >= change.version);
        self.note(id, change.version);
        !known
    }
}

/// Tells what changed, until the process stops.
pub(crate) async fn follow(app: App) {
    let mut heard = app.wakeups.subscribe();
    let mut told = Told::default();
    let mut since = None;
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = app.stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        told.drain(&mut heard);
        told.forget_old();
        since = match poll(&app, &mut told, since).await {
            Polled::Until(now) => Some(now),
            Polled::Nobody => None,
            // From where the last one ended.
            Polled::Failed => since,
        };
    }
}

enum Polled {
    /// What happened before is told.
    Until(DateTime<Utc>),
    /// Nobody has a socket here.
    Nobody,
    Failed,
}

async fn poll(app: &App, told: &mut Told, since: Option<DateTime<Utc>>) -> Polled {
    let users = app.sockets.users();
    if users.is_empty() {
        return Polled::Nobody;
    }
    let conversations = app.store.conversations();
    let answer = timeout(PATIENCE, conversations.changes_since(&users, since)).await;
    let RecentChanges { changed, now } = match answer {
        Ok(Ok(recent)) => recent,
        Ok(Err(error)) => {
            tracing::debug!(%error, "which conversations changed could not be read");
            return Polled::Failed;
        }
        Err(_) => {
            tracing::debug!("which conversations changed could not be read in time");
            return Polled::Failed;
        }
    };
    match changed {
        Some(changed) => {
            // The earliest first, as they happened.
            for change in changed.iter().rev().filter(|change| told.is_news(change)) {
                tell(app, Heard::Changed(wakeup(change)));
            }
        }
        None => tell(app, Heard::Reconnected),
    }
    Polled::Until(now)
}

fn wakeup(change: &RecentChange) -> Wakeup {
    Wakeup {
        kind: WakeupKind::Conversation,
        id: change.id.as_uuid(),
        version: change.version,
        owner: Some(change.owner),
    }
}

fn tell(app: &App, heard: Heard) {
    // Without a socket nobody listens.
    let _ = app.wakeups.send(heard);
}

#[cfg(test)]
mod tests {
    use openmake_types::{ConversationId, UserId};

    use super::*;

    fn change(version: i64) -> RecentChange {
        RecentChange {
            id: ConversationId::from_uuid(Uuid::from_u128(1)),
            owner: UserId::from_uuid(Uuid::from_u128(2)),
            version,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_change_is_news_once_and_not_after_a_wakeup() {
        let (sender, mut heard) = broadcast::channel(8);
        let mut told = Told::default();
        assert!(told.is_news(&change(2)));
        assert!(!told.is_news(&change(2)));
        let known = wakeup(&change(3));
        sender.send(Heard::Changed(known)).expect("heard");
        told.drain(&mut heard);
        assert!(!told.is_news(&change(3)));
        assert!(!told.is_news(&change(1)));
        assert!(told.is_news(&change(4)));
        tokio::time::advance(REMEMBERED).await;
        told.forget_old();
        assert!(told.0.is_empty());
    }
}
