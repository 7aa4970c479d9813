//! The surfaces of other vendors, as the gateway guards them.

use std::time::Duration;

use axum::body::Body;
use http::{Method, StatusCode, header};
use openmake_gateway::{GatewaySettings, LimitSettings, RateSettings};
use serde_json::{Value, json};

use crate::support::{Answer, PATIENCE, TestApp, settings};

const PATH: &str = "/v1/chat/completions";

/// An error in OpenAI's shape: its type, parameter and code.
fn openai(answer: &Answer) -> (Value, Value, Value) {
    assert_eq!(answer.header("content-type"), "application/json");
    assert!(!answer.header("x-request-id").is_empty());
    let mut error = answer.json()["error"].clone();
    assert!(error["message"].is_string(), "{error}");
    (
        error["type"].take(),
        error["param"].take(),
        error["code"].take(),
    )
}

#[tokio::test]
async fn errors_have_the_shape_of_their_surface() {
    let app = TestApp::new().await;
    let client = app.admin().await;
    let visitor = app.visitor();

    let denied = visitor.post(PATH, json!({})).await;
    assert_eq!(denied.status, StatusCode::UNAUTHORIZED);
    let shaped = (
        json!("authentication_error"),
        Value::Null,
        json!("invalid_api_key"),
    );
    assert_eq!(openai(&denied), shaped);

    let refused = client.post(PATH, json!({"model": "refuses"})).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    let shaped = (
        json!("invalid_request_error"),
        json!("n"),
        json!("unsupported_parameter"),
    );
    assert_eq!(openai(&refused), shaped);
    assert_eq!(
        refused.json()["error"]["message"],
        "Only one. Leave it out."
    );

    for path in ["/v1", "/v1/nowhere", "/v1/audio/speech"] {
        let unknown = visitor.get(path).await;
        assert_eq!(unknown.status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(openai(&unknown).2, "unknown_route");
    }
    let method = client.get(PATH).await;
    assert_eq!(method.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(openai(&method).2, "method_not_allowed");

    let anthropic = visitor.get("/v1/messages/nowhere").await;
    assert_eq!(anthropic.status, StatusCode::NOT_FOUND);
    assert_eq!(anthropic.json()["type"], "error");
    assert_eq!(anthropic.json()["error"]["type"], "not_found_error");
    let ollama = visitor.get("/ollama/api/nowhere").await;
    assert_eq!(ollama.status, StatusCode::NOT_FOUND);
    assert!(ollama.json()["error"].is_string());
    let own = visitor.get("/api/v1/nowhere").await;
    assert_eq!(own.header("content-type"), "application/problem+json");
}

#[tokio::test]
async fn limits_and_rates_of_turns_hold() {
    let app = TestApp::with(GatewaySettings {
        rates: RateSettings {
            turn_start: 2,
            ..settings().rates
        },
        limits: LimitSettings {
            turn_body_bytes: 4_000,
            body_bytes: 1_000,
            ..LimitSettings::default()
        },
        ..settings()
    })
    .await;
    let client = app.admin().await;
    let fits = client.post(PATH, json!({"model": "x".repeat(3_000)})).await;
    assert_eq!(fits.status, StatusCode::OK, "{}", fits.text());
    let large = client.post(PATH, json!({"model": "x".repeat(5_000)})).await;
    assert_eq!(large.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(openai(&large).2, "too_large");
    let many = loop {
        let answer = client.post(PATH, json!({})).await;
        if answer.status != StatusCode::OK {
            break answer;
        }
    };
    assert_eq!(many.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(openai(&many).2, "rate_limit_exceeded");
    assert!(!many.header("retry-after").is_empty());
}

#[tokio::test]
async fn a_call_ends_with_its_client_and_no_sooner() {
    let app = TestApp::with(GatewaySettings {
        limits: LimitSettings {
            request_timeout: Duration::from_millis(1),
            ..LimitSettings::default()
        },
        ..settings()
    })
    .await;
    // Signing in takes longer than that.
    let patient = app.sibling(settings());
    let mut client = app.visitor().on(patient.router());
    client.register("admin@example.com").await;
    let client = client.on(app.router.clone());
    let body = json!({"model": "hangs"});
    let mut request = client.request(Method::POST, PATH, None);
    request.headers_mut().insert(
        header::CONTENT_TYPE,
        header::HeaderValue::from_static("application/json"),
    );
    *request.body_mut() = Body::from(body.to_string());
    let calling = tokio::task::JoinSet::from_iter([{
        let client = client.clone();
        async move { client.raw(request).await.status() }
    }]);
    let until = async |open: usize| {
        let reached = async {
            while app.ai.open_streams() != open {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, reached).await.is_ok()
    };
    assert!(until(1).await, "the call reaches the ai role");
    drop(calling);
    assert!(until(0).await, "the call ends with its client");
}
