//! Clients that come and go: tabs, drops, resumes, stops, repeats.

use reqwest::{Method, StatusCode};
use serde_json::json;
use testkit::model::{Gate, Script, Step};

use crate::support::{
    Begun, Event, Socket, World, all, assert_whole, count_to, is_end, text_of, thinking_of,
};

/// Thinking, a tool and a text, each piece behind the gate.
fn varied(gate: &Gate) -> [Script; 2] {
    let wait = || Step::Wait(gate.clone());
    let thought = |text: &str| [wait(), Step::Thinking(text.to_owned())];
    let mut first: Vec<Step> = [
        thought("A gross "),
        thought("is "),
        thought("twelve dozen."),
    ]
    .into_iter()
    .flatten()
    .collect();
    first.extend([
        wait(),
        Step::Call {
            name: "calculator".to_owned(),
            arguments: json!({"expression": "12 * 12"}).to_string(),
        },
        Step::Finish("tool_calls"),
    ]);
    [
        Script::new(first),
        Script::gated("It is 144, of course.", gate),
    ]
}

/// Starts a turn that is [`varied`].
async fn start(world: &World, gate: &Gate) -> Begun {
    for script in varied(gate) {
        world.model.push(script);
    }
    world.person.ask_anew("How much is a gross?").await.1
}

fn assert_varied(events: &[Event]) {
    assert_whole(events);
    assert_eq!(thinking_of(events), "A gross is twelve dozen.");
    assert_eq!(text_of(events), "It is 144, of course.");
    for name in ["turn.started", "tool.started", "tool.finished", "usage"] {
        assert!(
            events.iter().any(|event| event.name == name),
            "{name}: {events:#?}"
        );
    }
    assert_eq!(events.last().expect("an end").name, "turn.completed");
}

#[tokio::test]
async fn a_stream_that_drops_at_every_event_is_resumed_without_loss() {
    let world = World::start().await;
    let gate = Gate::closed();
    let begun = start(&world, &gate).await;
    let mut events: Vec<Event> = Vec::new();
    while !events.last().is_some_and(is_end) {
        // As far as the model can say one piece more.
        gate.open(1);
        let after = events.last().map_or(0, |event| event.seq);
        let mut watch = world.person.watch(&begun, after).await;
        events.extend(watch.next().await);
    }
    assert_varied(&events);
    // The same of the finished turn, from every place.
    for after in 0..=events.len() {
        let from = u64::try_from(after).expect("small");
        let rest = world.person.watch(&begun, from).await.rest().await;
        assert_eq!(rest, events[after..], "after {after}");
    }
}

#[tokio::test]
async fn a_socket_that_drops_at_every_event_is_resumed_without_loss() {
    let world = World::start().await;
    let gate = Gate::closed();
    let begun = start(&world, &gate).await;
    let mut events: Vec<Event> = Vec::new();
    while !events.last().is_some_and(is_end) {
        gate.open(1);
        let mut socket = Socket::open(&world.person).await;
        let after = events.last().map_or(0, |event| event.seq);
        socket.subscribe(&begun.turn, after).await;
        events.push(socket.event(&begun.turn).await);
    }
    assert_varied(&events);
    assert_eq!(world.person.events(&begun).await, events);
    // One socket may resume as often as it wants.
    let mut socket = Socket::open(&world.person).await;
    for event in &events {
        socket.subscribe(&begun.turn, event.seq - 1).await;
        let rest = socket.events(&begun.turn).await;
        let place = usize::try_from(event.seq - 1).expect("small");
        assert_eq!(rest, events[place..]);
    }
}

#[tokio::test]
async fn tabs_of_one_turn_see_the_same() {
    let world = World::start().await;
    let gate = Gate::closed();
    world.model.push(Script::gated(&count_to(40), &gate));
    let conversation = world.person.conversation().await;
    let mut first = Socket::open(&world.person).await;
    let mut second = Socket::open(&world.person).await;
    first
        .send(json!({
            "type": "turn.start", "conversation_id": conversation,
            "content": "Count.", "idempotency_key": "tab-1",
        }))
        .await;
    let accepted = first
        .next_of(|frame| frame["type"] == "turn.accepted")
        .await;
    assert_eq!(accepted["idempotency_key"], "tab-1");
    let id = |name: &str| accepted[name].as_str().expect("an id").to_owned();
    let begun = Begun {
        turn: id("turn_id"),
        question: id("user_message_id"),
        answer: id("assistant_message_id"),
    };
    let early = world.person.watch(&begun, 0).await;
    gate.open(15);
    second.subscribe(&begun.turn, 0).await;
    // It watches while the others do, from the middle on.
    let beginning = second.event(&begun.turn).await;
    gate.open(15);
    let late = world.person.watch(&begun, 0).await;
    gate.open_wide();
    let (by_first, by_second, by_early, by_late) = tokio::join!(
        first.events(&begun.turn),
        second.events(&begun.turn),
        early.rest(),
        late.rest(),
    );
    assert_whole(&by_first);
    assert_eq!(text_of(&by_first), count_to(40));
    assert_eq!([vec![beginning], by_second].concat(), by_first);
    assert_eq!(by_early, by_first);
    assert_eq!(by_late, by_first);
}

/// Where an answer is when it is stopped.
struct Stage {
    name: &'static str,
    scripts: Vec<Script>,
    /// The event that tells that it is there.
    reached: &'static str,
    text: &'static str,
    thinking: &'static str,
}

