//! The WebSocket, over a real listener.

use std::time::Duration;

use crate::support::{
    PASSWORD, PATIENCE, TestApp, settings,
    socket::{Socket, serve, serve_router},
};
use chrono::TimeDelta;
use http::{Method, StatusCode};
use openmake_gateway::{GatewaySettings, SocketSettings};
use openmake_store::wakeups::Heard;
use serde_json::{Value, json};
use tokio::io::AsyncReadExt as _;
use tokio_tungstenite::{MaybeTlsStream, tungstenite};

fn with_socket(socket: SocketSettings) -> GatewaySettings {
    GatewaySettings {
        socket,
        ..settings()
    }
}

fn delta(text: &str) -> Value {
    json!({"type": "text.delta", "text": text})
}

#[tokio::test]
async fn a_socket_says_who_it_is_first() {
    let app = TestApp::with(with_socket(SocketSettings {
        auth_timeout: Duration::from_millis(300),
        ..SocketSettings::default()
    }))
    .await;
    let address = serve(&app).await;
    let client = app.user("kim@example.com").await;
    let token = client.token.clone().expect("a token");

    let mut silent = Socket::open(address, None).await.expect("opens");
    assert_eq!(silent.close_code().await, 4003);
    let mut hasty = Socket::open(address, None).await.expect("opens");
    hasty.send(json!({"type": "ping"})).await;
    assert_eq!(hasty.close_code().await, 4003);
    let mut forged = Socket::open(address, None).await.expect("opens");
    forged
        .send(json!({"type": "auth", "access_token": "a.b.c"}))
        .await;
    assert_eq!(forged.next().await["problem"]["code"], "token_invalid");
    assert_eq!(forged.close_code().await, 4001);

    let mut good = Socket::open(address, None).await.expect("opens");
    good.send(json!({"type": "auth", "access_token": token}))
        .await;
    assert_eq!(
        good.next().await,
        json!({"type": "ready", "ping_interval": 25})
    );
    good.send(json!({"type": "ping"})).await;
    assert_eq!(good.next().await, json!({"type": "pong"}));
    // A fresh token of the same session.
    let mut client = client;
    client.refresh().await;
    good.send(json!({"type": "auth", "access_token": client.token}))
        .await;
    assert_eq!(good.next().await["type"], "ready");
    // One of another session is another socket's.
    let stranger = app.user("lee@example.com").await;
    good.send(json!({"type": "auth", "access_token": stranger.token}))
        .await;
    assert_eq!(good.close_code().await, 4001);
}

#[tokio::test]
async fn pages_of_other_origins_open_no_socket() {
    let app = TestApp::new().await;
    let address = serve(&app).await;
    for (origin, opens) in [
        (format!("http://{address}"), true),
        ("https://evil.example".to_owned(), false),
    ] {
        match Socket::open(address, Some(&origin)).await {
            Ok(_) => assert!(opens, "{origin}"),
            Err(error) => {
                assert!(!opens, "{origin}: {error}");
                let tungstenite::Error::Http(answer) = *error else {
                    panic!("an answer, not {error}");
                };
                assert_eq!(answer.status(), StatusCode::FORBIDDEN);
            }
        }
    }
    let plain = app.visitor().get("/api/v1/ws").await;
    assert_eq!(plain.code(), "websocket_expected");
}

#[tokio::test]
async fn events_come_in_order_from_where_the_client_is() {
    let app = TestApp::new().await;
    let address = serve(&app).await;
    let client = app.user("kim@example.com").await;
    let token = client.token.as_deref().expect("a token");
    let turn = app.ai.turn();
    for text in ["a", "b", "c"] {
        app.ai.say(turn, delta(text));
    }
    let mut socket = Socket::signed_in(address, token).await;
    // The stream from the ai role breaks off after one event: nobody notices.
    app.ai.cut_after(1);
    socket
        .send(json!({"type": "subscribe", "turn_id": turn, "after": 1}))
        .await;
    for (seq, text) in [(2, "b"), (3, "c")] {
        let event = socket.next().await;
        assert_eq!(
            event,
            json!({"seq": seq, "turn_id": turn, "type": "text.delta", "text": text})
        );
    }
    app.ai.say(turn, delta("d"));
    assert_eq!(socket.next().await["seq"], 4);
    // Asking again replaces: everything once more, and then no repeats.
    socket
        .send(json!({"type": "subscribe", "turn_id": turn}))
        .await;
    for seq in 1..=4 {
        assert_eq!(socket.next().await["seq"], seq);
    }
    socket
        .send(json!({"type": "unsubscribe", "turn_id": turn}))
        .await;
    socket.send(json!({"type": "ping"})).await;
    assert_eq!(socket.next().await["type"], "pong");
    app.ai.say(turn, delta("e"));
    socket
        .send(json!({"type": "subscribe", "turn_id": turn, "after": 5}))
        .await;
    app.ai.say(
        turn,
        json!({"type": "turn.completed", "finish_reason": "stop"}),
    );
    let last = socket.next().await;
    assert_eq!(
        (&last["seq"], &last["type"]),
        (&json!(6), &json!("turn.completed"))
    );

    let nobodys = uuid::Uuid::from_u128(9);
    socket
        .send(json!({"type": "subscribe", "turn_id": nobodys}))
        .await;
    let error = socket.next().await;
    assert_eq!(error["reference"], nobodys.to_string());
    assert_eq!(error["problem"]["code"], "not_found");
}

