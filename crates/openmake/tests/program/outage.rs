//! The model, the network or the database goes away in the middle of an
//! answer.

use std::time::Duration;

use reqwest::StatusCode;
use testkit::{
    chaos::{Proxy, server_of, through},
    database::TestDatabase,
    model::{Gate, ModelServer, Script, Step},
    program::{kill_process, wait_until_gone},
};

use crate::support::{World, assert_whole, count_to, eventually, instance_with, text_of};

#[tokio::test]
async fn an_answer_whose_model_is_cut_off_is_kept_with_a_hint() {
    let world = World::start().await;
    let gate = Gate::closed();
    world.model.push(Script::new([
        Step::Thinking("Let me see.".to_owned()),
        Step::Text("Once upon a time".to_owned()),
        Step::Wait(gate.clone()),
        Step::Cut,
    ]));
    let (conversation, begun) = world.person.ask_anew("Tell me a story.").await;
    let mut watch = world.person.watch(&begun, 0).await;
    let mut events = watch.until("text.delta").await;
    gate.open(1);
    events.extend(watch.rest().await);
    assert_whole(&events);
    let end = events.last().expect("an end");
    assert_eq!(end.name, "turn.failed");
    assert!(end.data["hint"].is_string(), "{end:?}");
    assert_eq!(text_of(&events), "Once upon a time");
    let message = world.person.message(&conversation, &begun.answer).await;
    assert_eq!(message["status"], "failed");
    assert_eq!(message["content"], "Once upon a time");
    assert_eq!(message["error"]["code"], end.data["code"]);
    // It is asked once: nothing is retried after the first token.
    assert_eq!(world.model.chats().len(), 1);

    world.model.push(Script::text(" there was."));
    let next = world.person.go_on(&begun).await.begun();
    let events = world.person.events(&next).await;
    assert_eq!(events.last().expect("an end").name, "turn.completed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_out_for_two_seconds_loses_nothing() {
    let database = TestDatabase::create().await;
    let proxy = Proxy::start(&server_of(database.url())).await;
    let model = ModelServer::start().await;
    let instance = instance_with(&model).with_env("DATABASE_URL", through(database.url(), &proxy));
    let world = World::on(model, instance).await;
    assert_eq!(world.person.ready().await, StatusCode::OK);

    let gate = Gate::closed();
    let words = count_to(90);
    world.model.push(Script::gated(&words, &gate));
    let (conversation, begun) = world.person.ask_anew("Count.").await;
    let mut watch = world.person.watch(&begun, 0).await;
    gate.open(30);
    let mut events = watch.until("text.delta").await;
    proxy.cut();
    gate.open(30);
    eventually("/ready says so", || async {
        world.person.ready().await == StatusCode::SERVICE_UNAVAILABLE
    })
    .await;
    // The length of the outage is what the promise is about.
    tokio::time::sleep(Duration::from_secs(2)).await;
    proxy.mend();
    gate.open_wide();
    events.extend(watch.rest().await);
    assert_whole(&events);
    assert_eq!(text_of(&events), words);
    assert_eq!(events.last().expect("an end").name, "turn.completed");
    eventually("/ready is well again", || async {
        world.person.ready().await == StatusCode::OK
    })
    .await;
    assert_eq!(world.person.events(&begun).await, events);
    let message = world.person.message(&conversation, &begun.answer).await;
    assert_eq!(message["content"], words);
    assert_eq!(message["status"], "complete");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_embedded_database_that_is_killed_is_started_again() {
    let world = World::whole().await;
    let gate = Gate::closed();
    let words = count_to(60);
    world.model.push(Script::gated(&words, &gate));
    let (conversation, begun) = world.person.ask_anew("Count.").await;
    let mut watch = world.person.watch(&begun, 0).await;
    gate.open(20);
    let mut events = watch.until("text.delta").await;
    let database = world.instance.postmaster().expect("a database");
    kill_process(database);
    wait_until_gone(database).await;
    gate.open_wide();
    events.extend(watch.rest().await);
    assert_whole(&events);
    assert_eq!(text_of(&events), words);
    assert_eq!(events.last().expect("an end").name, "turn.completed");
    eventually("/ready is well again", || async {
        world.person.ready().await == StatusCode::OK
    })
    .await;
    let other = world.instance.postmaster();
    assert!(other.is_some_and(|other| other != database), "{other:?}");
    let message = world.person.message(&conversation, &begun.answer).await;
    assert_eq!(message["content"], words);
    assert_eq!(message["status"], "complete");
}
