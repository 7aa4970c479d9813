//! Spending a refresh token.

use chrono::{DateTime, Utc};
use openmake_types::{ModelAccess, Role, SessionId, UserId};
use sqlx::PgConnection;

use super::{Authority, EndReason, Presented, Rotation};
use crate::{StoreError, error::parsed, model_access, text::storable_option};

/// Decides what a presented token comes to, in the transaction of
/// `connection`. Of several that come at once, one decides at a time: the
/// session's row is locked.
pub(super) async fn rotate(
    connection: &mut PgConnection,
    presented: &Presented,
) -> Result<Rotation, StoreError> {
    let Some(held) = hold(&mut *connection, presented.session_id).await? else {
        return Ok(Rotation::Ended);
    };
    let authority = |expires_at| Authority {
        session_id: presented.session_id,
        user_id: held.user_id,
        role: held.role,
        models: held.models.clone(),
        expires_at,
    };
    if !held.live || held.expires_at <= presented.now {
        return Ok(Rotation::Ended);
    }
    if presented.generation == held.generation {
        let generation = held.generation.saturating_add(1);
        sqlx::query!(
            "UPDATE sessions SET generation = $2, rotated_at = $3, last_seen_at = $3,
                                 expires_at = $4, ip_address = coalesce($5, ip_address)
              WHERE id = $1",
            presented.session_id.as_uuid(),
            generation,
            presented.now,
            presented.expires_at,
            storable_option(presented.ip_address.as_deref()),
        )
        .execute(&mut *connection)
        .await?;
        return Ok(Rotation::Refreshed {
            generation,
            authority: authority(presented.expires_at),
        });
    }
    if presented.generation > held.generation {
        // Ours by its signature, and yet not made: the database was put
        // back to an earlier state. Nobody is accused of that.
        return Ok(Rotation::Ended);
    }
    let is_predecessor = presented.generation == held.generation.saturating_sub(1);
    if is_predecessor && presented.now - held.rotated_at <= presented.grace {
        return Ok(Rotation::Refreshed {
            generation: held.generation,
            authority: authority(held.expires_at),
        });
    }
    sqlx::query!(
        "UPDATE sessions SET ended_at = clock_timestamp(), ended_reason = $2 WHERE id = $1",
        presented.session_id.as_uuid(),
        EndReason::TokenReused.as_str(),
    )
    .execute(&mut *connection)
    .await?;
    Ok(Rotation::Reused {
        user_id: held.user_id,
    })
}

/// A session that is held until its transaction ends.
struct Held {
    user_id: UserId,
    role: Role,
    models: ModelAccess,
    /// Neither ended nor of an inactive account.
    live: bool,
    generation: i32,
    rotated_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
}

async fn hold(connection: &mut PgConnection, id: SessionId) -> Result<Option<Held>, StoreError> {
    let row = sqlx::query!(
        r#"SELECT s.user_id, s.generation, s.rotated_at, s.expires_at, u.role,
                  user_allowed_models(u.id) AS models,
                  (s.ended_at IS NULL AND u.is_active) AS "live!"
             FROM sessions s JOIN users u ON u.id = s.user_id
            WHERE s.id = $1
              FOR UPDATE OF s"#,
        id.as_uuid(),
    )
    .fetch_optional(connection)
    .await?;
    row.map(|row| {
        Ok(Held {
            user_id: UserId::from_uuid(row.user_id),
            role: parsed("users.role", &row.role)?,
            models: model_access::read(row.models),
            live: row.live,
            generation: row.generation,
            rotated_at: row.rotated_at,
            expires_at: row.expires_at,
        })
    })
    .transpose()
}
