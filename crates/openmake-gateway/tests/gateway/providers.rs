//! Signing in with an account elsewhere, and what must not come of it.

use std::collections::HashMap;

use chrono::TimeDelta;
use http::{Method, StatusCode, header};
use openmake_gateway::{GatewaySettings, SignInSettings};
use openmake_types::Clock as _;
use serde_json::{Value, json};
use url::Url;

use crate::support::{
    Answer, Client, PASSWORD, TestApp,
    factors::second_step,
    issuer::{CLIENT_ID, Issuer, providers},
    settings,
};

/// An instance where one may sign in with `issuer`, as `work` and `github`.
async fn app(issuer: &Issuer) -> TestApp {
    TestApp::with(GatewaySettings {
        sign_in: SignInSettings {
            providers: providers(vec![issuer.oidc(), issuer.github()]),
            ..SignInSettings::default()
        },
        ..settings()
    })
    .await
}

/// A browser that is on its way to a provider.
struct Journey {
    provider: &'static str,
    /// What the provider's address was called with.
    query: HashMap<String, String>,
    cookie: String,
}

impl Journey {
    fn from(provider: &'static str, location: &str, answer: &Answer) -> Self {
        let url = Url::parse(location).expect("a URL");
        let cookie = answer.header("set-cookie").to_owned();
        assert!(
            cookie.contains("HttpOnly; SameSite=Lax; Secure"),
            "{cookie}"
        );
        Self {
            provider,
            query: url.query_pairs().into_owned().collect(),
            cookie: cookie.split(';').next().expect("one").to_owned(),
        }
    }

    async fn start(app: &TestApp, provider: &'static str, query: &str) -> Self {
        let path = format!("/api/v1/auth/oidc/{provider}/start{query}");
        let answer = app.visitor().get(&path).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text());
        Self::from(provider, answer.header("location"), &answer)
    }

    /// The browser comes back with `code`.
    async fn back(&self, app: &TestApp, code: &str) -> Answer {
        self.back_with(app, &format!("code={code}&state={}", self.query["state"]))
            .await
    }

    async fn back_with(&self, app: &TestApp, query: &str) -> Answer {
        let path = format!("/api/v1/auth/oidc/{}/callback?{query}", self.provider);
        let browser = app.visitor().with_header("cookie", &self.cookie);
        let answer = browser.get(&path).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text());
        answer
    }
}

/// What a good ID token says.
fn claims(app: &TestApp, issuer: &Issuer, journey: &Journey, more: &Value) -> Value {
    let now = app.clock.now().timestamp();
    let mut claims = json!({
        "iss": issuer.url,
        "sub": "subject-1",
        "aud": CLIENT_ID,
        "iat": now,
        "exp": now + 300,
        "nonce": journey.query["nonce"],
        "email": "kim@example.com",
        "email_verified": true,
        "name": "Kim",
    });
    for (name, value) in more.as_object().expect("an object") {
        claims[name] = value.clone();
    }
    claims
}

/// There and back, with these claims beside the usual.
async fn visit(app: &TestApp, issuer: &Issuer, more: Value) -> Answer {
    let journey = Journey::start(app, "work", "").await;
    let claims = claims(app, issuer, &journey, &more);
    let info = json!({"sub": claims["sub"]});
    let token = issuer.sign(&claims);
    issuer.grant("code", &journey.query["code_challenge"], token, info);
    journey.back(app, "code").await
}

fn error(answer: &Answer) -> &str {
    assert!(answer.refresh_cookie().is_none(), "signed in");
    answer
        .header("location")
        .strip_prefix("/login?error=")
        .unwrap_or_else(|| panic!("{}", answer.header("location")))
}

/// The page that was signed in by the cookie of `answer`.
async fn page(app: &TestApp, answer: &Answer) -> Client {
    let mut client = app.visitor();
    client.cookie = answer.refresh_cookie();
    assert!(client.cookie.is_some(), "{}", answer.header("location"));
    assert_eq!(client.refresh().await.status, StatusCode::OK);
    client
}

