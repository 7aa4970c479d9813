//! Whether a session still holds, without asking the database each time, and
//! the live streams that end with it.
//!
//! A session that was read is kept, and forgotten when this process ends it,
//! when a wake-up names it, or when the poll of the store's changes does. The
//! poll is the truth: when it has been silent for longer than
//! [`MAX_SILENCE`], every request reads the database instead, and is refused
//! when that fails. So a revocation holds here at once and elsewhere within a
//! second.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, OnceLock},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::{StreamExt as _, stream};
use openmake_store::{
    Store,
    sessions::{Authority, AuthorityChange, EndReason, Standing},
    wakeups::{Heard, Wakeup, WakeupKind},
};
use openmake_types::{Clock, SessionId, UserId};
use parking_lot::Mutex;
use tokio::{
    sync::{Notify, broadcast},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use crate::metrics::Metrics;

/// How often the store is asked what changed, while anyone is here.
const POLL: Duration = Duration::from_millis(500);
/// For how long what was read is believed without news from the poll.
const MAX_SILENCE: Duration = Duration::from_secs(1);
/// For how long live streams go on when the database is silent: an outage of
/// a few seconds should not throw everybody out.
const MAX_LIVE_SILENCE: Duration = Duration::from_secs(30);
/// How far windows overlap, since transactions commit out of order.
const OVERLAP: TimeDelta = TimeDelta::seconds(5);
/// After how long without a request a session is forgotten.
const IDLE: Duration = Duration::from_mins(1);
/// How long one question to the store may take.
const READ_TIMEOUT: Duration = Duration::from_secs(5);
/// Sessions kept at most.
const MAX_SESSIONS: usize = 100_000;

/// Why a credential does not hold.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The session is over, or there never was one.
    Ended,
    /// Nobody can say now.
    Unavailable,
}

/// Why a live stream is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Its session ended.
    Session(EndReason),
    /// The database has been silent for too long to go on believing.
    Unverified,
}

#[derive(Default)]
struct Signal {
    token: CancellationToken,
    ending: OnceLock<Ending>,
}

impl Signal {
    fn fire(&self, ending: Ending) {
        let _ = self.ending.set(ending);
        self.token.cancel();
    }
}

struct Cached {
    authority: Authority,
    used_at: Instant,
}

struct Live {
    session_id: SessionId,
    user_id: UserId,
    expires_at: DateTime<Utc>,
    signal: Arc<Signal>,
}

#[derive(Default)]
struct State {
    sessions: HashMap<SessionId, Cached>,
    live: HashMap<u64, Live>,
    next_live: u64,
    /// Sessions of live streams that must be read again.
    recheck: HashSet<SessionId>,
    /// Rises when something is forgotten, so that a read that began before
    /// does not bring it back.
    epoch: u64,
    /// When the last poll that succeeded began.
    fed_at: Option<Instant>,
}

impl State {
    fn is_fed(&self) -> bool {
        self.fed_at.is_some_and(|at| at.elapsed() <= MAX_SILENCE)
    }

    fn forget(&mut self, gone: impl Fn(SessionId, UserId) -> bool) {
        self.epoch += 1;
        self.sessions
            .retain(|id, cached| !gone(*id, cached.authority.user_id));
        for live in self.live.values() {
            if gone(live.session_id, live.user_id) {
                self.recheck.insert(live.session_id);
            }
        }
    }

    fn end(&mut self, ending: Ending, over: impl Fn(&Live) -> bool) {
        for live in self.live.values().filter(|live| over(live)) {
            live.signal.fire(ending);
        }
    }
}

struct Inner {
    store: Store,
    clock: Arc<dyn Clock>,
    metrics: Metrics,
    state: Mutex<State>,
    wanted: Notify,
}

/// The cache. Cheap to clone.
#[derive(Clone)]
pub(crate) struct AuthorityCache(Arc<Inner>);

/// A stream or socket that ends with its session. Dropping it forgets it.
pub(crate) struct LiveSession {
    key: u64,
    signal: Arc<Signal>,
    cache: AuthorityCache,
}

impl LiveSession {
    /// Waits until the session is over, and says why.
    pub(crate) async fn ended(&self) -> Ending {
        self.signal.token.cancelled().await;
        self.signal
            .ending
            .get()
            .copied()
            .unwrap_or(Ending::Unverified)
    }

