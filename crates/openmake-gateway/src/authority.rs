//! Whether a session or a key still holds, without asking the database each
//! time, and the live streams that end with it.
//!
//! What was read is kept as a [`Grant`], and forgotten when this process ends
//! it, when a wake-up names it, or when the poll of the store's changes does. The
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
    Store, StoreError,
    sessions::{AuthorityChange, EndReason, Standing},
    wakeups::{Heard, Wakeup, WakeupKind},
};
use openmake_types::{ApiKeyId, Clock, Role, SessionId, UserId};
use parking_lot::Mutex;
use tokio::{
    sync::{Notify, broadcast},
    time::Instant,
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    grant::{Credential, Grant},
    metrics::Metrics,
};

/// How often the store is asked what changed, while anyone is here.
const POLL: Duration = Duration::from_millis(500);
/// For how long what was read is believed without news from the poll.
const MAX_SILENCE: Duration = Duration::from_secs(1);
/// For how long live streams go on when the database is silent: an outage of
/// a few seconds should not throw everybody out.
const MAX_LIVE_SILENCE: Duration = Duration::from_secs(30);
/// How far windows overlap, since transactions commit out of order.
const OVERLAP: TimeDelta = TimeDelta::seconds(5);
/// After how long without a request a credential is forgotten.
const IDLE: Duration = Duration::from_mins(1);
/// How long one question to the store may take.
const READ_TIMEOUT: Duration = Duration::from_secs(5);
/// How long writing when keys were used may take. Polls wait for it.
const WRITE_TIMEOUT: Duration = Duration::from_millis(500);
/// How often it is noted that a key was used.
const NOTE_EVERY: Duration = Duration::from_mins(1);
/// Credentials kept at most.
const MAX_GRANTS: usize = 100_000;

/// Why a credential does not hold.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// It is over, or there never was one.
    Ended,
    /// Nobody can say now.
    Unavailable,
}

/// Why a live stream is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Its session ended, or its key.
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
    grant: Grant,
    used_at: Instant,
    /// When it was last noted that the key was used.
    noted_at: Option<Instant>,
}

impl Cached {
    /// The key, when it is time to note again that it was used.
    fn note(&mut self) -> Option<ApiKeyId> {
        self.used_at = Instant::now();
        let key = self.grant.actor.api_key_id?;
        if self.noted_at.is_some_and(|at| at.elapsed() < NOTE_EVERY) {
            return None;
        }
        self.noted_at = Some(self.used_at);
        Some(key)
    }
}

struct Live {
    grant: Grant,
    signal: Arc<Signal>,
}

#[derive(Default)]
struct State {
    grants: HashMap<Credential, Cached>,
    live: HashMap<u64, Live>,
    next_live: u64,
    /// Credentials of live streams that must be read again.
    recheck: HashSet<Credential>,
    /// Keys that were used and whose last use is to be written.
    used_keys: HashSet<ApiKeyId>,
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

    fn is_idle(&self) -> bool {
        self.grants.is_empty() && self.live.is_empty() && self.used_keys.is_empty()
    }

    fn forget(&mut self, gone: impl Fn(&Grant) -> bool) {
        self.epoch += 1;
        self.grants.retain(|_, cached| !gone(&cached.grant));
        for live in self.live.values().filter(|live| gone(&live.grant)) {
            self.recheck.insert(live.grant.credential);
        }
    }

