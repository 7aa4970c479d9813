//! Authenticator apps, backup codes, and proving again who one is.

use chrono::TimeDelta;
use futures_util::future::join_all;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{
    Client, PASSWORD, TestApp,
    factors::{App, second_step},
};

#[tokio::test]
async fn a_password_alone_no_longer_signs_in() {
    let app = TestApp::new().await;
    let kim = app.guarded("kim@example.com").await;
    assert_eq!(kim.backup_codes.len(), 10);
    let security = kim.client.get("/api/v1/auth/security").await.json();
    assert_eq!(security["totp_enabled"], true);
    assert_eq!(security["backup_codes_left"], 10);

    let first = app.visitor().login(kim.email, PASSWORD).await;
    assert_eq!(first.status, StatusCode::UNAUTHORIZED);
    assert_eq!(first.code(), "second_factor_required");
    assert_eq!(first.json()["methods"], json!(["totp", "backup_code"]));
    assert!(first.refresh_cookie().is_none());
    assert!(first.json()["access_token"].is_null());

    let mut browser = app.visitor();
    let challenge = first.json()["challenge"].clone();
    let answer = second_step(&mut browser, &challenge, "totp", &app.shown(&kim.app)).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert_eq!(answer.json()["user"]["email"], kim.email);
    assert_eq!(browser.get("/api/v1/auth/me").await.status, StatusCode::OK);
    assert_eq!(browser.refresh().await.status, StatusCode::OK);

    // A wrong password says no more than it did before.
    let wrong = app.visitor().login(kim.email, "not the password").await;
    assert_eq!(wrong.code(), "wrong_credentials");
    assert!(wrong.json()["challenge"].is_null());
}

#[tokio::test]
async fn a_code_is_used_once_and_a_challenge_too() {
    let app = TestApp::new().await;
    let kim = app.guarded("kim@example.com").await;
    let code = app.shown(&kim.app);
    let challenge = kim.first_step(&app).await;
    let answer = second_step(&mut app.visitor(), &challenge, "totp", &code).await;
    assert_eq!(answer.status, StatusCode::OK);

    let again = second_step(&mut app.visitor(), &challenge, "totp", &code).await;
    assert_eq!(
        (again.status, again.code().as_str()),
        (StatusCode::UNAUTHORIZED, "challenge_invalid")
    );
    let replayed = kim.sign_in(&app, "totp", &code).await;
    assert_eq!(
        (replayed.status, replayed.code().as_str()),
        (StatusCode::UNAUTHORIZED, "wrong_code")
    );

    // The next interval's code is another.
    app.advance(TimeDelta::seconds(30));
    let next = kim.sign_in(&app, "totp", &app.shown(&kim.app)).await;
    assert_eq!(next.status, StatusCode::OK, "{}", next.text());
}

#[tokio::test]
async fn of_many_that_come_with_one_code_at_once_one_signs_in() {
    let app = TestApp::new().await;
    let kim = app.guarded("kim@example.com").await;
    let code = app.shown(&kim.app);
    let mut challenges = Vec::new();
    for _ in 0..3 {
        challenges.push(kim.first_step(&app).await);
    }
    let answers = challenges.iter().map(|challenge| {
        let mut browser = app.visitor();
        let code = &code;
        async move { second_step(&mut browser, challenge, "totp", code).await }
    });
    let answers = join_all(answers).await;
    let signed_in = answers
        .iter()
        .filter(|answer| answer.status == StatusCode::OK);
    assert_eq!(signed_in.count(), 1);
}

#[tokio::test]
async fn guessing_codes_locks_the_account_whatever_else_is_done() {
    let app = TestApp::new().await;
    let kim = app.guarded("kim@example.com").await;
    let right = app.shown(&kim.app);
    let wrong = if right == "000000" {
        "000001"
    } else {
        "000000"
    };
    let challenge = kim.first_step(&app).await;
    for _ in 0..3 {
        let answer = second_step(&mut app.visitor(), &challenge, "totp", wrong).await;
        assert_eq!(answer.code(), "wrong_code");
    }
    // The right password again forgives nothing.
    let challenge = kim.first_step(&app).await;
    for _ in 0..3 {
        let answer = second_step(&mut app.visitor(), &challenge, "totp", wrong).await;
        assert_eq!(answer.code(), "wrong_code");
    }
    let locked = second_step(&mut app.visitor(), &challenge, "totp", &right).await;
    assert_eq!(
        (locked.status, locked.code().as_str()),
        (StatusCode::TOO_MANY_REQUESTS, "sign_in_locked")
    );
    let locked = app.visitor().login(kim.email, PASSWORD).await;
    assert_eq!(locked.code(), "sign_in_locked");

    app.advance(TimeDelta::seconds(31));
    let answer = kim.sign_in(&app, "totp", &app.shown(&kim.app)).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
}

