//! What was used.

use chrono::{Days, NaiveDate};
use futures_util::future::join_all;
use openmake_store::{
    prices::ModelPrice,
    usage::{CallOutcome, UsageBy, UsageFilter, UsageRecord, UsageRow},
};
use openmake_types::{ApiKeyId, TokenCounts, TokenPrice};

use crate::fixtures::{World, now, user, uuid};

fn day(ahead: u64) -> NaiveDate {
    now().date_naive() + Days::new(ahead)
}

#[tokio::test]
async fn calls_add_up_by_day_and_model_and_by_key_where_asked() {
    let world = World::new().await;
    let usage = world.store.usage();
    let key = Some(ApiKeyId::from_uuid(uuid()));
    let record = |ahead, model, api_key, failed| UsageRecord {
        date: day(ahead),
        owner: world.owner,
        api_key,
        model,
        tokens: TokenCounts {
            input: 10,
            output: 1,
        },
        failed,
    };
    let calls = [
        record(1, "b", None, CallOutcome::Answered),
        record(0, "b", None, CallOutcome::Answered),
        record(0, "a", None, CallOutcome::Failed),
        record(0, "a", key, CallOutcome::Answered),
        record(0, "a", key, CallOutcome::Answered),
        record(3, "a", None, CallOutcome::Answered),
    ];
    for result in join_all(calls.iter().map(|call| usage.record(call))).await {
        result.expect("recorded");
    }
    let row = |ahead, model: &str, requests, errors| UsageRow {
        date: day(ahead),
        model: model.to_owned(),
        api_key: None,
        requests,
        errors,
        input_tokens: requests * 10,
        output_tokens: requests,
        cost: 0,
        unpriced: requests,
    };
    let report = usage.report(world.owner, day(0), day(1)).await;
    assert_eq!(
        report.expect("readable"),
        [row(0, "a", 3, 1), row(0, "b", 1, 0), row(1, "b", 1, 0)]
    );
    let stranger = user(&world.store, "b@example.org").await;
    let theirs = usage.report(stranger, day(0), day(9)).await;
    assert!(theirs.expect("readable").is_empty());

    let keys = UsageFilter {
        owner: world.owner,
        from: day(0),
        to: day(1),
        api_key: None,
        by: UsageBy::ApiKey,
    };
    let of_key = UsageRow {
        api_key: key,
        ..row(0, "a", 2, 0)
    };
    assert_eq!(
        usage.report_by(&keys).await.expect("readable"),
        [
            row(0, "a", 1, 1),
            of_key.clone(),
            row(0, "b", 1, 0),
            row(1, "b", 1, 0)
        ]
    );
    let one = UsageFilter {
        api_key: key,
        ..keys
    };
    assert_eq!(usage.report_by(&one).await.expect("readable"), [of_key]);
}

#[tokio::test]
async fn an_absurd_count_does_not_break_the_sum() {
    let world = World::new().await;
    let record = UsageRecord {
        date: day(0),
        owner: world.owner,
        api_key: None,
        model: "a",
        tokens: TokenCounts {
            input: u64::MAX,
            output: u64::MAX,
        },
        failed: CallOutcome::Answered,
    };
    for _ in 0..3 {
        world.store.usage().record(&record).await.expect("recorded");
    }
    let report = world
        .store
        .usage()
        .report(world.owner, day(0), day(0))
        .await;
    assert_eq!(report.expect("readable")[0].requests, 3);
}

#[tokio::test]
async fn a_call_costs_what_its_model_cost_then() {
    let world = World::new().await;
    let record = UsageRecord {
        date: day(0),
        owner: world.owner,
        api_key: None,
        model: "a",
        tokens: TokenCounts {
            input: 100,
            output: 11,
        },
        failed: CallOutcome::Answered,
    };
    let usage = world.store.usage();
    usage.record(&record).await.expect("recorded");
    for output in [3_000_000, 50_000] {
        let price = ModelPrice {
            model: "a".to_owned(),
            price: TokenPrice {
                input: 2_500_000,
                output,
            },
            updated_at: now(),
        };
        let audit = crate::fixtures::act("price.set");
        let set = world.store.prices().set(&price, &audit).await;
        set.expect("set");
        usage.record(&record).await.expect("recorded");
    }
    let report = usage.report(world.owner, day(0), day(0)).await;
    let row = &report.expect("readable")[0];
    assert_eq!((row.requests, row.unpriced), (3, 1));
    // 250 + 33, and 250 + 0.55 rounded up.
    assert_eq!(row.cost, 283 + 251);
}
