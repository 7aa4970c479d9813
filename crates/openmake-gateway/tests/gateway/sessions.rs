//! Tokens, cookies, and how fast a session's end is felt.

use crate::support::{PASSWORD, PATIENCE, TestApp, settings, until};
use chrono::TimeDelta;
use futures_util::{StreamExt as _, future::join_all};
use http::{Method, StatusCode};
use openmake_store::wakeups::{Heard, Wakeup, WakeupKind};
use serde_json::json;
use tokio::sync::broadcast;

#[tokio::test]
async fn refreshing_rotates_and_the_token_before_is_honoured_for_a_moment() {
    let app = TestApp::new().await;
    let mut tab = app.user("kim@example.com").await;
    let mut other_tab = tab.clone();
    let first = tab.cookie.clone();
    let answer = tab.refresh().await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert_ne!(tab.cookie, first);
    assert_eq!(answer.json()["user"]["email"], "kim@example.com");
    // The other tab wakes up a moment later, with the cookie from before.
    app.advance(TimeDelta::seconds(29));
    other_tab.refresh().await;
    assert_eq!(other_tab.cookie, tab.cookie, "the same successor");
    assert_eq!(tab.refresh().await.status, StatusCode::OK);
    assert_eq!(tab.get("/api/v1/auth/me").await.status, StatusCode::OK);
}

#[tokio::test]
async fn many_tabs_at_once_get_one_successor() {
    let app = TestApp::new().await;
    let tab = app.user("kim@example.com").await;
    let tabs = (0..8).map(|_| {
        let mut tab = tab.clone();
        async move {
            let answer = tab.refresh().await;
            assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
            tab.cookie
        }
    });
    let cookies = join_all(tabs).await;
    assert!(cookies.iter().all(|cookie| *cookie == cookies[0]));
}

#[tokio::test]
async fn an_older_token_ends_the_whole_session() {
    let app = TestApp::new().await;
    let mut owner = app.user("kim@example.com").await;
    let mut thief = owner.clone();
    owner.refresh().await;
    app.advance(TimeDelta::seconds(31));
    owner.refresh().await;
    let answer = thief.refresh().await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert_eq!(answer.code(), "token_reused");
    assert_eq!(
        answer.refresh_cookie().as_deref(),
        Some(""),
        "the cookie goes"
    );
    // Who is who cannot be known, so both are out, with their access tokens.
    assert_eq!(owner.get("/api/v1/auth/me").await.code(), "token_invalid");
    assert_eq!(owner.refresh().await.code(), "session_ended");
    owner.login("kim@example.com", PASSWORD).await;
    // The first account is the administrator's, who can look it up.
    let trail = owner.get("/api/v1/audit?action=session.token_reused").await;
    assert_eq!(trail.json()["items"].as_array().expect("items").len(), 1);
}

#[tokio::test]
async fn no_cookie_and_no_cookie_of_ours_refresh_nothing() {
    let app = TestApp::new().await;
    let client = app.user("kim@example.com").await;
    let good = client.cookie.clone().expect("a cookie");
    let mut changed = good.clone().into_bytes();
    changed[30] = if changed[30] == b'A' { b'B' } else { b'A' };
    let changed = String::from_utf8(changed).expect("text");
    for cookie in [
        None,
        Some("x".to_owned()),
        Some(changed),
        Some("a".repeat(9000)),
    ] {
        let mut client = app.visitor();
        client.cookie = cookie;
        let answer = client.refresh().await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        assert_eq!(answer.code(), "no_session");
    }
    let mut client = app.visitor();
    client.cookie = Some(good);
    assert_eq!(client.refresh().await.status, StatusCode::OK);
}

#[tokio::test]
async fn an_access_token_lives_fifteen_minutes_and_a_session_thirty_days() {
    let app = TestApp::new().await;
    let mut client = app.user("kim@example.com").await;
    app.advance(TimeDelta::minutes(14));
    assert_eq!(client.get("/api/v1/auth/me").await.status, StatusCode::OK);
    app.advance(TimeDelta::minutes(2));
    let expired = client.get("/api/v1/auth/me").await;
    assert_eq!(expired.status, StatusCode::UNAUTHORIZED);
    assert_eq!(expired.header("www-authenticate"), "Bearer");
    client.refresh().await;
    assert_eq!(client.get("/api/v1/auth/me").await.status, StatusCode::OK);
    app.advance(TimeDelta::days(29));
    assert_eq!(client.refresh().await.status, StatusCode::OK);
    app.advance(TimeDelta::days(31));
    assert_eq!(client.refresh().await.code(), "session_ended");
}

