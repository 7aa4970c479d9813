//! Groups of accounts, which administrators make. Model access is set for a
//! group: a member of groups with a list of models may ask those of all these
//! lists together; who is in none may ask all.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::Change;

/// What someone is in a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum GroupRole {
    /// Belongs to it.
    #[default]
    Member,
    /// Sees who belongs to it, and adds and removes members.
    Manager,
}

/// `POST /api/v1/groups`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateGroup {
    /// 1 to 100 characters, unique without case.
    pub name: String,
    /// At most 500 characters.
    #[serde(default)]
    pub description: String,
    /// The names, 1 to 200, of the models that its members may ask: profiles or
    /// real models. Unless given, the group says nothing about models.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_models: Option<Vec<String>>,
}

/// `PATCH /api/v1/groups/{id}`: what is absent stays.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateGroup {
    /// Another name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Another description.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Other models; with `null` the group says nothing about models.
    #[serde(default, skip_serializing_if = "Change::is_unsaid")]
    #[schema(value_type = Option<Vec<String>>)]
    pub allowed_models: Change<Vec<String>>,
}

/// A group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GroupView {
    /// The group.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// The models that its members may ask; none: it says nothing about models.
    pub allowed_models: Option<Vec<String>>,
    /// How many belong to it, managers included.
    pub members: u64,
    /// What the one who asks is in it, if anything.
    pub role: Option<GroupRole>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// `POST /api/v1/groups/{id}/members`: an account by its id or its e-mail.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddGroupMember {
    /// The account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<Uuid>,
    /// The account's e-mail, where its id is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// `member` unless given; `manager` is an administrator's to give.
    #[serde(default)]
    pub role: GroupRole,
}

/// `PATCH /api/v1/groups/{id}/members/{user_id}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateGroupMember {
    /// What they are from now on.
    pub role: GroupRole,
}

/// One who belongs to a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GroupMemberView {
    /// The account.
    pub user_id: Uuid,
    /// Its e-mail.
    pub email: Option<String>,
    /// What they call themselves.
    pub display_name: String,
    /// What they are in the group.
    pub role: GroupRole,
    /// Since when.
    pub added_at: DateTime<Utc>,
}
