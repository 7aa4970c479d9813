//! Wake-ups between processes over `LISTEN`/`NOTIFY`. They are hints: a poll
//! is the truth.

mod follow;
mod poll;

use std::time::Duration;

use openmake_types::UserId;
use sqlx::{
    PgPool,
    postgres::{PgListener, PgPoolOptions},
};
use tokio::{sync::broadcast, time::timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

pub use self::follow::{Follow, changed};
use crate::{Store, StoreError};

/// The channel that every process of an instance listens on.
const CHANNEL: &str = "openmake";

/// Every process that listens shares this advisory lock, so that a restore,
/// which wants it for itself, knows that none does. Any number will do; it must
/// never change.
pub(crate) const PRESENCE: i64 = 0x6f6d_6b5f_6865_7265;

/// PostgreSQL takes less than 8000 bytes in one notification; a wake-up has at
/// most 89.
const PER_NOTIFICATION: usize = 80;

/// How many wake-ups a slow subscriber may be behind.
const BACKLOG: usize = 4096;

/// How long a connection may be silent before it is tried: a peer that vanished
/// says nothing.
const SILENCE: Duration = Duration::from_secs(20);

/// How long connecting and such a trial may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// The first and the longest pause before connecting again.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

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
    /// An account's role, password, activation or groups.
    User,
    /// A budget or a price.
    Budget,
    /// A key of `owner`.
    ApiKey,
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
    /// The connection is there, for the first time or again after it was lost:
    /// anything may have changed.
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

impl WakeupKind {
    const ALL: [Self; 8] = [
        Self::Conversation,
        Self::Turn,
        Self::Node,
        Self::Settings,
        Self::Session,
        Self::User,
        Self::Budget,
        Self::ApiKey,
    ];

    /// The kind's letter in a notification.
    const fn letter(self) -> &'static str {
        match self {
            Self::Conversation => "c",
            Self::Turn => "t",
            Self::Node => "n",
            Self::Settings => "i",
            Self::Session => "s",
            Self::User => "u",
            Self::Budget => "b",
            Self::ApiKey => "k",
        }
    }
}

impl Wakeup {
    /// One line of a notification: kind, id, version, and the owner if any.
    fn line(&self) -> String {
        let (kind, id, version) = (self.kind.letter(), self.id.simple(), self.version);
        match self.owner {
            Some(owner) => format!("{kind} {id} {version} {}", owner.as_uuid().simple()),
            None => format!("{kind} {id} {version}"),
        }
    }

    /// Reads a line; none where a later version of the program says something
    /// that this one does not know.
    fn read(line: &str) -> Option<Self> {
        let mut parts = line.split(' ');
        let letter = parts.next()?;
        let wakeup = Self {
            kind: WakeupKind::ALL
                .into_iter()
                .find(|kind| kind.letter() == letter)?,
            id: parts.next()?.parse().ok()?,
            version: parts.next()?.parse().ok()?,
            owner: parts.next().map(str::parse).transpose().ok()?,
        };
        parts.next().is_none().then_some(wakeup)
    }
}

impl Wakeups<'_> {
    /// Tells every process, this one included. In a statement of its own, so
    /// never inside a transaction; many go in one.
    pub async fn notify(&self, wakeups: &[Wakeup]) -> Result<(), StoreError> {
        if wakeups.is_empty() {
            return Ok(());
        }
        let payloads: Vec<String> = wakeups
            .chunks(PER_NOTIFICATION)
            .map(|chunk| {
                let lines: Vec<String> = chunk.iter().map(Wakeup::line).collect();
                lines.join("\n")
            })
            .collect();
        sqlx::query!(
            "SELECT pg_notify($1, payload) FROM unnest($2::text[]) AS p (payload)",
            CHANNEL,
            &payloads,
        )
        .fetch_all(&self.0.pool)
        .await?;
        Ok(())
    }

    /// Listens on a connection of its own until `stop`, reconnecting with
    /// backoff, and polls settings and nodes, whose changes are told within a
    /// second though nothing is heard. Subscribe to the sender that it returns;
    /// a subscriber that lags treats that as [`Heard::Reconnected`].
    pub fn listen(&self, tasks: &TaskTracker, stop: CancellationToken) -> broadcast::Sender<Heard> {
        let (sender, _) = broadcast::channel(BACKLOG);
        let options = self
            .0
            .pool
            .connect_options()
            .as_ref()
            .clone()
            .application_name("openmake listener");
        let (told, polled) = (sender.clone(), sender.clone());
        let (shared, ending) = (self.0.pool.clone(), stop.clone());
        tasks.spawn(async move {
            let polling = poll::always(&shared, &polled);
            let _: Option<()> = ending.run_until_cancelled(polling).await;
        });
        tasks.spawn(async move {
            // A pool of one connection that is never taken for old: the
            // listener can be made from nothing else.
            let pool = PgPoolOptions::new()
                .max_connections(1)
                .acquire_timeout(PATIENCE)
                .idle_timeout(None)
                .max_lifetime(None)
                .connect_lazy_with(options);
            let ended = stop.run_until_cancelled(listen_always(&pool, &told)).await;
            debug_assert!(ended.is_none(), "listening goes on until it is stopped");
            if timeout(PATIENCE, pool.close()).await.is_err() {
                tracing::debug!("the listening connection did not close in time");
            }
        });
        sender
    }
}

