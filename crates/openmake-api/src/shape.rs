//! Errors as other vendors' clients read them.
//!
//! Handlers and the gateway fail with an [`crate::ApiError`] wherever they
//! are. On its way out the gateway writes the [`Problem`] in the shape of the
//! surface that was called; what fails in the middle of a stream is written in
//! the same shapes by whoever streams.

use http::StatusCode;
use serde_json::{Value, json};

use crate::Problem;

/// The form of a surface's errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorShape {
    /// RFC 9457, our own.
    Problem,
    /// OpenAI's: `{"error": {message, type, param, code}}`.
    OpenAi,
    /// Anthropic's: `{"type": "error", "error": {type, message}}`.
    Anthropic,
    /// Ollama's: `{"error": "…"}`.
    Ollama,
}

impl ErrorShape {
    /// The shape of the surface that `path` belongs to.
    pub fn of_path(path: &str) -> Self {
        let under = |root: &str| {
            path.strip_prefix(root)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        if under("/v1/messages") {
            Self::Anthropic
        } else if under("/v1") {
            Self::OpenAi
        } else if under("/ollama") {
            Self::Ollama
        } else {
            Self::Problem
        }
    }

    /// The body's media type.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Problem => "application/problem+json",
            Self::OpenAi | Self::Anthropic | Self::Ollama => "application/json",
        }
    }

    /// The status that the surface's clients know the error by.
    pub fn status(self, problem: &Problem) -> StatusCode {
        let status =
            StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        match (self, problem.status) {
            (Self::Anthropic, 503) => StatusCode::from_u16(529).unwrap_or(status),
            _ => status,
        }
    }

    /// The body.
    pub fn body(self, problem: &Problem) -> Value {
        match self {
            Self::Problem => serde_json::to_value(problem).unwrap_or_default(),
            Self::OpenAi => openai(problem),
            Self::Anthropic => anthropic(problem),
            Self::Ollama => json!({ "error": message(problem) }),
        }
    }
}

/// What happened and what to do about it, in one text: these surfaces have no
/// hints.
fn message(problem: &Problem) -> String {
    match &problem.hint {
        Some(hint) => format!("{} {hint}", problem.detail),
        None => problem.detail.clone(),
    }
}

fn openai(problem: &Problem) -> Value {
    let kind = match problem.status {
        401 => "authentication_error",
        402 => "insufficient_quota",
        403 => "permission_error",
        429 => "rate_limit_error",
        400..=498 => "invalid_request_error",
        _ => "server_error",
    };
    let code = match problem.code.as_str() {
        // The names that clients of OpenAI's look for.
        "unauthenticated" | "token_invalid" | "api_key_invalid" => "invalid_api_key",
        "rate_limited" | "key_requests_limited" | "key_tokens_limited" => "rate_limit_exceeded",
        code => code,
    };
    json!({
        "error": {
            "message": message(problem),
            "type": kind,
            "param": problem.fields.first().map(|wrong| &wrong.field),
            "code": code,
        }
    })
}

fn anthropic(problem: &Problem) -> Value {
    let kind = match problem.status {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        503 => "overloaded_error",
        504 => "timeout_error",
        400..=498 => "invalid_request_error",
        _ => "api_error",
    };
    json!({
        "type": "error",
        "error": { "type": kind, "message": message(problem) },
        "request_id": problem.request_id,
    })
}

#[cfg(test)]
mod tests {
    use openmake_types::ErrorKind;

    use super::*;
    use crate::ApiError;

    #[test]
    fn the_path_chooses_the_shape() {
        for (path, shape) in [
            ("/v1", ErrorShape::OpenAi),
            ("/v1/chat/completions", ErrorShape::OpenAi),
            ("/v1/no/such", ErrorShape::OpenAi),
            ("/v1/messages", ErrorShape::Anthropic),
            ("/v1/messages/count_tokens", ErrorShape::Anthropic),
            ("/v1/messages2", ErrorShape::OpenAi),
            ("/ollama/api/tags", ErrorShape::Ollama),
            ("/ollama", ErrorShape::Ollama),
            ("/ollamas", ErrorShape::Problem),
            ("/api/v1/turns", ErrorShape::Problem),
            ("/v10", ErrorShape::Problem),
        ] {
            assert_eq!(ErrorShape::of_path(path), shape, "{path}");
        }
    }

    #[test]
    fn one_error_in_every_shape() {
        let problem = ApiError::field("model", "unknown", "There is no model x.")
            .with_code("model_not_found")
            .with_hint("List them.")
            .problem();
        assert_eq!(
            ErrorShape::OpenAi.body(&problem),
            json!({"error": {
                "message": "There is no model x. List them.", "type": "invalid_request_error",
                "param": "model", "code": "model_not_found",
            }})
        );
        assert_eq!(
            ErrorShape::Anthropic.body(&problem),
            json!({"type": "error", "request_id": null, "error": {
                "type": "invalid_request_error", "message": "There is no model x. List them.",
            }})
        );
        assert_eq!(
            ErrorShape::Ollama.body(&problem),
            json!({"error": "There is no model x. List them."})
        );
        assert_eq!(
            ErrorShape::Problem.body(&problem)["code"],
            "model_not_found"
        );
    }

    #[test]
    fn codes_and_statuses_that_clients_know() {
        let denied = ApiError::unauthenticated().problem();
        assert_eq!(
            ErrorShape::OpenAi.body(&denied)["error"]["code"],
            "invalid_api_key"
        );
        let busy = ApiError::new(ErrorKind::Unavailable, "Busy.").problem();
        assert_eq!(ErrorShape::Anthropic.status(&busy).as_u16(), 529);
        assert_eq!(ErrorShape::OpenAi.status(&busy).as_u16(), 503);
        assert_eq!(
            ErrorShape::Anthropic.body(&busy)["error"]["type"],
            "overloaded_error"
        );
    }
}
