//! Limits that administrators change without a restart.

use std::collections::BTreeSet;

use axum::extract::State;
use openmake_api::{
    Allowed, ApiError,
    administration::{LimitList, LimitName, LimitView, UpdateLimits},
    authorize::ManageSettings,
    extract::Json,
    responses::{ReadProblems, WriteProblems},
};
use openmake_types::{Limit, Limits, MAX_IMAGE_BYTES, MAX_MESSAGE_CHARACTERS};
use serde_json::{Map, Value};

use crate::{
    administered::{changed, refresh},
    audit::AuditContext,
    error::store_error,
    lockout::ACCOUNT_TRIES,
    state::App,
};

/// Every limit that can be set, with what it is unless it is.
#[utoipa::path(get, path = "/api/v1/limits", tag = "instance",
    responses((status = 200, body = LimitList), ReadProblems))]
pub(crate) async fn list(
    State(app): State<App>,
    _allowed: Allowed<ManageSettings>,
) -> Result<Json<LimitList>, ApiError> {
    let limits = app.store.limits().get().await;
    Ok(Json(view(&app, &limits.map_err(store_error("limit"))?)))
}

/// Sets limits, or takes them back to the configuration. They hold within a
/// second, on every server of this instance.
#[utoipa::path(patch, path = "/api/v1/limits", tag = "instance", request_body = UpdateLimits,
    responses((status = 200, body = LimitList), WriteProblems))]
pub(crate) async fn update(
    State(app): State<App>,
    _allowed: Allowed<ManageSettings>,
    audit: AuditContext,
    Json(body): Json<UpdateLimits>,
) -> Result<Json<LimitList>, ApiError> {
    let changes = checked(&body)?;
    let details: Map<String, Value> = changes
        .iter()
        .map(|(limit, amount)| (limit.to_string(), (*amount).into()))
        .collect();
    let entry = audit.success("limits.change").on("limits", &"instance");
    let entry = entry.with(Value::Object(details)).done();
    let store = app.store.limits();
    let version = store.change(&changes, audit.now(), &entry).await;
    let version = version.map_err(store_error("limit"))?;
    // Here at once. Where that fails, it is made up for within a second.
    if let Err(error) = refresh(&app).await {
        tracing::warn!(%error, "the limits could not be read; those from before hold");
    }
    app.announce(vec![changed(version)]);
    let limits = store.get().await;
    Ok(Json(view(&app, &limits.map_err(store_error("limit"))?)))
}

fn checked(body: &UpdateLimits) -> Result<Vec<(Limit, Option<u64>)>, ApiError> {
    let mut seen = BTreeSet::new();
    let mut changes = Vec::new();
    for wanted in &body.limits {
        let limit = stored(wanted.name);
        if !seen.insert(limit) {
            let detail = format!("`{limit}` stands there twice.");
            return Err(ApiError::field(limit.as_str(), "invalid", detail));
        }
        let bounds = limit.bounds();
        if wanted.value.is_some_and(|value| !bounds.contains(&value)) {
            let (least, most) = (bounds.start(), bounds.end());
            let detail = format!("`{limit}` is a number from {least} to {most}, or null.");
            return Err(ApiError::field(limit.as_str(), "invalid", detail));
        }
        changes.push((limit, wanted.value));
    }
    Ok(changes)
}

fn view(app: &App, limits: &Limits) -> LimitList {
    let one = |limit: Limit| LimitView {
        name: name(limit),
        value: limits.get(limit),
        configured: configured(app, limit),
        minimum: *limit.bounds().start(),
        maximum: *limit.bounds().end(),
    };
    LimitList {
        items: Limit::ALL.into_iter().map(one).collect(),
    }
}

/// What holds where an administrator set nothing; None is no limit.
fn configured(app: &App, limit: Limit) -> Option<u64> {
    let rates = &app.settings.rates;
    // A rate of 0 is none.
    let rate = |per_minute: u32| (per_minute > 0).then_some(u64::from(per_minute));
    match limit {
        Limit::RequestsPerMinute => rate(rates.actor),
        Limit::GuestRequestsPerMinute => rate(rates.guest),
        Limit::AddressRequestsPerMinute => rate(rates.anonymous),
        Limit::TurnsPerMinute => rate(rates.turn_start),
        Limit::SearchesPerMinute => rate(rates.search),
        Limit::SignInsPerMinute => rate(rates.sign_in),
        Limit::SignInTries => Some(ACCOUNT_TRIES.into()),
        Limit::MessageCharacters => Some(MAX_MESSAGE_CHARACTERS),
        Limit::ImageBytes => Some(MAX_IMAGE_BYTES),
        Limit::TokensPerMinute | Limit::ContextTokens => None,
    }
}

const fn stored(name: LimitName) -> Limit {
    match name {
        LimitName::RequestsPerMinute => Limit::RequestsPerMinute,
        LimitName::GuestRequestsPerMinute => Limit::GuestRequestsPerMinute,
        LimitName::AddressRequestsPerMinute => Limit::AddressRequestsPerMinute,
        LimitName::TurnsPerMinute => Limit::TurnsPerMinute,
        LimitName::SearchesPerMinute => Limit::SearchesPerMinute,
        LimitName::TokensPerMinute => Limit::TokensPerMinute,
        LimitName::SignInsPerMinute => Limit::SignInsPerMinute,
        LimitName::SignInTries => Limit::SignInTries,
        LimitName::MessageCharacters => Limit::MessageCharacters,
        LimitName::ImageBytes => Limit::ImageBytes,
        LimitName::ContextTokens => Limit::ContextTokens,
    }
}

const fn name(limit: Limit) -> LimitName {
    match limit {
        Limit::RequestsPerMinute => LimitName::RequestsPerMinute,
        Limit::GuestRequestsPerMinute => LimitName::GuestRequestsPerMinute,
        Limit::AddressRequestsPerMinute => LimitName::AddressRequestsPerMinute,
        Limit::TurnsPerMinute => LimitName::TurnsPerMinute,
        Limit::SearchesPerMinute => LimitName::SearchesPerMinute,
        Limit::TokensPerMinute => LimitName::TokensPerMinute,
        Limit::SignInsPerMinute => LimitName::SignInsPerMinute,
        Limit::SignInTries => LimitName::SignInTries,
        Limit::MessageCharacters => LimitName::MessageCharacters,
        Limit::ImageBytes => LimitName::ImageBytes,
        Limit::ContextTokens => LimitName::ContextTokens,
    }
}