#[tokio::test]
async fn a_challenge_has_few_tries_a_short_life_and_one_version_of_the_account() {
    let app = TestApp::new().await;
    let kim = app.guarded("kim@example.com").await;
    let over = |answer: &crate::support::Answer| answer.code() == "challenge_invalid";

    let old = kim.first_step(&app).await;
    app.advance(TimeDelta::minutes(5) + TimeDelta::seconds(1));
    let answer = second_step(&mut app.visitor(), &old, "totp", &app.shown(&kim.app)).await;
    assert!(over(&answer), "{}", answer.text());

    let challenge = kim.first_step(&app).await;
    for _ in 0..5 {
        let path = "/api/v1/auth/second-factor";
        let body = json!({"challenge": challenge, "method": "totp"});
        let answer = app.visitor().post(path, body).await;
        assert_eq!(answer.json()["fields"][0]["field"], "code");
    }
    let answer = second_step(&mut app.visitor(), &challenge, "totp", &app.shown(&kim.app)).await;
    assert!(over(&answer), "{}", answer.text());

    let challenge = kim.first_step(&app).await;
    let body = json!({"current_password": PASSWORD, "new_password": "eight lazy otters 43"});
    let changed = kim
        .client
        .call(Method::PUT, "/api/v1/auth/password", Some(body))
        .await;
    assert_eq!(changed.status, StatusCode::NO_CONTENT, "{}", changed.text());
    let answer = second_step(&mut app.visitor(), &challenge, "totp", &app.shown(&kim.app)).await;
    assert!(over(&answer), "{}", answer.text());
    for made_up in [json!(""), json!("x"), json!("a".repeat(10_000))] {
        let answer = second_step(&mut app.visitor(), &made_up, "totp", "123456").await;
        assert!(over(&answer), "{}", answer.text());
    }
}

#[tokio::test]
async fn backup_codes_work_once_each_and_are_replaced_whole() {
    let app = TestApp::new().await;
    let kim = app.guarded("kim@example.com").await;
    let code = &kim.backup_codes[0];
    let typed = code.to_lowercase().replace('-', " ");
    assert_eq!(
        kim.sign_in(&app, "backup_code", &typed).await.status,
        StatusCode::OK
    );
    let again = kim.sign_in(&app, "backup_code", code).await;
    assert_eq!(again.code(), "wrong_code");
    let security = kim.client.get("/api/v1/auth/security").await.json();
    assert_eq!(security["backup_codes_left"], 9);

    let path = "/api/v1/auth/backup-codes";
    let new = kim.client.call(Method::POST, path, None).await;
    assert_eq!(new.status, StatusCode::OK, "{}", new.text());
    let new = new.json()["codes"][0].as_str().expect("a code").to_owned();
    let old = kim.sign_in(&app, "backup_code", &kim.backup_codes[1]).await;
    assert_eq!(old.code(), "wrong_code");
    assert_eq!(
        kim.sign_in(&app, "backup_code", &new).await.status,
        StatusCode::OK
    );

    // Nobody else's code is one's own.
    let lee = app.guarded("lee@example.com").await;
    let foreign = lee.sign_in(&app, "backup_code", &kim.backup_codes[2]).await;
    assert_eq!(foreign.code(), "wrong_code");
}

#[tokio::test]
async fn what_is_sensitive_wants_a_fresh_proof() {
    let app = TestApp::new().await;
    let kim = app.guarded("kim@example.com").await;
    let mut client = kim.client.clone();
    app.advance(TimeDelta::minutes(11));
    let security = client.get("/api/v1/auth/security").await.json();
    assert_eq!(security["fresh_until"], Value::Null);
    let sensitive = [
        (Method::POST, "/api/v1/auth/totp"),
        (Method::DELETE, "/api/v1/auth/totp"),
        (Method::POST, "/api/v1/auth/backup-codes"),
        (Method::POST, "/api/v1/auth/passkeys/options"),
        (
            Method::DELETE,
            "/api/v1/auth/passkeys/0191f2c4-7a00-7000-8000-000000000000",
        ),
        (Method::POST, "/api/v1/auth/identities/oidc/link"),
        (Method::DELETE, "/api/v1/auth/me"),
        (
            Method::DELETE,
            "/api/v1/auth/identities/0191f2c4-7a00-7000-8000-000000000000",
        ),
    ];
    for (method, path) in sensitive {
        let answer = client.call(method.clone(), path, None).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{method} {path}");
        assert_eq!(
            answer.code(),
            "reauthentication_required",
            "{method} {path}"
        );
        let nobody = app.visitor().call(method.clone(), path, None).await;
        assert_eq!(nobody.status, StatusCode::UNAUTHORIZED, "{method} {path}");
    }
    let email = json!({"email": "other@example.com"});
    let answer = client
        .call(Method::PUT, "/api/v1/auth/email", Some(email))
        .await;
    assert_eq!(answer.code(), "reauthentication_required");
    let body = json!({"new_password": "eight lazy otters 43"});
    let answer = client
        .call(Method::PUT, "/api/v1/auth/password", Some(body.clone()))
        .await;
    assert_eq!(answer.code(), "reauthentication_required");

    let path = "/api/v1/auth/reauthenticate";
    for (proof, field) in [
        (json!({"password": "wrong"}), "password"),
        (json!({"code": "12345"}), "code"),
    ] {
        let answer = client.post(path, proof).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        assert_eq!(answer.json()["fields"][0]["field"], field);
        assert_eq!(answer.json()["fields"][0]["code"], "wrong");
    }
    for proof in [json!({}), json!({"password": PASSWORD, "code": "123456"})] {
        assert_eq!(
            client.post(path, proof).await.status,
            StatusCode::BAD_REQUEST
        );
    }
    let code = app.shown(&kim.app);
    let answer = client.post(path, json!({"code": code})).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert!(answer.json()["fresh_until"].is_string());
    // The same code neither proves it again nor signs in.
    assert_eq!(
        client.post(path, json!({"code": code})).await.status,
        StatusCode::BAD_REQUEST
    );
    assert_eq!(kim.sign_in(&app, "totp", &code).await.code(), "wrong_code");

    let answer = client
        .call(Method::PUT, "/api/v1/auth/password", Some(body))
        .await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT, "{}", answer.text());
    let answer = client.delete("/api/v1/auth/totp").await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT, "{}", answer.text());
    let signed_in = app.visitor().login(kim.email, "eight lazy otters 43").await;
    assert_eq!(signed_in.status, StatusCode::OK);
    // The proof is this session's alone.
    let mut other = app.visitor();
    other.login(kim.email, "eight lazy otters 43").await;
    app.advance(TimeDelta::minutes(11));
    client.refresh().await;
    client
        .post(path, json!({"password": "eight lazy otters 43"}))
        .await;
    let answer = other.call(Method::POST, "/api/v1/auth/totp", None).await;
    assert_eq!(answer.code(), "reauthentication_required");
    let answer = client.call(Method::POST, "/api/v1/auth/totp", None).await;
    assert_eq!(answer.status, StatusCode::OK);
}

