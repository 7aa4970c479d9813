//! Ollama's surface.

use axum::body::Body;
use http::{Method, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use testkit::{
    database::TestDatabase,
    model::{Gate, MODEL, ModelServer, Script, Step},
};

use crate::app::{App, Person, Reply};

async fn post(person: &Person, path: &str, body: Value) -> Reply {
    person
        .call(Method::POST, &format!("/ollama/api/{path}"), Some(body))
        .await
}

/// As `curl -d` sends it: JSON that calls itself a form.
fn streamed(path: &str, body: &Value) -> Request<Body> {
    Request::post(format!("/ollama/api/{path}"))
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(body.to_string()))
        .expect("a request")
}

async fn lines(person: &Person, path: &str, body: &Value) -> Vec<Value> {
    let response = person.send(streamed(path, body)).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(
        response.headers()[header::CONTENT_TYPE],
        "application/x-ndjson"
    );
    let bytes = response.into_body().collect().await.expect("a body");
    String::from_utf8(bytes.to_bytes().to_vec())
        .expect("UTF-8")
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect()
}

#[tokio::test]
async fn a_chat_is_streamed_unless_it_is_told_otherwise() {
    let (db, model) = (TestDatabase::create().await, ModelServer::start().await);
    let app = App::start(&db, &model).await;
    let person = app.person().await;
    let script = || {
        Script::new([
            Step::Thinking("Hm.".to_owned()),
            Step::Text("I look.".to_owned()),
            Step::Call {
                name: "look".to_owned(),
                arguments: r#"{"at":"sky"}"#.to_owned(),
            },
            Step::Usage {
                input: 21,
                output: 9,
            },
            Step::Finish("stop"),
        ])
    };
    let png = "iVBORw0KGgo=";
    let mut body = json!({
        "model": MODEL,
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "What is up?", "images": [png]},
            {"role": "assistant", "content": "", "thinking": "Hm.", "tool_calls": [
                {"function": {"name": "look", "arguments": {"at": "window"}}}]},
            {"role": "tool", "content": "Curtains.", "tool_name": "look"},
        ],
        "tools": [{"type": "function", "function": {"name": "look", "description": "Looks.",
            "parameters": {"type": "object"}}}],
        "options": {"temperature": 0.5, "top_k": 40, "num_ctx": 4096, "num_predict": 50,
            "seed": 1, "stop": ["END"], "num_gpu": 2},
        "think": true, "keep_alive": "5m", "format": "",
    });
    model.push(script());
    let objects = lines(&person, "chat", &body).await;
    assert_eq!(objects.len(), 4, "{objects:#?}");
    assert_eq!(objects[0]["message"]["thinking"], "Hm.");
    assert_eq!(objects[1]["message"]["content"], "I look.");
    let call = &objects[2]["message"]["tool_calls"][0]["function"];
    assert_eq!(*call, json!({"name": "look", "arguments": {"at": "sky"}}));
    let end = &objects[3];
    assert_eq!(
        (&end["done"], &end["done_reason"]),
        (&json!(true), &json!("stop"))
    );
    assert_eq!(
        (&end["prompt_eval_count"], &end["eval_count"]),
        (&json!(21), &json!(9))
    );
    assert!(end["total_duration"].is_u64());

    let asked = &model.chats()[0].body;
    assert_eq!(
        asked["messages"],
        json!([
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "What is up?", "images": [png]},
            {"role": "assistant", "content": "", "thinking": "Hm.", "tool_calls": [
                {"id": "call_0", "function": {"name": "look", "arguments": {"at": "window"}}}]},
            {"role": "tool", "content": "Curtains.", "tool_name": "look", "tool_call_id": "call_0"},
        ])
    );
    assert_eq!(
        asked["options"],
        json!({"temperature": 0.5, "top_k": 40, "num_ctx": 4096, "num_predict": 50,
            "seed": 1, "stop": ["END"]})
    );
    assert_eq!(
        (&asked["think"], &asked["keep_alive"]),
        (&json!(true), &json!("300s"))
    );

    model.push(script());
    body["stream"] = json!(false);
    let whole = post(&person, "chat", body).await;
    assert_eq!(whole.status, StatusCode::OK, "{}", whole.body);
    assert_eq!(whole.body["message"]["content"], "I look.");
    assert_eq!(whole.body["message"]["thinking"], "Hm.");
    assert_eq!(whole.body["done"], true);
    app.finish().await;
}

#[tokio::test]
async fn generate_asks_one_question_and_a_broken_answer_says_so() {
    let (db, model) = (TestDatabase::create().await, ModelServer::start().await);
    let app = App::start(&db, &model).await;
    let person = app.person().await;
    // What Ollama's own client sends beside what it was asked to.
    let body = json!({"model": MODEL, "prompt": "Hello", "system": "Be kind.", "suffix": "",
        "template": "", "raw": false, "context": null});
    model.push(Script::text("Hi there."));
    let objects = lines(&person, "generate", &body).await;
    let text: String = objects
        .iter()
        .filter_map(|object| object["response"].as_str())
        .collect();
    assert_eq!(text, "Hi there.");
    assert_eq!(
        model.chats()[0].messages(),
        [
            ("system".to_owned(), "Be kind.".to_owned()),
            ("user".to_owned(), "Hello".to_owned()),
        ]
    );

    model.push(Script::new([
        Step::Text("So ".to_owned()),
        Step::Fail("out of memory".to_owned()),
    ]));
    let broken = lines(&person, "generate", &body).await;
    let error = broken.last().and_then(|last| last["error"].as_str());
    assert!(
        error.is_some_and(|error| error.contains("out of memory")),
        "{broken:?}"
    );
    app.finish().await;
}

