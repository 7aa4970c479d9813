//! The other ways to sign in, and what guards an account: second factors,
//! passkeys, other providers' accounts, and a forgotten password.
//!
//! | route | takes | gives |
//! |---|---|---|
//! | `POST /api/v1/auth/login` | e-mail, password | 401 `second_factor_required` with [`SecondFactorNeeded`] |
//! | `POST /api/v1/auth/second-factor` | [`SecondFactorRequest`] | as login |
//! | `POST /api/v1/auth/second-factor/passkey` | [`SecondFactorPasskeyRequest`] | [`PasskeyChallenge`] |
//! | `POST /api/v1/auth/passkey/options` | – | [`PasskeyChallenge`] |
//! | `POST /api/v1/auth/passkey` | [`PasskeyAnswer`] | as login |
//! | `POST /api/v1/auth/reauthenticate` | [`ReauthenticateRequest`] | [`Reauthenticated`] |
//! | `POST /api/v1/auth/reauthenticate/passkey` | – | [`PasskeyChallenge`] |
//! | `GET /api/v1/auth/security` | – | [`SecurityView`] |
//! | `POST`, `DELETE /api/v1/auth/totp` * | – | [`TotpSetup`], 204 |
//! | `POST /api/v1/auth/totp/confirm` * | [`ConfirmTotp`] | [`BackupCodes`] |
//! | `POST /api/v1/auth/backup-codes` * | – | [`BackupCodes`] |
//! | `POST /api/v1/auth/passkeys/options` * | – | [`PasskeyChallenge`] |
//! | `POST /api/v1/auth/passkeys` * | [`AddPasskey`] | 201 [`PasskeyView`] |
//! | `PATCH /api/v1/auth/passkeys/{id}` | [`RenamePasskey`] | [`PasskeyView`] |
//! | `DELETE /api/v1/auth/passkeys/{id}` * | – | 204, 409 `last_sign_in_method` |
//! | `GET /api/v1/auth/providers` | – | [`SignInOptions`] |
//! | `GET /api/v1/auth/oidc/{provider}/start` | [`StartQuery`] | 303 to the provider |
//! | `GET /api/v1/auth/oidc/{provider}/callback` | [`CallbackQuery`] | 303 to the page, or `/login?error=CODE` |
//! | `POST /api/v1/auth/identities/{provider}/link` * | – | [`LinkStarted`] |
//! | `DELETE /api/v1/auth/identities/{id}` * | – | 204, 409 `last_sign_in_method` |
//! | `POST /api/v1/auth/password-reset/request` | [`RequestPasswordReset`] | 202 always |
//! | `POST /api/v1/auth/password-reset` | [`ResetPassword`] | 204, 403 `reset_link_invalid` |
//! | `POST /api/v1/users/{id}/password-reset` * | – | 201 [`PasswordResetLink`] |
//! | `DELETE /api/v1/users/{id}/second-factor` * | – | 204 |
//!
//! Those with a star want a session that was signed in or reauthenticated
//! within ten minutes, and answer 403 `reauthentication_required` otherwise.
//! When an account with a second factor comes back from a provider, the page
//! is `/login#challenge=…&methods=totp,backup_code`.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

macro_rules! redacted_debug {
    ($name:ident) => {
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    };
}

/// What can prove an account besides its password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FactorMethod {
    /// Six digits of an authenticator app.
    Totp,
    /// One of the codes that were shown once.
    BackupCode,
    /// A passkey of the account.
    Passkey,
}

/// The members that a problem with the code `second_factor_required` has
/// besides: the password was right, and one of `methods` must follow at
/// `POST /api/v1/auth/second-factor`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SecondFactorNeeded {
    /// Opaque; holds for five minutes, five tries and one sign-in.
    pub challenge: String,
    /// What the account has.
    pub methods: Vec<FactorMethod>,
}
redacted_debug!(SecondFactorNeeded);

/// `POST /api/v1/auth/second-factor`: completes a sign-in as
/// `POST /api/v1/auth/login` does.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SecondFactorRequest {
    /// What the first step gave.
    pub challenge: String,
    /// Which factor this is.
    pub method: FactorMethod,
    /// The digits or the backup code; spaces and dashes do not matter.
    #[serde(default)]
    pub code: Option<String>,
    /// For a passkey: what `navigator.credentials.get` gave, by `toJSON()`.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub credential: Option<Value>,
}
redacted_debug!(SecondFactorRequest);

/// `POST /api/v1/auth/second-factor/passkey`.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SecondFactorPasskeyRequest {
    /// What the first step gave.
    pub challenge: String,
}
redacted_debug!(SecondFactorPasskeyRequest);

/// What the browser is asked with to make or use a passkey.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct PasskeyChallenge {
    /// To send back with the answer; holds for five minutes and once.
    pub challenge: String,
    /// `{"publicKey": …}` with binary values in base64url, for
    /// `PublicKeyCredential.parseCreationOptionsFromJSON` or
    /// `parseRequestOptionsFromJSON`.
    #[schema(value_type = Object)]
    pub options: Value,
}
redacted_debug!(PasskeyChallenge);

/// `POST /api/v1/auth/passkey`: signs in with a passkey alone.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasskeyAnswer {
    /// Of `POST /api/v1/auth/passkey/options`.
    pub challenge: String,
    /// What `navigator.credentials.get` gave, by `toJSON()`.
    #[schema(value_type = Object)]
    pub credential: Value,
}
redacted_debug!(PasskeyAnswer);

