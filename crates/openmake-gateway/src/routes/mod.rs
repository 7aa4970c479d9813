//! The endpoints, one subject a file.

mod audit;
pub(crate) mod auth;
mod blobs;
mod budgets;
pub(crate) mod conversations;
pub(crate) mod health;
pub(crate) mod input;
pub(crate) mod instance;
mod invitations;
mod page;
mod prices;
mod search;
mod settings;
mod usage;
mod users;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::state::App;

/// All of the gateway's endpoints, except the socket and the documents.
pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(health::health))
        .routes(routes!(health::ready))
        .routes(routes!(health::metrics))
        .routes(routes!(instance::show))
        .routes(routes!(auth::register::register))
        .routes(routes!(auth::login::login))
        .routes(routes!(auth::logout::logout))
        .routes(routes!(auth::refresh::refresh))
        .routes(routes!(auth::guest::guest))
        .routes(routes!(auth::me::show, auth::me::update))
        .routes(routes!(auth::password::change))
        .routes(routes!(auth::sessions::list, auth::sessions::end_others))
        .routes(routes!(auth::sessions::end))
        .routes(routes!(invitations::list, invitations::create))
        .routes(routes!(invitations::revoke))
        .routes(routes!(users::list))
        .routes(routes!(users::update))
        .routes(routes!(settings::show, settings::update))
        .routes(routes!(audit::list))
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
        .routes(routes!(conversations::export::export))
        .routes(routes!(search::search))
        .routes(routes!(blobs::show))
        .routes(routes!(usage::report))
        .routes(routes!(budgets::own))
        .routes(routes!(budgets::list, budgets::create))
        .routes(routes!(budgets::show, budgets::update, budgets::delete))
        .routes(routes!(prices::list))
        .routes(routes!(prices::set, prices::delete))
        .routes(routes!(crate::socket::open))
}
