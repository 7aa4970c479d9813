//! Turns as the ai role writes them.

use std::time::Duration;

use chrono::TimeDelta;
use openmake_api::EventBody;
use openmake_store::turns::{Append, Ask, FinishTurn, Follows, NewEvent, StartTurn, Started, Turn};
use openmake_types::{
    Clock as _, Ids as _, MessageId, ProcessId, RandomIds, TokenCounts, TurnId, TurnMetrics,
    TurnStatus, UserId,
};
use serde::Deserialize as _;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Client, TestApp};

const LEASE: Duration = Duration::from_mins(1);

/// Turns as the ai role writes them.
pub(crate) struct Writer<'a> {
    app: &'a TestApp,
    owner: UserId,
    conversation: String,
}

impl<'a> Writer<'a> {
    pub(crate) async fn new(app: &'a TestApp, client: &Client, conversation: &str) -> Self {
        app.store.ensure_partitions().await.expect("partitions");
        Self {
            app,
            owner: client
                .get("/api/v1/auth/me")
                .await
                .id()
                .parse()
                .expect("an id"),
            conversation: conversation.to_owned(),
        }
    }

    fn id(&self) -> Uuid {
        RandomIds.uuid(self.app.clock.now())
    }

    pub(crate) async fn ask(&self, question: &str, follows: Follows) -> Turn {
        self.app.advance(TimeDelta::seconds(1));
        let start = StartTurn {
            id: TurnId::from_uuid(self.id()),
            assistant_message_id: MessageId::from_uuid(self.id()),
            conversation_id: self.conversation.parse().expect("an id"),
            owner: self.owner,
            api_key: None,
            ask: Ask::Question {
                message_id: MessageId::from_uuid(self.id()),
                follows,
                content: question.to_owned(),
                attachments: Vec::new(),
            },
            requested_model: "openmake_auto".to_owned(),
            thinking: None,
            beside: None,
            idempotency: None,
            response: None,
            process: ProcessId::from_uuid(Uuid::from_u128(1)),
            lease: LEASE,
            now: self.app.clock.now(),
        };
        match self.app.store.turns().start(&start).await.expect("starts") {
            Started::New(pair, _) => pair.turn,
            Started::Existing(_) => panic!("a new turn"),
        }
    }

    pub(crate) async fn say(&self, turn: &Turn, events: &[Value]) {
        let numbered = events.iter().zip(turn.last_seq + 1..);
        let events = numbered.map(|(data, seq)| NewEvent {
            seq,
            kind: EventBody::deserialize(data).expect("an event").name(),
            data: data.clone(),
        });
        let append = Append {
            turn_id: turn.id,
            epoch: turn.epoch,
            events: events.collect(),
        };
        let appended = self.app.store.turns().append(&[append], LEASE).await;
        assert_eq!(appended.expect("appends"), [turn.id]);
    }

    pub(crate) async fn answer(&self, question: &str, answer: &str, follows: Follows) -> Turn {
        let turn = self.ask(question, follows).await;
        self.finish(&turn, 0, answer).await;
        turn
    }

    /// Ends a turn, of whose log `said` events are written.
    pub(crate) async fn finish(&self, turn: &Turn, said: u64, answer: &str) {
        let finish = FinishTurn {
            turn_id: turn.id,
            epoch: turn.epoch,
            status: TurnStatus::Completed,
            events: vec![NewEvent {
                seq: said + 1,
                kind: "turn.completed",
                data: json!({"type": "turn.completed", "finish_reason": "stop"}),
            }],
            content: answer.to_owned(),
            thinking: None,
            tool_calls: json!([]),
            model: Some("qwen3:8b".to_owned()),
            node: Some("local".to_owned()),
            error: None,
            settled: Vec::new(),
            metrics: TurnMetrics {
                tokens: TokenCounts {
                    input: 10,
                    output: 20,
                },
                ..TurnMetrics::default()
            },
            now: self.app.clock.now(),
        };
        let finished = self.app.store.turns().finish(&finish).await;
        assert!(finished.expect("finishes").is_some());
        for message in [turn.user_message_id, turn.assistant_message_id] {
            let search = self.app.store.search();
            search
                .index_message(self.owner, message)
                .await
                .expect("indexed");
        }
    }
}
