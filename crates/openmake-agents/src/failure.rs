//! A turn's failure, in words that a person and a program can act on.

use std::borrow::Cow;

use openmake_models::ModelError;
use openmake_types::ErrorKind;

/// Why a turn ended with an error.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {detail}")]
pub struct TurnFailure {
    /// The kind of error.
    pub kind: ErrorKind,
    /// What programs key on.
    pub code: &'static str,
    /// What went wrong, for a person.
    pub detail: String,
    /// What to do about it.
    pub hint: Option<Cow<'static, str>>,
}

impl TurnFailure {
    /// A failure with a hint.
    pub fn new(
        kind: ErrorKind,
        code: &'static str,
        detail: impl Into<String>,
        hint: impl Into<Option<&'static str>>,
    ) -> Self {
        Self {
            kind,
            code,
            detail: detail.into(),
            hint: hint.into().map(Cow::Borrowed),
        }
    }

    /// A fault of ours; what it was is for the log.
    pub fn internal() -> Self {
        Self::new(
            ErrorKind::Internal,
            "internal",
            "Something went wrong on the server.",
            "Try again; if it stays, tell an administrator when it happened.",
        )
    }
}

impl From<&ModelError> for TurnFailure {
    fn from(error: &ModelError) -> Self {
        let code = match error {
            ModelError::NoModelServer => "no_model_server",
            ModelError::ModelNotFound { .. } => "model_not_found",
            ModelError::Unavailable { .. } => "model_unavailable",
            ModelError::Unauthorized { .. } => "upstream_unauthorized",
            ModelError::RateLimited { .. } => "upstream_rate_limited",
            ModelError::ContextTooLong { .. } => "context_too_long",
            ModelError::Unsupported { .. } => "unsupported",
            ModelError::Upstream { .. }
            | ModelError::Connection { .. }
            | ModelError::Protocol { .. } => "upstream_failed",
            ModelError::BudgetExhausted(refusal) => refusal.code(),
            ModelError::BudgetUnknown => "budget_unknown",
            ModelError::Timeout(_) => "timeout",
            ModelError::Cancelled => "cancelled",
        };
        let mut detail = error.to_string();
        capitalise(&mut detail);
        if !detail.ends_with(['.', '!', '?', '…']) {
            detail.push('.');
        }
        Self {
            kind: error.kind(),
            code,
            detail,
            hint: error.hint().map(Into::into),
        }
    }
}

fn capitalise(text: &mut str) {
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_uppercase();
    }
}
