//! Watching a turn: from anywhere, everything once.

use http::Method;
use serde_json::json;
use testkit::{
    database::TestDatabase,
    model::{Gate, ModelServer, Script, Step},
};

use crate::app::{App, assert_whole, text_of};

/// A turn with every kind of event.
fn rich(gate: &Gate) -> Vec<Script> {
    let wait = || Step::Wait(gate.clone());
    vec![
        Script::new([
            wait(),
            Step::Thinking("hm".to_owned()),
            wait(),
            Step::Text("Let me see.".to_owned()),
            wait(),
            Step::Call {
                name: "calculator".to_owned(),
                arguments: json!({"expression": "6*7"}).to_string(),
            },
            Step::Finish("stop"),
        ]),
        Script::new([
            wait(),
            Step::Text("It is ".to_owned()),
            wait(),
            Step::Text("42.".to_owned()),
            Step::Finish("stop"),
        ]),
    ]
}

#[tokio::test]
async fn a_client_that_drops_at_every_event_sees_everything_once() {
    let (db, model) = (TestDatabase::create().await, ModelServer::start().await);
    let gate = Gate::closed();
    for script in rich(&gate) {
        model.push(script);
    }
    let app = App::start(&db, &model).await;
    let person = app.person().await;
    let begun = person.ask("What is six times seven?").await;
    // The model goes on by one step for each event that was seen.
    gate.open(1);
    let mut events = Vec::new();
    loop {
        let after = events
            .last()
            .map_or(0, |event: &crate::app::Event| event.seq);
        let mut watch = person.watch(&begun.turn, after).await;
        let Some(event) = watch.next().await else {
            break;
        };
        drop(watch);
        gate.open(1);
        let ended = crate::app::is_end(&event);
        events.push(event);
        if ended {
            break;
        }
    }
    assert_whole(&events);
    assert_eq!(text_of(&events), "Let me see.\n\nIt is 42.");
    let names: Vec<&str> = events.iter().map(|event| event.name.as_str()).collect();
    for name in ["thinking.delta", "tool.started", "tool.finished", "usage"] {
        assert!(names.contains(&name), "{names:?}");
    }
    // The same again from the log alone, from every place.
    for after in 0..=events.len() {
        let after_seq = u64::try_from(after).expect("small");
        let rest = person.watch(&begun.turn, after_seq).await.rest().await;
        assert_eq!(rest, events[after..]);
    }
    app.finish().await;
}

#[tokio::test]
async fn two_watch_one_turn_and_one_of_them_comes_late() {
    let (db, model) = (TestDatabase::create().await, ModelServer::start().await);
    let gate = Gate::closed();
    model.push(Script::gated("one two three four", &gate));
    let app = App::start(&db, &model).await;
    let person = app.person().await;
    let begun = person.ask("Count.").await;
    let mut early = person.watch(&begun.turn, 0).await;
    gate.open(2);
    let mut first = early.until("text.delta").await;
    let late = person.watch(&begun.turn, 0).await;
    gate.open_wide();
    let (rest, late) = tokio::join!(early.rest(), late.rest());
    first.extend(rest);
    assert_whole(&first);
    assert_eq!(first, late);
    assert_eq!(text_of(&late), "one two three four");
    app.finish().await;
}

#[tokio::test]
async fn last_event_id_goes_before_the_query() {
    let (db, model) = (TestDatabase::create().await, ModelServer::start().await);
    let app = App::start(&db, &model).await;
    let person = app.person().await;
    let begun = person.ask("Hello?").await;
    let events = person.events(&begun).await;
    let request = http::Request::get(format!("/api/v1/turns/{}/events?after=0", begun.turn))
        .header("Last-Event-ID", (events.len() - 1).to_string())
        .body(axum::body::Body::empty())
        .expect("a request");
    let response = person.send(request).await;
    assert_eq!(response.headers()["x-accel-buffering"], "no");
    let body = http_body_util::BodyExt::collect(response.into_body())
        .await
        .expect("a body")
        .to_bytes();
    let text = std::str::from_utf8(&body).expect("UTF-8");
    assert_eq!(text.matches("event: ").count(), 1, "{text}");
    assert!(text.contains("event: turn.completed"), "{text}");
    let bad = person
        .call_with(
            Method::GET,
            &format!("/api/v1/turns/{}/events", begun.turn),
            None,
            &[("Last-Event-ID", "x")],
        )
        .await;
    assert_eq!(bad.status, 400);
    app.finish().await;
}

