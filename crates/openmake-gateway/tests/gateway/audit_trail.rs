//! The audit trail's chain and its export.

use chrono::TimeDelta;
use http::StatusCode;
use openmake_types::Clock as _;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::support::{PASSWORD, TestApp};

/// The hash of an exported line, by what docs/operations.md says.
fn hash(before: &[u8], entry: &Value) -> Vec<u8> {
    let canonical = json!([
        entry["seq"],
        entry["id"],
        micros(entry["timestamp"].as_str().expect("a time")),
        entry["action"],
        entry["outcome"],
        entry["user_id"],
        entry["resource_type"],
        entry["resource_id"],
        entry["details"],
        entry["ip_address"],
        entry["user_agent"],
        entry["request_id"],
    ]);
    let mut hash = Sha256::new();
    hash.update(before);
    hash.update(canonical.to_string());
    hash.finalize().to_vec()
}

/// A time with all six digits.
fn micros(time: &str) -> String {
    let time: chrono::DateTime<chrono::Utc> = time.parse().expect("a time");
    time.to_rfc3339_opts(chrono::SecondsFormat::Micros, true)
}

#[tokio::test]
async fn the_exported_trail_can_be_checked_by_anybody() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let kim = app.user("kim@example.com").await;
    let visitors: Vec<_> = (0..6).map(|_| app.visitor()).collect();
    let logins = visitors.into_iter().enumerate().map(async |(n, visitor)| {
        let mut visitor = visitor;
        let password = if n == 0 { "wrong password" } else { PASSWORD };
        visitor.login("kim@example.com", password).await.status
    });
    let statuses = futures_util::future::join_all(logins).await;
    assert!(statuses.contains(&StatusCode::OK), "{statuses:?}");

    let verified = admin.get("/api/v1/audit/verify").await;
    assert_eq!(verified.status, StatusCode::OK, "{}", verified.text());
    let verified = verified.json();
    assert_eq!(verified["intact"], true, "{verified}");
    assert_eq!(verified["fault"], Value::Null);

    let export = admin.get("/api/v1/audit/export").await;
    assert_eq!(export.status, StatusCode::OK);
    assert_eq!(export.header("content-type"), "application/x-ndjson");
    assert!(export.header("content-disposition").contains("audit.jsonl"));
    let text = export.text();
    let mut before = vec![0; 32];
    let mut count = 0;
    for line in text.lines() {
        let entry: Value = serde_json::from_str(line).expect("a line");
        count += 1;
        assert_eq!(entry["seq"], count);
        before = hash(&before, &entry);
        assert_eq!(entry["hash"], hex::encode(&before), "{entry}");
    }
    // The export is an act of its own, and its last line.
    assert_eq!(verified["entries"], count - 1);
    let last = text.lines().last().expect("a line");
    assert!(last.contains("audit.export"), "{last}");
    let mine = kim.get("/api/v1/auth/me").await.id();
    let of_kim = admin
        .get(&format!(
            "/api/v1/audit/export?user_id={mine}&action=user.login"
        ))
        .await
        .text();
    let of_kim: Vec<Value> = of_kim
        .lines()
        .map(|line| serde_json::from_str(line).expect("a line"))
        .collect();
    assert!(!of_kim.is_empty());
    for entry in of_kim {
        assert_eq!(
            (&entry["user_id"], &entry["action"]),
            (&json!(mine), &json!("user.login"))
        );
    }

    let head = verified["head"].as_str().expect("a head");
    let path = |noted: &str| format!("/api/v1/audit/verify?noted={noted}");
    assert_eq!(admin.get(&path(head)).await.json()["intact"], true);
    let forged = format!("2:{}", "ab".repeat(32));
    let forged = admin.get(&path(&forged)).await.json();
    assert_eq!(forged["intact"], false);
    assert_eq!(forged["fault"]["kind"], "replaced");
    assert_eq!(forged["fault"]["seq"], 2);
    assert_eq!(admin.get(&path("2")).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn the_trail_is_asked_by_outcome_time_and_thing() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let kim = app.user("kim@example.com").await;
    let kims = kim.get("/api/v1/auth/me").await.id();
    let mut visitor = app.visitor();
    let wrong = visitor.login("kim@example.com", "not the password").await;
    assert_eq!(wrong.status, StatusCode::UNAUTHORIZED);
    let between = app.clock.now() + TimeDelta::minutes(1);
    app.advance(TimeDelta::minutes(2));
    let path = format!("/api/v1/users/{kims}");
    let changed = admin.patch(&path, json!({"is_active": false})).await;
    assert_eq!(changed.status, StatusCode::OK, "{}", changed.text());

    let acts = async |query: &str| -> Vec<String> {
        let page = admin.get(&format!("/api/v1/audit?{query}")).await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.text());
        let page = page.json();
        let items = page["items"].as_array().expect("entries").iter();
        items
            .map(|entry| entry["action"].as_str().expect("an action").to_owned())
            .collect()
    };
    assert_eq!(acts("outcome=failure").await, ["user.login"]);
    assert_eq!(acts("outcome=denied").await, [""; 0]);
    let on_kim = format!("resource_type=user&resource_id={kims}&outcome=success");
    assert!(acts(&on_kim).await.contains(&"user.change".to_owned()));
    let between = between.to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
    assert_eq!(acts(&format!("from={between}")).await, ["user.change"]);
    let before = acts(&format!("to={between}")).await;
    assert!(!before.is_empty() && !before.contains(&"user.change".to_owned()));
    let odd = admin.get("/api/v1/audit?outcome=perhaps").await;
    assert_eq!(odd.status, StatusCode::BAD_REQUEST);
}
