//! The gateway role: the only public port. It authenticates, limits, audits,
//! ends WebSockets, and serves accounts and conversations from the store. It
//! knows nothing of prompts and never calls a model: the ai role's routes are
//! passed on by a generated table.
//!
//! Start reading at [`Gateway::router`]; every request goes through `request`
//! (who asks), then `guard` (may they), then a file of `routes`.

pub mod accounts;
mod administered;
mod audit;
mod authority;
mod docs;
mod download;
mod error;
mod forward;
mod gateway;
mod grant;
mod guard;
mod images;
mod lockout;
mod mail;
mod metrics;
mod openapi;
mod passwords;
mod providers;
mod rate;
mod request;
mod routes;
mod settings;
mod sign_in;
mod site;
mod socket;
mod state;
mod tokens;

pub use gateway::{Gateway, GatewayParts};
pub use images::Images;
pub use mail::{MailError, MailSecurity, MailSettings, Mailer};
pub use metrics::sampler::Sampler;
pub use openapi::openapi;
pub use providers::{ProviderKind, ProviderSettings, Providers};
pub use routes::health::metrics_router;
pub use settings::{Backups, GatewaySettings, LimitSettings, RateSettings, SocketSettings};
pub use sign_in::SignInSettings;
pub use state::AiService;