    /// Fires when the session is over.
    pub(crate) fn token(&self) -> CancellationToken {
        self.signal.token.clone()
    }
}

impl Drop for LiveSession {
    fn drop(&mut self) {
        self.cache.0.state.lock().live.remove(&self.key);
    }
}

impl AuthorityCache {
    pub(crate) fn new(store: Store, clock: Arc<dyn Clock>, metrics: Metrics) -> Self {
        Self(Arc::new(Inner {
            store,
            clock,
            metrics,
            state: Mutex::default(),
            wanted: Notify::new(),
        }))
    }

    /// What a session may do now.
    pub(crate) async fn authorize(&self, id: SessionId) -> Result<Authority, Refusal> {
        let now = self.0.clock.now();
        let epoch = {
            let mut state = self.0.state.lock();
            if state.is_fed()
                && let Some(cached) = state.sessions.get_mut(&id)
                && cached.authority.expires_at > now
            {
                cached.used_at = Instant::now();
                return Ok(cached.authority.clone());
            }
            state.epoch
        };
        match self.read(id, now).await {
            Some(Standing::Good(authority)) => {
                self.keep(&authority, epoch);
                Ok(authority)
            }
            Some(Standing::Ended(_) | Standing::Unknown) => Err(Refusal::Ended),
            None => Err(Refusal::Unavailable),
        }
    }

    fn keep(&self, authority: &Authority, epoch: u64) {
        let mut state = self.0.state.lock();
        if state.epoch == epoch {
            if state.sessions.len() >= MAX_SESSIONS {
                state.sessions.clear();
            }
            let cached = Cached {
                authority: authority.clone(),
                used_at: Instant::now(),
            };
            state.sessions.insert(authority.session_id, cached);
        }
        drop(state);
        self.0.wanted.notify_one();
    }

    async fn read(&self, id: SessionId, now: DateTime<Utc>) -> Option<Standing> {
        self.0.metrics.authority_reads.inc();
        let sessions = self.0.store.sessions();
        match tokio::time::timeout(READ_TIMEOUT, sessions.standing(id, now)).await {
            Ok(Ok(standing)) => Some(standing),
            Ok(Err(error)) => {
                tracing::warn!(%error, "a session could not be read");
                None
            }
            Err(_) => {
                tracing::warn!("a session could not be read in time");
                None
            }
        }
    }

    /// Follows a session for a stream or socket.
    pub(crate) fn follow(&self, authority: &Authority) -> LiveSession {
        let signal = Arc::new(Signal::default());
        let mut state = self.0.state.lock();
        let key = state.next_live;
        state.next_live += 1;
        state.live.insert(
            key,
            Live {
                session_id: authority.session_id,
                user_id: authority.user_id,
                expires_at: authority.expires_at,
                signal: Arc::clone(&signal),
            },
        );
        // It may have ended between the check of the credential and now.
        state.recheck.insert(authority.session_id);
        drop(state);
        self.0.wanted.notify_one();
        LiveSession {
            key,
            signal,
            cache: self.clone(),
        }
    }

    /// This process ended a session.
    pub(crate) fn ended(&self, id: SessionId, reason: EndReason) {
        let mut state = self.0.state.lock();
        state.forget(|session, _| session == id);
        state.end(Ending::Session(reason), |live| live.session_id == id);
    }

    /// This process ended an account's sessions, all or all but one.
    pub(crate) fn ended_of(&self, user: UserId, keep: Option<SessionId>, reason: EndReason) {
        let mut state = self.0.state.lock();
        state.forget(|_, owner| owner == user);
        state.end(Ending::Session(reason), |live| {
            live.user_id == user && Some(live.session_id) != keep
        });
    }

    /// Keeps the cache true until `stop`.
    pub(crate) async fn run(self, mut heard: broadcast::Receiver<Heard>, stop: CancellationToken) {
        let mut feed = Feed::default();
        let mut hints = true;
        // A point in time and not a pause: hints that come one upon another
        // must not put the poll off.
        let mut next_poll = Instant::now();
        loop {
            let due = async {
                if self.is_idle() {
                    self.0.wanted.notified().await;
                }
                tokio::time::sleep_until(next_poll).await;
            };
            tokio::select! {
                () = stop.cancelled() => return,
                hint = heard.recv(), if hints => {
                    hints = !matches!(hint, Err(broadcast::error::RecvError::Closed));
                    self.hear(hint.ok());
                }
                () = due => {
                    self.poll(&mut feed).await;
                    self.note_expired();
                    next_poll = Instant::now() + POLL;
                }
            }
            self.recheck().await;
        }
    }