/// `POST /api/v1/auth/reauthenticate`: one of the three.
#[derive(Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReauthenticateRequest {
    /// The account's password.
    #[serde(default)]
    pub password: Option<String>,
    /// Six digits of the authenticator app.
    #[serde(default)]
    pub code: Option<String>,
    /// The answer to `POST /api/v1/auth/reauthenticate/passkey`.
    #[serde(default)]
    pub passkey: Option<PasskeyAnswer>,
}
redacted_debug!(ReauthenticateRequest);

/// The session may do sensitive things for a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Reauthenticated {
    /// Until when.
    pub fresh_until: DateTime<Utc>,
}

/// `GET /api/v1/auth/security`: what guards one's account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SecurityView {
    /// Whether a password can sign in.
    pub has_password: bool,
    /// Whether signing in with the password asks for a second factor.
    pub totp_enabled: bool,
    /// Backup codes that are not used yet.
    pub backup_codes_left: u32,
    /// One's passkeys, oldest first.
    pub passkeys: Vec<PasskeyView>,
    /// One's accounts elsewhere, oldest first.
    pub identities: Vec<IdentityView>,
    /// Until when this session may do sensitive things; after that they
    /// answer 403 `reauthentication_required`. Absent when it may not.
    pub fresh_until: Option<DateTime<Utc>>,
}

/// `POST /api/v1/auth/totp`: shown this once, until it is confirmed.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct TotpSetup {
    /// Base32, to type into an authenticator app.
    pub secret: String,
    /// `otpauth://totp/…`, to show as a QR code.
    pub uri: String,
}
redacted_debug!(TotpSetup);

/// `POST /api/v1/auth/totp/confirm`.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfirmTotp {
    /// Six digits that the app shows now.
    pub code: String,
}
redacted_debug!(ConfirmTotp);

/// New backup codes, shown this once. Those before no longer hold.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct BackupCodes {
    /// Ten codes, each for one sign-in.
    pub codes: Vec<String>,
}
redacted_debug!(BackupCodes);

/// A passkey without its key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PasskeyView {
    /// The passkey.
    pub id: Uuid,
    /// What its owner calls it.
    pub name: String,
    /// When it was added.
    pub created_at: DateTime<Utc>,
    /// When it last signed in.
    pub last_used_at: Option<DateTime<Utc>>,
}

/// `POST /api/v1/auth/passkeys`.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddPasskey {
    /// Of `POST /api/v1/auth/passkeys/options`.
    pub challenge: String,
    /// 1 to 60 characters.
    pub name: String,
    /// What `navigator.credentials.create` gave, by `toJSON()`.
    #[schema(value_type = Object)]
    pub credential: Value,
}
redacted_debug!(AddPasskey);

/// `PATCH /api/v1/auth/passkeys/{id}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RenamePasskey {
    /// 1 to 60 characters.
    pub name: String,
}

/// `GET /api/v1/auth/providers`: open to all; what the sign-in page offers
/// besides the password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SignInOptions {
    /// Where else one may have an account, in the order of the settings. The
    /// page goes to `/api/v1/auth/oidc/{id}/start`.
    pub providers: Vec<ProviderView>,
    /// Whether passkeys work at the instance's public address.
    pub passkeys: bool,
    /// Whether a forgotten password can be reset by e-mail.
    pub password_reset_by_email: bool,
}

/// Where one may have an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProviderView {
    /// Names it in paths.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// `oidc` or `github`, for the icon.
    pub kind: String,
}

/// The query of `GET /api/v1/auth/oidc/{provider}/start`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct StartQuery {
    /// The page to return to, a path of this site such as `/chat`.
    pub return_to: Option<String>,
    /// The code of an invitation, where the instance wants one.
    pub invitation: Option<String>,
}

/// The query of `GET /api/v1/auth/oidc/{provider}/callback`, as the provider
/// sends it.
#[derive(Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct CallbackQuery {
    /// To be exchanged for tokens.
    pub code: Option<String>,
    /// What `start` gave along.
    pub state: Option<String>,
    /// Why the provider refused.
    pub error: Option<String>,
    /// Who answers (RFC 9207).
    pub iss: Option<String>,
}
redacted_debug!(CallbackQuery);

/// `POST /api/v1/auth/identities/{provider}/link`: where the page goes next.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct LinkStarted {
    /// At the provider. It comes back to `/settings?linked={provider}` or
    /// `/settings?error={code}`.
    pub url: String,
}
redacted_debug!(LinkStarted);

/// An account elsewhere that signs in here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct IdentityView {
    /// The link.
    pub id: Uuid,
    /// The provider's id in the settings when it was linked.
    pub provider: String,
    /// What people call the provider; its id when it is no longer set up.
    pub provider_name: String,
    /// The e-mail or name there.
    pub label: Option<String>,
    /// When it was linked.
    pub created_at: DateTime<Utc>,
    /// When it last signed in.
    pub last_used_at: Option<DateTime<Utc>>,
}

/// `POST /api/v1/auth/password-reset/request`.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RequestPasswordReset {
    /// Compared without case.
    pub email: String,
    /// The mail's language: `ko`, `en`, `ja` or `zh-CN`; `en` unless given.
    #[serde(default)]
    pub language: Option<String>,
}
redacted_debug!(RequestPasswordReset);

/// `POST /api/v1/auth/password-reset`.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResetPassword {
    /// Of the link; it holds once.
    pub token: String,
    /// 10 to 256 characters, none of the well-known ones. Every session ends.
    pub new_password: String,
}
redacted_debug!(ResetPassword);

/// `POST /api/v1/users/{id}/password-reset`: a link to pass on, shown this
/// once.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
pub struct PasswordResetLink {
    /// The whole link: `https://…/reset-password#token=…`.
    pub url: String,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
}
redacted_debug!(PasswordResetLink);
