//! What there is: `/ollama/api/tags`, `show`, `ps` and `version`

use std::sync::Arc;

use axum::extract::State;
use openmake_api::{Allowed, ApiError, authorize::Chat, extract::Json, responses::ReadProblems};
use openmake_models::ModelDetails;
use openmake_types::ErrorKind;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::{Body, untagged, wire::ShowBody};
use crate::{
    compat::{Listed, ListedKind, list},
    core::Core,
};

/// The version of Ollama whose API is spoken here: clients ask, to know what
/// they may send.
const VERSION: &str = "0.12.6";

/// When a model was made is nothing that every server says.
const UNKNOWN_TIME: &str = "1970-01-01T00:00:00Z";

/// Whether the server runs, as Ollama says it.
#[utoipa::path(
    get,
    path = "/ollama",
    tag = "Ollama",
    responses((status = OK, description = "It runs", body = String, content_type = "text/plain"), ReadProblems),
    security(("bearer" = [])),
)]
pub(super) async fn running(Allowed { .. }: Allowed<Chat>) -> &'static str {
    "Ollama is running"
}

/// The same, for clients that end an address with a slash.
#[utoipa::path(
    get,
    path = "/ollama/",
    tag = "Ollama",
    responses((status = OK, description = "It runs", body = String, content_type = "text/plain"), ReadProblems),
    security(("bearer" = [])),
)]
pub(super) async fn running_too(allowed: Allowed<Chat>) -> &'static str {
    running(allowed).await
}

/// The version of Ollama's API that is spoken here.
#[utoipa::path(
    get,
    path = "/ollama/api/version",
    tag = "Ollama",
    responses((status = OK, description = "`{\"version\": \"…\"}`", body = Object), ReadProblems),
    security(("bearer" = [])),
)]
pub(super) async fn version(Allowed { .. }: Allowed<Chat>) -> Json<Value> {
    Json(json!({ "version": VERSION }))
}

/// The models that can be asked now with this credential, in Ollama's form.
#[utoipa::path(
    get,
    path = "/ollama/api/tags",
    tag = "Ollama",
    responses((status = OK, description = "`{\"models\": […]}`: profiles first, then real models", body = Object), ReadProblems),
    security(("bearer" = [])),
)]
pub(super) async fn tags(
    State(core): State<Arc<Core>>,
    Allowed { actor, .. }: Allowed<Chat>,
) -> Json<Value> {
    let models = list(&core, &actor.models).await;
    let models: Vec<Value> = models.iter().map(tag).collect();
    Json(json!({ "models": models }))
}

/// What is known of a model, in Ollama's form.
#[utoipa::path(
    post,
    path = "/ollama/api/show",
    tag = "Ollama",
    request_body = ShowBody,
    responses((status = OK, description = "`details`, `model_info` and `capabilities`", body = Object), ReadProblems),
    security(("bearer" = [])),
)]
pub(super) async fn show(
    State(core): State<Arc<Core>>,
    Allowed { actor, .. }: Allowed<Chat>,
    Body(body): Body<ShowBody>,
) -> Result<Json<Value>, ApiError> {
    let asked = body.model.or(body.name).unwrap_or_default();
    let name = untagged(&core, asked.clone());
    let profiles = core.administered.profiles();
    let wanted = profiles.lookup(&name).unwrap_or(&name);
    let plain = |name: &str| name.strip_suffix(":latest").unwrap_or(name).to_owned();
    let models = list(&core, &actor.models).await;
    let found = models
        .iter()
        .find(|model| model.name == wanted)
        .or_else(|| {
            models
                .iter()
                .find(|model| plain(&model.name) == plain(wanted))
        });
    match found {
        Some(model) => Ok(Json(shown(model))),
        None => Err(
            ApiError::new(ErrorKind::NotFound, format!("model '{asked}' not found"))
                .with_code("model_not_found"),
        ),
    }
}

/// The models that are known to be in a server's memory, in Ollama's form.
#[utoipa::path(
    get,
    path = "/ollama/api/ps",
    tag = "Ollama",
    responses((status = OK, description = "`{\"models\": […]}`", body = Object), ReadProblems),
    security(("bearer" = [])),
)]
pub(super) async fn ps(
    State(core): State<Arc<Core>>,
    Allowed { actor, .. }: Allowed<Chat>,
) -> Json<Value> {
    let models = list(&core, &actor.models).await;
    let loaded: Vec<Value> = models
        .iter()
        .filter(|model| model.loaded && model.kind == ListedKind::Model)
        .map(|model| {
            json!({
                "name": model.name,
                "model": model.name,
                "size": model.size.unwrap_or(0),
                "digest": digest(model),
                "details": details(&model.details),
            })
        })
        .collect();
    Json(json!({ "models": loaded }))
}

fn tag(model: &Listed) -> Value {
    json!({
        "name": model.name,
        "model": model.name,
        "modified_at": UNKNOWN_TIME,
        "size": model.size.unwrap_or(0),
        "digest": digest(model),
        "details": details(&model.details),
    })
}

fn shown(model: &Listed) -> Value {
    let known = &model.details;
    let capabilities: Vec<&str> = known
        .capabilities
        .chat
        .then_some("completion")
        .into_iter()
        .chain(known.capabilities.names())
        .collect();
    let mut info = Map::new();
    let family = known.family.as_deref().unwrap_or("unknown");
    info.insert("general.architecture".to_owned(), json!(family));
    if let Some(parameters) = known.parameters {
        info.insert("general.parameter_count".to_owned(), json!(parameters));
    }
    if let Some(tokens) = known.context_length {
        info.insert(format!("{family}.context_length"), json!(tokens));
    }
    json!({
        "modified_at": UNKNOWN_TIME,
        "details": details(known),
        "model_info": info,
        "capabilities": capabilities,
    })
}

fn details(known: &ModelDetails) -> Value {
    let families: Vec<&str> = known.family.as_deref().into_iter().collect();
    json!({
        "parent_model": "",
        "format": "",
        "family": known.family.as_deref().unwrap_or_default(),
        "families": families,
        "parameter_size": known.parameters.map(parameter_size).unwrap_or_default(),
        "quantization_level": known.quantization.as_deref().unwrap_or_default(),
    })
}

/// `8.2B`, `270M`
fn parameter_size(parameters: u64) -> String {
    const BILLION: u64 = 1_000_000_000;
    const MILLION: u64 = 1_000_000;
    if parameters >= BILLION {
        let tenths = parameters / (BILLION / 10);
        format!("{}.{}B", tenths / 10, tenths % 10)
    } else {
        format!("{}M", parameters / MILLION)
    }
}

/// What tells one entry of the list from another; the weights' own digest is
/// nothing that every server says.
fn digest(model: &Listed) -> String {
    let mut hash = Sha256::new();
    for part in [
        model.name.as_str(),
        model.details.quantization.as_deref().unwrap_or_default(),
    ] {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    hash.update(model.size.unwrap_or(0).to_be_bytes());
    hex::encode(hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_written_as_ollama_does() {
        assert_eq!(parameter_size(8_190_000_000), "8.1B");
        assert_eq!(parameter_size(70_000_000_000), "70.0B");
        assert_eq!(parameter_size(268_000_000), "268M");
    }
}
