//! How an account comes to be.

use openmake_types::Role;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Admission, NewUser, Row, has_administrator, lock_instance};
use crate::{Conflict, StoreError, error::parsed, text::storable};

/// Makes an account in the transaction of `connection`.
pub(super) async fn register(
    connection: &mut PgConnection,
    user: &NewUser<'_>,
    admission: Admission<'_>,
) -> Result<Row, StoreError> {
    let mut invitation = None;
    let role = if is_first(&mut *connection).await? {
        Role::Admin
    } else {
        match admission {
            Admission::Open => Role::User,
            Admission::Granted(role) => role,
            Admission::Closed => return Err(Conflict::RegistrationClosed.into()),
            Admission::Invitation(code_hash) => {
                let found = hold_invitation(&mut *connection, code_hash, user).await?;
                invitation = Some(found.id);
                found.role
            }
        }
    };
    let row = sqlx::query_as!(
        Row,
        "INSERT INTO users (id, email, display_name, password_hash, role, created_at,
                            updated_at, authority_changed_at)
         VALUES ($1, $2, $3, $4, $5, $6, $6, clock_timestamp())
         RETURNING id, email, display_name, role, is_active, version, created_at, last_login",
        user.id.as_uuid(),
        &*storable(user.email),
        &*storable(user.display_name),
        user.password_hash,
        role.as_str(),
        user.now,
    )
    .fetch_one(&mut *connection)
    .await?;
    if let Some(invitation) = invitation {
        sqlx::query!(
            "UPDATE invitations SET used_at = $2, used_by = $3 WHERE id = $1",
            invitation,
            user.now,
            user.id.as_uuid(),
        )
        .execute(&mut *connection)
        .await?;
    }
    Ok(row)
}

/// Whether the account to make is the first one. An instance that has an
/// administrator keeps one, so only the first registrations take the lock.
async fn is_first(connection: &mut PgConnection) -> Result<bool, StoreError> {
    if has_administrator(connection).await? {
        return Ok(false);
    }
    lock_instance(connection).await?;
    Ok(!has_administrator(connection).await?)
}

/// An invitation that holds, locked for its user.
struct Held {
    id: Uuid,
    role: Role,
}

async fn hold_invitation(
    connection: &mut PgConnection,
    code_hash: &[u8; 32],
    user: &NewUser<'_>,
) -> Result<Held, StoreError> {
    let row = sqlx::query!(
        "SELECT id, role FROM invitations
          WHERE code_hash = $1 AND used_at IS NULL AND revoked_at IS NULL AND expires_at > $2
            AND (email IS NULL OR lower(email) = lower($3))
            FOR UPDATE",
        code_hash.as_slice(),
        user.now,
        &*storable(user.email),
    )
    .fetch_optional(connection)
    .await?
    .ok_or(Conflict::InvitationInvalid)?;
    Ok(Held {
        id: row.id,
        role: parsed("invitations.role", &row.role)?,
    })
}
