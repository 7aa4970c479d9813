//! `POST /ollama/api/embed` and, for older clients, `/ollama/api/embeddings`

use std::sync::Arc;

use axum::extract::State;
use openmake_api::{Allowed, ApiError, authorize::Chat, extract::Json, responses::WriteProblems};
use openmake_models::EmbedRequest;
use serde::Serialize;
use tokio::time::Instant;
use utoipa::ToSchema;

use super::{
    Body,
    lines::nanos,
    options::no_options,
    request::none_of,
    wire::{EmbedBody, EmbeddingsBody, OneOrMany},
};
use crate::{
    compat::{Surface, embed as vectors_of},
    core::Core,
};

/// Texts of one request.
const MAX_INPUTS: usize = 2_048;
/// Bytes of all of them.
const MAX_INPUT_BYTES: usize = 8 * 1024 * 1024;

/// The vectors of texts.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OllamaEmbeddings)]
pub(super) struct EmbedAnswer {
    /// The model, as it was asked for.
    model: String,
    /// One for each text, in order.
    embeddings: Vec<Vec<f32>>,
    /// Nanoseconds.
    total_duration: u64,
    /// Nanoseconds; not known here.
    load_duration: u64,
    /// Tokens.
    prompt_eval_count: u64,
}

/// Turn texts into vectors, in Ollama's protocol.
#[utoipa::path(
    post,
    path = "/ollama/api/embed",
    tag = "Ollama",
    request_body = EmbedBody,
    responses((status = OK, body = EmbedAnswer), WriteProblems),
    security(("bearer" = [])),
)]
pub(super) async fn embed(
    State(core): State<Arc<Core>>,
    Allowed { actor, .. }: Allowed<Chat>,
    Body(body): Body<EmbedBody>,
) -> Result<Json<EmbedAnswer>, ApiError> {
    let began = Instant::now();
    none_of(&body.rest)?;
    no_options(body.options)?;
    let inputs = match body.input {
        OneOrMany::One(text) => vec![text],
        OneOrMany::Many(texts) => texts,
    };
    let request = EmbedRequest {
        model: body.model.clone(),
        inputs: within_limits(inputs, "input")?,
        dimensions: body.dimensions,
    };
    let embedded = vectors_of(&core, Surface::Ollama, &actor, request).await?;
    Ok(Json(EmbedAnswer {
        model: body.model,
        embeddings: embedded.vectors,
        total_duration: nanos(began.elapsed()),
        load_duration: 0,
        prompt_eval_count: embedded.tokens.input,
    }))
}

/// The vector of a text.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OllamaEmbedding)]
pub(super) struct EmbeddingsAnswer {
    /// The vector.
    embedding: Vec<f32>,
}

/// Turn a text into a vector, as older clients of Ollama's ask for it.
#[utoipa::path(
    post,
    path = "/ollama/api/embeddings",
    tag = "Ollama",
    request_body = EmbeddingsBody,
    responses((status = OK, body = EmbeddingsAnswer), WriteProblems),
    security(("bearer" = [])),
)]
pub(super) async fn embeddings(
    State(core): State<Arc<Core>>,
    Allowed { actor, .. }: Allowed<Chat>,
    Body(body): Body<EmbeddingsBody>,
) -> Result<Json<EmbeddingsAnswer>, ApiError> {
    none_of(&body.rest)?;
    no_options(body.options)?;
    let request = EmbedRequest {
        model: body.model,
        inputs: within_limits(vec![body.prompt], "prompt")?,
        dimensions: None,
    };
    let embedded = vectors_of(&core, Surface::Ollama, &actor, request).await?;
    Ok(Json(EmbeddingsAnswer {
        embedding: embedded.vectors.into_iter().next().unwrap_or_default(),
    }))
}

fn within_limits(inputs: Vec<String>, field: &str) -> Result<Vec<String>, ApiError> {
    let bytes: usize = inputs.iter().map(String::len).sum();
    if inputs.len() > MAX_INPUTS || bytes > MAX_INPUT_BYTES {
        return Err(ApiError::field(
            field,
            "too_many",
            format!("`{field}` has at most {MAX_INPUTS} texts and {MAX_INPUT_BYTES} bytes."),
        ));
    }
    Ok(inputs)
}
