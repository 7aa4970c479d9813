//! What an error answer means.

use std::time::Duration;

use serde_json::Value;

use crate::ModelError;

/// An answer with an error status, or an error within a stream.
#[derive(Debug, Clone, Copy)]
pub struct Failure<'a> {
    /// The HTTP status; none within a stream.
    pub status: Option<u16>,
    /// When the server says to come again.
    pub retry_after: Option<Duration>,
    /// The body, or the event.
    pub body: &'a [u8],
    /// The model that was asked for; empty where none was.
    pub model: &'a str,
}

/// Words by which servers say that a conversation is too long. They come with
/// the statuses 400, 413, 422 and 500, and within streams.
const TOO_LONG: &[&str] = &[
    "context length",
    "context_length",
    "context size",
    "context_size",
    "context window",
    "maximum context",
    "max context",
    "prompt is too long",
    "prompt too long",
    "input is too long",
    "input length exceeds",
    "too many tokens",
];

/// Words by which servers say that they do not have a model.
const NO_MODEL: &[&str] = &[
    "model_not_found",
    "not a valid model",
    "unknown model",
    "no such model",
    "invalid model",
];

/// Reads an error as both protocols and their relatives write it.
pub fn read_failure(failure: Failure<'_>) -> ModelError {
    let (message, code) = words(failure.body);
    let status = failure.status.or_else(|| {
        code.parse()
            .ok()
            .filter(|status| (400..600).contains(status))
    });
    let message = match (message.is_empty(), status) {
        (false, _) => message,
        (true, Some(status)) => reason(status),
        (true, None) => "an error without a message".to_owned(),
    };
    let search = format!("{code} {message}").to_lowercase();
    let says = |phrases: &[&str]| phrases.iter().any(|phrase| search.contains(phrase));
    match status {
        Some(401 | 403) => ModelError::Unauthorized {
            message: crate::error::presentable(&message),
        },
        Some(429) => ModelError::RateLimited {
            retry_after: failure.retry_after,
        },
        _ if says(TOO_LONG) => ModelError::ContextTooLong {
            message: crate::error::presentable(&message),
        },
        _ if !failure.model.is_empty() && (says(NO_MODEL) || lacks_model(status, &search)) => {
            ModelError::ModelNotFound {
                model: failure.model.to_owned(),
            }
        }
        _ => ModelError::upstream(failure.status, &message),
    }
}

/// `model "x" not found, try pulling it first`, `The model 'x' does not exist`.
/// Any 404 may also be a wrong path.
fn lacks_model(status: Option<u16>, search: &str) -> bool {
    matches!(status, None | Some(400 | 404))
        && search.contains("model")
        && (search.contains("not found") || search.contains("does not exist"))
}

/// The message and the code (or type) in an error body.
fn words(body: &[u8]) -> (String, String) {
    let Ok(value) = serde_json::from_slice::<Value>(body) else {
        let text = String::from_utf8_lossy(body);
        let text = text.trim();
        // A proxy's error page says less than its status.
        let shown = if text.starts_with('<') { "" } else { text };
        return (shown.to_owned(), String::new());
    };
    // Google answers with a list of one.
    let value = value.get(0).unwrap_or(&value);
    let error = value.get("error").unwrap_or(value);
    let message = match error {
        Value::String(text) => text.clone(),
        _ => ["message", "detail", "error", "msg"]
            .iter()
            .find_map(|field| error.get(field))
            .map(|found| {
                found
                    .as_str()
                    .map_or_else(|| found.to_string(), str::to_owned)
            })
            .unwrap_or_default(),
    };
    let code = ["code", "type", "status"]
        .iter()
        .filter_map(|field| error.get(field))
        .map(|found| {
            found
                .as_str()
                .map_or_else(|| found.to_string(), str::to_owned)
        })
        .find(|code| !code.is_empty() && code != "null")
        .unwrap_or_default();
    (message, code)
}

fn reason(status: u16) -> String {
    let known = http::StatusCode::from_u16(status)
        .ok()
        .and_then(|status| status.canonical_reason());
    known.map_or_else(
        || format!("status {status}"),
        |reason| format!("{status} {reason}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(status: u16, body: &str) -> ModelError {
        read_failure(Failure {
            status: Some(status),
            retry_after: None,
            body: body.as_bytes(),
            model: "m",
        })
    }

    #[test]
    fn the_words_of_many_servers() {
        use ModelError as E;
        let not_found = E::ModelNotFound { model: "m".into() };
        for body in [
            r#"{"error":"model \"m\" not found, try pulling it first"}"#,
            r#"{"error":{"message":"The model `m` does not exist","type":"NotFoundError","code":404}}"#,
            r#"{"error":{"message":"The requested thing","code":"model_not_found"}}"#,
        ] {
            assert_eq!(read(404, body), not_found, "{body}");
        }
        assert_eq!(
            read(
                400,
                r#"{"error":{"message":"m is not a valid model ID","code":400}}"#
            ),
            not_found
        );
        assert!(matches!(
            read(404, "404 page not found"),
            E::Upstream {
                status: Some(404),
                ..
            }
        ));

        for (status, body) in [
            (
                400,
                r#"{"error":{"code":400,"message":"the request exceeds the available context size (2048 tokens)","type":"exceed_context_size_error"}}"#,
            ),
            (
                400,
                r#"{"error":{"message":"This model's maximum context length is 8192 tokens.","code":"context_length_exceeded"}}"#,
            ),
            (
                500,
                r#"{"error":"the input length exceeds the context length"}"#,
            ),
            (
                400,
                r#"{"object":"error","message":"This model's maximum context length is 4096 tokens","code":400}"#,
            ),
        ] {
            assert!(
                matches!(read(status, body), E::ContextTooLong { .. }),
                "{body}"
            );
        }
        assert!(matches!(
            read(401, r#"{"error":{"message":"bad key"}}"#),
            E::Unauthorized { .. }
        ));
        assert!(
            matches!(read(403, "<html>"), E::Unauthorized { message } if message == "403 Forbidden")
        );
        assert!(matches!(read(429, "{}"), E::RateLimited { .. }));
        assert!(matches!(
            read(400, r#"[{"error":{"code":400,"message":"API key not valid"}}]"#),
            E::Upstream { message, .. } if message == "API key not valid"
        ));
        assert!(matches!(
            read(502, "<html><h1>Bad Gateway</h1>"),
            E::Upstream { status: Some(502), message } if message == "502 Bad Gateway"
        ));
        assert!(matches!(
            read(422, r#"{"detail":[{"msg":"field required"}]}"#),
            E::Upstream { message, .. } if message.contains("field required")
        ));
    }

    #[test]
    fn an_error_within_a_stream_may_carry_a_status() {
        let body = br#"{"error":{"code":429,"message":"slow down"}}"#;
        let error = read_failure(Failure {
            status: None,
            retry_after: None,
            body,
            model: "m",
        });
        assert_eq!(error, ModelError::RateLimited { retry_after: None });
    }
}
