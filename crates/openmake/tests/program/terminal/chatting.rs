//! `openmake chat`, on a pseudo-terminal and through pipes.

use reqwest::StatusCode;
use testkit::model::{Gate, Script, Step};

use crate::support::Desk;

fn call() -> Step {
    Step::Call {
        name: "calculator".to_owned(),
        arguments: "{\"expression\":\"12*12\"}".to_owned(),
    }
}

#[tokio::test]
async fn a_conversation_is_held_at_the_terminal() {
    let desk = Desk::signed_in().await;
    let model = &desk.world.model;
    let mut sitting = desk.sit_down(&["chat"], 60);
    sitting.expect("first@example.com").await;
    sitting.expect("> ").await;

    // Thinking is folded, tools are shown, Markdown is rendered.
    model.push(Script::new([
        Step::Thinking("Twelve dozen.".to_owned()),
        call(),
        Step::Finish("tool_calls"),
    ]));
    model.push(Script::text("# Result\n\nIt is **144**, 맞습니다."));
    sitting.send("How much is a gross?\r").await;
    sitting.expect("thought (2 words").await;
    sitting.expect("calculator").await;
    sitting.expect("144").await;
    sitting.expect("Result").await;
    sitting.expect("맞습니다.").await;
    sitting.expect("> ").await;
    assert!(
        !sitting.seen().contains("Twelve dozen"),
        "{}",
        sitting.seen()
    );
    assert!(!sitting.seen().contains("**144**"), "{}", sitting.seen());
    sitting.send("/thinking\r").await;
    sitting.expect("Twelve dozen.").await;

    // Ctrl-C stops the answer, and not the program.
    model.push(Script::new([Step::Text("So far".to_owned()), Step::Hang]));
    sitting.send("Go on.\r").await;
    sitting.expect("So far").await;
    sitting.send("\u{3}").await;
    sitting.expect("stopped").await;
    model.wait_until_idle().await;
    model.forget_scripts();

    // Once more, on a branch of its own; then the question is changed.
    model.push(Script::text("Another answer."));
    sitting.send("/retry\r").await;
    sitting.expect("Another answer.").await;
    model.push(Script::text("To what was changed."));
    sitting.send("/edit\r").await;
    sitting.expect("edit> ").await;
    sitting.expect("Go on.").await;
    sitting.send(" Please.\r").await;
    sitting.expect("To what was changed.").await;
    let chats = model.chats();
    let messages = &chats.last().expect("a chat").body["messages"];
    let messages = messages.as_array().expect("messages");
    assert_eq!(messages.last().expect("one")["content"], "Go on. Please.");

    sitting.send("/modle\r").await;
    sitting.expect("did you mean /model?").await;
    sitting.send("/quit\r").await;
    assert_eq!(sitting.ended().await, Some(0), "{}", sitting.seen());
}

#[tokio::test]
async fn earlier_conversations_are_found_and_opened() {
    let desk = Desk::signed_in().await;
    let person = &desk.world.person;
    for (question, answer) in [("Of apples?", "사과."), ("Of pears?", "배.")] {
        desk.world.model.push(Script::text(answer));
        let (_, begun) = person.ask_anew(question).await;
        person.events(&begun).await;
    }
    let mut sitting = desk.sit_down(&["chat"], 60);
    sitting.expect("> ").await;
    sitting.send("/history\r").await;
    sitting.expect("  2  ").await;
    crate::support::eventually("it is indexed", || async {
        let found = person.get("/api/v1/search?q=apples").await;
        found.status == StatusCode::OK
            && found.body["items"]
                .as_array()
                .is_some_and(|items| !items.is_empty())
    })
    .await;
    sitting.send("/history apples\r").await;
    sitting.expect("  1  ").await;
    sitting.send("/open 1\r").await;
    sitting.expect("Of apples?").await;
    sitting.expect("사과.").await;

    // It goes on where it was.
    desk.world.model.push(Script::text("Red ones."));
    sitting.send("Which?\r").await;
    sitting.expect("Red ones.").await;
    let chats = desk.world.model.chats();
    let messages = chats.last().expect("a chat").body["messages"].to_string();
    assert!(messages.contains("Of apples?"), "{messages}");
    sitting.expect("> ").await;
    sitting.send("\u{4}").await;
    assert_eq!(sitting.ended().await, Some(0), "{}", sitting.seen());
}

