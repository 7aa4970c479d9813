//! What can go wrong on the way out.

use std::{error::Error as StdError, time::Duration};

use crate::address::AddressRange;

/// Why a request was not sent, or not answered.
///
/// No message contains a path, a query, a header or a body: those may hold
/// secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EgressError {
    /// Not a URL that may be fetched.
    #[error("not a usable URL: {reason}")]
    InvalidUrl {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The address policy says no.
    #[error("{host} is {range}, which is not allowed")]
    Refused {
        /// The host as written, normalised.
        host: String,
        /// The range that it falls in.
        range: AddressRange,
    },
    /// The name has no address.
    #[error("cannot find the address of {host}")]
    Resolve {
        /// The name.
        host: String,
    },
    /// No connection could be made: refused, unreachable, or a failed TLS
    /// handshake.
    #[error("cannot connect to {host}: {reason}")]
    Connect {
        /// The host.
        host: String,
        /// The innermost cause.
        reason: String,
    },
    /// A limit of time was passed.
    #[error("no answer within {limit:?}")]
    Timeout {
        /// The limit.
        limit: Duration,
    },
    /// The body is larger than the caller takes.
    #[error("the answer is larger than {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// A chain of redirects that does not end.
    #[error("more than {limit} redirects")]
    TooManyRedirects {
        /// The limit.
        limit: usize,
    },
    /// A redirect that this request does not follow.
    #[error("redirects to {to}, which this request does not follow")]
    RedirectRefused {
        /// Scheme, host and port of where it points.
        to: String,
    },
    /// The connection was lost, or what came was not HTTP.
    #[error("the connection broke: {reason}")]
    Broken {
        /// The innermost cause.
        reason: String,
    },
    /// The client itself could not be made.
    #[error("cannot set up the HTTP client: {reason}")]
    Setup {
        /// The cause.
        reason: String,
    },
}

/// The innermost message of an error, which says most in fewest words.
pub(crate) fn root_cause(error: &(dyn StdError + 'static)) -> String {
    let mut inner = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    inner.to_string()
}

/// Looks for an error of ours that a library has wrapped.
pub(crate) fn find_ours(error: &(dyn StdError + 'static)) -> Option<EgressError> {
    let mut current = Some(error);
    while let Some(inner) = current {
        if let Some(ours) = inner.downcast_ref::<EgressError>() {
            return Some(ours.clone());
        }
        current = inner.source();
    }
    None
}
