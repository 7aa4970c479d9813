//! Keys for programs: their life, and what holds of them.

use chrono::TimeDelta;
use futures_util::StreamExt as _;
use http::{Method, StatusCode};
use openmake_gateway::{GatewaySettings, RateSettings};
use openmake_store::usage::{CallOutcome, UsageRecord};
use openmake_types::{ApiKeyId, Clock as _, TokenCounts};
use serde_json::{Value, json};

use crate::support::{Client, PASSWORD, PATIENCE, TestApp, settings, until};

const MODELS: &str = "/api/v1/models";

fn path(id: &str) -> String {
    format!("/api/v1/api-keys/{id}")
}

async fn show(client: &Client, id: &str) -> Value {
    let answer = client.get(&path(id)).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    answer.json()
}

#[tokio::test]
async fn a_key_is_shown_once_and_then_known_by_its_last_four() {
    let app = TestApp::new().await;
    let owner = app.user("kim@example.com").await;
    let end = app.clock.now() + TimeDelta::days(30);
    let body = json!({
        "name": " CI ",
        "scopes": ["usage", "chat", "chat"],
        "allowed_models": ["openmake_fast", "a"],
        "expires_at": end,
        "requests_per_minute": 60,
        "tokens_per_minute": 100_000,
    });
    let answer = owner.post("/api/v1/api-keys", body).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    let made = answer.json();
    let key = made["key"].as_str().expect("a key");
    assert!(key.starts_with("omk_live_") && key.len() == 58, "{key}");
    let view = &made["api_key"];
    assert_eq!(view["name"], "CI");
    assert_eq!(view["status"], "active");
    assert_eq!(view["scopes"], json!(["chat", "usage"]));
    assert_eq!(view["allowed_models"], json!(["a", "openmake_fast"]));
    assert_eq!(view["requests_per_minute"], 60);
    assert_eq!(view["tokens_per_minute"], 100_000);
    assert!(key.ends_with(view["last_four"].as_str().expect("text")));
    let id = view["id"].as_str().expect("an id");
    let list = owner.get("/api/v1/api-keys").await;
    assert_eq!(list.json()["items"], json!([view]));
    assert!(!list.text().contains(key));
    assert_eq!(show(&owner, id).await, *view);
    let plain = owner.key(json!({"name": "plain"})).await.1;
    let plain = show(&owner, &plain).await;
    assert_eq!(plain["scopes"], json!(["chat", "conversations", "usage"]));
    assert_eq!(plain["allowed_models"], Value::Null);

    // Only its hash is stored, and the trail says who made it and not what.
    let trail = owner.get("/api/v1/audit?action=api_key.create").await;
    assert_eq!(trail.json()["items"].as_array().map(Vec::len), Some(2));
    assert!(!trail.text().contains(key));
    for wrong in [
        json!({}),
        json!({"name": ""}),
        json!({"name": "a", "requests_per_minute": 0}),
        json!({"name": "a", "tokens_per_minute": 1_000_000_001}),
        json!({"name": "a", "allowed_models": []}),
        json!({"name": "a", "expires_at": app.clock.now()}),
        json!({"name": "a", "user_id": "018f0000-0000-7000-8000-000000000000"}),
    ] {
        let answer = owner.post("/api/v1/api-keys", wrong.clone()).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{wrong}");
    }
}

#[tokio::test]
async fn who_only_holds_a_session_makes_no_key() {
    let app = TestApp::new().await;
    let owner = app.user("kim@example.com").await;
    let id = owner.key(json!({"name": "first"})).await.1;
    let spare = owner.key(json!({"name": "spare"})).await.1;
    app.advance(TimeDelta::minutes(11));
    let key = path(&id);
    let rotate = format!("{key}/rotate");
    for (place, body) in [
        ("/api/v1/api-keys", json!({"name": "second"})),
        (rotate.as_str(), json!({})),
    ] {
        let answer = owner.post(place, body.clone()).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{}", answer.text());
        assert_eq!(answer.code(), "reauthentication_required");
    }
    // What takes power away needs no proof.
    let renamed = owner.call(Method::PATCH, &key, Some(json!({"name": "n"})));
    assert_eq!(renamed.await.status, StatusCode::OK);
    let spare = path(&spare);
    let revoked = owner.call(Method::DELETE, &spare, None).await;
    assert_eq!(revoked.status, StatusCode::NO_CONTENT);

    let proof = json!({"password": PASSWORD});
    let proven = owner.post("/api/v1/auth/reauthenticate", proof).await;
    assert_eq!(proven.status, StatusCode::OK, "{}", proven.text());
    let made = owner.post(&rotate, json!({})).await;
    assert_eq!(made.status, StatusCode::OK, "{}", made.text());
    owner.key(json!({"name": "second"})).await;
}

