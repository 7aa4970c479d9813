//! The tool loop over the wire.

use serde_json::json;
use testkit::{
    database::TestDatabase,
    model::{ModelServer, Script, Step},
};

use crate::app::{App, assert_whole, text_of};

fn call(name: &str, arguments: &serde_json::Value) -> Step {
    Step::Call {
        name: name.to_owned(),
        arguments: arguments.to_string(),
    }
}

#[tokio::test]
async fn both_tools_run_and_are_kept_with_the_message() {
    let (db, model) = (TestDatabase::create().await, ModelServer::start().await);
    model.push(Script::new([
        call("calculator", &json!({"expression": "12 * 12"})),
        call("current_time", &json!({"time_zone": "Asia/Seoul"})),
        Step::Finish("stop"),
    ]));
    model.push(Script::text("It is 144."));
    let app = App::start(&db, &model).await;
    let person = app.person().await;
    let begun = person.ask("What is a gross, and what time is it?").await;
    let events = person.events(&begun).await;
    assert_whole(&events);
    assert_eq!(text_of(&events), "It is 144.");
    let started = events
        .iter()
        .filter(|event| event.name == "tool.started")
        .count();
    let finished: Vec<_> = events
        .iter()
        .filter(|event| event.name == "tool.finished")
        .collect();
    assert_eq!((started, finished.len()), (2, 2));

    let message = person.message(begun.answer).await;
    let calls = message.tool_calls.as_array().expect("calls");
    assert_eq!(calls.len(), 2);
    let output = |name: &str| {
        calls
            .iter()
            .find(|call| call["name"] == name)
            .and_then(|call| call["output"].as_str())
            .unwrap_or_default()
    };
    assert!(output("calculator").contains("144"), "{calls:?}");
    assert!(output("current_time").contains("Seoul"), "{calls:?}");

    let first = &model.chats()[0].body;
    assert_eq!(first["tools"].as_array().map(Vec::len), Some(2));
    let second = &model.chats()[1].body["messages"];
    let tools = second
        .as_array()
        .expect("messages")
        .iter()
        .filter(|message| message["role"] == "tool")
        .count();
    assert_eq!(tools, 2);
    app.finish().await;
}
