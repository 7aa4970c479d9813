//! What administrators set at run time.

use axum::{Extension, extract::State};
use openmake_api::{
    Allowed, ApiError,
    authorize::ManageSettings,
    extract::Json,
    instance::{RegistrationMode, SettingsView, SettingsWarning, UpdateSettings},
    responses::{ReadProblems, WriteProblems},
};
use openmake_store::{
    settings::{InstanceSettings, SettingsChange},
    wakeups::{Wakeup, WakeupKind},
};
use serde_json::json;
use uuid::Uuid;

use super::{
    input,
    instance::{Registration, instance_name, mode_name},
};
use crate::{audit::AuditContext, error::store_error, site::Site, state::App, tokens::Transport};

/// The instance's settings, with what should be mended.
#[utoipa::path(get, path = "/api/v1/settings", tag = "instance",
    responses((status = 200, body = SettingsView), ReadProblems))]
pub(crate) async fn show(
    State(app): State<App>,
    _allowed: Allowed<ManageSettings>,
    Extension(site): Extension<Site>,
) -> Result<Json<SettingsView>, ApiError> {
    let settings = app.store.settings().get().await;
    let settings = settings.map_err(store_error("settings"))?;
    Ok(Json(view(&app, &settings, &site)))
}

/// Changes settings: what is absent stays.
#[utoipa::path(patch, path = "/api/v1/settings", tag = "instance", request_body = UpdateSettings,
    responses((status = 200, body = SettingsView), WriteProblems))]
pub(crate) async fn update(
    State(app): State<App>,
    _allowed: Allowed<ManageSettings>,
    Extension(site): Extension<Site>,
    audit: AuditContext,
    Json(body): Json<UpdateSettings>,
) -> Result<Json<SettingsView>, ApiError> {
    let line = |field, text: &Option<String>, max| {
        let checked = text.as_deref().map(|text| input::line(field, text, max));
        checked.transpose()
    };
    let change = SettingsChange {
        instance_name: line("instance_name", &body.instance_name, 60)?,
        registration: body.registration.map(mode_name),
        guests_allowed: body.guests_allowed,
        default_model: line("default_model", &body.default_model, 200)?,
    };
    let entry = audit.success("settings.change").on("settings", &"instance");
    let entry = entry.with(json!({
        "instance_name": change.instance_name,
        "registration": change.registration,
        "guests_allowed": change.guests_allowed,
        "default_model": change.default_model,
    }));
    let settings = app.store.settings().change(&change, &entry.done()).await;
    let settings = settings.map_err(store_error("settings"))?;
    app.announce(vec![Wakeup {
        kind: WakeupKind::Settings,
        id: Uuid::nil(),
        version: settings.version,
        owner: None,
    }]);
    Ok(Json(view(&app, &settings, &site)))
}

fn view(app: &App, settings: &InstanceSettings, site: &Site) -> SettingsView {
    let registration = Registration::of(settings, app);
    let default_model = || app.settings.default_model.clone();
    SettingsView {
        instance_name: instance_name(settings, app),
        registration: registration.mode,
        registration_is_default: registration.is_default,
        guests_allowed: settings.guests_allowed.unwrap_or(false),
        default_model: settings.default_model.clone().unwrap_or_else(default_model),
        warnings: warnings(app, &registration, site),
    }
}

fn warnings(app: &App, registration: &Registration, site: &Site) -> Vec<SettingsWarning> {
    let mut warnings = Vec::new();
    let mut warn = |code: &str, detail: &str| {
        warnings.push(SettingsWarning {
            code: code.to_owned(),
            detail: detail.to_owned(),
        });
    };
    if site.transport() == Transport::Plain || app.saw_plain_cookies() {
        warn(
            "insecure_cookies",
            "People sign in over plain HTTP, where others on the network can read along. Serve \
             the site over HTTPS, and name the proxy in TRUSTED_PROXIES.",
        );
    }
    if registration.mode == RegistrationMode::Open && !app.settings.bound_to_loopback {
        warn(
            "open_registration",
            "Anyone who can reach the server can make an account. Switch to invitations unless \
             that is meant.",
        );
    }
    warnings
}
