//! From the model that is asked for to the plan of the turn.

use openmake_agents::{Plan, ThinkingChoice, way_of_working};
use openmake_api::ApiError;
use openmake_models::{
    ModelCapabilities, ThinkingLevel,
    classifier::Question,
    profiles::{AvailableModel, Profiles, Requirement, Resolution, ResolveError},
};
use openmake_types::{ErrorKind, Limit, ModelAccess};

use crate::{core::Core, error::store_error, upstream};

/// What is asked for.
#[derive(Debug, Clone, Copy)]
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
    /// Which models the one who asks may ask.
    pub(crate) access: &'a ModelAccess,
}

/// What it comes to.
#[derive(Debug)]
pub(crate) struct Chosen {
    /// The name that was asked for.
    pub(crate) requested: String,
    /// How the turn is to be answered.
    pub(crate) plan: Plan,
}

/// The model of requests that name none: the instance's default, or, for who
/// may not ask that one, the first of theirs that can be asked.
pub(crate) async fn default_model(
    core: &Core,
    access: &ModelAccess,
    available: &[AvailableModel],
) -> Result<String, ApiError> {
    let settings = core
        .store
        .settings()
        .get()
        .await
        .map_err(store_error("setting"))?;
    let usual = settings
        .default_model
        .unwrap_or_else(|| core.settings.default_model.clone());
    let profiles = core.administered.profiles();
    let question = Question::default();
    let resolve = |name: &str| profiles.resolve(name, available, &question);
    let is_off = matches!(resolve(&usual), Err(ResolveError::Disabled { .. }));
    if is_allowed(&profiles, access, &usual) && !is_off {
        return Ok(usual);
    }
    let names = match access {
        ModelAccess::All => None,
        ModelAccess::Only(names) => Some(names),
    };
    let mut own = profiles
        .list()
        .map(|profile| profile.id)
        .filter(|id| access.allows(id))
        .chain(
            names
                .into_iter()
                .flat_map(|names| names.iter().map(String::as_str)),
        );
    Ok(own
        .find(|name| resolve(name).is_ok())
        .or_else(|| names.and_then(|names| names.first()).map(String::as_str))
        .map_or(usual, str::to_owned))
}

/// Whether a model may be asked by this name. A profile's other names are its
/// own.
fn is_allowed(profiles: &Profiles, access: &ModelAccess, name: &str) -> bool {
    access.allows(name) || profiles.lookup(name).is_some_and(|id| access.allows(id))
}

/// Chooses, or says what is missing, before anything is stored.
pub(crate) async fn choose(core: &Core, wish: &Wish<'_>) -> Result<Chosen, ApiError> {
    let available = upstream::available(core).await;
    let requested = match wish.model {
        Some(model) => model.to_owned(),
        None => default_model(core, wish.access, &available).await?,
    };
    let question = Question {
        text: wish.text,
        images: wish.images,
        documents: 0,
    };
    let profiles = core.administered.profiles();
    let resolution = profiles.resolve(&requested, &available, &question);
    // A real model goes by more than one name: `qwen3` is `qwen3:latest`.
    let is_listed =
        |found: &Resolution| found.profile.is_none() && wish.access.allows(&found.model);
    if !is_allowed(&profiles, wish.access, &requested) && !resolution.as_ref().is_ok_and(is_listed)
    {
        return Err(not_allowed(&requested));
    }
    let resolution = resolution.map_err(|error| refused(core, &error))?;
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
        plan: plan(core, resolution, capabilities, wish.thinking),
        requested,
    })
}

fn plan(
    core: &Core,
    resolution: Resolution,
    capabilities: ModelCapabilities,
    wanted: Option<ThinkingLevel>,
) -> Plan {
    let settings = resolution.settings;
    let context_tokens = u64::from(settings.context_tokens);
    let most = core.administered.limits().get(Limit::ContextTokens);
    Plan {
        reason: resolution.why.to_string(),
        instructions: resolution
            .profile
            .as_deref()
            .and_then(|profile| instructions(&core.administered.profiles(), profile)),
        model: resolution.model,
        profile: resolution.profile,
        capabilities,
        context_tokens: most.map_or(context_tokens, |most| most.min(context_tokens)),
        thinking: match (wanted, settings.thinking) {
            (Some(level), _) => ThinkingChoice::Person(level),
            (None, Some(level)) => ThinkingChoice::Profile(level),
            (None, None) => ThinkingChoice::Unset,
        },
        standing: None,
        temperature: settings.temperature,
        tool_turns: settings.tool_turns,
        time_budget: settings.time_budget,
    }
}

/// How a profile works, for the system prompt: what an administrator wrote, or
/// what is built in.
pub(crate) fn instructions(profiles: &Profiles, profile: &str) -> Option<String> {
    let own = profiles.instructions(profile);
    let text = own.or_else(|| way_of_working(profile))?;
    (!text.trim().is_empty()).then(|| text.to_owned())
}

fn refused(core: &Core, error: &ResolveError) -> ApiError {
    let hint = error.hint();
    match error {
        ResolveError::NoModels => no_model(core),
        ResolveError::UnknownModel { .. } | ResolveError::Disabled { .. } => {
            ApiError::invalid(sentence(error))
                .with_code("unknown_model")
                .with_hint(hint)
        }
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

/// The same answer whether or not there is such a model.
fn not_allowed(name: &str) -> ApiError {
    ApiError::new(
        ErrorKind::Forbidden,
        format!("You may not ask the model {name:?}."),
    )
    .with_code("model_not_allowed")
    .with_hint(
        "GET /api/v1/models lists those that you may: what the key, its owner's groups and their role allow.",
    )
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
