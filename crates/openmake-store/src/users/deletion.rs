//! Accounts that their owners delete.

use openmake_types::{Role, TurnId, UserId};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Users, has_other_administrator, lock_instance};
use crate::{
    Conflict, Store, StoreError,
    audit::{self, NewAudit},
    error::parsed,
    sessions::{self, EndReason},
};

/// How many conversations or images go in one transaction.
const BATCH: i64 = 50;

/// An account that was just deleted.
#[derive(Debug, Clone)]
pub struct DeletedUser {
    /// The account's version.
    pub version: i64,
    /// Its running turns, which are asked to stop.
    pub turns: Vec<TurnId>,
}

impl Users<'_> {
    /// Deletes an account for good: nobody can sign in to it from now on, its
    /// name and e-mail are gone, and [`Self::remove_deleted`] removes what is
    /// its own. Conflict: `LastAdministrator`.
    pub async fn delete(&self, id: UserId, audit: &NewAudit) -> Result<DeletedUser, StoreError> {
        let mut tx = self.0.pool.begin().await?;
        lock_instance(&mut tx).await?;
        // Whoever ends one of its turns refers to the row, and holds the turn.
        let user = sqlx::query!(
            "SELECT role, is_active FROM users
              WHERE id = $1 AND role <> 'guest' AND deleted_at IS NULL FOR NO KEY UPDATE",
            id.as_uuid(),
        )
        .fetch_one(&mut *tx)
        .await?;
        let governs = parsed::<Role>("role", &user.role)? == Role::Admin && user.is_active;
        if governs && !has_other_administrator(&mut tx, id).await? {
            return Err(Conflict::LastAdministrator.into());
        }
        // The address is free at once for whoever comes back.
        let version = sqlx::query_scalar!(
            "UPDATE users
                SET deleted_at = $2, is_active = false, password_hash = NULL,
                    email = 'deleted-' || id || '@invalid', email_verified_at = NULL,
                    display_name = 'Deleted', default_model = NULL,
                    default_instructions = NULL, version = version + 1,
                    authority_changed_at = clock_timestamp(), updated_at = now()
              WHERE id = $1
             RETURNING version",
            id.as_uuid(),
            audit.at,
        )
        .fetch_one(&mut *tx)
        .await?;
        sessions::end_all(&mut tx, id, None, EndReason::AccountChanged).await?;
        let turns = stop_turns(&mut tx, id).await?;
        audit::write(&mut tx, audit, None).await?;
        tx.commit().await?;
        Ok(DeletedUser { version, turns })
    }

    /// Removes deleted accounts with all that is theirs, in many small steps,
    /// and gives their number. What was done with them stays in the audit
    /// trail.
    pub async fn remove_deleted(&self) -> Result<u64, StoreError> {
        let mut removed = 0;
        let deleted = sqlx::query_scalar!("SELECT id FROM users WHERE deleted_at IS NOT NULL")
            .fetch_all(&self.0.pool)
            .await?;
        for id in deleted {
            while remove_conversations(self.0, id).await? > 0 {}
            while remove_blobs(self.0, id).await? > 0 {}
            let gone = sqlx::query!(
                "DELETE FROM users WHERE id = $1 AND deleted_at IS NOT NULL",
                id,
            )
            .execute(&self.0.pool)
            .await?;
            removed += gone.rows_affected();
        }
        Ok(removed)
    }
}

/// Asks the account's running turns to stop. Locked in the order in which the
/// log's writer locks them.
async fn stop_turns(
    connection: &mut PgConnection,
    owner: UserId,
) -> Result<Vec<TurnId>, StoreError> {
    let turns = sqlx::query_scalar!(
        "WITH running AS (
             SELECT t.id FROM conversation_sessions c
               JOIN turns t ON t.session_id = c.id AND t.status = 'running'
              WHERE c.user_id = $1
              ORDER BY t.id FOR NO KEY UPDATE OF t
         )
         UPDATE turns t
            SET cancel_requested_at = coalesce(t.cancel_requested_at, clock_timestamp())
           FROM running WHERE t.id = running.id
         RETURNING t.id",
        owner.as_uuid(),
    )
    .fetch_all(connection)
    .await?;
    Ok(turns.into_iter().map(TurnId::from_uuid).collect())
}

async fn remove_conversations(store: &Store, owner: Uuid) -> Result<u64, StoreError> {
    let removed = sqlx::query!(
        "DELETE FROM conversation_sessions
          WHERE id IN (SELECT id FROM conversation_sessions WHERE user_id = $1 LIMIT $2)",
        owner,
        BATCH,
    )
    .execute(&store.pool)
    .await?;
    Ok(removed.rows_affected())
}

async fn remove_blobs(store: &Store, owner: Uuid) -> Result<u64, StoreError> {
    let removed = sqlx::query!(
        "DELETE FROM blobs WHERE id IN (SELECT id FROM blobs WHERE user_id = $1 LIMIT $2)",
        owner,
        BATCH,
    )
    .execute(&store.pool)
    .await?;
    Ok(removed.rows_affected())
}
