//! The history of backups (`backups`), and the lock under which they are made.

use chrono::{DateTime, Utc};
use openmake_types::UserId;
use sqlx::{ConnectOptions as _, Connection as _, PgConnection};
use uuid::Uuid;

use crate::{
    PageRequest, Position, Rows, Store, StoreError,
    audit::{self, NewAudit},
    error::parsed,
    text::{storable, storable_option},
};

/// Whoever makes a scheduled or requested backup holds this advisory lock. Any
/// number will do; it must never change.
const LOCK: i64 = 0x6f6d_6b5f_6261_636b;

/// Why a backup is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackupReason {
    /// It was time.
    Schedule,
    /// An administrator asked for it.
    Request,
    /// Somebody at the command line.
    Command,
}

/// How far a backup is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackupStatus {
    /// Asked for, not begun.
    Waiting,
    /// Being made.
    Running,
    /// Made.
    Done,
    /// Not made, or not good.
    Failed,
}

/// Whether a backup was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verification {
    /// Restored into a scratch database; everything was the same.
    Verified,
    /// It was not tried.
    Skipped,
    /// It is not good.
    Failed,
}

macro_rules! words {
    ($name:ident { $($variant:ident = $word:literal),+ $(,)? }) => {
        impl $name {
            /// The name that the store and the wire use.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl std::str::FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                match text {
                    $($word => Ok(Self::$variant),)+
                    other => Err(other.to_owned()),
                }
            }
        }
    };
}

words!(BackupReason { Schedule = "schedule", Request = "request", Command = "command" });
words!(BackupStatus { Waiting = "waiting", Running = "running", Done = "done", Failed = "failed" });
words!(Verification { Verified = "verified", Skipped = "skipped", Failed = "failed" });

/// One backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backup {
    /// Its id.
    pub id: Uuid,
    /// Why it was made.
    pub reason: BackupReason,
    /// Who asked for it.
    pub requested_by: Option<UserId>,
    /// How far it is.
    pub status: BackupStatus,
    /// Its file's name, without the directory.
    pub file: Option<String>,
    /// Bytes.
    pub size: Option<i64>,
    /// Rows in it.
    pub rows: Option<i64>,
    /// Whether the master key is inside, sealed.
    pub has_key: bool,
    /// Whether it was tried.
    pub verification: Option<Verification>,
    /// Why it failed, or was not tried.
    pub detail: Option<String>,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
    /// When it began.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
}

/// A backup to record.
#[derive(Debug, Clone, Copy)]
pub struct NewBackup {
    /// Its id.
    pub id: Uuid,
    /// Why.
    pub reason: BackupReason,
    /// Who asked for it.
    pub requested_by: Option<UserId>,
    /// Now.
    pub now: DateTime<Utc>,
}

/// How a backup came out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BackupResult {
    /// Its file's name, without the directory.
    pub file: Option<String>,
    /// Bytes.
    pub size: Option<i64>,
    /// Rows in it.
    pub rows: Option<i64>,
    /// Whether the master key is inside, sealed.
    pub has_key: bool,
    /// Whether it was tried.
    pub verification: Option<Verification>,
    /// Why it failed, or was not tried.
    pub detail: Option<String>,
}

/// The right to make the next backup; it ends with the connection, and so with
/// the process.
#[derive(Debug)]
pub struct BackupLock(PgConnection);

/// The history.
#[derive(Debug, Clone, Copy)]
pub struct Backups<'a>(&'a Store);

impl Store {
    /// The history of backups.
    pub const fn backups(&self) -> Backups<'_> {
        Backups(self)
    }

    /// The instance's own id, which a restored one keeps.
    pub async fn instance_id(&self) -> Result<Uuid, StoreError> {
        Ok(sqlx::query_scalar!("SELECT id FROM instance")
            .fetch_one(&self.pool)
            .await?)
    }
}

