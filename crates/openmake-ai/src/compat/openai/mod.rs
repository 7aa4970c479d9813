//! OpenAI's surface: `/v1/models`, `/v1/chat/completions`, `/v1/embeddings`,
//! `/v1/responses`.

mod chat;
mod chat_answer;
mod chat_request;
mod content;
mod embeddings;
mod models;
mod responses;
mod tools;

use std::sync::Arc;

use axum::extract::DefaultBodyLimit;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{core::Core, http::MAX_QUESTION_BYTES};

/// The routes with their description.
pub(crate) fn router() -> OpenApiRouter<Arc<Core>> {
    OpenApiRouter::new()
        .routes(routes!(chat::create))
        .routes(routes!(embeddings::create))
        .routes(routes!(models::list))
        .routes(routes!(models::get))
        .merge(responses::router())
        .layer(DefaultBodyLimit::max(MAX_QUESTION_BYTES))
}
