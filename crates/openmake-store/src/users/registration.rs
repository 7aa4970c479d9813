//! How an account comes to be.

use chrono::{DateTime, Utc};
use openmake_types::{Role, UserId};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Admission, EmailProof, Row, has_administrator, lock_instance};
use crate::{Conflict, StoreError, error::parsed, text::storable};

/// An account to make, with a password or for who signed in elsewhere.
pub(super) struct Account<'a> {
    pub(super) id: UserId,
    pub(super) email: &'a str,
    pub(super) email_proof: EmailProof,
    pub(super) display_name: &'a str,
    pub(super) password_hash: Option<&'a str>,
    pub(super) now: DateTime<Utc>,
}

/// Makes an account in the transaction of `connection`.
pub(super) async fn register(
    connection: &mut PgConnection,
    user: &Account<'_>,
    admission: Admission<'_>,
) -> Result<Row, StoreError> {
    let mut invitation = None;
    let mut email_proof = user.email_proof;
    let role = if is_first(&mut *connection).await? {
        Role::Admin
    } else {
        match admission {
            Admission::Open => Role::User,
            Admission::Granted(role) => {
                email_proof = EmailProof::Proven;
                role
            }
            Admission::Closed => return Err(Conflict::RegistrationClosed.into()),
            Admission::Invitation(code_hash) => {
                let found = hold_invitation(&mut *connection, code_hash, user).await?;
                invitation = Some(found.id);
                // Who invites an address vouches for whose it is.
                if found.is_addressed {
                    email_proof = EmailProof::Proven;
                }
                found.role
            }
        }
    };
    let row = sqlx::query_as!(
        Row,
        "INSERT INTO users (id, email, display_name, password_hash, role, created_at,
                            updated_at, authority_changed_at, email_verified_at)
         VALUES ($1, $2, $3, $4, $5, $6, $6, clock_timestamp(), $7)
         RETURNING id, email, display_name, role, is_active, version, created_at, last_login",
        user.id.as_uuid(),
        &*storable(user.email),
        &*storable(user.display_name),
        user.password_hash,
        role.as_str(),
        user.now,
        (email_proof == EmailProof::Proven).then_some(user.now),
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
    /// Whether it is for one e-mail address.
    is_addressed: bool,
}

async fn hold_invitation(
    connection: &mut PgConnection,
    code_hash: &[u8; 32],
    user: &Account<'_>,
) -> Result<Held, StoreError> {
    let row = sqlx::query!(
        r#"SELECT id, role, email IS NOT NULL AS "is_addressed!" FROM invitations
          WHERE code_hash = $1 AND used_at IS NULL AND revoked_at IS NULL AND expires_at > $2
            AND (email IS NULL OR lower(email) = lower($3))
            FOR UPDATE"#,
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
        is_addressed: row.is_addressed,
    })
}
