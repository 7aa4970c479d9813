//! `/v1/responses`: stored as turns, or stateless.

use axum::body::Body;
use http::{Method, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use testkit::{
    database::TestDatabase,
    model::{Gate, MODEL, ModelServer, Script, Step},
};

use crate::app::{App, Person, Reply};

const PATH: &str = "/v1/responses";

async fn respond(person: &Person, fields: Value) -> Reply {
    let mut body = json!({ "model": MODEL });
    let (Some(request), Value::Object(fields)) = (body.as_object_mut(), fields) else {
        panic!("objects");
    };
    request.extend(fields);
    person.call(Method::POST, PATH, Some(body)).await
}

fn text(response: &Value) -> String {
    let output = response["output"].as_array().expect("items");
    output
        .iter()
        .filter(|item| item["type"] == "message")
        .filter_map(|item| item["content"][0]["text"].as_str())
        .collect()
}

fn id(response: &Value) -> String {
    response["id"].as_str().expect("an id").to_owned()
}

async fn events(person: &Person, request: Request<Body>) -> Vec<Value> {
    let response = person.send(request).await;
    assert_eq!(response.status(), StatusCode::OK);
    let bytes = response.into_body().collect().await.expect("a body");
    let text = String::from_utf8(bytes.to_bytes().to_vec()).expect("UTF-8");
    text.split_terminator("\n\n")
        .map(|event| {
            let (kind, data) = event.split_once('\n').expect("two lines");
            let data: Value =
                serde_json::from_str(data.strip_prefix("data: ").expect("data")).expect("JSON");
            assert_eq!(kind.strip_prefix("event: "), data["type"].as_str());
            data
        })
        .collect()
}

#[tokio::test]
async fn a_question_is_a_turn_and_the_next_goes_on_from_it() {
    let db = TestDatabase::create().await;
    let model = ModelServer::start().await;
    let app = App::start(&db, &model).await;
    let person = app.person().await;
    model.push(Script::new([
        Step::Thinking("Hm.".to_owned()),
        Step::Text("Forty-two.".to_owned()),
        Step::Usage {
            input: 7,
            output: 3,
        },
        Step::Finish("stop"),
    ]));
    let wishes = json!({
        "input": "What is it?", "instructions": "Be brief.", "max_output_tokens": 99,
        "temperature": 0.2, "metadata": {"for": "a test"},
    });
    let first = respond(&person, wishes).await;
    assert_eq!(first.status, StatusCode::OK, "{}", first.body);
    assert_eq!(first.body["status"], "completed");
    assert_eq!(first.body["model"], MODEL);
    assert_eq!(first.body["output"][0]["content"][0]["text"], "Hm.");
    assert_eq!(text(&first.body), "Forty-two.");
    assert_eq!(first.body["usage"]["total_tokens"], 10);
    assert_eq!(first.body["metadata"]["for"], "a test");
    let chat = &model.chats()[0];
    assert_eq!(
        chat.messages(),
        [
            ("system".to_owned(), "Be brief.".to_owned()),
            ("user".to_owned(), "What is it?".to_owned())
        ]
    );
    assert_eq!(chat.body["options"]["num_predict"], 99);
    assert_eq!(chat.body["options"]["temperature"], 0.2);
    assert!(
        chat.body.get("tools").is_none(),
        "the page's tools are not offered"
    );

    let read = person
        .call(Method::GET, &format!("{PATH}/{}", id(&first.body)), None)
        .await;
    assert_eq!(read.body, first.body, "read again, it is the same");
    let items = format!("{PATH}/{}/input_items", id(&first.body));
    let items = person.call(Method::GET, &items, None).await;
    assert_eq!(items.body["data"][0]["content"][0]["text"], "What is it?");

    model.push(Script::text("Quite."));
    let previous = json!({"input": "Sure?", "previous_response_id": id(&first.body)});
    let second = respond(&person, previous).await;
    assert_eq!(text(&second.body), "Quite.", "{}", second.body);
    let said: Vec<String> = model.chats()[1]
        .messages()
        .into_iter()
        .map(|message| message.1)
        .collect();
    assert_eq!(said, ["What is it?", "Forty-two.", "Sure?"]);
    assert!(model.titles().is_empty(), "no model is asked for a title");

    // Stateless, on top of what was stored.
    model.push(Script::text("Indeed."));
    let third = json!({
        "input": "And?", "previous_response_id": id(&second.body), "store": false,
    });
    let third = respond(&person, third).await;
    assert_eq!(third.body["store"], false);
    assert_eq!(model.chats()[2].messages().len(), 5);
    let gone = person
        .call(Method::GET, &format!("{PATH}/{}", id(&third.body)), None)
        .await;
    assert_eq!(
        (gone.status, gone.code()),
        (StatusCode::NOT_FOUND, "response_not_found")
    );

    strangers_find_nothing(&app, &id(&first.body)).await;
    for response in [&first.body, &second.body] {
        let path = format!("{PATH}/{}", id(response));
        let deleted = person.call(Method::DELETE, &path, None).await;
        assert_eq!(deleted.body["deleted"], true);
        assert_eq!(
            person.call(Method::GET, &path, None).await.status,
            StatusCode::NOT_FOUND
        );
    }
    app.finish().await;
}

async fn strangers_find_nothing(app: &App, id: &str) {
    let other = app.person().await;
    for (method, path) in [
        (Method::GET, format!("{PATH}/{id}")),
        (Method::DELETE, format!("{PATH}/{id}")),
        (Method::POST, format!("{PATH}/{id}/cancel")),
        (Method::GET, format!("{PATH}/{id}/input_items")),
    ] {
        assert_eq!(
            other.call(method, &path, None).await.status,
            StatusCode::NOT_FOUND
        );
    }
    let stolen = json!({"input": "?", "previous_response_id": id});
    assert_eq!(respond(&other, stolen).await.code(), "response_not_found");
}

#[tokio::test]
async fn a_stream_of_a_stored_response_can_be_taken_up_again() {
    let db = TestDatabase::create().await;
    let model = ModelServer::start().await;
    let app = App::start(&db, &model).await;
    let person = app.person().await;
    model.push(Script::text("one two three"));
    let body = json!({"model": MODEL, "input": "Count.", "stream": true});
    let request = Request::post(PATH)
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(body.to_string()))
        .expect("a request");
    let all = events(&person, request).await;
    assert_eq!(all[0]["type"], "response.created");
    let last = all.last().expect("an end");
    assert_eq!(last["type"], "response.completed");
    assert_eq!(text(&last["response"]), "one two three");
    let deltas: String = all
        .iter()
        .filter_map(|event| event["delta"].as_str())
        .collect();
    assert_eq!(deltas, "one two three");

    let path = format!(
        "{PATH}/{}?stream=true&starting_after=3",
        id(&last["response"])
    );
    let request = Request::get(path).body(Body::empty()).expect("a request");
    let rest = events(&person, request).await;
    assert_eq!(rest, all[4..]);
    app.finish().await;
}

