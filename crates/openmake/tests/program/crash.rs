//! `kill -9` in the middle of an answer, at twenty points.

use std::time::Duration;

use rand::{RngExt as _, SeedableRng as _, rngs::SmallRng};
use testkit::{
    model::{Gate, Script},
    program::{is_alive, wait_until_gone},
};

use crate::support::{
    Begun, Event, World, assert_begins_whole, assert_whole, count_to, is_end, text_of,
};

/// Tokens of the answer that is cut off.
const TOKENS: usize = 300;
/// How long a turn may stay open after the restart: less than its lease.
const SECONDS: Duration = Duration::from_secs(8);
/// Kills.
const ROUNDS: usize = 20;

/// When a round kills the program.
#[derive(Debug, Clone, Copy)]
struct Kill {
    /// After this many events have reached the client.
    after: usize,
    /// Tokens that the model may be ahead of the client: with one the log is
    /// quiet at the kill, with many it is being written.
    ahead: usize,
}

/// The very first moments, the last one, and any between.
fn kills(random: &mut SmallRng) -> Vec<Kill> {
    let mut kills: Vec<Kill> = [0, 1, 2, TOKENS + 2]
        .map(|after| Kill { after, ahead: 1 })
        .into();
    while kills.len() < ROUNDS {
        let ahead = [1, 4, 40][kills.len() % 3];
        // Events merge while the log is written, so there are fewer of them
        // the further the model is ahead.
        kills.push(Kill {
            after: random.random_range(3..TOKENS / ahead),
            ahead,
        });
    }
    kills
}

/// What the client has received when the program dies.
async fn ask_and_kill(world: &mut World, kill: Kill) -> (String, Begun, Vec<Event>) {
    let gate = Gate::closed();
    world.model.forget_scripts();
    world.model.push(Script::gated(&count_to(TOKENS), &gate));
    let (conversation, begun) = world.person.ask_anew("Count.").await;
    let mut received = Vec::new();
    if kill.after > 0 {
        let mut watch = world.person.watch(&begun, 0).await;
        gate.open(kill.ahead);
        while received.len() < kill.after {
            let Some(event) = watch.next().await else {
                break;
            };
            if event.name == "text.delta" {
                let words = event.data["text"].as_str().expect("a text");
                gate.open(words.split_whitespace().count());
            }
            received.push(event);
        }
    }
    world.program.kill();
    (conversation, begun, received)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_word_that_was_shown_is_there_after_a_kill() {
    let seed: u64 = rand::random();
    println!("seed {seed}");
    let mut random = SmallRng::seed_from_u64(seed);
    let mut world = World::whole().await;
    let mut interrupted = 0;
    for (round, kill) in kills(&mut random).into_iter().enumerate() {
        let database = world.instance.postmaster().expect("a database");
        let (conversation, begun, received) = ask_and_kill(&mut world, kill).await;
        assert_begins_whole(&received);
        world.start_again().await;
        if world.instance.postmaster() != Some(database) {
            assert!(!is_alive(database), "round {round}: two databases");
        }

        let closed = async {
            while world.person.status(&begun).await == "running" {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let closed = tokio::time::timeout(SECONDS, closed).await;
        assert!(closed.is_ok(), "round {round}: the turn is still open");
        let log = world.person.events(&begun).await;
        assert_whole(&log);
        assert_eq!(
            log.get(..received.len()),
            Some(&*received),
            "round {round}, {kill:?}: what was shown is in the log as it was shown"
        );
        let text = text_of(&log);
        assert!(count_to(TOKENS).starts_with(&text), "round {round}: {text}");

        let messages = world.person.messages(&conversation).await;
        assert_eq!(messages.len(), 2, "round {round}: {messages:#?}");
        let answer = &messages[1];
        assert_eq!(answer["id"], begun.answer);
        assert_eq!(answer["content"], text, "round {round}");
        let end = log.last().expect("an end");
        match end.name.as_str() {
            "turn.interrupted" => {
                interrupted += 1;
                assert_eq!(answer["status"], "interrupted");
                assert_eq!(world.person.status(&begun).await, "interrupted");
            }
            "turn.completed" => {
                assert_eq!(answer["status"], "complete");
                assert_eq!(text, count_to(TOKENS));
                continue;
            }
            other => panic!("round {round}: {other}"),
        }
        if round % 3 == 0 {
            assert_goes_on(&world, &conversation, &begun).await;
        }
    }
    assert!(interrupted > ROUNDS / 2, "the kills came too late");
    world.program.kill();
    if let Some(database) = world.instance.postmaster() {
        wait_until_gone(database).await;
    }
}

/// `continue` asks the model once more, and its answer is whole.
async fn assert_goes_on(world: &World, conversation: &str, begun: &Begun) {
    // A kill may have come before the model was asked.
    world.model.forget_scripts();
    world.model.push(Script::text("And so on."));
    let next = world.person.go_on(begun).await.begun();
    let events = world.person.events(&next).await;
    assert_whole(&events);
    assert!(events.last().is_some_and(is_end));
    assert_eq!(text_of(&events), "And so on.", "{events:#?}");
    let message = world.person.message(conversation, &next.answer).await;
    assert_eq!(message["status"], "complete");
    assert_eq!(message["parent_id"], begun.answer);
}
