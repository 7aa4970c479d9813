//! Groups of accounts (`user_groups`, `user_group_members`).
//!
//! What a group allows is part of what its members' sessions and keys may do,
//! so every change of it marks their accounts as changed.

use std::str::FromStr;

use chrono::{DateTime, Utc};
use openmake_types::{GroupId, UnknownName, UserId};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    PageRequest, Position, Rows, Store, StoreError,
    audit::{self, NewAudit},
    error::parsed,
    model_access,
    text::storable,
};

mod members;

pub use members::{Member, NewMember, Whom};

/// What someone is in a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupRole {
    /// Belongs to it.
    Member,
    /// Sees who belongs to it, and adds and removes members.
    Manager,
}

impl GroupRole {
    /// The name that the store and the wire use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Manager => "manager",
        }
    }
}

impl FromStr for GroupRole {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "member" => Ok(Self::Member),
            "manager" => Ok(Self::Manager),
            other => Err(UnknownName {
                kind: "group role",
                name: other.to_owned(),
            }),
        }
    }
}

/// What an administrator says about a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupTerms {
    /// Its name; 1 to 100 characters, unique without case.
    pub name: String,
    /// What it is for; at most 500 characters.
    pub description: String,
    /// The models that its members may ask, 1 to 200; None: it says nothing
    /// about models.
    pub allowed_models: Option<Vec<String>>,
}

/// A group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The group.
    pub id: GroupId,
    /// What an administrator says about it.
    pub terms: GroupTerms,
    /// How many belong to it.
    pub members: i64,
    /// What the account that was asked about is in it.
    pub role: Option<GroupRole>,
    /// Rises with every change of the group itself.
    pub version: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// A group to make.
#[derive(Debug, Clone)]
pub struct NewGroup {
    /// Its id.
    pub id: GroupId,
    /// What an administrator says about it.
    pub terms: GroupTerms,
    /// Now.
    pub now: DateTime<Utc>,
}

/// Which groups one sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// All, with what this account is in them: for administrators.
    All(UserId),
    /// Those that this account belongs to.
    Of(UserId),
}

impl Seen {
    const fn user(self) -> UserId {
        match self {
            Self::All(user) | Self::Of(user) => user,
        }
    }

    const fn all(self) -> bool {
        matches!(self, Self::All(_))
    }
}

/// Groups of accounts.
#[derive(Debug, Clone, Copy)]
pub struct Groups<'a>(&'a Store);

impl Store {
    /// Groups of accounts.
    pub const fn groups(&self) -> Groups<'_> {
        Groups(self)
    }
}

