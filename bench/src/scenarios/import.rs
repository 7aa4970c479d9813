//! The predecessor's database, with many messages, brought in.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use testkit::program::Instance;
use tokio::time::{sleep, timeout};

use super::Bench;
use crate::processes::peak;

/// How long an import may take.
const PATIENCE: Duration = Duration::from_mins(20);
/// How often its memory is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Messages of one conversation.
const CONVERSATION: usize = 20;
/// Conversations of one account.
const ACCOUNT: usize = 500;

/// What an import takes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Found {
    pub(crate) messages: usize,
    pub(crate) file_bytes: u64,
    /// From the start of the program to its end, reading back included; the
    /// database is made before.
    pub(crate) seconds: f64,
    /// The most that the program, without the database, took of memory, in kB.
    pub(crate) peak_kb: u64,
    /// The same source once more.
    pub(crate) again_seconds: f64,
}

pub(crate) async fn run(bench: &Bench) -> anyhow::Result<Found> {
    eprintln!("import");
    let messages = bench.size.messages.1;
    let directory = tempfile::tempdir()?;
    let file = directory.path().join("unified.db");
    generate(&file, messages).context("the old database was not made")?;
    let instance = Instance::new(&bench.binary);
    // The first start makes the database.
    let mut program = instance.launch();
    program.ready().await;
    program.terminate();
    program.ended().await;
    let path = file.to_str().context("the file's name")?;
    let (first, peak_kb) = import(&instance, path).await?;
    let (again, _) = import(&instance, path).await?;
    Ok(Found {
        messages,
        file_bytes: std::fs::metadata(&file)?.len(),
        seconds: first.as_secs_f64(),
        peak_kb,
        again_seconds: again.as_secs_f64(),
    })
}

async fn import(instance: &Instance, path: &str) -> anyhow::Result<(Duration, u64)> {
    let began = Instant::now();
    let mut program = instance.spawn(&["import", "legacy", "--sqlite", path]);
    let pid = program.pid();
    let mut most = 0;
    let watching = async {
        // A program that has ended has no memory any more.
        while let Some(now) = peak(pid) {
            most = most.max(now);
            sleep(LOOK_EVERY).await;
        }
    };
    timeout(PATIENCE, watching)
        .await
        .context("the import does not end")?;
    let took = began.elapsed();
    let finished = program.finished().await;
    ensure!(
        finished.code == Some(0),
        "the import failed: {}{}",
        finished.stdout,
        finished.stderr
    );
    Ok((took, most))
}

/// An old database of so many messages of two hundred letters, in WAL mode as
/// the predecessor had it.
fn generate(path: &std::path::Path, messages: usize) -> rusqlite::Result<()> {
    let conversations = messages.div_ceil(CONVERSATION);
    let accounts = conversations.div_ceil(ACCOUNT);
    let connection = Connection::open(path)?;
    connection.execute_batch(&format!(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF;
         CREATE TABLE users (id TEXT PRIMARY KEY, username TEXT UNIQUE NOT NULL,
            password_hash TEXT NOT NULL, email TEXT, role TEXT DEFAULT 'user', created_at DATETIME,
            updated_at DATETIME, last_login DATETIME, is_active INTEGER DEFAULT 1);
         CREATE TABLE conversation_sessions (id TEXT PRIMARY KEY, user_id TEXT, title TEXT,
            created_at DATETIME, updated_at DATETIME, metadata JSON);
         CREATE TABLE conversation_messages (id INTEGER PRIMARY KEY AUTOINCREMENT,
            session_id TEXT NOT NULL, role TEXT NOT NULL, content TEXT NOT NULL, model TEXT,
            agent_id TEXT, thinking TEXT, tokens INTEGER, response_time_ms INTEGER,
            created_at DATETIME);
         CREATE INDEX idx_messages_session ON conversation_messages (session_id);
         WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {accounts})
         INSERT INTO users SELECT i, 'person' || i || '@example.org',
            '$2b$10$' || substr(hex(randomblob(27)), 1, 53), NULL, 'user', '2024-01-01 00:00:00',
            NULL, NULL, 1 FROM n;
         WITH RECURSIVE n (i) AS
            (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {conversations})
         INSERT INTO conversation_sessions SELECT lower(hex(randomblob(16))), i / {ACCOUNT},
            'Conversation ' || i, datetime(1704067200 + i, 'unixepoch'),
            datetime(1704067200 + i, 'unixepoch'), '{{}}' FROM n;
         WITH RECURSIVE n (i) AS
            (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {CONVERSATION})
         INSERT INTO conversation_messages (session_id, role, content, model, tokens,
            response_time_ms, created_at)
         SELECT s.id, iif(i % 2, 'assistant', 'user'), 'w' || hex(randomblob(100)),
            iif(i % 2, 'qwen3:30b', NULL), 40, 900, datetime(1704067200 + i * 60, 'unixepoch')
           FROM n, conversation_sessions s;"
    ))
}
