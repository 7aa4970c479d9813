//! A database each.

use sqlx::{AssertSqlSafe, Connection as _, Executor as _, Row as _};
use testkit::database::TestDatabase;

#[tokio::test]
async fn each_test_has_a_migrated_database_of_its_own() {
    let (one, other) = tokio::join!(TestDatabase::create(), TestDatabase::create());
    assert_ne!(one.url(), other.url());
    one.store().ping().await.unwrap();
    other.store().ping().await.unwrap();
    one.connection()
        .await
        .execute("CREATE TABLE only_here (n int)")
        .await
        .unwrap();
    let seen = other
        .connection()
        .await
        .fetch_one("SELECT to_regclass('only_here') IS NULL")
        .await
        .unwrap();
    assert!(seen.get::<bool, _>(0));
}

#[tokio::test]
async fn a_dropped_database_is_gone() {
    let kept = TestDatabase::create().await;
    let dropped = TestDatabase::create().await;
    let name = dropped
        .url()
        .split(['/', '?'])
        .find(|part| part.starts_with("test_"))
        .unwrap()
        .to_owned();
    drop(dropped);
    let mut connection = kept.connection().await;
    let found = connection
        .fetch_optional(AssertSqlSafe(format!(
            "SELECT 1 FROM pg_database WHERE datname = '{name}'"
        )))
        .await
        .unwrap();
    assert!(found.is_none());
    connection.close().await.unwrap();
}

#[tokio::test]
async fn cut_connections_are_replaced_by_the_pool() {
    let database = TestDatabase::create().await;
    let mut connection = database.connection().await;
    database.cut_connections().await;
    assert!(connection.execute("SELECT 1").await.is_err());
    database
        .connection()
        .await
        .execute("SELECT 1")
        .await
        .unwrap();
}
