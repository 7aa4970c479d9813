//! The two tokens of a session: a short one for requests and an opaque one
//! that renews it.

mod access;
mod cookie;
mod refresh;

pub(crate) use access::{AccessTokens, Claims, LIFETIME};
pub(crate) use cookie::{RefreshCookie, Transport, cookie_value};
pub(crate) use refresh::{RefreshClaim, RefreshTokens};