struct Row {
    id: Uuid,
    name: String,
    description: String,
    allowed_models: Option<Vec<String>>,
    members: i64,
    role: Option<String>,
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl TryFrom<Row> for Group {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let role = row.role.as_deref();
        Ok(Self {
            id: GroupId::from_uuid(row.id),
            terms: GroupTerms {
                name: row.name,
                description: row.description,
                allowed_models: row.allowed_models,
            },
            members: row.members,
            role: role
                .map(|role| parsed("user_group_members.role", role))
                .transpose()?,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

impl Groups<'_> {
    /// Groups, oldest first.
    pub async fn list(&self, seen: Seen, page: PageRequest) -> Result<Rows<Group>, StoreError> {
        let (at, id) = page.after();
        let rows = sqlx::query_as!(
            Row,
            r#"SELECT g.id, g.name, g.description, g.allowed_models, mine.role AS "role?",
                      (SELECT count(*) FROM user_group_members m WHERE m.group_id = g.id)
                          AS "members!",
                      g.version, g.created_at, g.updated_at
                 FROM user_groups g
                 LEFT JOIN user_group_members mine ON mine.group_id = g.id AND mine.user_id = $1
                WHERE ($2 OR mine.user_id IS NOT NULL)
                  AND ($3::timestamptz IS NULL OR (g.created_at, g.id) > ($3, $4::uuid))
                ORDER BY g.created_at, g.id
                LIMIT $5"#,
            seen.user().as_uuid(),
            seen.all(),
            at,
            id,
            page.fetch(),
        )
        .fetch_all(&self.0.pool)
        .await?;
        let items = rows
            .into_iter()
            .map(Group::try_from)
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Rows::cut(items, page, |group: &Group| Position {
            at: group.created_at,
            id: group.id.as_uuid(),
        }))
    }

    /// One group. `NotFound` when it is not among those that one sees.
    pub async fn get(&self, seen: Seen, id: GroupId) -> Result<Group, StoreError> {
        let mut connection = self.0.pool.acquire().await?;
        read(&mut connection, seen, id).await
    }

    /// Makes a group. Conflict: `GroupNameTaken`.
    pub async fn create(&self, group: &NewGroup, audit: &NewAudit) -> Result<Group, StoreError> {
        let mut tx = self.0.pool.begin().await?;
        let terms = &group.terms;
        let models = terms.allowed_models.as_deref().map(model_access::storable);
        let row = sqlx::query_as!(
            Row,
            r#"INSERT INTO user_groups (id, name, description, allowed_models, created_at,
                                        updated_at)
               VALUES ($1, $2, $3, $4, $5, $5)
               RETURNING id, name, description, allowed_models, NULL::text AS role,
                         0::bigint AS "members!", version, created_at, updated_at"#,
            group.id.as_uuid(),
            &*storable(&terms.name),
            &*storable(&terms.description),
            models.as_deref(),
            group.now,
        )
        .fetch_one(&mut *tx)
        .await?;
        audit::write(&mut tx, audit, None).await?;
        tx.commit().await?;
        row.try_into()
    }

    /// Changes what is said about a group, and names the accounts whose
    /// authority changed by it. Conflict: `GroupNameTaken`.
    pub async fn edit(
        &self,
        (seen, id): (Seen, GroupId),
        now: DateTime<Utc>,
        edit: impl FnOnce(&mut GroupTerms) + Send,
        audit: &NewAudit,
    ) -> Result<(Group, Vec<UserId>), StoreError> {
        let mut tx = self.0.pool.begin().await?;
        hold(&mut tx, id).await?;
        let before = read(&mut tx, seen, id).await?;
        let mut terms = before.terms.clone();
        edit(&mut terms);
        let models = terms.allowed_models.as_deref().map(model_access::storable);
        sqlx::query!(
            "UPDATE user_groups
                SET name = $2, description = $3, allowed_models = $4, version = version + 1,
                    updated_at = $5
              WHERE id = $1",
            id.as_uuid(),
            &*storable(&terms.name),
            &*storable(&terms.description),
            models.as_deref(),
            now,
        )
        .execute(&mut *tx)
        .await?;
        let affected = if terms.allowed_models == before.terms.allowed_models {
            Vec::new()
        } else {
            mark_members(&mut tx, id).await?
        };
        let after = read(&mut tx, seen, id).await?;
        audit::write(&mut tx, audit, None).await?;
        tx.commit().await?;
        Ok((after, affected))
    }

    /// Removes a group; its members stay accounts. Names those whose authority
    /// changed by it.
    pub async fn remove(&self, id: GroupId, audit: &NewAudit) -> Result<Vec<UserId>, StoreError> {
        let mut tx = self.0.pool.begin().await?;
        hold(&mut tx, id).await?;
        let affected = mark_members(&mut tx, id).await?;
        sqlx::query!("DELETE FROM user_groups WHERE id = $1", id.as_uuid())
            .execute(&mut *tx)
            .await?;
        audit::write(&mut tx, audit, None).await?;
        tx.commit().await?;
        Ok(affected)
    }
}

/// Holds a group until the transaction ends, so that nobody joins it meanwhile.
async fn hold(connection: &mut PgConnection, id: GroupId) -> Result<(), StoreError> {
    sqlx::query_scalar!(
        "SELECT id FROM user_groups WHERE id = $1 FOR UPDATE",
        id.as_uuid(),
    )
    .fetch_one(connection)
    .await?;
    Ok(())
}

async fn read(connection: &mut PgConnection, seen: Seen, id: GroupId) -> Result<Group, StoreError> {
    sqlx::query_as!(
        Row,
        r#"SELECT g.id, g.name, g.description, g.allowed_models, mine.role AS "role?",
                  (SELECT count(*) FROM user_group_members m WHERE m.group_id = g.id)
                      AS "members!",
                  g.version, g.created_at, g.updated_at
             FROM user_groups g
             LEFT JOIN user_group_members mine ON mine.group_id = g.id AND mine.user_id = $2
            WHERE g.id = $1 AND ($3 OR mine.user_id IS NOT NULL)"#,
        id.as_uuid(),
        seen.user().as_uuid(),
        seen.all(),
    )
    .fetch_one(connection)
    .await?
    .try_into()
}

/// Marks the authority of a group's members as changed, in one order, so that
/// two changes with the same members cannot wait for each other.
async fn mark_members(
    connection: &mut PgConnection,
    id: GroupId,
) -> Result<Vec<UserId>, StoreError> {
    let ids = sqlx::query_scalar!(
        "SELECT u.id FROM users u JOIN user_group_members m ON m.user_id = u.id
          WHERE m.group_id = $1 ORDER BY u.id FOR NO KEY UPDATE OF u",
        id.as_uuid(),
    )
    .fetch_all(&mut *connection)
    .await?;
    mark(connection, &ids).await?;
    Ok(ids.into_iter().map(UserId::from_uuid).collect())
}

/// Marks the authority of accounts as changed. Their version stays: it is
/// about what signs them in.
async fn mark(connection: &mut PgConnection, users: &[Uuid]) -> Result<(), StoreError> {
    sqlx::query!(
        "UPDATE users SET authority_changed_at = clock_timestamp() WHERE id = ANY ($1)",
        users,
    )
    .execute(connection)
    .await?;
    Ok(())
}
