//! A process that dies with turns, and one that only stood still.

use testkit::{
    cluster::Part,
    model::{Gate, Script},
};

use super::{Replicas, follow};
use crate::support::{
    Begun, Event, Socket, assert_begins_whole, assert_whole, count_to, eventually, text_of,
};

/// A turn of the first ai that has said something, and what was seen of it
/// through the second gateway.
struct Underway {
    replicas: Replicas,
    gate: Gate,
    conversation: String,
    begun: Begun,
    socket: Socket,
    seen: Vec<Event>,
}

async fn underway() -> Underway {
    let mut replicas = Replicas::with_one_ai().await;
    let gate = Gate::closed();
    replicas.model.push(Script::gated(&count_to(400), &gate));
    let (conversation, begun) = replicas.at(0).ask_anew("Count.").await;
    replicas.cluster.start_all().await;
    let person = replicas.at(1);
    let mut socket = Socket::open(&person).await;
    socket.subscribe(&begun.turn, 0).await;
    let mut watch = person.watch(&begun, 0).await;
    gate.open(40);
    let seen = watch.until("text.delta").await;
    Underway {
        replicas,
        gate,
        conversation,
        begun,
        socket,
        seen,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_turns_of_a_killed_process_are_closed_by_another() {
    let Underway {
        mut replicas,
        conversation,
        begun,
        mut socket,
        seen,
        ..
    } = underway().await;
    let person = replicas.at(1);
    let elsewhere = replicas.at(0).watch(&begun, 0).await;
    let killed_at = replicas.now().await;
    replicas.cluster.kill(Part::Ai(0));
    replicas.cluster.kill(Part::Gateway(0));
    // Who watched there goes on here, with what they have.
    let cut_off = elsewhere.rest().await;
    let moved = follow(&person, &begun, cut_off).await;
    let events = follow(&person, &begun, seen).await;
    assert_whole(&events);
    let end = events.last().expect("an end");
    assert_eq!(end.name, "turn.interrupted");
    assert_eq!(end.data["reason"], "lease_expired");
    assert_eq!(moved, events);
    assert_eq!(socket.events(&begun.turn).await, events);
    let in_time: bool = sqlx::query_scalar(
        "SELECT finished_at <= $2 + interval '15 seconds' FROM turns WHERE id = $1::uuid",
    )
    .bind(&begun.turn)
    .bind(killed_at)
    .fetch_one(replicas.database.store().pool())
    .await
    .expect("the turn");
    assert!(in_time, "closed more than 15 seconds after the kill");
    let message = person.message(&conversation, &begun.answer).await;
    assert_eq!(message["status"], "interrupted");
    assert_eq!(message["content"], text_of(&events));
    assert!(!text_of(&events).is_empty());

    replicas.model.forget_scripts();
    replicas.model.push(Script::text("And so on."));
    let next = person.go_on(&begun).await.begun();
    let events = person.events(&next).await;
    assert_eq!(text_of(&events), "And so on.");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_stood_still_writes_nothing_after_it_lost_its_turns() {
    let Underway {
        replicas,
        gate,
        conversation,
        begun,
        mut socket,
        seen,
    } = underway().await;
    let person = replicas.at(1);
    let asleep = replicas.cluster.program(Part::Ai(0));
    asleep.pause();
    // The model goes on: this waits in the connection for the sleeper.
    gate.open(100);
    let events = follow(&person, &begun, seen).await;
    assert_whole(&events);
    assert_eq!(events.last().expect("an end").name, "turn.interrupted");
    assert_eq!(socket.events(&begun.turn).await, events);
    let message = person.message(&conversation, &begun.answer).await;

    asleep.resume();
    gate.open_wide();
    eventually("it notices that the turn is another's", || async {
        asleep.log().contains("another process has")
    })
    .await;
    // It lets go of the model too.
    replicas.model.wait_until_idle().await;
    let (events_stored, last, ends): (i64, i64, i64) = sqlx::query_as(
        "SELECT count(*), max(seq),
                count(*) FILTER (WHERE type IN ('turn.completed', 'turn.failed',
                                                'turn.cancelled', 'turn.interrupted'))
           FROM turn_events WHERE turn_id = $1::uuid",
    )
    .bind(&begun.turn)
    .fetch_one(replicas.database.store().pool())
    .await
    .expect("the log");
    assert_eq!((events_stored, ends), (last, 1));
    for gateway in [0, 1] {
        let person = replicas.at(gateway);
        let again = person.events(&begun).await;
        assert_begins_whole(&again);
        assert_eq!(again, events);
        assert_eq!(person.message(&conversation, &begun.answer).await, message);
    }
    // It goes on to work.
    replicas.model.forget_scripts();
    replicas.model.push(Script::text("Awake."));
    let (_, begun) = replicas.at(0).ask_anew("And you?").await;
    assert_eq!(text_of(&replicas.at(1).events(&begun).await), "Awake.");
}
