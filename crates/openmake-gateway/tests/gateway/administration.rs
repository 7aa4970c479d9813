//! What administrators decide at run time: who is found, which models a role
//! may ask, and limits without a restart.

use http::{Method, StatusCode};
use openmake_gateway::{GatewaySettings, RateSettings};
use openmake_types::ModelAccess;
use serde_json::{Value, json};

use crate::support::{Client, PATIENCE, TestApp, settings};

const LIMITS: &str = "/api/v1/limits";
const ACCESS: &str = "/api/v1/model-access";

async fn emails(client: &Client, query: &str) -> Vec<String> {
    let answer = client.get(&format!("/api/v1/users?{query}")).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let items = answer.json()["items"].as_array().expect("items").clone();
    let email = |item: &Value| item["email"].as_str().expect("text").to_owned();
    let mut emails: Vec<String> = items.iter().map(email).collect();
    emails.sort();
    emails
}

#[tokio::test]
async fn accounts_are_found_by_words_role_and_status() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let kim = app.user("Kim.Mina@example.com").await;
    app.user("lee@example.com").await;
    kim.patch("/api/v1/auth/me", json!({"display_name": "김민아 100%"}))
        .await;
    let all = [
        "Kim.Mina@example.com",
        "admin@example.com",
        "lee@example.com",
    ];
    assert_eq!(emails(&admin, "").await, all);
    // Words in any order, without case, anywhere; nothing in them is a pattern.
    for found in [
        "q=MINA",
        "q=example%20kim",
        "q=%EB%AF%BC%EC%95%84",
        "q=100%25",
    ] {
        assert_eq!(
            emails(&admin, found).await,
            ["Kim.Mina@example.com"],
            "{found}"
        );
    }
    for none in ["q=mina%20lee", "q=_", "q=1%2500", "role=admin&q=lee"] {
        assert!(emails(&admin, none).await.is_empty(), "{none}");
    }
    assert_eq!(emails(&admin, "role=admin").await, ["admin@example.com"]);
    let id = kim.get("/api/v1/auth/me").await.id();
    admin
        .patch(&format!("/api/v1/users/{id}"), json!({"is_active": false}))
        .await;
    assert_eq!(
        emails(&admin, "status=inactive").await,
        ["Kim.Mina@example.com"]
    );
    assert_eq!(
        emails(&admin, "status=active&role=user").await,
        ["lee@example.com"]
    );

    let first = admin.get("/api/v1/users?q=example&limit=2").await.json();
    let cursor = first["next_cursor"].as_str().expect("more");
    let rest = emails(&admin, &format!("q=example&limit=2&cursor={cursor}")).await;
    assert_eq!(
        (first["items"].as_array().map(Vec::len), rest.len()),
        (Some(2), 1)
    );
    for wrong in ["role=king".to_owned(), format!("q={}", "x".repeat(201))] {
        let refused = admin.get(&format!("/api/v1/users?{wrong}")).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{wrong}");
    }
}

/// The models that the ai role is told of.
async fn models(app: &TestApp, client: &Client) -> String {
    assert_eq!(client.get("/api/v1/models").await.status, StatusCode::OK);
    let actor = app.ai.seen().pop().expect("a call").actor;
    match actor.expect("an actor").models {
        ModelAccess::All => "all".to_owned(),
        ModelAccess::Only(names) => names.iter().cloned().collect::<Vec<_>>().join(" "),
    }
}

async fn allow(admin: &Client, role: &str, models: Value) -> StatusCode {
    let body = json!({"allowed_models": models});
    let path = format!("{ACCESS}/{role}");
    admin.call(Method::PUT, &path, Some(body)).await.status
}

