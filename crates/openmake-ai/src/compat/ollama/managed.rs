//! What Ollama's clients can do with models that they cannot do here: models
//! are their server's, which many share, and an administrator's to change.

use openmake_api::{Allowed, ApiError, authorize::Chat, responses::WriteProblems};
use openmake_types::ErrorKind;

fn not_here() -> ApiError {
    ApiError::new(
        ErrorKind::Forbidden,
        "Models are managed on their servers, not through this address.",
    )
    .with_code("not_managed_here")
    .with_hint("An administrator can use `ollama` on the model server itself.")
}

/// Refused: models are managed on their servers.
#[utoipa::path(post, path = "/ollama/api/pull", tag = "Ollama", responses(WriteProblems), security(("bearer" = [])))]
pub(super) async fn pull(Allowed { .. }: Allowed<Chat>) -> ApiError {
    not_here()
}

/// Refused: models are managed on their servers.
#[utoipa::path(post, path = "/ollama/api/push", tag = "Ollama", responses(WriteProblems), security(("bearer" = [])))]
pub(super) async fn push(Allowed { .. }: Allowed<Chat>) -> ApiError {
    not_here()
}

/// Refused: models are managed on their servers.
#[utoipa::path(post, path = "/ollama/api/create", tag = "Ollama", responses(WriteProblems), security(("bearer" = [])))]
pub(super) async fn create(Allowed { .. }: Allowed<Chat>) -> ApiError {
    not_here()
}

/// Refused: models are managed on their servers.
#[utoipa::path(post, path = "/ollama/api/copy", tag = "Ollama", responses(WriteProblems), security(("bearer" = [])))]
pub(super) async fn copy(Allowed { .. }: Allowed<Chat>) -> ApiError {
    not_here()
}

/// Refused: models are managed on their servers.
#[utoipa::path(delete, path = "/ollama/api/delete", tag = "Ollama", responses(WriteProblems), security(("bearer" = [])))]
pub(super) async fn delete(Allowed { .. }: Allowed<Chat>) -> ApiError {
    not_here()
}
