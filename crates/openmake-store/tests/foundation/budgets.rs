//! Budgets, their slices, and prices.

use std::time::Duration;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use openmake_store::{
    Conflict, Store, StoreError,
    budgets::{
        BudgetFilter, BudgetStatus, NewBudget,
        ledger::{Account, Answer, Surplus, Wish},
        slices::{Closing, Exchange, Exchanged, Renewal, SliceUse},
    },
    maintenance::Retention,
    prices::ModelPrice,
};
use openmake_types::{
    BudgetId, BudgetPeriod, BudgetSubject, BudgetUnit, ProcessId, SliceId, TokenPrice, UserId,
};
use testkit::database::TestDatabase;
use uuid::Uuid;

use crate::fixtures::{act, admin, later, now, page, recorded, user, uuid};

const HOUR: Duration = Duration::from_hours(1);

fn of_user(user: UserId, limit: i64) -> NewBudget {
    NewBudget {
        id: BudgetId::from_uuid(uuid()),
        subject: BudgetSubject::User,
        subject_id: user.as_uuid(),
        unit: BudgetUnit::Tokens,
        period: BudgetPeriod::Day,
        limit,
        now: now(),
    }
}

async fn make(store: &Store, budget: &NewBudget) -> BudgetStatus {
    let made = store.budgets().create(budget, &act("budget.create")).await;
    made.expect("made")
}

/// A database with one account's budget of so many tokens a day.
struct World {
    _db: TestDatabase,
    store: Store,
    budget: BudgetId,
}

impl World {
    async fn new(limit: i64) -> Self {
        let db = TestDatabase::create().await;
        let store = db.store();
        let owner = admin(&store).await;
        let budget = make(&store, &of_user(owner.id, limit)).await.budget.id;
        Self {
            _db: db,
            store,
            budget,
        }
    }

    async fn at(&self, now: DateTime<Utc>) -> BudgetStatus {
        self.store
            .budgets()
            .get(self.budget, now)
            .await
            .expect("there")
    }

    async fn books(&self) -> (i64, i64) {
        let status = self.at(now()).await;
        (status.spent, status.reserved)
    }

    fn process(&self) -> Process<'_> {
        Process {
            world: self,
            id: ProcessId::from_uuid(uuid()),
            slice: SliceId::from_uuid(uuid()),
            day: now().date_naive(),
            seq: 0,
        }
    }
}

/// One process with one slice.
struct Process<'a> {
    world: &'a World,
    id: ProcessId,
    slice: SliceId,
    day: NaiveDate,
    seq: i64,
}

const fn wish(used: i64, reserved: i64, need: i64) -> Wish {
    Wish {
        used,
        reserved,
        need,
        ahead: 0,
        surplus: Surplus::Keep,
    }
}

impl Process<'_> {
    async fn exchange(&mut self, wish: Wish) -> Exchanged {
        self.seq += 1;
        let exchange = Exchange {
            slice: self.slice,
            budget: self.world.budget,
            period_start: self.day,
            process: self.id,
            seq: self.seq,
            wish,
            keep_for: HOUR,
        };
        let exchanged = self.world.store.budgets().exchange(&exchange).await;
        exchanged.expect("exchanged")
    }

    async fn needs(&mut self, need: i64) -> Answer {
        match self.exchange(wish(0, 0, need)).await {
            Exchanged::Settled { answer, .. } => answer,
            Exchanged::Gone => panic!("the slice is gone"),
        }
    }
}

