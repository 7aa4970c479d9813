//! Registering, signing in and out, passwords, invitations, guests.

use crate::support::{PASSWORD, TestApp, settings};
use chrono::TimeDelta;
use futures_util::future::join_all;
use http::{Method, StatusCode};
use openmake_gateway::GatewaySettings;
use openmake_store::users::{Admission, NewUser};
use openmake_types::UserId;
use serde_json::{Value, json};
use uuid::Uuid;

#[tokio::test]
async fn the_first_account_is_the_administrator_and_only_it() {
    let app = TestApp::new().await;
    let instance = app.visitor().get("/api/v1/instance").await.json();
    assert_eq!(instance["needs_setup"], true);
    assert_eq!(instance["registration"], "open");

    let clients = (0..20).map(|number| {
        let mut client = app.visitor();
        async move { client.register(&format!("user{number}@example.com")).await }
    });
    let answers = join_all(clients).await;
    let roles: Vec<Value> = answers
        .iter()
        .map(|answer| {
            assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
            answer.json()["user"]["role"].clone()
        })
        .collect();
    assert_eq!(roles.iter().filter(|role| **role == "admin").count(), 1);
    assert_eq!(roles.iter().filter(|role| **role == "user").count(), 19);
    let instance = app.visitor().get("/api/v1/instance").await.json();
    assert_eq!(instance["needs_setup"], false);
}

#[tokio::test]
async fn an_account_is_made_signed_in_and_read_back() {
    let app = TestApp::new().await;
    let mut client = app.visitor();
    let body = json!({"email": " Kim@Example.com ", "password": PASSWORD, "display_name": "김"});
    let answer = client.sign_in_by("/api/v1/auth/register", Some(body)).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    assert_eq!(answer.json()["expires_in"], 900);
    let me = client.get("/api/v1/auth/me").await.json();
    assert_eq!(me["email"], "Kim@Example.com");
    assert_eq!(me["display_name"], "김");

    let again = app.visitor().register("kim@EXAMPLE.com").await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    assert_eq!(again.code(), "email_taken");

    let mut other = app.visitor();
    let answer = other.login("KIM@example.COM", PASSWORD).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.json()["user"], me);
    let renamed = client
        .patch("/api/v1/auth/me", json!({"display_name": "Kim"}))
        .await;
    assert_eq!(renamed.json()["display_name"], "Kim");
    assert_eq!(
        other.get("/api/v1/auth/me").await.json()["display_name"],
        "Kim"
    );
}

#[tokio::test]
async fn what_is_typed_wrong_is_said_by_field() {
    let app = TestApp::new().await;
    for (body, field, code) in [
        (
            json!({"email": "kim", "password": PASSWORD}),
            "email",
            "invalid",
        ),
        (
            json!({"email": "a@b.c", "password": "short"}),
            "password",
            "too_short",
        ),
        (
            json!({"email": "a@b.c", "password": "password123"}),
            "password",
            "too_common",
        ),
        (
            json!({"email": "longname@b.c", "password": "longname2026"}),
            "password",
            "too_personal",
        ),
        (
            json!({"email": "a@b.c", "password": PASSWORD, "display_name": "a".repeat(101)}),
            "display_name",
            "too_long",
        ),
    ] {
        let answer = app.visitor().post("/api/v1/auth/register", body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        assert_eq!(answer.json()["fields"][0]["field"], field);
        assert_eq!(answer.json()["fields"][0]["code"], code);
    }
    // Nothing of the above made an account.
    let instance = app.visitor().get("/api/v1/instance").await.json();
    assert_eq!(instance["needs_setup"], true);
}

/// How many passwords were checked, by the metric that operators see.
async fn verifications(app: &TestApp) -> u64 {
    let text = crate::support::Client::new(app.metrics.clone())
        .get("/metrics")
        .await
        .text();
    let lines = text
        .lines()
        .filter(|line| line.starts_with("openmake_gateway_password_verifications_total{"));
    let counts = lines.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok());
    counts.sum()
}