/// Connects and listens, again and again.
async fn listen_always(pool: &PgPool, told: &broadcast::Sender<Heard>) {
    let (shortest, longest) = BACKOFF;
    let mut pause = shortest;
    loop {
        match connect(pool).await {
            Ok(listener) => {
                pause = shortest;
                tell(told, Heard::Reconnected);
                let cause = hear(listener, told).await;
                tracing::warn!(
                    cause = cause.as_ref().map(tracing::field::display),
                    "lost the connection that listens for wake-ups"
                );
            }
            Err(error) => {
                tracing::warn!(%error, "cannot listen for wake-ups; trying again");
            }
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(longest);
    }
}

async fn connect(pool: &PgPool) -> Result<PgListener, sqlx::Error> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.eager_reconnect(false);
    let listening = async {
        // Held as long as the connection. A restore that has it is about to
        // replace everything: trying again is all there is to do meanwhile.
        let present: bool = sqlx::query_scalar("SELECT pg_try_advisory_lock_shared($1)")
            .bind(PRESENCE)
            .fetch_one(&mut listener)
            .await?;
        if !present {
            return Err(sqlx::Error::Protocol(
                "the database is being restored".into(),
            ));
        }
        listener.listen(CHANNEL).await
    };
    match timeout(PATIENCE, listening).await {
        Ok(listening) => listening.map(|()| listener),
        Err(_) => Err(sqlx::Error::PoolTimedOut),
    }
}

/// Passes on what comes until the connection is lost, and says why where that
/// is known.
async fn hear(mut listener: PgListener, told: &broadcast::Sender<Heard>) -> Option<sqlx::Error> {
    loop {
        match timeout(SILENCE, listener.try_recv()).await {
            Ok(Ok(Some(notification))) => {
                for line in notification.payload().lines() {
                    if let Some(wakeup) = Wakeup::read(line) {
                        tell(told, Heard::Changed(wakeup));
                    } else {
                        tracing::debug!(line, "a wake-up of a kind that is not known");
                    }
                }
            }
            Ok(Ok(None)) => return None,
            Ok(Err(error)) => return Some(error),
            Err(_silence) => {
                let trial = sqlx::query("SELECT 1").execute(&mut listener);
                match timeout(PATIENCE, trial).await {
                    Ok(Ok(_)) => {}
                    Ok(Err(error)) => return Some(error),
                    Err(_) => return Some(sqlx::Error::PoolTimedOut),
                }
            }
        }
    }
}

/// Nobody listening is nobody's fault.
fn tell(told: &broadcast::Sender<Heard>, heard: Heard) {
    let _ = told.send(heard);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wakeup(kind: WakeupKind, owner: Option<UserId>) -> Wakeup {
        Wakeup {
            kind,
            id: Uuid::from_u128(u128::MAX),
            version: i64::MIN,
            owner,
        }
    }

    #[test]
    fn a_line_reads_back() {
        for kind in WakeupKind::ALL {
            for owner in [None, Some(UserId::from_uuid(Uuid::from_u128(7)))] {
                let wakeup = wakeup(kind, owner);
                assert_eq!(Wakeup::read(&wakeup.line()), Some(wakeup));
            }
        }
    }

    #[test]
    fn what_is_not_known_is_passed_over() {
        let id = Uuid::nil();
        for line in [
            String::new(),
            format!("x {id} 1"),
            format!("c {id}"),
            format!("c {id} one"),
            format!("c {id} 1 nobody"),
            format!("c {id} 1 {id} more"),
        ] {
            assert_eq!(Wakeup::read(&line), None, "{line:?}");
        }
    }

    #[test]
    fn a_full_notification_fits() {
        let longest = wakeup(WakeupKind::Turn, Some(UserId::from_uuid(Uuid::nil())));
        assert!((longest.line().len() + 1) * PER_NOTIFICATION < 8000);
    }
}