#[tokio::test]
async fn a_budget_is_made_changed_listed_and_removed() {
    let db = TestDatabase::create().await;
    let store = &db.store();
    let (first, second) = (admin(store).await, user(store, "b@example.org").await);
    let made = make(store, &of_user(first.id, 100)).await;
    assert_eq!((made.spent, made.reserved, made.budget.limit), (0, 0, 100));
    assert_eq!(made.period_start, now().date_naive());
    let again = store
        .budgets()
        .create(&of_user(first.id, 5), &act("budget.create"))
        .await;
    assert!(matches!(
        again,
        Err(StoreError::Conflict(Conflict::BudgetExists))
    ));
    let monthly = NewBudget {
        unit: BudgetUnit::Money,
        period: BudgetPeriod::Month,
        now: later(1),
        ..of_user(second.id, 7)
    };
    make(store, &monthly).await;
    for subject in [
        BudgetSubject::Key,
        BudgetSubject::User,
        BudgetSubject::Group,
    ] {
        let nobodys = NewBudget {
            subject,
            subject_id: uuid(),
            ..of_user(first.id, 5)
        };
        let refused = store
            .budgets()
            .create(&nobodys, &act("budget.create"))
            .await;
        assert!(matches!(refused, Err(StoreError::NotFound)), "{subject:?}");
    }

    let budgets = store.budgets();
    let all = budgets.list(BudgetFilter::default(), page(1), now()).await;
    let all = all.expect("listed");
    assert_eq!((all.items.len(), all.next.is_some()), (1, true));
    let of_second = BudgetFilter {
        subject: Some(BudgetSubject::User),
        subject_id: Some(second.id.as_uuid()),
    };
    let found = budgets
        .list(of_second, page(9), now())
        .await
        .expect("listed");
    assert_eq!(found.items.len(), 1);
    assert_eq!(found.items[0].budget.unit, BudgetUnit::Money);
    let own = budgets.of_user(first.id, now()).await.expect("listed");
    assert_eq!(own, std::slice::from_ref(&made));

    let id = made.budget.id;
    let changed = budgets
        .set_limit(id, 7, later(2), &act("budget.change"))
        .await;
    let changed = changed.expect("changed").budget;
    assert_eq!((changed.limit, changed.version), (7, 2));
    budgets
        .remove(id, &act("budget.delete"))
        .await
        .expect("removed");
    let gone = budgets.remove(id, &act("budget.delete")).await;
    assert!(matches!(gone, Err(StoreError::NotFound)));
    assert_eq!(recorded(store, "budget.create").await.len(), 2);
    assert_eq!(recorded(store, "budget.delete").await.len(), 1);
}

#[tokio::test]
async fn two_processes_draw_no_more_than_there_is_and_all_of_it() {
    let world = World::new(1_000).await;
    let (mut one, mut two) = (world.process(), world.process());
    assert_eq!(one.needs(600).await, Answer::Granted);
    assert_eq!(two.needs(500).await, Answer::Refused);
    assert_eq!(two.needs(400).await, Answer::Granted);
    assert_eq!(world.books().await, (0, 1_000));
    // What one did not use is there for the other at once.
    let ended = Wish {
        surplus: Surplus::Return,
        ..wish(100, 0, 0)
    };
    one.exchange(ended).await;
    assert_eq!(
        two.exchange(wish(0, 400, 500)).await,
        Exchanged::Settled {
            answer: Answer::Granted,
            account: Account {
                amount: 900,
                used: 0,
                committed: 900,
            },
            left: 0,
            limit: 1_000,
        }
    );
    assert_eq!(world.books().await, (100, 900));
}

#[tokio::test]
async fn of_two_hundred_draws_at_once_as_many_fit_as_fit() {
    let world = World::new(1_000).await;
    let draws = (0..200).map(|_| async { world.process().needs(100).await });
    let answers = futures_util::future::join_all(draws).await;
    let granted = answers.iter().filter(|answer| **answer == Answer::Granted);
    assert_eq!(granted.count(), 10);
}

#[tokio::test]
async fn a_dead_processes_slice_is_forfeited_until_its_time_is_over() {
    let world = World::new(1_000).await;
    let (mut dead, mut alive) = (world.process(), world.process());
    dead.needs(1_000).await;
    // 100 used, 200 held by calls that run, and a quarter of the free 700 for
    // calls that may have begun since.
    dead.exchange(wish(100, 200, 0)).await;
    assert_eq!(alive.needs(1).await, Answer::Refused);
    world
        .store
        .budgets()
        .expire_except(alive.id)
        .await
        .expect("expired");
    assert_eq!(world.books().await, (475, 0));
    assert_eq!(alive.needs(526).await, Answer::Refused);
    assert_eq!(alive.needs(525).await, Answer::Granted);
    assert_eq!(world.books().await, (475, 525));
    // It was not dead after all: its slice is no more.
    assert_eq!(dead.exchange(wish(300, 0, 10)).await, Exchanged::Gone);
    let late = Renewal {
        slice: dead.slice,
        seq: 9,
        used: 300,
        committed: 300,
    };
    let kept = world.store.budgets().renew(&[late], HOUR).await;
    assert_eq!(kept.expect("renewed"), []);
    assert_eq!(world.books().await, (475, 525));
}

