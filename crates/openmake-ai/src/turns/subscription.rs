//! Watching a turn: everything after a number, once, in order, to the end.
//!
//! The subscription to what comes is made first; then the log is read; then
//! what came twice is dropped. A subscriber that falls behind goes back to the
//! log, so it never slows the turn. Turns of other processes are read from the
//! log once a second, sooner when a wake-up hints at it.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use openmake_api::EventBody;
use openmake_store::{
    StoreError,
    turns::Turn,
    wakeups::{Heard, WakeupKind, changed},
};
use openmake_types::{TurnId, TurnStatus, UserId};
use tokio::{
    sync::broadcast::{
        self,
        error::{RecvError, TryRecvError},
    },
    time::timeout,
};

use super::{frame::Frame, live::to_data};
use crate::{core::Core, metrics::Watching};

/// Events that are read from the log at once.
const PAGE: u32 = 500;
/// How long the log may still be read for when the process stops.
const LAST_READ: Duration = Duration::from_secs(1);
/// How long one reading may take: a database that vanished may leave a
/// connection on which nothing ever comes.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often the log of another process's turn is read.
const POLL: Duration = Duration::from_secs(1);

/// Someone who watches a turn.
pub(crate) struct Subscription {
    core: Arc<Core>,
    owner: UserId,
    turn: TurnId,
    last: u64,
    ready: VecDeque<Frame>,
    live: Option<broadcast::Receiver<Frame>>,
    heard: broadcast::Receiver<Heard>,
    next: Next,
    _watching: Watching,
}

/// What to do when nothing is ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// Read the log.
    Read,
    /// Wait for this process's writer.
    Follow,
    /// Wait for another process's.
    Wait,
    /// There is no more.
    End,
}

impl Subscription {
    /// Watches `turn`, which is the owner's, from after `after`.
    pub(crate) fn new(core: Arc<Core>, owner: UserId, turn: TurnId, after: u64) -> Self {
        Self {
            owner,
            turn,
            last: after,
            ready: VecDeque::new(),
            live: core.lookup_live(turn).map(|live| live.subscribe()),
            heard: core.wakeups.subscribe(),
            next: Next::Read,
            _watching: core.metrics.watching(),
            core,
        }
    }

    /// The next event; none after the last one, and when the process stops.
    pub(crate) async fn next(&mut self) -> Option<Frame> {
        loop {
            while let Some(frame) = self.ready.pop_front() {
                if frame.seq() > self.last {
                    self.last = frame.seq();
                    if frame.is_terminal() {
                        self.ready.clear();
                        self.next = Next::End;
                    }
                    return Some(frame);
                }
            }
            let stop = self.core.stop.clone();
            let reading = self.next == Next::Read;
            // A process that stops has drained its turns: who watches still
            // gets their ends.
            let over = async move {
                stop.cancelled().await;
                if reading {
                    tokio::time::sleep(LAST_READ).await;
                }
            };
            tokio::select! {
                biased;
                () = self.advance() => {}
                () = over => {
                    if !self.take_last() {
                        return None;
                    }
                }
            }
            if self.next == Next::End && self.ready.is_empty() {
                return None;
            }
        }
    }

    async fn advance(&mut self) {
        match self.next {
            Next::Read => self.read().await,
            Next::Follow => self.follow().await,
            Next::Wait => self.wait().await,
            Next::End => {}
        }
    }

    async fn read(&mut self) {
        let turns = self.core.store.turns();
        let page = timeout(PATIENCE, turns.log(self.owner, self.turn, self.last, PAGE));
        let page = match page.await {
            Ok(Ok(page)) => page,
            Ok(Err(StoreError::NotFound)) => {
                self.next = Next::End;
                return;
            }
            Err(_) => {
                tracing::warn!(turn = %self.turn, "a turn's log cannot be read in time");
                self.next = Next::Wait;
                return;
            }
            Ok(Err(error)) => {
                tracing::warn!(turn = %self.turn, error = &error as &dyn std::error::Error, "a turn's log cannot be read now");
                self.next = Next::Wait;
                return;
            }
        };
        let ended = page.status != TurnStatus::Running;
        if ended && !page.kept {
            self.snapshot().await;
            return;
        }
        let whole = u32::try_from(page.events.len()).is_ok_and(|count| count < PAGE);
        let turn = self.turn;
        self.ready.extend(
            page.events
                .into_iter()
                .map(|event| Frame::new(turn, event.seq, event.data)),
        );
        self.next = match (whole, ended) {
            (false, _) => Next::Read,
            (true, true) => Next::End,
            (true, false) if self.live.is_some() => Next::Follow,
            (true, false) => Next::Wait,
        };
    }

