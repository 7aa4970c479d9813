//! Budgets: what is refused, what is counted, and that the limit holds.
//!
//! Money makes the figures plain: with a price of one millionth for each token
//! that is written and none for those that are read, a call reserves 1,000 (what
//! it may write unless it says otherwise) and costs what it wrote.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use http::{Method, StatusCode};
use openmake_store::{
    Store,
    api_keys::{KeyProof, KeyTerms, NewApiKey},
    audit::{NewAudit, Outcome},
    budgets::{
        BudgetStatus, NewBudget,
        ledger::{Surplus, Wish},
        slices::Exchange,
    },
    groups::{GroupRole, GroupTerms, NewGroup, NewMember},
    prices::ModelPrice,
};
use openmake_types::{
    ApiKeyId, BudgetId, BudgetPeriod, BudgetSubject, BudgetUnit, Clock as _, GroupId, ManualClock,
    MessageStatus, ModelAccess, ProcessId, Scope, SliceId, SystemClock, TokenPrice, UserId,
};
use serde_json::json;
use testkit::{
    database::TestDatabase,
    model::{Gate, MODEL, ModelServer, Script, Step},
};
use uuid::Uuid;

use crate::app::{
    App, Key, Options, Person, Reply, all, assert_whole, count_to, eventually, make_user, new_uuid,
    text_of,
};

/// What a call reserves of a budget for money.
const CALL: i64 = 1_000;

fn act(action: &'static str) -> NewAudit {
    NewAudit {
        id: new_uuid(),
        at: SystemClock.now(),
        action,
        outcome: Outcome::Success,
        user_id: None,
        resource_type: None,
        resource_id: None,
        details: json!({}),
        ip_address: None,
        user_agent: None,
        request_id: None,
    }
}

async fn set_price(store: &Store) {
    let price = ModelPrice {
        model: MODEL.to_owned(),
        price: TokenPrice {
            input: 0,
            output: 1_000_000,
        },
        updated_at: SystemClock.now(),
    };
    let set = store.prices().set(&price, &act("price.set")).await;
    set.expect("a price");
}

fn daily(subject: BudgetSubject, subject_id: Uuid, limit: i64) -> NewBudget {
    NewBudget {
        id: BudgetId::from_uuid(new_uuid()),
        subject,
        subject_id,
        unit: BudgetUnit::Money,
        period: BudgetPeriod::Day,
        limit,
        now: SystemClock.now(),
    }
}

async fn set_budget(store: &Store, budget: NewBudget) -> BudgetId {
    let made = store.budgets().create(&budget, &act("budget.create")).await;
    made.expect("a budget").budget.id
}

/// An account that may spend so much a day.
async fn spender(db: &TestDatabase, limit: i64) -> (UserId, BudgetId) {
    let store = db.store();
    let user = make_user(&store).await;
    set_price(&store).await;
    let budget = daily(BudgetSubject::User, user.as_uuid(), limit);
    let budget = set_budget(&store, budget).await;
    (user, budget)
}

async fn status(store: &Store, budget: BudgetId) -> BudgetStatus {
    let status = store.budgets().get(budget, SystemClock.now()).await;
    status.expect("readable")
}

fn count(app: &App, metric: &str) -> u64 {
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &app.registry).expect("metrics");
    text.lines()
        .filter_map(|line| line.strip_prefix(metric)?.trim().parse::<u64>().ok())
        .sum()
}

fn accepted(replies: &[Reply]) -> usize {
    let accepted = replies
        .iter()
        .filter(|reply| reply.status == StatusCode::ACCEPTED);
    accepted.count()
}

