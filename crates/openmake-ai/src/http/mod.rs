//! The HTTP surface. A handler reads the request and picks the status; the
//! rules are in plain functions elsewhere.

pub(crate) mod health;
mod idempotency;
mod models;
mod node_create;
mod node_discover;
mod node_list;
mod node_remove;
mod node_test;
mod node_update;
mod node_usage;
mod profiles;
mod turn_again;
pub(crate) mod turn_cancel;
mod turn_events;
mod turn_get;
mod turn_start;

use std::sync::Arc;

use axum::{Router, extract::DefaultBodyLimit};
use http::Method;
use utoipa::openapi::OpenApi;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{compat, core::Core};

/// Bytes of a question with its pictures: eight of 8 MiB in base64, and text.
/// The gateway may let less through.
pub(crate) const MAX_QUESTION_BYTES: usize = 96 * 1024 * 1024;
/// Bytes of every other body.
const MAX_BODY_BYTES: usize = 1024 * 1024;

/// The routes and their description.
pub(crate) fn router() -> (Router<Arc<Core>>, OpenApi) {
    let questions = OpenApiRouter::new()
        .routes(routes!(turn_start::start))
        .layer(DefaultBodyLimit::max(MAX_QUESTION_BYTES));
    let others = OpenApiRouter::new()
        .routes(routes!(turn_get::get))
        .routes(routes!(turn_events::events))
        .routes(routes!(turn_cancel::cancel))
        .routes(routes!(turn_again::regenerate))
        .routes(routes!(turn_again::continue_answer))
        .routes(routes!(models::list))
        .routes(routes!(node_list::list, node_create::create))
        .routes(routes!(node_test::test_new))
        .routes(routes!(node_discover::discover))
        .routes(routes!(node_usage::report))
        .routes(routes!(node_update::update, node_remove::remove))
        .routes(routes!(node_test::test_known))
        .routes(routes!(profiles::list))
        .routes(routes!(profiles::edit, profiles::reset))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES));
    questions
        .merge(others)
        .merge(compat::anthropic::router())
        .merge(compat::ollama::router())
        .merge(compat::openai::router())
        .split_for_parts()
}

/// Every method and path of the description.
pub(crate) fn routes(openapi: &OpenApi) -> Vec<(Method, String)> {
    let mut routes = Vec::new();
    for (path, item) in &openapi.paths.paths {
        let methods = [
            (Method::GET, item.get.is_some()),
            (Method::POST, item.post.is_some()),
            (Method::PUT, item.put.is_some()),
            (Method::PATCH, item.patch.is_some()),
            (Method::DELETE, item.delete.is_some()),
        ];
        routes.extend(
            methods
                .into_iter()
                .filter(|(_, there)| *there)
                .map(|(method, _)| (method, path.clone())),
        );
    }
    routes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_is_described() {
        let openapi = router().1;
        let listed = routes(&openapi);
        for (method, path) in [
            (Method::POST, "/api/v1/conversations/{id}/turns"),
            (Method::GET, "/api/v1/turns/{id}"),
            (Method::GET, "/api/v1/turns/{id}/events"),
            (Method::POST, "/api/v1/turns/{id}/cancel"),
            (Method::POST, "/api/v1/turns/{id}/regenerate"),
            (Method::POST, "/api/v1/turns/{id}/continue"),
            (Method::GET, "/api/v1/models"),
            (Method::GET, "/api/v1/nodes"),
            (Method::POST, "/api/v1/nodes"),
            (Method::POST, "/api/v1/nodes/test"),
            (Method::POST, "/api/v1/nodes/discover"),
            (Method::GET, "/api/v1/nodes/usage"),
            (Method::PATCH, "/api/v1/nodes/{id}"),
            (Method::DELETE, "/api/v1/nodes/{id}"),
            (Method::POST, "/api/v1/nodes/{id}/test"),
            (Method::GET, "/api/v1/profiles"),
            (Method::PUT, "/api/v1/profiles/{id}"),
            (Method::DELETE, "/api/v1/profiles/{id}"),
        ] {
            assert!(
                listed.contains(&(method.clone(), path.to_owned())),
                "{method} {path}"
            );
        }
        let own = listed.iter().filter(|(_, path)| path.starts_with("/api/"));
        assert_eq!(own.count(), 18);
        for (method, path) in [
            (Method::GET, "/v1/models"),
            (Method::GET, "/v1/models/{id}"),
            (Method::POST, "/v1/chat/completions"),
            (Method::POST, "/v1/embeddings"),
            (Method::POST, "/v1/messages"),
            (Method::POST, "/v1/messages/count_tokens"),
            (Method::POST, "/ollama/api/chat"),
            (Method::DELETE, "/ollama/api/delete"),
            (Method::POST, "/v1/responses"),
            (Method::GET, "/v1/responses/{id}"),
            (Method::DELETE, "/v1/responses/{id}"),
            (Method::POST, "/v1/responses/{id}/cancel"),
            (Method::GET, "/v1/responses/{id}/input_items"),
        ] {
            assert!(
                listed.contains(&(method.clone(), path.to_owned())),
                "{method} {path}"
            );
        }
    }
}
