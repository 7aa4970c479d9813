//! What the gateway answers when a role cannot.

use axum::response::{IntoResponse as _, Response};
use openmake_api::{ApiError, extract::too_large};
use openmake_types::ErrorKind;

/// When to come back, in seconds.
const RETRY_AFTER: u64 = 1;

/// The role at the other end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// What touches models and tools.
    Ai,
    /// The page.
    Web,
}

impl Peer {
    /// Its name in the log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ai => "ai",
            Self::Web => "web",
        }
    }

    const fn codes(self) -> Codes {
        match self {
            Self::Ai => Codes {
                unavailable: "ai_unavailable",
                lost: "ai_connection_lost",
                misconfigured: "ai_misconfigured",
            },
            Self::Web => Codes {
                unavailable: "web_unavailable",
                lost: "web_connection_lost",
                misconfigured: "web_misconfigured",
            },
        }
    }
}

struct Codes {
    unavailable: &'static str,
    lost: &'static str,
    misconfigured: &'static str,
}

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// Nothing was reached that takes the request: nothing happened.
    #[error("no address takes requests")]
    Unreached(#[source] Option<ConnectError>),
    /// The connection broke after the request was sent: whether something
    /// happened, nobody knows.
    #[error("the connection broke")]
    Lost(#[source] hyper::Error),
    /// Nobody waits any more.
    #[error("the answer took too long")]
    TookTooLong,
    /// The request's own body ended badly.
    #[error("the request's body could not be read to its end")]
    Body(BodyFailure),
    /// The other side does not accept our signature.
    #[error("the other role does not accept this one's identity ({0})")]
    Refused(String),
    /// The request is none that can be sent.
    #[error("the request cannot be written: {0}")]
    Unwritable(&'static str),
    /// The process stops.
    #[error("the process stops")]
    Stopping,
}

/// Why a body ended badly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyFailure {
    /// It is longer than the route takes.
    TooLong,
    /// It paused for too long, or the client went away.
    Broken,
}

/// Why a connection cannot be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    /// The name has no address, or none that is not tried.
    #[error("the name has no address")]
    NoAddress,
    /// The network says no.
    #[error("cannot connect")]
    Io(#[from] std::io::Error),
    /// What answers does not speak HTTP/2.
    #[error("no HTTP/2 there")]
    Handshake(#[from] hyper::Error),
    /// Nothing answers.
    #[error("nothing answers")]
    TookTooLong,
    /// It could not be connected while this request waited for that.
    #[error("it could not be connected a moment ago")]
    JustFailed,
    /// As many requests are under way as there may be.
    #[error("all connections are full")]
    Full,
}

impl Failure {
    /// The answer for the client.
    pub(crate) fn into_response(self, peer: Peer) -> Response {
        let codes = peer.codes();
        let error = match &self {
            Self::Unreached(_) | Self::Stopping => ApiError::new(
                ErrorKind::Unavailable,
                "A part of the server cannot be reached right now.",
            )
            .with_code(codes.unavailable)
            .with_hint("Nothing was done; try again in a moment.")
            .with_retry_after(RETRY_AFTER),
            Self::Lost(_) => ApiError::new(
                ErrorKind::UpstreamFailed,
                "The connection to a part of the server was lost.",
            )
            .with_code(codes.lost)
            .with_hint("Look whether it was done, and try again.")
            .with_retry_after(RETRY_AFTER),
            Self::TookTooLong => {
                ApiError::new(ErrorKind::Timeout, "The server took too long to answer.")
                    .with_hint("Try again in a moment.")
            }
            Self::Body(BodyFailure::TooLong) => return too_large().into_response(),
            Self::Body(BodyFailure::Broken) => {
                ApiError::invalid("The request's body could not be read to its end.")
            }
            Self::Refused(_) => ApiError::new(
                ErrorKind::Unavailable,
                "The parts of the server do not know each other.",
            )
            .with_code(codes.misconfigured)
            .with_hint(
                "An administrator gives all roles the same OPENMAKE_INTERNAL_KEY and sets their clocks; `openmake doctor` checks both.",
            ),
            Self::Unwritable(_) => return ApiError::internal(self).into_response(),
        };
        tracing::warn!(
            role = peer.as_str(),
            error = &self as &dyn std::error::Error,
            "a role failed"
        );
        error.with_source(self).into_response()
    }
}
