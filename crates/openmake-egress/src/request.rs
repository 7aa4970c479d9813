//! What goes out, and what a bounded fetch brings back.

use std::{fmt, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, Method};

use crate::{AllowedHosts, Target};

/// What to do when the server answers with a redirect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Redirects {
    /// It is an error.
    #[default]
    Refuse,
    /// Followed within the same scheme, host and port; for API calls, whose
    /// body and credentials belong to one server.
    SameOrigin,
    /// Followed anywhere that the address policy allows. On the first hop to
    /// another origin all headers are dropped but a few that say nothing of
    /// the caller, and a request with a body is not followed there at all.
    AnyOrigin,
}

/// A request on its way out.
pub struct OutgoingRequest {
    /// GET, POST and so on.
    pub method: Method,
    /// Where it goes.
    pub target: Target,
    /// Its headers, credentials among them.
    pub headers: HeaderMap,
    /// Its body, empty for none.
    pub body: Bytes,
    /// Hosts that this caller may reach though they are not public.
    pub allowed: AllowedHosts,
    /// Whether redirects are followed.
    pub redirects: Redirects,
}

impl OutgoingRequest {
    /// A GET without headers that reaches public addresses only.
    pub fn get(target: Target) -> Self {
        Self {
            method: Method::GET,
            target,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            allowed: AllowedHosts::none(),
            redirects: Redirects::Refuse,
        }
    }

    /// A POST of `body`, otherwise as [`Self::get`].
    pub fn post(target: Target, body: Bytes) -> Self {
        Self {
            method: Method::POST,
            body,
            ..Self::get(target)
        }
    }
}

/// Without header values and body, which may hold secrets.
impl fmt::Debug for OutgoingRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutgoingRequest")
            .field("method", &self.method)
            .field("target", &self.target)
            .field("body_bytes", &self.body.len())
            .field("redirects", &self.redirects)
            .finish_non_exhaustive()
    }
}

/// The bounds of a fetch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FetchLimits {
    /// The most that the body may have.
    pub max_bytes: usize,
    /// From the first look-up to the last byte, over all redirects.
    pub timeout: Duration,
}

/// A GET whose whole answer is wanted.
#[derive(Debug)]
pub struct FetchRequest {
    /// The request.
    pub request: OutgoingRequest,
    /// Its bounds.
    pub limits: FetchLimits,
}

/// What a fetch brought back.
#[derive(Debug, Clone)]
pub struct Fetched {
    /// Where it came from in the end.
    pub target: Target,
    /// The status.
    pub status: http::StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
}