#[tokio::test]
async fn a_question_is_asked_watched_and_stopped() {
    let app = TestApp::new().await;
    let address = serve(&app).await;
    let client = app.user("kim@example.com").await;
    let token = client.token.as_deref().expect("a token");
    let conversation = uuid::Uuid::from_u128(5);
    let mut socket = Socket::signed_in(address, token).await;
    let ask = |content: &str, key: &str| {
        json!({"type": "turn.start", "conversation_id": conversation, "content": content,
               "model": "openmake_fast", "idempotency_key": key})
    };
    // Larger than other frames may be: questions carry images.
    socket.send(ask(&"질문".repeat(50_000), "key-1")).await;
    let accepted = socket.next().await;
    assert_eq!(accepted["type"], "turn.accepted", "{accepted}");
    assert_eq!(accepted["idempotency_key"], "key-1");
    let turn = accepted["turn_id"].clone();
    let started = socket.next().await;
    assert_eq!(
        (&started["type"], &started["turn_id"]),
        (&json!("turn.started"), &turn)
    );
    let seen = app.ai.seen();
    let seen = seen
        .iter()
        .find(|seen| seen.path == "start")
        .expect("asked");
    assert_eq!(seen.headers["idempotency-key"], "key-1");
    assert_eq!(seen.body["model"], "openmake_fast");
    assert!(seen.body.get("parent_id").is_none(), "not said is not null");
    assert!(seen.actor.is_some());

    socket
        .send(json!({"type": "turn.cancel", "turn_id": turn}))
        .await;
    let cancelled = socket.next().await;
    assert_eq!(
        (&cancelled["type"], &cancelled["turn_id"]),
        (&json!("turn.cancelled"), &turn)
    );
    let nobodys = uuid::Uuid::from_u128(9);
    socket
        .send(json!({"type": "turn.cancel", "turn_id": nobodys}))
        .await;
    assert_eq!(socket.next().await["problem"]["code"], "not_found");

    socket.send(ask("refuse me", "key-2")).await;
    let refused = socket.next().await;
    assert_eq!(refused["reference"], "key-2");
    assert_eq!(refused["problem"]["code"], "turn_running");
    for key in ["", "한글", &"k".repeat(201)] {
        socket.send(ask("a", key)).await;
        let refused = socket.next().await;
        assert_eq!(refused["problem"]["fields"][0]["field"], "idempotency_key");
    }
}

#[tokio::test]
async fn frames_are_checked_and_bounded() {
    let app = TestApp::with(with_socket(SocketSettings {
        frames_per_minute: 4,
        max_sockets: 2,
        max_subscriptions: 1,
        ..SocketSettings::default()
    }))
    .await;
    let address = serve(&app).await;
    let client = app.user("kim@example.com").await;
    let token = client.token.as_deref().expect("a token");
    let mut socket = Socket::signed_in(address, token).await;
    socket.send(json!({"type": "of.tomorrow"})).await;
    assert_eq!(socket.next().await["problem"]["code"], "invalid_json");
    let (first, second) = (app.ai.turn(), app.ai.turn());
    socket
        .send(json!({"type": "subscribe", "turn_id": first}))
        .await;
    socket
        .send(json!({"type": "subscribe", "turn_id": second}))
        .await;
    let error = socket.next().await;
    assert_eq!(error["problem"]["code"], "too_many_subscriptions");
    socket.send(json!({"type": "ping"})).await;
    assert_eq!(socket.next().await["type"], "pong");
    socket.send(json!({"type": "ping"})).await;
    assert_eq!(socket.next().await["problem"]["code"], "rate_limited");

    let mut wide = Socket::signed_in(address, token).await;
    let mut third = Socket::open(address, None).await.expect("opens");
    third
        .send(json!({"type": "auth", "access_token": token}))
        .await;
    assert_eq!(third.close_code().await, 4005);
    let padded = json!({"type": "ping", "padding": "x".repeat(70_000)});
    wide.send(padded).await;
    assert_eq!(wide.close_code().await, 1009);
    let mut place_again = Socket::signed_in(address, token).await;
    place_again.0.send_binary().await;
    assert_eq!(place_again.close_code().await, 1003);
}