#[tokio::test]
async fn a_role_allows_models_within_what_groups_and_keys_do() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let kim = app.user("kim@example.com").await;
    let (key, _) = kim
        .key(json!({"name": "p", "allowed_models": ["b", "c"]}))
        .await;
    let program = kim.with_key(&key);
    assert_eq!(models(&app, &kim).await, "all");

    // It holds at once for who is signed in; administrators have their own.
    assert_eq!(
        allow(&admin, "user", json!(["a", "b"])).await,
        StatusCode::OK
    );
    assert_eq!(models(&app, &kim).await, "a b");
    assert_eq!(models(&app, &program).await, "b");
    assert_eq!(models(&app, &admin).await, "all");
    let group = json!({"name": "Team", "allowed_models": ["b", "z"]});
    let group = admin.post("/api/v1/groups", group).await.id();
    let member = json!({"email": "kim@example.com"});
    admin
        .post(&format!("/api/v1/groups/{group}/members"), member)
        .await;
    assert_eq!(models(&app, &kim).await, "b");
    // Nothing in common is nothing, not all.
    assert_eq!(allow(&admin, "user", json!(["a"])).await, StatusCode::OK);
    assert_eq!(models(&app, &kim).await, "");

    // Only models are taken away, from administrators too.
    assert_eq!(allow(&admin, "admin", json!(["a"])).await, StatusCode::OK);
    assert_eq!(models(&app, &admin).await, "a");
    let shown = admin.get(ACCESS).await.json();
    assert_eq!(
        shown["roles"][0],
        json!({"role": "admin", "allowed_models": ["a"]})
    );
    assert_eq!(
        shown["roles"][2],
        json!({"role": "guest", "allowed_models": null})
    );
    assert_eq!(allow(&admin, "admin", Value::Null).await, StatusCode::OK);
    assert_eq!(models(&app, &admin).await, "all");

    assert_eq!(
        allow(&admin, "user", json!([])).await,
        StatusCode::BAD_REQUEST
    );
    assert_eq!(
        allow(&admin, "king", Value::Null).await,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        allow(&kim, "user", Value::Null).await,
        StatusCode::FORBIDDEN
    );
    assert_eq!(kim.get(ACCESS).await.status, StatusCode::FORBIDDEN);
    let trail = admin
        .get("/api/v1/audit?action=model_access.change")
        .await
        .json();
    assert_eq!(trail["items"].as_array().map(Vec::len), Some(4));
}

#[tokio::test]
async fn another_process_learns_what_a_role_allows_though_no_hint_reaches_it() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let sibling = app.sibling(settings());
    let there = app.user("kim@example.com").await.on(sibling.router());
    assert_eq!(models(&app, &there).await, "all");
    assert_eq!(allow(&admin, "user", json!(["a"])).await, StatusCode::OK);
    let learnt = async {
        while models(&app, &there).await != "a" {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, learnt)
        .await
        .expect("it comes");
}

/// The value of one limit, and what is configured.
async fn limit(admin: &Client, name: &str) -> (Value, Value) {
    let list = admin.get(LIMITS).await.json();
    let items = list["items"].as_array().expect("items");
    let one = items
        .iter()
        .find(|one| one["name"] == name)
        .expect("listed");
    (one["value"].clone(), one["configured"].clone())
}

async fn set(admin: &Client, limits: Value) -> StatusCode {
    let answer = admin.patch(LIMITS, json!({"limits": limits})).await;
    answer.status
}

