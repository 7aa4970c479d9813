//! `/api/v1/profiles`: how the public models work, for who edits them.

use std::{collections::BTreeSet, sync::Arc};

use axum::extract::State;
use http::HeaderMap;
use openmake_api::{
    Allowed, ApiError, ClientInfo,
    administration::{
        EditProfile, ProfileList, ProfileSettings, ProfileSize, ProfileThinking, ProfileView,
    },
    authorize::ManageSettings,
    extract::{Json, Path},
    responses::{ReadProblems, WriteProblems},
};
use openmake_models::{
    ThinkingLevel,
    classifier::Question,
    profiles::{EditableProfile, ProfileEdit, Size},
};
use openmake_store::{
    audit::{NewAudit, Outcome},
    profile_edits::StoredEdit,
    wakeups::{Wakeup, WakeupKind},
};
use openmake_types::Actor;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{administered, choose, core::Core, error::store_error, upstream};

/// Preferences of a profile.
const MAX_PREFER: usize = 100;
/// Characters of a model's name.
const MAX_NAME: usize = 200;
/// Characters of a way of working.
const MAX_INSTRUCTIONS: usize = 8_000;

/// How the profiles work, what is built in, and which real model each takes
/// now.
#[utoipa::path(
    get,
    path = "/api/v1/profiles",
    tag = "models",
    params(("Accept-Language" = Option<String>, Header, description = "The language of names and descriptions: en, ko, ja or zh")),
    responses((status = OK, body = ProfileList), ReadProblems),
    security(("bearer" = [])),
)]
pub(crate) async fn list(
    State(core): State<Arc<Core>>,
    _allowed: Allowed<ManageSettings>,
    headers: HeaderMap,
) -> Result<Json<ProfileList>, ApiError> {
    Ok(Json(view(&core, &headers).await))
}

/// Edit a profile. What is not said is as built in; what was edited before is
/// forgotten. It holds within a second, for answers that begin then.
#[utoipa::path(
    put,
    path = "/api/v1/profiles/{id}",
    tag = "models",
    params(("id" = String, Path, description = "The profile")),
    request_body = EditProfile,
    responses((status = OK, body = ProfileList), WriteProblems),
    security(("bearer" = [])),
)]
pub(crate) async fn edit(
    State(core): State<Arc<Core>>,
    Allowed { actor, .. }: Allowed<ManageSettings>,
    client: ClientInfo,
    headers: HeaderMap,
    Path(id): Path<String>,
    Json(body): Json<EditProfile>,
) -> Result<Json<ProfileList>, ApiError> {
    known(&core, &id)?;
    let edit = stored(id, body)?;
    let details = json!({
        "enabled": edit.is_enabled,
        "prefer": edit.prefer,
        "size": edit.size,
        "thinking": edit.thinking,
        "temperature": edit.temperature,
        "context_tokens": edit.context_tokens,
        "tool_turns": edit.tool_turns,
        "time_budget_seconds": edit.time_budget_seconds,
        "instructions": edit.instructions,
    });
    let by = By { actor, client };
    let entry = by.audit(&core, "profile.change", (&edit.profile, details));
    let set = core
        .store
        .profile_edits()
        .set(&edit, entry.at, &entry)
        .await;
    tell(&core, set.map_err(store_error("profile"))?).await?;
    Ok(Json(view(&core, &headers).await))
}

