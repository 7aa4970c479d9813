//! Forgotten passwords: by an administrator's link and by e-mail.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::TimeDelta;
use futures_util::future::join_all;
use http::{Method, StatusCode};
use openmake_gateway::{GatewaySettings, SignInSettings};
use serde_json::{Value, json};

use crate::support::{Answer, Client, PASSWORD, TestApp, settings, smtp::MailServer};

const NEW: &str = "eight lazy otters 43";
const REQUEST: &str = "/api/v1/auth/password-reset/request";

async fn with_mail(server: &MailServer) -> TestApp {
    TestApp::with(GatewaySettings {
        sign_in: SignInSettings {
            public_url: "https://chat.example.com".to_owned(),
            mailer: Some(server.mailer()),
            ..SignInSettings::default()
        },
        ..settings()
    })
    .await
}

/// The token of a link.
fn token(url: &str) -> String {
    url.split_once("/reset-password#token=")
        .expect("a link")
        .1
        .to_owned()
}

async fn reset(client: &Client, token: &str, password: &str) -> Answer {
    let body = json!({"token": token, "new_password": password});
    client.post("/api/v1/auth/password-reset", body).await
}

#[tokio::test]
async fn an_administrators_link_sets_a_password_once() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let mut kim = app.user("kim@example.com").await;
    let id = kim.get("/api/v1/auth/me").await.id();
    let path = format!("/api/v1/users/{id}/password-reset");
    assert_eq!(
        kim.call(Method::POST, &path, None).await.status,
        StatusCode::FORBIDDEN
    );
    let made = admin.call(Method::POST, &path, None).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    let url = made.json()["url"].as_str().expect("a link").to_owned();
    assert!(url.starts_with("http://localhost:52416/"), "{url}");
    let other = admin.call(Method::POST, &path, None).await.json();
    let other = token(other["url"].as_str().expect("a link"));

    let visitor = app.visitor();
    let weak = reset(&visitor, &token(&url), "password123").await;
    assert_eq!(weak.json()["fields"][0]["field"], "new_password");
    // Of several at once, one sets it.
    let same = token(&url);
    let answers = join_all((0..4).map(|_| reset(&visitor, &same, NEW))).await;
    let done = answers
        .iter()
        .filter(|answer| answer.status == StatusCode::NO_CONTENT);
    assert_eq!(done.count(), 1);
    for answer in answers
        .iter()
        .filter(|answer| answer.status != StatusCode::NO_CONTENT)
    {
        assert_eq!(answer.code(), "reset_link_invalid");
    }
    for used in [token(&url), other, "made up".to_owned(), String::new()] {
        let answer = reset(&visitor, &used, "nine lazy otters 44").await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (StatusCode::FORBIDDEN, "reset_link_invalid")
        );
    }
    assert_eq!(
        kim.get("/api/v1/auth/me").await.status,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(kim.refresh().await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(
        app.visitor()
            .login("kim@example.com", PASSWORD)
            .await
            .code(),
        "wrong_credentials"
    );
    assert_eq!(
        app.visitor().login("kim@example.com", NEW).await.status,
        StatusCode::OK
    );

    let trail = admin
        .get("/api/v1/audit?action=user.password_reset&limit=20")
        .await
        .json();
    let outcomes: Vec<&Value> = trail["items"]
        .as_array()
        .expect("entries")
        .iter()
        .map(|entry| &entry["outcome"])
        .collect();
    assert!(outcomes.contains(&&json!("success")) && outcomes.contains(&&json!("failure")));
    assert!(
        !admin
            .get("/api/v1/audit?limit=100")
            .await
            .text()
            .contains(&same)
    );

    app.advance(TimeDelta::minutes(11));
    assert_eq!(
        admin.call(Method::POST, &path, None).await.code(),
        "reauthentication_required"
    );
}

#[tokio::test]
async fn a_link_ends_and_does_not_replace_a_second_factor() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let kim = app.guarded("kim@example.com").await;
    let id = kim.client.get("/api/v1/auth/me").await.id();
    let path = format!("/api/v1/users/{id}/password-reset");
    let made = admin.call(Method::POST, &path, None).await.json();
    let old = token(made["url"].as_str().expect("a link"));
    let made = admin.call(Method::POST, &path, None).await.json();
    let good = token(made["url"].as_str().expect("a link"));
    assert_eq!(
        reset(&app.visitor(), &good, NEW).await.status,
        StatusCode::NO_CONTENT
    );
    let answer = app.visitor().login(kim.email, NEW).await;
    assert_eq!(answer.code(), "second_factor_required");

    app.advance(TimeDelta::hours(25));
    assert_eq!(
        reset(&app.visitor(), &old, NEW).await.code(),
        "reset_link_invalid"
    );
    let nobody = "/api/v1/users/0191f2c4-7a00-7000-8000-000000000000/password-reset";
    let mut admin = admin;
    admin.login("admin@example.com", PASSWORD).await;
    assert_eq!(
        admin.call(Method::POST, nobody, None).await.status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn a_mail_brings_a_link_in_the_readers_language() {
    let mut server = MailServer::start().await;
    let app = with_mail(&server).await;
    app.user("kim@example.com").await;
    let offered = app.visitor().get("/api/v1/auth/providers").await.json();
    assert_eq!(offered["password_reset_by_email"], true);

    let body = json!({"email": "KIM@example.com", "language": "ko"});
    let answer = app.visitor().post(REQUEST, body.clone()).await;
    assert_eq!(
        (answer.status, answer.body.len()),
        (StatusCode::ACCEPTED, 0)
    );
    let mail = server.next().await;
    assert!(mail.contains("<chat@example.com>"), "{mail}");
    assert!(mail.contains("To: kim@example.com"), "{mail}");
    let text = text_of(&mail);
    assert!(text.contains("비밀번호"), "{text}");
    let link = text
        .split_whitespace()
        .find(|word| word.starts_with("https://chat.example.com/"))
        .expect("a link");
    let token = token(link);

    // Asked again at once, no second mail; nor for nobody.
    for email in ["kim@example.com", "nobody@example.com", "no address"] {
        let answer = app.visitor().post(REQUEST, json!({"email": email})).await;
        assert_eq!(
            (answer.status, answer.body.len()),
            (StatusCode::ACCEPTED, 0),
            "{email}"
        );
    }
    app.advance(TimeDelta::minutes(3));
    app.visitor()
        .post(REQUEST, json!({"email": "kim@example.com"}))
        .await;
    let second = server.next().await;
    assert!(
        second.contains("Subject: Reset your OpenMake password"),
        "{second}"
    );
    assert!(server.is_empty());

    assert_eq!(
        reset(&app.visitor(), &token, NEW).await.status,
        StatusCode::NO_CONTENT
    );
    assert_eq!(
        reset(&app.visitor(), &token, NEW).await.code(),
        "reset_link_invalid"
    );
    assert_eq!(
        app.visitor().login("kim@example.com", NEW).await.status,
        StatusCode::OK
    );
    let wrong = json!({"email": "kim@example.com", "language": "tlh"});
    assert_eq!(
        app.visitor().post(REQUEST, wrong).await.json()["fields"][0]["field"],
        "language"
    );
}

#[tokio::test]
async fn without_a_mail_server_the_answer_is_the_same() {
    let app = TestApp::new().await;
    app.user("kim@example.com").await;
    for email in ["kim@example.com", "nobody@example.com"] {
        let answer = app.visitor().post(REQUEST, json!({"email": email})).await;
        assert_eq!(
            (answer.status, answer.body.len()),
            (StatusCode::ACCEPTED, 0)
        );
    }
}

/// The decoded text of a mail.
fn text_of(mail: &str) -> String {
    let (headers, body) = mail.split_once("\n\n").expect("a body");
    let encoding = headers
        .lines()
        .find_map(|line| line.strip_prefix("Content-Transfer-Encoding: "));
    let bytes = match encoding {
        Some("base64") => {
            let body: String = body.split_whitespace().collect();
            STANDARD.decode(body).expect("base64")
        }
        Some("quoted-printable") => quoted_printable(body),
        other => panic!("{other:?}: {mail}"),
    };
    String::from_utf8(bytes).expect("UTF-8")
}

fn quoted_printable(body: &str) -> Vec<u8> {
    let joined = body.replace("=\n", "");
    let mut parts = joined.split('=');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let (code, rest) = part.split_at(2);
        bytes.extend(hex::decode(code).expect("two digits"));
        bytes.extend(rest.as_bytes());
    }
    bytes
}
