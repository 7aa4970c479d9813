//! Who writes a turn, and who takes it over.

use std::time::Duration;

use openmake_types::{ProcessId, TurnId, UserId};

use super::{CancelOutcome, ClaimedTurn, Turn, Turns, log, row};
use crate::{StoreError, error::parsed};

impl Turns<'_> {
    /// An owner's turn.
    pub async fn get(&self, owner: UserId, id: TurnId) -> Result<Turn, StoreError> {
        let mut connection = self.0.pool.acquire().await?;
        row::read(&mut connection, owner, id).await
    }

    /// Renews the leases of all running turns of a process, and gives those
    /// that were asked to stop.
    pub async fn renew(
        &self,
        process: ProcessId,
        lease: Duration,
    ) -> Result<Vec<TurnId>, StoreError> {
        // A row that is locked is being renewed by an append, ended or taken
        // over: waiting for it would gain nothing, and could deadlock.
        let stopping = sqlx::query_scalar!(
            "WITH free AS (
                 SELECT id FROM turns WHERE owner_process = $1 AND status = 'running'
                    FOR NO KEY UPDATE SKIP LOCKED
             ), renewed AS (
                 UPDATE turns t SET lease_until = clock_timestamp() + make_interval(secs => $2)
                   FROM free WHERE t.id = free.id
             )
             SELECT id FROM turns
              WHERE owner_process = $1 AND status = 'running'
                AND cancel_requested_at IS NOT NULL",
            process.as_uuid(),
            lease.as_secs_f64(),
        )
        .fetch_all(&self.0.pool)
        .await?;
        Ok(stopping.into_iter().map(TurnId::from_uuid).collect())
    }

    /// The running turns of a process that were asked to stop.
    pub async fn asked_to_stop(&self, process: ProcessId) -> Result<Vec<TurnId>, StoreError> {
        let stopping = sqlx::query_scalar!(
            "SELECT id FROM turns
              WHERE owner_process = $1 AND status = 'running'
                AND cancel_requested_at IS NOT NULL",
            process.as_uuid(),
        )
        .fetch_all(&self.0.pool)
        .await?;
        Ok(stopping.into_iter().map(TurnId::from_uuid).collect())
    }

    /// Takes over turns whose lease is over (SKIP LOCKED), with a new epoch, to
    /// be closed as interrupted.
    pub async fn claim_expired(
        &self,
        process: ProcessId,
        lease: Duration,
        limit: u32,
    ) -> Result<Vec<ClaimedTurn>, StoreError> {
        let mut tx = self.0.pool.begin().await?;
        let claimed = sqlx::query_scalar!(
            "WITH expired AS MATERIALIZED (
                 SELECT id FROM turns
                  WHERE status = 'running' AND lease_until <= clock_timestamp()
                  ORDER BY lease_until LIMIT $3
                    FOR NO KEY UPDATE SKIP LOCKED
             )
             UPDATE turns t
                SET owner_process = $1, epoch = t.epoch + 1,
                    lease_until = clock_timestamp() + make_interval(secs => $2)
               FROM expired WHERE t.id = expired.id
             RETURNING t.id",
            process.as_uuid(),
            lease.as_secs_f64(),
            i64::from(limit),
        )
        .fetch_all(&mut *tx)
        .await?;
        if claimed.is_empty() {
            return Ok(Vec::new());
        }
        // The logs are complete: their writers need the rows that are locked.
        let turns = row::read_many(&mut tx, &claimed).await?;
        let mut logs = log::read_all(&mut tx, &claimed).await?;
        tx.commit().await?;
        Ok(turns
            .into_iter()
            .map(|turn| ClaimedTurn {
                events: logs.remove(&turn.id.as_uuid()).unwrap_or_default(),
                turn,
            })
            .collect())
    }

    /// Ends the leases of all processes but this one at once: for a single
    /// process that restarts and knows that its predecessors are gone.
    pub async fn expire_leases_except(&self, process: ProcessId) -> Result<u64, StoreError> {
        let expired = sqlx::query!(
            "WITH others AS (
                 SELECT id FROM turns WHERE owner_process <> $1 AND status = 'running'
                  ORDER BY id FOR NO KEY UPDATE
             )
             UPDATE turns t SET lease_until = least(t.lease_until, clock_timestamp())
               FROM others WHERE t.id = others.id",
            process.as_uuid(),
        )
        .execute(&self.0.pool)
        .await?;
        Ok(expired.rows_affected())
    }

    /// Asks for a stop.
    pub async fn request_cancel(
        &self,
        owner: UserId,
        id: TurnId,
    ) -> Result<CancelOutcome, StoreError> {
        let process = sqlx::query_scalar!(
            "UPDATE turns SET cancel_requested_at = coalesce(cancel_requested_at, clock_timestamp())
              WHERE id = $1 AND user_id = $2 AND status = 'running'
             RETURNING owner_process",
            id.as_uuid(),
            owner.as_uuid(),
        )
        .fetch_optional(&self.0.pool)
        .await?;
        if let Some(process) = process {
            return Ok(CancelOutcome::Requested(ProcessId::from_uuid(process)));
        }
        let status = sqlx::query_scalar!(
            "SELECT status FROM turns WHERE id = $1 AND user_id = $2",
            id.as_uuid(),
            owner.as_uuid(),
        )
        .fetch_one(&self.0.pool)
        .await?;
        Ok(CancelOutcome::AlreadyEnded(parsed("status", &status)?))
    }
}
