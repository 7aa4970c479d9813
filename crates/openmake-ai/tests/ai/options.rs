//! What a conversation says of how its questions are asked.

use http::Method;
use openmake_store::{
    Set,
    conversations::{Conversation, ConversationChange, Instructions, NewConversation},
    users::DefaultsChange,
};
use openmake_types::{Clock as _, ConversationId, SystemClock};
use serde_json::json;
use testkit::{
    database::TestDatabase,
    model::{ListedModel, MODEL, ModelServer, Script},
};

use crate::app::{App, Person, new_uuid};

async fn change(app: &App, person: &Person, change: ConversationChange) -> Conversation {
    app.store
        .conversations()
        .change(person.user, person.conversation, &change, SystemClock.now())
        .await
        .expect("changed")
}

#[tokio::test]
async fn they_reach_the_model_in_every_turn() {
    let (db, model) = (TestDatabase::create().await, ModelServer::start().await);
    let app = App::start(&db, &model).await;
    let person = app.person().await;
    let options = ConversationChange {
        thinking: Set::To("off".to_owned()),
        temperature: Set::To(0.3),
        instructions: Set::To("Answer like a pirate.".to_owned()),
        ..ConversationChange::default()
    };
    change(&app, &person, options).await;
    let ask = |text: &str| {
        model.push(Script::text("Aye."));
        let body = json!({"content": text, "model": MODEL});
        let person = person.clone();
        async move {
            let begun = person.try_ask(body).await.begun();
            person.events(&begun).await;
            begun
        }
    };
    let first = ask("Who are you?").await;
    model.push(Script::text("Aye aye."));
    let path = format!("/api/v1/turns/{}/regenerate", first.turn);
    let again = person.post(&path).await.begun();
    person.events(&again).await;
    for chat in model.chats() {
        let system = chat.messages().remove(0).1;
        assert!(system.contains("\nAnswer like a pirate.\n"), "{system}");
        assert_eq!(chat.body["options"]["temperature"], 0.3);
        assert_eq!(chat.body["think"], false);
    }

    // A question's own level goes before the conversation's.
    model.push(Script::text("Aye."));
    let body = json!({"content": "Deeply?", "model": MODEL, "thinking": "high"});
    let begun = person.try_ask(body).await.begun();
    person.events(&begun).await;
    assert_eq!(model.chats().pop().expect("a chat").body["think"], true);

    let cleared = ConversationChange {
        thinking: Set::Clear,
        temperature: Set::Clear,
        instructions: Set::Clear,
        ..ConversationChange::default()
    };
    let conversation = change(&app, &person, cleared).await;
    assert_eq!(
        (conversation.thinking, conversation.temperature),
        (None, None)
    );
    ask("And now?").await;
    let chat = model.chats().pop().expect("a chat");
    assert!(!chat.body.to_string().contains("pirate"));
    assert_eq!(chat.body["options"]["temperature"], json!(null));
    // By itself it thinks.
    assert_eq!(chat.body["think"], true);
    app.finish().await;
}

#[tokio::test]
async fn a_model_that_cannot_think_is_asked_without_a_word_about_it() {
    let db = TestDatabase::create().await;
    let model = ModelServer::start_with(vec![ListedModel {
        capabilities: vec!["completion"],
        ..ListedModel::able(MODEL)
    }])
    .await;
    let app = App::start(&db, &model).await;
    let person = app.person().await;
    let options = ConversationChange {
        thinking: Set::To("high".to_owned()),
        ..ConversationChange::default()
    };
    change(&app, &person, options).await;
    model.push(Script::text("Yes."));
    let begun = person.ask("Sure?").await;
    let events = person.events(&begun).await;
    assert!(
        events.iter().all(|event| event.name != "progress"),
        "{events:?}"
    );
    assert_eq!(model.chats()[0].body["think"], json!(null));
    app.finish().await;
}

#[tokio::test]
async fn a_new_conversation_begins_with_the_persons_defaults() {
    let (db, model) = (TestDatabase::create().await, ModelServer::start().await);
    let app = App::start(&db, &model).await;
    let person = app.person().await;
    let defaults = DefaultsChange {
        model: Set::To(MODEL.to_owned()),
        instructions: Set::To("Call me Kim.".to_owned()),
    };
    let users = app.store.users();
    users
        .set_defaults(person.user, &defaults)
        .await
        .expect("set");
    let conversation = async |instructions| {
        let new = NewConversation {
            id: ConversationId::from_uuid(new_uuid()),
            owner: person.user,
            title: None,
            model: None,
            thinking: None,
            temperature: None,
            instructions,
            now: SystemClock.now(),
        };
        app.store.conversations().create(&new).await.expect("made")
    };
    let made = conversation(Instructions::OfOwner).await;
    assert_eq!(made.model.as_deref(), Some(MODEL));
    assert_eq!(made.instructions.as_deref(), Some("Call me Kim."));
    assert_eq!(conversation(Instructions::None).await.instructions, None);

    let here = app.seat(person.user, made.id);
    model.push(Script::text("Hello Kim."));
    let path = format!("/api/v1/conversations/{}/turns", made.id);
    let body = Some(json!({"content": "Hello?"}));
    let begun = here.call(Method::POST, &path, body).await.begun();
    here.events(&begun).await;
    let chat = model.chats().pop().expect("a chat");
    assert_eq!(chat.body["model"], MODEL);
    assert!(chat.messages()[0].1.contains("Call me Kim."));
    app.finish().await;
}
