use chrono::TimeDelta;
use futures_util::future::join_all;
use openmake_store::{Store, throttle::ThrottlePolicy};
use testkit::database::TestDatabase;

use crate::fixtures::{later, now};

const POLICY: ThrottlePolicy = ThrottlePolicy {
    free: 2,
    first_delay: TimeDelta::seconds(10),
    max_delay: TimeDelta::seconds(60),
    forget_after: TimeDelta::hours(1),
};

const KEY: [u8; 32] = [1; 32];
const OTHER: [u8; 32] = [2; 32];

/// Counts a failure, and says for how many seconds from then it locks.
async fn fail(store: &Store, key: &[u8; 32], at: i64) -> Option<i64> {
    store
        .throttle()
        .fail(key, &POLICY, later(at))
        .await
        .expect("counted");
    locked(store, key, at).await
}

async fn locked(store: &Store, key: &[u8; 32], at: i64) -> Option<i64> {
    let until = store
        .throttle()
        .locked_until(&[*key], later(at))
        .await
        .expect("readable");
    until.map(|until| (until - later(at)).num_seconds())
}

#[tokio::test]
async fn a_lock_grows_with_each_failure() {
    let db = TestDatabase::create().await;
    let store = &db.store();
    let mut locks = Vec::new();
    for _ in 0..6 {
        locks.push(fail(store, &KEY, 0).await);
    }
    assert_eq!(locks, [None, None, Some(10), Some(20), Some(40), Some(60)]);
    assert_eq!(locked(store, &KEY, 59).await, Some(1));
    assert_eq!(locked(store, &KEY, 60).await, None);
    assert_eq!(locked(store, &OTHER, 0).await, None);
    let longest = store
        .throttle()
        .locked_until(&[OTHER, KEY], now())
        .await
        .expect("readable");
    assert_eq!(longest, Some(later(60)));
}

#[tokio::test]
async fn failures_at_once_are_all_counted() {
    let db = TestDatabase::create().await;
    let store = &db.store();
    join_all((0..5).map(|_| fail(store, &KEY, 0))).await;
    assert_eq!(locked(store, &KEY, 0).await, Some(40));
}

#[tokio::test]
async fn a_success_and_a_quiet_hour_forget_the_failures() {
    let db = TestDatabase::create().await;
    let store = &db.store();
    for _ in 0..3 {
        fail(store, &KEY, 0).await;
        fail(store, &OTHER, 0).await;
    }
    store.throttle().clear(&KEY).await.expect("forgotten");
    assert_eq!(locked(store, &KEY, 0).await, None);
    assert_eq!(fail(store, &KEY, 0).await, None);
    // The fourth within the hour, and the first after one.
    assert_eq!(fail(store, &OTHER, 3600).await, Some(20));
    assert_eq!(fail(store, &OTHER, 7201).await, None);
}
