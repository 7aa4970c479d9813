//! A process that stops in mid-answer, and one that only seems to.

use std::time::Duration;

use openmake_ai::AiSettings;
use openmake_types::MessageStatus;
use testkit::{
    database::TestDatabase,
    model::{Gate, ModelServer, Script, Step},
};

use crate::app::{App, Options, assert_whole, text_of};

#[tokio::test]
async fn a_turn_whose_lease_is_over_is_closed_and_its_writer_can_write_no_more() {
    let (db, model) = (TestDatabase::create().await, ModelServer::start().await);
    let gate = Gate::closed();
    model.push(Script::new([
        Step::Text("So far".to_owned()),
        Step::Wait(gate.clone()),
        Step::Text(" and no further".to_owned()),
        Step::Finish("stop"),
    ]));
    // As if the process stood still: it never renews its leases.
    let sleepy = Options {
        settings: AiSettings {
            lease: Duration::from_secs(1),
            renew_every: Duration::from_hours(1),
            claim_every: Duration::from_hours(1),
            ..Options::new(&model).settings
        },
        ..Options::new(&model)
    };
    let paused = App::start_with(&db, sleepy).await;
    let person = paused.person().await;
    let begun = person.ask("Go on.").await;
    person.watch(&begun.turn, 0).await.until("text.delta").await;

    let eager = Options {
        settings: AiSettings {
            claim_every: Duration::from_millis(100),
            ..Options::new(&model).settings
        },
        ..Options::new(&model)
    };
    let other = App::start_with(&db, eager).await;
    let there = other.seat(person.user, person.conversation);
    let events = there.watch(&begun.turn, 0).await.rest().await;
    assert_whole(&events);
    let last = events.last().unwrap();
    assert_eq!(
        (last.name.as_str(), last.data["reason"].as_str()),
        ("turn.interrupted", Some("lease_expired"))
    );

    // It wakes up and goes on, and nothing of that is written.
    gate.open_wide();
    crate::app::eventually("the old writer gives up", || async {
        paused.ai.running_turns() == 0
    })
    .await;
    let again = there.watch(&begun.turn, 0).await.rest().await;
    assert_eq!(again, events);
    let message = there.message(begun.answer).await;
    assert_eq!(message.content, "So far");
    assert_eq!(message.status, MessageStatus::Interrupted);

    model.push(Script::text(", and on."));
    let more = there
        .post(&format!("/api/v1/turns/{}/continue", begun.turn))
        .await
        .begun();
    assert_eq!(text_of(&there.events(&more).await), ", and on.");
    paused.finish().await;
    other.finish().await;
}

#[tokio::test]
async fn a_lease_that_is_renewed_outlasts_its_length() {
    let (db, model) = (TestDatabase::create().await, ModelServer::start().await);
    let gate = Gate::closed();
    model.push(Script::new([
        Step::Text("Slow".to_owned()),
        Step::Wait(gate.clone()),
        Step::Text(" but sure.".to_owned()),
        Step::Finish("stop"),
    ]));
    let brisk = || Options {
        settings: AiSettings {
            lease: Duration::from_millis(1_500),
            renew_every: Duration::from_millis(200),
            claim_every: Duration::from_millis(100),
            ..Options::new(&model).settings
        },
        ..Options::new(&model)
    };
    let app = App::start_with(&db, brisk()).await;
    let other = App::start_with(&db, brisk()).await;
    let person = app.person().await;
    let begun = person.ask("Go on.").await;
    let mut watch = person.watch(&begun.turn, 0).await;
    let mut events = watch.until("text.delta").await;
    // Longer than the lease: only the renewals keep the turn.
    tokio::time::sleep(Duration::from_secs(2)).await;
    gate.open_wide();
    events.extend(watch.rest().await);
    assert_whole(&events);
    assert_eq!(text_of(&events), "Slow but sure.");
    app.finish().await;
    other.finish().await;
}
