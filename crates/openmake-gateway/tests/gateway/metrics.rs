//! What the program counted over time.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use http::StatusCode;
use openmake_gateway::GatewaySettings;
use openmake_types::Clock as _;
use serde_json::Value;

use crate::support::{Client, PATIENCE, TestApp, settings};

/// Samples as fast as it can.
fn sampling() -> GatewaySettings {
    GatewaySettings {
        sample_every: Duration::from_millis(20),
        ..settings()
    }
}

fn at(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(chrono::SecondsFormat::Micros, true)
}

/// Asks until `enough` of the report is there.
async fn report(client: &Client, path: &str, enough: impl Fn(&Value) -> bool) -> Value {
    let asking = async {
        loop {
            let answer = client.get(path).await;
            assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
            let report = answer.json();
            if enough(&report) {
                return report;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, asking)
        .await
        .expect("it comes")
}

fn sum(report: &Value, field: &str) -> u64 {
    let points = report["points"].as_array().expect("points").iter();
    points.filter_map(|point| point[field].as_u64()).sum()
}

#[tokio::test]
async fn what_was_counted_is_shown_by_the_minute_with_its_gaps() {
    let app = TestApp::with(sampling()).await;
    let _other = app.sibling(sampling());
    let admin = app.admin().await;
    let missing = admin.get("/api/v1/conversations/nonsense").await;
    assert!(missing.status.is_client_error());
    let path = "/api/v1/admin/metrics";
    let first = report(&admin, path, |report| {
        sum(report, "requests_ok") >= 1 && sum(report, "requests_refused") >= 1
    })
    .await;
    assert_eq!(first["step_seconds"], 60);
    let point = &first["points"][0];
    assert!(point["request_ms"]["p50"].as_f64().expect("a time") > 0.0);
    assert!(point["request_ms"]["p99"].as_f64() >= point["request_ms"]["p50"].as_f64());
    assert_eq!(point["first_token_ms"], Value::Null);
    if cfg!(target_os = "linux") {
        assert!(point["memory_bytes"].as_u64().expect("memory") > 1_000_000);
    }
    let health = &first["health"];
    assert_eq!(health["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(health["last_backup"], Value::Null);
    report(&admin, path, |report| report["points"][0]["processes"] == 2).await;

    // Ten minutes in which nobody wrote are not ten minutes without requests.
    let began = app.clock.now();
    app.advance(TimeDelta::minutes(10));
    let later = report(&admin, path, |report| {
        report["points"].as_array().expect("points").len() >= 2
    })
    .await;
    let points = later["points"].as_array().expect("points");
    assert!(points.len() < 5, "{points:?}");

    // Only what lies within is asked, in steps that are few enough.
    let month = format!("{path}?from={}", at(began - TimeDelta::days(29)));
    let month = admin.get(&month).await.json();
    assert_eq!(month["step_seconds"], 3 * 3600);
    assert!(sum(&month, "requests_ok") >= sum(&later, "requests_ok"));
    let before = format!("{path}?to={}", at(began - TimeDelta::days(1)));
    assert_eq!(
        admin.get(&before).await.json()["points"],
        Value::Array(vec![])
    );
    for wrong in [
        format!("from={}&to={}", at(began), at(began - TimeDelta::hours(1))),
        format!("from={}", at(began - TimeDelta::days(40))),
        "from=yesterday".to_owned(),
    ] {
        let answer = admin.get(&format!("{path}?{wrong}")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{wrong}");
    }
    let kim = app.user("kim@example.com").await;
    assert_eq!(kim.get(path).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn figures_are_forgotten_after_thirty_days() {
    let app = TestApp::with(sampling()).await;
    let admin = app.admin().await;
    let path = "/api/v1/admin/metrics";
    report(&admin, path, |report| sum(report, "requests_ok") >= 1).await;
    let retention = kept_for_long();
    let kept = app.store.maintain(&retention, app.clock.now()).await;
    assert_eq!(kept.expect("a round").figures_removed, 0);
    let later = app.clock.now() + TimeDelta::days(31);
    let removed = app.store.maintain(&retention, later).await;
    assert!(removed.expect("a round").figures_removed >= 1);
}

fn kept_for_long() -> openmake_store::maintenance::Retention {
    let long = TimeDelta::days(90);
    openmake_store::maintenance::Retention {
        events: long,
        deleted_conversations: long,
        guests: long,
        ended_sessions: long,
        failed_sign_ins: long,
    }
}
