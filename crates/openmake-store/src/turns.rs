//! Durable turns (`turns`) and their log (`turn_events`).
//!
//! A turn is owned by the process that holds its lease. Every append and the
//! end name the epoch under which the caller got the turn; one that lost it
//! changes nothing. Leases are counted by the database's clock.
//!
//! Locks are taken in one order: the conversation, its turns by id, the rest.

mod end;
mod lease;
mod log;
mod outline;
pub(crate) mod pair;
mod row;
mod start;

use std::time::Duration;

use chrono::{DateTime, Utc};
use openmake_types::{
    ApiKeyId, ConversationId, MessageId, ProcessId, TurnId, TurnMetrics, TurnStatus, UserId,
};
use serde_json::Value;

use crate::{
    Store,
    budgets::slices::SliceUse,
    messages::{StoredAttachment, StoredError, StoredMetrics},
};

/// A turn.
#[derive(Debug, Clone, PartialEq)]
pub struct Turn {
    /// The turn.
    pub id: TurnId,
    /// Its conversation.
    pub conversation_id: ConversationId,
    /// Whose.
    pub owner: UserId,
    /// The question.
    pub user_message_id: MessageId,
    /// The answer.
    pub assistant_message_id: MessageId,
    /// The answer that this one continues.
    pub continues_message_id: Option<MessageId>,
    /// How far it has come.
    pub status: TurnStatus,
    /// The model that was asked for.
    pub requested_model: String,
    /// The thinking level that was asked for.
    pub thinking: Option<String>,
    /// The real model.
    pub model: Option<String>,
    /// Who writes it.
    pub owner_process: ProcessId,
    /// Under which epoch.
    pub epoch: i64,
    /// The last event's number.
    pub last_seq: u64,
    /// What went wrong.
    pub error: Option<StoredError>,
    /// Tokens and time, once it has ended (from its message).
    pub metrics: Option<StoredMetrics>,
    /// When it began.
    pub created_at: DateTime<Utc>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
}

/// A turn to start.
#[derive(Debug, Clone)]
pub struct StartTurn {
    /// Its id.
    pub id: TurnId,
    /// The answer's id.
    pub assistant_message_id: MessageId,
    /// Its conversation.
    pub conversation_id: ConversationId,
    /// Whose.
    pub owner: UserId,
    /// With which key.
    pub api_key: Option<ApiKeyId>,
    /// What is asked.
    pub ask: Ask,
    /// The model that is asked for, by its public or real name.
    pub requested_model: String,
    /// The thinking level that is asked for.
    pub thinking: Option<String>,
    /// A second model that answers the same, beside this turn's.
    pub beside: Option<StartBeside>,
    /// Sending the same again gives the same turn.
    pub idempotency: Option<Idempotency>,
    /// For a turn that is a response of `/v1/responses`: what the response
    /// repeats of its request.
    pub response: Option<Value>,
    /// Who will write it.
    pub process: ProcessId,
    /// For how long the others leave it alone.
    pub lease: Duration,
    /// Now.
    pub now: DateTime<Utc>,
}

/// A second turn that answers the same question, started with the first: both
/// are there or none is. Its key is the first one's.
#[derive(Debug, Clone)]
pub struct StartBeside {
    /// Its id.
    pub id: TurnId,
    /// Its answer's id.
    pub assistant_message_id: MessageId,
    /// The model that is asked for, by its public or real name.
    pub requested_model: String,
}

/// What a turn answers.
#[derive(Debug, Clone)]
pub enum Ask {
    /// A new question.
    Question {
        /// Its id.
        message_id: MessageId,
        /// What it follows.
        follows: Follows,
        /// Its text.
        content: String,
        /// Its images.
        attachments: Vec<StoredAttachment>,
    },
    /// The question of an earlier turn, once more: a sibling of its answer.
    Again(TurnId),
    /// Where an earlier turn's answer stopped: a child of it. Conflict
    /// `TurnState` unless that turn was interrupted, cancelled or failed.
    Continue(TurnId),
}

