//! What holds for every request: problems, headers, limits, rates, proxies.

use std::time::Duration;

use crate::support::{Client, TestApp, settings};
use axum::body::Body;
use futures_util::{FutureExt as _, stream};
use http::{Method, StatusCode};
use openmake_gateway::{GatewaySettings, LimitSettings, RateSettings};
use serde_json::{Value, json};

fn redacted(answer: &crate::support::Answer) -> Value {
    assert_eq!(answer.header("content-type"), "application/problem+json");
    let mut problem = answer.json();
    assert_eq!(problem["request_id"], answer.header("x-request-id"));
    assert_eq!(problem["status"], answer.status.as_u16());
    problem["request_id"] = json!("[id]");
    problem
}

#[tokio::test]
async fn errors_are_problem_documents() {
    let app = TestApp::new().await;
    let client = app.admin().await;
    let mut problems = Vec::new();
    for (method, path, body) in [
        (Method::GET, "/api/v1/nowhere", None),
        (Method::PUT, "/api/v1/users", None),
        (Method::GET, "/api/v1/users?limit=0", None),
        (Method::GET, "/api/v1/users?limit=x", None),
        (Method::GET, "/api/v1/conversations/not-an-id", None),
        (Method::PATCH, "/api/v1/auth/me", Some(json!({"name": "x"}))),
    ] {
        problems.push(redacted(&client.call(method, path, body).await));
    }
    let mut request = client.request(Method::PATCH, "/api/v1/auth/me", None);
    *request.body_mut() = Body::from("{");
    problems.push(redacted(&client.send(request).await));
    problems.push(redacted(&app.visitor().get("/api/v1/auth/me").await));
    insta::assert_json_snapshot!("problems", problems);
}

