//! Stopping a turn, and a server that stops.

use std::time::Duration;

use http::StatusCode;
use openmake_types::MessageStatus;
use serde_json::json;
use testkit::{
    database::TestDatabase,
    model::{Gate, ModelServer, Script, Step},
};

use crate::app::{App, PATIENCE, assert_whole, eventually, is_end, text_of};

#[tokio::test]
async fn a_cancel_at_every_stage_keeps_what_was_written() {
    let db = TestDatabase::create().await;
    let model = ModelServer::start().await;
    let app = App::start(&db, &model).await;
    let stages: [(&str, Vec<Step>, &str); 4] = [
        ("before the first token", vec![Step::Hang], ""),
        (
            "while thinking",
            vec![Step::Thinking("hm".to_owned()), Step::Hang],
            "",
        ),
        (
            "while writing",
            vec![Step::Text("So far".to_owned()), Step::Hang],
            "So far",
        ),
        (
            "after a tool",
            vec![
                Step::Text("Let me see.".to_owned()),
                Step::Call {
                    name: "current_time".to_owned(),
                    arguments: "{}".to_owned(),
                },
                Step::Finish("stop"),
            ],
            "Let me see.",
        ),
    ];
    for (stage, steps, text) in stages {
        let person = app.person().await;
        let chats = model.chats().len();
        let tool = stage == "after a tool";
        model.push(Script::new(steps));
        if tool {
            model.push(Script::new([Step::Hang]));
        }
        let begun = person.ask("Go on.").await;
        let mut watch = person.watch(&begun.turn, 0).await;
        let mut events = match stage {
            "before the first token" => watch.until("turn.started").await,
            "while thinking" => watch.until("thinking.delta").await,
            "while writing" => watch.until("text.delta").await,
            _ => watch.until("tool.finished").await,
        };
        model.wait_for_chats(chats + 1 + usize::from(tool)).await;
        assert_eq!(person.cancel(&begun).await, StatusCode::ACCEPTED, "{stage}");
        events.extend(watch.rest().await);
        assert_whole(&events);
        assert_eq!(events.last().unwrap().name, "turn.cancelled", "{stage}");
        model.wait_until_idle().await;
        let message = person.message(begun.answer).await;
        assert_eq!(message.status, MessageStatus::Cancelled, "{stage}");
        assert_eq!(message.content, text, "{stage}");
        assert_eq!(person.cancel(&begun).await, StatusCode::OK, "{stage}");
    }
    app.finish().await;
}

#[tokio::test]
async fn a_cancel_at_another_process_arrives() {
    let (db, model) = (TestDatabase::create().await, ModelServer::start().await);
    model.push(Script::new([Step::Text("So far".to_owned()), Step::Hang]));
    let (app, other) = (App::start(&db, &model).await, App::start(&db, &model).await);
    let person = app.person().await;
    let begun = person.ask("Go on.").await;
    let mut watch = person.watch(&begun.turn, 0).await;
    watch.until("text.delta").await;
    let there = other.seat(person.user, person.conversation);
    assert_eq!(there.cancel(&begun).await, StatusCode::ACCEPTED);
    assert_eq!(watch.rest().await.last().unwrap().name, "turn.cancelled");
    model.wait_until_idle().await;
    app.finish().await;
    other.finish().await;
}

#[tokio::test]
async fn draining_waits_and_then_interrupts_what_still_runs() {
    let (db, model) = (TestDatabase::create().await, ModelServer::start().await);
    let gate = Gate::closed();
    model.push(Script::gated("soon done", &gate));
    let app = App::start(&db, &model).await;
    let (quick, slow) = (app.person().await, app.person().await);
    let quick_turn = quick.ask("Quick?").await;
    model.wait_for_chats(1).await;
    model.push(Script::new([Step::Text("So far".to_owned()), Step::Hang]));
    let slow_turn = slow.ask("Slow?").await;
    let mut watch = slow.watch(&slow_turn.turn, 0).await;
    let mut events = watch.until("text.delta").await;

    let quick_events = tokio::select! {
        () = app.ai.drain(PATIENCE) => panic!("a turn still runs"),
        events = async {
            gate.open_wide();
            quick.events(&quick_turn).await
        } => events,
    };
    let ((), rest) = tokio::join!(app.ai.drain(Duration::ZERO), watch.rest());
    events.extend(rest);
    assert_eq!(text_of(&quick_events), "soon done");
    assert_eq!(quick_events.last().unwrap().name, "turn.completed");
    assert_whole(&events);
    let last = events.last().unwrap();
    assert_eq!(
        (last.name.as_str(), last.data["reason"].as_str()),
        ("turn.interrupted", Some("shutdown"))
    );
    let message = slow.message(slow_turn.answer).await;
    assert_eq!(message.status, MessageStatus::Interrupted);
    assert_eq!(message.content, "So far");

    let refused = slow.try_ask(json!({"content": "One more?"})).await;
    assert_eq!(refused.code(), "shutting_down");
    app.finish().await;
}

#[tokio::test]
async fn streams_end_with_the_process() {
    let (db, model) = (TestDatabase::create().await, ModelServer::start().await);
    model.push(Script::new([Step::Text("So far".to_owned()), Step::Hang]));
    let app = App::start(&db, &model).await;
    let person = app.person().await;
    let begun = person.ask("Go on.").await;
    let mut watch = person.watch(&begun.turn, 0).await;
    watch.until("text.delta").await;
    let turn = begun.turn.clone();
    app.halt().await;
    let rest = watch.rest().await;
    assert!(rest.len() <= 1 && rest.iter().all(is_end), "{rest:?}");
    // It was closed then, or the next run closes it.
    let next = App::start_with(
        &db,
        crate::app::Options {
            settings: openmake_ai::AiSettings {
                single_process: true,
                ..crate::app::Options::new(&model).settings
            },
            ..crate::app::Options::new(&model)
        },
    )
    .await;
    let person = next.seat(person.user, person.conversation);
    let events = person.watch(&turn, 0).await.rest().await;
    assert_whole(&events);
    assert_eq!(text_of(&events), "So far");
    assert_eq!(events.last().unwrap().name, "turn.interrupted");
    eventually("the message", || async {
        person.message(begun.answer).await.status == MessageStatus::Interrupted
    })
    .await;
    next.finish().await;
}
