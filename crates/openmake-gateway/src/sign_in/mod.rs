//! What signing in is made of besides the password: codes, passkeys, and the
//! proof that it is still the same person.

pub(crate) mod backup_code;
pub(crate) mod challenge;
pub(crate) mod fresh;
pub(crate) mod passkeys;
pub(crate) mod second_factor;
mod settings;
pub(crate) mod totp;

pub(crate) use fresh::Fresh;
pub(crate) use passkeys::PasskeySite;
pub use settings::SignInSettings;
