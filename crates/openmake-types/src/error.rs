//! The closed set of ways in which a request can go wrong.

/// What a caller can tell errors apart by. Each maps to one HTTP status, in
/// `openmake-api`, and to one translation key in the web app.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The request is wrong and would be wrong again.
    InvalidInput,
    /// No credential, or one that no longer holds.
    Unauthenticated,
    /// A good credential that does not reach this far.
    Forbidden,
    /// It is not there, or not yours.
    NotFound,
    /// It contradicts what is there now.
    Conflict,
    /// More than the limit.
    TooLarge,
    /// Too many requests in a time.
    RateLimited,
    /// The budget is used up.
    QuotaExceeded,
    /// A model server or another service answered with an error.
    UpstreamFailed,
    /// Something that this needs is not there now.
    Unavailable,
    /// It took too long.
    Timeout,
    /// The caller stopped it.
    Cancelled,
    /// A fault of ours.
    Internal,
}

impl ErrorKind {
    /// The name that the wire and the log use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidInput => "invalid_input",
            Self::Unauthenticated => "unauthenticated",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::TooLarge => "too_large",
            Self::RateLimited => "rate_limited",
            Self::QuotaExceeded => "quota_exceeded",
            Self::UpstreamFailed => "upstream_failed",
            Self::Unavailable => "unavailable",
            Self::Timeout => "timeout",
            Self::Cancelled => "cancelled",
            Self::Internal => "internal",
        }
    }
}
