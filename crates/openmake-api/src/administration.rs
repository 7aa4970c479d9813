//! What administrators decide at run time: models by role, limits, profiles.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// An account's role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RoleName {
    /// Runs the instance.
    Admin,
    /// Uses it.
    User,
    /// Tries it without an account.
    Guest,
}

/// Whether an account may sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AccountStatus {
    /// It may.
    Active,
    /// It may not.
    Inactive,
}

/// The query of `GET /api/v1/users`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct UserQuery {
    /// Only accounts in whose name or e-mail each of these words occurs,
    /// without case; at most 200 characters.
    pub q: Option<String>,
    /// Only accounts of this role.
    #[param(inline)]
    pub role: Option<RoleName>,
    /// Only accounts that may sign in, or that may not.
    #[param(inline)]
    pub status: Option<AccountStatus>,
}

/// The models that a role's accounts may ask.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RoleModelsView {
    /// The role.
    pub role: RoleName,
    /// What its accounts may ask, as far as their groups and keys allow it;
    /// null is all.
    pub allowed_models: Option<Vec<String>>,
}

/// `GET /api/v1/model-access`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ModelAccessView {
    /// Every role, administrators first.
    pub roles: Vec<RoleModelsView>,
}

/// `PUT /api/v1/model-access/{role}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetRoleModels {
    /// 1 to 200 names of models; null is all.
    pub allowed_models: Option<Vec<String>>,
}

/// A limit that can be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LimitName {
    /// Requests with a credential in a minute, for an account.
    RequestsPerMinute,
    /// The same for a guest.
    GuestRequestsPerMinute,
    /// Requests without a credential in a minute, for an address.
    AddressRequestsPerMinute,
    /// Questions in a minute, for an account.
    TurnsPerMinute,
    /// Searches in a minute, for an account.
    SearchesPerMinute,
    /// Tokens in a minute, for an account with all its keys.
    TokensPerMinute,
    /// Sign-ins, registrations and guests in a minute, for an address.
    SignInsPerMinute,
    /// Failed sign-ins of an account before it is locked for a while.
    SignInTries,
    /// Characters of one question in a conversation.
    MessageCharacters,
    /// Bytes of one picture.
    ImageBytes,
    /// Tokens of a conversation that are sent to a model.
    ContextTokens,
}

/// A limit, and what it may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LimitView {
    /// Which.
    pub name: LimitName,
    /// What an administrator set; null is as configured.
    pub value: Option<u64>,
    /// What holds where none is set; null is no limit.
    pub configured: Option<u64>,
    /// The least that it may be set to.
    pub minimum: u64,
    /// The most that it may be set to.
    pub maximum: u64,
}

/// `GET /api/v1/limits`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LimitList {
    /// Every limit that can be set.
    pub items: Vec<LimitView>,
}

/// One limit to set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetLimit {
    /// Which.
    pub name: LimitName,
    /// How much, within its bounds; null is as configured.
    pub value: Option<u64>,
}

/// `PATCH /api/v1/limits`: what is not named stays. It holds within a second.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateLimits {
    /// What to set, each limit at most once.
    pub limits: Vec<SetLimit>,
}

/// Which of several models that match a profile takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProfileSize {
    /// The fewest parameters.
    Smallest,
    /// Nearest to 14 billion parameters.
    Balanced,
    /// The most parameters.
    Largest,
}

/// How much a profile thinks, where its model does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProfileThinking {
    /// Not at all.
    Off,
    /// Briefly.
    Low,
    /// As usual.
    Medium,
    /// At length.
    High,
}

/// How a profile works.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ProfileSettings {
    /// The models that it prefers, the best first; `*` stands for anything.
    pub prefer: Vec<String>,
    /// Which of several that match.
    pub size: ProfileSize,
    /// How much it thinks.
    pub thinking: ProfileThinking,
    /// 0 to 2; null is the model server's own.
    pub temperature: Option<f64>,
    /// Tokens of the conversation that are sent, at most.
    pub context_tokens: u32,
    /// How often tools may be called before the answer; 0: never.
    pub tool_turns: u32,
    /// Seconds after which the answer ends with what is there; 0: never.
    pub time_budget_seconds: u32,
    /// How to work, for the system prompt.
    pub instructions: String,
}

/// A profile, for who edits it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ProfileView {
    /// The name to ask for.
    pub id: String,
    /// What to show.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Whether it can be asked.
    pub enabled: bool,
    /// Whether it differs from what was built in.
    pub edited: bool,
    /// How it works now.
    pub settings: ProfileSettings,
    /// How it works unless it is edited.
    pub built_in: ProfileSettings,
    /// The model that the configuration puts behind it, which comes before its
    /// preferences until those are edited.
    pub engine: Option<String>,
    /// The real model that would answer a plain question now.
    pub real_model: Option<String>,
}

/// `GET /api/v1/profiles`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ProfileList {
    /// The profiles in their order, without the one that chooses by the
    /// question.
    pub items: Vec<ProfileView>,
    /// Every name that can be asked for, whatever one may ask oneself: profiles
    /// first, then real models by name.
    pub models: Vec<String>,
}

/// `PUT /api/v1/profiles/{id}`: what is absent or null is as built in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EditProfile {
    /// Whether it can be asked.
    pub enabled: bool,
    /// At most 100 names of at most 200 characters, the best first; `*` stands
    /// for anything. Without any, every model will do.
    #[serde(default)]
    pub prefer: Option<Vec<String>>,
    /// Which of several that match.
    #[serde(default)]
    pub size: Option<ProfileSize>,
    /// How much it thinks.
    #[serde(default)]
    pub thinking: Option<ProfileThinking>,
    /// 0 to 2.
    #[serde(default)]
    pub temperature: Option<f64>,
    /// 1,024 to 10,000,000.
    #[serde(default)]
    pub context_tokens: Option<u32>,
    /// 0 to 100.
    #[serde(default)]
    pub tool_turns: Option<u32>,
    /// 0 to 86,400.
    #[serde(default)]
    pub time_budget_seconds: Option<u32>,
    /// At most 8,000 characters; empty: nothing is said.
    #[serde(default)]
    pub instructions: Option<String>,
}
