//! OpenAI's surface: stateless, metered, and ended by its client.

use std::sync::Arc;

use axum::body::Body;
use futures_util::StreamExt as _;
use http::{Method, Request, StatusCode, header};
use openmake_models::ProviderKind;
use openmake_types::{Clock as _, ModelAccess, SystemClock};
use serde_json::{Value, json};
use testkit::{
    database::TestDatabase,
    model::{Gate, ListedModel, MODEL, ModelServer, Script, Step},
};

use crate::app::{App, Options, Person, eventually};

const PATH: &str = "/v1/chat/completions";

fn question(text: &str) -> Value {
    json!({"model": MODEL, "messages": [{"role": "user", "content": text}]})
}

fn with(mut request: Value, fields: Value) -> Value {
    let (Some(request_fields), Value::Object(fields)) = (request.as_object_mut(), fields) else {
        panic!("objects");
    };
    request_fields.extend(fields);
    request
}

fn request(path: &str, body: &Value) -> Request<Body> {
    Request::post(path)
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(body.to_string()))
        .expect("a request")
}

/// The `data` of a stream's events.
async fn stream(person: &Person, body: Value) -> Vec<String> {
    let response = person
        .send(request(PATH, &with(body, json!({"stream": true}))))
        .await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(
        response.headers()[header::CONTENT_TYPE],
        "text/event-stream"
    );
    let mut text = String::new();
    let mut pieces = response.into_body().into_data_stream();
    while let Some(piece) = pieces.next().await {
        text.push_str(std::str::from_utf8(&piece.expect("a piece")).expect("UTF-8"));
    }
    text.split_terminator("\n\n")
        .map(|event| event.strip_prefix("data: ").expect("data").to_owned())
        .collect()
}

fn parsed(data: &[String]) -> Vec<Value> {
    data.iter()
        .filter(|data| *data != "[DONE]")
        .map(|data| serde_json::from_str(data).expect("JSON"))
        .collect()
}

/// Requests, errors, and tokens read and written, so far.
async fn used(person: &Person) -> (i64, i64, i64, i64) {
    let today = SystemClock.now().date_naive();
    let rows = person
        .store
        .usage()
        .report(person.user, today.pred_opt().expect("a day"), today)
        .await
        .expect("usage");
    rows.iter().fold((0, 0, 0, 0), |sum, row| {
        (
            sum.0 + row.requests,
            sum.1 + row.errors,
            sum.2 + row.input_tokens,
            sum.3 + row.output_tokens,
        )
    })
}

#[tokio::test]
async fn a_whole_answer_is_metered_and_not_stored() {
    let db = TestDatabase::create().await;
    let model = ModelServer::start().await;
    let app = App::start(&db, &model).await;
    let person = app.person().await;
    model.push(Script::new([
        Step::Thinking("Hm.".to_owned()),
        Step::Text("Forty-".to_owned()),
        Step::Text("two.".to_owned()),
        Step::Usage {
            input: 11,
            output: 5,
        },
        Step::Finish("stop"),
    ]));
    let body = with(
        question("What is it?"),
        json!({"temperature": 0.1, "max_tokens": 50, "stop": ["END"], "seed": 3, "reasoning_effort": "high"}),
    );
    let answer = person.call(Method::POST, PATH, Some(body)).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let message = &answer.body["choices"][0]["message"];
    assert_eq!(message["content"], "Forty-two.");
    assert_eq!(message["reasoning_content"], "Hm.");
    assert_eq!(answer.body["choices"][0]["finish_reason"], "stop");
    assert_eq!(answer.body["usage"]["total_tokens"], 16);
    assert_eq!(answer.body["model"], MODEL);

    // The model got what was asked, and nothing of the chat page's prompt.
    let chats = model.chats();
    assert_eq!(
        chats[0].messages(),
        [("user".to_owned(), "What is it?".to_owned())]
    );
    let options = &chats[0].body["options"];
    assert_eq!(options["temperature"], 0.1);
    assert_eq!(options["num_predict"], 50);
    assert_eq!(options["stop"], json!(["END"]));
    assert_eq!(options["seed"], 3);
    assert_eq!(chats[0].body["think"], true);

    eventually("the call is recorded", || async {
        used(&person).await == (1, 0, 11, 5)
    })
    .await;
    let branches = app
        .store
        .conversations()
        .get(person.user, person.conversation)
        .await
        .expect("the conversation");
    assert_eq!(branches.active_leaf_id, None, "nothing entered it");
    app.finish().await;
}

