//! Passkeys: alone, as a second factor, and as a proof.

use chrono::TimeDelta;
use http::{Method, StatusCode};
use openmake_gateway::{GatewaySettings, SignInSettings};
use serde_json::{Value, json};

use crate::support::{Answer, Client, PASSWORD, TestApp, authenticator::Authenticator, settings};

/// Adds a passkey to the account that is signed in.
async fn add(client: &Client, authenticator: &mut Authenticator, name: &str) -> Answer {
    let path = "/api/v1/auth/passkeys/options";
    let asked = client.call(Method::POST, path, None).await;
    assert_eq!(asked.status, StatusCode::OK, "{}", asked.text());
    let asked = asked.json();
    let body = json!({
        "challenge": asked["challenge"],
        "name": name,
        "credential": authenticator.create(&asked["options"]),
    });
    client.post("/api/v1/auth/passkeys", body).await
}

async fn ask(client: &Client) -> Value {
    let path = "/api/v1/auth/passkey/options";
    let asked = client.call(Method::POST, path, None).await;
    assert_eq!(asked.status, StatusCode::OK, "{}", asked.text());
    asked.json()
}

async fn answer(client: &mut Client, asked: &Value, credential: Value) -> Answer {
    let body = json!({"challenge": asked["challenge"], "credential": credential});
    client.sign_in_by("/api/v1/auth/passkey", Some(body)).await
}

async fn sign_in(app: &TestApp, authenticator: &mut Authenticator) -> Answer {
    let mut browser = app.visitor();
    let asked = ask(&browser).await;
    let credential = authenticator.get(&asked["options"]);
    answer(&mut browser, &asked, credential).await
}

#[tokio::test]
async fn a_passkey_signs_in_without_anything_else() {
    let app = TestApp::new().await;
    let kim = app.user("kim@example.com").await;
    let mut phone = Authenticator::new(1);
    let added = add(&kim, &mut phone, "Phone").await;
    assert_eq!(added.status, StatusCode::CREATED, "{}", added.text());
    assert_eq!(added.json()["name"], "Phone");

    let asked = ask(&app.visitor()).await;
    assert_eq!(asked["options"]["publicKey"]["rpId"], "localhost");
    assert_eq!(
        asked["options"]["publicKey"]["userVerification"],
        "required"
    );
    let signed_in = sign_in(&app, &mut phone).await;
    assert_eq!(signed_in.status, StatusCode::OK, "{}", signed_in.text());
    assert_eq!(signed_in.json()["user"]["email"], "kim@example.com");
    assert!(signed_in.refresh_cookie().is_some());
    // Both factors in one: nothing more is asked for.
    app.turn_on(&kim).await;
    assert_eq!(sign_in(&app, &mut phone).await.status, StatusCode::OK);

    let security = kim.get("/api/v1/auth/security").await.json();
    assert!(security["passkeys"][0]["last_used_at"].is_string());
    assert!(security["passkeys"][0]["credential"].is_null());
}

