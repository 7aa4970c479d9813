//! A turn that this process writes: what it has said and what is not yet in
//! the log.

use std::{
    collections::VecDeque,
    mem,
    sync::{Arc, OnceLock},
};

use openmake_agents::{EventSink, SinkClosed, TurnEvent};
use openmake_api::{EventBody, event::Folded};
use openmake_store::turns::{Append, NewEvent, Turn};
use openmake_types::{TurnId, UserId};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::{Notify, broadcast};
use tokio_util::sync::CancellationToken;

use super::{frame::Frame, wire, writer::Writer};

/// Bytes of one delta event at most.
const MAX_DELTA: usize = 64 * 1024;
/// Bytes that may wait for the log; a model that writes faster is slowed.
const MAX_PENDING: usize = 256 * 1024;
/// Frames that a subscriber may be behind before it goes back to the log.
const FRAMES: usize = 256;

/// Why a turn is told to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StopReason {
    /// The person asked for it.
    Person,
    /// The server stops.
    Shutdown,
    /// Another process has the turn now; nothing more may be written.
    LeaseLost,
}

/// A turn that this process writes.
pub(crate) struct LiveTurn {
    pub(crate) id: TurnId,
    pub(crate) epoch: i64,
    pub(crate) owner: UserId,
    outbox: Mutex<Outbox>,
    /// Told when there is room, when a commit is over and when all is lost.
    changed: Notify,
    cancel: CancellationToken,
    stop: OnceLock<StopReason>,
    frames: broadcast::Sender<Frame>,
}

/// What waits for the log.
struct Outbox {
    pending: VecDeque<EventBody>,
    bytes: usize,
    next_seq: u64,
    in_flight: bool,
    queued: bool,
    state: State,
    folded: Folded,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    /// The end is being written.
    Closed,
    /// Nothing can be written any more.
    Lost,
}

/// Events with their numbers, for the log and for subscribers.
#[derive(Debug)]
pub(crate) struct Numbered {
    pub(crate) events: Vec<NewEvent>,
    pub(crate) frames: Vec<Frame>,
    pub(crate) bytes: usize,
}

impl LiveTurn {
    pub(crate) fn new(turn: &Turn) -> Self {
        Self {
            id: turn.id,
            epoch: turn.epoch,
            owner: turn.owner,
            outbox: Mutex::new(Outbox {
                pending: VecDeque::new(),
                bytes: 0,
                next_seq: turn.last_seq + 1,
                in_flight: false,
                queued: false,
                state: State::Open,
                folded: Folded::default(),
            }),
            changed: Notify::new(),
            cancel: CancellationToken::new(),
            stop: OnceLock::new(),
            frames: broadcast::channel(FRAMES).0,
        }
    }

    /// Tells the turn to stop; the first reason counts.
    pub(crate) fn stop(&self, reason: StopReason) {
        // A second reason changes nothing.
        let _ = self.stop.set(reason);
        self.cancel.cancel();
    }

    pub(crate) fn stop_reason(&self) -> Option<StopReason> {
        self.stop.get().copied()
    }

    pub(crate) const fn cancel(&self) -> &CancellationToken {
        &self.cancel
    }

    /// What comes from now on.
    pub(crate) fn subscribe(&self) -> broadcast::Receiver<Frame> {
        self.frames.subscribe()
    }

    /// What has been said so far.
    pub(crate) fn folded(&self) -> Folded {
        self.outbox.lock().folded.clone()
    }

    /// Takes all that waits, for one append. None when nothing does.
    pub(crate) fn take(&self) -> Option<(Append, Numbered)> {
        let mut outbox = self.outbox.lock();
        outbox.queued = false;
        if outbox.state != State::Open || outbox.in_flight || outbox.pending.is_empty() {
            return None;
        }
        outbox.in_flight = true;
        let mut numbered = outbox.number(self.id);
        drop(outbox);
        self.changed.notify_waiters();
        let append = Append {
            turn_id: self.id,
            epoch: self.epoch,
            events: mem::take(&mut numbered.events),
        };
        Some((append, numbered))
    }

    /// The append is committed: subscribers may see it.
    pub(crate) fn committed(&self, frames: Vec<Frame>) {
        self.publish(frames);
        self.outbox.lock().in_flight = false;
        self.changed.notify_waiters();
    }

    /// The turn is no longer this process's.
    pub(crate) fn lost(&self) {
        let mut outbox = self.outbox.lock();
        outbox.state = State::Lost;
        outbox.in_flight = false;
        outbox.pending.clear();
        drop(outbox);
        self.stop(StopReason::LeaseLost);
        self.changed.notify_waiters();
    }

    /// Waits for a commit that is under way, closes the turn for further
    /// events and gives what is not yet in the log. None when the turn is lost.
    pub(crate) async fn close(&self) -> Option<Numbered> {
        loop {
            let changed = self.changed.notified();
            {
                let mut outbox = self.outbox.lock();
                if outbox.state == State::Lost {
                    return None;
                }
                if !outbox.in_flight {
                    outbox.state = State::Closed;
                    return Some(outbox.number(self.id));
                }
            }
            changed.await;
        }
    }

