//! Editing, regenerating and continuing: nothing is overwritten.

use http::StatusCode;
use openmake_types::MessageStatus;
use serde_json::json;
use testkit::{
    database::TestDatabase,
    model::{Gate, ModelServer, Script, Step},
};

use crate::app::{App, Person, text_of};

/// Asks, waits for the answer, and gives what was begun.
async fn asked(person: &Person, model: &ModelServer, script: Script) -> crate::app::Begun {
    model.push(script);
    let begun = person.ask("Question?").await;
    person.events(&begun).await;
    begun
}

fn contents(model: &ModelServer) -> Vec<String> {
    let chat = model.chats().pop().expect("a chat");
    chat.messages()
        .into_iter()
        .skip(1)
        .map(|(_, text)| text)
        .collect()
}

#[tokio::test]
async fn regenerating_makes_a_sibling() {
    let (db, model) = (TestDatabase::create().await, ModelServer::start().await);
    let app = App::start(&db, &model).await;
    let person = app.person().await;
    let first = asked(&person, &model, Script::text("First.")).await;
    model.push(Script::text("Second."));
    let again = person
        .post(&format!("/api/v1/turns/{}/regenerate", first.turn))
        .await
        .begun();
    assert_eq!(text_of(&person.events(&again).await), "Second.");
    assert_eq!(again.question, first.question);
    assert_ne!(again.answer, first.answer);
    assert_eq!(contents(&model), ["Question?"]);
    assert_eq!(person.message(first.answer).await.content, "First.");
    let conversation = app
        .store
        .conversations()
        .get(person.user, person.conversation)
        .await
        .expect("there");
    assert_eq!(conversation.active_leaf_id, Some(again.answer));
    app.finish().await;
}

#[tokio::test]
async fn editing_a_question_branches_at_its_parent() {
    let (db, model) = (TestDatabase::create().await, ModelServer::start().await);
    let app = App::start(&db, &model).await;
    let person = app.person().await;
    let first = asked(&person, &model, Script::text("First.")).await;
    let second = asked(&person, &model, Script::text("Second.")).await;
    // The second question, asked in other words.
    model.push(Script::text("Third."));
    let edited = person
        .try_ask(json!({"content": "Edited?", "parent_id": first.answer.to_string()}))
        .await
        .begun();
    person.events(&edited).await;
    assert_eq!(contents(&model), ["Question?", "First.", "Edited?"]);
    // The first one too: a new root.
    model.push(Script::text("Fourth."));
    let root = person
        .try_ask(json!({"content": "Anew?", "parent_id": null}))
        .await
        .begun();
    person.events(&root).await;
    assert_eq!(contents(&model), ["Anew?"]);
    assert_eq!(person.branch(second.answer).await.len(), 4);
    assert_eq!(person.branch(root.answer).await.len(), 2);
    app.finish().await;
}

#[tokio::test]
async fn a_cut_connection_keeps_the_text_and_the_answer_goes_on() {
    let (db, model) = (TestDatabase::create().await, ModelServer::start().await);
    let app = App::start(&db, &model).await;
    let person = app.person().await;
    let gate = Gate::closed();
    model.push(Script::new([
        Step::Text("The answer is fo".to_owned()),
        Step::Wait(gate.clone()),
        Step::Cut,
    ]));
    let begun = person.ask("Question?").await;
    let mut watch = person.watch(&begun.turn, 0).await;
    // Until its first word has arrived, it would be asked once more.
    let mut events = watch.until("text.delta").await;
    gate.open_wide();
    events.extend(watch.rest().await);
    let last = events.last().unwrap();
    assert_eq!(
        (last.name.as_str(), last.data["code"].as_str()),
        ("turn.failed", Some("upstream_failed"))
    );
    let message = person.message(begun.answer).await;
    assert_eq!(message.content, "The answer is fo");
    assert_eq!(message.status, MessageStatus::Failed);
    assert_eq!(message.error.expect("an error").code, "upstream_failed");

    model.push(Script::text("rty-two."));
    let more = person
        .post(&format!("/api/v1/turns/{}/continue", begun.turn))
        .await
        .begun();
    assert_eq!(text_of(&person.events(&more).await), "rty-two.");
    let said = contents(&model);
    assert_eq!(said[..2], ["Question?", "The answer is fo"]);
    assert!(said[2].contains("Continue it exactly where it stops"));
    let branch = person.branch(more.answer).await;
    assert_eq!(branch.len(), 3);
    assert_eq!(branch[2].parent_id, Some(begun.answer));

    // What follows reads both parts as one answer.
    let next = asked(&person, &model, Script::text("Thanks.")).await;
    assert_eq!(
        contents(&model),
        ["Question?", "The answer is forty-two.", "Question?"]
    );
    let refused = person
        .post(&format!("/api/v1/turns/{}/continue", next.turn))
        .await;
    assert_eq!(
        (refused.status, refused.code()),
        (StatusCode::CONFLICT, "turn_not_continuable")
    );
    app.finish().await;
}

#[tokio::test]
async fn an_answer_that_reached_its_limit_goes_on() {
    let (db, model) = (TestDatabase::create().await, ModelServer::start().await);
    let app = App::start(&db, &model).await;
    let person = app.person().await;
    let cut = Script::new([
        Step::Text("The answer is fo".to_owned()),
        Step::Finish("length"),
    ]);
    let begun = asked(&person, &model, cut).await;
    let message = person.message(begun.answer).await;
    assert_eq!(message.status, MessageStatus::Complete);
    assert_eq!(message.finish_reason.as_deref(), Some("length"));
    model.push(Script::text("rty-two."));
    let more = person
        .post(&format!("/api/v1/turns/{}/continue", begun.turn))
        .await
        .begun();
    assert_eq!(text_of(&person.events(&more).await), "rty-two.");
    assert_eq!(contents(&model)[1], "The answer is fo");
    app.finish().await;
}

#[tokio::test]
async fn an_answer_without_a_word_is_asked_for_again() {
    let (db, model) = (TestDatabase::create().await, ModelServer::start().await);
    let app = App::start(&db, &model).await;
    let person = app.person().await;
    model.push(Script::refuse(400, "bad request"));
    let begun = person.ask("Question?").await;
    let events = person.events(&begun).await;
    assert_eq!(events.last().unwrap().name, "turn.failed");
    model.push(Script::text("Now."));
    let more = person
        .post(&format!("/api/v1/turns/{}/continue", begun.turn))
        .await
        .begun();
    assert_eq!(text_of(&person.events(&more).await), "Now.");
    assert_eq!(contents(&model), ["Question?"]);
    app.finish().await;
}
