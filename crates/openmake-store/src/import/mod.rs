//! Rows from elsewhere, in bulk: what importers write with.
//!
//! An [`Import`] is one run from one source. Rows come in batches, a
//! transaction each: those that the ledger knows are left out, those whose
//! parent is gone too, and the others go in with their ledger entries. So a run
//! that was killed goes on where it was, a second one adds only what is new, and
//! what was deleted since stays deleted. Messages and conversations wait for the
//! index of words, which is made after the import.
//!
//! A rehearsal is one transaction from beginning to end that is rolled back.

mod copy;
mod records;
mod verify;
mod write;

use std::{collections::HashMap, time::Duration};

use chrono::{DateTime, Utc};
use openmake_types::UserId;
use sha2::{Digest as _, Sha256};
use sqlx::{Connection as _, Executor as _, PgConnection};
use tokio::time::{Instant, sleep, timeout};
use uuid::Uuid;

pub use copy::{Field, Kind, Lines};
pub use records::{
    AgentFeedbackRow, AgentUsageRow, AlertRow, AuditRow, CanvasEditRow, CanvasRow,
    CanvasVersionRow, CarriedUsageRow, ConnectionRow, ConversationRow, CustomAgentRow,
    ExternalFileRow, ForeignConversationRow, ForeignMessageRow, HoldingRow, InstallationRow,
    MarketplaceRow, McpServerRow, MemoryRow, MemoryTagRow, MessageRow, Parent, PushSubscriptionRow,
    Record, Relation, ResearchRow, ResearchStepRow, ReviewRow, UserRow,
};
pub use verify::Verified;
pub use write::Fate;

use crate::{
    Store, StoreError,
    transfer::{TransferError, connection},
};

/// How the connection is called in the database's list of sessions.
const NAME: &str = "openmake import";

/// How long to wait for another run of the same source.
const PATIENCE: Duration = Duration::from_secs(5);

/// How often to look whether it is over.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Where rows come from, and what is to be done with them.
#[derive(Debug, Clone)]
pub struct ImportSource {
    /// What it is, such as `legacy`.
    pub kind: &'static str,
    /// Which of that kind; 1 to 100 characters.
    pub name: String,
    /// Whose own import it is; None for the instance's.
    pub owner: Option<UserId>,
    /// Whether anything stays.
    pub mode: Mode,
    /// Now.
    pub now: DateTime<Utc>,
}

/// Whether anything stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// It does.
    Real,
    /// All is done and taken back.
    Rehearsal,
}

/// Why an import does not begin or breaks off.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Another import of the same source is running.
    #[error("another import from this source is running")]
    InUse,
}

impl From<sqlx::Error> for ImportError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

impl From<TransferError> for ImportError {
    fn from(error: TransferError) -> Self {
        match error {
            TransferError::Store(error) => Self::Store(error),
            other => Self::Store(StoreError::Corrupt(other.to_string())),
        }
    }
}

/// A run. Dropping it leaves what was committed, and frees its lock.
#[derive(Debug)]
pub struct Import {
    connection: PgConnection,
    source: i32,
    run: i32,
    /// Rows of runs after this one are read back.
    verified: i32,
    mode: Mode,
}

impl Store {
    /// Begins a run, which holds the source's lock until it is dropped.
    pub async fn import(&self, source: &ImportSource) -> Result<Import, ImportError> {
        let mut connection = connection::open(self, NAME).await?;
        wait_for_lock(&mut connection, lock_of(source)).await?;
        // A crash loses what a run repeats; its end is committed for good.
        connection.execute("SET synchronous_commit = off").await?;
        if source.mode == Mode::Rehearsal {
            connection.execute("BEGIN").await?;
        }
        let row = sqlx::query!(
            r#"INSERT INTO import_sources (id, kind, name, owner_id, run, created_at, last_run_at)
               VALUES ((SELECT coalesce(max(id), 0) + 1 FROM import_sources), $1, $2, $3, 1, $4, $4)
               ON CONFLICT (kind, name, owner_id)
               DO UPDATE SET run = import_sources.run + 1, last_run_at = $4
               RETURNING id, run, verified_run"#,
            source.kind,
            source.name,
            source.owner.map(UserId::as_uuid),
            source.now,
        )
        .fetch_one(&mut connection)
        .await?;
        Ok(Import {
            connection,
            source: row.id,
            run: row.run,
            verified: row.verified_run,
            mode: source.mode,
        })
    }
}

