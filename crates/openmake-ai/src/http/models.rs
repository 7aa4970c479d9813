//! `GET /api/v1/models`

use std::sync::Arc;

use axum::extract::State;
use http::HeaderMap;
use openmake_api::{
    Allowed, ApiError,
    authorize::Chat,
    extract::Json,
    models::{ModelList, ModelView},
    responses::ReadProblems,
};
use openmake_models::{
    ModelCapabilities, classifier::Question, pool::PoolModel, profiles::AvailableModel,
};

use crate::{
    choose::{can_chat, default_model},
    core::Core,
    upstream,
};

/// The models that one may ask: the profiles first, then the real ones.
#[utoipa::path(
    get,
    path = "/api/v1/models",
    tag = "models",
    params(("Accept-Language" = Option<String>, Header, description = "The language of names and descriptions: en, ko, ja or zh")),
    responses((status = OK, body = ModelList), ReadProblems),
    security(("bearer" = [])),
)]
pub(crate) async fn list(
    State(core): State<Arc<Core>>,
    Allowed { actor, .. }: Allowed<Chat>,
    headers: HeaderMap,
) -> Result<Json<ModelList>, ApiError> {
    let models = upstream::models(&core).await;
    let available = upstream::available_of(&models);
    let default_model = default_model(&core, &actor.models, &available).await?;
    let language = headers
        .get(http::header::ACCEPT_LANGUAGE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split([',', ';']).next())
        .unwrap_or("en");
    let mut items = profiles(&core, &models, &available, language);
    items.extend(real_models(&models));
    items.retain(|model| actor.models.allows(&model.id));
    let hint = if !can_chat(&available) {
        let (detail, hint) = upstream::why_no_model(&core);
        Some(format!("{detail} {hint}"))
    } else if items.iter().any(|model| model.available) {
        None
    } else {
        Some(
            "None of the models that you may ask is available. An administrator can change which \
             those are."
                .to_owned(),
        )
    };
    Ok(Json(ModelList {
        items,
        default_model,
        hint,
    }))
}

fn profiles(
    core: &Core,
    models: &[PoolModel],
    available: &[AvailableModel],
    language: &str,
) -> Vec<ModelView> {
    let profiles = core.administered.profiles();
    profiles
        .list()
        .map(|profile| {
            let real_model = profiles.real_model(profile.id, available);
            let model = real_model
                .as_ref()
                .and_then(|name| models.iter().find(|model| model.name == *name));
            let usable = profiles
                .resolve(profile.id, available, &Question::default())
                .is_ok();
            let capabilities = if profile.is_auto() {
                // One that chooses by the question can do what any can.
                names(available.iter().map(|model| model.capabilities))
            } else {
                names(model.map(|model| model.details.capabilities))
            };
            ModelView {
                id: profile.id.to_owned(),
                name: profile.name(language).to_owned(),
                description: Some(profile.description(language).to_owned()),
                kind: "profile".to_owned(),
                context_length: model.and_then(|model| model.details.context_length),
                nodes: model.map(|model| model.nodes.clone()).unwrap_or_default(),
                real_model,
                capabilities,
                available: usable,
            }
        })
        .collect()
}

fn real_models(models: &[PoolModel]) -> impl Iterator<Item = ModelView> + '_ {
    models
        .iter()
        .filter(|model| model.details.capabilities.chat)
        .map(|model| ModelView {
            id: model.name.clone(),
            name: model.name.clone(),
            description: None,
            kind: "model".to_owned(),
            real_model: Some(model.name.clone()),
            capabilities: names([model.details.capabilities]),
            context_length: model.details.context_length,
            nodes: model.nodes.clone(),
            available: model.available,
        })
}

/// The names of what any of them can do, each once, in their usual order.
fn names(capabilities: impl IntoIterator<Item = ModelCapabilities>) -> Vec<String> {
    let mut any = ModelCapabilities::default();
    for one in capabilities {
        any.tools |= one.tools;
        any.vision |= one.vision;
        any.thinking |= one.thinking;
        any.embedding |= one.embedding;
    }
    any.names().into_iter().map(str::to_owned).collect()
}
