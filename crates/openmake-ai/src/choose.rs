//! From the model that is asked for to the plan of the turn.

use openmake_agents::{Plan, ThinkingChoice, way_of_working};
use openmake_api::ApiError;
use openmake_models::{
    ModelCapabilities, ThinkingLevel,
    classifier::Question,
    profiles::{AvailableModel, Requirement, Resolution, ResolveError},
};
use openmake_types::ErrorKind;

use crate::{core::Core, error::store_error, upstream};

/// What is asked for.
#[derive(Debug)]
pub(crate) struct Wish<'a> {
    /// The model, by its public or real name; the instance's default unless
    /// given.
    pub(crate) model: Option<&'a str>,
    /// The thinking level that the person wants.
    pub(crate) thinking: Option<ThinkingLevel>,
    /// The question.
    pub(crate) text: &'a str,
    /// How many pictures come with it.
    pub(crate) images: usize,
}

/// What it comes to.
#[derive(Debug)]
pub(crate) struct Chosen {
    /// The name that was asked for.
    pub(crate) requested: String,
    /// How the turn is to be answered.
    pub(crate) plan: Plan,
}

/// The instance's default model.
pub(crate) async fn default_model(core: &Core) -> Result<String, ApiError> {
    let settings = core
        .store
        .settings()
        .get()
        .await
        .map_err(store_error("setting"))?;
    Ok(settings
        .default_model
        .unwrap_or_else(|| core.settings.default_model.clone()))
}

/// Chooses, or says what is missing, before anything is stored.
pub(crate) async fn choose(core: &Core, wish: &Wish<'_>) -> Result<Chosen, ApiError> {
    let requested = match wish.model {
        Some(model) => model.to_owned(),
        None => default_model(core).await?,
    };
    let available = upstream::available(core).await;
    let question = Question {
        text: wish.text,
        images: wish.images,
        documents: 0,
    };
    let resolution = core
        .profiles
        .resolve(&requested, &available, &question)
        .map_err(|error| refused(core, &error))?;
    let model = available
        .iter()
        .find(|model| model.name == resolution.model);
    let capabilities = model.map_or_else(ModelCapabilities::default, |model| model.capabilities);
    if wish.images > 0 && resolution.lacks.contains(&Requirement::Vision) {
        return Err(ApiError::invalid(format!(
            "{} cannot see images.",
            resolution.model
        ))
        .with_code("model_without_vision")
        .with_hint("Choose a model that can, such as the profile openmake_vision, or leave the image out."));
    }
    Ok(Chosen {
        plan: plan(resolution, capabilities, wish.thinking),
        requested,
    })
}

fn plan(
    resolution: Resolution,
    capabilities: ModelCapabilities,
    wanted: Option<ThinkingLevel>,
) -> Plan {
    let settings = resolution.settings;
    Plan {
        reason: resolution.why.to_string(),
        instructions: resolution
            .profile
            .as_deref()
            .and_then(way_of_working)
            .map(str::to_owned),
        model: resolution.model,
        profile: resolution.profile,
        capabilities,
        context_tokens: u64::from(settings.context_tokens),
        thinking: match (wanted, settings.thinking) {
            (Some(level), _) => ThinkingChoice::Person(level),
            (None, Some(level)) => ThinkingChoice::Profile(level),
            (None, None) => ThinkingChoice::Unset,
        },
        temperature: settings.temperature,
        tool_turns: settings.tool_turns,
        time_budget: settings.time_budget,
    }
}

fn refused(core: &Core, error: &ResolveError) -> ApiError {
    let hint = error.hint();
    match error {
        ResolveError::NoModels => no_model(core),
        ResolveError::UnknownModel { .. } => ApiError::invalid(sentence(error))
            .with_code("unknown_model")
            .with_hint(hint),
        ResolveError::NotForChat { .. } => ApiError::invalid(sentence(error))
            .with_code("model_not_for_chat")
            .with_hint(hint),
        ResolveError::EngineMissing { .. } | ResolveError::NoCapableModel { .. } => {
            ApiError::new(ErrorKind::Unavailable, sentence(error))
                .with_code("no_capable_model")
                .with_hint(hint)
        }
    }
}

/// Nothing can be asked, and what to do about it.
fn no_model(core: &Core) -> ApiError {
    let (detail, hint) = upstream::why_no_model(core);
    ApiError::new(ErrorKind::Unavailable, detail)
        .with_code("no_model_server")
        .with_hint(hint)
}

fn sentence(error: &ResolveError) -> String {
    let text = error.to_string();
    let mut characters = text.chars();
    let first = characters
        .next()
        .map(|first| first.to_uppercase().to_string());
    format!("{}{}.", first.unwrap_or_default(), characters.as_str())
}

/// Whether any model can be asked.
pub(crate) fn can_chat(models: &[AvailableModel]) -> bool {
    models.iter().any(|model| model.capabilities.chat)
}