#[tokio::test]
async fn a_profile_works_in_its_way_unless_the_caller_says_otherwise() {
    let db = TestDatabase::create().await;
    let model = ModelServer::start().await;
    let app = App::start(&db, &model).await;
    let person = app.person().await;
    let body = with(question("Hello"), json!({"model": "openmake_code"}));
    let answer = person.call(Method::POST, PATH, Some(body.clone())).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let own = json!({"messages": [
        {"role": "system", "content": "Mine."}, {"role": "user", "content": "Hello"},
    ]});
    let answer = person.call(Method::POST, PATH, Some(with(body, own))).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let chats = model.chats();
    let first = chats[0].messages();
    assert!(first[0].1.contains("software engineer"), "{first:?}");
    assert!(!first[0].1.contains("You are OpenMake"), "{first:?}");
    assert_eq!(chats[1].messages()[0].1, "Mine.");
    app.finish().await;
}

#[tokio::test]
async fn chunks_add_up_and_say_what_it_cost_when_asked() {
    let db = TestDatabase::create().await;
    let model = ModelServer::start().await;
    let app = App::start(&db, &model).await;
    let person = app.person().await;
    model.push(Script::text("one two three"));
    let body = with(
        question("Count."),
        json!({"stream_options": {"include_usage": true}}),
    );
    let data = stream(&person, body).await;
    assert_eq!(data.last().expect("an end"), "[DONE]");
    let chunks = parsed(&data);
    let text: String = chunks
        .iter()
        .filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str())
        .collect();
    assert_eq!(text, "one two three");
    assert_eq!(chunks[0]["choices"][0]["delta"]["role"], "assistant");
    let usage = chunks.last().expect("usage");
    assert_eq!(usage["choices"], json!([]));
    assert_eq!(usage["usage"]["prompt_tokens"], 10);
    assert_eq!(usage["usage"]["completion_tokens"], 3);
    app.finish().await;
}

