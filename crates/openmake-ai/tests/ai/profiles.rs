//! Profiles that administrators edit, and limits of questions.

use http::{Method, StatusCode};
use openmake_store::{
    audit::{NewAudit, Outcome},
    wakeups::{Wakeup, WakeupKind},
};
use openmake_types::{Clock as _, Limit, Role, SystemClock};
use serde_json::{Value, json};
use testkit::{
    database::TestDatabase,
    model::{ListedModel, ModelServer},
};

use crate::app::{App, Person, eventually, new_uuid, text_of};

const PROFILES: &str = "/api/v1/profiles";

async fn profile(person: &Person, id: &str) -> Value {
    let list = person.call(Method::GET, PROFILES, None).await;
    assert_eq!(list.status, StatusCode::OK, "{}", list.body);
    let items = list.body["items"].as_array().expect("items");
    let found = items.iter().find(|one| one["id"] == id);
    found.expect("listed").clone()
}

async fn edit(person: &Person, id: &str, body: Value) -> (StatusCode, Value) {
    let path = format!("{PROFILES}/{id}");
    let reply = person.call(Method::PUT, &path, Some(body)).await;
    (reply.status, reply.body)
}

fn entry() -> NewAudit {
    NewAudit {
        id: new_uuid(),
        at: SystemClock.now(),
        action: "limits.change",
        outcome: Outcome::Success,
        user_id: None,
        resource_type: None,
        resource_id: None,
        details: json!({}),
        ip_address: None,
        user_agent: None,
        request_id: None,
    }
}

#[tokio::test]
async fn an_edited_profile_is_what_answers_here_and_elsewhere() {
    let models = vec![ListedModel::able("alpha:1b"), ListedModel::able("beta:1b")];
    let model = ModelServer::start_with(models).await;
    let db = TestDatabase::create().await;
    let (app, other) = (App::start(&db, &model).await, App::start(&db, &model).await);
    let person = app.person().await;
    let there = other.seat(person.user, person.conversation);

    let before = profile(&person, "openmake_fast").await;
    assert_eq!(
        (&before["edited"], &before["enabled"]),
        (&json!(false), &json!(true))
    );
    assert_eq!(before["real_model"], "alpha:1b");
    assert_eq!(before["settings"], before["built_in"]);
    assert_eq!(before["settings"]["temperature"], 0.7);

    let wanted = json!({
        "enabled": true, "prefer": ["beta*", " beta* "], "temperature": 0.25,
        "instructions": "Answer like a pirate.",
    });
    let (status, list) = edit(&person, "openmake_fast", wanted).await;
    assert_eq!(status, StatusCode::OK, "{list}");
    let now = profile(&person, "openmake_fast").await;
    assert_eq!(now["real_model"], "beta:1b");
    assert_eq!(now["settings"]["prefer"], json!(["beta*"]));
    assert_eq!(
        now["settings"]["context_tokens"],
        now["built_in"]["context_tokens"]
    );
    assert_eq!(now["built_in"], before["built_in"]);

    let body = json!({"content": "Hello?", "model": "openmake_fast"});
    let begun = person.try_ask(body.clone()).await.begun();
    assert!(!text_of(&person.events(&begun).await).is_empty());
    let asked = &model.chats()[0];
    assert_eq!(asked.body["model"], "beta:1b");
    assert_eq!(asked.body["options"]["temperature"], 0.25);
    assert!(asked.messages()[0].1.contains("Answer like a pirate."));
    person.titled().await;
    eventually("the edit at the other process", || async {
        profile(&there, "openmake_fast").await["real_model"] == "beta:1b"
    })
    .await;

    // Switched off, it is neither listed nor asked; the one that chooses by the
    // question goes another way.
    let (status, _) = edit(&person, "openmake_fast", json!({"enabled": false})).await;
    assert_eq!(status, StatusCode::OK);
    let models = person.call(Method::GET, "/api/v1/models", None).await;
    assert!(!models.body["items"].to_string().contains("openmake_fast"));
    let refused = person.try_ask(body).await;
    assert_eq!(
        (refused.status, refused.code()),
        (StatusCode::BAD_REQUEST, "unknown_model")
    );
    let chosen = person
        .try_ask(json!({"content": "Hi!", "model": "openmake_auto"}))
        .await;
    assert_eq!(chosen.status, StatusCode::ACCEPTED, "{}", chosen.body);
    let begun = chosen.begun();
    person.events(&begun).await;

    let path = format!("{PROFILES}/openmake_fast");
    let reset = person.call(Method::DELETE, &path, None).await;
    assert_eq!(reset.status, StatusCode::OK);
    assert_eq!(profile(&person, "openmake_fast").await, before);
    app.finish().await;
    other.finish().await;
}

#[tokio::test]
async fn what_a_profile_cannot_be_is_refused_and_nobody_else_edits() {
    let (db, model) = (TestDatabase::create().await, ModelServer::start().await);
    let app = App::start(&db, &model).await;
    let person = app.person().await;
    for (field, body) in [
        ("temperature", json!({"enabled": true, "temperature": 3})),
        ("prefer", json!({"enabled": true, "prefer": [" "]})),
        ("prefer", json!({"enabled": true, "prefer": vec!["a"; 101]})),
        (
            "context_tokens",
            json!({"enabled": true, "context_tokens": 5}),
        ),
        ("tool_turns", json!({"enabled": true, "tool_turns": 101})),
        (
            "time_budget_seconds",
            json!({"enabled": true, "time_budget_seconds": 90_000}),
        ),
        (
            "instructions",
            json!({"enabled": true, "instructions": "x".repeat(8_001)}),
        ),
    ] {
        let (status, problem) = edit(&person, "openmake_pro", body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{field}");
        assert_eq!(problem["fields"][0]["field"], field);
    }
    for missing in ["openmake_auto", "nothing", "scripted:1b"] {
        let (status, _) = edit(&person, missing, json!({"enabled": true})).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{missing}");
    }
    assert_eq!(profile(&person, "openmake_pro").await["edited"], false);
    let user = Person {
        role: Role::User,
        ..person.clone()
    };
    let (status, _) = edit(&user, "openmake_pro", json!({"enabled": false})).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    let list = user.call(Method::GET, PROFILES, None).await;
    assert_eq!(list.status, StatusCode::FORBIDDEN);
    app.finish().await;
}

#[tokio::test]
async fn limits_of_questions_hold_when_an_administrator_sets_them() {
    let (db, model) = (TestDatabase::create().await, ModelServer::start().await);
    let app = App::start(&db, &model).await;
    let person = app.person().await;
    let long = json!({"content": "x".repeat(1_001)});
    let changes = [
        (Limit::MessageCharacters, Some(1_000)),
        (Limit::ContextTokens, Some(2_048)),
        (Limit::TokensPerMinute, Some(1_000_000)),
    ];
    let version = app
        .store
        .limits()
        .change(&changes, SystemClock.now(), &entry())
        .await
        .expect("set");
    let hint = Wakeup {
        kind: WakeupKind::Settings,
        id: uuid::Uuid::nil(),
        version,
        owner: None,
    };
    app.store.wakeups().notify(&[hint]).await.expect("told");
    eventually("the limit", || async {
        person.try_ask(long.clone()).await.status == StatusCode::BAD_REQUEST
    })
    .await;
    let refused = person.try_ask(long).await;
    assert_eq!(refused.body["fields"][0]["code"], "too_long");
    app.halt().await;
}
