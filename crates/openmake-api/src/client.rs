//! Where a request comes from: for audit entries and sessions.

use std::{convert::Infallible, net::IpAddr};

use axum::extract::FromRequestParts;
use http::request::Parts;

/// Where a request comes from. The gateway puts it into the request's
/// extensions, after it has decided which forwarded headers to believe; the ai
/// role reads it for its audit entries.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ClientInfo {
    /// The client's address. None where the request came from no network,
    /// such as in a test.
    pub ip: Option<IpAddr>,
    /// What the client calls itself, at most [`Self::MAX_USER_AGENT`]
    /// characters.
    pub user_agent: Option<String>,
    /// Names the request in the log.
    pub request_id: Option<String>,
}

impl ClientInfo {
    /// The longest user agent that is kept.
    pub const MAX_USER_AGENT: usize = 300;

    /// The address as the store keeps it.
    pub fn ip_text(&self) -> Option<String> {
        self.ip.map(|ip| ip.to_string())
    }
}

impl<S: Sync> FromRequestParts<S> for ClientInfo {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_default())
    }
}
