//! A turn that one process writes, seen and stopped through any.

use reqwest::StatusCode;
use testkit::{
    cluster::REPLICAS,
    model::{Gate, Script},
};

use super::Replicas;
use crate::support::{Socket, all, assert_whole, count_to, text_of};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_turn_is_watched_and_stopped_through_every_process() {
    let mut replicas = Replicas::with_one_ai().await;
    let gate = Gate::closed();
    replicas.model.push(Script::gated(&count_to(60), &gate));
    let (conversation, begun) = replicas.at(0).ask_anew("Count.").await;
    replicas.cluster.start_all().await;
    let mut streams = Vec::new();
    let mut sockets = Vec::new();
    // Several, so that each reaches either ai.
    for gateway in (0..REPLICAS).cycle().take(2 * REPLICAS) {
        let person = replicas.at(gateway);
        streams.push(person.watch(&begun, 0).await);
        let mut socket = Socket::open(&person).await;
        socket.subscribe(&begun.turn, 0).await;
        sockets.push(socket);
    }
    gate.open(20);
    let mut seen = Vec::new();
    for stream in &mut streams {
        seen.push(stream.until("text.delta").await);
    }
    // Who comes later has it from wherever they were.
    let mut late = Vec::new();
    for gateway in 0..REPLICAS {
        late.push(replicas.at(gateway).watch(&begun, 2).await);
    }
    gate.open(20);
    let accepted = replicas.at(1).cancel(&begun).await;
    assert_eq!(accepted, StatusCode::ACCEPTED);

    let whole = replicas.at(0).events(&begun).await;
    assert_whole(&whole);
    assert_eq!(whole.last().expect("an end").name, "turn.cancelled");
    for (mut events, stream) in seen.into_iter().zip(streams) {
        events.extend(stream.rest().await);
        assert_eq!(events, whole);
    }
    for mut socket in sockets {
        assert_eq!(socket.events(&begun.turn).await, whole);
    }
    for stream in late {
        assert_eq!(stream.rest().await, whole[2..]);
    }
    replicas.model.wait_until_idle().await;
    let messages = (0..REPLICAS).map(|gateway| {
        let (person, conversation) = (replicas.at(gateway), conversation.clone());
        let answer = begun.answer.clone();
        async move { person.message(&conversation, &answer).await }
    });
    for message in all(messages).await {
        assert_eq!(message["status"], "cancelled");
        assert_eq!(message["content"], text_of(&whole));
    }
}
