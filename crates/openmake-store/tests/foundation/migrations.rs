use openmake_store::{PoolSettings, Store, StoreError};
use testkit::database::TestDatabase;

/// A database without a schema.
async fn empty() -> TestDatabase {
    let db = TestDatabase::create().await;
    for statement in ["DROP SCHEMA public CASCADE", "CREATE SCHEMA public"] {
        sqlx::query(statement)
            .execute(db.store().pool())
            .await
            .expect("a schema of our own");
    }
    db
}

/// A process of its own.
async fn connect(db: &TestDatabase) -> Store {
    db.store_with(&PoolSettings::default()).await
}

#[tokio::test]
async fn several_processes_migrate_at_once() {
    let db = empty().await;
    let (a, b, c) = tokio::join!(connect(&db), connect(&db), connect(&db));
    let (first, second, third) = tokio::join!(a.migrate(), b.migrate(), c.migrate());
    for migrated in [first, second, third] {
        migrated.expect("each finds it done or does it");
    }
    let applied: i64 = sqlx::query_scalar("SELECT count(*) FROM _sqlx_migrations WHERE success")
        .fetch_one(a.pool())
        .await
        .expect("sqlx's own table");
    assert!(applied >= 1);
    a.ping().await.expect("migrated");
    a.migrate().await.expect("nothing left to do");
    for store in [a, b, c] {
        store.close().await;
    }
}

#[tokio::test]
async fn the_lock_is_free_after_a_migration_that_failed() {
    let db = empty().await;
    let store = db.store();
    sqlx::query("CREATE TABLE users (in_the_way integer)")
        .execute(store.pool())
        .await
        .expect("a table of someone else");
    let refused = store.migrate().await.expect_err("the table is there");
    assert!(matches!(refused, StoreError::Migrate(_)), "{refused:?}");
    sqlx::query("DROP TABLE users")
        .execute(store.pool())
        .await
        .expect("out of the way");
    store
        .migrate()
        .await
        .expect("nothing of the first try is left");
}

#[tokio::test]
async fn a_database_without_schema_is_not_ready() {
    let db = empty().await;
    let store = db.store();
    let error = store.ping().await.expect_err("no schema");
    assert!(
        matches!(error, StoreError::SchemaOlder { database: None, .. }),
        "{error:?}"
    );
    assert_eq!(store.info().await.expect("it answers").schema_version, None);
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_refused() {
    let db = TestDatabase::create().await;
    sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (9000, 'of the future', true, '', 0)",
    )
    .execute(db.store().pool())
    .await
    .expect("a newer schema");
    let error = db.store().migrate().await.expect_err("it is newer");
    assert!(
        matches!(error, StoreError::SchemaNewer { database: 9000, .. }),
        "{error:?}"
    );
    assert!(
        error.to_string().contains("start the newer version"),
        "{error}"
    );
    // A replica that still runs the version before goes on serving.
    db.store().ping().await.expect("it has all that is needed");
}

#[tokio::test]
async fn a_migration_that_was_changed_is_refused() {
    let db = TestDatabase::create().await;
    sqlx::query("UPDATE _sqlx_migrations SET checksum = 'changed' WHERE version = 1")
        .execute(db.store().pool())
        .await
        .expect("another migration under the same number");
    let error = db.store().migrate().await.expect_err("it differs");
    assert!(matches!(error, StoreError::Migrate(_)), "{error:?}");
}

#[tokio::test]
async fn doctor_is_told_about_the_database() {
    let db = TestDatabase::create().await;
    let info = db.store().info().await.expect("it answers");
    let major: u32 = info
        .server_version
        .split('.')
        .next()
        .and_then(|major| major.parse().ok())
        .expect("a version");
    assert!(major >= 16, "{info:?}");
    assert!(
        info.schema_version.is_some() && info.size_bytes > 0,
        "{info:?}"
    );
}
