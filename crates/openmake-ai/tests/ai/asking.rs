//! Asking and being answered.

use chrono::TimeDelta;
use http::{Method, StatusCode};
use openmake_models::ProviderKind;
use openmake_store::wakeups::{Heard, WakeupKind};
use openmake_types::{Clock as _, MessageStatus, Role, SystemClock};
use serde_json::json;
use testkit::{
    database::TestDatabase,
    model::{Gate, ListedModel, MODEL, ModelServer, Script, Step},
};

use crate::app::{App, Options, assert_whole, eventually, text_of};

#[tokio::test]
async fn a_question_is_answered_and_the_answer_is_kept() {
    let (db, model) = (TestDatabase::create().await, ModelServer::start().await);
    model.push(Script::new([
        Step::Thinking("Let me think.".to_owned()),
        Step::Text("Seoul, ".to_owned()),
        Step::Text("서울.".to_owned()),
        Step::Usage {
            input: 21,
            output: 9,
        },
        Step::Finish("stop"),
    ]));
    let app = App::start(&db, &model).await;
    let person = app.person().await;
    let begun = person.ask("What is the capital of Korea?").await;
    let events = person.events(&begun).await;
    assert_whole(&events);
    assert_eq!(events[0].name, "turn.started");
    assert_eq!(events[1].name, "model.selected");
    assert_eq!(events[1].data["model"], MODEL);
    assert_eq!(text_of(&events), "Seoul, 서울.");
    let last = events.last().unwrap();
    assert_eq!(
        (last.name.as_str(), last.data["finish_reason"].as_str()),
        ("turn.completed", Some("stop"))
    );

    let message = person.message(begun.answer).await;
    assert_eq!(message.content, "Seoul, 서울.");
    assert_eq!(message.thinking.as_deref(), Some("Let me think."));
    assert_eq!(message.status, MessageStatus::Complete);
    assert_eq!(message.model.as_deref(), Some(MODEL));
    let metrics = message.metrics.expect("metrics");
    assert_eq!((metrics.input_tokens, metrics.output_tokens), (21, 9));
    assert!(!metrics.estimated && metrics.first_token_ms.is_some());

    let view = person
        .call(Method::GET, &format!("/api/v1/turns/{}", begun.turn), None)
        .await;
    assert_eq!(view.body["status"], "completed");
    assert_eq!(view.body["last_seq"], last.seq);
    assert_eq!(view.body["metrics"]["output_tokens"], 9);

    let chat = &model.chats()[0];
    let messages = chat.messages();
    assert_eq!(messages[0].0, "system");
    assert_eq!(messages[1].1, "What is the capital of Korea?");
    app.finish().await;
}

#[tokio::test]
async fn openais_protocol_is_answered_the_same() {
    let (db, model) = (TestDatabase::create().await, ModelServer::start().await);
    model.push(Script::text("one two three"));
    let options = Options {
        protocol: ProviderKind::OpenAi,
        ..Options::new(&model)
    };
    let app = App::start_with(&db, options).await;
    let person = app.person().await;
    let begun = person.ask("Count.").await;
    let events = person.events(&begun).await;
    assert_whole(&events);
    assert_eq!(text_of(&events), "one two three");
    assert_eq!(
        person
            .message(begun.answer)
            .await
            .metrics
            .unwrap()
            .output_tokens,
        3
    );
    app.finish().await;
}

#[tokio::test]
async fn the_next_question_carries_the_conversation() {
    let (db, model) = (TestDatabase::create().await, ModelServer::start().await);
    let app = App::start(&db, &model).await;
    let person = app.person().await;
    for (question, answer) in [("First?", "One."), ("Second?", "Two.")] {
        model.push(Script::text(answer));
        let begun = person.ask(question).await;
        person.events(&begun).await;
    }
    let said: Vec<String> = model.chats()[1]
        .messages()
        .into_iter()
        .skip(1)
        .map(|(_, text)| text)
        .collect();
    assert_eq!(said, ["First?", "One.", "Second?"]);
    app.finish().await;
}

