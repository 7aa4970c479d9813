//! Wake-ups between processes over `LISTEN`/`NOTIFY`. They are hints: a poll
//! is the truth.

use openmake_types::UserId;
use tokio::sync::broadcast;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

use crate::{Store, StoreError};

/// What changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WakeupKind {
    /// A conversation of `owner`.
    Conversation,
    /// A turn of `owner`: it has new events, or was asked to stop.
    Turn,
    /// A model server.
    Node,
    /// The instance's settings.
    Settings,
    /// A session ended.
    Session,
    /// An account's role, password or activation.
    User,
}

/// One change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Wakeup {
    /// What changed.
    pub kind: WakeupKind,
    /// Which.
    pub id: Uuid,
    /// Its version then; 0 where it has none.
    pub version: i64,
    /// Whose it is; none where it is everybody's.
    pub owner: Option<UserId>,
}

/// What a listener gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// Something changed.
    Changed(Wakeup),
    /// The connection was lost and is there again: anything may have changed.
    Reconnected,
}

/// Wake-ups.
#[derive(Debug, Clone, Copy)]
pub struct Wakeups<'a>(&'a Store);

impl Store {
    /// Wake-ups between processes.
    pub const fn wakeups(&self) -> Wakeups<'_> {
        Wakeups(self)
    }
}

impl Wakeups<'_> {
    /// Tells every process, this one included. In a statement of its own, so
    /// never inside a transaction; many go in one.
    pub async fn notify(&self, wakeups: &[Wakeup]) -> Result<(), StoreError> {
        let _ = (self.0, wakeups);
        todo!()
    }

    /// Listens on a connection of its own until `stop`, reconnecting with
    /// backoff. Subscribe to the sender that it returns; a subscriber that lags
    /// treats that as [`Heard::Reconnected`].
    pub fn listen(&self, tasks: &TaskTracker, stop: CancellationToken) -> broadcast::Sender<Heard> {
        let _ = (tasks, stop);
        todo!()
    }
}
