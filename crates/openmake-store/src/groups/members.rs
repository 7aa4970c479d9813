//! Who belongs to a group.

use chrono::{DateTime, Utc};
use openmake_types::{GroupId, UserId};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{GroupRole, Groups, mark};
use crate::{
    Conflict, PageRequest, Position, Rows, StoreError,
    audit::{self, NewAudit},
    error::parsed,
};

/// One who belongs to a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The account.
    pub user_id: UserId,
    /// Its e-mail.
    pub email: Option<String>,
    /// What they call themselves.
    pub display_name: String,
    /// What they are in the group.
    pub role: GroupRole,
    /// Since when.
    pub added_at: DateTime<Utc>,
}

/// One who is to belong to a group.
#[derive(Debug, Clone, Copy)]
pub struct NewMember {
    /// The group.
    pub group: GroupId,
    /// The account; never a guest's.
    pub user: UserId,
    /// What they become.
    pub role: GroupRole,
    /// Now.
    pub now: DateTime<Utc>,
}

/// Whom the one who asks may remove.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whom {
    /// Anyone: an administrator.
    Anyone,
    /// Members, not managers: a manager.
    Members,
}

struct Row {
    user_id: Uuid,
    email: Option<String>,
    display_name: String,
    role: String,
    created_at: DateTime<Utc>,
}

impl TryFrom<Row> for Member {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            user_id: UserId::from_uuid(row.user_id),
            email: row.email,
            display_name: row.display_name,
            role: parsed("user_group_members.role", &row.role)?,
            added_at: row.created_at,
        })
    }
}

impl Groups<'_> {
    /// Who belongs to a group, in the order in which they came.
    pub async fn members(
        &self,
        group: GroupId,
        page: PageRequest,
    ) -> Result<Rows<Member>, StoreError> {
        let (at, id) = page.after();
        let rows = sqlx::query_as!(
            Row,
            "SELECT m.user_id, u.email, u.display_name, m.role, m.created_at
               FROM user_group_members m JOIN users u ON u.id = m.user_id
              WHERE m.group_id = $1
                AND ($2::timestamptz IS NULL OR (m.created_at, m.user_id) > ($2, $3::uuid))
              ORDER BY m.created_at, m.user_id
              LIMIT $4",
            group.as_uuid(),
            at,
            id,
            page.fetch(),
        )
        .fetch_all(&self.0.pool)
        .await?;
        let items = rows
            .into_iter()
            .map(Member::try_from)
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Rows::cut(items, page, |member: &Member| Position {
            at: member.added_at,
            id: member.user_id.as_uuid(),
        }))
    }

    /// Adds an account. Conflict: `AlreadyMember`; `NotFound` when there is no
    /// such group or account, or it is a guest's.
    pub async fn add_member(
        &self,
        new: &NewMember,
        audit: &NewAudit,
    ) -> Result<Member, StoreError> {
        let mut tx = self.0.pool.begin().await?;
        // Whoever changes the group waits for this, and so marks this account.
        sqlx::query_scalar!(
            "SELECT id FROM user_groups WHERE id = $1 FOR SHARE",
            new.group.as_uuid(),
        )
        .fetch_one(&mut *tx)
        .await?;
        sqlx::query_scalar!(
            "SELECT id FROM users WHERE id = $1 AND role <> 'guest' FOR NO KEY UPDATE",
            new.user.as_uuid(),
        )
        .fetch_one(&mut *tx)
        .await?;
        let added = sqlx::query!(
            "INSERT INTO user_group_members (group_id, user_id, role, created_at)
             VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
            new.group.as_uuid(),
            new.user.as_uuid(),
            new.role.as_str(),
            new.now,
        )
        .execute(&mut *tx)
        .await?;
        if added.rows_affected() == 0 {
            return Err(Conflict::AlreadyMember.into());
        }
        mark(&mut tx, &[new.user.as_uuid()]).await?;
        let member = read(&mut tx, new.group, new.user).await?;
        audit::write(&mut tx, audit, None).await?;
        tx.commit().await?;
        Ok(member)
    }

    /// Makes a member a manager, or the other way round.
    pub async fn set_role(
        &self,
        (group, user): (GroupId, UserId),
        role: GroupRole,
        audit: &NewAudit,
    ) -> Result<Member, StoreError> {
        let mut tx = self.0.pool.begin().await?;
        sqlx::query!(
            "UPDATE user_group_members SET role = $3 WHERE group_id = $1 AND user_id = $2",
            group.as_uuid(),
            user.as_uuid(),
            role.as_str(),
        )
        .execute(&mut *tx)
        .await?;
        let member = read(&mut tx, group, user).await?;
        audit::write(&mut tx, audit, None).await?;
        tx.commit().await?;
        Ok(member)
    }

    /// Removes an account from a group. `NotFound` when it does not belong to
    /// it; conflict `ManagerStays` when only an administrator may remove it.
    pub async fn remove_member(
        &self,
        (group, user): (GroupId, UserId),
        whom: Whom,
        audit: &NewAudit,
    ) -> Result<(), StoreError> {
        let mut tx = self.0.pool.begin().await?;
        sqlx::query_scalar!(
            "SELECT id FROM users WHERE id = $1 FOR NO KEY UPDATE",
            user.as_uuid(),
        )
        .fetch_one(&mut *tx)
        .await?;
        let role = sqlx::query_scalar!(
            "SELECT role FROM user_group_members WHERE group_id = $1 AND user_id = $2 FOR UPDATE",
            group.as_uuid(),
            user.as_uuid(),
        )
        .fetch_one(&mut *tx)
        .await?;
        let role: GroupRole = parsed("user_group_members.role", &role)?;
        if role == GroupRole::Manager && whom == Whom::Members {
            return Err(Conflict::ManagerStays.into());
        }
        sqlx::query!(
            "DELETE FROM user_group_members WHERE group_id = $1 AND user_id = $2",
            group.as_uuid(),
            user.as_uuid(),
        )
        .execute(&mut *tx)
        .await?;
        mark(&mut tx, &[user.as_uuid()]).await?;
        audit::write(&mut tx, audit, None).await?;
        tx.commit().await?;
        Ok(())
    }
}

async fn read(
    connection: &mut PgConnection,
    group: GroupId,
    user: UserId,
) -> Result<Member, StoreError> {
    sqlx::query_as!(
        Row,
        "SELECT m.user_id, u.email, u.display_name, m.role, m.created_at
           FROM user_group_members m JOIN users u ON u.id = m.user_id
          WHERE m.group_id = $1 AND m.user_id = $2",
        group.as_uuid(),
        user.as_uuid(),
    )
    .fetch_one(connection)
    .await?
    .try_into()
}