    fn is_idle(&self) -> bool {
        let state = self.0.state.lock();
        state.sessions.is_empty() && state.live.is_empty()
    }

    /// `None` is a gap: anything may have changed.
    fn hear(&self, hint: Option<Heard>) {
        let mut state = self.0.state.lock();
        match hint {
            Some(Heard::Changed(Wakeup { kind, id, .. })) => match kind {
                WakeupKind::Session => state.forget(|session, _| session.as_uuid() == id),
                WakeupKind::User => state.forget(|_, user| user.as_uuid() == id),
                _ => {}
            },
            Some(Heard::Reconnected) | None => state.forget(|_, _| true),
        }
    }

    async fn poll(&self, feed: &mut Feed) {
        let begun = Instant::now();
        let since = feed.since.map(|since| since - OVERLAP);
        let sessions = self.0.store.sessions();
        let changes = tokio::time::timeout(READ_TIMEOUT, sessions.changes_since(since)).await;
        let failure = match changes {
            Ok(Ok((changes, now))) => {
                self.apply(&changes, feed.since.is_none());
                feed.since = Some(now);
                let mut state = self.0.state.lock();
                state.fed_at = Some(begun);
                feed.failing = false;
                state
                    .sessions
                    .retain(|_, cached| cached.used_at.elapsed() < IDLE);
                if state.sessions.is_empty() && state.live.is_empty() {
                    // Nobody is here: the next one starts the feed afresh.
                    state.fed_at = None;
                    feed.since = None;
                }
                return;
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => "it took too long".to_owned(),
        };
        if !feed.failing {
            tracing::warn!(
                error = failure,
                "the store does not say which sessions ended"
            );
        }
        feed.failing = true;
        let mut state = self.0.state.lock();
        if state
            .fed_at
            .is_some_and(|at| at.elapsed() > MAX_LIVE_SILENCE)
        {
            state.end(Ending::Unverified, |_| true);
        }
    }

    fn apply(&self, changes: &[AuthorityChange], fresh: bool) {
        let mut state = self.0.state.lock();
        if fresh {
            // What was read before the first poll may be older than its window.
            state.forget(|_, _| true);
        }
        let mut sessions = HashSet::new();
        let mut users = HashSet::new();
        for change in changes {
            match change {
                AuthorityChange::Session(id) => sessions.insert(*id),
                AuthorityChange::User(id) => users.insert(*id),
            };
        }
        if !changes.is_empty() {
            state.forget(|session, user| sessions.contains(&session) || users.contains(&user));
        }
    }

    /// A session that was refreshed lasts longer than was known here, so one
    /// whose time is over is read again.
    fn note_expired(&self) {
        let now = self.0.clock.now();
        let mut state = self.0.state.lock();
        let expired = state.live.values().filter(|live| live.expires_at <= now);
        let expired: Vec<SessionId> = expired.map(|live| live.session_id).collect();
        state.recheck.extend(expired);
    }

    /// Reads the sessions of live streams again that may have ended.
    async fn recheck(&self) {
        let due: Vec<SessionId> = self.0.state.lock().recheck.drain().collect();
        if due.is_empty() {
            return;
        }
        let now = self.0.clock.now();
        stream::iter(due)
            .for_each_concurrent(8, |id| async move {
                let standing = self.read(id, now).await;
                let mut state = self.0.state.lock();
                let ending = match standing {
                    Some(Standing::Good(authority)) => {
                        let lives = state.live.values_mut();
                        for live in lives.filter(|live| live.session_id == id) {
                            live.expires_at = authority.expires_at;
                        }
                        return;
                    }
                    Some(Standing::Ended(reason)) => reason,
                    // The account is gone with its sessions.
                    Some(Standing::Unknown) => EndReason::AccountChanged,
                    None => {
                        if state.live.values().any(|live| live.session_id == id) {
                            state.recheck.insert(id);
                        }
                        return;
                    }
                };
                state.end(Ending::Session(ending), |live| live.session_id == id);
            })
            .await;
    }
}

#[derive(Default)]
struct Feed {
    since: Option<DateTime<Utc>>,
    failing: bool,
}