#[tokio::test]
async fn limits_change_without_a_restart_on_every_process() {
    let app = TestApp::with(GatewaySettings {
        rates: RateSettings {
            actor: 700,
            search: 0,
            ..settings().rates
        },
        ..settings()
    })
    .await;
    let admin = app.admin().await;
    let sibling = app.sibling_that_hears(settings(), app.wakeups.clone());
    let there = admin.on(sibling.router());
    let told = |client: Client| async move {
        let answer = client.get("/api/v1/auth/me").await;
        answer.header("ratelimit-limit").to_owned()
    };
    assert_eq!(told(admin.clone()).await, "700");
    assert_eq!(
        limit(&admin, "requests_per_minute").await,
        (Value::Null, json!(700))
    );
    // 0 in the configuration is no limit.
    assert_eq!(
        limit(&admin, "searches_per_minute").await,
        (Value::Null, Value::Null)
    );

    let wanted = json!([
        {"name": "requests_per_minute", "value": 90},
        {"name": "sign_in_tries", "value": 2},
    ]);
    assert_eq!(set(&admin, wanted).await, StatusCode::OK);
    assert_eq!(told(admin.clone()).await, "90");
    let learnt = async {
        while told(there.clone()).await != "90" {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, learnt)
        .await
        .expect("it comes");
    assert_eq!(
        limit(&admin, "requests_per_minute").await,
        (json!(90), json!(700))
    );

    // Two failures are free now, the third locks the account.
    app.user("kim@example.com").await;
    let mut guesser = app.visitor();
    for _ in 0..3 {
        let wrong = guesser.login("kim@example.com", "not the password").await;
        assert_eq!(wrong.status, StatusCode::UNAUTHORIZED);
    }
    let locked = guesser.login("kim@example.com", "not the password").await;
    assert_eq!(locked.code(), "sign_in_locked");

    // Null is as configured again.
    let back = json!([{"name": "requests_per_minute", "value": null}]);
    assert_eq!(set(&admin, back).await, StatusCode::OK);
    assert_eq!(told(admin.clone()).await, "700");
    for wrong in [
        json!([{"name": "requests_per_minute", "value": 1}]),
        json!([{"name": "image_bytes", "value": 1_000_000_000}]),
        json!([{"name": "speed", "value": 1}]),
        json!([{"name": "sign_in_tries", "value": 3}, {"name": "sign_in_tries", "value": 4}]),
    ] {
        assert_eq!(
            set(&admin, wrong.clone()).await,
            StatusCode::BAD_REQUEST,
            "{wrong}"
        );
    }
    assert_eq!(limit(&admin, "sign_in_tries").await, (json!(2), json!(5)));
    let kim = app.user("lee@example.com").await;
    assert_eq!(kim.get(LIMITS).await.status, StatusCode::FORBIDDEN);
    assert_eq!(set(&kim, json!([])).await, StatusCode::FORBIDDEN);
    let trail = admin.get("/api/v1/audit?action=limits.change").await.json();
    // Both are of one moment here, so their order says nothing.
    let items = trail["items"].as_array().expect("items");
    let told = |details: &Value| items.iter().any(|one| one["details"] == *details);
    assert!(told(&json!({"requests_per_minute": null})), "{trail}");
    let both = json!({"requests_per_minute": 90, "sign_in_tries": 2});
    assert!(told(&both), "{trail}");
}

#[tokio::test]
async fn guests_have_a_limit_of_their_own() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    admin
        .patch("/api/v1/settings", json!({"guests_allowed": true}))
        .await;
    let wanted = json!([{"name": "guest_requests_per_minute", "value": 30}]);
    assert_eq!(set(&admin, wanted).await, StatusCode::OK);
    let mut guest = app.visitor();
    let made = guest.sign_in_by("/api/v1/auth/guest", None).await;
    assert!(made.status.is_success(), "{}", made.text());
    let answer = guest.get("/api/v1/auth/me").await;
    assert_eq!(answer.header("ratelimit-limit"), "30");
    let answer = admin.get("/api/v1/auth/me").await;
    assert_eq!(answer.header("ratelimit-limit"), "10000");
}

#[tokio::test]
async fn budgets_say_what_they_are_for() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let kim = app.user("kim@example.com").await;
    let id = kim.get("/api/v1/auth/me").await.id();
    let (_, key) = kim.key(json!({"name": "a program"})).await;
    for (subject, subject_id, name) in [("user", id, "kim"), ("key", key, "a program")] {
        let body = json!({"subject": subject, "subject_id": subject_id, "unit": "tokens",
                          "period": "day", "limit": 5});
        let made = admin.post("/api/v1/budgets", body).await.json();
        assert_eq!(made["subject_name"], name);
    }
}