#[tokio::test]
async fn an_unknown_account_is_answered_like_a_wrong_password() {
    let app = TestApp::new().await;
    app.user("known@example.com").await;
    let before = verifications(&app).await;
    let mut answers = Vec::new();
    for email in ["known@example.com", "unknown@example.com", "no address"] {
        let mut client = app.visitor();
        let answer = client.login(email, "not the password at all").await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        let mut body = answer.json();
        body["request_id"] = Value::Null;
        answers.push(body);
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[1], answers[2]);
    assert_eq!(
        verifications(&app).await,
        before + 3,
        "the same work each time"
    );
}

#[tokio::test]
async fn failures_lock_known_and_unknown_accounts_alike() {
    let app = TestApp::new().await;
    app.user("known@example.com").await;
    for email in ["known@example.com", "unknown@example.com"] {
        let mut client = app.visitor();
        let mut tries = 0;
        let locked = loop {
            let answer = client.login(email, "not the password at all").await;
            if answer.status == StatusCode::TOO_MANY_REQUESTS {
                break answer;
            }
            assert_eq!(answer.code(), "wrong_credentials");
            tries += 1;
            assert!(tries < 20, "never locked");
        };
        assert_eq!(locked.code(), "sign_in_locked");
        let wait: i64 = locked.header("retry-after").parse().expect("seconds");
        assert!(wait > 0);
        // Nor does the right password help while it holds.
        let answer = client.login(email, PASSWORD).await;
        assert_eq!(answer.code(), "sign_in_locked");
        // It grows.
        app.advance(TimeDelta::seconds(wait));
        client.login(email, "not the password at all").await;
        let again = client.login(email, "not the password at all").await;
        let longer: i64 = again.header("retry-after").parse().expect("seconds");
        assert!(longer > wait, "{longer} after {wait}");
        app.advance(TimeDelta::seconds(longer));
    }
    let mut client = app.visitor();
    let answer = client.login("KNOWN@example.com", PASSWORD).await;
    assert_eq!(answer.status, StatusCode::OK);
}

#[tokio::test]
async fn a_legacy_hash_signs_in_and_is_upgraded() {
    let app = TestApp::new().await;
    app.admin().await;
    let hash = bcrypt::hash("short1", 4).expect("hashes");
    let id = UserId::from_uuid(Uuid::from_u128(42));
    let user = NewUser {
        id,
        email: "old@example.com",
        display_name: "Old",
        password_hash: &hash,
        now: openmake_types::Clock::now(&*app.clock),
    };
    let audit = openmake_store::audit::NewAudit {
        id: Uuid::from_u128(43),
        at: user.now,
        action: "user.import",
        outcome: openmake_store::audit::Outcome::Success,
        user_id: None,
        resource_type: None,
        resource_id: None,
        details: json!({}),
        ip_address: None,
        user_agent: None,
        request_id: None,
    };
    let users = app.store.users();
    users
        .register(&user, Admission::Open, &audit)
        .await
        .expect("made");
    for _ in 0..2 {
        let mut client = app.visitor();
        let answer = client.login("old@example.com", "short1").await;
        assert_eq!(answer.status, StatusCode::OK);
        let kept = users.get_credentials(id).await.expect("there");
        let kept = kept.password_hash.expect("a hash");
        assert!(kept.starts_with("$argon2id$"), "{kept}");
    }
}

#[tokio::test]
async fn changing_the_password_ends_the_other_sessions() {
    let app = TestApp::new().await;
    let client = app.user("kim@example.com").await;
    let mut other = app.visitor();
    other.login("kim@example.com", PASSWORD).await;
    let change = |current: &str, new: &str| {
        let body = json!({"current_password": current, "new_password": new});
        let client = client.clone();
        async move {
            client
                .call(Method::PUT, "/api/v1/auth/password", Some(body))
                .await
        }
    };
    let wrong = change("not the one at all", "eight busy beavers 7").await;
    assert_eq!(wrong.json()["fields"][0]["field"], "current_password");
    let weak = change(PASSWORD, "password123").await;
    assert_eq!(weak.json()["fields"][0]["field"], "new_password");
    assert_eq!(other.get("/api/v1/auth/me").await.status, StatusCode::OK);

    let changed = change(PASSWORD, "eight busy beavers 7").await;
    assert_eq!(changed.status, StatusCode::NO_CONTENT, "{}", changed.text());
    assert_eq!(client.get("/api/v1/auth/me").await.status, StatusCode::OK);
    let ended = other.get("/api/v1/auth/me").await;
    assert_eq!(ended.status, StatusCode::UNAUTHORIZED);
    assert_eq!(other.refresh().await.code(), "session_ended");
    let old = app.visitor().login("kim@example.com", PASSWORD).await;
    assert_eq!(old.code(), "wrong_credentials");
    let new = app
        .visitor()
        .login("kim@example.com", "eight busy beavers 7")
        .await;
    assert_eq!(new.status, StatusCode::OK);
}