#[tokio::test]
async fn maintenance_takes_slices_of_the_dead_back_and_forgets_old_periods() {
    let world = World::new(1_000).await;
    let mut dead = world.process();
    dead.needs(400).await;
    let budgets = world.store.budgets();
    budgets
        .expire_except(ProcessId::from_uuid(uuid()))
        .await
        .expect("expired");
    let retention = Retention {
        events: TimeDelta::days(1),
        deleted_conversations: TimeDelta::days(1),
        guests: TimeDelta::days(1),
        ended_sessions: TimeDelta::days(1),
        failed_sign_ins: TimeDelta::days(1),
    };
    let done = world.store.maintain(&retention, now()).await.expect("done");
    assert_eq!((done.slices_reclaimed, done.periods_forgotten), (1, 0));
    assert_eq!(world.books().await, (400, 0));
    let later = now() + TimeDelta::days(402);
    let done = world.store.maintain(&retention, later).await.expect("done");
    assert_eq!((done.slices_reclaimed, done.periods_forgotten), (0, 1));
}

#[tokio::test]
async fn what_was_used_is_written_once_however_often_it_is_said() {
    let world = World::new(1_000).await;
    let mut process = world.process();
    process.needs(300).await;
    let budgets = world.store.budgets();
    let say = |seq, used, committed| Renewal {
        slice: process.slice,
        seq,
        used,
        committed,
    };
    for renewal in [say(5, 200, 250), say(5, 200, 250), say(4, 120, 300)] {
        let kept = budgets.renew(&[renewal], HOUR).await;
        assert_eq!(kept.expect("renewed"), [process.slice]);
    }
    assert_eq!(world.books().await, (200, 100));
    let closing = Closing {
        slice: SliceUse {
            slice: process.slice,
            used: 210,
        },
        budget: world.budget,
        period_start: process.day,
    };
    for _ in 0..2 {
        budgets.close(&closing).await.expect("closed");
    }
    assert_eq!(world.books().await, (210, 0));
}

#[tokio::test]
async fn a_call_that_took_more_than_it_held_is_counted_before_the_next() {
    let world = World::new(1_000).await;
    let (mut one, mut two) = (world.process(), world.process());
    one.needs(600).await;
    one.exchange(wish(900, 0, 0)).await;
    assert_eq!(two.needs(101).await, Answer::Refused);
    assert_eq!(two.needs(100).await, Answer::Granted);
}

#[tokio::test]
async fn days_and_months_begin_anew() {
    let db = TestDatabase::create().await;
    let store = db.store();
    let owner = admin(&store).await;
    let daily = make(&store, &of_user(owner.id, 100)).await.budget.id;
    let monthly = NewBudget {
        period: BudgetPeriod::Month,
        ..of_user(owner.id, 100)
    };
    let monthly = make(&store, &monthly).await.budget.id;
    let evening: DateTime<Utc> = "2027-01-30T23:59:00Z".parse().expect("a time");
    let spent_at = async |id, at| {
        let status = store.budgets().get(id, at).await.expect("there");
        (status.spent, status.period_start)
    };
    for (budget, period) in [(daily, BudgetPeriod::Day), (monthly, BudgetPeriod::Month)] {
        let exchange = Exchange {
            slice: SliceId::from_uuid(uuid()),
            budget,
            period_start: period.start(evening),
            process: ProcessId::from_uuid(uuid()),
            seq: 1,
            wish: wish(60, 0, 0),
            keep_for: HOUR,
        };
        store
            .budgets()
            .exchange(&exchange)
            .await
            .expect("exchanged");
    }
    let date = |text: &str| text.parse::<NaiveDate>().expect("a date");
    assert_eq!(spent_at(daily, evening).await, (60, date("2027-01-30")));
    let next_day = evening + TimeDelta::minutes(1);
    assert_eq!(spent_at(daily, next_day).await, (0, date("2027-01-31")));
    assert_eq!(spent_at(monthly, next_day).await, (60, date("2027-01-01")));
    let next_month = next_day + TimeDelta::days(1);
    assert_eq!(spent_at(monthly, next_month).await, (0, date("2027-02-01")));
}