trait SendBinary {
    async fn send_binary(&mut self);
}

impl<S: futures_util::Sink<tungstenite::Message> + Unpin> SendBinary for S
where
    S::Error: std::fmt::Debug,
{
    async fn send_binary(&mut self) {
        use futures_util::SinkExt as _;
        let message = tungstenite::Message::binary(vec![1, 2, 3]);
        self.send(message).await.expect("sent");
    }
}

#[tokio::test]
async fn the_end_of_the_session_closes_its_sockets_here_and_elsewhere() {
    let app = TestApp::new().await;
    let client = app.user("kim@example.com").await;
    let token = client.token.as_deref().expect("a token");
    let here = serve(&app).await;
    let sibling = app.sibling(settings()).router();
    let elsewhere = crate::support::socket::serve_router(&app, sibling).await;
    let mut sockets = [
        Socket::signed_in(here, token).await,
        Socket::signed_in(elsewhere, token).await,
    ];
    let mut other = app.visitor();
    other.login("kim@example.com", PASSWORD).await;
    let mut spared = Socket::signed_in(here, other.token.as_deref().expect("a token")).await;
    other.delete("/api/v1/auth/sessions").await;
    for socket in &mut sockets {
        let frame = socket.next_of("session.ended").await;
        assert_eq!(frame, json!({"type": "session.ended", "reason": "revoked"}));
        assert_eq!(socket.close_code().await, 4001);
    }
    spared.send(json!({"type": "ping"})).await;
    assert_eq!(spared.next_of("pong").await["type"], "pong");
    other.call(Method::POST, "/api/v1/auth/logout", None).await;
    assert_eq!(
        spared.next_of("session.ended").await["reason"],
        "signed_out"
    );
}

#[tokio::test]
async fn a_role_change_closes_sockets_and_the_token_is_worth_nothing() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let kim = app.user("kim@example.com").await;
    let token = kim.token.as_deref().expect("a token");
    let address = serve(&app).await;
    let mut socket = Socket::signed_in(address, token).await;
    let id = kim.get("/api/v1/auth/me").await.id();
    let path = format!("/api/v1/users/{id}");
    admin.patch(&path, json!({"role": "admin"})).await;
    let frame = socket.next_of("session.ended").await;
    assert_eq!(frame["reason"], "account_changed");
    let mut again = Socket::open(address, None).await.expect("opens");
    again
        .send(json!({"type": "auth", "access_token": token}))
        .await;
    assert_eq!(again.close_code().await, 4001);
}

#[tokio::test]
async fn a_token_that_is_not_renewed_closes_its_socket() {
    let app = TestApp::with(with_socket(SocketSettings {
        token_grace: Duration::ZERO,
        ..SocketSettings::default()
    }))
    .await;
    let address = serve(&app).await;
    let client = app.user("kim@example.com").await;
    app.advance(TimeDelta::minutes(15));
    let token = client.token.as_deref().expect("a token");
    let mut socket = Socket::signed_in(address, token).await;
    assert_eq!(socket.close_code().await, 4002);
}

#[tokio::test]
async fn a_socket_that_says_nothing_is_closed() {
    let app = TestApp::with(with_socket(SocketSettings {
        ping_interval: Duration::from_millis(100),
        ..SocketSettings::default()
    }))
    .await;
    let address = serve(&app).await;
    let client = app.user("kim@example.com").await;
    let token = client.token.as_deref().expect("a token");
    let mut socket = Socket::signed_in(address, token).await;
    // Below the protocol, so that no pong answers the server's pings.
    let MaybeTlsStream::Plain(stream) = socket.0.get_mut() else {
        panic!("plain TCP");
    };
    let mut bytes = Vec::new();
    let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut bytes)).await;
    read.expect("closed in time").expect("closed");
    let reason = b"nothing was heard";
    assert!(bytes.windows(reason.len()).any(|window| window == reason));
}