#[tokio::test]
async fn what_is_not_the_passkey_for_this_site_and_step_is_refused() {
    let app = TestApp::new().await;
    let kim = app.user("kim@example.com").await;
    let mut phone = Authenticator::new(1);
    add(&kim, &mut phone, "Phone").await;
    let refused = |answer: &Answer| {
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{}", answer.text());
        assert!(answer.refresh_cookie().is_none());
        answer.code()
    };

    // Another key, though it says whose it is.
    let mut other = Authenticator::new(2);
    let asked = ask(&app.visitor()).await;
    let mut credential = phone.get(&asked["options"]);
    credential["response"]["signature"] =
        other.get(&asked["options"])["response"]["signature"].clone();
    assert_eq!(
        refused(&answer(&mut app.visitor(), &asked, credential).await),
        "passkey_refused"
    );
    assert_eq!(
        refused(&sign_in(&app, &mut Authenticator::new(3)).await),
        "passkey_refused"
    );

    // Asked by another page, or without a look at the person.
    let mut phished = phone.clone();
    phished.origin = "https://openmake.evil.example".to_owned();
    assert_eq!(
        refused(&sign_in(&app, &mut phished).await),
        "passkey_refused"
    );
    let mut unverified = phone.clone();
    unverified.verifies = false;
    assert_eq!(
        refused(&sign_in(&app, &mut unverified).await),
        "passkey_refused"
    );

    // An answer again, and an answer to another question.
    let asked = ask(&app.visitor()).await;
    let credential = phone.get(&asked["options"]);
    let first = answer(&mut app.visitor(), &asked, credential.clone()).await;
    assert_eq!(first.status, StatusCode::OK, "{}", first.text());
    let again = answer(&mut app.visitor(), &asked, credential.clone()).await;
    assert_eq!(refused(&again), "challenge_invalid");
    let another = ask(&app.visitor()).await;
    assert_eq!(
        refused(&answer(&mut app.visitor(), &another, credential).await),
        "passkey_refused"
    );
    let asked = ask(&app.visitor()).await;
    app.advance(TimeDelta::minutes(6));
    let credential = phone.get(&asked["options"]);
    assert_eq!(
        refused(&answer(&mut app.visitor(), &asked, credential).await),
        "challenge_invalid"
    );

    // A copy of the authenticator, which counts behind.
    assert_eq!(
        sign_in(&app, &mut phone.clone()).await.status,
        StatusCode::OK
    );
    phone.counter -= 2;
    assert_eq!(refused(&sign_in(&app, &mut phone).await), "passkey_refused");

    let malformed = answer(
        &mut app.visitor(),
        &ask(&app.visitor()).await,
        json!({"id": 1}),
    )
    .await;
    assert_eq!(malformed.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_passkey_is_a_second_factor_and_a_proof() {
    let app = TestApp::new().await;
    let kim = app.guarded("kim@example.com").await;
    let mut phone = Authenticator::new(1);
    add(&kim.client, &mut phone, "Phone").await;

    let first = app.visitor().login(kim.email, PASSWORD).await.json();
    assert_eq!(first["methods"], json!(["totp", "passkey", "backup_code"]));
    let path = "/api/v1/auth/second-factor/passkey";
    let asked = app
        .visitor()
        .post(path, json!({"challenge": first["challenge"]}))
        .await;
    assert_eq!(asked.status, StatusCode::OK, "{}", asked.text());
    let asked = asked.json();
    let allowed = &asked["options"]["publicKey"]["allowCredentials"];
    assert_eq!(allowed.as_array().map(Vec::len), Some(1));
    let mut browser = app.visitor();
    let body = json!({
        "challenge": first["challenge"],
        "method": "passkey",
        "credential": phone.get(&asked["options"]),
    });
    let path = "/api/v1/auth/second-factor";
    let answer = browser.sign_in_by(path, Some(body.clone())).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert_eq!(
        app.visitor().post(path, body).await.code(),
        "challenge_invalid"
    );

    // A passkey that the account does not have.
    let challenge = kim.first_step(&app).await;
    let options = "/api/v1/auth/second-factor/passkey";
    let asked = app
        .visitor()
        .post(options, json!({"challenge": challenge}))
        .await
        .json();
    let body = json!({
        "challenge": challenge,
        "method": "passkey",
        "credential": Authenticator::new(9).get(&asked["options"]),
    });
    assert_eq!(
        app.visitor().post(path, body).await.code(),
        "passkey_refused"
    );

    app.advance(TimeDelta::minutes(11));
    browser.refresh().await;
    let options = "/api/v1/auth/reauthenticate/passkey";
    let asked = browser.call(Method::POST, options, None).await.json();
    let proof = json!({"passkey": {
        "challenge": asked["challenge"],
        "credential": phone.get(&asked["options"]),
    }});
    let path = "/api/v1/auth/reauthenticate";
    let answer = browser.post(path, proof.clone()).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    assert_eq!(
        browser.post(path, proof).await.json()["fields"][0]["field"],
        "passkey"
    );
}

#[tokio::test]
async fn passkeys_are_listed_renamed_and_removed_by_their_owner() {
    let app = TestApp::new().await;
    let kim = app.user("kim@example.com").await;
    let mut lee = app.user("lee@example.com").await;
    let (mut phone, mut laptop) = (Authenticator::new(1), Authenticator::new(2));
    let id = add(&kim, &mut phone, "Phone").await.id();
    assert_eq!(
        add(&kim, &mut laptop, "Laptop").await.status,
        StatusCode::CREATED
    );
    let path = format!("/api/v1/auth/passkeys/{id}");
    let renamed = kim.patch(&path, json!({"name": "My phone"})).await;
    assert_eq!(renamed.json()["name"], "My phone", "{}", renamed.text());
    for name in ["", &"a".repeat(61)] {
        assert_eq!(
            kim.patch(&path, json!({"name": name})).await.status,
            StatusCode::BAD_REQUEST
        );
    }
    assert_eq!(
        lee.patch(&path, json!({"name": "x"})).await.status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(lee.delete(&path).await.status, StatusCode::NOT_FOUND);

    // The same key again, and what was asked for by another session.
    let again = add(&kim, &mut phone.clone(), "Again").await;
    assert_eq!(again.json()["fields"][0]["field"], "credential");
    let options = "/api/v1/auth/passkeys/options";
    let asked = kim.call(Method::POST, options, None).await.json();
    let mut tablet = Authenticator::new(3);
    let body = json!({
        "challenge": asked["challenge"],
        "name": "Tablet",
        "credential": tablet.create(&asked["options"]),
    });
    let stolen = lee.post("/api/v1/auth/passkeys", body.clone()).await;
    assert_eq!(stolen.json()["fields"][0]["field"], "challenge");
    let used_up = kim.post("/api/v1/auth/passkeys", body).await;
    assert_eq!(used_up.json()["fields"][0]["field"], "challenge");

    assert_eq!(kim.delete(&path).await.status, StatusCode::NO_CONTENT);
    assert_eq!(kim.delete(&path).await.status, StatusCode::NOT_FOUND);
    assert_eq!(sign_in(&app, &mut phone).await.code(), "passkey_refused");
    let keys = kim.get("/api/v1/auth/security").await.json()["passkeys"].clone();
    assert_eq!(keys.as_array().map(Vec::len), Some(1));
    assert_eq!(keys[0]["name"], "Laptop");

    // A deactivated account is out with a passkey as well.
    let mut key = Authenticator::new(4);
    add(&lee, &mut key, "Key").await;
    let id = lee.get("/api/v1/auth/me").await.id();
    let change = kim
        .patch(&format!("/api/v1/users/{id}"), json!({"is_active": false}))
        .await;
    assert_eq!(change.status, StatusCode::OK, "{}", change.text());
    assert_eq!(sign_in(&app, &mut key).await.code(), "account_deactivated");
    assert_eq!(lee.refresh().await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn an_address_without_a_name_has_no_passkeys() {
    let app = TestApp::with(GatewaySettings {
        sign_in: SignInSettings {
            public_url: "http://192.0.2.7:52416".to_owned(),
            ..SignInSettings::default()
        },
        ..settings()
    })
    .await;
    let offered = app.visitor().get("/api/v1/auth/providers").await.json();
    assert_eq!(offered["passkeys"], false);
    let path = "/api/v1/auth/passkey/options";
    let answer = app.visitor().call(Method::POST, path, None).await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (StatusCode::CONFLICT, "passkeys_unavailable")
    );
}
