//! What the tests have in common: accounts, conversations, turns.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use openmake_store::{
    PageRequest, Store, StoreError,
    audit::{NewAudit, Outcome},
    conversations::{Conversation, Instructions, NewConversation},
    messages::Message,
    turns::{Append, Ask, FinishTurn, Follows, NewEvent, StartTurn, Started, Turn},
    users::{Admission, NewUser},
};
use openmake_types::{
    ConversationId, Ids as _, MessageId, ProcessId, RandomIds, TokenCounts, TurnId, TurnMetrics,
    TurnStatus, UserId,
};
use serde_json::json;
use testkit::database::TestDatabase;
use uuid::Uuid;

/// Long enough that no test sees its end.
pub(crate) const LEASE: Duration = Duration::from_mins(10);

/// A whole microsecond, which PostgreSQL keeps as it is, and long ago, so that
/// the days around it are not those that are prepared by the machine's clock.
pub(crate) fn now() -> DateTime<Utc> {
    DateTime::from_timestamp_millis(1_750_000_000_000).expect("in range")
}

pub(crate) fn later(seconds: i64) -> DateTime<Utc> {
    now() + TimeDelta::seconds(seconds)
}

pub(crate) fn uuid() -> Uuid {
    RandomIds.uuid(now())
}

pub(crate) fn message_id() -> MessageId {
    MessageId::from_uuid(uuid())
}

pub(crate) fn process_id() -> ProcessId {
    ProcessId::from_uuid(uuid())
}

pub(crate) fn page(limit: u32) -> PageRequest {
    PageRequest { after: None, limit }
}

pub(crate) fn is_missing<T>(result: Result<T, StoreError>) -> bool {
    matches!(result.err(), Some(StoreError::NotFound))
}

pub(crate) fn act(action: &'static str) -> NewAudit {
    NewAudit {
        id: uuid(),
        at: now(),
        action,
        outcome: Outcome::Success,
        user_id: None,
        resource_type: None,
        resource_id: None,
        details: json!({}),
        ip_address: None,
        user_agent: None,
        request_id: None,
    }
}

pub(crate) async fn user(store: &Store, email: &str) -> UserId {
    let user = NewUser {
        id: UserId::from_uuid(uuid()),
        email,
        display_name: "Somebody",
        password_hash: "$argon2id$",
        now: now(),
    };
    let registered = store
        .users()
        .register(&user, Admission::Open, &act("user.register"))
        .await;
    registered.expect("registered").id
}

pub(crate) async fn guest(store: &Store, at: DateTime<Utc>) -> UserId {
    let id = UserId::from_uuid(uuid());
    let made = store
        .users()
        .create_guest(id, "Guest", at, &act("guest.create"))
        .await;
    made.expect("a guest").id
}

pub(crate) async fn claim_guest(store: &Store, guest: UserId, to: UserId) {
    let claimed = store
        .users()
        .claim_guest(guest, to, &act("guest.claim"))
        .await;
    claimed.expect("claimed");
}

pub(crate) async fn try_conversation(
    store: &Store,
    owner: UserId,
    title: Option<&str>,
) -> Result<Conversation, StoreError> {
    let new = NewConversation {
        id: ConversationId::from_uuid(uuid()),
        owner,
        title,
        model: None,
        thinking: None,
        temperature: None,
        instructions: Instructions::OfOwner,
        now: now(),
    };
    store.conversations().create(&new).await
}

pub(crate) async fn conversation(store: &Store, owner: UserId) -> ConversationId {
    try_conversation(store, owner, None).await.expect("made").id
}

/// A database with an account and a conversation of it.
pub(crate) struct World {
    pub(crate) db: TestDatabase,
    pub(crate) store: Store,
    pub(crate) owner: UserId,
    pub(crate) conversation: ConversationId,
    pub(crate) process: ProcessId,
}

impl World {
    pub(crate) async fn new() -> Self {
        let db = TestDatabase::create().await;
        let store = db.store();
        let owner = user(&store, "a@example.org").await;
        let conversation = conversation(&store, owner).await;
        Self {
            db,
            store,
            owner,
            conversation,
            process: process_id(),
        }
    }

    /// A question that follows the active leaf.
    pub(crate) fn question(&self, content: &str) -> StartTurn {
        self.asking(Ask::Question {
            message_id: message_id(),
            follows: Follows::ActiveLeaf,
            content: content.to_owned(),
            attachments: Vec::new(),
        })
    }

