//! What a visitor may know of the instance.

use axum::extract::State;
use openmake_api::{
    ApiError,
    extract::Json,
    instance::{InstanceView, RegistrationMode},
    responses::OpenProblems,
};
use openmake_store::settings::InstanceSettings;

use crate::{error::store_error, passwords::MIN_LENGTH, state::App};

/// Who may register, and whether an administrator said so.
pub(crate) struct Registration {
    pub(crate) mode: RegistrationMode,
    pub(crate) is_default: bool,
}

impl Registration {
    /// As set, else open while only this machine can reach the server.
    pub(crate) fn of(settings: &InstanceSettings, app: &App) -> Self {
        let set = settings.registration.as_deref().and_then(mode_of);
        let default = if app.settings.bound_to_loopback {
            RegistrationMode::Open
        } else {
            RegistrationMode::Invitation
        };
        Self {
            mode: set.unwrap_or(default),
            is_default: set.is_none(),
        }
    }
}

fn mode_of(name: &str) -> Option<RegistrationMode> {
    match name {
        "open" => Some(RegistrationMode::Open),
        "invitation" => Some(RegistrationMode::Invitation),
        "closed" => Some(RegistrationMode::Closed),
        _ => None,
    }
}

/// The name that the store knows a mode by.
pub(crate) const fn mode_name(mode: RegistrationMode) -> &'static str {
    match mode {
        RegistrationMode::Open => "open",
        RegistrationMode::Invitation => "invitation",
        RegistrationMode::Closed => "closed",
    }
}

/// What the instance is called.
pub(crate) fn instance_name(settings: &InstanceSettings, app: &App) -> String {
    let own = || app.settings.instance_name.clone();
    settings.instance_name.clone().unwrap_or_else(own)
}

/// What the sign-in page needs to know.
#[utoipa::path(get, path = "/api/v1/instance", tag = "instance", security(()),
    responses((status = 200, body = InstanceView), OpenProblems))]
pub(crate) async fn show(State(app): State<App>) -> Result<Json<InstanceView>, ApiError> {
    let settings = app.store.settings().get().await;
    let settings = settings.map_err(store_error("instance"))?;
    let needs_setup = app.store.users().needs_setup().await;
    Ok(Json(InstanceView {
        name: instance_name(&settings, &app),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        needs_setup: needs_setup.map_err(store_error("instance"))?,
        registration: Registration::of(&settings, &app).mode,
        guests_allowed: settings.guests_allowed.unwrap_or(false),
        password_min_length: u32::try_from(MIN_LENGTH).unwrap_or(u32::MAX),
        demo: app.settings.demo,
    }))
}