fn stages() -> Vec<Stage> {
    let text = |text: &str| Step::Text(text.to_owned());
    let thought = || Step::Thinking("Hm.".to_owned());
    let call = || Step::Call {
        name: "current_time".to_owned(),
        arguments: "{}".to_owned(),
    };
    vec![
        Stage {
            name: "before the head of the model's answer",
            scripts: vec![Script::text("Never.").behind(&Gate::closed())],
            reached: "turn.started",
            text: "",
            thinking: "",
        },
        Stage {
            name: "before the first token",
            scripts: vec![Script::new([Step::Hang])],
            reached: "turn.started",
            text: "",
            thinking: "",
        },
        Stage {
            name: "while thinking",
            scripts: vec![Script::new([thought(), Step::Hang])],
            reached: "thinking.delta",
            text: "",
            thinking: "Hm.",
        },
        Stage {
            name: "while writing",
            scripts: vec![Script::new([thought(), text("So far"), Step::Hang])],
            reached: "text.delta",
            text: "So far",
            thinking: "Hm.",
        },
        Stage {
            name: "during a tool call",
            scripts: vec![
                Script::new([text("Let me see."), call(), Step::Finish("tool_calls")]),
                Script::new([Step::Hang]),
            ],
            reached: "tool.started",
            text: "Let me see.",
            thinking: "",
        },
        Stage {
            name: "after a tool call",
            scripts: vec![
                Script::new([text("Let me see."), call(), Step::Finish("tool_calls")]),
                Script::new([text("It is"), Step::Hang]),
            ],
            reached: "tool.finished",
            // What follows a tool begins a paragraph.
            text: "Let me see.\n\nIt is",
            thinking: "",
        },
    ]
}

#[tokio::test]
async fn a_stop_at_every_stage_keeps_what_was_written() {
    let world = World::start().await;
    for stage in stages() {
        let name = stage.name;
        let chats = world.model.chats().len();
        for script in stage.scripts {
            world.model.push(script);
        }
        let (conversation, begun) = world.person.ask_anew("Go on.").await;
        world.model.wait_for_chats(chats + 1).await;
        let mut watch = world.person.watch(&begun, 0).await;
        let mut events = watch.until(stage.reached).await;
        if stage.reached == "tool.finished" {
            events.extend(watch.until("text.delta").await);
        }
        assert_eq!(
            world.person.cancel(&begun).await,
            StatusCode::ACCEPTED,
            "{name}"
        );
        events.extend(watch.rest().await);
        assert_whole(&events);
        let end = events.last().expect("an end");
        assert_eq!(end.name, "turn.cancelled", "{name}");
        world.model.wait_until_idle().await;
        let message = world.person.message(&conversation, &begun.answer).await;
        assert_eq!(message["status"], "cancelled", "{name}");
        assert_eq!(message["content"], stage.text, "{name}");
        assert_eq!(
            message["thinking"].as_str().unwrap_or_default(),
            stage.thinking,
            "{name}"
        );
        // What has ended can be stopped again, and stays as it is.
        assert_eq!(world.person.cancel(&begun).await, StatusCode::OK, "{name}");
        assert_eq!(world.person.events(&begun).await, events, "{name}");
        // The conversation is free for the next question. A stop may have
        // come before the model was asked again.
        world.model.forget_scripts();
        world.model.push(Script::text("Here."));
        let next = world.person.ask(&conversation, "And now?").await;
        assert_eq!(
            text_of(&world.person.events(&next).await),
            "Here.",
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_socket_stops_a_turn_and_sees_it_end() {
    let world = World::start().await;
    world
        .model
        .push(Script::new([Step::Text("So far".to_owned()), Step::Hang]));
    let (_, begun) = world.person.ask_anew("Go on.").await;
    let mut socket = Socket::open(&world.person).await;
    socket.subscribe(&begun.turn, 0).await;
    while socket.event(&begun.turn).await.name != "text.delta" {}
    socket
        .send(json!({"type": "turn.cancel", "turn_id": begun.turn}))
        .await;
    let events = socket.events(&begun.turn).await;
    assert_eq!(events.last().expect("an end").name, "turn.cancelled");
    world.model.wait_until_idle().await;
}

#[tokio::test]
async fn a_question_that_is_sent_twenty_times_is_asked_once() {
    let world = World::start().await;
    let gate = Gate::closed();
    world.model.push(Script::gated("Just once.", &gate));
    let conversation = world.person.conversation().await;
    let path = format!("/api/v1/conversations/{conversation}/turns");
    let send = |text: &str| {
        let request = world.person.request(Method::POST, &path);
        let request = request.header("idempotency-key", "the-same");
        world.person.send(request.json(&json!({ "content": text })))
    };
    let answers = all((0..20).map(|_| send("Once?"))).await;
    let begun: Vec<Begun> = answers.iter().map(crate::support::Answer::begun).collect();
    assert!(
        begun.windows(2).all(|pair| pair[0] == pair[1]),
        "{begun:#?}"
    );
    gate.open_wide();
    let events = world.person.events(&begun[0]).await;
    assert_whole(&events);
    assert_eq!(text_of(&events), "Just once.");
    // Afterwards as well; but another question needs another key.
    assert_eq!(send("Once?").await.begun(), begun[0]);
    let other = send("Something else?").await;
    assert_eq!(other.status, StatusCode::CONFLICT);
    assert_eq!(other.code(), "idempotency_mismatch");
    assert_eq!(world.model.chats().len(), 1);
    assert_eq!(world.person.messages(&conversation).await.len(), 2);
}