#[tokio::test]
async fn the_cookie_is_as_safe_as_the_address_allows() {
    let app = TestApp::new().await;
    let mut client = app.visitor();
    let answer = client.register("kim@example.com").await;
    let cookie = answer.header("set-cookie");
    for part in [
        "; HttpOnly",
        "; SameSite=Strict",
        "; Path=/api/v1/auth",
        "; Secure",
    ] {
        assert!(cookie.contains(part), "{cookie}");
    }
    let settings = client.get("/api/v1/settings").await.json();
    assert_eq!(settings["warnings"], json!([]));

    client.host = "chat.lan:52416".to_owned();
    let answer = client.login("kim@example.com", PASSWORD).await;
    assert!(!answer.header("set-cookie").contains("Secure"));
    client.host = "localhost".to_owned();
    let settings = client.get("/api/v1/settings").await.json();
    assert_eq!(settings["warnings"][0]["code"], "insecure_cookies");
}

#[tokio::test]
async fn pages_of_other_origins_cannot_use_the_cookie() {
    let app = TestApp::new().await;
    let client = app.user("kim@example.com").await;
    for path in ["refresh", "logout", "login", "register", "guest"] {
        let path = format!("/api/v1/auth/{path}");
        let body = json!({"email": "a@b.c", "password": PASSWORD});
        for (name, value) in [
            ("origin", "https://evil.example"),
            ("origin", "null"),
            ("sec-fetch-site", "cross-site"),
        ] {
            let client = client.with_header(name, value);
            let answer = client.post(&path, body.clone()).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path} {value}");
            assert_eq!(answer.code(), "foreign_origin");
        }
    }
    let mut own = client.with_header("origin", "http://localhost:52416");
    assert_eq!(own.refresh().await.status, StatusCode::OK);
}