#[tokio::test]
async fn without_a_question_the_model_is_only_loaded() {
    let (db, model) = (TestDatabase::create().await, ModelServer::start().await);
    let app = App::start(&db, &model).await;
    let person = app.person().await;
    for (path, body, reason) in [
        ("generate", json!({"model": MODEL}), "load"),
        ("chat", json!({"model": MODEL, "messages": []}), "load"),
        (
            "chat",
            json!({"model": "openmake_pro:latest", "messages": []}),
            "load",
        ),
        ("chat", json!({"model": MODEL, "keep_alive": 0}), "unload"),
    ] {
        model.push(Script::new([Step::Finish("load")]));
        let objects = lines(&person, path, &body).await;
        assert_eq!(objects.len(), 1, "{objects:?}");
        assert_eq!(objects[0]["done_reason"], reason);
        let asked = model.chats().pop().expect("a request");
        assert_eq!(asked.body["messages"], json!([]), "{body}");
    }
    app.finish().await;
}

#[tokio::test]
async fn the_lists_are_in_ollamas_form() {
    let (db, model) = (TestDatabase::create().await, ModelServer::start().await);
    let app = App::start(&db, &model).await;
    let person = app.person().await;
    let get = async |path: &str| {
        let reply = person.call(Method::GET, path, None).await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.body);
        reply.body
    };
    let tags = get("/ollama/api/tags").await;
    let models = tags["models"].as_array().expect("models");
    let names: Vec<&str> = models
        .iter()
        .filter_map(|model| model["name"].as_str())
        .collect();
    assert!(
        names.contains(&MODEL) && names.contains(&"openmake_auto"),
        "{names:?}"
    );
    assert!(models.iter().all(|model| {
        model["digest"]
            .as_str()
            .is_some_and(|digest| digest.len() == 64)
    }));
    assert!(get("/ollama/api/version").await["version"].is_string());
    assert_eq!(get("/ollama/api/ps").await, json!({"models": []}));

    for name in [MODEL, "openmake_pro", "openmake_pro:latest"] {
        let shown = post(&person, "show", json!({"model": name})).await;
        assert_eq!(shown.status, StatusCode::OK, "{name}: {}", shown.body);
        let able = shown.body["capabilities"].as_array().expect("capabilities");
        assert!(able.contains(&json!("completion")) && able.contains(&json!("tools")));
        assert_eq!(shown.body["model_info"]["script.context_length"], 32_768);
    }
    let missing = post(&person, "show", json!({"model": "nobody"})).await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);

    for path in ["/ollama", "/ollama/"] {
        for method in [Method::GET, Method::HEAD] {
            let request = Request::builder().method(method).uri(path);
            let response = person
                .send(request.body(Body::empty()).expect("a request"))
                .await;
            assert_eq!(response.status(), StatusCode::OK, "{path}");
        }
    }
    app.finish().await;
}

#[tokio::test]
async fn what_is_not_understood_is_refused_by_its_name() {
    let (db, model) = (TestDatabase::create().await, ModelServer::start().await);
    let app = App::start(&db, &model).await;
    let person = app.person().await;
    for (path, body, named) in [
        (
            "chat",
            json!({"model": MODEL, "messages": [{"role": "user", "content": "a", "audio": "x"}]}),
            "audio",
        ),
        (
            "chat",
            json!({"model": MODEL, "messages": [], "logprobs": true}),
            "logprobs",
        ),
        (
            "chat",
            json!({"model": MODEL, "options": {"mirostat": 2}}),
            "mirostat",
        ),
        ("chat", json!({"model": MODEL, "think": "deeply"}), "think"),
        ("chat", json!({"model": MODEL, "format": "xml"}), "format"),
        (
            "chat",
            json!({"model": MODEL, "keep_alive": "soon"}),
            "keep_alive",
        ),
        (
            "chat",
            json!({"model": MODEL, "messages": [{"role": "user", "images": ["AAAA"]}]}),
            "messages[0].images[0]",
        ),
        (
            "generate",
            json!({"model": MODEL, "prompt": "a", "suffix": "b"}),
            "suffix",
        ),
        (
            "generate",
            json!({"model": MODEL, "prompt": "a", "raw": true}),
            "raw",
        ),
        (
            "generate",
            json!({"model": MODEL, "prompt": "a", "context": [1, 2]}),
            "context",
        ),
        (
            "embed",
            json!({"model": MODEL, "input": "a", "options": {"num_ctx": 9}}),
            "num_ctx",
        ),
        ("embed", json!({"model": MODEL, "input": "a"}), MODEL),
    ] {
        let reply = post(&person, path, body.clone()).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{body}");
        let detail = reply.body["detail"].as_str().expect("a detail");
        assert!(detail.contains(named), "{named}: {detail}");
    }
    let unknown = post(&person, "chat", json!({"model": "nobody", "messages": []})).await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
    for path in ["pull", "push", "create", "copy"] {
        let refused = post(&person, path, json!({"model": "a"})).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{path}");
        assert_eq!(refused.code(), "not_managed_here");
    }
    let refused = person
        .call(
            Method::DELETE,
            "/ollama/api/delete",
            Some(json!({"model": "a"})),
        )
        .await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(model.chats().is_empty());
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
    let body = json!({"model": MODEL, "messages": [{"role": "user", "content": "Count"}]});
    let response = person.send(streamed("chat", &body)).await;
    let mut body = response.into_body();
    let first = body.frame().await.expect("a frame").expect("bytes");
    assert!(first.is_data());
    assert_eq!(model.open_answers(), 1);
    drop(body);
    model.wait_until_idle().await;
    app.finish().await;
}