/// Asks once in each of so many new conversations, all at once.
async fn ask_at_once(app: &App, user: UserId, times: usize) -> Vec<Reply> {
    let people = all((0..times).map(|_| app.person_of(user))).await;
    all(people
        .iter()
        .map(|person| person.try_ask(json!({"content": "Why?"}))))
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_hundred_calls_at_once_a_budget_for_ten_lets_ten_begin() {
    let (db, model) = (TestDatabase::create().await, ModelServer::start().await);
    let (user, budget) = spender(&db, 10 * CALL).await;
    let gate = Gate::closed();
    for _ in 0..20 {
        model.push(Script::gated("one two three", &gate));
    }
    model.set_title(Script::refuse(500, "no"));
    let app = App::start(&db, &model).await;
    let replies = ask_at_once(&app, user, 200).await;
    assert_eq!(accepted(&replies), 10);
    for refused in replies
        .iter()
        .filter(|reply| reply.status != StatusCode::ACCEPTED)
    {
        assert_eq!(
            refused.status,
            StatusCode::PAYMENT_REQUIRED,
            "{}",
            refused.body
        );
        assert_eq!(refused.code(), "budget_exhausted");
    }
    assert_eq!(status(&app.store, budget).await.spent, 0);
    assert_eq!(
        count(&app, r#"openmake_budget_refusals_total{unit="money"}"#),
        190
    );

    // What they did not use is there for others, as soon as they have ended.
    gate.open_wide();
    eventually("all ten end", || async { app.ai.running_turns() == 0 }).await;
    assert_eq!(status(&app.store, budget).await.spent, 30);
    // Their titles, asked for after they ended, hold some of it for a moment.
    let more = AtomicUsize::new(0);
    eventually("nine more begin", || async {
        let asked = ask_at_once(&app, user, 9 - more.load(SeqCst)).await;
        more.fetch_add(accepted(&asked), SeqCst) + accepted(&asked) == 9
    })
    .await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_together_let_no_more_begin() {
    let (db, model) = (TestDatabase::create().await, ModelServer::start().await);
    let (user, budget) = spender(&db, 10 * CALL).await;
    let gate = Gate::closed();
    for _ in 0..10 {
        model.push(Script::gated("one", &gate));
    }
    model.set_title(Script::refuse(500, "no"));
    let (one, two) = (App::start(&db, &model).await, App::start(&db, &model).await);
    let (first, second) = tokio::join!(ask_at_once(&one, user, 50), ask_at_once(&two, user, 50));
    assert_eq!(accepted(&first) + accepted(&second), 10);
    let books = status(&one.store, budget).await;
    assert_eq!((books.spent, books.reserved), (0, 10 * CALL));
    gate.open_wide();
    one.finish().await;
    two.finish().await;
    let books = status(&db.store(), budget).await;
    assert_eq!((books.spent, books.reserved), (10, 0));
}

#[tokio::test]
async fn what_a_dead_process_held_is_forfeited_and_what_it_had_free_comes_back() {
    let (db, model) = (TestDatabase::create().await, ModelServer::start().await);
    let (user, budget) = spender(&db, 10 * CALL).await;
    // It dies between reserving for one call and settling it.
    let dead = |seq, reserved, need| Exchange {
        slice: SliceId::from_uuid(Uuid::from_u128(4)),
        budget,
        period_start: SystemClock.now().date_naive(),
        process: ProcessId::from_uuid(Uuid::from_u128(3)),
        seq,
        wish: Wish {
            used: 0,
            reserved,
            need,
            ahead: 0,
            surplus: Surplus::Keep,
        },
        keep_for: Duration::from_hours(1),
    };
    let store = db.store();
    for exchange in [dead(1, 0, 5 * CALL), dead(2, CALL, 0)] {
        store.budgets().exchange(&exchange).await.expect("drawn");
    }
    let gate = Gate::closed();
    for _ in 0..10 {
        model.push(Script::gated("one", &gate));
    }
    let app = App::start(&db, &model).await;
    assert_eq!(accepted(&ask_at_once(&app, user, 20).await), 5);
    let living = ProcessId::from_uuid(new_uuid());
    store
        .budgets()
        .expire_except(living)
        .await
        .expect("expired");
    // It held one call, and a quarter of the four that it had free.
    eventually("what it had free comes back", || async {
        accepted(&ask_at_once(&app, user, 1).await) == 1
    })
    .await;
    assert_eq!(accepted(&ask_at_once(&app, user, 5).await), 2);
    gate.open_wide();
    app.finish().await;
}

#[tokio::test]
async fn without_a_budget_nothing_is_asked_of_the_database() {
    let (db, model) = (TestDatabase::create().await, ModelServer::start().await);
    let (someone, _) = spender(&db, 10 * CALL).await;
    for _ in 0..2 {
        model.push(Script::text("Yes."));
    }
    let app = App::start(&db, &model).await;
    let free = app.person().await;
    free.events(&free.ask("Why?").await).await;
    assert_eq!(count(&app, "openmake_budget_exchanges_total"), 0);
    let bound = app.person_of(someone).await;
    bound.events(&bound.ask("Why?").await).await;
    assert!(count(&app, "openmake_budget_exchanges_total") > 0);
    app.finish().await;
}

#[tokio::test]
async fn a_refusal_says_what_is_left_and_stores_nothing() {
    let (db, model) = (TestDatabase::create().await, ModelServer::start().await);
    let store = db.store();
    let user = make_user(&store).await;
    let budget = NewBudget {
        unit: BudgetUnit::Tokens,
        ..daily(BudgetSubject::User, user.as_uuid(), 1_000)
    };
    let budget = set_budget(&store, budget).await;
    let app = App::start(&db, &model).await;
    let person = app.person_of(user).await;
    let refused = person.try_ask(json!({"content": "Why?"})).await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.code(), "token_budget_exhausted");
    let said = &refused.body["budget"];
    assert_eq!(said["id"], budget.to_string());
    assert_eq!(said["subject"], "user");
    assert_eq!(said["subject_id"], user.to_string());
    assert_eq!(
        (&said["unit"], &said["period"]),
        (&json!("tokens"), &json!("day"))
    );
    assert_eq!(
        (&said["limit"], &said["remaining"]),
        (&json!(1_000), &json!(1_000))
    );
    assert!(said["needed"].as_u64() > Some(1_000), "{said}");
    let renews: DateTime<Utc> = said["renews_at"].as_str().unwrap().parse().unwrap();
    assert_eq!(renews.time(), chrono::NaiveTime::MIN);
    let header = |name: &str| refused.headers[name].to_str().expect("text").to_owned();
    let wait: i64 = header("retry-after").parse().expect("seconds");
    assert!((1..=86_400).contains(&wait), "{wait}");
    assert_eq!(header("x-ratelimit-limit-tokens"), "1000");
    assert_eq!(header("x-ratelimit-remaining-tokens"), "1000");
    assert!(header("x-ratelimit-reset-tokens").ends_with('s'));
    let conversation = store.conversations().get(user, person.conversation).await;
    assert_eq!(conversation.expect("there").active_leaf_id, None);
    assert!(model.chats().is_empty());
    app.finish().await;
}

#[tokio::test]
async fn two_models_are_two_calls_and_one_that_cannot_be_paid_refuses_both() {
    let (db, model) = (TestDatabase::create().await, ModelServer::start().await);
    let (user, budget) = spender(&db, CALL + CALL / 2).await;
    let app = App::start(&db, &model).await;
    let person = app.person_of(user).await;
    let both = json!({"content": "Hi", "model": MODEL, "compare_model": MODEL});
    let refused = person.try_ask(both).await;
    assert_eq!(refused.status, StatusCode::PAYMENT_REQUIRED);
    assert!(model.chats().is_empty());
    // Nothing of it was kept, and what the first had reserved came back.
    let one = json!({"content": "Hi", "model": MODEL});
    model.push(Script::text("One."));
    let begun = person.try_ask(one).await.begun();
    assert_whole(&person.events(&begun).await);
    assert_eq!(person.branch(begun.answer).await.len(), 2);
    app.finish().await;
    assert!(status(&db.store(), budget).await.spent < CALL / 2);
}

#[tokio::test]
async fn the_same_question_again_is_answered_as_the_first_time() {
    let (db, model) = (TestDatabase::create().await, ModelServer::start().await);
    let (user, _) = spender(&db, CALL).await;
    let gate = Gate::closed();
    model.push(Script::gated("one", &gate));
    let app = App::start(&db, &model).await;
    let person = app.person_of(user).await;
    let path = format!("/api/v1/conversations/{}/turns", person.conversation);
    let ask = |key: &'static str| {
        let (person, path) = (person.clone(), path.clone());
        async move {
            let body = json!({"content": "Why?", "parent_id": null});
            let headers = [("idempotency-key", key)];
            person
                .call_with(Method::POST, &path, Some(body), &headers)
                .await
        }
    };
    let first = ask("a").await.begun();
    assert_eq!(ask("a").await.begun().turn, first.turn);
    assert_eq!(ask("b").await.status, StatusCode::PAYMENT_REQUIRED);
    gate.open_wide();
    app.finish().await;
}

#[tokio::test]
async fn an_answer_is_settled_with_its_end_and_its_title_after_it() {
    let (db, model) = (TestDatabase::create().await, ModelServer::start().await);
    let (user, budget) = spender(&db, 10 * CALL).await;
    model.push(Script::text("one two three"));
    let gate = Gate::closed();
    model.set_title(Script::gated("A title", &gate));
    let app = App::start(&db, &model).await;
    let person = app.person_of(user).await;
    person.events(&person.ask("Why?").await).await;
    // Written in the transaction that stored the end.
    assert_eq!(status(&app.store, budget).await.spent, 3);
    gate.open_wide();
    eventually("the title is counted", || async {
        status(&app.store, budget).await.spent == 5
    })
    .await;
    eventually("what is not needed goes back", || async {
        status(&app.store, budget).await.reserved == 0
    })
    .await;
    app.finish().await;
}

#[tokio::test]
async fn a_turn_whose_budget_ends_between_its_calls_fails_and_keeps_its_text() {
    let (db, model) = (TestDatabase::create().await, ModelServer::start().await);
    let (user, budget) = spender(&db, 2 * CALL).await;
    model.push(Script::new([
        Step::Text("Let me see.".to_owned()),
        Step::Call {
            name: "calculator".to_owned(),
            arguments: json!({"expression": "12 * 12"}).to_string(),
        },
        Step::Usage {
            input: 10,
            output: 1_500,
        },
        Step::Finish("stop"),
    ]));
    let app = App::start(&db, &model).await;
    let person = app.person_of(user).await;
    let begun = person.ask("What is a gross?").await;
    let events = person.events(&begun).await;
    assert_whole(&events);
    let last = events.last().expect("an end");
    assert_eq!(last.name, "turn.failed");
    assert_eq!(last.data["code"], "budget_exhausted");
    let message = person.message(begun.answer).await;
    assert_eq!(message.status, MessageStatus::Failed);
    assert_eq!(message.content, "Let me see.");
    assert_eq!(status(&app.store, budget).await.spent, 1_500);
    assert_eq!(model.chats().len(), 1);
    app.finish().await;
}

#[tokio::test]
async fn a_long_answer_reserves_more_as_it_goes_and_ends_with_the_budget() {
    let (db, model) = (TestDatabase::create().await, ModelServer::start().await);
    let (user, _) = spender(&db, 3 * CALL + CALL / 2).await;
    let words = count_to(10_000);
    model.push(Script::text(&words));
    let app = App::start(&db, &model).await;
    let person = app.person_of(user).await;
    let begun = person.ask("Count.").await;
    let events = person.events(&begun).await;
    assert_whole(&events);
    let last = events.last().expect("an end");
    assert_eq!(last.data["code"], "budget_exhausted", "{last:?}");
    let written = text_of(&events);
    assert!(words.starts_with(&written) && written.len() > 1_000);
    assert_eq!(person.message(begun.answer).await.content, written);
    app.finish().await;
}

#[tokio::test]
async fn an_answer_that_is_stopped_is_counted_as_far_as_it_came() {
    let (db, model) = (TestDatabase::create().await, ModelServer::start().await);
    let (user, budget) = spender(&db, 10 * CALL).await;
    model.push(Script::new([
        Step::Text("one two three four five six".to_owned()),
        Step::Hang,
    ]));
    let app = App::start(&db, &model).await;
    let person = app.person_of(user).await;
    let begun = person.ask("Count.").await;
    person.watch(&begun.turn, 0).await.until("text.delta").await;
    person.cancel(&begun).await;
    person.events(&begun).await;
    let spent = status(&app.store, budget).await.spent;
    assert!((5..=12).contains(&spent), "{spent}");
    app.finish().await;
}

#[tokio::test]
async fn a_new_day_and_a_higher_limit_let_calls_begin_again() {
    let (db, model) = (TestDatabase::create().await, ModelServer::start().await);
    let (user, budget) = spender(&db, CALL).await;
    let evening: DateTime<Utc> = "2027-02-28T23:59:30Z".parse().expect("a time");
    let clock = Arc::new(ManualClock::new(evening));
    model.set_title(Script::refuse(500, "no"));
    for _ in 0..3 {
        model.push(Script::text("one two"));
    }
    let options = Options {
        clock: Arc::clone(&clock) as _,
        ..Options::new(&model)
    };
    let app = App::start_with(&db, options).await;
    let person = app.person_of(user).await;
    let answered = async |person: &Person| {
        let reply = person.try_ask(json!({"content": "Why?"})).await;
        let is_accepted = reply.status == StatusCode::ACCEPTED;
        if is_accepted {
            person.events(&reply.begun()).await;
        }
        is_accepted
    };
    assert!(answered(&person).await);
    assert!(!answered(&person).await);
    // Asked for after midnight, its title would hold some of the new day.
    person.titled().await;
    clock.advance(TimeDelta::minutes(1));
    assert!(answered(&person).await);
    assert!(!answered(&person).await);
    let raised = app.store.budgets();
    let raised = raised
        .set_limit(budget, 2 * CALL, evening, &act("budget.change"))
        .await;
    assert_eq!(raised.expect("raised").budget.limit, 2 * CALL);
    eventually("the new limit is known", || async {
        answered(&person).await
    })
    .await;
    app.finish().await;
}

#[tokio::test]
async fn a_groups_budget_is_its_members_together_and_a_keys_is_its_own() {
    let (db, model) = (TestDatabase::create().await, ModelServer::start().await);
    let store = db.store();
    set_price(&store).await;
    let users = [make_user(&store).await, make_user(&store).await];
    let stranger = make_user(&store).await;
    let now = SystemClock.now();
    let group = NewGroup {
        id: GroupId::from_uuid(new_uuid()),
        terms: GroupTerms {
            name: "Those who share".to_owned(),
            description: String::new(),
            allowed_models: None,
        },
        now,
    };
    let made = store.groups().create(&group, &act("group.create")).await;
    made.expect("a group");
    for user in users {
        let member = NewMember {
            group: group.id,
            user,
            role: GroupRole::Member,
            now,
        };
        let added = store.groups().add_member(&member, &act("group.add")).await;
        added.expect("a member");
    }
    let shared = daily(BudgetSubject::Group, group.id.as_uuid(), 3 * CALL);
    set_budget(&store, shared).await;
    let key = NewApiKey {
        id: ApiKeyId::from_uuid(new_uuid()),
        owner: stranger,
        proof: KeyProof {
            hash: [1; 32],
            last_four: "wxyz".to_owned(),
        },
        terms: KeyTerms {
            name: "A script".to_owned(),
            scopes: vec![Scope::Chat],
            allowed_models: None,
            requests_per_minute: None,
            tokens_per_minute: None,
            expires_at: None,
        },
        now,
    };
    let made = store.api_keys().create(&key, &act("api_key.create")).await;
    made.expect("a key");
    set_budget(&store, daily(BudgetSubject::Key, key.id.as_uuid(), 0)).await;
    let gate = Gate::closed();
    for _ in 0..8 {
        model.push(Script::gated("one", &gate));
    }
    let app = App::start(&db, &model).await;
    assert_eq!(accepted(&ask_at_once(&app, users[0], 2).await), 2);
    assert_eq!(accepted(&ask_at_once(&app, users[1], 2).await), 1);
    assert_eq!(accepted(&ask_at_once(&app, stranger, 2).await), 2);

    let keyed = Person {
        key: Some(Key {
            id: key.id,
            models: ModelAccess::All,
            tokens_per_minute: None,
        }),
        ..app.person_of(stranger).await
    };
    let refused = keyed.try_ask(json!({"content": "Why?"})).await;
    assert_eq!(refused.status, StatusCode::PAYMENT_REQUIRED);
    assert_eq!(refused.body["budget"]["subject"], "key");
    // Without the key, the same account is not bound.
    assert_eq!(accepted(&ask_at_once(&app, stranger, 1).await), 1);
    gate.open_wide();
    app.finish().await;
}
