//! Model servers over the API.

use http::{Method, StatusCode};
use openmake_store::{
    PageRequest,
    audit::AuditFilter,
    wakeups::{Heard, WakeupKind},
};
use serde_json::json;
use testkit::{
    database::TestDatabase,
    model::{MODEL, ModelServer, Script},
};

use crate::app::{App, Options, eventually, text_of};

const KEY: &str = "sk-secret-of-this-very-node-1234";

#[tokio::test]
async fn a_node_is_added_used_changed_and_removed() {
    let (db, model) = (TestDatabase::create().await, ModelServer::start().await);
    let none = || Options {
        servers: Vec::new(),
        ..Options::new(&model)
    };
    let app = App::start_with(&db, none()).await;
    let other = App::start_with(&db, none()).await;
    let person = app.person().await;
    let wanted = json!({
        "name": "Mine", "kind": "openai", "base_url": model.base_url(), "api_keys": [KEY],
    });

    let probe = person
        .call(Method::POST, "/api/v1/nodes/test", Some(wanted.clone()))
        .await;
    assert_eq!(probe.body["ok"], true, "{}", probe.body);
    assert_eq!(probe.body["models"], json!([MODEL]));

    let made = person
        .call(Method::POST, "/api/v1/nodes", Some(wanted.clone()))
        .await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    assert_eq!(made.body["source"], "stored");
    assert_eq!(made.body["health"], "healthy");
    assert_eq!(made.body["api_keys"][0]["last_four"], "1234");
    assert!(!made.body.to_string().contains("secret"));
    let path = format!("/api/v1/nodes/{}", made.body["id"].as_str().unwrap());

    // The key is sealed in the database, and still reaches its server.
    let stored = app.store.nodes().list().await.expect("listed");
    assert!(!String::from_utf8_lossy(&stored[0].keys[0].sealed).contains("secret"));
    let begun = person.ask("Hello?").await;
    assert_eq!(
        text_of(&person.events(&begun).await),
        "Hello from the script."
    );
    assert_eq!(
        model.chats()[0].authorization.as_deref(),
        Some(&*format!("Bearer {KEY}"))
    );

    // The other process learns of it.
    let there = other.seat(person.user, person.conversation);
    eventually("the node at the other process", || async {
        let list = there.call(Method::GET, "/api/v1/nodes", None).await;
        list.body["items"][0]["health"] == "healthy"
    })
    .await;
    assert!(
        app.heard(
            |heard| matches!(heard, Heard::Changed(change) if change.kind == WakeupKind::Node)
        )
    );

    let twice = person
        .call(Method::POST, "/api/v1/nodes", Some(wanted))
        .await;
    assert_eq!(twice.code(), "node_name_taken");

    let drained = person
        .call(Method::PATCH, &path, Some(json!({"draining": true})))
        .await;
    assert_eq!(drained.body["draining"], true);
    let refused = person.try_ask(json!({"content": "Anyone?"})).await;
    assert_eq!(refused.code(), "no_model_server");

    // Another host never gets the old one's key.
    let second = ModelServer::start().await;
    let moved = person
        .call(
            Method::PATCH,
            &path,
            Some(json!({"draining": false, "base_url": second.base_url()})),
        )
        .await;
    assert_eq!(moved.status, StatusCode::OK, "{}", moved.body);
    assert_eq!(moved.body["api_keys"], json!([]));
    second.push(Script::text("From the second."));
    let begun = person.ask("Who is there?").await;
    assert_eq!(text_of(&person.events(&begun).await), "From the second.");
    assert!(
        second
            .chats()
            .iter()
            .all(|chat| chat.authorization.is_none())
    );

    let removed = person.call(Method::DELETE, &path, None).await;
    assert_eq!(removed.status, StatusCode::NO_CONTENT);
    let gone = person.call(Method::DELETE, &path, None).await;
    assert_eq!(gone.status, StatusCode::NOT_FOUND);

    assert_audited(&app).await;
    app.finish().await;
    other.finish().await;
}

/// Every change is on record, and no record has the key.
async fn assert_audited(app: &App) {
    let page = PageRequest {
        after: None,
        limit: 50,
    };
    let entries = app
        .store
        .audit()
        .list(&AuditFilter::default(), page)
        .await
        .expect("listed");
    let actions: Vec<&str> = entries
        .items
        .iter()
        .map(|entry| entry.action.as_str())
        .filter(|action| action.starts_with("node."))
        .collect();
    assert_eq!(
        actions,
        ["node.delete", "node.update", "node.update", "node.create"]
    );
    assert!(
        entries
            .items
            .iter()
            .all(|entry| !entry.details.to_string().contains("secret"))
    );
}

#[tokio::test]
async fn a_configured_node_is_shown_and_not_changed() {
    let (db, model) = (TestDatabase::create().await, ModelServer::start().await);
    let app = App::start(&db, &model).await;
    let person = app.person().await;
    let list = person.call(Method::GET, "/api/v1/nodes", None).await;
    let node = &list.body["items"][0];
    assert_eq!(node["source"], "configured");
    let path = format!("/api/v1/nodes/{}", node["id"].as_str().unwrap());
    for (method, body) in [
        (Method::PATCH, Some(json!({"enabled": false}))),
        (Method::DELETE, None),
    ] {
        let reply = person.call(method, &path, body).await;
        assert_eq!(
            (reply.status, reply.code()),
            (StatusCode::CONFLICT, "node_configured")
        );
    }
    let tested = person
        .call(Method::POST, &format!("{path}/test"), None)
        .await;
    assert_eq!(tested.body["ok"], true);
    app.finish().await;
}

#[tokio::test]
async fn an_address_that_is_none_is_refused_and_one_that_is_dead_is_explained() {
    let (db, model) = (TestDatabase::create().await, ModelServer::start().await);
    let app = App::start(&db, &model).await;
    let person = app.person().await;
    for address in [
        "ftp://localhost:11434",
        "http://user:secret@localhost:11434",
        "http://localhost:11434?key=secret",
        "http://localhost:11434#x",
        "",
    ] {
        let node = json!({"name": "Mine", "kind": "ollama", "base_url": address});
        let reply = person.call(Method::POST, "/api/v1/nodes", Some(node)).await;
        assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{address}");
        assert_eq!(reply.body["fields"][0]["field"], "base_url", "{address}");
        assert!(!reply.body.to_string().contains("secret"), "{}", reply.body);
    }
    // A port that nobody listens on: it was given back a moment ago.
    let dead = ModelServer::start().await.base_url();
    let node = json!({"name": "Dead", "kind": "ollama", "base_url": dead});
    eventually("the port is free", || async {
        let tested = person
            .call(Method::POST, "/api/v1/nodes/test", Some(node.clone()))
            .await;
        tested.body["ok"] == false
            && tested.body["error"].is_string()
            && tested.body["hint"].is_string()
    })
    .await;
    app.finish().await;
}
