//! Accounts elsewhere: OpenID Connect by discovery, and GitHub.
//!
//! Both are the authorization code flow with PKCE (RFC 7636). What comes back
//! is reduced to an [`ExternalAccount`]: who vouches, for whom, and whether
//! the e-mail is theirs. What that means here is decided in `routes`.

mod document;
mod github;
mod id_token;
mod keys;
mod oidc;

use std::{fmt, sync::Arc};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use openmake_egress::{Egress, EgressError};
use secrecy::SecretString;
use sha2::{Digest as _, Sha256};
use url::Url;

use self::{github::GitHub, oidc::Oidc};

/// A provider as the operator set it up.
#[derive(Debug, Clone)]
pub struct ProviderSettings {
    /// Names it in paths: lower-case letters, digits, dashes.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// What it speaks.
    pub kind: ProviderKind,
    /// What it calls this instance.
    pub client_id: String,
    /// Proves to it that it is this instance. A public client has none.
    pub client_secret: Option<SecretString>,
    /// What to ask for; `openid` is always among it with OpenID Connect.
    pub scopes: Vec<String>,
}

/// What a provider speaks.
#[derive(Debug, Clone)]
pub enum ProviderKind {
    /// OpenID Connect, found by discovery.
    Oidc {
        /// Where `/.well-known/openid-configuration` is under.
        issuer: Url,
    },
    /// GitHub's OAuth, which is no OpenID Connect.
    GitHub {
        /// `https://github.com`, or an Enterprise server's address.
        web: Url,
        /// `https://api.github.com`, or that server's.
        api: Url,
    },
}

/// Why a provider did not vouch for anyone.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProviderError {
    /// It could not be reached.
    #[error("the provider could not be reached")]
    Unreachable(#[from] EgressError),
    /// It did not accept the code, or not us.
    #[error("the provider refused: {0}")]
    Refused(String),
    /// What it said is not what the protocol says.
    #[error("the provider's answer is not usable: {0}")]
    Malformed(String),
    /// The token was not made for this sign-in.
    #[error("the token does not hold: {0}")]
    Token(&'static str),
}

/// Who a provider vouches for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ExternalAccount {
    /// Who vouches.
    pub(crate) issuer: String,
    /// What the issuer calls the account, for ever.
    pub(crate) subject: String,
    /// Its e-mail, where the issuer tells.
    pub(crate) email: Option<ExternalEmail>,
    /// What to call the person.
    pub(crate) name: Option<String>,
}

/// An e-mail that an issuer tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ExternalEmail {
    pub(crate) address: String,
    /// Whether the issuer says that it is theirs.
    pub(crate) is_verified: bool,
}

/// What belongs to one sign-in and nothing else.
pub(crate) struct Attempt<'a> {
    /// Where the provider sends the browser back to.
    pub(crate) redirect_uri: &'a str,
    /// Comes back with the browser.
    pub(crate) state: &'a str,
    /// Comes back in the ID token.
    pub(crate) nonce: &'a str,
    /// PKCE: only its hash leaves before the code is exchanged.
    pub(crate) verifier: &'a str,
}

impl Attempt<'_> {
    /// The hash of the verifier (S256).
    fn challenge(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(self.verifier))
    }
}

/// One provider.
pub(crate) struct Provider {
    settings: ProviderSettings,
    protocol: Protocol,
}

enum Protocol {
    Oidc(Box<Oidc>),
    GitHub(GitHub),
}

impl Provider {
    /// Its id in paths.
    pub(crate) fn id(&self) -> &str {
        &self.settings.id
    }

    /// What people call it.
    pub(crate) fn name(&self) -> &str {
        &self.settings.name
    }

    /// `oidc` or `github`.
    pub(crate) const fn kind(&self) -> &'static str {
        match self.protocol {
            Protocol::Oidc(_) => "oidc",
            Protocol::GitHub(_) => "github",
        }
    }

    /// Who vouches for its accounts.
    pub(crate) fn issuer(&self) -> &str {
        match &self.settings.kind {
            ProviderKind::Oidc { issuer } => plain(issuer),
            ProviderKind::GitHub { web, .. } => plain(web),
        }
    }

    /// Where to send the browser.
    pub(crate) async fn authorize_url(&self, attempt: &Attempt<'_>) -> Result<Url, ProviderError> {
        match &self.protocol {
            Protocol::Oidc(oidc) => oidc.authorize_url(&self.settings, attempt).await,
            Protocol::GitHub(github) => github.authorize_url(&self.settings, attempt),
        }
    }

    /// Exchanges the code that the browser brought back.
    pub(crate) async fn exchange(
        &self,
        attempt: &Attempt<'_>,
        code: &str,
        now: DateTime<Utc>,
    ) -> Result<ExternalAccount, ProviderError> {
        match &self.protocol {
            Protocol::Oidc(oidc) => {
                let exchange = oidc::Exchange { attempt, code, now };
                oidc.exchange(&self.settings, self.issuer(), &exchange)
                    .await
            }
            Protocol::GitHub(github) => {
                github
                    .exchange(&self.settings, self.issuer(), attempt, code)
                    .await
            }
        }
    }
}

/// All providers of the instance, in the operator's order. Cheap to clone.
#[derive(Clone, Default)]
pub struct Providers(Arc<[Provider]>);

impl Providers {
    /// Providers that are reached with `egress`.
    pub fn new(settings: Vec<ProviderSettings>, egress: &Egress) -> Self {
        let provider = |settings: ProviderSettings| Provider {
            protocol: match &settings.kind {
                ProviderKind::Oidc { issuer } => {
                    Protocol::Oidc(Box::new(Oidc::new(issuer, egress.clone())))
                }
                ProviderKind::GitHub { web, api } => {
                    Protocol::GitHub(GitHub::new(web, api, egress.clone()))
                }
            },
            settings,
        };
        Self(settings.into_iter().map(provider).collect())
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Provider> {
        self.0.iter()
    }

    /// The one with this id.
    pub(crate) fn find(&self, id: &str) -> Option<&Provider> {
        self.iter().find(|provider| provider.id() == id)
    }

    /// Who can vouch now.
    pub(crate) fn issuers(&self) -> Vec<String> {
        self.iter()
            .map(|provider| provider.issuer().to_owned())
            .collect()
    }
}

impl fmt::Debug for Providers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.iter().map(Provider::id))
            .finish()
    }
}

/// An address as issuers are written: without a slash at the end.
fn plain(url: &Url) -> &str {
    url.as_str().trim_end_matches('/')
}