/// What a question follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Follows {
    /// The leaf of the active branch.
    ActiveLeaf,
    /// Nothing: a new root.
    Nothing,
    /// This message.
    Message(MessageId),
}

/// A key under which a request is done once.
#[derive(Debug, Clone)]
pub struct Idempotency {
    /// The client's key, 1 to 200 characters.
    pub key: String,
    /// A hash of what was asked: the same key for something else is a conflict.
    pub request_hash: [u8; 32],
}

/// A turn, and the one that was asked for beside it.
#[derive(Debug, Clone, PartialEq)]
pub struct Pair {
    /// The turn, whose answer the conversation goes on from.
    pub turn: Turn,
    /// The second model's.
    pub beside: Option<Turn>,
}

/// What starting came to.
#[derive(Debug, Clone)]
pub enum Started {
    /// New turns, with the conversation's new version; the caller runs them.
    New(Pair, i64),
    /// What the same key started before.
    Existing(Pair),
}

/// Events of one turn to append.
#[derive(Debug, Clone)]
pub struct Append {
    /// The turn.
    pub turn_id: TurnId,
    /// The epoch under which the caller has it.
    pub epoch: i64,
    /// In order, numbered without gaps from the last one on.
    pub events: Vec<NewEvent>,
}

/// An event to append.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEvent {
    /// Its number, from 1.
    pub seq: u64,
    /// Its type, such as `text.delta`.
    pub kind: &'static str,
    /// All of it except number and turn, its `type` included.
    pub data: Value,
}

/// A stored event.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredEvent {
    /// Its number.
    pub seq: u64,
    /// All of it except number and turn.
    pub data: Value,
}

/// A piece of a turn's log.
#[derive(Debug, Clone)]
pub struct LogPage {
    /// In order.
    pub events: Vec<StoredEvent>,
    /// The turn's status, of the same snapshot as the events: when it is final
    /// and `events` has fewer than were asked for, there will be no more.
    pub status: TurnStatus,
    /// Whether the log is still kept; if not, resume from the message.
    pub kept: bool,
}

/// The end of a turn.
#[derive(Debug, Clone)]
pub struct FinishTurn {
    /// The turn.
    pub turn_id: TurnId,
    /// The epoch under which the caller has it.
    pub epoch: i64,
    /// How it ended: anything but `Running`.
    pub status: TurnStatus,
    /// The last events, the terminal one at the end.
    pub events: Vec<NewEvent>,
    /// The answer's text.
    pub content: String,
    /// The thinking.
    pub thinking: Option<String>,
    /// Tool calls, as the wire carries them: an array.
    pub tool_calls: Value,
    /// The real model, where one was chosen.
    pub model: Option<String>,
    /// The node that served it.
    pub node: Option<String>,
    /// What went wrong.
    pub error: Option<StoredError>,
    /// Tokens and time.
    pub metrics: TurnMetrics,
    /// The slices of budgets that its calls were paid from.
    pub settled: Vec<SliceUse>,
    /// Now.
    pub now: DateTime<Utc>,
}

/// A turn whose process died, taken over to be closed.
#[derive(Debug, Clone)]
pub struct ClaimedTurn {
    /// The turn, under its new epoch.
    pub turn: Turn,
    /// Its whole log so far.
    pub events: Vec<StoredEvent>,
}

/// What asking to stop came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CancelOutcome {
    /// Its process will stop it.
    Requested(ProcessId),
    /// It had ended before.
    AlreadyEnded(TurnStatus),
}

/// Durable turns.
#[derive(Debug, Clone, Copy)]
pub struct Turns<'a>(&'a Store);

impl Store {
    /// Durable turns.
    pub const fn turns(&self) -> Turns<'_> {
        Turns(self)
    }
}