impl Backups<'_> {
    /// Takes the lock; none while another process has it. Whoever gets it marks
    /// what a killed process was at as failed.
    pub async fn lock(&self, now: DateTime<Utc>) -> Result<Option<BackupLock>, StoreError> {
        let options = (*self.0.pool.connect_options()).clone();
        // Outside of the pool: it may be held for hours.
        let mut connection = options
            .application_name("openmake backup lock")
            .connect()
            .await?;
        let locked = sqlx::query_scalar!(r#"SELECT pg_try_advisory_lock($1) AS "locked!""#, LOCK)
            .fetch_one(&mut connection)
            .await?;
        if !locked {
            connection.close().await?;
            return Ok(None);
        }
        sqlx::query!(
            "UPDATE backups SET status = 'failed', finished_at = $1,
                                detail = 'the process that made it ended'
              WHERE status = 'running' AND reason <> 'command'",
            now,
        )
        .execute(&mut connection)
        .await?;
        Ok(Some(BackupLock(connection)))
    }

    /// Asks for one. Where one is waiting already, it is that one.
    pub async fn request(&self, new: &NewBackup, audit: &NewAudit) -> Result<Backup, StoreError> {
        let mut tx = self.0.pool.begin().await?;
        // Two requests at once must not become two backups.
        sqlx::query!("LOCK TABLE backups IN SHARE ROW EXCLUSIVE MODE")
            .execute(&mut *tx)
            .await?;
        let waiting = sqlx::query_scalar!(
            "SELECT id FROM backups WHERE status = 'waiting' ORDER BY created_at, id LIMIT 1"
        )
        .fetch_optional(&mut *tx)
        .await?;
        let id = if let Some(id) = waiting {
            id
        } else {
            sqlx::query!(
                "INSERT INTO backups (id, reason, requested_by, status, created_at)
                 VALUES ($1, $2, $3, 'waiting', $4)",
                new.id,
                new.reason.as_str(),
                new.requested_by.map(UserId::as_uuid),
                new.now,
            )
            .execute(&mut *tx)
            .await?;
            new.id
        };
        audit::write(&mut tx, audit, None).await?;
        let backup = read(&mut tx, id).await?;
        tx.commit().await?;
        Ok(backup)
    }

    /// The one that has waited longest.
    pub async fn lookup_waiting(&self) -> Result<Option<Uuid>, StoreError> {
        Ok(sqlx::query_scalar!(
            "SELECT id FROM backups WHERE status = 'waiting' ORDER BY created_at, id LIMIT 1"
        )
        .fetch_optional(&self.0.pool)
        .await?)
    }

    /// Begins one that waited, or one that nobody had to ask for.
    pub async fn begin(&self, new: &NewBackup) -> Result<(), StoreError> {
        sqlx::query!(
            "INSERT INTO backups (id, reason, requested_by, status, created_at, started_at)
             VALUES ($1, $2, $3, 'running', $4, $4)
             ON CONFLICT (id) DO UPDATE SET status = 'running', started_at = $4",
            new.id,
            new.reason.as_str(),
            new.requested_by.map(UserId::as_uuid),
            new.now,
        )
        .execute(&self.0.pool)
        .await?;
        Ok(())
    }

    /// Ends one, with its entry in the audit trail, whose outcome says how.
    pub async fn finish(
        &self,
        id: Uuid,
        result: &BackupResult,
        audit: &NewAudit,
    ) -> Result<Backup, StoreError> {
        let status = match audit.outcome {
            audit::Outcome::Success => BackupStatus::Done,
            audit::Outcome::Failure | audit::Outcome::Denied => BackupStatus::Failed,
        };
        let mut tx = self.0.pool.begin().await?;
        sqlx::query!(
            "UPDATE backups
                SET status = $2, file = $3, size = $4, rows = $5, has_key = $6,
                    verification = $7, detail = $8, finished_at = $9
              WHERE id = $1",
            id,
            status.as_str(),
            storable_option(result.file.as_deref()),
            result.size,
            result.rows,
            result.has_key,
            result.verification.map(Verification::as_str),
            result
                .detail
                .as_deref()
                .map(|text| storable(text).into_owned()),
            audit.at,
        )
        .execute(&mut *tx)
        .await?;
        audit::write(&mut tx, audit, None).await?;
        let backup = read(&mut tx, id).await?;
        tx.commit().await?;
        Ok(backup)
    }

    /// The last that ended, by anybody.
    pub async fn lookup_last(&self) -> Result<Option<Backup>, StoreError> {
        let row = sqlx::query_as!(
            Row,
            "SELECT id, reason, requested_by, status, file, size, rows, has_key, verification,
                    detail, created_at, started_at, finished_at
               FROM backups WHERE status IN ('done', 'failed')
              ORDER BY finished_at DESC, id DESC LIMIT 1"
        )
        .fetch_optional(&self.0.pool)
        .await?;
        row.map(Backup::try_from).transpose()
    }

    /// The last that the schedule or a request has made well, and the last that
    /// they have tried.
    pub async fn last_times(
        &self,
    ) -> Result<(Option<DateTime<Utc>>, Option<DateTime<Utc>>), StoreError> {
        let row = sqlx::query!(
            "SELECT max(started_at) FILTER (WHERE status = 'done') AS done,
                    max(started_at) AS tried
               FROM backups WHERE reason <> 'command'"
        )
        .fetch_one(&self.0.pool)
        .await?;
        Ok((row.done, row.tried))
    }

    /// The names of files that are known to be good.
    pub async fn list_good_files(&self) -> Result<Vec<String>, StoreError> {
        Ok(sqlx::query_scalar!(
            r#"SELECT file AS "file!" FROM backups
                WHERE status = 'done' AND reason <> 'command' AND file IS NOT NULL"#
        )
        .fetch_all(&self.0.pool)
        .await?)
    }

    /// The history, newest first.
    pub async fn list(&self, page: PageRequest) -> Result<Rows<Backup>, StoreError> {
        let (at, id) = page.after();
        let rows = sqlx::query_as!(
            Row,
            "SELECT id, reason, requested_by, status, file, size, rows, has_key, verification,
                    detail, created_at, started_at, finished_at
               FROM backups
              WHERE $1::timestamptz IS NULL OR (created_at, id) < ($1, $2)
              ORDER BY created_at DESC, id DESC LIMIT $3",
            at,
            id,
            page.fetch(),
        )
        .fetch_all(&self.0.pool)
        .await?;
        let items: Result<Vec<_>, _> = rows.into_iter().map(Backup::try_from).collect();
        Ok(Rows::cut(items?, page, |backup: &Backup| Position {
            at: backup.created_at,
            id: backup.id,
        }))
    }
}

