//! `openmake ask`: answers, documents, exit codes.

use std::fs;

use serde_json::Value;
use testkit::{
    chaos::Proxy,
    model::{Gate, Script, Step},
};

use crate::support::{Desk, count_to};

/// What the model was asked last.
fn question(desk: &Desk) -> String {
    let chats = desk.world.model.chats();
    let body = &chats.last().expect("a chat").body;
    let messages = body["messages"].as_array().expect("messages");
    let content = &messages.last().expect("a message")["content"];
    content
        .as_str()
        .map_or_else(|| content.to_string(), str::to_owned)
}

async fn conversations(desk: &Desk) -> Vec<Value> {
    let answer = desk.world.person.get("/api/v1/conversations").await;
    answer.body["items"].as_array().expect("a page").clone()
}

#[tokio::test]
async fn a_question_is_answered_and_nothing_stays() {
    let desk = Desk::signed_in().await;
    desk.world.model.push(Script::text("It is **144**."));
    let said = desk
        .good(&["ask", "How", "much", "is", "a gross?"], "")
        .await;
    // What is no terminal gets what the model wrote.
    assert_eq!(said, "It is **144**.\n");
    assert_eq!(question(&desk), "How much is a gross?");
    assert!(conversations(&desk).await.is_empty());
    assert!(
        desk.world.model.titles().is_empty(),
        "no title was paid for"
    );

    desk.world.model.push(Script::text("Kept."));
    desk.good(&["ask", "--keep", "And now?"], "").await;
    let kept = conversations(&desk).await;
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0]["title"], "And now?");
}

#[tokio::test]
async fn standard_input_and_files_go_along() {
    let desk = Desk::signed_in().await;
    assert_eq!(
        desk.good(&["ask"], "From a pipe?\n").await,
        "Hello from the script.\n"
    );
    assert_eq!(question(&desk), "From a pipe?");

    let directory = tempfile::tempdir().expect("a directory");
    let text = directory.path().join("a.txt");
    fs::write(&text, "사과\n").expect("written");
    let text = text.to_str().expect("UTF-8");
    desk.good(&["ask", "What is it?", "--file", text], "the diff")
        .await;
    let asked = question(&desk);
    assert_eq!(
        asked,
        format!("What is it?\n\n{text}:\n```\n사과\n```\n\nstandard input:\n```\nthe diff\n```")
    );

    let missing = desk.run(&["ask", "What?", "--file", "/nowhere"], "").await;
    assert_eq!(missing.code, Some(2), "{}", missing.stderr);
    assert!(missing.stderr.contains("/nowhere"), "{}", missing.stderr);
}

#[tokio::test]
async fn json_is_one_document_whatever_happens() {
    let desk = Desk::signed_in().await;
    desk.world.model.push(Script::new([
        Step::Thinking("Hm.".to_owned()),
        Step::Text("Four.".to_owned()),
        Step::Usage {
            input: 12,
            output: 3,
        },
        Step::Finish("stop"),
    ]));
    let said = desk.good(&["ask", "--json", "2 + 2?"], "").await;
    let document: Value = serde_json::from_str(&said).expect("JSON");
    assert_eq!(document["text"], "Four.");
    assert_eq!(document["thinking"], "Hm.");
    assert_eq!(document["finish_reason"], "stop");
    assert_eq!(document["usage"]["input_tokens"], 12);
    assert_eq!(document["usage"]["output_tokens"], 3);
    assert!(document["model"].is_string(), "{document}");
    assert_eq!(document["requested_model"], "openmake_auto");
    assert!(document.get("conversation_id").is_none(), "it is gone");

    let arguments = ["ask", "--json", "--model", "no-such-model", "2 + 2?"];
    let refused = desk.run(&arguments, "").await;
    assert_eq!(refused.code, Some(4), "{}", refused.stderr);
    let document: Value = serde_json::from_str(&refused.stdout).expect("JSON");
    assert_eq!(document["error"]["code"], "unknown_model");
}

#[tokio::test]
async fn the_exit_code_says_what_went_wrong() {
    let desk = Desk::with(|instance| instance.with_env("OPENMAKE_LIMIT_TURNS", "2")).await;
    let url = desk.world.program.base_url().to_owned();
    assert_eq!(desk.run(&["ask", "--nonsense"], "").await.code, Some(2));
    assert_eq!(desk.run(&["ask"], "").await.code, Some(2), "no question");
    let nobody = desk.run(&["ask", "Who?", "--server", &url], "").await;
    assert_eq!(nobody.code, Some(3), "{}", nobody.stderr);
    desk.sign_in(&url).await;

    desk.world.model.push(Script::refuse(400, "no such thing"));
    let failed = desk.run(&["ask", "Well?"], "").await;
    assert_eq!(failed.code, Some(1), "{}{}", failed.stdout, failed.stderr);
    desk.good(&["ask", "Well?"], "").await;
    let refused = desk.run(&["ask", "Well?"], "").await;
    assert_eq!(refused.code, Some(5), "{}", refused.stderr);

    // Nothing listens there any more.
    let proxy = Proxy::start("127.0.0.1:1").await;
    let gone = format!("http://{}", proxy.address());
    drop(proxy);
    let unsent = desk
        .run(&["login", &gone, "--email", "a@b.example"], "x\n")
        .await;
    assert_eq!(unsent.code, Some(6), "{}", unsent.stderr);
}

#[tokio::test]
async fn ctrl_c_stops_the_answer_and_the_command() {
    let desk = Desk::signed_in().await;
    let script = [Step::Text("So far".to_owned()), Step::Hang];
    desk.world.model.push(Script::new(script));
    let mut sitting = desk.sit_down(&["ask", "Go on."], 80);
    sitting.expect("So far").await;
    sitting.send("\u{3}").await;
    assert_eq!(sitting.ended().await, Some(130), "{}", sitting.seen());
    desk.world.model.wait_until_idle().await;
    assert!(conversations(&desk).await.is_empty());
}

#[tokio::test]
async fn a_broken_connection_loses_nothing() {
    let desk = Desk::new().await;
    let upstream = desk.world.program.base_url().replacen("http://", "", 1);
    let proxy = Proxy::start(&upstream).await;
    desk.sign_in(&format!("http://{}", proxy.address())).await;
    let gate = Gate::closed();
    desk.world.model.push(Script::gated(&count_to(30), &gate));
    let mut sitting = desk.sit_down_with(&["ask", "Count."], 200, &[("NO_COLOR", "1")]);
    for cut in 0..3 {
        gate.open(5);
        sitting.expect(&format!("{}", cut * 10 + 4)).await;
        proxy.cut();
        sitting.expect("trying again").await;
        // The answer goes on meanwhile.
        gate.open(1);
        proxy.mend();
        gate.open(4);
        sitting.expect(&format!("{}", cut * 10 + 9)).await;
    }
    gate.open_wide();
    assert_eq!(sitting.ended().await, Some(0), "{}", sitting.seen());
    let seen = sitting.seen();
    let last = seen
        .rsplit('\r')
        .find(|part| part.contains("0 1 2"))
        .expect("the answer");
    assert!(last.contains(count_to(30).trim_end()), "{seen:?}");
}