#[tokio::test]
async fn a_panic_and_a_hang_are_problems_too() {
    let app = TestApp::new().await;
    let hasty = app.sibling(GatewaySettings {
        limits: LimitSettings {
            request_timeout: Duration::from_secs(1),
            ..LimitSettings::default()
        },
        ..settings()
    });
    let client = app.admin().await.on(hasty.router());
    let panicked = client.get("/api/v1/models?panic").await;
    assert_eq!(panicked.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(redacted(&panicked)["code"], "internal");
    assert!(
        !panicked.text().contains("as asked"),
        "the cause stays here"
    );
    let hung = client.get("/api/v1/models?hang").await;
    assert_eq!(hung.status, StatusCode::GATEWAY_TIMEOUT);
    assert_eq!(redacted(&hung)["code"], "timeout");
    assert_eq!(client.get("/api/v1/models").await.status, StatusCode::OK);
}

#[tokio::test]
async fn what_changes_something_is_finished_though_its_client_is_gone() {
    let app = TestApp::new().await;
    let client = app.admin().await;
    let change = client.patch("/api/v1/auth/me", json!({"display_name": "Renamed"}));
    // Polled once and dropped, as when the connection breaks.
    let gone = change.now_or_never();
    assert!(gone.is_none(), "it had to wait for the database");
    let renamed = async {
        while client.get("/api/v1/auth/me").await.json()["display_name"] != "Renamed" {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let renamed = tokio::time::timeout(crate::support::PATIENCE, renamed).await;
    renamed.expect("it is done all the same");
}

#[tokio::test]
async fn bodies_and_heads_are_bounded() {
    let app = TestApp::new().await;
    let client = app.admin().await;
    let large = json!({"display_name": "x".repeat(2 << 20)});
    let answer = client.patch("/api/v1/auth/me", large.clone()).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(redacted(&answer)["code"], "too_large");

    // The same without saying before how much will come.
    let mut request = client.request(Method::PATCH, "/api/v1/auth/me", Some(json!({})));
    let pieces = (0..64).map(|_| Ok::<_, std::io::Error>(vec![b' '; 1 << 16]));
    *request.body_mut() = Body::from_stream(stream::iter(pieces));
    let answer = client.send(request).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);

    // A question may carry images.
    let conversation = uuid::Uuid::from_u128(1);
    let path = format!("/api/v1/conversations/{conversation}/turns");
    let answer = client
        .post(&path, json!({"content": "x".repeat(1 << 20)}))
        .await;
    assert_eq!(answer.status, StatusCode::ACCEPTED);

    let long = format!("/api/v1/users?cursor={}", "a".repeat(9000));
    assert_eq!(
        client.get(&long).await.status,
        StatusCode::PAYLOAD_TOO_LARGE
    );
    let padded = client.with_header("x-padding", &"a".repeat(40_000));
    let answer = padded.get("/api/v1/users").await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn answers_carry_security_headers() {
    let app = TestApp::new().await;
    let client = app.admin().await;
    for path in [
        "/",
        "/api/v1/users",
        "/api/v1/nowhere",
        "/health",
        "/api-docs/",
    ] {
        let answer = client.get(path).await;
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
            ("x-frame-options", "DENY"),
        ] {
            assert_eq!(answer.header(name), value, "{path}");
        }
        assert!(!answer.header("permissions-policy").is_empty(), "{path}");
        assert_eq!(
            answer.header("strict-transport-security"),
            "",
            "{path}: plain HTTP"
        );
        assert!(answer.header("access-control-allow-origin").is_empty());
    }
    let users = client.get("/api/v1/users").await;
    let policy = "default-src 'none'; frame-ancestors 'none'";
    assert_eq!(users.header("content-security-policy"), policy);
    assert_eq!(users.header("cache-control"), "no-store");
    let page = client.get("/").await;
    assert_eq!(page.text(), "the page");
    assert_eq!(
        page.header("content-security-policy"),
        "",
        "the page brings its own"
    );
}

#[tokio::test]
async fn the_api_describes_itself() {
    let app = TestApp::new().await;
    let document = app.visitor().get("/api/openapi.json").await;
    assert_eq!(document.status, StatusCode::OK);
    assert!(document.json()["paths"]["/api/v1/auth/login"].is_object());
    let redirect = app.visitor().get("/api-docs").await;
    assert_eq!(redirect.header("location"), "/api-docs/");
    let page = app.visitor().get("/api-docs/").await;
    assert_eq!(page.status, StatusCode::OK);
    let policy = page.header("content-security-policy");
    assert!(policy.contains("script-src 'self';"), "{policy}");
    let script = app.visitor().get("/api-docs/swagger-ui-bundle.js").await;
    assert_eq!(script.status, StatusCode::OK);
    assert!(script.header("content-type").contains("javascript"));
    let setup = app.visitor().get("/api-docs/swagger-initializer.js").await;
    assert!(setup.text().contains("/api/openapi.json"));
}

#[tokio::test]
async fn health_readiness_and_metrics() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let visitor = app.visitor();
    assert_eq!(visitor.get("/health").await.json()["status"], "ok");
    assert_eq!(
        visitor.get("/ready").await.json(),
        json!({"ready": true, "database": "ok"})
    );
    assert_eq!(
        visitor.get("/metrics").await.status,
        StatusCode::UNAUTHORIZED
    );
    let metrics = admin.get("/metrics").await.text();
    assert!(
        metrics.contains("openmake_gateway_requests_total{"),
        "{metrics}"
    );
    assert!(
        metrics.contains(r#"route="/api/v1/auth/register""#),
        "{metrics}"
    );
    // On an address of its own there is nothing else.
    let own = Client::new(app.metrics.clone());
    assert_eq!(own.get("/metrics").await.status, StatusCode::OK);
    assert_eq!(own.get("/api/v1/users").await.status, StatusCode::NOT_FOUND);

    app.store.close().await;
    let unready = visitor.get("/ready").await;
    assert_eq!(unready.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(redacted(&unready)["code"], "database_unavailable");
    assert_eq!(visitor.get("/health").await.status, StatusCode::OK);
}

#[tokio::test]
async fn rates_are_told_and_held() {
    let app = TestApp::with(GatewaySettings {
        rates: RateSettings {
            sign_in: 3,
            anonymous: 50,
            actor: 5,
            turn_start: 1,
            ..settings().rates
        },
        ..settings()
    })
    .await;
    let client = app.admin().await;
    let first = client.get("/api/v1/auth/me").await;
    assert_eq!(first.header("ratelimit-limit"), "5");
    assert_eq!(first.header("ratelimit-remaining"), "4");
    assert!(!first.header("ratelimit-reset").is_empty());
    let turns = format!("/api/v1/conversations/{}/turns", uuid::Uuid::from_u128(1));
    let start = || client.post(&turns, json!({"content": "a"}));
    assert_eq!(
        start().await.header("ratelimit-limit"),
        "1",
        "the narrowest"
    );
    let refused = start().await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(redacted(&refused)["code"], "rate_limited");
    assert_eq!(refused.header("ratelimit-remaining"), "0");
    let wait: u64 = refused.header("retry-after").parse().expect("seconds");
    assert!((1..=60).contains(&wait));

    // By address: another one is not held back.
    let mut visitor = app.visitor();
    let answers = [
        visitor.login("a@b.c", "not the password").await,
        visitor.login("a@b.c", "not the password").await,
        visitor.login("a@b.c", "not the password").await,
    ];
    assert_eq!(answers[2].status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(answers[2].code(), "rate_limited");
    visitor.peer = ([203, 0, 113, 1], 1000).into();
    let answer = visitor.login("a@b.c", "not the password").await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    // Bad tokens count towards the address as well.
    let mut guesser = app.visitor();
    guesser.peer = ([203, 0, 113, 2], 1000).into();
    guesser.token = Some("guess".to_owned());
    let mut last = StatusCode::OK;
    for _ in 0..60 {
        last = guesser.get("/api/v1/auth/me").await.status;
    }
    assert_eq!(last, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn forwarded_headers_are_believed_from_trusted_proxies_only() {
    let app = TestApp::with(GatewaySettings {
        trusted_proxies: vec!["10.0.0.0/8".parse().expect("a network")],
        ..settings()
    })
    .await;
    app.admin().await;
    for (peer, address, request_id, secure) in [
        ([10, 0, 0, 1], "192.0.2.55", "given-by-the-proxy", true),
        ([198, 51, 100, 7], "198.51.100.7", "", false),
    ] {
        let mut client = app
            .visitor()
            .with_header("x-forwarded-for", "6.6.6.6, 192.0.2.55")
            .with_header("x-forwarded-proto", "https")
            .with_header("x-forwarded-host", "chat.example.com")
            .with_header("x-request-id", "given-by-the-proxy");
        client.peer = (peer, 5000).into();
        client.host = "inner:8080".to_owned();
        let answer = client
            .login("admin@example.com", crate::support::PASSWORD)
            .await;
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(answer.header("set-cookie").contains("Secure"), secure);
        assert_eq!(
            !answer.header("strict-transport-security").is_empty(),
            secure
        );
        assert_eq!(
            answer.header("x-request-id") == "given-by-the-proxy",
            !request_id.is_empty()
        );
        let trail = client
            .get("/api/v1/audit?action=user.login&limit=200")
            .await
            .json();
        let trail = trail["items"].as_array().expect("items").clone();
        assert!(
            trail.iter().any(|entry| entry["ip_address"] == address),
            "{trail:?}"
        );
        assert!(
            trail.iter().all(|entry| entry["ip_address"] != "6.6.6.6"),
            "{trail:?}"
        );
        // The page's origin is what its browser sees.
        let mut page = client.with_header("origin", "https://chat.example.com");
        let status = page.refresh().await.status;
        assert_eq!(status == StatusCode::OK, secure, "{status}");
    }
}

#[tokio::test]
async fn other_origins_are_let_in_by_name_only() {
    let app = TestApp::with(GatewaySettings {
        allowed_origins: vec!["https://other.example".to_owned()],
        ..settings()
    })
    .await;
    for (origin, allowed) in [
        ("https://other.example", true),
        ("https://evil.example", false),
    ] {
        let client = app
            .visitor()
            .with_header("origin", origin)
            .with_header("access-control-request-method", "PATCH");
        let preflight = client.call(Method::OPTIONS, "/api/v1/auth/me", None).await;
        let answer = preflight.header("access-control-allow-origin");
        assert_eq!(answer == origin, allowed, "{origin}");
        let login = app.visitor().with_header("origin", origin);
        let answer = login.post(
            "/api/v1/auth/login",
            json!({"email": "a@b.c", "password": "x"}),
        );
        assert_eq!(answer.await.code() == "wrong_credentials", allowed);
    }
    let closed = TestApp::new().await;
    let client = closed
        .visitor()
        .with_header("origin", "https://other.example")
        .with_header("access-control-request-method", "GET");
    let preflight = client.call(Method::OPTIONS, "/api/v1/users", None).await;
    assert!(preflight.header("access-control-allow-origin").is_empty());
}

#[tokio::test]
async fn long_answers_are_compressed_but_none_with_a_token() {
    let app = TestApp::new().await;
    let mut client = app.visitor().with_header("accept-encoding", "gzip");
    let document = client.get("/api/openapi.json").await;
    assert_eq!(document.header("content-encoding"), "gzip");
    let problem = client.get("/api/v1/nowhere").await;
    assert_eq!(
        problem.header("content-encoding"),
        "gzip",
        "the whole problem"
    );
    let signed_in = client.register("kim@example.com").await;
    assert_eq!(signed_in.header("content-encoding"), "");
    assert!(signed_in.json()["access_token"].is_string());
    let turn = app.ai.turn();
    app.ai.say(turn, json!({"type": "turn.completed"}));
    let events = client.get(&format!("/api/v1/turns/{turn}/events")).await;
    assert_eq!(
        events.header("content-encoding"),
        "",
        "events are not held back"
    );
}

#[tokio::test]
async fn settings_are_read_and_changed() {
    let app = TestApp::with(GatewaySettings {
        bound_to_loopback: false,
        ..settings()
    })
    .await;
    let admin = app.admin().await;
    let before = admin.get("/api/v1/settings").await.json();
    assert_eq!(
        before,
        json!({
            "instance_name": "OpenMake",
            "registration": "invitation",
            "registration_is_default": true,
            "guests_allowed": false,
            "default_model": "openmake_auto",
            "warnings": [],
        })
    );
    let change =
        json!({"instance_name": " 우리 회사 ", "registration": "open", "guests_allowed": true});
    let after = admin.patch("/api/v1/settings", change).await.json();
    assert_eq!(after["instance_name"], "우리 회사");
    assert_eq!(after["warnings"][0]["code"], "open_registration");
    assert_eq!(after["default_model"], "openmake_auto");
    let seen = app.visitor().get("/api/v1/instance").await.json();
    assert_eq!(seen["name"], "우리 회사");
    assert_eq!(seen["guests_allowed"], true);
    let wrong = admin
        .patch("/api/v1/settings", json!({"instance_name": "a".repeat(61)}))
        .await;
    assert_eq!(wrong.json()["fields"][0]["field"], "instance_name");
}