#[tokio::test]
async fn a_removed_budget_takes_nothing_more() {
    let world = World::new(1_000).await;
    let mut process = world.process();
    process.needs(300).await;
    let budgets = world.store.budgets();
    budgets
        .remove(world.budget, &act("budget.delete"))
        .await
        .expect("removed");
    let exchange = Exchange {
        slice: process.slice,
        budget: world.budget,
        period_start: process.day,
        process: process.id,
        seq: 2,
        wish: wish(0, 0, 1),
        keep_for: HOUR,
    };
    let exchanged = budgets.exchange(&exchange).await;
    assert!(matches!(exchanged, Err(StoreError::NotFound)));
}

#[tokio::test]
async fn news_come_with_every_change_and_only_then() {
    let db = TestDatabase::create().await;
    let store = db.store();
    let owner = admin(&store).await;
    let budgets = store.budgets();
    let mut known = None;
    let mut look = async || {
        let news = budgets.news(known, now()).await.expect("readable");
        known = news.as_ref().map(|news| news.fingerprint).or(known);
        news
    };
    assert!(look().await.expect("the first time").budgets.is_empty());
    assert!(look().await.is_none());

    make(&store, &of_user(owner.id, 100)).await;
    assert_eq!(look().await.expect("a budget").budgets.len(), 1);
    let price = ModelPrice {
        model: "qwen3:8b".to_owned(),
        price: TokenPrice {
            input: 1,
            output: 2,
        },
        updated_at: now(),
    };
    store
        .prices()
        .set(&price, &act("price.set"))
        .await
        .expect("set");
    assert_eq!(look().await.expect("a price").prices, [price]);
    assert!(look().await.is_none());

    // A group's members count as soon as the group has a budget.
    let group = Uuid::from_u128(5);
    let mut connection = db.connection().await;
    sqlx::query(
        "INSERT INTO user_groups (id, name, created_at, updated_at) VALUES ($1, 'g', now(), now())",
    )
    .bind(group)
    .execute(&mut connection)
    .await
    .expect("a group");
    assert!(look().await.is_none());
    let of_group = NewBudget {
        subject: BudgetSubject::Group,
        subject_id: group,
        ..of_user(owner.id, 9)
    };
    make(&store, &of_group).await;
    assert!(look().await.expect("its budget").members.is_empty());
    sqlx::query(
        "INSERT INTO user_group_members (group_id, user_id, role, created_at)
         VALUES ($1, $2, 'member', now())",
    )
    .bind(group)
    .bind(owner.id.as_uuid())
    .execute(&mut connection)
    .await
    .expect("a member");
    let members = look().await.expect("a member").members;
    assert_eq!((members.len(), members[0].user), (1, owner.id));
    assert!(look().await.is_none());
    let own = budgets.of_user(owner.id, now()).await.expect("listed");
    assert_eq!(own.len(), 2);
}

#[tokio::test]
async fn prices_are_set_changed_and_removed() {
    let db = TestDatabase::create().await;
    let store = db.store();
    let prices = store.prices();
    let price = |model: &str, input| ModelPrice {
        model: model.to_owned(),
        price: TokenPrice { input, output: 7 },
        updated_at: now(),
    };
    for set in [price("b", 1), price("a", 2), price("b", 3)] {
        prices.set(&set, &act("price.set")).await.expect("set");
    }
    let listed = prices.list().await.expect("listed");
    assert_eq!(listed, [price("a", 2), price("b", 3)]);
    prices
        .remove("a", &act("price.delete"))
        .await
        .expect("removed");
    let again = prices.remove("a", &act("price.delete")).await;
    assert!(matches!(again, Err(StoreError::NotFound)));
    assert_eq!(recorded(&store, "price.set").await.len(), 3);
}