#[tokio::test]
async fn a_stopping_server_says_so() {
    let app = TestApp::new().await;
    let address = serve(&app).await;
    let client = app.user("kim@example.com").await;
    let token = client.token.as_deref().expect("a token");
    let mut socket = Socket::signed_in(address, token).await;
    app.stop.cancel();
    assert_eq!(socket.close_code().await, 1012);
    drop(socket);
    app.tasks.close();
    let done = tokio::time::timeout(PATIENCE, app.tasks.wait()).await;
    done.expect("every task ends");
}

#[tokio::test]
async fn a_slow_reader_is_told_to_resync_and_loses_nothing() {
    let app = TestApp::with(with_socket(SocketSettings {
        queue_frames: 4,
        slow_reader_wait: Duration::from_millis(100),
        ..SocketSettings::default()
    }))
    .await;
    let address = serve(&app).await;
    let client = app.user("kim@example.com").await;
    let token = client.token.as_deref().expect("a token");
    let turn = app.ai.turn();
    // More than the sockets' buffers take.
    let text = "x".repeat(60_000);
    for _ in 0..400 {
        app.ai.say(turn, delta(&text));
    }
    app.ai.say(
        turn,
        json!({"type": "turn.completed", "finish_reason": "stop"}),
    );
    let mut socket = Socket::signed_in(address, token).await;
    socket
        .send(json!({"type": "subscribe", "turn_id": turn}))
        .await;
    // It reads when the relay has given up: its stream is the only one.
    let gave_up = async {
        let relays = || app.ai.open_streams();
        while relays() == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        while relays() > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, gave_up)
        .await
        .expect("gives up");
    let mut last = 0;
    let mut resyncs = 0;
    loop {
        let frame = socket.next().await;
        if frame["type"] == "resync" {
            assert_eq!(frame["turn_id"], turn.to_string());
            resyncs += 1;
            socket
                .send(json!({"type": "subscribe", "turn_id": turn, "after": last}))
                .await;
            continue;
        }
        assert_eq!(frame["seq"], last + 1, "no gap and no repeat");
        last += 1;
        if frame["type"] == "turn.completed" {
            break;
        }
    }
    assert!(resyncs >= 1);
    assert_eq!(last, 401);
}

#[tokio::test]
async fn changes_are_told_to_whom_they_concern() {
    let app = TestApp::new().await;
    let address = serve(&app).await;
    let admin = app.admin().await;
    let kim = app.user("kim@example.com").await;
    let mut of_admin = Socket::signed_in(address, admin.token.as_deref().expect("a token")).await;
    let mut of_kim = Socket::signed_in(address, kim.token.as_deref().expect("a token")).await;
    let conversation = kim.conversation("mine").await;
    admin
        .patch("/api/v1/settings", json!({"instance_name": "Acme"}))
        .await;
    let changed = of_kim.next_of("conversation.changed").await;
    assert_eq!(changed["id"], conversation);
    let settings = of_kim.next_of("settings.changed").await;
    // The administrator hears of the setting and not of the conversation.
    let heard = of_admin.next().await;
    assert_eq!(heard, settings);

    // After a gap everything is named that may have changed.
    app.wakeups.send(Heard::Reconnected).expect("heard");
    let named = of_kim.next_of("conversation.changed").await;
    assert_eq!(named, changed);
    assert_eq!(of_kim.next_of("settings.changed").await, settings);
    assert_eq!(of_admin.next().await, settings);
}

#[tokio::test]
async fn a_process_that_hears_of_nothing_tells_its_sockets_all_the_same() {
    let app = TestApp::new().await;
    let client = app.user("kim@example.com").await;
    let made = client.post("/api/v1/conversations", json!({})).await.json();
    let conversation = made["id"].as_str().expect("an id");
    let deaf = app.sibling(settings());
    let address = serve_router(&app, deaf.router()).await;
    let token = client.token.as_deref().expect("a token");
    let mut socket = Socket::signed_in(address, token).await;
    let renamed = client
        .patch(
            &format!("/api/v1/conversations/{conversation}"),
            json!({"title": "Otters"}),
        )
        .await
        .json();
    loop {
        let changed = socket.next_of("conversation.changed").await;
        assert_eq!(changed["id"], conversation);
        if changed["version"] == renamed["version"] {
            break;
        }
        // That it was made is news too.
        assert_eq!(changed["version"], made["version"]);
    }
}
