//! Anthropic's `/v1/messages`.

use axum::body::Body;
use http::{Method, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use testkit::{
    database::TestDatabase,
    model::{Gate, MODEL, ModelServer, Script, Step},
};

use crate::app::{App, Person, Reply};

const VERSION: (&str, &str) = ("anthropic-version", "2023-06-01");

async fn post(person: &Person, body: Value) -> Reply {
    person
        .call_with(Method::POST, "/v1/messages", Some(body), &[VERSION])
        .await
}

fn streamed(body: &Value) -> Request<Body> {
    Request::post("/v1/messages")
        .header(VERSION.0, VERSION.1)
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(body.to_string()))
        .expect("a request")
}

/// The events of a stream: names and data.
async fn events(person: &Person, body: &Value) -> Vec<(String, Value)> {
    let response = person.send(streamed(body)).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(
        response.headers()[header::CONTENT_TYPE],
        "text/event-stream"
    );
    let bytes = response.into_body().collect().await.expect("a body");
    let text = String::from_utf8(bytes.to_bytes().to_vec()).expect("UTF-8");
    let field = |block: &str, name: &str| {
        let found = block
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        found.expect("a field").to_owned()
    };
    text.split_terminator("\n\n")
        .map(|block| {
            let data = serde_json::from_str(&field(block, "data")).expect("JSON");
            (field(block, "event"), data)
        })
        .collect()
}

fn names(events: &[(String, Value)]) -> Vec<&str> {
    events.iter().map(|(name, _)| name.as_str()).collect()
}

#[tokio::test]
async fn a_conversation_goes_to_the_model_and_its_answer_comes_back() {
    let (db, model) = (TestDatabase::create().await, ModelServer::start().await);
    let app = App::start(&db, &model).await;
    let person = app.person().await;
    model.push(Script::new([
        Step::Thinking("Let me see.".to_owned()),
        Step::Text("I will ".to_owned()),
        Step::Text("look.".to_owned()),
        Step::Call {
            name: "look".to_owned(),
            arguments: r#"{"at":"sky"}"#.to_owned(),
        },
        Step::Usage {
            input: 21,
            output: 9,
        },
        Step::Finish("stop"),
    ]));
    let png = "iVBORw0KGgo=";
    let reply = post(
        &person,
        json!({
            "model": MODEL, "max_tokens": 4096,
            "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
            "messages": [
                {"role": "user", "content": "What is up?"},
                {"role": "assistant", "content": [
                    {"type": "thinking", "thinking": "Hm.", "signature": "whoever"},
                    {"type": "tool_use", "id": "t1", "name": "look", "input": {"at": "window"}},
                ]},
                {"role": "user", "content": [
                    {"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "text", "text": "Curtains."}]},
                    {"type": "text", "text": "And now?"},
                    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": png}},
                ]},
            ],
            "tools": [{"name": "look", "description": "Looks.", "input_schema": {"type": "object"}}],
            "tool_choice": {"type": "auto"},
            "thinking": {"type": "enabled", "budget_tokens": 2048},
            "stop_sequences": ["END"], "temperature": 0.5, "top_k": 40,
            "metadata": {"user_id": "u"},
        }),
    )
    .await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
    let answer = reply.body;
    assert!(
        answer["id"]
            .as_str()
            .is_some_and(|id| id.starts_with("msg_"))
    );
    assert_eq!(answer["type"], "message");
    assert_eq!(answer["model"], MODEL);
    assert_eq!(answer["stop_reason"], "tool_use");
    assert_eq!(
        answer["usage"],
        json!({"input_tokens": 21, "output_tokens": 9})
    );
    let content = answer["content"].as_array().expect("blocks");
    let kinds: Vec<&str> = content
        .iter()
        .filter_map(|block| block["type"].as_str())
        .collect();
    assert_eq!(kinds, ["thinking", "text", "tool_use"]);
    assert_eq!(content[0]["thinking"], "Let me see.");
    assert_eq!(content[1]["text"], "I will look.");
    assert_eq!(content[2]["input"], json!({"at": "sky"}));

    let asked = &model.chats()[0].body;
    assert_eq!(
        asked["messages"],
        json!([
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "What is up?"},
            {"role": "assistant", "content": "", "thinking": "Hm.", "tool_calls": [
                {"id": "t1", "function": {"name": "look", "arguments": {"at": "window"}}}]},
            {"role": "tool", "content": "Curtains.", "tool_name": "look", "tool_call_id": "t1"},
            {"role": "user", "content": "And now?", "images": [png]},
        ])
    );
    assert_eq!(asked["options"]["num_predict"], 4096);
    assert_eq!(asked["options"]["top_k"], 40);
    assert_eq!(asked["options"]["stop"], json!(["END"]));
    assert_eq!(asked["think"], true);
    app.finish().await;
}

#[tokio::test]
async fn a_stream_has_the_events_of_the_protocol() {
    let (db, model) = (TestDatabase::create().await, ModelServer::start().await);
    let app = App::start(&db, &model).await;
    let person = app.person().await;
    let body = json!({
        "model": MODEL, "max_tokens": 100, "stream": true,
        "messages": [{"role": "user", "content": "Hello"}],
    });
    model.push(Script::new([
        Step::Thinking("Hm.".to_owned()),
        Step::Text("Hi".to_owned()),
        Step::Usage {
            input: 5,
            output: 2,
        },
        Step::Finish("length"),
    ]));
    let whole = events(&person, &body).await;
    assert_eq!(
        names(&whole),
        [
            "message_start",
            "ping",
            "content_block_start",
            "content_block_delta",
            "content_block_delta",
            "content_block_stop",
            "content_block_start",
            "content_block_delta",
            "content_block_stop",
            "message_delta",
            "message_stop",
        ]
    );
    let (_, end) = &whole[9];
    assert_eq!(end["delta"]["stop_reason"], "max_tokens");
    assert_eq!(end["usage"], json!({"input_tokens": 5, "output_tokens": 2}));

    model.push(Script::new([
        Step::Text("So ".to_owned()),
        Step::Fail("out of memory".to_owned()),
    ]));
    let broken = events(&person, &body).await;
    let (name, error) = broken.last().expect("events");
    assert_eq!(name, "error");
    assert_eq!(error["type"], "error");
    assert_eq!(error["error"]["type"], "api_error");
    app.finish().await;
}

