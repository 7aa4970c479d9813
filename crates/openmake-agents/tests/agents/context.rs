//! What the model reads, and what is left out.

use openmake_agents::context::{
    Assembled, Budget, Parts, PastCall, PastMessage, Question, Sight, Speaker, assemble, shorten,
};
use openmake_models::{Image, Role, Strictness, ToolSpec};
use openmake_types::ToolCall;
use serde_json::json;

fn parts(history: Vec<PastMessage>) -> Parts {
    Parts {
        system: "Be brief.".to_owned(),
        history,
        question: Question {
            text: "And now?".to_owned(),
            images: Vec::new(),
        },
        tools: Vec::new(),
        sight: Sight::Sees,
    }
}

fn person(text: &str) -> PastMessage {
    PastMessage::text(Speaker::Person, text)
}

fn model(text: &str) -> PastMessage {
    PastMessage::text(Speaker::Model, text)
}

fn image() -> Image {
    Image {
        media_type: "image/png".to_owned(),
        bytes: vec![0].into(),
    }
}

fn said(assembled: &Assembled) -> Vec<(Role, &str)> {
    assembled
        .messages
        .iter()
        .map(|message| (message.role, message.content.as_str()))
        .collect()
}

#[test]
fn all_that_fits_is_there_in_order() {
    let parts = parts(vec![person("a"), model("b"), person("c"), model("d")]);
    let assembled = assemble(&parts, &Budget::of_context(4_096)).expect("fits");
    assert_eq!(
        said(&assembled),
        [
            (Role::System, "Be brief."),
            (Role::User, "a"),
            (Role::Assistant, "b"),
            (Role::User, "c"),
            (Role::Assistant, "d"),
            (Role::User, "And now?"),
        ]
    );
    assert_eq!(
        assembled.cut,
        openmake_agents::context::CutReport::default()
    );
}

#[test]
fn the_oldest_exchanges_go_first_and_whole() {
    let long = "word ".repeat(400);
    let history = (0..10)
        .flat_map(|n| [person(&format!("q{n} {long}")), model(&format!("a{n}"))])
        .collect();
    let parts = parts(history);
    let assembled = assemble(&parts, &Budget::of_context(4_096)).expect("fits");
    assert!(assembled.cut.messages > 0 && assembled.cut.messages.is_multiple_of(2));
    assert!(assembled.cut.tokens > 1_000);
    assert!(assembled.tokens <= 4_096 - Budget::of_context(4_096).answer_tokens());
    let said = said(&assembled);
    assert_eq!(said[1].0, Role::User, "it never begins with an answer");
    assert!(said.iter().any(|(_, text)| text.starts_with("q9")));
    assert!(!said.iter().any(|(_, text)| text.starts_with("q0")));
    assert!(said[0].1.contains("left out"), "the model knows");
    assert_eq!(said.last().unwrap().1, "And now?");
}

#[test]
fn a_question_that_does_not_fit_is_an_error_and_is_never_cut() {
    let mut parts = parts(vec![person("a"), model("b")]);
    parts.question.text = "단어 ".repeat(10_000);
    let failure = assemble(&parts, &Budget::of_context(4_096)).expect_err("too long");
    assert_eq!(failure.code, "context_too_long");
    assert!(failure.hint.is_some());
}

#[test]
fn real_counts_move_the_cut() {
    let answer = "word ".repeat(400);
    let history = |counted| {
        vec![
            person("q"),
            PastMessage {
                counted_tokens: counted,
                ..model(&answer)
            },
        ]
    };
    let estimated = assemble(&parts(history(None)), &Budget::of_context(8_192)).expect("fits");
    let counted = assemble(&parts(history(Some(900))), &Budget::of_context(8_192)).expect("fits");
    assert!(counted.history_tokens > estimated.history_tokens * 3 / 2);
}

#[test]
fn pictures_go_to_models_that_see_newest_first() {
    let history: Vec<PastMessage> = (0..12)
        .flat_map(|n| {
            let question = PastMessage {
                images: vec![image()],
                ..person(&format!("q{n}"))
            };
            [question, model("a")]
        })
        .collect();
    let mut with_picture = parts(history);
    with_picture.question.images = vec![image()];
    let assembled = assemble(&with_picture, &Budget::of_context(65_536)).expect("fits");
    let sent: usize = assembled
        .messages
        .iter()
        .map(|message| message.images.len())
        .sum();
    assert_eq!(sent, 8);
    assert_eq!(assembled.messages.last().unwrap().images.len(), 1);
    assert_eq!(assembled.cut.images, 5);
    assert!(assembled.messages[1].images.is_empty());
    assert!(assembled.messages[1].content.contains("image"));

    with_picture.sight = Sight::Blind;
    assert_eq!(
        assemble(&with_picture, &Budget::of_context(65_536))
            .expect_err("blind")
            .code,
        "model_without_vision"
    );
    with_picture.question.images.clear();
    let assembled = assemble(&with_picture, &Budget::of_context(65_536)).expect("text alone");
    assert!(
        assembled
            .messages
            .iter()
            .all(|message| message.images.is_empty())
    );
}

#[test]
fn earlier_results_are_shortened_and_go_only_to_models_with_tools() {
    let past = PastCall {
        call: ToolCall {
            id: "1".to_owned(),
            name: "search".to_owned(),
            arguments: "{broken".to_owned(),
        },
        output: "x".repeat(50_000),
    };
    let history = vec![
        person("q"),
        PastMessage {
            tool_calls: vec![past],
            ..model("found")
        },
    ];
    let mut with_tools = parts(history);
    let assembled = assemble(&with_tools, &Budget::of_context(8_192)).expect("fits");
    assert!(
        assembled
            .messages
            .iter()
            .all(|message| message.role != Role::Tool)
    );

    with_tools.tools = vec![ToolSpec {
        name: "search".to_owned(),
        description: "Searches.".to_owned(),
        parameters: json!({"type": "object"}),
        strictness: Strictness::Usual,
    }];
    let assembled = assemble(&with_tools, &Budget::of_context(8_192)).expect("fits");
    let result = assembled
        .messages
        .iter()
        .find(|message| message.role == Role::Tool)
        .expect("the result");
    assert!(result.content.chars().count() < 2_100);
    assert_eq!(assembled.cut.shortened_results, 1);
    let asked = &assembled.messages[2];
    assert_eq!(
        asked.tool_calls[0].arguments, "{}",
        "servers refuse arguments that are no JSON"
    );
}

#[test]
fn continued_answers_are_one_and_roles_alternate() {
    let history = vec![
        person("q"),
        model("The answer is fo"),
        model("rty-two."),
        person("first"),
        person("second"),
        model("  "),
    ];
    let assembled = assemble(&parts(history), &Budget::of_context(4_096)).expect("fits");
    assert_eq!(
        said(&assembled)[1..],
        [
            (Role::User, "q"),
            (Role::Assistant, "The answer is forty-two."),
            (Role::User, "first\n\nsecond\n\nAnd now?"),
        ]
    );
}

#[test]
fn shortening_keeps_both_ends() {
    let text = format!("{}{}", "가".repeat(500), "나".repeat(500));
    let short = shorten(&text, 90);
    assert!(short.text.starts_with("가가") && short.text.ends_with("나나"));
    assert_eq!(short.left_out, 910);
    assert_eq!(shorten("short", 5).left_out, 0);
}
