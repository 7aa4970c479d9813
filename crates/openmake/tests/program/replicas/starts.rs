//! Starting at once on nothing, and beside a newer version.

use reqwest::StatusCode;
use testkit::{
    cluster::{Cluster, Layout},
    database::TestDatabase,
    model::Script,
};

use super::Replicas;
use crate::support::{PASSWORD, PROGRAM, Person, text_of};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_start_at_once_on_an_empty_database_agree() {
    let database = TestDatabase::create().await;
    let store = database.store();
    for statement in ["DROP SCHEMA public CASCADE", "CREATE SCHEMA public"] {
        let done = sqlx::query(statement).execute(store.pool()).await;
        done.expect("an empty database");
    }
    // Without a master key either: one makes it, the others take it.
    let mut cluster = Cluster::new(Layout::here(), PROGRAM, database.url(), |instance| instance);
    cluster.start_all().await;
    let first = Person::register(&cluster.base_url(0), "first@example.com").await;
    let there = Person::sign_in(&cluster.base_url(1), "first@example.com", PASSWORD).await;
    let me = there.get("/api/v1/auth/me").await;
    assert_eq!(me.body["role"], "admin", "{}", me.text);
    // A token of one is good at the other.
    let elsewhere = first.at(&cluster.base_url(1));
    assert_eq!(elsewhere.get("/api/v1/users").await.status, StatusCode::OK);
    let (applied, versions): (i64, i64) = sqlx::query_as(
        "SELECT count(*), count(DISTINCT version) FROM _sqlx_migrations WHERE success",
    )
    .fetch_one(store.pool())
    .await
    .expect("sqlx's own table");
    assert_eq!(applied, versions);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newer_version_may_migrate_under_those_that_run() {
    let replicas = Replicas::all().await;
    let store = replicas.database.store();
    // What an expanding migration does, and what a newer version tells.
    for statement in [
        "ALTER TABLE conversation_sessions ADD COLUMN of_the_future text",
        "ALTER TABLE turns ADD COLUMN of_the_future jsonb NOT NULL DEFAULT '{}'",
        "CREATE TABLE of_the_future (id uuid PRIMARY KEY)",
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (9999, 'of the future', true, '', 0)",
        "SELECT pg_notify('openmake', 'z 00000000000000000000000000000000 1 more')",
    ] {
        let done = sqlx::query(statement).execute(store.pool()).await;
        done.expect(statement);
    }
    for gateway in [0, 1] {
        let person = replicas.at(gateway);
        assert_eq!(person.ready().await, StatusCode::OK);
        replicas.model.push(Script::text("As ever."));
        let (_, begun) = person.ask_anew("Do you go on?").await;
        let elsewhere = replicas.at(1 - gateway);
        assert_eq!(text_of(&elsewhere.events(&begun).await), "As ever.");
    }
}
