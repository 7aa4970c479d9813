//! Options of a conversation, and what new ones begin with.

use http::StatusCode;
use openmake_api::account::AccountExport;
use serde_json::{Value, json};

use crate::support::TestApp;

const DEFAULTS: &str = "/api/v1/auth/me/defaults";
const CONVERSATIONS: &str = "/api/v1/conversations";

#[tokio::test]
async fn options_are_kept_changed_taken_away_and_exported() {
    let app = TestApp::new().await;
    let kim = app.user("kim@example.com").await;
    let options =
        json!({"thinking": "low", "temperature": 1.5, "instructions": " 짧게.\n예: 네. "});
    let made = kim.post(CONVERSATIONS, options).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    let path = format!("{CONVERSATIONS}/{}", made.id());
    let shown = kim.get(&path).await.json();
    assert_eq!(
        (&shown["thinking"], &shown["temperature"]),
        (&json!("low"), &json!(1.5))
    );
    assert_eq!(shown["instructions"], "짧게.\n예: 네.");

    let change = json!({"temperature": 0, "thinking": null});
    let changed = kim.patch(&path, change).await.json();
    assert_eq!(
        (&changed["thinking"], &changed["temperature"]),
        (&Value::Null, &json!(0.0))
    );
    assert_eq!(changed["instructions"], "짧게.\n예: 네.");
    let export = kim.get(&format!("{path}/export?format=json")).await.json();
    assert_eq!(export["conversation"]["instructions"], "짧게.\n예: 네.");
    assert_eq!(export["conversation"]["temperature"], 0.0);
    let changed = kim.patch(&path, json!({"instructions": null})).await.json();
    assert_eq!(changed["instructions"], Value::Null);

    for (body, field) in [
        (json!({"thinking": "much"}), "thinking"),
        (json!({"temperature": 2.1}), "temperature"),
        (json!({"temperature": -0.1}), "temperature"),
        (json!({"instructions": "  "}), "instructions"),
        (json!({"instructions": "가".repeat(8001)}), "instructions"),
    ] {
        for refused in [
            kim.patch(&path, body.clone()).await,
            kim.post(CONVERSATIONS, body).await,
        ] {
            assert_eq!(
                refused.status,
                StatusCode::BAD_REQUEST,
                "{}",
                refused.text()
            );
            assert_eq!(refused.json()["fields"][0]["field"], field);
        }
    }
    let most = json!({"instructions": "가".repeat(8000)});
    assert_eq!(kim.patch(&path, most).await.status, StatusCode::OK);
    let other = app.user("lee@example.com").await;
    let stolen = other.patch(&path, json!({"instructions": "Lie."})).await;
    assert_eq!(stolen.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn new_conversations_begin_with_ones_defaults() {
    let app = TestApp::new().await;
    let kim = app.user("kim@example.com").await;
    let none = json!({"model": null, "instructions": null});
    assert_eq!(kim.get(DEFAULTS).await.json(), none);
    let before = kim.post(CONVERSATIONS, json!({})).await.json();
    let wanted = json!({"model": "qwen3:8b", "instructions": "Call me Kim."});
    let set = kim.patch(DEFAULTS, wanted.clone()).await;
    assert_eq!((set.status, set.json()), (StatusCode::OK, wanted.clone()));
    assert_eq!(kim.get(DEFAULTS).await.json(), wanted);

    let made = kim.post(CONVERSATIONS, json!({})).await.json();
    assert_eq!(
        (&made["model"], &made["instructions"]),
        (&json!("qwen3:8b"), &json!("Call me Kim."))
    );
    let without = json!({"model": "other:1b", "instructions": null});
    let made = kim.post(CONVERSATIONS, without).await.json();
    assert_eq!(
        (&made["model"], &made["instructions"]),
        (&json!("other:1b"), &Value::Null)
    );
    let path = format!("{CONVERSATIONS}/{}", before["id"].as_str().expect("an id"));
    assert_eq!(kim.get(&path).await.json()["instructions"], Value::Null);

    let export = kim.get("/api/v1/auth/me/export").await;
    let export: AccountExport = serde_json::from_slice(&export.body).expect("an export");
    assert_eq!(
        export.defaults.instructions.as_deref(),
        Some("Call me Kim.")
    );
    let other = app.user("lee@example.com").await;
    assert_eq!(other.get(DEFAULTS).await.json(), none);

    let cleared = kim.patch(DEFAULTS, json!({"model": null})).await.json();
    assert_eq!(
        (&cleared["model"], &cleared["instructions"]),
        (&Value::Null, &json!("Call me Kim."))
    );
    for (body, field) in [
        (json!({"model": ""}), "model"),
        (json!({"instructions": "가".repeat(8001)}), "instructions"),
    ] {
        let refused = kim.patch(DEFAULTS, body).await;
        assert_eq!(refused.json()["fields"][0]["field"], field);
    }
}