#[tokio::test]
async fn signing_out_ends_the_session_by_cookie_or_token() {
    let app = TestApp::new().await;
    let client = app.user("kim@example.com").await;
    let mut by_cookie = client.clone();
    by_cookie.token = None;
    let answer = by_cookie
        .call(Method::POST, "/api/v1/auth/logout", None)
        .await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    assert_eq!(answer.refresh_cookie().as_deref(), Some(""));
    assert_eq!(
        client.get("/api/v1/auth/me").await.status,
        StatusCode::UNAUTHORIZED
    );

    let mut client = app.visitor();
    client.login("kim@example.com", PASSWORD).await;
    let mut by_token = client.clone();
    by_token.cookie = None;
    let answer = by_token
        .call(Method::POST, "/api/v1/auth/logout", None)
        .await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    assert_eq!(client.refresh().await.code(), "session_ended");
    let nothing = app
        .visitor()
        .call(Method::POST, "/api/v1/auth/logout", None)
        .await;
    assert_eq!(nothing.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn sessions_are_listed_and_ended() {
    let app = TestApp::new().await;
    let client = app.user("kim@example.com").await;
    let mut others = Vec::new();
    for agent in ["Phone", "Tablet"] {
        app.advance(TimeDelta::seconds(1));
        let mut other = app.visitor().with_header("user-agent", agent);
        other.login("kim@example.com", PASSWORD).await;
        others.push(other);
    }
    let list = client.get("/api/v1/auth/sessions").await.json();
    let items = list["items"].as_array().expect("items");
    let agents: Vec<_> = items.iter().map(|item| &item["user_agent"]).collect();
    assert_eq!(
        agents,
        ["Tablet", "Phone", "null"]
            .map(|agent| match agent {
                "null" => json!(null),
                agent => json!(agent),
            })
            .iter()
            .collect::<Vec<_>>()
    );
    assert_eq!(items[2]["current"], true);
    assert_eq!(items[0]["current"], false);

    let tablet = format!(
        "/api/v1/auth/sessions/{}",
        items[0]["id"].as_str().expect("id")
    );
    let stranger = app.user("lee@example.com").await;
    assert_eq!(stranger.delete(&tablet).await.status, StatusCode::NOT_FOUND);
    assert_eq!(client.delete(&tablet).await.status, StatusCode::NO_CONTENT);
    assert_eq!(
        others[1].get("/api/v1/auth/me").await.status,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(
        others[0].get("/api/v1/auth/me").await.status,
        StatusCode::OK
    );
    let all = client.delete("/api/v1/auth/sessions").await;
    assert_eq!(all.status, StatusCode::NO_CONTENT);
    assert_eq!(
        others[0].get("/api/v1/auth/me").await.status,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(client.get("/api/v1/auth/me").await.status, StatusCode::OK);
    assert_eq!(stranger.get("/api/v1/auth/me").await.status, StatusCode::OK);
}

#[tokio::test]
async fn another_process_that_hears_nothing_learns_of_the_end_by_its_poll() {
    let app = TestApp::new().await;
    let client = app.user("kim@example.com").await;
    let elsewhere = client.on(app.sibling(settings()).router());
    let path = "/api/v1/models";
    assert_eq!(elsewhere.get(path).await.status, StatusCode::OK);
    client.call(Method::POST, "/api/v1/auth/logout", None).await;
    assert_eq!(client.get(path).await.status, StatusCode::UNAUTHORIZED);
    until(&elsewhere, path, StatusCode::UNAUTHORIZED).await;
}

#[tokio::test]
async fn wake_ups_without_end_do_not_put_the_poll_off() {
    let app = TestApp::new().await;
    let client = app.user("kim@example.com").await;
    let (wakeups, _) = broadcast::channel(8);
    let sibling = app.sibling_that_hears(settings(), wakeups.clone());
    let elsewhere = client.on(sibling.router());
    let path = "/api/v1/models";
    assert_eq!(elsewhere.get(path).await.status, StatusCode::OK);
    let noise = async {
        let turn = Wakeup {
            kind: WakeupKind::Turn,
            id: uuid::Uuid::nil(),
            version: 0,
            owner: None,
        };
        loop {
            let _ = wakeups.send(Heard::Changed(turn));
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    // A stream ends by the poll alone: nobody asks on its behalf.
    let turn = app.ai.turn();
    let events = format!("/api/v1/turns/{turn}/events");
    let answer = elsewhere
        .raw(elsewhere.request(Method::GET, &events, None))
        .await;
    let mut pieces = answer.into_body().into_data_stream();
    client.call(Method::POST, "/api/v1/auth/logout", None).await;
    let ended = tokio::select! {
        ended = tokio::time::timeout(PATIENCE, pieces.next()) => ended,
        () = noise => unreachable!("noise has no end"),
    };
    assert!(ended.expect("in time").is_none());
}

#[tokio::test]
async fn without_the_database_requests_are_refused() {
    let app = TestApp::new().await;
    let client = app.user("kim@example.com").await;
    let path = "/api/v1/models";
    assert_eq!(client.get(path).await.status, StatusCode::OK);
    app.store.close().await;
    until(&client, path, StatusCode::SERVICE_UNAVAILABLE).await;
    let answer = client.get(path).await;
    assert_eq!(answer.code(), "unavailable");
    assert!(!answer.header("retry-after").is_empty());
}

#[tokio::test]
async fn a_stream_of_events_ends_with_its_session() {
    let app = TestApp::new().await;
    let client = app.user("kim@example.com").await;
    let elsewhere = client.on(app.sibling(settings()).router());
    let turn = app.ai.turn();
    app.ai.say(turn, json!({"type": "turn.started"}));
    let mut streams = Vec::new();
    for client in [&client, &elsewhere] {
        let path = format!("/api/v1/turns/{turn}/events");
        let answer = client.raw(client.request(Method::GET, &path, None)).await;
        assert_eq!(answer.status(), StatusCode::OK);
        let mut pieces = answer.into_body().into_data_stream();
        let first = pieces.next().await.expect("an event").expect("bytes");
        assert!(String::from_utf8_lossy(&first).contains("turn.started"));
        streams.push(pieces);
    }
    let mut other = app.visitor();
    other.login("kim@example.com", PASSWORD).await;
    other.delete("/api/v1/auth/sessions").await;
    for mut pieces in streams {
        let end = tokio::time::timeout(PATIENCE, pieces.next()).await;
        assert!(end.expect("in time").is_none(), "the stream closes");
    }
}
