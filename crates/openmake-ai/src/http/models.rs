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
use openmake_models::{classifier::Question, profiles::AvailableModel};

use crate::{
    choose::{can_chat, default_model},
    core::Core,
    upstream,
};

/// The models that one can ask: the profiles first, then the real ones.
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
    Allowed { .. }: Allowed<Chat>,
    headers: HeaderMap,
) -> Result<Json<ModelList>, ApiError> {
    let default_model = default_model(&core).await?;
    let available = upstream::available(&core).await;
    let language = headers
        .get(http::header::ACCEPT_LANGUAGE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split([',', ';']).next())
        .unwrap_or("en");
    let mut items: Vec<ModelView> = profiles(&core, &available, language);
    items.extend(real_models(&core, &available));
    let hint = (!can_chat(&available)).then(|| {
        let (detail, hint) = upstream::why_no_model(&core);
        format!("{detail} {hint}")
    });
    Ok(Json(ModelList {
        items,
        default_model,
        hint,
    }))
}

fn profiles(core: &Core, available: &[AvailableModel], language: &str) -> Vec<ModelView> {
    core.profiles
        .list()
        .map(|profile| {
            let real_model = core.profiles.real_model(profile.id, available);
            let model = real_model
                .as_ref()
                .and_then(|name| available.iter().find(|model| model.name == *name));
            let usable = core
                .profiles
                .resolve(profile.id, available, &Question::default())
                .is_ok();
            let mut capabilities: Vec<String> = model.map(names).unwrap_or_default();
            // One that chooses by the question can do what any of them can.
            if profile.is_auto() {
                capabilities = all_names(available);
            }
            ModelView {
                id: profile.id.to_owned(),
                name: profile.name(language).to_owned(),
                description: Some(profile.description(language).to_owned()),
                kind: "profile".to_owned(),
                context_length: model.and_then(|model| model.context_length),
                nodes: real_model
                    .as_deref()
                    .map(|name| upstream::nodes_with(core, name))
                    .unwrap_or_default(),
                real_model,
                capabilities,
                available: usable,
            }
        })
        .collect()
}

fn real_models<'a>(
    core: &'a Core,
    available: &'a [AvailableModel],
) -> impl Iterator<Item = ModelView> + 'a {
    available
        .iter()
        .filter(|model| model.capabilities.chat)
        .map(|model| ModelView {
            id: model.name.clone(),
            name: model.name.clone(),
            description: None,
            kind: "model".to_owned(),
            real_model: Some(model.name.clone()),
            capabilities: names(model),
            context_length: model.context_length,
            nodes: upstream::nodes_with(core, &model.name),
            available: true,
        })
}

fn names(model: &AvailableModel) -> Vec<String> {
    model
        .capabilities
        .names()
        .into_iter()
        .map(str::to_owned)
        .collect()
}

fn all_names(available: &[AvailableModel]) -> Vec<String> {
    let mut all: Vec<String> = available.iter().flat_map(names).collect();
    all.sort_unstable();
    all.dedup();
    all
}
