//! Budgets and prices over HTTP.

use chrono::TimeDelta;
use http::{Method, StatusCode};
use openmake_store::{
    budgets::{
        ledger::{Surplus, Wish},
        slices::Exchange,
    },
    usage::{CallOutcome, UsageRecord},
    wakeups::{Heard, WakeupKind},
};
use openmake_types::{Clock as _, ProcessId, SliceId, TokenCounts};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Client, PATIENCE, TestApp};

async fn me(client: &Client) -> String {
    client.get("/api/v1/auth/me").await.id()
}

fn daily(user: &str, limit: u64) -> Value {
    json!({
        "subject": "user", "subject_id": user, "unit": "tokens", "period": "day", "limit": limit,
    })
}

/// Uses some of a budget, as the ai role does.
async fn spend(app: &TestApp, budget: &str, used: i64) {
    let exchange = Exchange {
        slice: SliceId::from_uuid(Uuid::from_u128(1)),
        budget: budget.parse().expect("an id"),
        period_start: app.clock.now().date_naive(),
        process: ProcessId::from_uuid(Uuid::from_u128(2)),
        seq: 1,
        wish: Wish {
            used,
            reserved: 0,
            need: 30,
            ahead: 0,
            surplus: Surplus::Keep,
        },
        keep_for: PATIENCE,
    };
    let exchanged = app.store.budgets().exchange(&exchange).await;
    exchanged.expect("exchanged");
}

#[tokio::test]
async fn an_administrator_sets_budgets_and_people_see_what_is_left() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let user = app.user("kim@example.com").await;
    let id = me(&user).await;
    let mut heard = app.wakeups.subscribe();
    let made = admin.post("/api/v1/budgets", daily(&id, 100)).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    let told = async {
        loop {
            if let Ok(Heard::Changed(change)) = heard.recv().await
                && change.kind == WakeupKind::Budget
            {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, told).await.expect("told");
    let budget = made.id();
    spend(&app, &budget, 40).await;

    let own = user.get("/api/v1/usage/budgets").await.json();
    assert_eq!(own["items"].as_array().map(Vec::len), Some(1));
    let own = &own["items"][0];
    assert_eq!((&own["limit"], &own["spent"]), (&json!(100), &json!(40)));
    assert_eq!(
        (&own["reserved"], &own["remaining"]),
        (&json!(30), &json!(60))
    );
    let tomorrow = app.clock.now().date_naive().succ_opt().expect("a day");
    assert_eq!(own["renews_at"], format!("{tomorrow}T00:00:00Z"));
    assert_eq!(
        admin.get("/api/v1/usage/budgets").await.json()["items"],
        json!([])
    );

    let path = format!("/api/v1/budgets/{budget}");
    let changed = admin.patch(&path, json!({"limit": 30})).await.json();
    assert_eq!(
        (&changed["limit"], &changed["remaining"]),
        (&json!(30), &json!(0))
    );
    let path_of_list = format!("/api/v1/budgets?subject=user&subject_id={id}");
    let listed = admin.get(&path_of_list).await.json();
    assert_eq!(listed["items"], json!([changed]));
    app.advance(TimeDelta::days(1));
    let renewed = admin.get(&path).await.json();
    assert_eq!(
        (&renewed["spent"], &renewed["remaining"]),
        (&json!(0), &json!(30))
    );

    assert_eq!(admin.delete(&path).await.status, StatusCode::NO_CONTENT);
    assert_eq!(admin.delete(&path).await.status, StatusCode::NOT_FOUND);
    for action in ["budget.create", "budget.change", "budget.delete"] {
        let trail = admin
            .get(&format!("/api/v1/audit?action={action}"))
            .await
            .json();
        assert_eq!(trail["items"][0]["resource_id"], budget, "{action}");
    }
}

#[tokio::test]
async fn a_budget_that_makes_no_sense_is_refused() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let id = me(&admin).await;
    let twice = [StatusCode::CREATED, StatusCode::CONFLICT];
    for expected in twice {
        let answer = admin.post("/api/v1/budgets", daily(&id, 0)).await;
        assert_eq!(answer.status, expected);
    }
    let nobody = Uuid::from_u128(9).to_string();
    for subject in ["key", "user", "group"] {
        let mut body = daily(&nobody, 5);
        body["subject"] = json!(subject);
        let answer = admin.post("/api/v1/budgets", body).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{subject}");
    }
    for (field, value) in [
        ("limit", json!(-1)),
        ("limit", json!(u64::MAX)),
        ("unit", json!("bananas")),
        ("period", json!("week")),
        ("more", json!(1)),
    ] {
        let mut body = daily(&id, 5);
        body[field] = value;
        let answer = admin.post("/api/v1/budgets", body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{field}");
    }
}

#[tokio::test]
async fn prices_are_kept_and_usage_says_what_it_cost() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    // Names of models have slashes and colons.
    let path = "/api/v1/model-prices/openai%2Fgpt:x";
    let body = json!({"input_price": 2_000_000, "output_price": 8_000_000});
    let set = admin.call(Method::PUT, path, Some(body)).await;
    assert_eq!(set.status, StatusCode::OK, "{}", set.text());
    assert_eq!(set.json()["model"], "openai/gpt:x");
    let too_much = json!({"input_price": u64::MAX, "output_price": 0});
    let refused = admin.call(Method::PUT, path, Some(too_much)).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    let listed = admin.get("/api/v1/model-prices").await.json();
    assert_eq!(listed["items"], json!([set.json()]));

    let owner = me(&admin).await.parse().expect("an id");
    for model in ["openai/gpt:x", "free"] {
        let record = UsageRecord {
            date: app.clock.now().date_naive(),
            owner,
            api_key: None,
            model,
            tokens: TokenCounts {
                input: 10,
                output: 5,
            },
            failed: CallOutcome::Answered,
        };
        app.store.usage().record(&record).await.expect("recorded");
    }
    let total = &admin.get("/api/v1/usage").await.json()["total"];
    assert_eq!(
        (&total["cost"], &total["unpriced_requests"]),
        (&json!(60), &json!(1))
    );

    assert_eq!(admin.delete(path).await.status, StatusCode::NO_CONTENT);
    assert_eq!(admin.delete(path).await.status, StatusCode::NOT_FOUND);
    for action in ["price.set", "price.delete"] {
        let trail = admin
            .get(&format!("/api/v1/audit?action={action}"))
            .await
            .json();
        assert_eq!(trail["items"][0]["resource_id"], "openai/gpt:x", "{action}");
    }
}