/// Make a profile what it was built as.
#[utoipa::path(
    delete,
    path = "/api/v1/profiles/{id}",
    tag = "models",
    params(("id" = String, Path, description = "The profile")),
    responses((status = OK, body = ProfileList), WriteProblems),
    security(("bearer" = [])),
)]
pub(crate) async fn reset(
    State(core): State<Arc<Core>>,
    Allowed { actor, .. }: Allowed<ManageSettings>,
    client: ClientInfo,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Result<Json<ProfileList>, ApiError> {
    known(&core, &id)?;
    let by = By { actor, client };
    let entry = by.audit(&core, "profile.reset", (&id, json!({})));
    let reset = core.store.profile_edits().reset(&id, &entry).await;
    if let Some(version) = reset.map_err(store_error("profile"))? {
        tell(&core, version).await?;
    }
    Ok(Json(view(&core, &headers).await))
}

/// Who edits, and from where.
struct By {
    actor: Actor,
    client: ClientInfo,
}

impl By {
    fn audit(&self, core: &Core, action: &'static str, what: (&str, Value)) -> NewAudit {
        let (profile, details) = what;
        let at = core.clock.now();
        NewAudit {
            id: core.ids.uuid(at),
            at,
            action,
            outcome: Outcome::Success,
            user_id: Some(self.actor.user_id),
            resource_type: Some("profile"),
            resource_id: Some(profile.to_owned()),
            details,
            ip_address: self.client.ip_text(),
            user_agent: self.client.user_agent.clone(),
            request_id: self.client.request_id.clone(),
        }
    }
}

fn known(core: &Core, id: &str) -> Result<(), ApiError> {
    let mut profiles = core.administered.built_in().editable();
    let is_there = profiles.any(|profile| profile.id() == id);
    is_there
        .then_some(())
        .ok_or_else(|| ApiError::not_found("profile"))
}

/// Goes on with the change here, and tells the other processes.
async fn tell(core: &Core, version: i64) -> Result<(), ApiError> {
    let refreshed = administered::refresh(core).await;
    refreshed.map_err(store_error("profile"))?;
    core.notify(vec![Wakeup {
        kind: WakeupKind::Settings,
        id: Uuid::nil(),
        version,
        owner: None,
    }]);
    Ok(())
}

/// The edit as it is stored, if it can be.
fn stored(profile: String, body: EditProfile) -> Result<StoredEdit, ApiError> {
    let prefer = body.prefer.map(patterns).transpose()?;
    if let Some(text) = &body.instructions
        && text.chars().count() > MAX_INSTRUCTIONS
    {
        let detail = format!("`instructions` has at most {MAX_INSTRUCTIONS} characters.");
        return Err(ApiError::field("instructions", "too_long", detail));
    }
    let edit = ProfileEdit {
        is_off: !body.enabled,
        prefer,
        size: body.size.map(read_size),
        thinking: body.thinking.map(read_thinking),
        temperature: body.temperature,
        context_tokens: body.context_tokens,
        tool_turns: body.tool_turns,
        time_budget_seconds: body.time_budget_seconds.map(u64::from),
        instructions: body.instructions,
    };
    if let Some((field, detail)) = edit.problem() {
        return Err(ApiError::field(field, "invalid", detail));
    }
    // All are within their bounds by now, which are far below.
    let count =
        |number: Option<u32>| number.map(|number| i32::try_from(number).unwrap_or(i32::MAX));
    Ok(StoredEdit {
        profile,
        is_enabled: body.enabled,
        prefer: edit.prefer,
        size: edit.size.map(|size| size.as_str().to_owned()),
        thinking: edit.thinking.map(|level| level.as_str().to_owned()),
        temperature: edit.temperature,
        context_tokens: count(edit.context_tokens),
        tool_turns: count(edit.tool_turns),
        time_budget_seconds: count(body.time_budget_seconds),
        instructions: edit.instructions,
    })
}

/// Names in their order, each once.
fn patterns(names: Vec<String>) -> Result<Vec<String>, ApiError> {
    let wrong = |code: &'static str, detail: String| Err(ApiError::field("prefer", code, detail));
    if names.len() > MAX_PREFER {
        return wrong(
            "too_many",
            format!("`prefer` has at most {MAX_PREFER} names."),
        );
    }
    let mut seen = BTreeSet::new();
    let mut patterns = Vec::new();
    for name in names {
        let name = name.trim().to_owned();
        if name.chars().count() > MAX_NAME || name.chars().any(char::is_control) {
            let detail =
                format!("A name in `prefer` is one line of at most {MAX_NAME} characters.");
            return wrong("invalid", detail);
        }
        if seen.insert(name.clone()) {
            patterns.push(name);
        }
    }
    Ok(patterns)
}

async fn view(core: &Core, headers: &HeaderMap) -> ProfileList {
    let language = headers
        .get(http::header::ACCEPT_LANGUAGE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split([',', ';']).next())
        .unwrap_or("en");
    let models = upstream::models(core).await;
    let available = upstream::available_of(&models);
    let profiles = core.administered.profiles();
    let edits = core.administered.edits();
    let built_in = core.administered.built_in();
    let items = built_in.editable().zip(profiles.editable());
    let items = items.map(|(built, now)| {
        let plain = Question::default();
        let resolved = profiles.resolve(now.id(), &available, &plain);
        let usual = choose::instructions(built_in, built.id()).unwrap_or_default();
        let own = profiles.instructions(now.id()).map(str::to_owned);
        ProfileView {
            id: now.id().to_owned(),
            name: now.name(language).to_owned(),
            description: now.description(language).to_owned(),
            enabled: now.is_enabled(),
            edited: edits.contains_key(now.id()),
            settings: settings(&now, own.unwrap_or_else(|| usual.clone())),
            built_in: settings(&built, usual),
            engine: now.engine().map(str::to_owned),
            real_model: resolved.ok().map(|resolution| resolution.model),
        }
    });
    let names = built_in.list().map(|profile| profile.id.to_owned());
    let real: BTreeSet<String> = models.iter().map(|model| model.name.clone()).collect();
    ProfileList {
        items: items.collect(),
        models: names.chain(real).collect(),
    }
}

fn settings(profile: &EditableProfile<'_>, instructions: String) -> ProfileSettings {
    let state = profile.state();
    ProfileSettings {
        prefer: state.prefer,
        size: match state.size {
            Size::Smallest => ProfileSize::Smallest,
            Size::Balanced => ProfileSize::Balanced,
            Size::Largest => ProfileSize::Largest,
        },
        thinking: match state.thinking {
            ThinkingLevel::Off => ProfileThinking::Off,
            ThinkingLevel::Low => ProfileThinking::Low,
            ThinkingLevel::Medium => ProfileThinking::Medium,
            ThinkingLevel::High => ProfileThinking::High,
        },
        temperature: state.temperature,
        context_tokens: state.context_tokens,
        tool_turns: state.tool_turns,
        // At most a day.
        time_budget_seconds: u32::try_from(state.time_budget_seconds).unwrap_or(u32::MAX),
        instructions,
    }
}

const fn read_size(size: ProfileSize) -> Size {
    match size {
        ProfileSize::Smallest => Size::Smallest,
        ProfileSize::Balanced => Size::Balanced,
        ProfileSize::Largest => Size::Largest,
    }
}

const fn read_thinking(level: ProfileThinking) -> ThinkingLevel {
    match level {
        ProfileThinking::Off => ThinkingLevel::Off,
        ProfileThinking::Low => ThinkingLevel::Low,
        ProfileThinking::Medium => ThinkingLevel::Medium,
        ProfileThinking::High => ThinkingLevel::High,
    }
}