#[tokio::test]
async fn the_clients_tools_come_back_as_calls() {
    let db = TestDatabase::create().await;
    let model = ModelServer::start().await;
    let app = App::start(&db, &model).await;
    let person = app.person().await;
    let calls = || {
        let call = |city: &str| Step::Call {
            name: "weather".to_owned(),
            arguments: json!({ "city": city }).to_string(),
        };
        Script::new([call("Seoul"), call("Busan"), Step::Finish("stop")])
    };
    let tool = json!({"type": "function", "function": {
        "name": "weather", "parameters": {"type": "object"}, "strict": true,
    }});
    let body = with(
        question("The weather?"),
        json!({"tools": [tool], "tool_choice": "required"}),
    );
    model.push(calls());
    let answer = person.call(Method::POST, PATH, Some(body.clone())).await;
    let choice = &answer.body["choices"][0];
    assert_eq!(choice["finish_reason"], "tool_calls", "{}", answer.body);
    assert_eq!(
        choice["message"]["tool_calls"].as_array().map(Vec::len),
        Some(2)
    );
    assert_eq!(
        model.chats()[0].body["tools"][0]["function"]["strict"],
        true
    );

    model.push(calls());
    let one = with(body.clone(), json!({"parallel_tool_calls": false}));
    let chunks = parsed(&stream(&person, one).await);
    let arguments: String = chunks
        .iter()
        .filter_map(|chunk| {
            chunk
                .pointer("/choices/0/delta/tool_calls/0/function/arguments")?
                .as_str()
        })
        .collect();
    assert_eq!(arguments, r#"{"city":"Seoul"}"#, "one call and no more");

    // A server that cannot be told to call is not believed.
    model.push(Script::text("I would rather not."));
    let answer = person.call(Method::POST, PATH, Some(body)).await;
    assert_eq!(answer.code(), "tool_choice_not_followed");
    app.finish().await;
}

#[tokio::test]
async fn a_client_that_goes_away_ends_the_models_request() {
    let db = TestDatabase::create().await;
    let model = ModelServer::start().await;
    let app = App::start(&db, &model).await;
    let person = app.person().await;

    // In mid-stream.
    model.push(Script::new([Step::Text("So".to_owned()), Step::Hang]));
    let body = with(question("Go on."), json!({"stream": true}));
    let response = person.send(request(PATH, &body)).await;
    let mut pieces = response.into_body().into_data_stream();
    pieces.next().await.expect("a piece").expect("sound");
    assert_eq!(model.open_answers(), 1);
    drop(pieces);
    model.wait_until_idle().await;

    // Before the first token.
    let gate = Gate::closed();
    model.push(Script::text("Late.").behind(&gate));
    let waiting = person.clone();
    let call = Arc::new(question("Still?"));
    let task = tokio::task::JoinSet::from_iter([async move {
        waiting
            .call(Method::POST, PATH, Some((*call).clone()))
            .await
    }]);
    model.wait_for_chats(2).await;
    drop(task);
    gate.open_wide();
    model.wait_until_idle().await;

    eventually("both are recorded, and neither as a failure", || async {
        let used = used(&person).await;
        (used.0, used.1) == (2, 0)
    })
    .await;
    app.finish().await;
}

#[tokio::test]
async fn errors_before_and_within_a_stream() {
    let db = TestDatabase::create().await;
    let model = ModelServer::start().await;
    let app = App::start(&db, &model).await;
    let person = app.person().await;
    for (script, status, code) in [
        (
            Script::refuse(500, "no"),
            StatusCode::BAD_GATEWAY,
            "upstream_failed",
        ),
        (
            Script::refuse(400, "bad grammar"),
            StatusCode::BAD_REQUEST,
            "upstream_refused",
        ),
        (
            Script::refuse(400, "the input exceeds the context length"),
            StatusCode::BAD_REQUEST,
            "context_length_exceeded",
        ),
    ] {
        model.push(script);
        let answer = person.call(Method::POST, PATH, Some(question("?"))).await;
        assert_eq!((answer.status, answer.code()), (status, code));
    }
    model.push(Script::new([
        Step::Text("So".to_owned()),
        Step::Fail("out of memory".to_owned()),
    ]));
    let data = stream(&person, question("?")).await;
    let last: Value = serde_json::from_str(data.last().expect("an error")).expect("JSON");
    assert_eq!(last["error"]["type"], "server_error");
    assert!(
        last["error"]["message"]
            .as_str()
            .is_some_and(|text| text.contains("out of memory")),
        "{last}"
    );
    assert!(!data.contains(&"[DONE]".to_owned()));

    for (body, status, code) in [
        (
            with(question("?"), json!({"model": "no-such"})),
            StatusCode::NOT_FOUND,
            "model_not_found",
        ),
        (
            with(question("?"), json!({"n": 3})),
            StatusCode::BAD_REQUEST,
            "unsupported_parameter",
        ),
        (
            with(question("?"), json!({"model": ""})),
            StatusCode::BAD_REQUEST,
            "invalid_input",
        ),
        (
            json!({"messages": []}),
            StatusCode::BAD_REQUEST,
            "invalid_json",
        ),
    ] {
        let answer = person.call(Method::POST, PATH, Some(body)).await;
        assert_eq!((answer.status, answer.code()), (status, code));
    }
    app.finish().await;
}

#[tokio::test]
async fn a_credential_reaches_only_its_models() {
    let db = TestDatabase::create().await;
    let model = ModelServer::start_with(vec![
        ListedModel::able(MODEL),
        ListedModel::able("other:1b"),
        ListedModel::embedding("vectors:1b"),
    ])
    .await;
    let app = App::start(&db, &model).await;
    let person = app.person().await;
    let ids = |body: &Value| -> Vec<String> {
        let data = body["data"].as_array().expect("a list");
        let ids = data.iter().filter_map(|model| model["id"].as_str());
        ids.map(str::to_owned).collect()
    };
    let all = ids(&person.call(Method::GET, "/v1/models", None).await.body);
    for id in ["openmake_auto", MODEL, "other:1b", "vectors:1b"] {
        assert!(all.contains(&id.to_owned()), "{all:?}");
    }
    let narrow = Person {
        models: ModelAccess::Only(Arc::new([MODEL.to_owned()].into())),
        ..person
    };
    let allowed = narrow.call(Method::GET, "/v1/models", None).await.body;
    assert_eq!(ids(&allowed), [MODEL]);
    let one = narrow
        .call(Method::GET, &format!("/v1/models/{MODEL}"), None)
        .await;
    assert_eq!(one.body["id"], MODEL);
    assert_eq!(one.body["object"], "model");
    let other = narrow.call(Method::GET, "/v1/models/other:1b", None).await;
    assert_eq!(other.code(), "model_not_found");
    let body = with(question("?"), json!({"model": "other:1b"}));
    let refused = narrow.call(Method::POST, PATH, Some(body)).await;
    assert_eq!(
        (refused.status, refused.code()),
        (StatusCode::FORBIDDEN, "model_not_allowed")
    );
    let body = json!({"model": "vectors:1b", "input": "a"});
    let refused = narrow
        .call(Method::POST, "/v1/embeddings", Some(body))
        .await;
    assert_eq!(refused.code(), "model_not_allowed");
    assert!(model.chats().is_empty());
    app.finish().await;
}

#[tokio::test]
async fn texts_become_vectors_at_either_kind_of_server() {
    let db = TestDatabase::create().await;
    let name = "scripted-embed:1b";
    let model =
        ModelServer::start_with(vec![ListedModel::able(MODEL), ListedModel::embedding(name)]).await;
    for protocol in [ProviderKind::Ollama, ProviderKind::OpenAi] {
        let url = match protocol {
            ProviderKind::Ollama => model.base_url(),
            ProviderKind::OpenAi => format!("{}/v1", model.base_url()),
        };
        let options = Options {
            protocol,
            servers: vec![url],
            ..Options::new(&model)
        };
        let app = App::start_with(&db, options).await;
        let person = app.person().await;
        let body = json!({"model": name, "input": ["abc", "de"], "dimensions": 3});
        let answer = person
            .call(Method::POST, "/v1/embeddings", Some(body))
            .await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        assert_eq!(answer.body["data"][1]["embedding"], json!([2.0, 1.0, 1.0]));
        assert_eq!(answer.body["usage"]["total_tokens"], 4);
        let body = json!({"model": MODEL, "input": "abc"});
        let refused = person
            .call(Method::POST, "/v1/embeddings", Some(body))
            .await;
        assert_eq!(refused.code(), "model_without_embeddings");
        eventually("the call is recorded", || async {
            used(&person).await == (1, 0, 4, 0)
        })
        .await;
        app.finish().await;
    }
}

#[tokio::test]
async fn a_server_that_stops_waits_for_calls_and_takes_no_new_ones() {
    let db = TestDatabase::create().await;
    let model = ModelServer::start().await;
    let app = App::start(&db, &model).await;
    let person = app.person().await;
    let gate = Gate::closed();
    model.push(Script::gated("one two", &gate));
    gate.open(1);
    let body = with(question("Count."), json!({"stream": true}));
    let response = person.send(request(PATH, &body)).await;
    let ai = app.ai.clone();
    let drain = async {
        ai.drain(crate::app::PATIENCE).await;
    };
    let rest = async {
        eventually("nothing new is taken", || async {
            let answer = person.call(Method::POST, PATH, Some(question("?"))).await;
            answer.code() == "shutting_down"
        })
        .await;
        gate.open_wide();
        let mut pieces = response.into_body().into_data_stream();
        let mut text = String::new();
        while let Some(piece) = pieces.next().await {
            text.push_str(std::str::from_utf8(&piece.expect("sound")).expect("UTF-8"));
        }
        assert!(text.contains("[DONE]"), "{text}");
    };
    tokio::join!(drain, rest);
    app.finish().await;
}