#[tokio::test]
async fn a_client_that_goes_away_stops_the_model() {
    let (db, model) = (TestDatabase::create().await, ModelServer::start().await);
    let app = App::start(&db, &model).await;
    let person = app.person().await;
    let gate = Gate::closed();
    model.push(Script::gated("one two three", &gate));
    gate.open(1);
    let body = json!({
        "model": MODEL, "max_tokens": 100, "stream": true,
        "messages": [{"role": "user", "content": "Count"}],
    });
    let response = person.send(streamed(&body)).await;
    let mut body = response.into_body();
    let first = body.frame().await.expect("a frame").expect("bytes");
    assert!(first.is_data());
    assert_eq!(model.open_answers(), 1);
    drop(body);
    model.wait_until_idle().await;
    app.finish().await;
}

#[tokio::test]
async fn what_is_not_understood_is_refused_by_its_name() {
    let (db, model) = (TestDatabase::create().await, ModelServer::start().await);
    let app = App::start(&db, &model).await;
    let person = app.person().await;
    let with = |fields: Value| {
        let mut body = json!({
            "model": MODEL, "max_tokens": 4096,
            "messages": [{"role": "user", "content": "Hello"}],
        });
        for (name, value) in fields.as_object().expect("fields") {
            body[name] = value.clone();
        }
        body
    };
    let said = |content: Value| with(json!({"messages": [{"role": "user", "content": content}]}));
    for (body, named) in [
        (with(json!({"max_tokens": null})), "max_tokens"),
        (with(json!({"max_tokens": 0})), "max_tokens"),
        (with(json!({"container": "c"})), "container"),
        (with(json!({"service_tier": "priority"})), "service_tier"),
        (with(json!({"temperature": 1.5})), "temperature"),
        (
            with(json!({"thinking": {"type": "enabled", "budget_tokens": 4096}})),
            "budget_tokens",
        ),
        (
            with(json!({"thinking": {"type": "between_tools"}})),
            "between_tools",
        ),
        (
            with(json!({"tools": [{"type": "web_search_20250305", "name": "web_search"}]})),
            "web_search_20250305",
        ),
        (
            with(json!({"tools": [{"name": "a", "input_schema": {}, "defer_loading": true}]})),
            "defer_loading",
        ),
        (
            with(json!({"tool_choice": {"type": "tool", "name": "a"}})),
            "tool_choice",
        ),
        (with(json!({"messages": []})), "messages"),
        (
            with(json!({"messages": [
                {"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Well,"}]})),
            "assistant",
        ),
        (
            with(json!({"messages": [
                {"role": "user", "content": "Hello"},
                {"role": "assistant", "content": [{"type": "redacted_thinking", "data": "x"}]},
                {"role": "user", "content": "Hello"}]})),
            "redacted_thinking",
        ),
        (
            said(json!([{"type": "document", "source": {}}])),
            "document",
        ),
        (
            said(json!([{"type": "tool_result", "tool_use_id": "t9"}])),
            "t9",
        ),
        (
            said(json!([{"type": "tool_use", "id": "t", "name": "n", "input": {}}])),
            "user",
        ),
        (
            said(
                json!([{"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}]),
            ),
            "addresses",
        ),
        (
            said(
                json!([{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}]),
            ),
            "messages.0.content.0.source.data",
        ),
    ] {
        let reply = post(&person, body.clone()).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{body}");
        let detail = reply.body["detail"].as_str().expect("a detail");
        assert!(detail.contains(named), "{named}: {detail}");
    }
    let plain = with(json!({}));
    for version in [None, Some("2022-01-01")] {
        let headers: Vec<(&str, &str)> =
            version.map(|sent| (VERSION.0, sent)).into_iter().collect();
        let reply = person
            .call_with(Method::POST, "/v1/messages", Some(plain.clone()), &headers)
            .await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST);
        assert_eq!(reply.body["fields"][0]["field"], "anthropic-version");
    }
    let unknown = post(&person, with(json!({"model": "nobody"}))).await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
    assert!(model.chats().is_empty());
    app.finish().await;
}

#[tokio::test]
async fn tokens_are_estimated_without_asking_a_model() {
    let (db, model) = (TestDatabase::create().await, ModelServer::start().await);
    let app = App::start(&db, &model).await;
    let person = app.person().await;
    let count = async |text: String| {
        let body = json!({"model": MODEL, "messages": [{"role": "user", "content": text}]});
        let path = "/v1/messages/count_tokens";
        let reply = person
            .call_with(Method::POST, path, Some(body), &[VERSION])
            .await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
        reply.body["input_tokens"].as_u64().expect("a count")
    };
    let (short, long) = (
        count("Hello".to_owned()).await,
        count("Hello ".repeat(100)).await,
    );
    assert!(short > 0 && long > 100 && long > short, "{short} {long}");
    assert!(model.chats().is_empty());
    app.finish().await;
}
