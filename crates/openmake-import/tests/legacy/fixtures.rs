//! Old databases, and a place to import them into.

use std::path::{Path, PathBuf};

use openmake_import::{
    legacy::{self, ImportFailure, Legacy, Means, Origin, Orphans, Progress},
    report::{Class, Report, TableReport},
};
use openmake_store::{Store, import::Mode, secrets::KeyRing};
use openmake_types::{RandomIds, SystemClock};
use rusqlite::Connection;
use tempfile::TempDir;
use testkit::database::TestDatabase;
use tokio_util::task::TaskTracker;

/// What the last SQLite version made.
pub(crate) const SCHEMA: &str = include_str!("schema.sql");

/// A bcrypt hash of `admin123`, cost 4.
pub(crate) fn bcrypt(password: &str) -> String {
    bcrypt::hash(password, 4).expect("hashed")
}

/// An old database in a directory of its own.
pub(crate) struct Old {
    pub(crate) directory: TempDir,
    pub(crate) path: PathBuf,
    pub(crate) connection: Connection,
}

impl Old {
    pub(crate) fn empty() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("unified.db");
        let connection = Connection::open(&path).expect("opened");
        // As the predecessor had it on most connections.
        connection
            .execute_batch("PRAGMA foreign_keys = OFF")
            .expect("set");
        Self {
            directory,
            path,
            connection,
        }
    }

    pub(crate) fn new() -> Self {
        let old = Self::empty();
        old.run(SCHEMA);
        old
    }

    pub(crate) fn run(&self, statements: &str) {
        self.connection.execute_batch(statements).expect("accepted");
    }

    pub(crate) fn user(&self, id: &str, username: &str) {
        self.connection
            .execute(
                "INSERT INTO users (id, username, password_hash, created_at)
                 VALUES (?1, ?2, ?3, '2024-01-02 03:04:05')",
                [id, username, &bcrypt("old password")],
            )
            .expect("accepted");
    }

    pub(crate) fn conversation(&self, id: &str, user: &str) {
        self.connection
            .execute(
                "INSERT INTO conversation_sessions (id, user_id, title, created_at, updated_at)
                 VALUES (?1, ?2, 'About ' || ?1, '2024-01-02 03:04:05', '2024-01-03T00:00:00.250Z')",
                [id, user],
            )
            .expect("accepted");
    }

    pub(crate) fn message(&self, conversation: &str, role: &str, content: &str) {
        self.connection
            .execute(
                "INSERT INTO conversation_messages (session_id, role, content, created_at)
                 VALUES (?1, ?2, ?3, '2024-01-02 03:04:05')",
                [conversation, role, content],
            )
            .expect("accepted");
    }
}

/// A database of ours.
pub(crate) struct New {
    pub(crate) database: TestDatabase,
    pub(crate) store: Store,
    pub(crate) keys: KeyRing,
}

struct Silent;

impl Progress for Silent {
    fn table(&mut self, _: &str, _: u64) {}
    fn rows(&mut self, _: usize) {}
}

pub(crate) fn from(path: &Path) -> Legacy {
    Legacy {
        origin: Origin::Sqlite(path.to_owned()),
        directory: None,
        name: "test".to_owned(),
        old_key: None,
        orphans: Orphans::Hold,
        mode: Mode::Real,
    }
}

impl New {
    pub(crate) async fn create() -> Self {
        let database = TestDatabase::create().await;
        Self {
            store: database.store(),
            database,
            keys: KeyRing::from_bytes([3; 32]),
        }
    }

    pub(crate) async fn try_import(&self, legacy: &Legacy) -> Result<Report, ImportFailure> {
        let tasks = TaskTracker::new();
        let means = Means {
            store: &self.store,
            keys: &self.keys,
            clock: &SystemClock,
            ids: &RandomIds,
            tasks: &tasks,
        };
        let mut report = Report::new();
        legacy::import(legacy, means, &mut report, &mut Silent).await?;
        report.finish().expect("finished");
        Ok(report)
    }

    pub(crate) async fn import(&self, legacy: &Legacy) -> Report {
        let report = self.try_import(legacy).await.expect("imported");
        assert!(report.is_accounted(), "{}", report.summary());
        report
    }

    pub(crate) async fn text(&self, query: &str) -> String {
        sqlx::query_scalar(sqlx::AssertSqlSafe(query.to_owned()))
            .fetch_one(self.store.pool())
            .await
            .unwrap_or_else(|error| panic!("{query}: {error}"))
    }

    pub(crate) async fn count(&self, what: &str) -> i64 {
        sqlx::query_scalar(sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {what}")))
            .fetch_one(self.store.pool())
            .await
            .unwrap_or_else(|error| panic!("{what}: {error}"))
    }
}

pub(crate) fn table<'a>(report: &'a Report, name: &str) -> &'a TableReport {
    let found = report.tables().find(|(table, _)| *table == name);
    found.unwrap_or_else(|| panic!("no {name}")).1
}

/// The counts of a table: read, written, merged, skipped, repaired.
pub(crate) fn counts(report: &Report, name: &str) -> [u64; 5] {
    let table = table(report, name);
    [
        table.read,
        table.written,
        table.merged,
        table.skipped,
        table.repaired,
    ]
}

pub(crate) fn classes(report: &Report, name: &str) -> Vec<(Class, u64)> {
    table(report, name)
        .classes
        .iter()
        .map(|(class, count)| (*class, *count))
        .collect()
}