#[tokio::test]
async fn the_same_key_asks_once() {
    let (db, model) = (TestDatabase::create().await, ModelServer::start().await);
    let app = App::start(&db, &model).await;
    let person = app.person().await;
    let path = format!("/api/v1/conversations/{}/turns", person.conversation);
    let ask = |text: &'static str, key: &'static str| {
        let (person, path) = (person.clone(), path.clone());
        async move {
            person
                .call_with(
                    Method::POST,
                    &path,
                    Some(json!({ "content": text })),
                    &[("Idempotency-Key", key)],
                )
                .await
        }
    };
    let (a, b) = tokio::join!(ask("Once.", "k-1"), ask("Once.", "k-1"));
    let (a, b) = (a.begun(), b.begun());
    assert_eq!(a.turn, b.turn);
    person.events(&a).await;
    assert_eq!(ask("Once.", "k-1").await.begun().turn, a.turn);
    assert_eq!(model.chats().len(), 1);
    let other = ask("Something else.", "k-1").await;
    assert_eq!(
        (other.status, other.code()),
        (StatusCode::CONFLICT, "idempotency_mismatch")
    );
    let bad = ask("Once.", "two words").await;
    assert_eq!(
        (bad.status, bad.code()),
        (StatusCode::BAD_REQUEST, "invalid_idempotency_key")
    );
    app.finish().await;
}

#[tokio::test]
async fn what_cannot_be_asked_is_refused_before_anything_is_stored() {
    let (db, model) = (TestDatabase::create().await, ModelServer::start().await);
    model.set_models(vec![
        ListedModel::able(MODEL),
        ListedModel {
            capabilities: vec!["completion"],
            ..ListedModel::able("blind:1b")
        },
        ListedModel {
            capabilities: vec!["embedding"],
            ..ListedModel::able("vectors:1b")
        },
    ]);
    let app = App::start(&db, &model).await;
    let person = app.person().await;
    let png = "iVBORw0KGgpyZXN0";
    for (body, status, code) in [
        (json!({"content": ""}), 400, "invalid_input"),
        (
            json!({"content": "a", "model": "nobody:1b"}),
            400,
            "unknown_model",
        ),
        (
            json!({"content": "a", "model": "vectors:1b"}),
            400,
            "model_not_for_chat",
        ),
        (
            json!({"content": "a", "thinking": "very"}),
            400,
            "invalid_input",
        ),
        (json!({"content": "a", "extra": 1}), 400, "invalid_json"),
        (
            json!({"content": [{"type": "image", "data": png}], "model": "blind:1b"}),
            400,
            "model_without_vision",
        ),
        (
            json!({"content": [{"type": "image", "data": "bm90IGFuIGltYWdl"}]}),
            400,
            "unsupported_image",
        ),
        (
            json!({"content": "a", "parent_id": "018f0000-0000-7000-8000-000000000000"}),
            404,
            "not_found",
        ),
    ] {
        let reply = person.try_ask(body.clone()).await;
        assert_eq!(
            (reply.status.as_u16(), reply.code()),
            (status, code),
            "{body}: {}",
            reply.body
        );
    }
    let conversation = app
        .store
        .conversations()
        .get(person.user, person.conversation)
        .await
        .expect("there");
    assert_eq!(conversation.active_leaf_id, None);
    assert!(model.chats().is_empty());
    app.finish().await;
}

#[tokio::test]
async fn without_a_model_server_it_says_what_to_do() {
    let (db, model) = (TestDatabase::create().await, ModelServer::start().await);
    let options = Options {
        servers: Vec::new(),
        ..Options::new(&model)
    };
    let app = App::start_with(&db, options).await;
    let person = app.person().await;
    let reply = person.try_ask(json!({"content": "Anyone?"})).await;
    assert_eq!(
        (reply.status, reply.code()),
        (StatusCode::SERVICE_UNAVAILABLE, "no_model_server")
    );
    assert!(reply.body["hint"].as_str().unwrap().contains("Ollama"));
    let models = person.call(Method::GET, "/api/v1/models", None).await;
    assert!(models.body["hint"].is_string());
    assert!(
        models.body["items"]
            .as_array()
            .unwrap()
            .iter()
            .all(|model| model["available"] == false)
    );
    app.finish().await;
}

