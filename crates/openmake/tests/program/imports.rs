//! What OpenMake 1 left, imported by the program as a process: beside a running
//! server, cut off in the middle, and signed in to.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use rand::{RngExt as _, SeedableRng as _, rngs::SmallRng};
use reqwest::StatusCode;
use rusqlite::Connection;
use serde_json::Value;
use tempfile::TempDir;
use testkit::database::TestDatabase;
use tokio::time::sleep;

use crate::support::{Person, World, eventually, instance};

/// Kills.
const ROUNDS: usize = 4;

/// An old database.
struct Old {
    directory: TempDir,
    connection: Connection,
}

impl Old {
    /// Of so many conversations of ten messages.
    fn new(conversations: u32) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let connection = Connection::open(directory.path().join("unified.db")).expect("opened");
        let hash = bcrypt::hash("old password 17", 4).expect("hashed");
        connection
            .execute_batch(&format!(
                "PRAGMA foreign_keys = OFF;
                 CREATE TABLE users (id TEXT PRIMARY KEY, username TEXT, password_hash TEXT,
                    role TEXT, created_at DATETIME);
                 INSERT INTO users VALUES
                    ('1', 'old@example.com', '{hash}', 'user', '2024-01-01 00:00:00'),
                    ('2', 'plain', '{hash}', 'user', '2024-01-01 00:00:00');
                 CREATE TABLE conversation_sessions (id TEXT PRIMARY KEY, user_id TEXT, title TEXT,
                    created_at DATETIME, updated_at DATETIME, metadata JSON);
                 CREATE TABLE conversation_messages (id INTEGER PRIMARY KEY AUTOINCREMENT,
                    session_id TEXT, role TEXT, content TEXT, created_at DATETIME);
                 WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n
                                           WHERE i < {conversations})
                 INSERT INTO conversation_sessions SELECT 'c' || i, '1', 'Title ' || i,
                    '2024-01-01 00:00:00', '2024-01-01T00:00:00.000Z', NULL FROM n;
                 WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 9)
                 INSERT INTO conversation_messages (session_id, role, content, created_at)
                 SELECT s.id, iif(i % 2, 'assistant', 'user'), 'quokka ' || s.id || ' ' || i,
                        '2024-01-01 00:00:0' || i FROM conversation_sessions s, n;"
            ))
            .expect("made");
        Self {
            directory,
            connection,
        }
    }

    fn path(&self, name: &str) -> String {
        let path: PathBuf = self.directory.path().join(name);
        path.to_str().expect("UTF-8").to_owned()
    }
}