#[tokio::test]
async fn who_comes_first_registers_and_then_signs_in() {
    let issuer = Issuer::start().await;
    let app = app(&issuer).await;
    let offered = app.visitor().get("/api/v1/auth/providers").await.json();
    assert_eq!(
        offered["providers"],
        json!([
            {"id": "work", "name": "Work account", "kind": "oidc"},
            {"id": "github", "name": "GitHub", "kind": "github"},
        ])
    );
    let journey = Journey::start(&app, "work", "?return_to=/chat?id=7").await;
    let query = &journey.query;
    assert_eq!(query["response_type"], "code");
    assert_eq!(query["client_id"], CLIENT_ID);
    assert_eq!(query["scope"], "openid email profile");
    assert_eq!(query["code_challenge_method"], "S256");
    assert_eq!(query["tenant"], "1");
    let redirect = "http://localhost:52416/api/v1/auth/oidc/work/callback";
    assert_eq!(query["redirect_uri"], redirect);
    let token = issuer.sign(&claims(&app, &issuer, &journey, &json!({})));
    issuer.grant("code", &query["code_challenge"], token, json!({}));
    let answer = journey.back(&app, "code").await;
    assert_eq!(answer.header("location"), "/chat?id=7");
    let kim = page(&app, &answer).await;
    let me = kim.get("/api/v1/auth/me").await.json();
    assert_eq!(
        (&me["email"], &me["display_name"]),
        (&json!("kim@example.com"), &json!("Kim"))
    );
    // The first account of the instance, however it came.
    assert_eq!(me["role"], "admin");

    // Another name and address there are still the same person.
    let renamed = json!({"email": "kim.lee@example.com", "name": "Kim Lee"});
    let again = page(&app, &visit(&app, &issuer, renamed).await).await;
    assert_eq!(again.get("/api/v1/auth/me").await.json(), me);
    assert!(
        app.visitor()
            .login("kim@example.com", "")
            .await
            .status
            .is_client_error()
    );

    let security = kim.get("/api/v1/auth/security").await.json();
    assert_eq!(security["has_password"], false);
    assert_eq!(security["identities"][0]["provider_name"], "Work account");
    assert_eq!(security["identities"][0]["label"], "kim@example.com");
}

#[tokio::test]
async fn a_journey_is_one_browsers_once_and_for_a_while() {
    let issuer = Issuer::start().await;
    let app = app(&issuer).await;
    let ready = async || {
        let journey = Journey::start(&app, "work", "").await;
        let token = issuer.sign(&claims(&app, &issuer, &journey, &json!({})));
        issuer.grant("code", &journey.query["code_challenge"], token, json!({}));
        journey
    };

    // Someone else's browser, and none of ours.
    let victim = Journey::start(&app, "work", "").await;
    let mut journey = ready().await;
    let own = std::mem::replace(&mut journey.cookie, victim.cookie);
    assert_eq!(error(&journey.back(&app, "code").await), "state_invalid");
    journey.cookie = own;
    assert_eq!(error(&journey.back(&app, "code").await), "state_invalid");
    let mut journey = ready().await;
    journey.cookie = "a=b".to_owned();
    assert_eq!(error(&journey.back(&app, "code").await), "state_invalid");

    // A state that was made up, none, and that of another provider.
    let journey = ready().await;
    for query in ["code=code&state=made-up", "code=code"] {
        assert_eq!(
            error(&journey.back_with(&app, query).await),
            "state_invalid"
        );
    }
    let mut journey = ready().await;
    journey.provider = "github";
    assert_eq!(error(&journey.back(&app, "code").await), "state_invalid");

    // Twice, late, refused there, or by another issuer's word.
    let journey = ready().await;
    assert!(journey.back(&app, "code").await.refresh_cookie().is_some());
    assert_eq!(error(&journey.back(&app, "code").await), "state_invalid");
    let journey = ready().await;
    app.advance(TimeDelta::minutes(11));
    assert_eq!(error(&journey.back(&app, "code").await), "state_invalid");
    let journey = ready().await;
    let state = &journey.query["state"];
    let answer = journey
        .back_with(&app, &format!("error=access_denied&state={state}"))
        .await;
    assert_eq!(error(&answer), "provider_refused");
    let journey = ready().await;
    let state = &journey.query["state"];
    let query = format!("code=code&state={state}&iss=https://evil.example");
    assert_eq!(
        error(&journey.back_with(&app, &query).await),
        "state_invalid"
    );

    let unknown = app.visitor().get("/api/v1/auth/oidc/nobody/start").await;
    assert_eq!(error(&unknown), "provider_unknown");
}

