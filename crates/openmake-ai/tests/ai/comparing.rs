//! One question, two models: two turns that live their own lives.

use http::{Method, StatusCode};
use openmake_store::conversations::ConversationChange;
use openmake_types::{MessageId, MessageStatus};
use serde_json::{Value, json};
use testkit::{
    database::TestDatabase,
    model::{Gate, ListedModel, MODEL, ModelServer, Script, Step},
};

use crate::app::{App, Begun, Options, Person, Reply, assert_whole, new_uuid, only, text_of};

const OTHER: &str = "other:1b";

struct World {
    /// Removed when the test ends.
    _db: TestDatabase,
    first: ModelServer,
    second: ModelServer,
    app: App,
    person: Person,
}

async fn world() -> World {
    let db = TestDatabase::create().await;
    let first = ModelServer::start().await;
    let second = ModelServer::start_with(vec![ListedModel::able(OTHER)]).await;
    let mut options = Options::new(&first);
    options.servers.push(second.base_url());
    let app = App::start_with(&db, options).await;
    let person = app.person().await;
    World {
        _db: db,
        first,
        second,
        app,
        person,
    }
}

/// The two turns of a comparison.
fn two(reply: Reply) -> (Begun, Begun) {
    let id = |name: &str| {
        reply.body["beside"][name]
            .as_str()
            .expect("an id")
            .to_owned()
    };
    let (turn, answer) = (id("turn_id"), id("assistant_message_id"));
    let first = reply.begun();
    let second = Begun {
        turn,
        question: first.question,
        answer: answer.parse().expect("an id"),
    };
    (first, second)
}

impl World {
    async fn compare(&self) -> (Begun, Begun) {
        let body = json!({"content": "Why?", "model": MODEL, "compare_model": OTHER});
        two(self.person.try_ask(body).await)
    }

    async fn compared(&self) -> (Begun, Begun) {
        self.first.push(Script::text("First."));
        self.second.push(Script::text("Second."));
        let (first, second) = self.compare().await;
        assert_whole(&self.person.events(&first).await);
        assert_whole(&self.person.events(&second).await);
        (first, second)
    }

    async fn leaf(&self) -> Option<MessageId> {
        let conversations = self.app.store.conversations();
        let found = conversations.get(self.person.user, self.person.conversation);
        found.await.expect("there").active_leaf_id
    }

    async fn again(&self, begun: &Begun) -> Reply {
        let path = format!("/api/v1/turns/{}/regenerate", begun.turn);
        self.person.post(&path).await
    }
}

#[tokio::test]
async fn two_models_answer_the_same_question_side_by_side() {
    let world = world().await;
    let (first, second) = world.compared().await;
    let one = world.person.message(first.answer).await;
    let other = world.person.message(second.answer).await;
    assert_eq!(
        (one.content.as_str(), other.content.as_str()),
        ("First.", "Second.")
    );
    assert_eq!(
        (one.model.as_deref(), other.model.as_deref()),
        (Some(MODEL), Some(OTHER))
    );
    assert_eq!(one.parent_id, other.parent_id);
    assert_eq!((one.beside_id, one.comparing), (None, false));
    assert_eq!(
        (other.beside_id, other.comparing),
        (Some(first.answer), true)
    );
    assert_eq!(world.leaf().await, Some(first.answer));
    // Neither was told of the other.
    assert!(!world.second.chats()[0].body.to_string().contains("First."));
    // One title is made, not two.
    world.person.titled().await;
    assert_eq!(world.first.titles().len() + world.second.titles().len(), 1);
    world.app.finish().await;
}

#[tokio::test]
async fn the_same_key_gives_the_same_two_turns() {
    let world = world().await;
    let path = format!("/api/v1/conversations/{}/turns", world.person.conversation);
    let body = json!({"content": "Why?", "model": MODEL, "compare_model": OTHER});
    let key = [("idempotency-key", "k1")];
    let ask = |body: Value| {
        let (person, path) = (&world.person, &path);
        async move { person.call_with(Method::POST, path, Some(body), &key).await }
    };
    world.first.push(Script::text("First."));
    world.second.push(Script::text("Second."));
    let made = ask(body.clone()).await;
    let repeated = ask(body).await;
    assert_eq!(made.body, repeated.body);
    let alone = ask(json!({"content": "Why?", "model": MODEL})).await;
    assert_eq!(
        (alone.status, alone.code()),
        (StatusCode::CONFLICT, "idempotency_mismatch")
    );
    let (first, second) = two(made);
    world.person.events(&first).await;
    world.person.events(&second).await;
    assert_eq!(world.first.chats().len() + world.second.chats().len(), 2);
    world.app.finish().await;
}

