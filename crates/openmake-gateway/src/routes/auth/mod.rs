//! Accounts and sessions.

mod arrival;
pub(crate) mod defaults;
pub(crate) mod delete;
pub(crate) mod email;
pub(crate) mod export;
pub(crate) mod guest;
pub(crate) mod identities;
pub(crate) mod login;
pub(crate) mod logout;
pub(crate) mod me;
pub(crate) mod oidc;
pub(crate) mod passkey_sign_in;
pub(crate) mod passkeys;
pub(crate) mod password;
pub(crate) mod password_reset;
pub(crate) mod providers;
pub(crate) mod reauthenticate;
pub(crate) mod refresh;
pub(crate) mod register;
pub(crate) mod second_factor;
pub(crate) mod security;
mod session;
pub(crate) mod sessions;
pub(crate) mod totp;

pub(crate) use session::OwnSite;