#[tokio::test]
async fn a_token_must_be_the_issuers_for_this_client_sign_in_and_time() {
    let issuer = Issuer::start().await;
    let app = app(&issuer).await;
    let now = app.clock.now().timestamp();
    for wrong in [
        json!({"iss": "https://evil.example"}),
        json!({"aud": "another client"}),
        json!({"aud": [CLIENT_ID, "another client"]}),
        json!({"azp": "another client"}),
        json!({"nonce": "another sign-in's"}),
        json!({"nonce": null}),
        json!({"exp": now - 61}),
        json!({"iat": now + 120}),
        json!({"nbf": now + 120}),
        json!({"sub": ""}),
        json!({"sub": "a".repeat(256)}),
        json!({"exp": "soon"}),
    ] {
        let answer = visit(&app, &issuer, wrong.clone()).await;
        assert_eq!(error(&answer), "provider_failed", "{wrong}");
    }
    // A minute between two clocks is no fault.
    let close = json!({"exp": now - 30, "iat": now + 30, "aud": [CLIENT_ID]});
    page(&app, &visit(&app, &issuer, close).await).await;

    // Signed by nobody, by our own secret, or with another's key.
    let journey = Journey::start(&app, "work", "").await;
    let good = claims(&app, &issuer, &journey, &json!({}));
    let unsigned = "eyJhbGciOiJub25lIn0.e30.".to_owned();
    let hmac = jsonwebtoken::encode(
        &jsonwebtoken::Header::new(jsonwebtoken::Algorithm::HS256),
        &good,
        &jsonwebtoken::EncodingKey::from_secret(crate::support::issuer::CLIENT_SECRET.as_bytes()),
    );
    let mut changed = issuer.sign(&good);
    changed.insert(changed.len() - 4, 'A');
    for token in [unsigned, hmac.expect("signs"), changed, String::new()] {
        let journey = Journey::start(&app, "work", "").await;
        issuer.grant("code", &journey.query["code_challenge"], token, json!({}));
        assert_eq!(error(&journey.back(&app, "code").await), "provider_failed");
    }

    // A code of another journey: its verifier is not ours.
    let other = Journey::start(&app, "work", "").await;
    let journey = Journey::start(&app, "work", "").await;
    let token = issuer.sign(&claims(&app, &issuer, &journey, &json!({})));
    issuer.grant("code", &other.query["code_challenge"], token, json!({}));
    assert_eq!(error(&journey.back(&app, "code").await), "provider_failed");
    // A code again: the issuer refuses it.
    let journey = Journey::start(&app, "work", "").await;
    assert_eq!(error(&journey.back(&app, "code").await), "provider_failed");
}

#[tokio::test]
async fn an_issuer_may_change_its_keys() {
    let issuer = Issuer::start().await;
    let app = app(&issuer).await;
    page(&app, &visit(&app, &issuer, json!({})).await).await;
    assert_eq!(issuer.key_requests(), 1);
    page(&app, &visit(&app, &issuer, json!({})).await).await;
    assert_eq!(issuer.key_requests(), 1);
    // A key that is not published signs nobody in, and cannot make us ask
    // again and again.
    issuer.rotate(9, &[1]);
    for _ in 0..3 {
        assert_eq!(
            error(&visit(&app, &issuer, json!({})).await),
            "provider_failed"
        );
    }
    assert_eq!(issuer.key_requests(), 1);
    // A new one is asked for, and the one before still holds while published.
    app.advance(TimeDelta::seconds(11));
    issuer.rotate(2, &[1, 2]);
    page(&app, &visit(&app, &issuer, json!({})).await).await;
    issuer.rotate(1, &[1, 2]);
    page(&app, &visit(&app, &issuer, json!({})).await).await;
    assert_eq!(issuer.key_requests(), 2);
    // One that was taken back ends with what we keep.
    issuer.rotate(1, &[2]);
    app.advance(TimeDelta::minutes(61));
    assert_eq!(
        error(&visit(&app, &issuer, json!({})).await),
        "provider_failed"
    );
}

