//! What was asked with the keys of model servers.

use std::time::Duration;

use http::{Method, StatusCode};
use openmake_ai::AiSettings;
use serde_json::{Value, json};
use testkit::{
    database::TestDatabase,
    model::{MODEL, ModelServer, Script},
};

use crate::app::{App, Options, PATIENCE, Person, text_of};

const PATH: &str = "/api/v1/nodes/usage";
const KEYS: [&str; 2] = ["sk-first-of-this-node-1111", "sk-second-of-this-node-2222"];

fn counting(model: &ModelServer, servers: Vec<String>) -> Options {
    Options {
        settings: AiSettings {
            default_model: MODEL.to_owned(),
            count_keys_every: Duration::from_millis(20),
            ..AiSettings::default()
        },
        servers,
        ..Options::new(model)
    }
}

/// Asks until `enough` of the report is there.
async fn report(person: &Person, enough: impl Fn(&Value) -> bool) -> Value {
    let asking = async {
        loop {
            let answer = person.call(Method::GET, PATH, None).await;
            assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
            if enough(&answer.body) {
                return answer.body;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, asking)
        .await
        .expect("it comes")
}

fn sum(report: &Value, field: &str) -> u64 {
    let items = report["items"].as_array().expect("rows").iter();
    items
        .filter_map(|item| item["last_day"][field].as_u64())
        .sum()
}

#[tokio::test]
async fn each_key_is_counted_and_none_is_shown() {
    let (db, model) = (TestDatabase::create().await, ModelServer::start().await);
    let app = App::start_with(&db, counting(&model, Vec::new())).await;
    let person = app.person().await;
    let node = json!({
        "name": "Two keys", "kind": "openai", "base_url": model.base_url(), "api_keys": KEYS,
    });
    let made = person.call(Method::POST, "/api/v1/nodes", Some(node)).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);

    model.push(Script::refuse(429, "too many"));
    model.push(Script::text("From the other key."));
    let begun = person.ask("Hello?").await;
    assert_eq!(text_of(&person.events(&begun).await), "From the other key.");

    // The title is asked for as well, so there may be more than one answer.
    let seen = report(&person, |report| {
        sum(report, "succeeded") >= 1 && sum(report, "output_tokens") >= 1
    })
    .await;
    let items = seen["items"].as_array().expect("rows");
    assert_eq!(items.len(), 2, "{seen}");
    let limited = items
        .iter()
        .find(|item| item["cooldown_reason"] == "limited")
        .expect("one rests");
    let other = items
        .iter()
        .find(|item| item["cooldown_reason"] == Value::Null)
        .expect("one does not");
    assert_eq!(limited["last_day"]["rate_limited"], 1);
    assert_eq!(limited["last_day"]["succeeded"], 0);
    assert!(limited["cooldown_until"].is_string());
    assert_eq!(other["last_day"]["rate_limited"], 0);
    assert!(other["last_used_at"].is_string());
    assert_eq!(other["hours"].as_array().expect("hours").len(), 1);
    assert_eq!(
        other["days"][0]["requests"],
        other["last_month"]["requests"]
    );
    assert_eq!(
        [&items[0]["last_four"], &items[1]["last_four"]],
        ["1111", "2222"]
    );
    assert_eq!(items[1]["position"], 2);
    assert!(!seen.to_string().contains("of-this-node"));

    // Its counts outlive the node.
    let path = format!("/api/v1/nodes/{}", made.body["id"].as_str().unwrap());
    let removed = person.call(Method::DELETE, &path, None).await;
    assert_eq!(removed.status, StatusCode::NO_CONTENT);
    let gone = report(&person, |report| report["items"][0]["present"] == false).await;
    assert_eq!(gone["items"][0]["node_name"], "Two keys");
    assert_eq!(sum(&gone, "rate_limited"), 1);
    app.finish().await;
}

#[tokio::test]
async fn two_processes_count_a_node_without_keys_together() {
    let (db, model) = (TestDatabase::create().await, ModelServer::start().await);
    let app = App::start_with(&db, counting(&model, Vec::new())).await;
    let other = App::start_with(&db, counting(&model, Vec::new())).await;
    let person = app.person().await;
    let before = report(&person, |_| true).await;
    assert_eq!(before["items"], json!([]));
    let node = json!({"name": "Open", "kind": "openai", "base_url": model.base_url()});
    let made = person.call(Method::POST, "/api/v1/nodes", Some(node)).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
    let unused = report(&person, |_| true).await;
    assert_eq!(unused["items"][0]["position"], Value::Null);
    assert_eq!(unused["items"][0]["last_used_at"], Value::Null);

    let there = other.person_of(person.user).await;
    report(&there, |report| report["items"] != json!([])).await;
    for person in [&person, &there] {
        let begun = person.ask("Hello?").await;
        person.events(&begun).await;
    }
    let seen = report(&person, |report| sum(report, "succeeded") >= 2).await;
    assert_eq!(seen["items"].as_array().expect("rows").len(), 1, "{seen}");
    let metrics = {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &app.registry).expect("encodes");
        text
    };
    assert!(
        metrics.contains(r#"openmake_model_calls_total{outcome="succeeded"}"#),
        "{metrics}"
    );
    app.finish().await;
    other.finish().await;
}
