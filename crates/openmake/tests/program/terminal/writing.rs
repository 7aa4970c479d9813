//! Reviews, explanations, generated files, lists, completions, manual pages.

use std::fs;

use testkit::model::{Script, Step};

use crate::support::Desk;

fn asked(desk: &Desk) -> String {
    let chats = desk.world.model.chats();
    chats.last().expect("a chat").body["messages"].to_string()
}

#[tokio::test]
async fn files_are_reviewed_and_explained() {
    let desk = Desk::signed_in().await;
    let directory = tempfile::tempdir().expect("a directory");
    let path = |name: &str, content: &str| {
        let path = directory.path().join(name);
        fs::write(&path, content).expect("written");
        path.to_str().expect("UTF-8").to_owned()
    };
    let (one, two) = (path("one.rs", "fn one() {}"), path("two.rs", "fn two() {}"));
    desk.world.model.push(Script::text("No problems."));
    let arguments = ["review", &one, &two, "--focus", "in Korean"];
    assert_eq!(desk.good(&arguments, "").await, "No problems.\n");
    let question = asked(&desk);
    for part in ["fn one()", "fn two()", "in Korean", "Review"] {
        assert!(question.contains(part), "{part}: {question}");
    }
    desk.world.model.push(Script::text("It is empty."));
    assert_eq!(desk.good(&["explain", &one], "").await, "It is empty.\n");
    assert!(asked(&desk).contains("fn one()"));
}

#[tokio::test]
async fn a_file_is_written_whole_and_never_over_another() {
    let desk = Desk::signed_in().await;
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("hello.sh");
    let file = path.to_str().expect("UTF-8");
    let answer = "Here it is:\n\n```sh\necho hello\n```\n\nEnjoy.";
    let generate = ["generate", "a greeting", "-o", file];

    desk.world.model.push(Script::text(answer));
    let done = desk.run(&generate, "").await;
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert_eq!(done.stdout, "");
    assert_eq!(fs::read_to_string(&path).expect("there"), "echo hello\n");
    assert!(asked(&desk).contains("hello.sh"));

    // It is refused before a model is asked.
    let asked_before = desk.world.model.chats().len();
    let refused = desk.run(&generate, "").await;
    assert_eq!(refused.code, Some(2), "{}", refused.stderr);
    assert_eq!(desk.world.model.chats().len(), asked_before);

    desk.world.model.push(Script::text("```\necho again\n```"));
    desk.good(&[&generate[..], &["--force"]].concat(), "").await;
    assert_eq!(fs::read_to_string(&path).expect("there"), "echo again\n");

    // Half a file is none.
    desk.world.model.push(Script::new([
        Step::Text("```\necho ha".to_owned()),
        Step::Finish("length"),
    ]));
    let cut = desk.run(&[&generate[..], &["--force"]].concat(), "").await;
    assert_eq!(cut.code, Some(7), "{}", cut.stderr);
    assert_eq!(fs::read_to_string(&path).expect("there"), "echo again\n");
    assert_eq!(fs::read_dir(directory.path()).expect("read").count(), 1);

    desk.world.model.push(Script::text(answer));
    let printed = desk.good(&["generate", "a greeting"], "").await;
    assert_eq!(printed, "echo hello\n");
}

#[tokio::test]
async fn models_and_nodes_are_listed() {
    let desk = Desk::signed_in().await;
    let models = desk.good(&["models"], "").await;
    let default = models
        .lines()
        .find(|line| line.starts_with("openmake_auto"));
    assert!(
        default.is_some_and(|line| line.contains("default")),
        "{models}"
    );
    let nodes = desk.good(&["nodes"], "").await;
    assert!(nodes.contains(&desk.world.model.base_url()), "{nodes}");
    for list in ["models", "nodes"] {
        let text = desk.good(&[list, "--json"], "").await;
        let document: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert!(document["items"].is_array(), "{document}");
    }
}

#[tokio::test]
async fn shells_and_manuals_know_every_command() {
    let desk = Desk::new().await;
    for shell in ["bash", "zsh", "fish"] {
        let script = desk.good(&["completions", shell], "").await;
        assert!(script.contains("generate"), "{shell}");
    }
    let page = desk.good(&["man", "ask"], "").await;
    assert!(page.contains("openmake\\-ask"), "{page}");
    let directory = tempfile::tempdir().expect("a directory");
    desk.good(
        &["man", "--to", directory.path().to_str().expect("UTF-8")],
        "",
    )
    .await;
    for name in ["openmake.1", "openmake-chat.1", "openmake-user-create.1"] {
        assert!(directory.path().join(name).exists(), "{name}");
    }
    assert_eq!(desk.run(&["man", "nonsense"], "").await.code, Some(2));
}