#[tokio::test]
async fn invitations_let_in_once_and_only_who_they_are_for() {
    let app = TestApp::with(GatewaySettings {
        bound_to_loopback: false,
        admin_emails: vec!["Boss@example.com".to_owned()],
        ..settings()
    })
    .await;
    let admin = app.admin().await;
    let closed = app.visitor().register("kim@example.com").await;
    assert_eq!(closed.status, StatusCode::FORBIDDEN);
    assert_eq!(closed.code(), "registration_closed");

    let invite = |body: Value| {
        let admin = admin.clone();
        async move {
            let answer = admin.post("/api/v1/invitations", body).await;
            assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
            answer.json()
        }
    };
    let register = |email: &str, code: &Value| {
        let body = json!({"email": email, "password": PASSWORD, "invitation": code});
        let client = app.visitor();
        async move { client.post("/api/v1/auth/register", body).await }
    };
    let personal = invite(json!({"email": "kim@example.com", "role": "user"})).await;
    let code = &personal["code"];
    assert_eq!(
        personal["path"],
        format!("/register?invitation={}", code.as_str().expect("text"))
    );
    assert_eq!(
        register("other@example.com", code).await.code(),
        "invitation_invalid"
    );
    let taken = register("KIM@example.com", code).await;
    assert_eq!(taken.json()["user"]["role"], "user");
    assert_eq!(
        register("third@example.com", code).await.code(),
        "invitation_invalid"
    );
    assert_eq!(
        register("third@example.com", &json!("made up"))
            .await
            .code(),
        "invitation_invalid"
    );

    // An address of ADMIN_EMAILS is an administrator's, with an invitation.
    let open = invite(json!({})).await;
    let boss = register("boss@EXAMPLE.com", &open["code"]).await;
    assert_eq!(boss.json()["user"]["role"], "admin");

    let revoked = invite(json!({"expires_in_hours": 1})).await;
    let path = format!(
        "/api/v1/invitations/{}",
        revoked["invitation"]["id"].as_str().expect("id")
    );
    assert_eq!(admin.delete(&path).await.status, StatusCode::NO_CONTENT);
    assert_eq!(admin.delete(&path).await.status, StatusCode::NOT_FOUND);
    assert_eq!(
        register("third@example.com", &revoked["code"]).await.code(),
        "invitation_invalid"
    );
    let expiring = invite(json!({"expires_in_hours": 1})).await;
    app.advance(TimeDelta::hours(2));
    assert_eq!(
        register("third@example.com", &expiring["code"])
            .await
            .code(),
        "invitation_invalid"
    );

    let mut admin = admin;
    admin.login("admin@example.com", PASSWORD).await;
    let list = admin.get("/api/v1/invitations").await.json();
    let mut statuses: Vec<&str> = list["items"]
        .as_array()
        .expect("items")
        .iter()
        .map(|item| item["status"].as_str().expect("text"))
        .collect();
    statuses.sort_unstable();
    assert_eq!(statuses, ["expired", "revoked", "used", "used"]);
    assert!(
        !list
            .to_string()
            .contains(open["code"].as_str().expect("text"))
    );
}

#[tokio::test]
async fn registration_can_be_closed() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let invitation = admin.post("/api/v1/invitations", json!({})).await.json();
    let closed = admin
        .patch("/api/v1/settings", json!({"registration": "closed"}))
        .await;
    assert_eq!(closed.json()["registration"], "closed");
    assert_eq!(closed.json()["registration_is_default"], false);
    let body = json!({"email": "a@b.c", "password": PASSWORD, "invitation": invitation["code"]});
    for body in [json!({"email": "a@b.c", "password": PASSWORD}), body] {
        let answer = app.visitor().post("/api/v1/auth/register", body).await;
        assert_eq!(answer.code(), "registration_closed");
    }
}

