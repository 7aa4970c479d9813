//! The problem responses of groups of routes, for the OpenAPI document.

use std::collections::BTreeMap;

use http::StatusCode;
use utoipa::{
    IntoResponses,
    openapi::{
        ContentBuilder, Ref, RefOr, Response, ResponseBuilder, ResponsesBuilder, schema::Schema,
    },
};

/// What every route may answer, with a credential or without.
#[derive(Debug, Clone, Copy)]
pub struct OpenProblems;

/// What a route may answer that needs a credential and reads.
#[derive(Debug, Clone, Copy)]
pub struct ReadProblems;

/// What a route may answer that needs a credential and writes.
#[derive(Debug, Clone, Copy)]
pub struct WriteProblems;

const OPEN: &[u16] = &[400, 429, 500, 503, 504];
const READ: &[u16] = &[400, 401, 403, 404, 429, 500, 503, 504];
const WRITE: &[u16] = &[400, 401, 403, 404, 409, 413, 429, 500, 503, 504];

fn problem(status: u16) -> (String, Response) {
    let reason = StatusCode::from_u16(status)
        .ok()
        .and_then(|status| status.canonical_reason())
        .unwrap_or("Error");
    let schema: RefOr<Schema> = Ref::from_schema_name("Problem").into();
    let response = ResponseBuilder::new()
        .description(reason)
        .content(
            "application/problem+json",
            ContentBuilder::new().schema(Some(schema)).build(),
        )
        .build();
    (status.to_string(), response)
}

fn problems(statuses: &[u16]) -> BTreeMap<String, RefOr<Response>> {
    ResponsesBuilder::new()
        .responses_from_iter(statuses.iter().map(|status| problem(*status)))
        .build()
        .responses
}

impl IntoResponses for OpenProblems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        problems(OPEN)
    }
}

impl IntoResponses for ReadProblems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        problems(READ)
    }
}

impl IntoResponses for WriteProblems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        problems(WRITE)
    }
}
