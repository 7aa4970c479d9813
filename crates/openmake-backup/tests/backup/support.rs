//! What the tests have in common: an instance with everything in it, a backup
//! of it, an empty database to restore into.

use std::{collections::BTreeMap, path::PathBuf};

use chrono::{DateTime, Utc};
use futures_util::StreamExt as _;
use openmake_backup::{
    BackupError,
    create::{CreateParts, Created, Destination, create},
    file::{RowDigest, TableDigest},
    restore::{Backup, OnData, RestoreParts, Restored, Secrets},
    unwatched,
};
use openmake_store::{
    Store,
    audit::{NewAudit, Outcome},
    secrets::KeyRing,
};
use openmake_types::{Ids as _, RandomIds};
use secrecy::SecretString;
use serde_json::json;
use tempfile::TempDir;
use testkit::database::TestDatabase;
use tokio_util::task::TaskTracker;

pub(crate) fn now() -> DateTime<Utc> {
    "2026-11-23T08:00:00Z".parse().expect("a time")
}

pub(crate) fn keys() -> KeyRing {
    KeyRing::from_bytes([7; 32])
}

pub(crate) fn act(action: &'static str) -> NewAudit {
    NewAudit {
        id: RandomIds.uuid(now()),
        at: now(),
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

/// Rows of every kind that the first schema has, with all that is hard to
/// carry: tabs, line feeds, backslashes, NULs' absence, NULLs, bytes, words,
/// JSON, references within a table, rows in two partitions.
const EVERYTHING: &str = r#"
INSERT INTO users (id, email, display_name, password_hash, role, created_at, updated_at) VALUES
  ('00000000-0000-0000-0000-000000000001', 'a@example.org', E'Tab\there', '$argon2id$', 'admin', now(), now()),
  ('00000000-0000-0000-0000-000000000002', 'b@example.org', E'line\nfeed and \\N \\. 한글', NULL, 'user', now(), now());
INSERT INTO sessions (id, user_id, nonce, rotated_at, created_at, last_seen_at, expires_at)
  VALUES (gen_random_uuid(), '00000000-0000-0000-0000-000000000001', '\x00ff0a5c', now(), now(), now(), now() + '1 day');
INSERT INTO model_nodes (id, name, kind, base_url, created_at, updated_at)
  VALUES ('00000000-0000-0000-0000-00000000000a', 'Workshop', 'openai', 'http://10.0.0.5/v1', now(), now());
INSERT INTO conversation_sessions (id, user_id, title, created_at, updated_at, metadata)
  VALUES ('00000000-0000-0000-0000-0000000000c1', '00000000-0000-0000-0000-000000000001', 'Sky', now(), now(), '{"a": [1, null, "\\"]}');
INSERT INTO blobs (id, user_id, sha256, media_type, size, data, created_at)
  SELECT gen_random_uuid(), '00000000-0000-0000-0000-000000000001', sha256(i::text::bytea), 'image/png', 3000000,
         decode(repeat(md5(i::text), 93750), 'hex'), now() FROM generate_series(1, 2) AS i;
-- The first row refers to the last one: no order of rows is right.
INSERT INTO conversation_messages (id, session_id, parent_id, role, content, tokens_per_second, created_at)
  SELECT ('00000000-0000-0000-0001-' || lpad(i::text, 12, '0'))::uuid, '00000000-0000-0000-0000-0000000000c1',
         CASE WHEN i < 300 THEN ('00000000-0000-0000-0001-' || lpad((i + 1)::text, 12, '0'))::uuid END,
         CASE i % 2 WHEN 0 THEN 'user' ELSE 'assistant' END, repeat(md5(i::text), i), i / 7.0::float8, now()
    FROM generate_series(1, 300) AS i;
INSERT INTO turns (id, session_id, user_id, user_message_id, assistant_message_id, requested_model, owner_process,
                   lease_until, log_day, created_at)
  VALUES ('00000000-0000-0000-0000-0000000000d1', '00000000-0000-0000-0000-0000000000c1', '00000000-0000-0000-0000-000000000001',
          '00000000-0000-0000-0001-000000000002', '00000000-0000-0000-0001-000000000001', 'openmake_auto',
          gen_random_uuid(), now(), '2026-11-22', now());
CREATE TABLE turn_events_20261122 PARTITION OF turn_events FOR VALUES FROM ('2026-11-22') TO ('2026-11-23');
CREATE TABLE turn_events_20261123 PARTITION OF turn_events FOR VALUES FROM ('2026-11-23') TO ('2026-11-24');
INSERT INTO turn_events (log_day, turn_id, seq, type, data)
  SELECT '2026-11-22'::date + i % 2, '00000000-0000-0000-0000-0000000000d1', i, 'text.delta', jsonb_build_object('text', E'\t\n\\' || i)
    FROM generate_series(1, 100) AS i;
INSERT INTO message_search (message_id, piece, session_id, tokenizer, words)
  VALUES ('00000000-0000-0000-0001-000000000001', 0, '00000000-0000-0000-0000-0000000000c1', 1, 'sky:1A ''it''''s'':2 한글:3');
INSERT INTO api_usage (date, user_id, model, requests, input_tokens)
  VALUES ('2026-11-22', '00000000-0000-0000-0000-000000000001', 'qwen3:8b', 3, 9223372036854775807);
INSERT INTO audit_logs (id, timestamp, action, outcome) VALUES (gen_random_uuid(), now(), 'user.login', 'success');
"#;

/// Fills an instance; its one secret is sealed with [`keys`].
pub(crate) async fn fill(store: &Store) {
    let filled = sqlx::raw_sql(EVERYTHING).execute(store.pool()).await;
    filled.expect("filled");
    store.check_master_key(&keys()).await.expect("bound");
    let sealed = keys().seal(NODE_KEY, [3; 24], b"sk-workshop-1234");
    sqlx::query(
        "INSERT INTO model_node_keys (node_id, position, last_four, sealed)
         VALUES ('00000000-0000-0000-0000-00000000000a', 1, '1234', $1)",
    )
    .bind(sealed)
    .execute(store.pool())
    .await
    .expect("sealed");
}

pub(crate) const NODE_KEY: &str = "node-key:workshop";

/// An instance and a place for its backup.
pub(crate) struct World {
    /// Dropped with the world.
    _db: TestDatabase,
    pub(crate) store: Store,
    pub(crate) tasks: TaskTracker,
    pub(crate) directory: TempDir,
}

impl World {
    /// A fresh instance.
    pub(crate) async fn new() -> Self {
        let db = TestDatabase::create().await;
        Self {
            store: db.store(),
            _db: db,
            tasks: TaskTracker::new(),
            directory: tempfile::tempdir().expect("a directory"),
        }
    }

    /// An instance with everything in it.
    pub(crate) async fn full() -> Self {
        let world = Self::new().await;
        fill(&world.store).await;
        world
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.directory.path().join("instance.omkb")
    }

    pub(crate) async fn try_back_up(
        &self,
        passphrase: Option<&str>,
        destination: Destination,
    ) -> Result<Created, BackupError> {
        let keys = keys();
        let passphrase = passphrase.map(SecretString::from);
        let parts = CreateParts {
            store: &self.store,
            tasks: &self.tasks,
            ids: &RandomIds,
            program: "test",
            key: passphrase.as_ref().map(|passphrase| (&keys, passphrase)),
            watcher: &unwatched(),
        };
        create(parts, destination).await
    }

    /// Makes a backup and opens it.
    pub(crate) async fn back_up(&self, passphrase: Option<&str>) -> Backup {
        let destination = Destination::New(self.path());
        let made = self.try_back_up(passphrase, destination).await;
        let made = made.expect("made");
        let size = std::fs::metadata(self.path()).expect("there").len();
        assert_eq!(made.written.size, size);
        self.open().await.expect("whole")
    }

    pub(crate) async fn open(&self) -> Result<Backup, BackupError> {
        Backup::open(&self.path(), &self.tasks).await
    }

    /// Restores into this instance's database.
    pub(crate) async fn restore(
        &self,
        backup: &Backup,
        on_data: OnData,
        secrets: Secrets,
    ) -> Result<Restored, BackupError> {
        let parts = RestoreParts {
            store: &self.store,
            tasks: &self.tasks,
            on_data,
            secrets,
            audit: &act("backup.restore"),
            now: now(),
            watcher: &unwatched(),
        };
        backup.restore(parts).await
    }

    /// What is in every table.
    pub(crate) async fn digests(&self) -> BTreeMap<String, TableDigest> {
        digests(&self.store).await
    }

    pub(crate) async fn count(&self, query: &'static str) -> i64 {
        let count = sqlx::query_scalar(query).fetch_one(self.store.pool());
        count.await.expect("counted")
    }
}

/// What is in every table.
pub(crate) async fn digests(store: &Store) -> BTreeMap<String, TableDigest> {
    let mut snapshot = store.snapshot().await.expect("a snapshot");
    let mut digests = BTreeMap::new();
    for table in snapshot.contents().tables.clone() {
        let mut digest = RowDigest::default();
        let mut rows = snapshot.rows(&table).await.expect("rows");
        while let Some(row) = rows.next().await {
            digest.add(&row.expect("a row"));
        }
        drop(rows);
        digests.insert(table.name, digest.finish().expect("whole"));
    }
    snapshot.close().await;
    digests
}

/// Without the tables that a restore writes its own act into.
pub(crate) fn but_the_act(
    mut digests: BTreeMap<String, TableDigest>,
) -> BTreeMap<String, TableDigest> {
    digests.remove("audit_logs");
    digests.remove("audit_chain");
    digests
}
