//! Accounts and sessions.

pub(crate) mod guest;
pub(crate) mod login;
pub(crate) mod logout;
pub(crate) mod me;
pub(crate) mod password;
pub(crate) mod refresh;
pub(crate) mod register;
mod session;

pub(crate) mod sessions;

pub(crate) use session::OwnSite;