impl Import {
    /// The source's number, for [`HoldingRow`].
    pub const fn source(&self) -> i32 {
        self.source
    }

    /// What earlier runs brought into a table: each row's id, and the row that
    /// it became one with.
    pub async fn carried(
        &mut self,
        relation: Relation,
    ) -> Result<HashMap<Uuid, Option<Uuid>>, ImportError> {
        let rows = sqlx::query!(
            "SELECT id, merged_into FROM import_ledger WHERE source_id = $1 AND relation = $2",
            self.source,
            relation.number(),
        )
        .fetch_all(&mut self.connection)
        .await?;
        Ok(rows.into_iter().map(|r| (r.id, r.merged_into)).collect())
    }

    /// Every account with an e-mail, by the e-mail in small letters.
    pub async fn accounts(&mut self) -> Result<HashMap<String, Uuid>, ImportError> {
        let rows = sqlx::query!(
            r#"SELECT lower(email) AS "email!", id FROM users
                WHERE email IS NOT NULL AND deleted_at IS NULL"#
        )
        .fetch_all(&mut self.connection)
        .await?;
        Ok(rows.into_iter().map(|r| (r.email, r.id)).collect())
    }

    /// Notes that rows became one with others, so that a later run points what
    /// is theirs to the same place.
    pub async fn merged(
        &mut self,
        relation: Relation,
        into: &[(Uuid, Uuid)],
    ) -> Result<(), ImportError> {
        let (ids, targets): (Vec<Uuid>, Vec<Uuid>) = into.iter().copied().unzip();
        sqlx::query!(
            "INSERT INTO import_ledger (source_id, run, id, relation, checksum, merged_into)
             SELECT $1, $2, m.id, $3, 0, m.target
               FROM unnest($4::uuid[], $5::uuid[]) AS m (id, target)
             ON CONFLICT DO NOTHING",
            self.source,
            self.run,
            relation.number(),
            &ids,
            &targets,
        )
        .execute(&mut self.connection)
        .await?;
        Ok(())
    }

    /// Ends the run: a rehearsal is taken back. `verified` says that what was
    /// read back was right, and need not be read again.
    pub async fn finish(mut self, verified: Checked) -> Result<(), ImportError> {
        if self.mode == Mode::Rehearsal {
            self.connection.execute("ROLLBACK").await?;
        } else {
            self.connection
                .execute("SET synchronous_commit = on")
                .await?;
            let run = match verified {
                Checked::Right => self.run,
                Checked::Wrong => self.verified,
            };
            sqlx::query!(
                "UPDATE import_sources SET verified_run = $2 WHERE id = $1",
                self.source,
                run,
            )
            .execute(&mut self.connection)
            .await?;
            // Plans are made from statistics, and these are old now.
            self.connection
                .execute(
                    "ANALYZE users, conversation_sessions, conversation_messages, message_search",
                )
                .await?;
        }
        // The next run need not wait until the server has noticed the end.
        sqlx::query!("SELECT pg_advisory_unlock_all()")
            .execute(&mut self.connection)
            .await?;
        let closing = self.connection.close();
        if timeout(connection::CONNECT_TIMEOUT, closing).await.is_err() {
            tracing::debug!("an import's connection did not close in time");
        }
        Ok(())
    }
}

/// What reading back came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checked {
    /// All is there as it was written.
    Right,
    /// Something is not.
    Wrong,
}

/// Takes the lock. A run that was killed holds it until the server has noticed.
async fn wait_for_lock(connection: &mut PgConnection, lock: i64) -> Result<(), ImportError> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let locked = sqlx::query_scalar!(r#"SELECT pg_try_advisory_lock($1) AS "locked!""#, lock)
            .fetch_one(&mut *connection)
            .await?;
        if locked {
            return Ok(());
        }
        if Instant::now() >= deadline {
            return Err(ImportError::InUse);
        }
        sleep(LOOK_EVERY).await;
    }
}

/// The source's advisory lock.
fn lock_of(source: &ImportSource) -> i64 {
    let mut hash = Sha256::new();
    hash.update(b"openmake/import\0");
    hash.update(source.kind);
    hash.update([0]);
    hash.update(&source.name);
    if let Some(owner) = source.owner {
        hash.update([0]);
        hash.update(owner.as_uuid());
    }
    let hash: [u8; 32] = hash.finalize().into();
    let mut first = [0; 8];
    first.copy_from_slice(&hash[..8]);
    i64::from_be_bytes(first)
}