    async fn follow(&mut self) {
        let Some(live) = self.live.as_mut() else {
            self.next = Next::Wait;
            return;
        };
        let received = live.recv().await;
        self.take(received);
    }

    /// Takes what has been said already, without waiting. False when there is
    /// nothing.
    fn take_last(&mut self) -> bool {
        let received = match (self.next, self.live.as_mut()) {
            (Next::Follow, Some(live)) => live.try_recv(),
            _ => Err(TryRecvError::Empty),
        };
        let received = match received {
            Ok(frame) => Ok(frame),
            Err(TryRecvError::Lagged(count)) => Err(RecvError::Lagged(count)),
            Err(TryRecvError::Closed) => Err(RecvError::Closed),
            Err(TryRecvError::Empty) => return false,
        };
        self.take(received);
        true
    }

    fn take(&mut self, received: Result<Frame, RecvError>) {
        match received {
            Ok(frame) if frame.seq() <= self.last => {}
            Ok(frame) if frame.seq() == self.last + 1 => self.ready.push_back(frame),
            // Something is missing: the log has it.
            Ok(_) | Err(RecvError::Lagged(_)) => self.next = Next::Read,
            Err(RecvError::Closed) => {
                self.live = None;
                self.next = Next::Read;
            }
        }
    }

    async fn wait(&mut self) {
        let turn = self.turn.as_uuid();
        let hinted = changed(&mut self.heard, |change| {
            change.kind == WakeupKind::Turn && change.id == turn
        });
        // Whether it was a hint or the time, the log is the truth.
        let _ = timeout(POLL, hinted).await;
        if self.live.is_none() {
            self.live = self
                .core
                .lookup_live(self.turn)
                .map(|live| live.subscribe());
        }
        self.next = Next::Read;
    }

    /// The log is gone: the state in one event, and the end. The snapshot
    /// stands for all before the end, and has the number of the last of those.
    async fn snapshot(&mut self) {
        match timeout(PATIENCE, self.read_snapshot()).await {
            Ok(Ok(frames)) => {
                self.ready.extend(frames);
                self.next = Next::End;
            }
            Ok(Err(StoreError::NotFound)) => self.next = Next::End,
            Err(_) => {
                tracing::warn!(turn = %self.turn, "a turn's message cannot be read in time");
                self.next = Next::Wait;
            }
            Ok(Err(error)) => {
                tracing::warn!(turn = %self.turn, error = &error as &dyn std::error::Error, "a turn's message cannot be read now");
                self.next = Next::Wait;
            }
        }
    }

    async fn read_snapshot(&self) -> Result<Vec<Frame>, StoreError> {
        let turn = self.core.store.turns().get(self.owner, self.turn).await?;
        if self.last >= turn.last_seq {
            return Ok(Vec::new());
        }
        let messages = self
            .core
            .store
            .messages()
            .branch(
                self.owner,
                turn.conversation_id,
                turn.assistant_message_id,
                1,
            )
            .await?;
        let message = messages.into_iter().last().ok_or(StoreError::NotFound)?;
        let snapshot = EventBody::Snapshot {
            text: message.content,
            thinking: message.thinking.unwrap_or_default(),
        };
        let mut frames = Vec::new();
        // Who has all but the end needs no more than that.
        let before_the_end = turn.last_seq.saturating_sub(1);
        if self.last < before_the_end {
            frames.push(Frame::new(self.turn, before_the_end, to_data(&snapshot)));
        }
        frames.push(Frame::new(
            self.turn,
            turn.last_seq,
            to_data(&terminal_of(&turn)),
        ));
        Ok(frames)
    }
}

/// The last event of an ended turn, from what its row still knows.
fn terminal_of(turn: &Turn) -> EventBody {
    match turn.status {
        TurnStatus::Running | TurnStatus::Completed => EventBody::Completed {
            finish_reason: "stop".to_owned(),
        },
        TurnStatus::Cancelled => EventBody::Cancelled {},
        TurnStatus::Interrupted => EventBody::Interrupted {
            reason: turn
                .error
                .as_ref()
                .map_or_else(|| "lease_expired".to_owned(), |error| error.code.clone()),
        },
        TurnStatus::Failed => {
            let error = turn.error.clone();
            EventBody::Failed {
                code: error
                    .as_ref()
                    .map_or_else(|| "internal".to_owned(), |error| error.code.clone()),
                detail: error
                    .as_ref()
                    .map(|error| error.detail.clone())
                    .unwrap_or_default(),
                hint: error.and_then(|error| error.hint),
            }
        }
    }
}