    fn end(&mut self, ending: Ending, over: impl Fn(&Grant) -> bool) {
        for live in self.live.values().filter(|live| over(&live.grant)) {
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

/// A stream or socket that ends with its session or key. Dropping it forgets
/// it.
pub(crate) struct LiveSession {
    key: u64,
    signal: Arc<Signal>,
    cache: AuthorityCache,
}

impl LiveSession {
    /// Waits until it is over, and says why.
    pub(crate) async fn ended(&self) -> Ending {
        self.signal.token.cancelled().await;
        self.signal
            .ending
            .get()
            .copied()
            .unwrap_or(Ending::Unverified)
    }

    /// Fires when it is over.
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

    /// What a credential gives now.
    pub(crate) async fn authorize(&self, credential: Credential) -> Result<Grant, Refusal> {
        let now = self.0.clock.now();
        let epoch = {
            let mut state = self.0.state.lock();
            let State {
                grants, used_keys, ..
            } = &mut *state;
            let cached = grants.get_mut(&credential);
            if let Some(cached) = cached.filter(|cached| cached.grant.holds(now)) {
                used_keys.extend(cached.note());
                let grant = cached.grant.clone();
                if state.is_fed() {
                    return Ok(grant);
                }
            }
            state.epoch
        };
        match self.read(credential, now).await {
            Some(Ok(grant)) => {
                self.keep(&grant, epoch);
                Ok(grant)
            }
            Some(Err(_)) => Err(Refusal::Ended),
            None => Err(Refusal::Unavailable),
        }
    }

    fn keep(&self, grant: &Grant, epoch: u64) {
        let mut state = self.0.state.lock();
        let mut cached = Cached {
            grant: grant.clone(),
            used_at: Instant::now(),
            noted_at: state
                .grants
                .get(&grant.credential)
                .and_then(|cached| cached.noted_at),
        };
        state.used_keys.extend(cached.note());
        if state.epoch == epoch {
            if state.grants.len() >= MAX_GRANTS {
                state.grants.clear();
            }
            state.grants.insert(grant.credential, cached);
        }
        drop(state);
        self.0.wanted.notify_one();
    }

    /// What the store says: a grant, or why there is none. None when it says
    /// nothing.
    async fn read(
        &self,
        credential: Credential,
        now: DateTime<Utc>,
    ) -> Option<Result<Grant, EndReason>> {
        self.0.metrics.authority_reads.inc();
        let read = self.read_now(credential, now);
        match tokio::time::timeout(READ_TIMEOUT, read).await {
            Ok(Ok(found)) => Some(found),
            Ok(Err(error)) => {
                tracing::warn!(%error, "a credential could not be read");
                None
            }
            Err(_) => {
                tracing::warn!("a credential could not be read in time");
                None
            }
        }
    }

    async fn read_now(
        &self,
        credential: Credential,
        now: DateTime<Utc>,
    ) -> Result<Result<Grant, EndReason>, StoreError> {
        let store = &self.0.store;
        Ok(match credential {
            Credential::Session(id) => match store.sessions().standing(id, now).await? {
                Standing::Good(authority) => Ok(Grant::of_session(authority)),
                Standing::Ended(reason) => Err(reason),
                // The account is gone with its sessions.
                Standing::Unknown => Err(EndReason::AccountChanged),
            },
            Credential::ApiKey(hash) => {
                let found = store.api_keys().lookup_authority(&hash, now).await?;
                found
                    .map(|key| Grant::of_key(hash, key))
                    .ok_or(EndReason::Revoked)
            }
        })
    }

    /// Follows a credential for a stream or socket.
    pub(crate) fn follow(&self, grant: &Grant) -> LiveSession {
        let signal = Arc::new(Signal::default());
        let mut state = self.0.state.lock();
        let key = state.next_live;
        state.next_live += 1;
        state.live.insert(
            key,
            Live {
                grant: grant.clone(),
                signal: Arc::clone(&signal),
            },
        );
        // It may have ended between the check of the credential and now.
        state.recheck.insert(grant.credential);
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
        let is_it = |grant: &Grant| grant.actor.session_id == Some(id);
        state.forget(is_it);
        state.end(Ending::Session(reason), is_it);
    }

    /// This process ended an account's sessions, all or all but one. With the
    /// account its keys end too; a password is not theirs.
    pub(crate) fn ended_of(&self, user: UserId, keep: Option<SessionId>, reason: EndReason) {
        let mut state = self.0.state.lock();
        state.forget(|grant| grant.is_of(user));
        state.end(Ending::Session(reason), |grant| {
            let kept = match grant.actor.session_id {
                Some(session) => Some(session) == keep,
                None => reason != EndReason::AccountChanged,
            };
            grant.is_of(user) && !kept
        });
    }

    /// This process revoked or rotated a key.
    pub(crate) fn ended_key(&self, id: ApiKeyId) {
        let mut state = self.0.state.lock();
        let is_it = |grant: &Grant| grant.actor.api_key_id == Some(id);
        state.forget(is_it);
        state.end(Ending::Session(EndReason::Revoked), is_it);
    }

    /// This process changed what a key may do.
    pub(crate) fn changed_key(&self, id: ApiKeyId) {
        let mut state = self.0.state.lock();
        state.forget(|grant| grant.actor.api_key_id == Some(id));
    }

    /// This process changed what accounts may do.
    pub(crate) fn changed_of(&self, users: &[UserId]) {
        let users: HashSet<UserId> = users.iter().copied().collect();
        let mut state = self.0.state.lock();
        state.forget(|grant| users.contains(&grant.actor.user_id));
    }

    /// This process changed what accounts of a role may ask.
    pub(crate) fn changed_role(&self, role: Role) {
        let mut state = self.0.state.lock();
        state.forget(|grant| grant.actor.role == role);
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
                if self.0.state.lock().is_idle() {
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
                    self.write_used().await;
                    self.note_expired();
                    next_poll = Instant::now() + POLL;
                }
            }
            self.recheck().await;
        }
    }

    /// `None` is a gap: anything may have changed.
    fn hear(&self, hint: Option<Heard>) {
        let mut state = self.0.state.lock();
        match hint {
            Some(Heard::Changed(Wakeup { kind, id, .. })) => match kind {
                WakeupKind::Session => {
                    state.forget(|grant| grant.actor.session_id.map(Uuid::from) == Some(id));
                }
                WakeupKind::User => state.forget(|grant| grant.actor.user_id.as_uuid() == id),
                WakeupKind::ApiKey => {
                    state.forget(|grant| grant.actor.api_key_id.map(Uuid::from) == Some(id));
                }
                // What a role allows is among the settings.
                WakeupKind::Settings => state.forget(|_| true),
                _ => {}
            },
            Some(Heard::Reconnected) | None => state.forget(|_| true),
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
                    .grants
                    .retain(|_, cached| cached.used_at.elapsed() < IDLE);
                if state.is_idle() {
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
                "the store does not say which credentials ended"
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
            state.forget(|_| true);
        }
        let mut sessions = HashSet::new();
        let mut users = HashSet::new();
        let mut keys = HashSet::new();
        let mut roles = HashSet::new();
        for change in changes {
            match change {
                AuthorityChange::Session(id) => sessions.insert(*id),
                AuthorityChange::User(id) => users.insert(*id),
                AuthorityChange::ApiKey(id) => keys.insert(*id),
                AuthorityChange::Role(role) => roles.insert(*role),
            };
        }
        if !changes.is_empty() {
            state.forget(|Grant { actor, .. }| {
                users.contains(&actor.user_id)
                    || roles.contains(&actor.role)
                    || actor.session_id.is_some_and(|id| sessions.contains(&id))
                    || actor.api_key_id.is_some_and(|id| keys.contains(&id))
            });
        }
    }

    /// Writes when keys were last used: one statement for all of them. What is
    /// not written now is when the key is used again.
    async fn write_used(&self) {
        let keys: Vec<ApiKeyId> = self.0.state.lock().used_keys.drain().collect();
        if keys.is_empty() {
            return;
        }
        let now = self.0.clock.now();
        let api_keys = self.0.store.api_keys();
        match tokio::time::timeout(WRITE_TIMEOUT, api_keys.note_used(&keys, now)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "the last use of keys was not written"),
            Err(_) => tracing::warn!("the last use of keys was not written in time"),
        }
    }

    /// A session that was refreshed lasts longer than was known here, so one
    /// whose time is over is read again.
    fn note_expired(&self) {
        let now = self.0.clock.now();
        let mut state = self.0.state.lock();
        let expired = state.live.values().filter(|live| !live.grant.holds(now));
        let expired: Vec<Credential> = expired.map(|live| live.grant.credential).collect();
        state.recheck.extend(expired);
    }

    /// Reads the credentials of live streams again that may have ended.
    async fn recheck(&self) {
        let due: Vec<Credential> = self.0.state.lock().recheck.drain().collect();
        if due.is_empty() {
            return;
        }
        let now = self.0.clock.now();
        stream::iter(due)
            .for_each_concurrent(8, |credential| async move {
                let read = self.read(credential, now).await;
                let mut state = self.0.state.lock();
                let is_it = |grant: &Grant| grant.credential == credential;
                match read {
                    Some(Ok(grant)) => {
                        let lives = state.live.values_mut();
                        for live in lives.filter(|live| is_it(&live.grant)) {
                            live.grant = grant.clone();
                        }
                    }
                    Some(Err(reason)) => state.end(Ending::Session(reason), is_it),
                    None => {
                        if state.live.values().any(|live| is_it(&live.grant)) {
                            state.recheck.insert(credential);
                        }
                    }
                }
            })
            .await;
    }
}

#[derive(Default)]
struct Feed {
    since: Option<DateTime<Utc>>,
    failing: bool,
}
