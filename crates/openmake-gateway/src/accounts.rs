//! The rules of accounts, for the command line: the same as the page's.

use openmake_api::ApiError;
use openmake_types::Ids;

use crate::{
    passwords::{self, About},
    routes::input,
};

/// An e-mail address as it is stored: trimmed, and plausible.
pub fn check_email(text: &str) -> Result<String, ApiError> {
    input::email("email", text)
}

/// Refuses a password that is not good enough, and hashes the others.
pub fn hash_password(
    password: &str,
    email: &str,
    display_name: &str,
    ids: &dyn Ids,
) -> Result<String, ApiError> {
    let about = About {
        email,
        display_name,
        instance_name: "OpenMake",
    };
    let password = passwords::check("password", password, &about)?;
    passwords::hash_now(&password, ids)
}