#[tokio::test]
async fn administrators_change_accounts_but_the_last_one_stays() {
    let app = TestApp::new().await;
    let mut admin = app.admin().await;
    let kim = app.user("kim@example.com").await;
    let users = admin.get("/api/v1/users").await.json();
    assert_eq!(users["items"].as_array().expect("items").len(), 2);
    let me = admin.get("/api/v1/auth/me").await.json();
    let own = format!("/api/v1/users/{}", me["id"].as_str().expect("id"));
    for body in [json!({"role": "user"}), json!({"is_active": false})] {
        let answer = admin.patch(&own, body).await;
        assert_eq!(answer.status, StatusCode::CONFLICT);
        assert_eq!(answer.code(), "last_administrator");
    }
    let same = admin.patch(&own, json!({"role": "admin"})).await;
    assert_eq!(same.status, StatusCode::OK);
    assert_eq!(admin.get("/api/v1/auth/me").await.status, StatusCode::OK);

    let id = kim.get("/api/v1/auth/me").await.id();
    let path = format!("/api/v1/users/{id}");
    let off = admin.patch(&path, json!({"is_active": false})).await;
    assert_eq!(off.json()["is_active"], false);
    assert_eq!(
        kim.get("/api/v1/auth/me").await.status,
        StatusCode::UNAUTHORIZED
    );
    let answer = app.visitor().login("kim@example.com", PASSWORD).await;
    assert_eq!(answer.code(), "account_deactivated");
    let answer = app
        .visitor()
        .login("kim@example.com", "not the password")
        .await;
    assert_eq!(
        answer.code(),
        "wrong_credentials",
        "only who has the password is told"
    );

    admin
        .patch(&path, json!({"is_active": true, "role": "admin"}))
        .await;
    let demoted = admin.patch(&own, json!({"role": "user"})).await;
    assert_eq!(demoted.status, StatusCode::OK);
    assert_eq!(
        admin.get("/api/v1/users").await.status,
        StatusCode::UNAUTHORIZED
    );
    admin.login("admin@example.com", PASSWORD).await;
    assert_eq!(
        admin.get("/api/v1/users").await.status,
        StatusCode::FORBIDDEN
    );
}

#[tokio::test]
async fn what_was_done_is_in_the_audit_trail() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    app.visitor()
        .login("admin@example.com", "not the password")
        .await;
    let invited = admin.post("/api/v1/invitations", json!({})).await.json();
    let id = invited["invitation"]["id"].as_str().expect("id").to_owned();
    admin.delete(&format!("/api/v1/invitations/{id}")).await;
    admin
        .patch("/api/v1/settings", json!({"instance_name": "Acme"}))
        .await;
    let mut other = app.visitor();
    other.login("admin@example.com", PASSWORD).await;
    other.post("/api/v1/auth/logout", json!({})).await;
    let trail = admin.get("/api/v1/audit?limit=200").await.json();
    let entries = trail["items"].as_array().expect("items");
    let mut acts: Vec<String> = entries
        .iter()
        .map(|entry| {
            assert_eq!(entry["ip_address"], "198.51.100.7", "{entry}");
            assert!(entry["request_id"].is_string(), "{entry}");
            let text = |name: &str| entry[name].as_str().expect("text").to_owned();
            format!("{} {}", text("action"), text("outcome"))
        })
        .collect();
    acts.sort();
    assert_eq!(
        acts,
        [
            "invitation.create success",
            "invitation.revoke success",
            "settings.change success",
            "user.login failure",
            "user.login success",
            "user.login success",
            "user.logout success",
            "user.register success",
        ]
    );
    assert!(!trail.to_string().contains(PASSWORD));
    let only = admin.get("/api/v1/audit?action=user.logout").await.json();
    assert_eq!(only["items"].as_array().expect("items").len(), 1);
}
