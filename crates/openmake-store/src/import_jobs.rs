//! Imports that people start themselves (`import_jobs`), with the files they
//! are made of (`import_chunks`).

mod lease;
mod undo;

use chrono::{DateTime, TimeDelta, Utc};
use openmake_types::UserId;
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

pub use self::lease::{Claimed, Outcome, Progress, Renewed};
use crate::{
    Conflict, PageRequest, Position, Rows, Store, StoreError,
    audit::{self, NewAudit},
    error::parsed,
    text::storable,
};

/// The largest piece of a file, in bytes.
pub const CHUNK_MAX: usize = 8 << 20;
/// How many imports an account may begin in a day.
const PER_DAY: i64 = 20;
/// How long a file may arrive without a new piece.
const UPLOAD_PATIENCE: TimeDelta = TimeDelta::hours(24);
/// How long ended imports are listed.
const KEPT: TimeDelta = TimeDelta::days(90);

/// How far an import is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobStatus {
    /// Its file is arriving.
    Uploading,
    /// Its file is here.
    Waiting,
    /// It is being brought in.
    Running,
    /// It is over.
    Done,
    /// It could not be brought in, or not to its end.
    Failed,
    /// It was called off.
    Cancelled,
}

impl JobStatus {
    /// The name that the store and the wire use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Uploading => "uploading",
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether nothing happens to it any more.
    pub const fn is_ended(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Cancelled)
    }
}

impl std::str::FromStr for JobStatus {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = [
            Self::Uploading,
            Self::Waiting,
            Self::Running,
            Self::Done,
            Self::Failed,
            Self::Cancelled,
        ];
        let found = all.into_iter().find(|status| status.as_str() == text);
        found.ok_or_else(|| text.to_owned())
    }
}

/// One import.
#[derive(Debug, Clone, PartialEq)]
pub struct ImportJob {
    /// Its id.
    pub id: Uuid,
    /// Whose.
    pub owner: UserId,
    /// Which product's file: `chatgpt`, `claude` or `open-webui`.
    pub kind: String,
    /// The file's name.
    pub file_name: String,
    /// Bytes of the file.
    pub size: i64,
    /// Bytes of it that are here.
    pub received: i64,
    /// How far it is.
    pub status: JobStatus,
    /// Bytes or rows of the file that were read.
    pub read_units: i64,
    /// How many there are; 0 while nobody knows.
    pub total_units: i64,
    /// Conversations that were read.
    pub conversations: i64,
    /// Messages that were read.
    pub messages: i64,
    /// Why it failed, in a word.
    pub error_code: Option<String>,
    /// The same in a sentence.
    pub error_detail: Option<String>,
    /// Counts by table, once it is over.
    pub summary: Option<Value>,
    /// How many conversations were taken back.
    pub undone: Option<i64>,
    /// When it was begun.
    pub created_at: DateTime<Utc>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
}

/// An import to begin.
#[derive(Debug, Clone)]
pub struct NewImportJob {
    /// Its id.
    pub id: Uuid,
    /// Whose.
    pub owner: UserId,
    /// Which product's file.
    pub kind: &'static str,
    /// The file's name, 1 to 255 characters.
    pub file_name: String,
    /// Bytes of the file.
    pub size: i64,
    /// Bytes that the files of all accounts may have together.
    pub room: i64,
    /// Now.
    pub now: DateTime<Utc>,
}

/// A piece of a file.
#[derive(Debug, Clone, Copy)]
pub struct Chunk<'a> {
    /// The place of its first byte.
    pub position: i64,
    /// Its bytes, at most [`CHUNK_MAX`].
    pub data: &'a [u8],
    /// Now.
    pub now: DateTime<Utc>,
}

/// Imports.
#[derive(Debug, Clone, Copy)]
pub struct ImportJobs<'a>(&'a Store);

impl Store {
    /// Imports that people start themselves.
    pub const fn import_jobs(&self) -> ImportJobs<'_> {
        ImportJobs(self)
    }
}

pub(crate) struct Row {
    id: Uuid,
    user_id: Uuid,
    kind: String,
    file_name: String,
    size: i64,
    received: i64,
    status: String,
    read_units: i64,
    total_units: i64,
    conversations: i64,
    messages: i64,
    error_code: Option<String>,
    error_detail: Option<String>,
    summary: Option<Value>,
    undone: Option<i64>,
    created_at: DateTime<Utc>,
    finished_at: Option<DateTime<Utc>>,
}

impl TryFrom<Row> for ImportJob {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            status: parsed("import_jobs.status", &row.status)?,
            id: row.id,
            owner: UserId::from_uuid(row.user_id),
            kind: row.kind,
            file_name: row.file_name,
            size: row.size,
            received: row.received,
            read_units: row.read_units,
            total_units: row.total_units,
            conversations: row.conversations,
            messages: row.messages,
            error_code: row.error_code,
            error_detail: row.error_detail,
            summary: row.summary,
            undone: row.undone,
            created_at: row.created_at,
            finished_at: row.finished_at,
        })
    }
}

