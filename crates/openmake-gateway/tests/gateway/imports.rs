//! Uploads of other products' files.

use axum::body::Body;
use http::{Method, StatusCode, header};
use openmake_gateway::GatewaySettings;
use serde_json::json;

use crate::support::{Answer, Client, TestApp, settings};

const IMPORTS: &str = "/api/v1/imports";

async fn send(client: &Client, path: &str, offset: usize, bytes: &[u8]) -> Answer {
    let path = format!("{path}/chunks?offset={offset}");
    let mut request = client.request(Method::POST, &path, None);
    *request.body_mut() = Body::from(bytes.to_vec());
    let octets = header::HeaderValue::from_static("application/octet-stream");
    request.headers_mut().insert(header::CONTENT_TYPE, octets);
    client.send(request).await
}

#[tokio::test]
async fn a_file_comes_in_pieces_and_waits() {
    let app = TestApp::new().await;
    let _admin = app.admin().await;
    let ada = app.user("ada@example.org").await;
    let bob = app.user("bob@example.org").await;
    // Larger than a JSON body may be.
    let bytes = vec![b' '; 3 << 20];
    let body = json!({"kind": "open-webui", "file_name": "webui.db", "size": bytes.len()});
    let made = ada.post(IMPORTS, body.clone()).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    assert_eq!(made.json()["status"], "uploading");
    let path = format!("{IMPORTS}/{}", made.id());
    let second = ada.post(IMPORTS, body).await;
    assert_eq!(second.code(), "import_running");

    let (first, rest) = bytes.split_at(2 << 20);
    let answer = send(&ada, &path, 0, first).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let out_of_step = send(&ada, &path, first.len() + 7, b"x").await;
    assert_eq!(out_of_step.status, StatusCode::CONFLICT);
    assert_eq!(out_of_step.code(), "import_offset");
    assert_eq!(
        send(&bob, &path, first.len(), rest).await.status,
        StatusCode::NOT_FOUND
    );
    let last = send(&ada, &path, first.len(), rest).await.json();
    assert_eq!(
        (&last["status"], &last["received"]),
        (&json!("waiting"), &json!(bytes.len()))
    );

    for (method, path) in [
        (Method::GET, path.clone()),
        (Method::GET, format!("{path}/report")),
        (Method::POST, format!("{path}/cancel")),
        (Method::POST, format!("{path}/undo")),
    ] {
        let answer = bob.call(method, &path, None).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(bob.get(IMPORTS).await.json()["items"], json!([]));
    assert_eq!(ada.get(IMPORTS).await.json()["items"][0], last);
    let report = ada.get(&format!("{path}/report")).await;
    assert_eq!(report.status, StatusCode::NOT_FOUND);
    let undone = ada.call(Method::POST, &format!("{path}/undo"), None).await;
    assert_eq!(undone.code(), "import_state");
    let cancelled = ada
        .call(Method::POST, &format!("{path}/cancel"), None)
        .await;
    assert_eq!(cancelled.status, StatusCode::ACCEPTED);
    assert_eq!(cancelled.json()["status"], "cancelled");
    let late = send(&ada, &path, 0, first).await;
    assert_eq!(late.code(), "import_state");
}

#[tokio::test]
async fn what_cannot_be_is_refused() {
    let app = TestApp::with(GatewaySettings {
        import_bytes: 10,
        ..settings()
    })
    .await;
    let admin = app.admin().await;
    let (key, _) = admin.key(json!({"name": "k"})).await;
    let good = json!({"kind": "chatgpt", "file_name": "a.zip", "size": 10});
    assert_eq!(
        app.visitor()
            .with_key(&key)
            .post(IMPORTS, good.clone())
            .await
            .status,
        StatusCode::FORBIDDEN
    );
    for (wrong, code) in [
        (
            json!({"kind": "chatgpt", "file_name": "a.zip", "size": 11}),
            "import_too_large",
        ),
        (
            json!({"kind": "chatgpt", "file_name": "a.zip", "size": 0}),
            "invalid_input",
        ),
        (
            json!({"kind": "chatgpt", "file_name": " ", "size": 1}),
            "invalid_input",
        ),
        (
            json!({"kind": "gemini", "file_name": "a.zip", "size": 1}),
            "invalid_json",
        ),
    ] {
        assert_eq!(admin.post(IMPORTS, wrong).await.code(), code);
    }
    let made = admin.post(IMPORTS, good).await;
    let path = format!("{IMPORTS}/{}", made.id());
    assert_eq!(
        send(&admin, &path, 0, b"").await.status,
        StatusCode::BAD_REQUEST
    );
    assert_eq!(
        send(&admin, &path, 0, b"12345678901").await.code(),
        "import_offset"
    );
}
