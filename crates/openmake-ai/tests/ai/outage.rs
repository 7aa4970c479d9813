//! The database goes away in the middle of a stream.

use std::time::Duration;

use openmake_store::{PoolSettings, Store};
use testkit::{
    chaos::{Proxy, server_of, through},
    database::TestDatabase,
    model::{Gate, ModelServer, Script, Step},
};

use crate::app::{App, Options, assert_whole, count_to, text_of};

async fn store_through(db: &TestDatabase, proxy: &Proxy) -> Store {
    let settings = PoolSettings {
        max_connections: 8,
        acquire_timeout: Duration::from_secs(1),
        ..PoolSettings::default()
    };
    Store::connect(&through(db.url(), proxy), &settings)
        .await
        .expect("connected")
}

#[tokio::test]
async fn a_database_that_is_out_for_two_seconds_loses_nothing() {
    let (db, model) = (TestDatabase::create().await, ModelServer::start().await);
    let proxy = Proxy::start(&server_of(db.url())).await;
    let store = store_through(&db, &proxy).await;
    let gate = Gate::closed();
    let words = count_to(60);
    model.push(Script::gated(&words, &gate));
    let app = App::start_with(
        &db,
        Options {
            store: Some(store),
            ..Options::new(&model)
        },
    )
    .await;
    let person = app.person().await;
    let begun = person.ask("Count.").await;
    let mut watch = person.watch(&begun.turn, 0).await;
    gate.open(20);
    let mut events = watch.until("text.delta").await;
    proxy.cut();
    gate.open(20);
    // The length of the outage is what the promise is about.
    tokio::time::sleep(Duration::from_secs(2)).await;
    gate.open_wide();
    proxy.mend();
    events.extend(watch.rest().await);
    assert_whole(&events);
    assert_eq!(text_of(&events), words);
    assert_eq!(events.last().unwrap().name, "turn.completed");
    assert_eq!(person.message(begun.answer).await.content, words);
    app.finish().await;
}

#[tokio::test]
async fn the_end_of_a_turn_waits_for_the_database_and_is_written_once() {
    let (db, model) = (TestDatabase::create().await, ModelServer::start().await);
    let proxy = Proxy::start(&server_of(db.url())).await;
    let store = store_through(&db, &proxy).await;
    let gate = Gate::closed();
    model.push(Script::new([
        Step::Text("All".to_owned()),
        Step::Wait(gate.clone()),
        Step::Text(" of it.".to_owned()),
        Step::Finish("stop"),
    ]));
    let app = App::start_with(
        &db,
        Options {
            store: Some(store),
            ..Options::new(&model)
        },
    )
    .await;
    let person = app.person().await;
    let begun = person.ask("Say it.").await;
    let mut watch = person.watch(&begun.turn, 0).await;
    let mut events = watch.until("text.delta").await;
    proxy.cut();
    gate.open_wide();
    model.wait_until_idle().await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    proxy.mend();
    events.extend(watch.rest().await);
    assert_whole(&events);
    assert_eq!(text_of(&events), "All of it.");
    app.finish().await;
}

#[tokio::test]
async fn a_restart_of_the_database_server_is_survived() {
    let (db, model) = (TestDatabase::create().await, ModelServer::start().await);
    let gate = Gate::closed();
    let words = count_to(30);
    model.push(Script::gated(&words, &gate));
    let app = App::start(&db, &model).await;
    let person = app.person().await;
    let begun = person.ask("Count.").await;
    let mut watch = person.watch(&begun.turn, 0).await;
    let mut events = Vec::new();
    for _ in 0..5 {
        gate.open(5);
        events.extend(watch.until("text.delta").await);
        db.cut_connections().await;
    }
    gate.open_wide();
    events.extend(watch.rest().await);
    assert_whole(&events);
    assert_eq!(text_of(&events), words);
    app.finish().await;
}