#[tokio::test]
async fn guessing_at_the_proof_is_counted() {
    let app = TestApp::new().await;
    let client = app.user("kim@example.com").await;
    let path = "/api/v1/auth/reauthenticate";
    for _ in 0..6 {
        let answer = client.post(path, json!({"password": "wrong"})).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    }
    let answer = client.post(path, json!({"password": PASSWORD})).await;
    assert_eq!(answer.code(), "sign_in_locked");
}

#[tokio::test]
async fn an_unconfirmed_app_changes_nothing() {
    let app = TestApp::new().await;
    let mut client = app.user("kim@example.com").await;
    let begin = async |client: &Client| client.call(Method::POST, "/api/v1/auth/totp", None).await;
    let first = begin(&client).await.json();
    let uri = first["uri"].as_str().expect("a URI");
    assert!(
        uri.starts_with("otpauth://totp/OpenMake:kim%40example.com?secret="),
        "{uri}"
    );
    assert_eq!(
        app.visitor()
            .login("kim@example.com", PASSWORD)
            .await
            .status,
        StatusCode::OK
    );

    // A second set-up replaces the first.
    let first = App::new(first["secret"].as_str().expect("a secret"));
    let second = App::new(
        begin(&client).await.json()["secret"]
            .as_str()
            .expect("a secret"),
    );
    let confirm = async |client: &Client, code: String| {
        let body = json!({"code": code});
        client.post("/api/v1/auth/totp/confirm", body).await
    };
    let stale = confirm(&client, app.shown(&first)).await;
    assert_eq!(stale.json()["fields"][0]["code"], "wrong");
    // And waits a quarter of an hour; the session must be fresh as well.
    app.advance(TimeDelta::minutes(16));
    client.refresh().await;
    client
        .post("/api/v1/auth/reauthenticate", json!({"password": PASSWORD}))
        .await;
    let late = confirm(&client, app.shown(&second)).await;
    assert_eq!(late.code(), "totp_not_begun");
    let (_, codes) = app.turn_on(&client).await;
    assert_eq!(codes.len(), 10);
    let again = begin(&client).await;
    assert_eq!(
        (again.status, again.code().as_str()),
        (StatusCode::CONFLICT, "totp_enabled")
    );
}

#[tokio::test]
async fn an_administrator_lets_someone_back_in_who_lost_everything() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let kim = app.guarded("kim@example.com").await;
    let id = kim.client.get("/api/v1/auth/me").await.id();
    let path = format!("/api/v1/users/{id}/second-factor");
    let refused = kim.client.delete(&path).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert_eq!(admin.delete(&path).await.status, StatusCode::NO_CONTENT);
    assert_eq!(admin.delete(&path).await.status, StatusCode::NOT_FOUND);
    assert_eq!(
        app.visitor().login(kim.email, PASSWORD).await.status,
        StatusCode::OK
    );

    let trail = admin.get("/api/v1/audit?limit=100").await.json();
    let acts: Vec<&str> = trail["items"]
        .as_array()
        .expect("entries")
        .iter()
        .filter_map(|entry| entry["action"].as_str())
        .collect();
    for act in ["second_factor.enable", "second_factor.disable"] {
        assert!(acts.contains(&act), "{acts:?}");
    }
}