async fn read(connection: &mut PgConnection, id: Uuid) -> Result<ImportJob, StoreError> {
    sqlx::query_as!(
        Row,
        "SELECT id, user_id, kind, file_name, size, received, status, read_units, total_units,
                conversations, messages, error_code, error_detail, summary, undone, created_at,
                finished_at
           FROM import_jobs WHERE id = $1",
        id,
    )
    .fetch_one(connection)
    .await?
    .try_into()
}

impl ImportJobs<'_> {
    /// Begins one. Conflict: `ImportRunning`, `TooManyImports`, `ImportsFull`.
    pub async fn create(
        &self,
        new: &NewImportJob,
        audit: &NewAudit,
    ) -> Result<ImportJob, StoreError> {
        let mut tx = self.0.pool.begin().await?;
        // Two at once must not both find room.
        sqlx::query!("LOCK TABLE import_jobs IN SHARE ROW EXCLUSIVE MODE")
            .execute(&mut *tx)
            .await?;
        let found = sqlx::query!(
            r#"SELECT count(*) FILTER (WHERE user_id = $1 AND created_at > $2) AS "today!",
                      count(*) FILTER (WHERE user_id = $1
                                         AND status IN ('uploading', 'waiting', 'running')) AS "active!",
                      coalesce(sum(size) FILTER (WHERE status IN ('uploading', 'waiting', 'running')), 0)::bigint
                          AS "staged!"
                 FROM import_jobs"#,
            new.owner.as_uuid(),
            new.now - TimeDelta::days(1),
        )
        .fetch_one(&mut *tx)
        .await?;
        if found.active > 0 {
            return Err(Conflict::ImportRunning.into());
        }
        if found.today >= PER_DAY {
            return Err(Conflict::TooManyImports.into());
        }
        if found.staged.saturating_add(new.size) > new.room {
            return Err(Conflict::ImportsFull.into());
        }
        sqlx::query!(
            "INSERT INTO import_jobs
                    (id, user_id, kind, file_name, size, status, created_at, updated_at)
             VALUES ($1, $2, $3, $4, $5, 'uploading', $6, $6)",
            new.id,
            new.owner.as_uuid(),
            new.kind,
            &*storable(&new.file_name),
            new.size,
            new.now,
        )
        .execute(&mut *tx)
        .await?;
        audit::write(&mut tx, audit, None).await?;
        let job = read(&mut tx, new.id).await?;
        tx.commit().await?;
        Ok(job)
    }

    /// Takes a piece of the file; the last one lets the import wait for its
    /// turn. A piece that is here already is taken for what it is. Conflict:
    /// `ImportState` where no file is awaited, `ImportOffset` where it does not
    /// follow what is here.
    pub async fn append(
        &self,
        owner: UserId,
        id: Uuid,
        chunk: &Chunk<'_>,
    ) -> Result<ImportJob, StoreError> {
        let mut tx = self.0.pool.begin().await?;
        let row = sqlx::query!(
            "SELECT status, received, size FROM import_jobs
              WHERE id = $1 AND user_id = $2 FOR UPDATE",
            id,
            owner.as_uuid(),
        )
        .fetch_one(&mut *tx)
        .await?;
        let length = i64::try_from(chunk.data.len()).unwrap_or(i64::MAX);
        let end = chunk.position.saturating_add(length);
        let status: JobStatus = parsed("import_jobs.status", &row.status)?;
        if end <= row.received && status != JobStatus::Cancelled {
            // Its answer got lost, and it was sent again. The lock is let go
            // before the answer: whoever looks for work passes over it.
            let job = read(&mut tx, id).await?;
            tx.commit().await?;
            return Ok(job);
        }
        if status != JobStatus::Uploading {
            return Err(Conflict::ImportState.into());
        }
        if chunk.position != row.received || end > row.size {
            return Err(Conflict::ImportOffset.into());
        }
        sqlx::query!(
            "INSERT INTO import_chunks (job_id, position, data) VALUES ($1, $2, $3)",
            id,
            chunk.position,
            chunk.data,
        )
        .execute(&mut *tx)
        .await?;
        sqlx::query!(
            "UPDATE import_jobs
                SET received = $2, updated_at = $3,
                    status = CASE WHEN $2 = size THEN 'waiting' ELSE status END
              WHERE id = $1",
            id,
            end,
            chunk.now,
        )
        .execute(&mut *tx)
        .await?;
        let job = read(&mut tx, id).await?;
        tx.commit().await?;
        Ok(job)
    }

    /// One's own import.
    pub async fn get(&self, owner: UserId, id: Uuid) -> Result<ImportJob, StoreError> {
        sqlx::query_as!(
            Row,
            "SELECT id, user_id, kind, file_name, size, received, status, read_units, total_units,
                    conversations, messages, error_code, error_detail, summary, undone, created_at,
                    finished_at
               FROM import_jobs WHERE id = $1 AND user_id = $2",
            id,
            owner.as_uuid(),
        )
        .fetch_one(&self.0.pool)
        .await?
        .try_into()
    }

    /// The whole report of one's own import; none before its end.
    pub async fn report(&self, owner: UserId, id: Uuid) -> Result<Option<Value>, StoreError> {
        Ok(sqlx::query_scalar!(
            "SELECT report FROM import_jobs WHERE id = $1 AND user_id = $2",
            id,
            owner.as_uuid(),
        )
        .fetch_one(&self.0.pool)
        .await?)
    }

    /// One's own imports, newest first.
    pub async fn list(
        &self,
        owner: UserId,
        page: PageRequest,
    ) -> Result<Rows<ImportJob>, StoreError> {
        let (at, after) = page.after();
        let rows = sqlx::query_as!(
            Row,
            "SELECT id, user_id, kind, file_name, size, received, status, read_units, total_units,
                    conversations, messages, error_code, error_detail, summary, undone, created_at,
                    finished_at
               FROM import_jobs
              WHERE user_id = $1 AND ($2::timestamptz IS NULL OR (created_at, id) < ($2, $3))
              ORDER BY created_at DESC, id DESC LIMIT $4",
            owner.as_uuid(),
            at,
            after,
            page.fetch(),
        )
        .fetch_all(&self.0.pool)
        .await?;
        let jobs = rows
            .into_iter()
            .map(ImportJob::try_from)
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Rows::cut(jobs, page, |job: &ImportJob| Position {
            at: job.created_at,
            id: job.id,
        }))
    }

    /// Calls one's own import off: at once, or as soon as whoever brings it in
    /// hears of it. Conflict: `ImportState` where it has ended.
    pub async fn cancel(
        &self,
        owner: UserId,
        id: Uuid,
        audit: &NewAudit,
    ) -> Result<ImportJob, StoreError> {
        let mut tx = self.0.pool.begin().await?;
        let status = sqlx::query_scalar!(
            "SELECT status FROM import_jobs WHERE id = $1 AND user_id = $2 FOR UPDATE",
            id,
            owner.as_uuid(),
        )
        .fetch_one(&mut *tx)
        .await?;
        match parsed::<JobStatus>("import_jobs.status", &status)? {
            JobStatus::Uploading | JobStatus::Waiting => {
                sqlx::query!(
                    "UPDATE import_jobs SET status = 'cancelled', finished_at = $2, updated_at = $2
                      WHERE id = $1",
                    id,
                    audit.at,
                )
                .execute(&mut *tx)
                .await?;
                sqlx::query!("DELETE FROM import_chunks WHERE job_id = $1", id)
                    .execute(&mut *tx)
                    .await?;
            }
            JobStatus::Running => {
                sqlx::query!(
                    "UPDATE import_jobs SET cancel_requested_at = coalesce(cancel_requested_at, $2)
                      WHERE id = $1",
                    id,
                    audit.at,
                )
                .execute(&mut *tx)
                .await?;
            }
            JobStatus::Done | JobStatus::Failed | JobStatus::Cancelled => {
                return Err(Conflict::ImportState.into());
            }
        }
        audit::write(&mut tx, audit, None).await?;
        let job = read(&mut tx, id).await?;
        tx.commit().await?;
        Ok(job)
    }

    /// Ends uploads that nobody goes on with, and forgets imports that ended
    /// long ago. Gives the number of both.
    pub async fn expire(&self, now: DateTime<Utc>) -> Result<u64, StoreError> {
        let mut tx = self.0.pool.begin().await?;
        let given_up = sqlx::query_scalar!(
            "UPDATE import_jobs
                SET status = 'failed', error_code = 'import_upload_expired',
                    error_detail = 'The file was not sent to its end within a day.',
                    finished_at = $2, updated_at = $2
              WHERE status = 'uploading' AND updated_at < $1 RETURNING id",
            now - UPLOAD_PATIENCE,
            now,
        )
        .fetch_all(&mut *tx)
        .await?;
        sqlx::query!(
            "DELETE FROM import_chunks WHERE job_id = ANY ($1)",
            &given_up
        )
        .execute(&mut *tx)
        .await?;
        let forgotten = sqlx::query!("DELETE FROM import_jobs WHERE finished_at < $1", now - KEPT)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        let given_up = u64::try_from(given_up.len()).unwrap_or(u64::MAX);
        Ok(given_up.saturating_add(forgotten.rows_affected()))
    }
}
