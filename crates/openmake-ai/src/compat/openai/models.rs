//! `GET /v1/models` and `GET /v1/models/{id}`

use std::sync::Arc;

use axum::extract::State;
use http::HeaderMap;
use openmake_api::{
    Allowed, ApiError,
    authorize::Chat,
    extract::{Json, Path},
    responses::ReadProblems,
};
use openmake_types::ErrorKind;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    compat::{
        Listed, ListedKind,
        anthropic::models::{self as anthropic, ModelInfo, ModelInfos},
        list as listed,
    },
    core::Core,
};

/// A model as OpenAI's clients read it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OpenAiModel)]
pub(crate) struct ModelObject {
    /// The name to ask for.
    id: String,
    /// `model`.
    object: &'static str,
    /// Always 0: servers do not say when a model was made.
    created: i64,
    /// `openmake` for a profile, `model-server` for a real model.
    owned_by: &'static str,
    /// The tokens that it can read, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    context_length: Option<u64>,
    /// `tools`, `vision`, `thinking`, `embedding`.
    capabilities: Vec<&'static str>,
}

impl From<Listed> for ModelObject {
    fn from(listed: Listed) -> Self {
        Self {
            id: listed.name,
            object: "model",
            created: 0,
            owned_by: match listed.kind {
                ListedKind::Profile => "openmake",
                ListedKind::Model => "model-server",
            },
            context_length: listed.details.context_length,
            capabilities: listed.details.capabilities.names(),
        }
    }
}

/// Models as OpenAI's clients read them.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OpenAiModelList)]
pub(crate) struct ModelObjects {
    /// `list`.
    object: &'static str,
    /// Profiles first, then real models by name.
    data: Vec<ModelObject>,
}

/// The same to whoever asks.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum ModelsAnswer {
    /// As OpenAI's clients read it.
    OpenAi(ModelObjects),
    /// As Anthropic's do.
    Anthropic(ModelInfos),
}

/// One of them, to whoever asks.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum ModelAnswer {
    /// As OpenAI's clients read it.
    OpenAi(ModelObject),
    /// As Anthropic's do.
    Anthropic(ModelInfo),
}

/// The models that can be asked now with this credential, in OpenAI's form;
/// in Anthropic's where the header `anthropic-version` says that its client asks.
#[utoipa::path(
    get,
    path = "/v1/models",
    tag = "OpenAI",
    responses(
        (status = OK, body = ModelsAnswer),
        ReadProblems,
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn list(
    State(core): State<Arc<Core>>,
    Allowed { actor, .. }: Allowed<Chat>,
    headers: HeaderMap,
) -> Json<ModelsAnswer> {
    let models = listed(&core, &actor.models).await;
    Json(if anthropic::asks(&headers) {
        ModelsAnswer::Anthropic(models.into())
    } else {
        ModelsAnswer::OpenAi(ModelObjects {
            object: "list",
            data: models.into_iter().map(ModelObject::from).collect(),
        })
    })
}

/// One of them.
#[utoipa::path(
    get,
    path = "/v1/models/{id}",
    tag = "OpenAI",
    params(("id" = String, Path, description = "The name, with `/` in it written as `%2F`")),
    responses((status = OK, body = ModelAnswer), ReadProblems),
    security(("bearer" = [])),
)]
pub(crate) async fn get(
    State(core): State<Arc<Core>>,
    Allowed { actor, .. }: Allowed<Chat>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<Json<ModelAnswer>, ApiError> {
    let profiles = core.administered.profiles();
    let canonical = profiles.lookup(&id).unwrap_or(&id);
    let found = listed(&core, &actor.models)
        .await
        .into_iter()
        .find(|model| model.name == canonical);
    let found = found.ok_or_else(|| {
        ApiError::new(ErrorKind::NotFound, format!("There is no model {id}."))
            .with_code("model_not_found")
            .with_hint("GET /v1/models lists those that there are.")
            .and_field("model", "unknown", "There is no such model.")
    })?;
    Ok(Json(if anthropic::asks(&headers) {
        ModelAnswer::Anthropic(found.into())
    } else {
        ModelAnswer::OpenAi(found.into())
    }))
}
