//! `/v1/responses`: a response that is stored is a durable turn in a
//! conversation of the caller's, and survives its connection; one that is not
//! is a stateless call. docs/decisions/0011-openai-surface.md says which is
//! which.

mod answer;
mod create;
mod request;
mod source;
mod stored;

use std::sync::Arc;

use openmake_api::ApiError;
use openmake_types::{ErrorKind, TurnId};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::core::Core;

/// The routes with their description.
pub(super) fn router() -> OpenApiRouter<Arc<Core>> {
    OpenApiRouter::new()
        .routes(routes!(create::create))
        .routes(routes!(stored::get, stored::delete))
        .routes(routes!(stored::cancel))
        .routes(routes!(stored::input_items))
}

/// The name of a stored response: its turn's.
fn response_id(turn: TurnId) -> String {
    format!("resp_{}", turn.as_uuid().simple())
}

/// The turn that a response is.
fn turn_of(id: &str) -> Option<TurnId> {
    let id = id.strip_prefix("resp_")?;
    Uuid::try_parse(id).ok().map(TurnId::from_uuid)
}

fn no_response(field: &str) -> ApiError {
    ApiError::new(ErrorKind::NotFound, "There is no such response.")
        .with_code("response_not_found")
        .with_hint(
            "Responses with tools, with several input items or with `store: false` are not stored: send the items again instead.",
        )
        .and_field(field, "unknown", "There is no such response.")
}
