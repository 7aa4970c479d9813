//! Who brings an import in.

use openmake_types::ProcessId;
use serde_json::Value;
use uuid::Uuid;

use super::{ImportJob, ImportJobs, JobStatus, read};
use crate::{
    StoreError,
    audit::{self, NewAudit},
    text::{storable, storable_json},
};

/// Seconds after which others take over what nobody renewed.
const LEASE: f64 = 30.0;
/// How often one is begun before it is given up: what ends a process will end
/// the next as well.
const TRIES: i64 = 5;

/// An import that is this process's now.
#[derive(Debug, Clone, PartialEq)]
pub struct Claimed {
    /// Which.
    pub job: ImportJob,
    /// What every write names.
    pub epoch: i64,
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Bytes or rows of the file that were read.
    pub read: i64,
    /// How many there are.
    pub total: i64,
    /// Conversations that were read.
    pub conversations: i64,
    /// Messages that were read.
    pub messages: i64,
}

/// What a notice of progress was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Renewed {
    /// Go on.
    Yours,
    /// It was called off.
    Cancelled,
    /// Another process has it now.
    Lost,
}

/// How an import ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// `Done`, `Failed` or `Cancelled`.
    pub status: JobStatus,
    /// Why it failed: a word and a sentence.
    pub error: Option<(&'static str, String)>,
    /// How far it came.
    pub progress: Progress,
    /// Counts by table.
    pub summary: Value,
    /// The whole report.
    pub report: Value,
}

impl ImportJobs<'_> {
    /// Takes the import that has waited longest, or whose process is gone.
    /// One that was tried too often fails here.
    pub async fn claim(&self, process: ProcessId) -> Result<Option<Claimed>, StoreError> {
        let mut tx = self.0.pool.begin().await?;
        sqlx::query!(
            "WITH spent AS (
                 UPDATE import_jobs
                    SET status = 'failed', error_code = 'import_failed',
                        error_detail = 'The server was interrupted too often.',
                        finished_at = now(), updated_at = now()
                  WHERE status = 'running' AND lease_until <= clock_timestamp() AND epoch >= $1
                 RETURNING id)
             DELETE FROM import_chunks c USING spent WHERE c.job_id = spent.id",
            TRIES,
        )
        .execute(&mut *tx)
        .await?;
        let taken = sqlx::query!(
            "UPDATE import_jobs
                SET status = 'running', owner_process = $1, epoch = epoch + 1,
                    lease_until = clock_timestamp() + make_interval(secs => $2)
              WHERE id = (SELECT id FROM import_jobs
                           WHERE status = 'waiting'
                              OR (status = 'running' AND lease_until <= clock_timestamp())
                           ORDER BY created_at, id LIMIT 1 FOR UPDATE SKIP LOCKED)
             RETURNING id, epoch",
            process.as_uuid(),
            LEASE,
        )
        .fetch_optional(&mut *tx)
        .await?;
        let claimed = match taken {
            Some(row) => Some(Claimed {
                job: read(&mut tx, row.id).await?,
                epoch: row.epoch,
            }),
            None => None,
        };
        tx.commit().await?;
        Ok(claimed)
    }

    /// The bytes of the file from a place on; none at its end.
    pub async fn chunk(&self, id: Uuid, position: i64) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(sqlx::query_scalar!(
            "SELECT data FROM import_chunks WHERE job_id = $1 AND position = $2",
            id,
            position,
        )
        .fetch_optional(&self.0.pool)
        .await?)
    }

    /// Says how far it is, and keeps it for longer.
    pub async fn renew(
        &self,
        claimed: &Claimed,
        progress: &Progress,
    ) -> Result<Renewed, StoreError> {
        let cancelled = sqlx::query_scalar!(
            r#"UPDATE import_jobs
                SET lease_until = clock_timestamp() + make_interval(secs => $3),
                    read_units = $4, total_units = $5, conversations = $6, messages = $7
              WHERE id = $1 AND epoch = $2 AND status = 'running'
             RETURNING cancel_requested_at IS NOT NULL AS "cancelled!""#,
            claimed.job.id,
            claimed.epoch,
            LEASE,
            progress.read,
            progress.total,
            progress.conversations,
            progress.messages,
        )
        .fetch_optional(&self.0.pool)
        .await?;
        Ok(match cancelled {
            None => Renewed::Lost,
            Some(true) => Renewed::Cancelled,
            Some(false) => Renewed::Yours,
        })
    }

    /// Gives it back for another process to go on with, as if never begun.
    pub async fn release(&self, claimed: &Claimed) -> Result<(), StoreError> {
        sqlx::query!(
            "UPDATE import_jobs
                SET status = 'waiting', epoch = epoch - 1, owner_process = NULL, lease_until = NULL
              WHERE id = $1 AND epoch = $2 AND status = 'running'",
            claimed.job.id,
            claimed.epoch,
        )
        .execute(&self.0.pool)
        .await?;
        Ok(())
    }

    /// Ends it, and removes the file. Nothing happens where another process has
    /// it now.
    pub async fn finish(
        &self,
        claimed: &Claimed,
        outcome: &Outcome,
        audit: &NewAudit,
    ) -> Result<(), StoreError> {
        let (code, detail) = outcome
            .error
            .as_ref()
            .map_or((None, None), |(code, detail)| {
                let detail: String = storable(detail).chars().take(2000).collect();
                (Some(*code), Some(detail))
            });
        let mut tx = self.0.pool.begin().await?;
        let ended = sqlx::query!(
            "UPDATE import_jobs
                SET status = $3, error_code = $4, error_detail = $5, read_units = $6,
                    total_units = $7, conversations = $8, messages = $9, summary = $10,
                    report = $11, lease_until = NULL, finished_at = $12, updated_at = $12
              WHERE id = $1 AND epoch = $2 AND status = 'running'",
            claimed.job.id,
            claimed.epoch,
            outcome.status.as_str(),
            code,
            detail,
            outcome.progress.read,
            outcome.progress.total,
            outcome.progress.conversations,
            outcome.progress.messages,
            &*storable_json(&outcome.summary),
            &*storable_json(&outcome.report),
            audit.at,
        )
        .execute(&mut *tx)
        .await?;
        if ended.rows_affected() == 0 {
            return Ok(());
        }
        sqlx::query!(
            "DELETE FROM import_chunks WHERE job_id = $1",
            claimed.job.id
        )
        .execute(&mut *tx)
        .await?;
        audit::write(&mut tx, audit, None).await?;
        tx.commit().await?;
        Ok(())
    }
}
