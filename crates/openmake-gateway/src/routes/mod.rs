//! The endpoints, one subject a file.

mod api_keys;
mod audit;
pub(crate) mod auth;
mod backups;
mod blobs;
mod budgets;
pub(crate) mod conversations;
mod groups;
pub(crate) mod health;
mod images;
mod imports;
pub(crate) mod input;
pub(crate) mod instance;
mod invitations;
mod limits;
mod metrics;
mod model_access;
mod page;
mod prices;
mod search;
mod settings;
mod usage;
mod user_access;
mod users;

use axum::extract::DefaultBodyLimit;
use openmake_store::import_jobs::CHUNK_MAX;
use utoipa_axum::{
    router::{OpenApiRouter, UtoipaMethodRouterExt as _},
    routes,
};

use crate::state::App;

/// All of the gateway's endpoints, except the socket and the documents.
pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(health::health))
        .routes(routes!(health::ready))
        .routes(routes!(health::metrics))
        .routes(routes!(metrics::report))
        .routes(routes!(instance::show))
        .routes(routes!(auth::register::register))
        .routes(routes!(auth::login::login))
        .routes(routes!(auth::logout::logout))
        .routes(routes!(auth::refresh::refresh))
        .routes(routes!(auth::guest::guest))
        .routes(routes!(
            auth::me::show,
            auth::me::update,
            auth::delete::delete
        ))
        .routes(routes!(auth::defaults::show, auth::defaults::update))
        .routes(routes!(auth::export::export))
        .routes(routes!(auth::password::change))
        .routes(routes!(auth::email::change))
        .routes(routes!(auth::sessions::list, auth::sessions::end_others))
        .routes(routes!(auth::sessions::end))
        .merge(sign_in_routes())
        .routes(routes!(invitations::list, invitations::create))
        .routes(routes!(invitations::revoke))
        .routes(routes!(users::list))
        .routes(routes!(users::update))
        .routes(routes!(user_access::create_reset_link))
        .routes(routes!(user_access::remove_second_factor))
        .routes(routes!(api_keys::of_user::list))
        .routes(routes!(api_keys::of_user::revoke))
        .routes(routes!(api_keys::own::list, api_keys::own::create))
        .routes(routes!(
            api_keys::own::show,
            api_keys::own::update,
            api_keys::own::revoke
        ))
        .routes(routes!(api_keys::own::rotate))
        .routes(routes!(groups::group::list, groups::group::create))
        .routes(routes!(
            groups::group::show,
            groups::group::update,
            groups::group::remove
        ))
        .routes(routes!(groups::members::list, groups::members::add))
        .routes(routes!(groups::members::update, groups::members::remove))
        .routes(routes!(settings::show, settings::update))
        .routes(routes!(limits::list, limits::update))
        .routes(routes!(model_access::show))
        .routes(routes!(model_access::set))
        .routes(routes!(audit::list))
        .routes(routes!(audit::verify))
        .routes(routes!(audit::export))
        .routes(routes!(backups::list, backups::create))
        .routes(routes!(
            conversations::list::list,
            conversations::create::create
        ))
        .routes(routes!(
            conversations::one::show,
            conversations::one::update,
            conversations::one::delete
        ))
        .routes(routes!(conversations::one::restore))
        .routes(routes!(conversations::messages::list))
        .routes(routes!(conversations::messages::delete))
        .routes(routes!(conversations::messages::restore))
        .routes(routes!(conversations::export::export))
        .routes(routes!(search::search))
        .routes(routes!(blobs::show))
        .routes(routes!(images::show))
        .routes(routes!(imports::list, imports::create))
        .routes(routes!(imports::show))
        .routes(routes!(imports::append).layer(DefaultBodyLimit::max(CHUNK_MAX)))
        .routes(routes!(imports::report))
        .routes(routes!(imports::cancel))
        .routes(routes!(imports::undo))
        .routes(routes!(usage::report))
        .routes(routes!(budgets::own))
        .routes(routes!(budgets::list, budgets::create))
        .routes(routes!(budgets::show, budgets::update, budgets::delete))
        .routes(routes!(prices::list))
        .routes(routes!(prices::set, prices::delete))
        .routes(routes!(crate::socket::open))
}

/// The ways to sign in besides the password, and what guards an account.
fn sign_in_routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(auth::second_factor::complete))
        .routes(routes!(auth::second_factor::passkey_options))
        .routes(routes!(auth::passkey_sign_in::options))
        .routes(routes!(auth::passkey_sign_in::sign_in))
        .routes(routes!(auth::reauthenticate::reauthenticate))
        .routes(routes!(auth::reauthenticate::passkey_options))
        .routes(routes!(auth::security::show))
        .routes(routes!(auth::totp::begin, auth::totp::remove))
        .routes(routes!(auth::totp::confirm))
        .routes(routes!(auth::totp::replace_backup_codes))
        .routes(routes!(auth::passkeys::add))
        .routes(routes!(auth::passkeys::options))
        .routes(routes!(auth::passkeys::rename, auth::passkeys::remove))
        .routes(routes!(auth::providers::list))
        .routes(routes!(auth::oidc::start))
        .routes(routes!(auth::oidc::callback))
        .routes(routes!(auth::identities::link))
        .routes(routes!(auth::identities::unlink))
        .routes(routes!(auth::password_reset::request))
        .routes(routes!(auth::password_reset::complete))
}