impl BackupLock {
    /// Lets the next one begin.
    pub async fn release(self) {
        if let Err(error) = self.0.close().await {
            tracing::debug!(%error, "the backup's lock went with its connection");
        }
    }
}

async fn read(connection: &mut PgConnection, id: Uuid) -> Result<Backup, StoreError> {
    sqlx::query_as!(
        Row,
        "SELECT id, reason, requested_by, status, file, size, rows, has_key, verification,
                detail, created_at, started_at, finished_at
           FROM backups WHERE id = $1",
        id,
    )
    .fetch_one(connection)
    .await?
    .try_into()
}

/// A row of `backups`.
struct Row {
    id: Uuid,
    reason: String,
    requested_by: Option<Uuid>,
    status: String,
    file: Option<String>,
    size: Option<i64>,
    rows: Option<i64>,
    has_key: bool,
    verification: Option<String>,
    detail: Option<String>,
    created_at: DateTime<Utc>,
    started_at: Option<DateTime<Utc>>,
    finished_at: Option<DateTime<Utc>>,
}

impl TryFrom<Row> for Backup {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let verification = row.verification.as_deref();
        Ok(Self {
            id: row.id,
            reason: parsed("backups.reason", &row.reason)?,
            requested_by: row.requested_by.map(UserId::from_uuid),
            status: parsed("backups.status", &row.status)?,
            file: row.file,
            size: row.size,
            rows: row.rows,
            has_key: row.has_key,
            verification: verification
                .map(|text| parsed("backups.verification", text))
                .transpose()?,
            detail: row.detail,
            created_at: row.created_at,
            started_at: row.started_at,
            finished_at: row.finished_at,
        })
    }
}
