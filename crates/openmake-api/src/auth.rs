//! Accounts and sessions.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::Change;

macro_rules! redacted_debug {
    ($name:ident) => {
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    };
}

/// `POST /api/v1/auth/register`.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RegisterRequest {
    /// Compared without case; at most 254 characters.
    pub email: String,
    /// 10 to 256 characters, none of the well-known ones.
    pub password: String,
    /// At most 100 characters; the e-mail's local part unless given.
    #[serde(default)]
    pub display_name: Option<String>,
    /// The code of an invitation, where the instance wants one.
    #[serde(default)]
    pub invitation: Option<String>,
}
redacted_debug!(RegisterRequest);

/// `POST /api/v1/auth/login`.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LoginRequest {
    /// Compared without case.
    pub email: String,
    /// As typed.
    pub password: String,
}
redacted_debug!(LoginRequest);

/// The answer to register, login, refresh and guest. The refresh token comes
/// beside it, in an HttpOnly cookie.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct SignedIn {
    /// For `Authorization: Bearer`; keep it in memory only.
    pub access_token: String,
    /// Seconds until it expires.
    pub expires_in: u64,
    /// Who signed in.
    pub user: UserView,
}
redacted_debug!(SignedIn);

/// An account as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UserView {
    /// The account.
    pub id: Uuid,
    /// Absent for a guest.
    pub email: Option<String>,
    /// What to call them.
    pub display_name: String,
    /// `admin`, `user` or `guest`.
    pub role: String,
}

/// `GET /api/v1/auth/me/defaults`: what one's new conversations begin with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DefaultsView {
    /// The model; the instance's default where it is absent.
    pub model: Option<String>,
    /// What the model is told in every turn.
    pub instructions: Option<String>,
}

/// `PATCH /api/v1/auth/me/defaults`: what is absent stays.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateDefaults {
    /// Another model; `null` for the instance's default.
    #[serde(default, skip_serializing_if = "Change::is_unsaid")]
    #[schema(value_type = Option<String>)]
    pub model: Change<String>,
    /// Other instructions, at most 8,000 characters; `null` for none.
    #[serde(default, skip_serializing_if = "Change::is_unsaid")]
    #[schema(value_type = Option<String>)]
    pub instructions: Change<String>,
}

/// `PATCH /api/v1/auth/me`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateProfile {
    /// 1 to 100 characters.
    pub display_name: String,
}

/// `PUT /api/v1/auth/password`.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangePassword {
    /// The one that holds now. May be absent when the session was
    /// reauthenticated, as where there is no password yet.
    #[serde(default)]
    pub current_password: Option<String>,
    /// 10 to 256 characters, none of the well-known ones. Every other session
    /// ends.
    pub new_password: String,
}
redacted_debug!(ChangePassword);

/// `PUT /api/v1/auth/email`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeEmail {
    /// The new address; no other account has it.
    pub email: String,
    /// The language of the mail that goes to the old one: ko, en, ja or zh-CN;
    /// English unless given.
    #[serde(default)]
    pub language: Option<String>,
}

/// A sign-in on one device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SessionView {
    /// The session.
    pub id: Uuid,
    /// Whether it is the one that asks.
    pub current: bool,
    /// The browser, as it names itself; at most 300 characters.
    pub user_agent: Option<String>,
    /// The address that it last came from.
    pub ip_address: Option<String>,
    /// When it signed in.
    pub created_at: DateTime<Utc>,
    /// When it last refreshed.
    pub last_seen_at: DateTime<Utc>,
}

/// `POST /api/v1/invitations`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateInvitation {
    /// Only this address may use it; anyone with the code unless given.
    #[serde(default)]
    pub email: Option<String>,
    /// `user` unless given; `admin` makes an administrator.
    #[serde(default)]
    pub role: Option<String>,
    /// Hours until it expires, 1 to 720; 168 unless given.
    #[serde(default)]
    pub expires_in_hours: Option<u32>,
}

/// An invitation without its code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct InvitationView {
    /// The invitation.
    pub id: Uuid,
    /// Who it is for, where that was said.
    pub email: Option<String>,
    /// The role that it gives.
    pub role: String,
    /// `open`, `used`, `revoked` or `expired`.
    pub status: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
}

/// A new invitation with its code, which is shown this once.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct CreatedInvitation {
    /// To pass on.
    pub code: String,
    /// A link for the page: `/register?invitation=CODE`.
    pub path: String,
    /// The invitation.
    pub invitation: InvitationView,
}
redacted_debug!(CreatedInvitation);