fn report(path: &str) -> Value {
    let text = fs::read_to_string(Path::new(path)).expect("a report");
    serde_json::from_str(&text).expect("JSON")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_imported_person_signs_in_and_finds_what_was_said() {
    let world = World::whole().await;
    let old = Old::new(3);
    let (file, told) = (old.path("unified.db"), old.path("report.json"));
    let arguments = ["import", "legacy", "--sqlite", &file, "--report", &told];
    let rehearsed = world
        .instance
        .run(&[&arguments[..], &["--dry-run"]].concat(), "")
        .await;
    assert_eq!(rehearsed.code, Some(0), "{}", rehearsed.stderr);
    assert!(
        rehearsed.stdout.contains("rehearsal"),
        "{}",
        rehearsed.stdout
    );
    let rehearsal = report(&told);
    // The server goes on meanwhile.
    let done = world.instance.run(&arguments, "").await;
    assert_eq!(done.code, Some(0), "{}{}", done.stdout, done.stderr);
    assert_eq!(rehearsal, report(&told));
    assert_eq!(rehearsal["accounted"], true);
    assert_eq!(rehearsal["tables"]["conversation_messages"]["written"], 30);
    assert!(
        done.stdout.contains("plain@imported.invalid"),
        "{}",
        done.stdout
    );

    let base = world.program.base_url();
    let person = Person::sign_in(base, "old@example.com", "old password 17").await;
    let list = person.get("/api/v1/conversations").await;
    let items = list.body["items"].as_array().expect("a page");
    assert_eq!(items.len(), 3, "{}", list.text);
    let id = items[0]["id"].as_str().expect("an id");
    let messages = person.messages(id).await;
    assert_eq!(messages.len(), 10);
    // The stronger hash took bcrypt's place, and still opens.
    let again = Person::sign_in(base, "old@example.com", "old password 17").await;
    eventually("the words are indexed", || async {
        let found = again.get("/api/v1/search?q=quokka").await;
        assert_eq!(found.status, StatusCode::OK, "{}", found.text);
        found.body["items"]
            .as_array()
            .is_some_and(|items| !items.is_empty())
    })
    .await;
    Person::sign_in(base, "plain@imported.invalid", "old password 17").await;
    let trail = world.person.get("/api/v1/audit?action=import.legacy").await;
    assert_eq!(trail.body["items"].as_array().map(Vec::len), Some(1));
    let whole = world.instance.run(&["audit", "verify"], "").await;
    assert_eq!(whole.code, Some(0), "{}", whole.stderr);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_is_killed_goes_on_where_it_was() {
    let database = TestDatabase::create().await;
    let instance = instance().whole().with_env("DATABASE_URL", database.url());
    let old = Old::new(4000);
    let (file, told) = (old.path("unified.db"), old.path("report.json"));
    let arguments = ["import", "legacy", "--sqlite", &file, "--report", &told];
    let count = async || -> i64 {
        let store = database.store();
        sqlx::query_scalar("SELECT count(*) FROM conversation_messages")
            .fetch_one(store.pool())
            .await
            .expect("counted")
    };
    let mut random = SmallRng::seed_from_u64(5);
    let mut most = 0;
    for _ in 0..ROUNDS {
        let mut program = instance.spawn(&arguments);
        let until = most + random.random_range(1..9000);
        // Somewhere in a batch after that many.
        for _ in 0..4000 {
            if count().await >= until {
                break;
            }
            sleep(Duration::from_millis(5)).await;
        }
        program.kill();
        program.ended().await;
        assert!(!Path::new(&told).exists() || most > 0);
        let there = count().await;
        assert!(there >= most, "nothing that was committed is lost");
        most = there;
    }
    let done = instance.run(&arguments, "").await;
    assert_eq!(done.code, Some(0), "{}{}", done.stdout, done.stderr);
    assert_eq!(count().await, 40_000);
    let messages = &report(&told)["tables"]["conversation_messages"];
    assert_eq!(messages["read"], 40_000);
    let sum = messages["written"].as_i64().unwrap_or_default()
        + messages["skipped"].as_i64().unwrap_or_default();
    assert_eq!(sum, 40_000);
    // Every chain is whole, and every conversation shows its last message.
    let broken: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM conversation_sessions c
           LEFT JOIN conversation_messages m ON m.id = c.active_leaf_id
          WHERE m.content IS DISTINCT FROM 'quokka c' || substr(c.title, 7) || ' 9'
             OR (SELECT count(*) FROM conversation_messages p
                  WHERE p.session_id = c.id AND p.parent_id IS NULL) <> 1",
    )
    .fetch_one(database.store().pool())
    .await
    .expect("counted");
    assert_eq!(broken, 0);
    drop(old.connection);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_read_is_said_before_anything_is_written() {
    let instance = instance().whole();
    let old = Old::new(1);
    let wrong = old.path("wrong.db");
    fs::write(&wrong, "not a database at all, but long enough to look").expect("written");
    let refused = instance
        .run(&["import", "legacy", "--sqlite", &wrong], "")
        .await;
    assert_eq!(refused.code, Some(1));
    assert!(
        refused.stderr.contains("not an SQLite database"),
        "{}",
        refused.stderr
    );
    let neither = instance.run(&["import", "legacy"], "").await;
    assert_eq!(neither.code, Some(2), "{}", neither.stderr);
}