#[tokio::test]
async fn an_email_joins_an_account_only_when_both_sides_have_shown_it() {
    let issuer = Issuer::start().await;
    let app = app(&issuer).await;
    let admin = app.admin().await;
    // Registered with a password: nobody has shown whose the address is. Who
    // did it would otherwise read what its owner writes after signing in.
    app.user("kim@example.com").await;
    for email_verified in [
        json!(true),
        json!(false),
        json!("false"),
        json!(1),
        json!(null),
    ] {
        let answer = visit(&app, &issuer, json!({"email_verified": email_verified})).await;
        assert_eq!(error(&answer), "account_exists");
    }

    // Invited at the address: the account's side is shown.
    let invitation = admin
        .post("/api/v1/invitations", json!({"email": "lee@example.com"}))
        .await
        .json();
    let mut lee = app.visitor();
    let body = json!({
        "email": "lee@example.com", "password": PASSWORD, "invitation": invitation["code"],
    });
    let answer = lee.sign_in_by("/api/v1/auth/register", Some(body)).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    let theirs = |verified: bool| json!({"sub": "lee", "email": "LEE@example.com", "email_verified": verified});
    assert_eq!(
        error(&visit(&app, &issuer, theirs(false)).await),
        "account_exists"
    );
    let joined = page(&app, &visit(&app, &issuer, theirs(true)).await).await;
    let me = joined.get("/api/v1/auth/me").await.json();
    assert_eq!(me, lee.get("/api/v1/auth/me").await.json());
    // From then on the subject counts, and the address no more.
    let later = json!({"sub": "lee", "email": "x@example.com", "email_verified": false});
    assert_eq!(
        page(&app, &visit(&app, &issuer, later).await)
            .await
            .get("/api/v1/auth/me")
            .await
            .json(),
        me
    );
    assert_eq!(
        app.visitor()
            .login("lee@example.com", PASSWORD)
            .await
            .status,
        StatusCode::OK
    );

    let none = json!({"sub": "nobody", "email": null});
    assert_eq!(error(&visit(&app, &issuer, none).await), "email_missing");
}

#[tokio::test]
async fn the_email_may_come_from_userinfo_of_the_same_subject() {
    let issuer = Issuer::start().await;
    let app = app(&issuer).await;
    for (subject, expected) in [("subject-2", None), ("subject-1", Some("kim@example.com"))] {
        let journey = Journey::start(&app, "work", "").await;
        let mut token = claims(&app, &issuer, &journey, &json!({}));
        token.as_object_mut().expect("an object").remove("email");
        let info = json!({"sub": subject, "email": "kim@example.com", "email_verified": "true"});
        let token = issuer.sign(&token);
        issuer.grant("code", &journey.query["code_challenge"], token, info);
        let answer = journey.back(&app, "code").await;
        match expected {
            None => assert_eq!(error(&answer), "provider_failed"),
            Some(email) => {
                let me = page(&app, &answer)
                    .await
                    .get("/api/v1/auth/me")
                    .await
                    .json();
                assert_eq!(me["email"], email);
            }
        }
    }
}

#[tokio::test]
async fn registration_is_as_open_as_it_is_with_a_password() {
    let issuer = Issuer::start().await;
    let app = app(&issuer).await;
    let admin = app.admin().await;
    let change = admin
        .patch("/api/v1/settings", json!({"registration": "invitation"}))
        .await;
    assert_eq!(change.status, StatusCode::OK, "{}", change.text());
    assert_eq!(
        error(&visit(&app, &issuer, json!({})).await),
        "registration_closed"
    );

    let invitation = admin.post("/api/v1/invitations", json!({})).await.json();
    let code = invitation["code"].as_str().expect("a code");
    let journey = Journey::start(&app, "work", &format!("?invitation={code}")).await;
    let token = issuer.sign(&claims(&app, &issuer, &journey, &json!({})));
    issuer.grant("code", &journey.query["code_challenge"], token, json!({}));
    let kim = page(&app, &journey.back(&app, "code").await).await;
    assert_eq!(kim.get("/api/v1/auth/me").await.json()["role"], "user");

    let journey = Journey::start(&app, "work", &format!("?invitation={code}")).await;
    let other = json!({"sub": "lee", "email": "lee@example.com"});
    let token = issuer.sign(&claims(&app, &issuer, &journey, &other));
    issuer.grant("code", &journey.query["code_challenge"], token, json!({}));
    assert_eq!(
        error(&journey.back(&app, "code").await),
        "invitation_invalid"
    );

    let id = kim.get("/api/v1/auth/me").await.id();
    let path = format!("/api/v1/users/{id}");
    admin.patch(&path, json!({"is_active": false})).await;
    assert_eq!(
        error(&visit(&app, &issuer, json!({})).await),
        "account_deactivated"
    );
}