#[tokio::test]
async fn a_key_goes_into_either_header_and_no_further() {
    let app = TestApp::new().await;
    let owner = app.user("kim@example.com").await;
    let me = owner.get("/api/v1/auth/me").await.id();
    let limited = json!({
        "name": "key",
        "allowed_models": ["a"],
        "tokens_per_minute": 500,
    });
    let (key, id) = owner.key(limited).await;
    let nobody = app.visitor();
    let by_bearer = nobody.with_key(&key);
    let by_header = nobody.with_header("x-api-key", &key);
    // A proxy's own password beside it is none of ours.
    let behind_proxy = by_header.with_header("authorization", "Basic cHJveHk6c2VjcmV0");
    for client in [by_bearer, by_header, behind_proxy] {
        assert_eq!(client.get(MODELS).await.status, StatusCode::OK);
        let seen = app.ai.seen().pop().expect("a call");
        let actor = seen.actor.expect("an actor");
        assert_eq!(actor.user_id.to_string(), me);
        assert_eq!(actor.api_key_id.map(|id| id.to_string()), Some(id.clone()));
        assert_eq!(actor.session_id, None);
        assert!(actor.models.allows("a") && !actor.models.allows("b"));
        assert_eq!(actor.tokens_per_minute, Some(500));
        for header in ["authorization", "x-api-key", "cookie"] {
            assert!(!seen.headers.contains_key(header), "{header}");
        }
    }
    // An access token is not a key, and a key beside it is what counts.
    let token = owner.token.clone().expect("a token");
    let as_key = nobody.with_header("x-api-key", &token).get(MODELS).await;
    assert_eq!(as_key.code(), "api_key_invalid");
    let both = owner.with_header("x-api-key", "nothing").get(MODELS).await;
    assert_eq!(both.code(), "api_key_invalid");
    // A socket is a person's.
    let (address, socket) = (
        crate::support::socket::serve(&app).await,
        crate::support::socket::Socket::open,
    );
    let mut socket = socket(address, None).await.expect("opens");
    socket
        .send(json!({"type": "auth", "access_token": key}))
        .await;
    assert_eq!(socket.close_code().await, 4001);
}

#[tokio::test]
async fn keys_that_do_not_hold_get_one_answer_and_count_towards_the_address() {
    let app = TestApp::new().await;
    let owner = app.user("kim@example.com").await;
    let (revoked, id) = owner.key(json!({"name": "revoked"})).await;
    owner.delete(&path(&id)).await;
    let soon = app.clock.now() + TimeDelta::minutes(1);
    let (expired, expired_id) = owner
        .key(json!({"name": "expired", "expires_at": soon}))
        .await;
    let client = app.visitor().with_key(&expired);
    assert_eq!(client.get(MODELS).await.status, StatusCode::OK);
    app.advance(TimeDelta::minutes(1));
    let (good, _) = owner.key(json!({"name": "good"})).await;
    let mut mistyped = good.clone();
    mistyped.replace_range(20..21, if &good[20..21] == "a" { "b" } else { "a" });
    let body = |answer: crate::support::Answer| {
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        assert_eq!(answer.header("www-authenticate"), "Bearer");
        let mut body = answer.json();
        body["request_id"] = Value::Null;
        body
    };
    let first = body(app.visitor().with_key(&revoked).get(MODELS).await);
    assert_eq!(first["code"], "api_key_invalid");
    for key in [&expired, &mistyped, "omk_live_", "omk_test_x"] {
        for client in [
            app.visitor().with_key(key),
            app.visitor().with_header("x-api-key", key),
        ] {
            assert_eq!(body(client.get(MODELS).await), first, "{key}");
        }
    }
    assert_eq!(show(&owner, &expired_id).await["status"], "expired");
    let later = app.clock.now() + TimeDelta::days(1);
    let longer = json!({"expires_at": later});
    assert_eq!(
        owner.patch(&path(&expired_id), longer).await.json()["status"],
        "active"
    );
    assert_eq!(client.get(MODELS).await.status, StatusCode::OK);

    let strict = GatewaySettings {
        rates: RateSettings {
            anonymous: 3,
            ..settings().rates
        },
        ..settings()
    };
    let guesser = app.visitor().on(app.sibling(strict).router());
    for _ in 0..3 {
        let guess = guesser.with_key(&mistyped).get(MODELS).await;
        assert_eq!(guess.status, StatusCode::UNAUTHORIZED);
    }
    let guess = guesser.with_key(&revoked).get(MODELS).await;
    assert_eq!(guess.status, StatusCode::TOO_MANY_REQUESTS);
    // Who has a good key is not kept out by who guesses beside them.
    let honest = guesser.with_key(&good).get(MODELS).await;
    assert_eq!(honest.status, StatusCode::OK);
}