    /// Numbers one more event after [`Self::close`].
    pub(crate) fn number_last(&self, body: EventBody, numbered: &mut Numbered) {
        let mut outbox = self.outbox.lock();
        outbox.folded.apply(&body);
        outbox.pending.push_back(body);
        let last = outbox.number(self.id);
        numbered.events.extend(last.events);
        numbered.frames.extend(last.frames);
    }

    /// Gives frames to whoever watches.
    pub(crate) fn publish(&self, frames: Vec<Frame>) {
        for frame in frames {
            // Nobody watches: the log has it.
            let _ = self.frames.send(frame);
        }
    }

    /// Puts an event into the outbox if there is room; gives it back if not.
    fn offer(&self, body: EventBody) -> Result<Offered, SinkClosed> {
        let mut outbox = self.outbox.lock();
        if outbox.state != State::Open {
            return Err(SinkClosed);
        }
        if outbox.bytes >= MAX_PENDING {
            return Ok(Offered::Full(body));
        }
        outbox.folded.apply(&body);
        outbox.add(body);
        if mem::replace(&mut outbox.queued, true) {
            Ok(Offered::Taken)
        } else {
            Ok(Offered::Queue)
        }
    }
}

enum Offered {
    /// It waits with what was queued before.
    Taken,
    /// The writer has to be told of this turn.
    Queue,
    /// There is no room now.
    Full(EventBody),
}

impl Outbox {
    /// Adds an event; a delta joins the one before it.
    fn add(&mut self, body: EventBody) {
        self.bytes += size_of(&body);
        match (self.pending.back_mut(), body) {
            (Some(EventBody::TextDelta { text }), EventBody::TextDelta { text: more })
            | (Some(EventBody::ThinkingDelta { text }), EventBody::ThinkingDelta { text: more })
                if text.len() + more.len() <= MAX_DELTA =>
            {
                text.push_str(&more);
            }
            (_, body) => self.pending.push_back(body),
        }
    }

    /// Gives what waits its numbers.
    fn number(&mut self, turn: TurnId) -> Numbered {
        let bytes = mem::take(&mut self.bytes);
        let mut numbered = Numbered {
            events: Vec::with_capacity(self.pending.len()),
            frames: Vec::with_capacity(self.pending.len()),
            bytes,
        };
        for body in mem::take(&mut self.pending) {
            let seq = self.next_seq;
            self.next_seq += 1;
            let data = to_data(&body);
            numbered.frames.push(Frame::new(turn, seq, data.clone()));
            numbered.events.push(NewEvent {
                seq,
                kind: body.name(),
                data,
            });
        }
        numbered
    }
}

/// The event as the log keeps it.
pub(crate) fn to_data(body: &EventBody) -> Value {
    serde_json::to_value(body).unwrap_or_else(|error| {
        // Plain data with string keys: this cannot happen, and if it does the
        // numbers must still have no gap.
        tracing::error!(%error, event = body.name(), "an event could not be written as JSON");
        json!({ "type": body.name() })
    })
}

/// About how many bytes an event has in the log.
fn size_of(body: &EventBody) -> usize {
    100 + match body {
        EventBody::TextDelta { text } | EventBody::ThinkingDelta { text } => text.len(),
        EventBody::ToolStarted { arguments, .. } => arguments.len(),
        EventBody::ToolFinished { output, .. } => output.len(),
        _ => 0,
    }
}

/// Where the turn loop's events go.
pub(crate) struct Recorder {
    live: Arc<LiveTurn>,
    writer: Arc<Writer>,
}

impl Recorder {
    pub(crate) const fn new(live: Arc<LiveTurn>, writer: Arc<Writer>) -> Self {
        Self { live, writer }
    }

    /// Records an event; waits while the log is behind.
    pub(crate) async fn record(&self, body: EventBody) -> Result<(), SinkClosed> {
        let mut body = body;
        loop {
            let changed = self.live.changed.notified();
            match self.live.offer(body)? {
                Offered::Taken => return Ok(()),
                Offered::Queue => {
                    self.writer.queue(Arc::clone(&self.live));
                    return Ok(());
                }
                Offered::Full(back) => body = back,
            }
            changed.await;
        }
    }
}

impl EventSink for Recorder {
    async fn send(&mut self, event: TurnEvent) -> Result<(), SinkClosed> {
        match wire::body(event) {
            EventBody::TextDelta { text } if text.len() > MAX_DELTA => {
                for text in pieces(&text) {
                    self.record(EventBody::TextDelta { text }).await?;
                }
                Ok(())
            }
            EventBody::ThinkingDelta { text } if text.len() > MAX_DELTA => {
                for text in pieces(&text) {
                    self.record(EventBody::ThinkingDelta { text }).await?;
                }
                Ok(())
            }
            body => self.record(body).await,
        }
    }
}

/// A text in pieces of at most [`MAX_DELTA`] bytes.
fn pieces(text: &str) -> Vec<String> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(rest.floor_char_boundary(MAX_DELTA));
        pieces.push(piece.to_owned());
        rest = after;
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_between_characters() {
        let text = "가".repeat(50_000);
        let pieces = pieces(&text);
        assert!(pieces.iter().all(|piece| piece.len() <= MAX_DELTA));
        assert_eq!(pieces.concat(), text);
    }
}