#[tokio::test]
async fn accounts_elsewhere_are_linked_and_unlinked_in_the_settings() {
    let issuer = Issuer::start().await;
    let app = app(&issuer).await;
    let kim = app.user("kim@example.com").await;
    let link = async |client: &Client, subject: &str| {
        let path = "/api/v1/auth/identities/work/link";
        let answer = client.call(Method::POST, path, None).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        let url = answer.json()["url"].as_str().expect("a URL").to_owned();
        let journey = Journey::from("work", &url, &answer);
        // The address there is another, and does not matter.
        let more = json!({"sub": subject, "email": "k@elsewhere.example", "email_verified": false});
        let token = issuer.sign(&claims(&app, &issuer, &journey, &more));
        issuer.grant("code", &journey.query["code_challenge"], token, json!({}));
        let answer = journey.back(&app, "code").await;
        assert!(answer.refresh_cookie().is_none());
        answer.header("location").to_owned()
    };
    assert_eq!(link(&kim, "kim").await, "/settings?linked=work");
    let same = json!({"sub": "kim", "email_verified": false});
    let by_link = page(&app, &visit(&app, &issuer, same).await).await;
    assert_eq!(
        by_link.get("/api/v1/auth/me").await.json()["email"],
        "kim@example.com"
    );

    let lee = app.user("lee@example.com").await;
    assert_eq!(link(&lee, "kim").await, "/settings?error=identity_taken");
    let identities = kim.get("/api/v1/auth/security").await.json()["identities"].clone();
    let path = format!(
        "/api/v1/auth/identities/{}",
        identities[0]["id"].as_str().expect("an id")
    );
    assert_eq!(lee.delete(&path).await.status, StatusCode::NOT_FOUND);
    assert_eq!(kim.delete(&path).await.status, StatusCode::NO_CONTENT);
    assert_eq!(kim.delete(&path).await.status, StatusCode::NOT_FOUND);
    let unknown = kim
        .call(Method::POST, "/api/v1/auth/identities/nobody/link", None)
        .await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_last_way_in_stays() {
    let issuer = Issuer::start().await;
    let app = app(&issuer).await;
    let kim = page(&app, &visit(&app, &issuer, json!({})).await).await;
    let identities = kim.get("/api/v1/auth/security").await.json()["identities"].clone();
    let path = format!(
        "/api/v1/auth/identities/{}",
        identities[0]["id"].as_str().expect("an id")
    );
    let refused = kim.delete(&path).await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (StatusCode::CONFLICT, "last_sign_in_method")
    );
    // A first password needs none before it, since they just signed in.
    let body = json!({"new_password": PASSWORD});
    let set = kim
        .call(Method::PUT, "/api/v1/auth/password", Some(body))
        .await;
    assert_eq!(set.status, StatusCode::NO_CONTENT, "{}", set.text());
    assert_eq!(kim.delete(&path).await.status, StatusCode::NO_CONTENT);
    assert_eq!(
        app.visitor()
            .login("kim@example.com", PASSWORD)
            .await
            .status,
        StatusCode::OK
    );
}