#[tokio::test]
async fn in_the_background_until_it_is_cancelled() {
    let db = TestDatabase::create().await;
    let model = ModelServer::start().await;
    let app = App::start(&db, &model).await;
    let person = app.person().await;
    let gate = Gate::closed();
    model.push(Script::gated("one two three", &gate));
    let begun = respond(&person, json!({"input": "Count.", "background": true})).await;
    assert_eq!(begun.body["status"], "in_progress", "{}", begun.body);
    let path = format!("{PATH}/{}", id(&begun.body));
    let read = person.call(Method::GET, &path, None).await;
    assert_eq!(read.body["status"], "in_progress");
    model.wait_for_chats(1).await;
    let cancelled = person.post(&format!("{path}/cancel")).await;
    assert_eq!(cancelled.body["status"], "cancelled", "{}", cancelled.body);
    model.wait_until_idle().await;
    let read = person.call(Method::GET, &path, None).await;
    assert_eq!(read.body["status"], "cancelled");
    app.finish().await;
}

#[tokio::test]
async fn tools_make_it_stateless_and_errors_leave_nothing_behind() {
    let db = TestDatabase::create().await;
    let model = ModelServer::start().await;
    let app = App::start(&db, &model).await;
    let person = app.person().await;
    let tool = json!({"type": "function", "name": "weather", "parameters": {"type": "object"}});
    model.push(Script::new([
        Step::Call {
            name: "weather".to_owned(),
            arguments: r#"{"city":"Seoul"}"#.to_owned(),
        },
        Step::Finish("stop"),
    ]));
    let first = respond(&person, json!({"input": "The weather?", "tools": [tool]})).await;
    assert_eq!(first.body["store"], false, "{}", first.body);
    let call = &first.body["output"][0];
    assert_eq!(call["type"], "function_call");
    model.push(Script::text("Fine."));
    let input = json!([
        {"role": "user", "content": "The weather?"}, call,
        {"type": "function_call_output", "call_id": call["call_id"], "output": "sun"},
    ]);
    let second = respond(&person, json!({"input": input, "tools": [tool]})).await;
    assert_eq!(text(&second.body), "Fine.", "{}", second.body);
    assert_eq!(
        model.chats()[1].messages()[2],
        ("tool".to_owned(), "sun".to_owned())
    );

    let refused = respond(
        &person,
        json!({"input": "?", "tools": [tool], "store": true}),
    )
    .await;
    assert_eq!(refused.code(), "store_not_supported");
    let before = conversations(&person).await;
    let unknown = json!({"input": "?", "model": "no-such"});
    assert_eq!(respond(&person, unknown).await.code(), "model_not_found");
    assert_eq!(conversations(&person).await, before);
    model.push(Script::refuse(500, "no"));
    let failed = respond(&person, json!({"input": "?"})).await;
    assert_eq!(failed.body["status"], "failed", "{}", failed.body);
    assert_eq!(failed.body["error"]["code"], "upstream_failed");
    app.finish().await;
}

async fn conversations(person: &Person) -> usize {
    use openmake_store::{PageRequest, conversations::Filter};
    let page = PageRequest {
        after: None,
        limit: 100,
    };
    let rows = person
        .store
        .conversations()
        .list(person.user, Filter::Active, page)
        .await
        .expect("conversations");
    rows.items.len()
}