#[tokio::test]
async fn pictures_reach_the_model() {
    let (db, model) = (TestDatabase::create().await, ModelServer::start().await);
    let app = App::start(&db, &model).await;
    let person = app.person().await;
    let png = "iVBORw0KGgpyZXN0";
    let begun = person
        .try_ask(json!({"content": [
            {"type": "text", "text": "What is this?"},
            {"type": "image", "data": format!("data:image/png;base64,{png}")},
        ]}))
        .await
        .begun();
    person.events(&begun).await;
    let question = person.message(begun.question).await;
    assert_eq!(question.attachments.len(), 1);
    assert_eq!(question.attachments[0].media_type, "image/png");
    assert_eq!(model.chats()[0].body["messages"][1]["images"], json!([png]));
    app.finish().await;
}

#[tokio::test]
async fn other_peoples_turns_do_not_exist() {
    let (db, model) = (TestDatabase::create().await, ModelServer::start().await);
    let app = App::start(&db, &model).await;
    let (person, other) = (app.person().await, app.person().await);
    let begun = person.ask("Mine.").await;
    person.events(&begun).await;
    let turn = format!("/api/v1/turns/{}", begun.turn);
    for (method, path) in [
        (Method::GET, turn.clone()),
        (Method::GET, format!("{turn}/events")),
        (Method::POST, format!("{turn}/cancel")),
        (Method::POST, format!("{turn}/regenerate")),
        (Method::POST, format!("{turn}/continue")),
    ] {
        let reply = other.call(method, &path, None).await;
        assert_eq!(reply.status, StatusCode::NOT_FOUND, "{path}");
    }
    let path = format!("/api/v1/conversations/{}/turns", person.conversation);
    let reply = other
        .call(Method::POST, &path, Some(json!({"content": "Yours?"})))
        .await;
    assert_eq!(reply.status, StatusCode::NOT_FOUND);
    app.finish().await;
}

#[tokio::test]
async fn nothing_is_answered_without_an_actor_and_nodes_not_without_the_right() {
    let (db, model) = (TestDatabase::create().await, ModelServer::start().await);
    let app = App::start(&db, &model).await;
    let mut person = app.person().await;
    person.role = Role::User;
    for (method, path) in openmake_ai::routes() {
        let path = path.replace("{id}", &crate::app::new_uuid().to_string());
        let request = http::Request::builder()
            .method(method.clone())
            .uri(&path)
            .body(axum::body::Body::empty())
            .expect("a request");
        let response = tower::ServiceExt::oneshot(app.router.clone(), request)
            .await
            .expect("infallible");
        assert_eq!(
            response.status(),
            StatusCode::UNAUTHORIZED,
            "{method} {path}"
        );
        if path.contains("/nodes") {
            let reply = person.call(method, &path, None).await;
            assert_eq!(reply.status, StatusCode::FORBIDDEN, "{path}");
        }
    }
    app.finish().await;
}

#[tokio::test]
async fn a_running_answer_cannot_be_followed() {
    let (db, model) = (TestDatabase::create().await, ModelServer::start().await);
    let gate = Gate::closed();
    model.push(Script::gated("one two", &gate));
    let app = App::start(&db, &model).await;
    let person = app.person().await;
    let begun = person.ask("Slowly.").await;
    model.wait_for_chats(1).await;
    let reply = person.try_ask(json!({"content": "Faster!"})).await;
    assert_eq!(
        (reply.status, reply.code()),
        (StatusCode::CONFLICT, "turn_running")
    );
    gate.open_wide();
    assert_whole(&person.events(&begun).await);
    app.finish().await;
}

#[tokio::test]
async fn a_title_is_found_after_the_first_answer_and_everyone_is_told() {
    let (db, model) = (TestDatabase::create().await, ModelServer::start().await);
    model.set_title(Script::text("\"Sorting in Rust\""));
    let app = App::start(&db, &model).await;
    let person = app.person().await;
    let begun = person.ask("How do I sort a vector in Rust?").await;
    person.events(&begun).await;
    assert_eq!(person.titled().await, "Sorting in Rust");
    let conversations = app.store.conversations();
    let named = conversations.get(person.user, person.conversation).await;
    let version = named.expect("there").version;
    eventually("a wake-up", || async {
        app.heard(|heard| {
            matches!(heard, Heard::Changed(change) if change.kind == WakeupKind::Conversation
                && change.version == version && change.owner == Some(person.user))
        })
    })
    .await;
    // Only the first answer makes one.
    let begun = person.ask("And backwards?").await;
    person.events(&begun).await;
    assert_eq!(model.titles().len(), 1);
    app.finish().await;
}

