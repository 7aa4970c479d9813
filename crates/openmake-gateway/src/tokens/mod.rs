//! What proves who asks: the two tokens of a session, a short one for requests
//! and an opaque one that renews it; and the keys of programs.

mod access;
mod api_key;
mod cookie;
mod refresh;

pub(crate) use access::{AccessTokens, Claims, LIFETIME};
pub(crate) use api_key::{KeyHash, NewKey, is_key, key_hash};
pub(crate) use cookie::{RefreshCookie, Transport, cookie_value};
pub(crate) use refresh::{RefreshClaim, RefreshTokens};