#[tokio::test]
async fn rotating_and_revoking_hold_at_once_here_and_soon_elsewhere() {
    let app = TestApp::new().await;
    let owner = app.user("kim@example.com").await;
    let (first, id) = owner.key(json!({"name": "key"})).await;
    let elsewhere = app.sibling(settings()).router();
    let old = app.visitor().with_key(&first);
    for client in [&old, &old.on(elsewhere.clone())] {
        assert_eq!(client.get(MODELS).await.status, StatusCode::OK);
    }
    let key = path(&id);
    let rotate = format!("{key}/rotate");
    let rotated = owner.post(&rotate, json!({})).await.json();
    let second = rotated["key"].as_str().expect("a key");
    assert_ne!(second, first);
    assert_eq!(rotated["api_key"]["id"], id.as_str());
    let new = app.visitor().with_key(second);
    assert_eq!(old.get(MODELS).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(new.get(MODELS).await.status, StatusCode::OK);
    let old_elsewhere = old.on(elsewhere.clone());
    until(&old_elsewhere, MODELS, StatusCode::UNAUTHORIZED).await;
    let new_elsewhere = new.on(elsewhere);
    assert_eq!(new_elsewhere.get(MODELS).await.status, StatusCode::OK);

    let narrower = json!({"scopes": ["usage"], "allowed_models": ["a"]});
    assert_eq!(
        owner.patch(&path(&id), narrower).await.status,
        StatusCode::OK
    );
    let me = "/api/v1/auth/me";
    assert_eq!(new.get(me).await.status, StatusCode::FORBIDDEN);
    until(&new_elsewhere, me, StatusCode::FORBIDDEN).await;

    for _ in 0..2 {
        let revoked = owner.delete(&path(&id)).await;
        assert_eq!(revoked.status, StatusCode::NO_CONTENT);
    }
    assert_eq!(new.get(MODELS).await.status, StatusCode::UNAUTHORIZED);
    until(&new_elsewhere, MODELS, StatusCode::UNAUTHORIZED).await;
    assert_eq!(show(&owner, &id).await["status"], "revoked");
    for (method, path) in [(Method::POST, rotate), (Method::PATCH, path(&id))] {
        let answer = owner.call(method, &path, Some(json!({}))).await;
        assert_eq!(answer.status, StatusCode::CONFLICT);
        assert_eq!(answer.code(), "api_key_revoked");
    }
    let trail = owner.get("/api/v1/audit?action=api_key.revoke").await;
    assert_eq!(trail.json()["items"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn streams_that_a_key_opened_end_with_it() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let owner = app.user("kim@example.com").await;
    let me = owner.get("/api/v1/auth/me").await.id();
    let (kept, _) = owner.key(json!({"name": "kept"})).await;
    let sibling = app.sibling(settings()).router();
    let turn = app.ai.turn();
    app.ai.say(turn, json!({"type": "turn.started"}));
    let open = |client: Client| async move {
        let path = format!("/api/v1/turns/{turn}/events");
        let answer = client.raw(client.request(Method::GET, &path, None)).await;
        assert_eq!(answer.status(), StatusCode::OK);
        let mut pieces = answer.into_body().into_data_stream();
        let first = pieces.next().await.expect("an event").expect("bytes");
        assert!(String::from_utf8_lossy(&first).contains("turn.started"));
        pieces
    };
    let mut of_kept = open(app.visitor().with_key(&kept)).await;
    for way in ["rotate", "revoke", "revoke by an administrator"] {
        let (key, id) = owner.key(json!({"name": way})).await;
        let client = app.visitor().with_key(&key);
        let here = open(client.clone()).await;
        let elsewhere = open(client.on(sibling.clone())).await;
        let done = match way {
            "rotate" => {
                owner
                    .post(&format!("{}/rotate", path(&id)), json!({}))
                    .await
            }
            "revoke" => owner.delete(&path(&id)).await,
            _ => {
                let path = format!("/api/v1/users/{me}/api-keys/{id}");
                admin.delete(&path).await
            }
        };
        assert!(done.status.is_success(), "{way}: {}", done.text());
        for mut pieces in [here, elsewhere] {
            let end = tokio::time::timeout(PATIENCE, pieces.next()).await;
            assert!(end.expect("in time").is_none(), "{way}");
        }
    }
    // Another key's stream goes on; it ends with its owner's account.
    app.ai.say(turn, json!({"type": "text.delta", "text": "a"}));
    let next = tokio::time::timeout(PATIENCE, of_kept.next()).await;
    assert!(next.expect("in time").is_some());
    let client = app.visitor().with_key(&kept);
    let mut elsewhere = open(client.on(sibling)).await;
    let inactive = json!({"is_active": false});
    admin.patch(&format!("/api/v1/users/{me}"), inactive).await;
    assert_eq!(client.get(MODELS).await.status, StatusCode::UNAUTHORIZED);
    for pieces in [&mut of_kept, &mut elsewhere] {
        let ended = async { while pieces.next().await.is_some() {} };
        let ended = tokio::time::timeout(PATIENCE, ended).await;
        ended.expect("the stream closes");
    }
}

#[tokio::test]
async fn a_new_password_ends_sessions_and_no_keys() {
    let app = TestApp::new().await;
    let owner = app.user("kim@example.com").await;
    let (key, _) = owner.key(json!({"name": "key"})).await;
    let client = app.visitor().with_key(&key);
    assert_eq!(client.get(MODELS).await.status, StatusCode::OK);
    let body = json!({"current_password": PASSWORD, "new_password": "another lazy otter 77"});
    let changed = owner
        .call(Method::PUT, "/api/v1/auth/password", Some(body))
        .await;
    assert_eq!(changed.status, StatusCode::NO_CONTENT);
    assert_eq!(client.get(MODELS).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_key_sends_as_many_requests_as_it_may_and_is_told_what_is_left() {
    let app = TestApp::new().await;
    let owner = app.user("kim@example.com").await;
    let limited = json!({"name": "limited", "requests_per_minute": 2});
    let (key, id) = owner.key(limited).await;
    let (free, _) = owner.key(json!({"name": "free"})).await;
    let client = app.visitor().with_key(&key);
    for left in ["1", "0"] {
        let answer = client.get(MODELS).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(answer.header("x-ratelimit-limit-requests"), "2");
        assert_eq!(answer.header("x-ratelimit-remaining-requests"), left);
        let reset = answer.header("x-ratelimit-reset-requests");
        assert_eq!(reset, if left == "1" { "30s" } else { "1m0s" });
    }
    let refused = client.get(MODELS).await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.code(), "key_requests_limited");
    assert_eq!(refused.header("x-ratelimit-remaining-requests"), "0");
    assert!(!refused.header("retry-after").is_empty());
    // Neither the owner nor another key pays for it, and a key without a limit
    // of its own has its account's.
    let session = owner.get(MODELS).await;
    assert_eq!(session.status, StatusCode::OK);
    assert_eq!(session.header("x-ratelimit-limit-requests"), "");
    let other = app.visitor().with_key(&free).get(MODELS).await;
    assert_eq!(other.header("x-ratelimit-limit-requests"), "10000");
    let more = json!({"requests_per_minute": null});
    assert_eq!(owner.patch(&path(&id), more).await.status, StatusCode::OK);
    assert_eq!(client.get(MODELS).await.status, StatusCode::OK);
}

#[tokio::test]
async fn when_a_key_was_last_used_is_noted_in_the_background() {
    let app = TestApp::new().await;
    let owner = app.user("kim@example.com").await;
    let (key, id) = owner.key(json!({"name": "key"})).await;
    assert_eq!(show(&owner, &id).await["last_used_at"], Value::Null);
    app.visitor().with_key(&key).get(MODELS).await;
    let noted = async {
        while show(&owner, &id).await["last_used_at"].is_null() {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    let noted = tokio::time::timeout(PATIENCE, noted).await;
    noted.expect("noted");
}

#[tokio::test]
async fn administrators_see_and_revoke_anyones_keys() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let owner = app.user("kim@example.com").await;
    let me = owner.get("/api/v1/auth/me").await.id();
    let (key, id) = owner.key(json!({"name": "key"})).await;
    let keys = format!("/api/v1/users/{me}/api-keys");
    let list = admin.get(&keys).await;
    assert_eq!(list.json()["items"][0]["id"], id.as_str());
    assert!(!list.text().contains(&key));
    let mine = admin.get("/api/v1/auth/me").await.id();
    for wrong in [
        format!("/api/v1/users/{mine}/api-keys/{id}"),
        format!("{keys}/{me}"),
    ] {
        assert_eq!(admin.delete(&wrong).await.status, StatusCode::NOT_FOUND);
    }
    let nobodys = "/api/v1/users/00000000-0000-7000-8000-000000000000/api-keys";
    assert_eq!(admin.get(nobodys).await.status, StatusCode::NOT_FOUND);
    let revoked = admin.delete(&format!("{keys}/{id}")).await;
    assert_eq!(revoked.status, StatusCode::NO_CONTENT);
    let client = app.visitor().with_key(&key);
    assert_eq!(client.get(MODELS).await.status, StatusCode::UNAUTHORIZED);
    let trail = admin.get("/api/v1/audit?action=api_key.revoke").await;
    let entry = &trail.json()["items"][0];
    assert_eq!(entry["user_id"], mine.as_str());
    assert_eq!(entry["resource_id"], id.as_str());
    assert_eq!(entry["details"]["owner"], me.as_str());
}

#[tokio::test]
async fn what_a_key_did_names_the_key() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let (key, id) = admin.key(json!({"name": "key", "scopes": ["admin"]})).await;
    let client = app.visitor().with_key(&key);
    let changed = client
        .patch("/api/v1/settings", json!({"instance_name": "Ours"}))
        .await;
    assert_eq!(changed.status, StatusCode::OK, "{}", changed.text());
    let trail = admin.get("/api/v1/audit?action=settings.change").await;
    let trail = trail.json();
    assert_eq!(trail["items"][0]["details"]["api_key_id"], id.as_str());
    assert_eq!(
        trail["items"][0]["user_id"],
        admin.get("/api/v1/auth/me").await.id()
    );
}

#[tokio::test]
async fn usage_is_told_apart_by_key() {
    let app = TestApp::new().await;
    let owner = app.user("kim@example.com").await;
    let me = owner.get("/api/v1/auth/me").await.id();
    let (_, id) = owner.key(json!({"name": "key"})).await;
    let key: ApiKeyId = id.parse().expect("an id");
    for (api_key, times) in [(None, 1), (Some(key), 2)] {
        for _ in 0..times {
            let record = UsageRecord {
                date: app.clock.now().date_naive(),
                owner: me.parse().expect("an id"),
                api_key,
                model: "a",
                tokens: TokenCounts {
                    input: 10,
                    output: 1,
                },
                failed: CallOutcome::Answered,
            };
            app.store.usage().record(&record).await.expect("recorded");
        }
    }
    let rows = |query: &'static str, id: &str| {
        let (owner, path) = (owner.clone(), format!("/api/v1/usage?{query}{id}"));
        async move {
            let report = owner.get(&path).await.json();
            let items = report["items"].as_array().expect("items").clone();
            let row = |row: &Value| (row["api_key_id"].clone(), row["requests"].clone());
            (
                items.iter().map(row).collect::<Vec<_>>(),
                report["total"]["input_tokens"].clone(),
            )
        }
    };
    let (null, of_key) = (Value::Null, json!(id));
    assert_eq!(
        rows("", "").await,
        (vec![(null.clone(), json!(3))], json!(30))
    );
    assert_eq!(
        rows("by=api_key", "").await,
        (
            vec![(null.clone(), json!(1)), (of_key.clone(), json!(2))],
            json!(30)
        )
    );
    assert_eq!(
        rows("by=api_key&api_key_id=", &id).await,
        (vec![(of_key, json!(2))], json!(20))
    );
    // Another's key is nothing of one's own.
    let stranger = app.user("lee@example.com").await;
    let theirs = stranger
        .get(&format!("/api/v1/usage?api_key_id={id}"))
        .await;
    assert_eq!(theirs.json()["items"], json!([]));
}