#[tokio::test]
async fn a_model_that_gives_no_title_leaves_the_questions_words() {
    let (db, model) = (TestDatabase::create().await, ModelServer::start().await);
    model.set_title(Script::refuse(500, "no"));
    let app = App::start(&db, &model).await;
    let person = app.person().await;
    let begun = person.ask("How do I sort?").await;
    person.events(&begun).await;
    assert_eq!(person.titled().await, "How do I sort?");
    app.finish().await;
}

#[tokio::test]
async fn both_messages_can_be_searched_for_and_usage_is_rolled_up() {
    let (db, model) = (TestDatabase::create().await, ModelServer::start().await);
    model.push(Script::text("히아신스는 봄에 핍니다"));
    let app = App::start(&db, &model).await;
    let person = app.person().await;
    let begun = person.ask("When do hyacinths bloom?").await;
    person.events(&begun).await;
    for word in ["hyacinths", "히아신스"] {
        eventually(word, || async {
            let hits = app
                .store
                .search()
                .find(person.user, word, 10)
                .await
                .expect("searched");
            hits.len() == 1
        })
        .await;
    }
    eventually("the title's usage", || async {
        // A test may run over midnight.
        let today = SystemClock.now().date_naive();
        let yesterday = today - TimeDelta::days(1);
        let rows = app
            .store
            .usage()
            .report(person.user, yesterday, today)
            .await
            .expect("reported");
        rows.iter().map(|row| row.requests).sum::<i64>() == 2
    })
    .await;
    app.finish().await;
}

#[tokio::test]
async fn what_does_not_fit_is_cut_and_reported() {
    let (db, model) = (TestDatabase::create().await, ModelServer::start().await);
    model.set_models(vec![ListedModel {
        context_length: 2_048,
        ..ListedModel::able(MODEL)
    }]);
    let app = App::start(&db, &model).await;
    let person = app.person().await;
    let long = "word ".repeat(350);
    for _ in 0..4 {
        let begun = person.ask(&long).await;
        person.events(&begun).await;
    }
    let begun = person.ask("Still there?").await;
    let events = person.events(&begun).await;
    let cut = events
        .iter()
        .find(|event| event.name == "context.cut")
        .expect("a report");
    assert!(cut.data["messages"].as_u64().unwrap() >= 2);
    assert_eq!(cut.data["context_tokens"], 2_048);
    let last = model.chats().pop().unwrap();
    assert_eq!(last.messages().pop().unwrap().1, "Still there?");
    app.finish().await;
}

#[tokio::test]
async fn the_models_are_listed_with_what_they_can_do() {
    let (db, model) = (TestDatabase::create().await, ModelServer::start().await);
    let app = App::start(&db, &model).await;
    let person = app.person().await;
    let models = person.call(Method::GET, "/api/v1/models", None).await;
    assert_eq!(models.status, StatusCode::OK);
    assert_eq!(models.body["default_model"], MODEL);
    assert!(models.body["hint"].is_null());
    let items = models.body["items"].as_array().unwrap();
    assert_eq!(items[0]["kind"], "profile");
    assert_eq!(items[0]["id"], "openmake_auto");
    let real = items
        .iter()
        .find(|item| item["id"] == MODEL)
        .expect("the real model");
    assert_eq!(real["kind"], "model");
    assert_eq!(real["context_length"], 32_768);
    assert_eq!(real["nodes"], json!(["scripted 0"]));
    assert_eq!(real["capabilities"], json!(["tools", "vision", "thinking"]));
    let fast = items
        .iter()
        .find(|item| item["id"] == "openmake_fast")
        .expect("a profile");
    assert_eq!(fast["real_model"], MODEL);
    assert_eq!(fast["available"], true);
    app.finish().await;
}
