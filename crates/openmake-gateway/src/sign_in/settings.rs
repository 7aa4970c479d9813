//! What the operator says about signing in.

use crate::{mail::Mailer, providers::Providers};

/// How people sign in besides their password, and where links lead.
#[derive(Debug, Clone)]
pub struct SignInSettings {
    /// The origin at which browsers find this instance, such as
    /// `https://chat.example.com`: what links lead to, where providers send
    /// people back to, and what passkeys are bound to. Never taken from a
    /// request.
    pub public_url: String,
    /// Where else one may have an account.
    pub providers: Providers,
    /// Sends mail, where a server was set.
    pub mailer: Option<Mailer>,
}

impl Default for SignInSettings {
    fn default() -> Self {
        Self {
            public_url: "http://localhost:52416".to_owned(),
            providers: Providers::default(),
            mailer: None,
        }
    }
}

impl SignInSettings {
    /// The address of a path of this site.
    pub(crate) fn url_of(&self, path: &str) -> String {
        format!("{}{path}", self.public_url.trim_end_matches('/'))
    }
}
