use std::time::Duration;

use openmake_store::{PoolSettings, Store, StoreError};
use testkit::database::TestDatabase;

use crate::fixtures::now;

fn settings() -> PoolSettings {
    PoolSettings {
        max_connections: 4,
        acquire_timeout: Duration::from_secs(2),
        statement_timeout: Duration::from_millis(300),
    }
}

/// What PostgreSQL says the setting is on a connection of `store`.
async fn shown(store: &Store, setting: &str) -> String {
    sqlx::query_scalar("SELECT current_setting($1)")
        .bind(setting)
        .fetch_one(store.pool())
        .await
        .expect("a setting")
}

#[tokio::test]
async fn a_connection_names_itself_and_has_its_limits() {
    let db = TestDatabase::create().await;
    let store = db.store_with(&settings()).await;
    assert_eq!(shown(&store, "application_name").await, "openmake");
    assert_eq!(shown(&store, "statement_timeout").await, "300ms");
    assert_eq!(shown(&store, "lock_timeout").await, "100ms");
    assert_eq!(
        shown(&store, "idle_in_transaction_session_timeout").await,
        "600ms"
    );
    store.close().await;
}

#[tokio::test]
async fn a_statement_or_lock_that_takes_too_long_is_an_outage() {
    let db = TestDatabase::create().await;
    let store = db.store_with(&settings()).await;
    let slow = sqlx::query("SELECT pg_sleep(30)")
        .execute(store.pool())
        .await;
    let slow = StoreError::from(slow.expect_err("it is cut off"));
    assert!(matches!(slow, StoreError::Unavailable(_)), "{slow:?}");

    let mut holder = db.store().pool().begin().await.expect("a transaction");
    sqlx::query("LOCK TABLE sign_in_throttle IN ACCESS EXCLUSIVE MODE")
        .execute(&mut *holder)
        .await
        .expect("locked");
    let waiting = store.throttle().locked_until(&[[1; 32]], now()).await;
    assert!(
        matches!(waiting, Err(StoreError::Unavailable(_))),
        "{waiting:?}"
    );
    holder.rollback().await.expect("unlocked");
    store
        .throttle()
        .locked_until(&[[1; 32]], now())
        .await
        .expect("free again");
    store.close().await;
}

/// A restart of the server looks like this to the pool: every connection is
/// cut while it is idle.
#[tokio::test]
async fn the_pool_gets_over_connections_that_were_cut() {
    let db = TestDatabase::create().await;
    let store = db.store_with(&settings()).await;
    let at_once = (0..4).map(|_| store.ping());
    for answer in futures_util::future::join_all(at_once).await {
        answer.expect("it answers");
    }
    for _ in 0..3 {
        db.cut_connections().await;
        // Longer than a connection may be idle without being tried.
        tokio::time::sleep(Duration::from_millis(300)).await;
        for _ in 0..4 {
            store.ping().await.expect("a new connection is made");
        }
    }
    store.close().await;
    let closed = store.ping().await;
    assert!(
        matches!(closed, Err(StoreError::Unavailable(_))),
        "{closed:?}"
    );
}

#[tokio::test]
async fn who_cannot_connect_is_told_why() {
    let db = TestDatabase::create().await;
    let name: String = sqlx::query_scalar("SELECT current_database()")
        .fetch_one(db.store().pool())
        .await
        .expect("a name");
    let url = db.url().replace(&name, "no_such_database");
    let missing = Store::connect(&url, &settings()).await;
    let Err(StoreError::Unavailable(reason)) = missing else {
        panic!("there is no such database: {missing:?}");
    };
    assert!(reason.to_string().contains("no_such_database"), "{reason}");

    let nobody = tempfile::tempdir().expect("an empty directory");
    let url = format!("postgres:///openmake?host={}", nobody.path().display());
    let absent = Store::connect(&url, &settings()).await;
    assert!(
        matches!(absent, Err(StoreError::Unavailable(_))),
        "{absent:?}"
    );
}
