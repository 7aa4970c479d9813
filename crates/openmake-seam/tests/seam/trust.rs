//! Who asks is what was signed, and nothing else.

use axum::{body::Body, http::Method};
use openmake_api::{ClientInfo, Problem, RequestId};
use openmake_seam::{HEADER, InternalKeys, SystemNames};
use serde_json::{Value, json};

use crate::support::{
    Client, Replica, actor, guarded_answer, json_of, request, stolen_identity, target,
};

#[tokio::test]
async fn who_asks_arrives_and_what_is_made_up_does_not() {
    let replica = Replica::start().await;
    let client = Client::of(&[&replica]);
    let mut asked = request(Method::POST, "/who?x=1", Body::from("{}"));
    asked
        .extensions_mut()
        .insert(RequestId("req-12345".to_owned()));
    asked.extensions_mut().insert(ClientInfo {
        ip: Some([198, 51, 100, 7].into()),
        user_agent: Some("Brow✓ser".to_owned()),
        request_id: None,
    });
    for (name, value) in [
        (HEADER.as_str(), "1.made.up"),
        ("connection", "keep-alive, x-hop"),
        ("x-hop", "1"),
        ("te", "trailers"),
        ("transfer-encoding", "chunked"),
        ("host", "example.com"),
        ("x-kept", "1"),
    ] {
        let name: axum::http::HeaderName = name.parse().expect("a name");
        asked
            .headers_mut()
            .insert(name, value.parse().expect("a value"));
    }
    let answer = json_of(client.send(asked).await).await;
    assert_eq!(answer["user"], actor().user_id.to_string());
    assert_eq!(answer["tokens"], 9);
    assert_eq!(answer["request_id"], "req-12345");
    assert_eq!(answer["ip"], "198.51.100.7");
    assert_eq!(answer["agent"], "Brow✓ser");
    let headers = answer["headers"].as_array().expect("names");
    assert_eq!(headers.len(), 2, "{headers:?}");
    assert!(headers.contains(&json!("x-kept")) && headers.contains(&json!("content-length")));
}

#[tokio::test]
async fn whatever_is_not_signed_is_refused() {
    for path in ["/who", "/identity", "/nowhere"] {
        let answer = guarded_answer(request(Method::GET, path, Body::empty())).await;
        assert_eq!(answer.status(), 401, "{path}");
        assert_eq!(json_of(answer).await["code"], "identity_missing");
    }
    // Good for another path.
    let mut asked = request(Method::GET, "/who", Body::empty());
    asked.headers_mut().insert(HEADER, stolen_identity());
    let answer = guarded_answer(asked).await;
    assert_eq!(answer.status(), 401);
    assert_eq!(json_of(answer).await["code"], "identity_forged");
    // And those that say nothing about anyone need none.
    let answer = guarded_answer(request(Method::GET, "/ready", Body::empty())).await;
    assert_eq!(answer.status(), 200);
}

#[tokio::test]
async fn another_key_is_said_to_whoever_can_mend_it() {
    let replica = Replica::start().await;
    let other = InternalKeys::parse(&"o".repeat(32)).expect("a key");
    let targets = vec![target(replica.at)];
    let client = Client::with(targets.clone(), std::sync::Arc::new(SystemNames), other);
    let answer = client.get("/who").await;
    assert_eq!(answer.status(), 503);
    assert_eq!(json_of(answer).await["code"], "ai_misconfigured");
    // On its way in, it signs while the other is still accepted.
    let both = format!("{},{}", "k".repeat(32), "o".repeat(32));
    let both = InternalKeys::parse(&both).expect("keys");
    let client = Client::with(targets, std::sync::Arc::new(SystemNames), both);
    assert_eq!(client.get("/who").await.status(), 200);
}

#[tokio::test]
async fn problems_keep_what_the_gateway_makes_of_them() {
    let replica = Replica::start().await;
    let client = Client::of(&[&replica]);
    let answer = client.get("/problem").await;
    assert_eq!(answer.status(), 409);
    let problem = answer.extensions().get::<Problem>().expect("beside it");
    assert_eq!(problem.code, "turn_running");
    assert_eq!(json_of(answer).await["code"], "turn_running");
    let answer = client.get("/panic").await;
    assert_eq!(answer.status(), 500);
    assert_ne!(json_of(answer).await["code"], Value::Null);
}