#[tokio::test]
async fn a_second_factor_is_asked_for_after_a_provider_too() {
    let issuer = Issuer::start().await;
    let app = app(&issuer).await;
    let kim = page(&app, &visit(&app, &issuer, json!({})).await).await;
    let (totp, _) = app.turn_on(&kim).await;
    app.advance(TimeDelta::seconds(30));
    let answer = visit(&app, &issuer, json!({})).await;
    assert!(answer.refresh_cookie().is_none());
    let location = answer.header("location");
    let rest = location.strip_prefix("/login#challenge=").expect(location);
    let (challenge, methods) = rest.split_once("&methods=").expect("methods");
    assert_eq!(methods, "totp,backup_code");
    let mut browser = app.visitor();
    let answer = second_step(&mut browser, &json!(challenge), "totp", &app.shown(&totp)).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
}

#[tokio::test]
async fn github_says_who_it_is_by_its_api() {
    let issuer = Issuer::start().await;
    let app = app(&issuer).await;
    let visit = async |emails: Value| {
        issuer.on_github(json!({"id": 4711, "login": "kim", "name": null}), emails);
        let journey = Journey::start(&app, "github", "").await;
        assert_eq!(journey.query["scope"], "read:user user:email");
        let challenge = &journey.query["code_challenge"];
        issuer.grant("code", challenge, String::new(), json!({}));
        journey.back(&app, "code").await
    };
    let email = |address: &str, primary: bool, verified: bool| json!({"email": address, "primary": primary, "verified": verified});
    app.user("kim@example.com").await;
    let unverified = json!([email("kim@example.com", true, false)]);
    assert_eq!(error(&visit(unverified).await), "account_exists");
    assert_eq!(
        error(&visit(json!([email("a@b.c", false, true)])).await),
        "email_missing"
    );
    let both = json!([
        email("kim@example.com", false, true),
        email("k@example.com", true, true)
    ]);
    let kim = page(&app, &visit(both).await).await;
    let me = kim.get("/api/v1/auth/me").await.json();
    assert_eq!(
        (&me["email"], &me["display_name"]),
        (&json!("k@example.com"), &json!("kim"))
    );
    let later = page(&app, &visit(json!([])).await).await;
    assert_eq!(later.get("/api/v1/auth/me").await.json(), me);

    let journey = Journey::start(&app, "github", "").await;
    assert_eq!(
        error(&journey.back(&app, "made-up").await),
        "provider_failed"
    );
}

#[tokio::test]
async fn a_guest_keeps_their_conversation() {
    let issuer = Issuer::start().await;
    let app = app(&issuer).await;
    let admin = app.admin().await;
    admin
        .patch("/api/v1/settings", json!({"guests_allowed": true}))
        .await;
    let mut guest = app.visitor();
    guest.sign_in_by("/api/v1/auth/guest", None).await;
    let id = guest.get("/api/v1/auth/me").await.id();
    assert!(!id.is_empty());
    guest.token = None;
    let answer = guest.get("/api/v1/auth/oidc/work/start").await;
    let journey = Journey::from("work", answer.header("location"), &answer);
    let token = issuer.sign(&claims(&app, &issuer, &journey, &json!({})));
    issuer.grant("code", &journey.query["code_challenge"], token, json!({}));
    page(&app, &journey.back(&app, "code").await).await;
    // The guest became part of the account.
    assert_eq!(guest.refresh().await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_provider_that_is_down_is_said_on_the_sign_in_page() {
    let issuer = Issuer::start().await;
    let mut gone = issuer.oidc();
    let free = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let url = format!("http://{}", free.local_addr().expect("an address"));
    drop(free);
    gone.kind = openmake_gateway::ProviderKind::Oidc {
        issuer: Url::parse(&url).expect("a URL"),
    };
    let app = TestApp::with(GatewaySettings {
        sign_in: SignInSettings {
            providers: providers(vec![gone]),
            ..SignInSettings::default()
        },
        ..settings()
    })
    .await;
    let answer = app.visitor().get("/api/v1/auth/oidc/work/start").await;
    assert_eq!(error(&answer), "provider_unavailable");
    let kim = app.user("kim@example.com").await;
    let answer = kim
        .call(Method::POST, "/api/v1/auth/identities/work/link", None)
        .await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (StatusCode::BAD_GATEWAY, "provider_unavailable")
    );
    assert!(!answer.headers.contains_key(header::SET_COOKIE));
}
