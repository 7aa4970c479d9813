//! Ollama's own surface, for its clients.
//!
//! What of its protocol means what here, and what is refused, is in
//! docs/compatibility-anthropic-ollama.md.

mod answer;
mod embeddings;
mod lines;
mod managed;
mod models;
mod options;
mod request;
mod wire;

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, FromRequest, Request};
use openmake_api::{ApiError, extract::too_large};
use serde::de::DeserializeOwned;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{core::Core, http::MAX_QUESTION_BYTES};

/// The routes with their description.
pub(crate) fn router() -> OpenApiRouter<Arc<Core>> {
    OpenApiRouter::new()
        .routes(routes!(answer::chat))
        .routes(routes!(answer::generate))
        .routes(routes!(embeddings::embed))
        .routes(routes!(embeddings::embeddings))
        .routes(routes!(models::running))
        .routes(routes!(models::running_too))
        .routes(routes!(models::version))
        .routes(routes!(models::tags))
        .routes(routes!(models::show))
        .routes(routes!(models::ps))
        .routes(routes!(managed::pull))
        .routes(routes!(managed::push))
        .routes(routes!(managed::create))
        .routes(routes!(managed::copy))
        .routes(routes!(managed::delete))
        .layer(DefaultBodyLimit::max(MAX_QUESTION_BYTES))
}

/// A JSON body, whatever it calls itself: Ollama does not look, and its own
/// documentation sends JSON as a form.
#[derive(Debug)]
struct Body<T>(T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let bytes = axum::body::Bytes::from_request(request, state)
            .await
            .map_err(|rejection| {
                if rejection.status() == http::StatusCode::PAYLOAD_TOO_LARGE {
                    too_large()
                } else {
                    ApiError::invalid(rejection.body_text())
                }
            })?;
        serde_json::from_slice(&bytes).map(Self).map_err(|error| {
            ApiError::invalid(format!("The body is not what this route takes: {error}."))
                .with_code("invalid_json")
        })
    }
}

/// A profile's name without the tag that Ollama's clients add to every name. A
/// real model is found either way.
fn untagged(core: &Core, name: String) -> String {
    match name.strip_suffix(":latest") {
        Some(plain) if core.administered.profiles().lookup(plain).is_some() => plain.to_owned(),
        _ => name,
    }
}