#[tokio::test]
async fn what_one_of_them_may_not_be_asked_asks_neither() {
    let world = world().await;
    let person = world.person.with_key(only(&[MODEL]));
    for (name, code) in [
        (OTHER, "model_not_allowed"),
        ("nobody:1b", "model_not_allowed"),
    ] {
        let body = json!({"content": "Why?", "model": MODEL, "compare_model": name});
        assert_eq!(person.try_ask(body).await.code(), code);
    }
    let body = json!({"content": "Why?", "compare_model": "nobody:1b"});
    assert_eq!(world.person.try_ask(body).await.code(), "unknown_model");
    let body = json!({"content": "Why?", "compare_model": "m".repeat(201)});
    assert_eq!(
        world.person.try_ask(body).await.status,
        StatusCode::BAD_REQUEST
    );
    assert!(world.first.chats().is_empty() && world.second.chats().is_empty());
    assert_eq!(world.leaf().await, None);
    world.app.finish().await;
}

#[tokio::test]
async fn one_fails_or_is_stopped_and_the_other_goes_on() {
    let world = world().await;
    let gate = Gate::closed();
    world.first.push(Script::new([
        Step::Text("One ".to_owned()),
        Step::Wait(gate.clone()),
        Step::Text("two.".to_owned()),
    ]));
    world.second.push(Script::refuse(400, "no"));
    let (first, second) = world.compare().await;
    let events = world.person.events(&second).await;
    assert_eq!(events.last().expect("an end").name, "turn.failed");
    assert_eq!(
        world.person.message(first.answer).await.status,
        MessageStatus::Running
    );

    // It is asked again while the other is still being written, and takes its
    // place; the conversation still goes on from the first.
    world.second.push(Script::text("Better."));
    let again = world.again(&second).await.begun();
    assert_eq!(text_of(&world.person.events(&again).await), "Better.");
    let replaced = world.person.message(second.answer).await;
    assert!(!replaced.comparing);
    let message = world.person.message(again.answer).await;
    assert_eq!(
        (message.beside_id, message.comparing),
        (Some(first.answer), true)
    );
    assert_eq!(world.leaf().await, Some(first.answer));

    // A second press of the same button is one press.
    let refused = world.again(&again).await;
    assert_eq!(refused.status, StatusCode::ACCEPTED);
    let last = refused.begun();
    let twice = world.again(&again).await;
    assert_eq!(twice.code(), "turn_running");
    world.person.events(&last).await;

    gate.open_wide();
    assert_eq!(text_of(&world.person.events(&first).await), "One two.");
    // So does the first, for which the second is now beside another.
    world.first.push(Script::text("Three."));
    let third = world.again(&first).await.begun();
    world.person.events(&third).await;
    let message = world.person.message(last.answer).await;
    assert_eq!(
        (message.beside_id, message.comparing),
        (Some(third.answer), true)
    );
    assert_eq!(world.leaf().await, Some(third.answer));
    world.app.finish().await;
}

#[tokio::test]
async fn keeping_one_or_going_on_from_one_ends_the_comparison() {
    let world = world().await;
    let (first, second) = world.compared().await;
    let change = ConversationChange {
        kept: Some(second.answer),
        ..ConversationChange::default()
    };
    let conversations = world.app.store.conversations();
    let now = chrono::DateTime::UNIX_EPOCH;
    let (user, id) = (world.person.user, world.person.conversation);
    let kept = conversations.change(user, id, &change, now).await;
    assert_eq!(kept.expect("kept").active_leaf_id, Some(second.answer));
    let message = world.person.message(second.answer).await;
    assert_eq!(
        (message.beside_id, message.comparing),
        (Some(first.answer), false)
    );
    // What is not in the conversation is nobody's to keep.
    let stranger = ConversationChange {
        kept: Some(MessageId::from_uuid(new_uuid())),
        ..ConversationChange::default()
    };
    assert!(
        conversations
            .change(user, id, &stranger, now)
            .await
            .is_err()
    );

    world.second.push(Script::text("Because."));
    let next = world
        .person
        .try_ask(json!({"content": "And then?", "model": OTHER}))
        .await
        .begun();
    world.person.events(&next).await;
    let read = world.second.chats().pop().expect("a chat").messages();
    let said: Vec<_> = read.iter().skip(1).map(|(_, text)| text.as_str()).collect();
    assert_eq!(said, ["Why?", "Second.", "And then?"]);

    // Without a word about it, the first one is gone on from.
    let (first, second) = world.compared().await;
    world.first.push(Script::text("Yes."));
    let next = world
        .person
        .try_ask(json!({"content": "Sure?", "model": MODEL}))
        .await
        .begun();
    world.person.events(&next).await;
    assert!(!world.person.message(second.answer).await.comparing);
    let branch = world.person.branch(next.answer).await;
    assert!(branch.iter().any(|message| message.id == first.answer));
    world.app.finish().await;
}
