//! Taking an import back.

use openmake_types::UserId;
use uuid::Uuid;

use super::{ImportJob, ImportJobs, JobStatus, read};
use crate::{
    Conflict, StoreError,
    audit::{self, NewAudit},
    error::parsed,
};

/// How many conversations go in one transaction.
const BATCH: i64 = 50;

impl ImportJobs<'_> {
    /// Removes the conversations that one's own import brought and that were
    /// not changed since, for good; importing the file again brings them again.
    /// What is changed, moved to the trash or answered in stays. Conflict:
    /// `ImportState` before the import's end.
    pub async fn undo(
        &self,
        owner: UserId,
        id: Uuid,
        audit: &NewAudit,
    ) -> Result<ImportJob, StoreError> {
        let status = sqlx::query!(
            "SELECT status, undone_at FROM import_jobs WHERE id = $1 AND user_id = $2",
            id,
            owner.as_uuid(),
        )
        .fetch_one(&self.0.pool)
        .await?;
        let ended = parsed::<JobStatus>("import_jobs.status", &status.status)?.is_ended();
        if !ended || status.undone_at.is_some() {
            return Err(Conflict::ImportState.into());
        }
        let mut removed = 0_i64;
        loop {
            let gone = self.remove_some(owner, id).await?;
            if gone == 0 {
                break;
            }
            removed = removed.saturating_add(gone);
        }
        let mut tx = self.0.pool.begin().await?;
        sqlx::query!(
            "UPDATE import_jobs SET undone = $2, undone_at = $3, updated_at = $3 WHERE id = $1",
            id,
            removed,
            audit.at,
        )
        .execute(&mut *tx)
        .await?;
        audit::write(&mut tx, audit, None).await?;
        let job = read(&mut tx, id).await?;
        tx.commit().await?;
        Ok(job)
    }

    /// Removes some, with their entries in the ledger.
    async fn remove_some(&self, owner: UserId, job: Uuid) -> Result<i64, StoreError> {
        let mut tx = self.0.pool.begin().await?;
        // A turn that begins meanwhile raises the version, and waits for this.
        let chosen = sqlx::query_scalar!(
            "SELECT id FROM conversation_sessions
              WHERE user_id = $1 AND metadata ? 'import' AND metadata -> 'import' ->> 'job' = $2
                AND version = 1
              LIMIT $3 FOR UPDATE",
            owner.as_uuid(),
            job.to_string(),
            BATCH,
        )
        .fetch_all(&mut *tx)
        .await?;
        sqlx::query!(
            "DELETE FROM import_ledger l
              USING import_sources s
              WHERE s.owner_id = $1 AND l.source_id = s.id
                AND (l.id = ANY ($2)
                     OR l.id IN (SELECT id FROM conversation_messages WHERE session_id = ANY ($2)))",
            owner.as_uuid(),
            &chosen,
        )
        .execute(&mut *tx)
        .await?;
        sqlx::query!(
            "DELETE FROM conversation_sessions WHERE id = ANY ($1)",
            &chosen
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(i64::try_from(chosen.len()).unwrap_or(i64::MAX))
    }
}
