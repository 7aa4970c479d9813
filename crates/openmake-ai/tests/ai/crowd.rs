//! Many turns at once.

use openmake_types::MessageStatus;
use testkit::{
    database::TestDatabase,
    model::{ModelServer, Script},
};

use crate::app::{App, all, assert_whole, count_to, text_of};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_turns_at_once() {
    const TURNS: usize = 200;
    let (db, model) = (TestDatabase::create().await, ModelServer::start().await);
    let words = count_to(20);
    for _ in 0..TURNS {
        model.push(Script::text(&words));
    }
    let app = App::start(&db, &model).await;
    let person = app.person().await;
    let people = all((0..TURNS).map(|_| app.person_of(person.user))).await;
    let ended = all(people.iter().map(|person| async {
        let begun = person.ask("Count.").await;
        let events = person.events(&begun).await;
        (begun, events)
    }))
    .await;
    for (person, (begun, events)) in people.iter().zip(&ended) {
        assert_whole(events);
        assert_eq!(text_of(events), words);
        let message = person.message(begun.answer).await;
        assert_eq!(message.status, MessageStatus::Complete);
        assert_eq!(message.content, words);
    }
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &app.registry).expect("metrics");
    assert!(text.contains("openmake_turns_started_total 200"), "{text}");
    assert!(
        text.contains(r#"openmake_turns_finished_total{status="completed"} 200"#),
        "{text}"
    );
    app.finish().await;
}