#[tokio::test]
async fn a_client_that_goes_away_does_not_stop_the_turn() {
    let (db, model) = (TestDatabase::create().await, ModelServer::start().await);
    let gate = Gate::closed();
    model.push(Script::gated("one two three", &gate));
    let app = App::start(&db, &model).await;
    let person = app.person().await;
    let begun = person.ask("Count.").await;
    let mut watch = person.watch(&begun.turn, 0).await;
    gate.open(1);
    watch.until("text.delta").await;
    drop(watch);
    gate.open_wide();
    assert_eq!(text_of(&person.events(&begun).await), "one two three");
    app.finish().await;
}

#[tokio::test]
async fn a_reader_that_never_reads_slows_nobody() {
    let (db, model) = (TestDatabase::create().await, ModelServer::start().await);
    let gate = Gate::closed();
    let words = "word ".repeat(3_000);
    model.push(Script::gated(&words, &gate));
    let app = App::start(&db, &model).await;
    let person = app.person().await;
    let begun = person.ask("Write a lot.").await;
    let mut slow = person.watch(&begun.turn, 0).await;
    let first = slow.next().await.expect("an event");
    gate.open_wide();
    let events = person.events(&begun).await;
    assert_whole(&events);
    assert_eq!(text_of(&events), words);
    let mut seen = vec![first];
    seen.extend(slow.rest().await);
    assert_eq!(seen, events, "the slow one gets it from the log");
    app.finish().await;
}

#[tokio::test]
async fn another_process_serves_the_turn_too() {
    let (db, model) = (TestDatabase::create().await, ModelServer::start().await);
    let gate = Gate::closed();
    model.push(Script::gated("one two three", &gate));
    let (app, other) = (App::start(&db, &model).await, App::start(&db, &model).await);
    let person = app.person().await;
    let there = other.seat(person.user, person.conversation);
    let begun = person.ask("Count.").await;
    let mut watch = there.watch(&begun.turn, 0).await;
    gate.open(1);
    let mut events = watch.until("text.delta").await;
    gate.open_wide();
    events.extend(watch.rest().await);
    assert_whole(&events);
    assert_eq!(text_of(&events), "one two three");
    app.finish().await;
    other.finish().await;
}

#[tokio::test]
async fn when_the_log_is_gone_there_is_a_snapshot_and_the_end() {
    let (db, model) = (TestDatabase::create().await, ModelServer::start().await);
    model.push(Script::new([
        Step::Thinking("hm".to_owned()),
        Step::Text("All of it.".to_owned()),
        Step::Finish("stop"),
    ]));
    let app = App::start(&db, &model).await;
    let person = app.person().await;
    let begun = person.ask("Say it.").await;
    let events = person.events(&begun).await;
    db.forget_logs().await;
    let last = events.last().unwrap().seq;
    let kept = person.watch(&begun.turn, 2).await.rest().await;
    assert_eq!(kept.len(), 2);
    assert_eq!(
        (kept[0].name.as_str(), kept[0].seq),
        ("turn.snapshot", last - 1)
    );
    assert_eq!(kept[0].data["text"], "All of it.");
    assert_eq!(kept[0].data["thinking"], "hm");
    assert_eq!(
        (kept[1].name.as_str(), kept[1].seq),
        ("turn.completed", last)
    );
    assert!(
        person
            .watch(&begun.turn, last)
            .await
            .rest()
            .await
            .is_empty()
    );
    app.finish().await;
}
