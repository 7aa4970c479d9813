//! The turn loop with a scripted model: its limits and its endings.

use std::time::Duration;

use openmake_agents::{
    Ending, FinishedBecause, ThinkingChoice, TurnEvent,
    context::{PastMessage, Speaker},
};
use openmake_models::{
    FinishReason, Image, ModelError, Role, ThinkingLevel, TimeoutKind, ToolChoice,
};
use openmake_types::TokenCounts;

use crate::script::{Case, Item, Script, Step, When, call, finish, stop, text, thinking, usage};

fn failure(ending: &Ending) -> &'static str {
    match ending {
        Ending::Failed(failure) => failure.code,
        other => panic!("not a failure: {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_passed_on_piece_by_piece() {
    let script = Script::new(vec![Step::Say(vec![
        thinking("hm"),
        text("Hello"),
        text(" there"),
        usage(12, 5),
        stop(),
    ])]);
    let mut case = Case::new();
    let outcome = case.run(&script).await;
    assert_eq!(outcome.ending, Ending::Completed(FinishedBecause::Stop));
    assert_eq!(outcome.model.as_deref(), Some("scripted"));
    assert_eq!(outcome.node.as_deref(), Some("script"));
    assert_eq!(
        outcome.metrics.tokens,
        TokenCounts {
            input: 12,
            output: 5
        }
    );
    assert!(!outcome.metrics.estimated);
    assert!(outcome.metrics.first_token_ms.is_some());
    let events = case.events();
    assert!(matches!(&events[0], TurnEvent::ModelSelected { reason, .. } if reason == "a test"));
    assert_eq!(events[1], TurnEvent::Thinking("hm".to_owned()));
    assert_eq!(events[2], TurnEvent::Text("Hello".to_owned()));
    assert_eq!(events[3], TurnEvent::Text(" there".to_owned()));
    assert!(matches!(events[4], TurnEvent::Usage(_)));
    assert_eq!(events.len(), 5);
    assert_eq!(script.open_requests(), 0);
}

#[tokio::test(start_paused = true)]
async fn missing_counts_are_estimated_and_said_to_be() {
    let script = Script::new(vec![Step::Say(vec![text("안녕하세요"), stop()])]);
    let mut case = Case::new();
    let outcome = case.run(&script).await;
    assert!(outcome.metrics.estimated);
    assert!(outcome.metrics.tokens.input > 10);
    assert!(outcome.metrics.tokens.output >= 3);
}

// Not on paused time: the calculator works on a thread that the runtime does not
// know of, so paused time would jump to the call's timeout while it calculates.
#[tokio::test]
async fn tools_run_and_the_model_answers_from_their_results() {
    let script = Script::new(vec![
        Step::Say(vec![
            text("Let me see."),
            call("a", "calculator", r#"{"expression":"6*7"}"#),
            call("a", "current_time", "{}"),
            usage(10, 4),
            finish(FinishReason::ToolCalls),
        ]),
        Step::Say(vec![text("It is 42."), usage(30, 6), stop()]),
    ]);
    let mut case = Case::new();
    let outcome = case.run(&script).await;
    assert_eq!(outcome.ending, Ending::Completed(FinishedBecause::Stop));
    assert_eq!(
        outcome.metrics.tokens,
        TokenCounts {
            input: 40,
            output: 10
        }
    );
    assert_eq!(case.text(), "Let me see.\n\nIt is 42.");
    let finished: Vec<(String, String, bool)> = case
        .events()
        .into_iter()
        .filter_map(|event| match event {
            TurnEvent::ToolFinished {
                call_id,
                output,
                is_error,
                ..
            } => Some((call_id, output, is_error)),
            _ => None,
        })
        .collect();
    assert_eq!(finished.len(), 2);
    assert_ne!(
        finished[0].0, finished[1].0,
        "each call has an id of its own"
    );
    assert!(finished.iter().all(|(_, _, is_error)| !is_error));
    assert!(
        finished.iter().any(|(_, output, _)| output.contains("42")),
        "{finished:?}"
    );

    let second = &script.requests()[1].messages;
    let [.., asked, first, other] = second.as_slice() else {
        panic!("{second:?}");
    };
    assert_eq!(
        (asked.role, asked.content.as_str()),
        (Role::Assistant, "Let me see.")
    );
    assert_eq!(asked.tool_calls.len(), 2);
    assert_eq!((first.role, other.role), (Role::Tool, Role::Tool));
    assert_eq!(
        first.tool_call_id.as_deref(),
        Some(asked.tool_calls[0].id.as_str())
    );
}

#[tokio::test(start_paused = true)]
async fn after_its_tool_turns_the_model_has_to_answer() {
    let ask = |n: u32| {
        Step::Say(vec![
            call(
                &format!("c{n}"),
                "calculator",
                &format!(r#"{{"expression":"{n}+1"}}"#),
            ),
            finish(FinishReason::ToolCalls),
        ])
    };
    let script = Script::new(vec![
        ask(1),
        ask(2),
        Step::Say(vec![text("Enough."), stop()]),
    ]);
    let mut case = Case::new();
    case.plan.tool_turns = 2;
    let outcome = case.run(&script).await;
    assert_eq!(
        outcome.ending,
        Ending::Completed(FinishedBecause::ToolLimit)
    );
    let choices: Vec<ToolChoice> = script
        .requests()
        .into_iter()
        .map(|request| request.tool_choice)
        .collect();
    assert_eq!(
        choices,
        [ToolChoice::Auto, ToolChoice::Auto, ToolChoice::None]
    );
}

#[tokio::test(start_paused = true)]
async fn a_model_that_goes_in_circles_is_stopped() {
    let same = || {
        Step::Say(vec![
            call("x", "calculator", r#"{ "expression": "1+1" }"#),
            finish(FinishReason::ToolCalls),
        ])
    };
    let script = Script::new(vec![same(), same(), Step::Say(vec![text("Two."), stop()])]);
    let mut case = Case::new();
    case.plan.tool_turns = 50;
    let outcome = case.run(&script).await;
    assert_eq!(
        outcome.ending,
        Ending::Completed(FinishedBecause::ToolLimit)
    );
    let repeated = case.events().into_iter().any(|event| {
        matches!(event, TurnEvent::ToolFinished { is_error: true, output, .. } if output.contains("made before"))
    });
    assert!(repeated);
}

#[tokio::test(start_paused = true)]
async fn malformed_arguments_are_told_to_the_model() {
    let script = Script::new(vec![
        Step::Say(vec![
            call("a", "calculator", "{not json"),
            call("b", "no_such_tool", "{}"),
            finish(FinishReason::ToolCalls),
        ]),
        Step::Say(vec![text("Sorry."), stop()]),
    ]);
    let mut case = Case::new();
    let outcome = case.run(&script).await;
    assert_eq!(outcome.ending, Ending::Completed(FinishedBecause::Stop));
    let results: Vec<String> = script.requests()[1]
        .messages
        .iter()
        .filter(|message| message.role == Role::Tool)
        .map(|message| message.content.clone())
        .collect();
    assert!(results[0].contains("invalid arguments"), "{results:?}");
    assert!(results[1].contains("no tool named"), "{results:?}");
}

#[tokio::test(start_paused = true)]
async fn a_failure_in_mid_answer_keeps_the_text_and_says_why() {
    let broken = ModelError::Connection {
        message: "reset".to_owned(),
    };
    let script = Script::new(vec![Step::Say(vec![text("Half"), Item::Error(broken)])]);
    let mut case = Case::new();
    let outcome = case.run(&script).await;
    assert_eq!(failure(&outcome.ending), "upstream_failed");
    assert_eq!(case.text(), "Half");
    assert!(
        outcome.metrics.tokens.output > 0,
        "what was written is counted"
    );
}

#[tokio::test(start_paused = true)]
async fn every_error_of_a_model_has_a_code() {
    let model = || "m".to_owned();
    let message = || "words".to_owned();
    for (error, code) in [
        (ModelError::NoModelServer, "no_model_server"),
        (
            ModelError::ModelNotFound { model: model() },
            "model_not_found",
        ),
        (
            ModelError::Unavailable { model: model() },
            "model_unavailable",
        ),
        (
            ModelError::Unauthorized { message: message() },
            "upstream_unauthorized",
        ),
        (
            ModelError::RateLimited { retry_after: None },
            "upstream_rate_limited",
        ),
        (
            ModelError::ContextTooLong { message: message() },
            "context_too_long",
        ),
        (
            ModelError::Upstream {
                status: Some(500),
                message: message(),
            },
            "upstream_failed",
        ),
        (
            ModelError::Timeout(TimeoutKind::Idle(Duration::from_secs(1))),
            "timeout",
        ),
        (
            ModelError::Protocol { message: message() },
            "upstream_failed",
        ),
    ] {
        let script = Script::new(vec![Step::Refuse(error)]);
        let outcome = Case::new().run(&script).await;
        assert_eq!(failure(&outcome.ending), code);
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_without_an_end_has_broken_off() {
    let script = Script::new(vec![Step::Say(vec![text("Half")])]);
    let outcome = Case::new().run(&script).await;
    assert_eq!(failure(&outcome.ending), "upstream_failed");
}

#[tokio::test(start_paused = true)]
async fn a_context_that_is_too_long_is_halved_once() {
    let too_long = || {
        Step::Refuse(ModelError::ContextTooLong {
            message: "4096".to_owned(),
        })
    };
    let mut case = Case::new();
    for n in 0..20 {
        case.history.push(PastMessage::text(
            Speaker::Person,
            format!("question {n} {}", "word ".repeat(30)),
        ));
        case.history
            .push(PastMessage::text(Speaker::Model, format!("answer {n}")));
    }
    let script = Script::new(vec![too_long(), Step::Say(vec![text("ok"), stop()])]);
    let outcome = case.run(&script).await;
    assert_eq!(outcome.ending, Ending::Completed(FinishedBecause::Stop));
    let requests = script.requests();
    assert!(requests[1].messages.len() * 3 < requests[0].messages.len() * 2);
    assert_eq!(
        requests[1].messages.last().unwrap().content,
        "What is it?",
        "the question is never cut"
    );
    assert!(case.events().iter().any(
        |event| matches!(event, TurnEvent::ContextCut { messages, tokens, .. } if *messages >= 18 && *tokens > 0)
    ));

    let script = Script::new(vec![too_long(), too_long()]);
    let mut case2 = Case::new();
    case2.history = case.history.clone();
    let outcome = case2.run(&script).await;
    assert_eq!(failure(&outcome.ending), "context_too_long");
    assert_eq!(script.requests().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn when_the_time_is_up_the_answer_ends_with_what_is_there() {
    let script = Script::new(vec![Step::Say(vec![text("So far"), Item::Hang])]);
    let mut case = Case::new();
    case.plan.time_budget = Some(Duration::from_secs(3));
    let outcome = case.run(&script).await;
    assert_eq!(
        outcome.ending,
        Ending::Completed(FinishedBecause::TimeBudget)
    );
    assert_eq!(outcome.metrics.total_ms, 3_000);
    assert_eq!(script.open_requests(), 0, "the model's request has ended");

    let script = Script::new(vec![Step::Hang]);
    let mut case = Case::new();
    case.plan.time_budget = Some(Duration::from_secs(3));
    let outcome = case.run(&script).await;
    assert_eq!(failure(&outcome.ending), "timeout");
}

#[tokio::test(start_paused = true)]
async fn what_is_too_much_to_write_ends_the_answer() {
    let script = Script::new(vec![Step::Say(vec![
        text("가나다"),
        text("라마"),
        Item::Hang,
    ])]);
    let mut case = Case::new();
    case.limits.output_bytes = 10;
    let outcome = case.run(&script).await;
    assert_eq!(outcome.ending, Ending::Completed(FinishedBecause::Length));
    assert_eq!(
        case.text(),
        "가나다",
        "cut between characters, at most 10 bytes"
    );
    assert_eq!(script.open_requests(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_servers_own_limits_are_passed_on() {
    for (reason, because) in [
        (FinishReason::Length, FinishedBecause::Length),
        (FinishReason::ContentFilter, FinishedBecause::ContentFilter),
    ] {
        let script = Script::new(vec![Step::Say(vec![text("a"), finish(reason)])]);
        let outcome = Case::new().run(&script).await;
        assert_eq!(outcome.ending, Ending::Completed(because));
    }
}

#[tokio::test(start_paused = true)]
async fn a_cancel_stops_the_model_at_every_stage() {
    let stages: [(&str, When); 5] = [
        ("selected", |event| {
            matches!(event, TurnEvent::ModelSelected { .. })
        }),
        ("thinking", |event| matches!(event, TurnEvent::Thinking(_))),
        ("text", |event| matches!(event, TurnEvent::Text(_))),
        ("tool started", |event| {
            matches!(event, TurnEvent::ToolStarted { .. })
        }),
        ("tool finished", |event| {
            matches!(event, TurnEvent::ToolFinished { .. })
        }),
    ];
    for (name, when) in stages {
        let script = Script::new(vec![
            Step::Say(vec![
                thinking("hm"),
                text("a"),
                call("1", "current_time", "{}"),
                finish(FinishReason::ToolCalls),
            ]),
            Step::Hang,
        ]);
        let mut case = Case::new();
        case.sink.cancel_at = Some((when, case.cancel.clone()));
        let outcome = case.run(&script).await;
        assert_eq!(outcome.ending, Ending::Stopped, "{name}");
        assert_eq!(script.open_requests(), 0, "{name}");
        let last = case.events().pop().expect("an event");
        assert!(when(&last), "nothing is said after a cancel: {name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_cancel_stops_a_model_that_has_not_answered() {
    let script = Script::new(vec![Step::Hang]);
    let mut case = Case::new();
    let cancel = case.cancel.clone();
    let (outcome, ()) = tokio::join!(case.run(&script), async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        cancel.cancel();
    });
    assert_eq!(outcome.ending, Ending::Stopped);
    assert_eq!(script.open_requests(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_nobody_records_stops() {
    let script = Script::new(vec![Step::Say(vec![text("a"), stop()])]);
    let mut case = Case::new();
    case.sink.closed = true;
    let outcome = case.run(&script).await;
    assert_eq!(outcome.ending, Ending::Stopped);
    assert_eq!(script.open_requests(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_plan_reaches_the_model() {
    let script = Script::new(vec![Step::Say(vec![text("a"), stop()])]);
    let mut case = Case::new();
    case.plan.temperature = Some(0.3);
    case.plan.context_tokens = 4_096;
    case.plan.thinking = ThinkingChoice::Profile(ThinkingLevel::High);
    case.run(&script).await;
    let request = &script.requests()[0];
    assert_eq!(request.options.temperature, Some(0.3));
    assert_eq!(request.options.context_length, Some(4_096));
    assert_eq!(request.thinking, Some(ThinkingLevel::High));
    assert_eq!(request.tools.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_person_is_told_when_the_model_cannot_think() {
    let mut case = Case::new();
    case.plan.capabilities.thinking = false;
    case.plan.thinking = ThinkingChoice::Person(ThinkingLevel::High);
    let script = Script::new(vec![Step::Say(vec![text("a"), stop()])]);
    case.run(&script).await;
    assert_eq!(script.requests()[0].thinking, None);
    assert!(matches!(
        &case.events()[0],
        TurnEvent::Note {
            step: "thinking_unsupported",
            ..
        }
    ));
}

#[tokio::test(start_paused = true)]
async fn a_picture_for_a_model_that_reads_only_is_refused_clearly() {
    let mut case = Case::new();
    case.plan.capabilities.vision = false;
    case.question.images = vec![Image {
        media_type: "image/png".to_owned(),
        bytes: vec![1, 2, 3].into(),
    }];
    let script = Script::new(vec![]);
    let outcome = case.run(&script).await;
    assert_eq!(failure(&outcome.ending), "model_without_vision");
    assert!(script.requests().is_empty());
}