    /// A question that follows something else.
    pub(crate) fn following(&self, follows: Follows) -> StartTurn {
        self.asking(Ask::Question {
            message_id: message_id(),
            follows,
            content: "And then?".to_owned(),
            attachments: Vec::new(),
        })
    }

    pub(crate) fn asking(&self, ask: Ask) -> StartTurn {
        StartTurn {
            id: TurnId::from_uuid(uuid()),
            assistant_message_id: message_id(),
            conversation_id: self.conversation,
            owner: self.owner,
            api_key: None,
            ask,
            requested_model: "openmake_auto".to_owned(),
            thinking: None,
            beside: None,
            idempotency: None,
            response: None,
            process: self.process,
            lease: LEASE,
            now: now(),
        }
    }

    /// Starts a turn that must be new.
    pub(crate) async fn start(&self, start: &StartTurn) -> Turn {
        match self.store.turns().start(start).await {
            Ok(Started::New(pair, _)) => pair.turn,
            other => panic!("not a new turn: {other:?}"),
        }
    }

    /// A turn that runs.
    pub(crate) async fn running(&self) -> Turn {
        self.start(&self.question("Why is the sky blue?")).await
    }

    /// A turn that ended so, with this answer.
    pub(crate) async fn ended(&self, status: TurnStatus, answer: &str) -> Turn {
        let turn = self.running().await;
        self.end(&turn, status, answer).await;
        turn
    }

    pub(crate) async fn end(&self, turn: &Turn, status: TurnStatus, answer: &str) {
        let mut finish = finish(turn, status);
        answer.clone_into(&mut finish.content);
        let version = self.store.turns().finish(&finish).await.expect("finished");
        assert!(version.is_some(), "the turn is the caller's");
    }

    pub(crate) async fn messages(&self) -> Vec<Message> {
        let read = self
            .store
            .messages()
            .page(self.owner, self.conversation, page(200))
            .await;
        read.expect("readable").items
    }

    pub(crate) async fn message(&self, id: MessageId) -> Message {
        let mut all = self.messages().await;
        all.retain(|message| message.id == id);
        all.pop().expect("the message is there")
    }

    pub(crate) async fn read(&self) -> Conversation {
        let read = self
            .store
            .conversations()
            .get(self.owner, self.conversation)
            .await;
        read.expect("readable")
    }

    /// The numbers of a turn's events.
    pub(crate) async fn seqs(&self, turn: &Turn) -> Vec<u64> {
        let log = self.store.turns().log(self.owner, turn.id, 0, 1000).await;
        let events = log.expect("readable").events;
        events.into_iter().map(|event| event.seq).collect()
    }

    /// Runs `blocked` and, once some connection waits for a lock, `unblock`.
    pub(crate) async fn meet<A, B>(
        &self,
        blocked: impl Future<Output = A>,
        unblock: impl Future<Output = B>,
    ) -> (A, B) {
        let mut watcher = self.db.connection().await;
        tokio::join!(blocked, async {
            for _ in 0..2000 {
                let waiting: i64 = sqlx::query_scalar(
                    "SELECT count(*) FROM pg_stat_activity
                      WHERE datname = current_database() AND wait_event_type = 'Lock'",
                )
                .fetch_one(&mut watcher)
                .await
                .expect("readable");
                if waiting > 0 {
                    return unblock.await;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            panic!("nobody came to wait");
        })
    }
}

pub(crate) fn delta(seq: u64, text: &str) -> NewEvent {
    NewEvent {
        seq,
        kind: "text.delta",
        data: json!({"type": "text.delta", "text": text}),
    }
}

pub(crate) fn append(turn: &Turn, seqs: std::ops::RangeInclusive<u64>) -> Append {
    Append {
        turn_id: turn.id,
        epoch: turn.epoch,
        events: seqs.map(|seq| delta(seq, "…")).collect(),
    }
}

pub(crate) fn finish(turn: &Turn, status: TurnStatus) -> FinishTurn {
    FinishTurn {
        turn_id: turn.id,
        epoch: turn.epoch,
        status,
        events: Vec::new(),
        content: "Because of Rayleigh.".to_owned(),
        thinking: None,
        tool_calls: json!([]),
        model: Some("qwen3:8b".to_owned()),
        node: Some("local".to_owned()),
        error: None,
        settled: Vec::new(),
        metrics: TurnMetrics {
            tokens: TokenCounts {
                input: 100,
                output: 20,
            },
            total_ms: 1500,
            ..TurnMetrics::default()
        },
        now: later(2),
    }
}