#[tokio::test]
async fn an_answer_that_runs_elsewhere_is_watched_and_stopped() {
    let desk = Desk::signed_in().await;
    let gate = Gate::closed();
    desk.world
        .model
        .push(Script::gated("One two three.", &gate));
    let (conversation, begun) = desk.world.person.ask_anew("Count.").await;
    gate.open(1);
    let mut sitting = desk.sit_down(&["chat", "--open", &conversation], 60);
    sitting.expect("Count.").await;
    sitting.expect("One").await;
    gate.open_wide();
    sitting.expect("three.").await;
    sitting.expect("> ").await;
    assert_eq!(desk.world.person.status(&begun).await, "completed");

    desk.world.model.push(Script::new([Step::Hang]));
    let begun = desk.world.person.ask(&conversation, "And on?").await;
    desk.world.model.wait_for_chats(2).await;
    sitting.send("/stop\r").await;
    sitting.expect("stopped").await;
    crate::support::eventually("it stops", || async {
        desk.world.person.status(&begun).await == "cancelled"
    })
    .await;
}

#[tokio::test]
async fn a_narrow_terminal_without_colours_is_served() {
    let desk = Desk::signed_in().await;
    desk.world.model.push(Script::text(
        "**Strong** words that are wrapped.\n\n- 하나\n- 둘",
    ));
    let mut sitting = desk.sit_down_with(&["ask", "What?"], 20, &[("NO_COLOR", "1")]);
    assert_eq!(sitting.ended().await, Some(0), "{}", sitting.seen());
    let seen = sitting.seen();
    assert!(!seen.contains("[1m") && !seen.contains("[0m"), "{seen:?}");
    assert!(seen.contains("**Strong** words\r\n"), "{seen:?}");
    assert!(seen.contains("- 하나\r\n- 둘\r\n"), "{seen:?}");
}

#[tokio::test]
async fn what_a_model_writes_does_not_move_the_cursor() {
    let desk = Desk::signed_in().await;
    let evil = "before\u{1b}]0;owned\u{7}\u{1b}[2Jafter";
    desk.world.model.push(Script::new([
        Step::Text(evil.to_owned()),
        Step::Finish("stop"),
    ]));
    desk.world.model.push(Script::new([
        Step::Text(evil.to_owned()),
        Step::Finish("stop"),
    ]));
    for arguments in [&["ask", "What?"][..], &["ask", "--raw", "What?"]] {
        let mut sitting = desk.sit_down(arguments, 80);
        assert_eq!(sitting.ended().await, Some(0), "{}", sitting.seen());
        let seen = sitting.seen();
        assert!(seen.contains("after"), "{seen:?}");
        assert!(
            !seen.contains("\u{1b}]") && !seen.contains("[2J\u{7}"),
            "{seen:?}"
        );
        assert!(!seen.contains("\u{1b}[2J"), "{seen:?}");
    }
}

#[tokio::test]
async fn a_script_chats_through_pipes() {
    let desk = Desk::signed_in().await;
    desk.world.model.push(Script::text("First."));
    desk.world.model.push(Script::text("Second."));
    let input = "One?\n\"\"\"\nTwo\nlines?\n\"\"\"\n";
    assert_eq!(desk.good(&["chat"], input).await, "First.\nSecond.\n");
    let chats = desk.world.model.chats();
    let messages = chats.last().expect("a chat").body["messages"].to_string();
    assert!(messages.contains("Two\\nlines?"), "{messages}");
    assert!(messages.contains("First."), "one conversation: {messages}");

    // The exit code tells how the last line went.
    let wrong = desk.run(&["chat"], "/model no-such-model\n").await;
    assert_eq!(wrong.code, Some(2), "{}", wrong.stderr);
}
