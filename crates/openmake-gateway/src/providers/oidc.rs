//! OpenID Connect (Core 1.0, Discovery 1.0): the authorization code flow.

use std::{sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use http::HeaderValue;
use openmake_egress::Egress;
use parking_lot::Mutex;
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use tokio::time::Instant;
use url::{Url, form_urlencoded};

use super::{
    Attempt, ExternalAccount, ExternalEmail, ProviderError, ProviderSettings,
    document::{Client, sensitive},
    id_token::{Claims, Expected},
    keys::KeySet,
    plain,
};

/// How long a discovery document is believed.
const DISCOVERY_LIFETIME: Duration = Duration::from_hours(1);
/// Longer than any honest token.
const MAX_TOKEN: usize = 64 << 10;

/// What discovery says.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Discovered {
    pub(super) issuer: String,
    pub(super) authorization_endpoint: String,
    pub(super) token_endpoint: String,
    pub(super) jwks_uri: String,
    userinfo_endpoint: Option<String>,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Vec<String>,
}

/// A code to exchange.
pub(super) struct Exchange<'a> {
    pub(super) attempt: &'a Attempt<'a>,
    pub(super) code: &'a str,
    pub(super) now: DateTime<Utc>,
}

/// An issuer, with what it last said of itself.
pub(super) struct Oidc {
    issuer: Url,
    client: Client,
    discovered: Mutex<Option<(Instant, Arc<Discovered>)>>,
    keys: KeySet,
}

#[derive(Deserialize)]
struct TokenAnswer {
    id_token: Option<String>,
    access_token: Option<String>,
    error: Option<String>,
}

/// What the userinfo endpoint says (Core 5.3.2).
#[derive(Deserialize)]
struct UserInfo {
    sub: String,
    #[serde(flatten)]
    profile: Profile,
}

/// The claims of a person that we use, in an ID token or beside it.
#[derive(Debug, Clone, Default, Deserialize)]
pub(super) struct Profile {
    email: Option<String>,
    /// A boolean; some issuers write it as a text.
    #[serde(default)]
    email_verified: Verified,
    name: Option<String>,
    preferred_username: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Verified {
    Flag(bool),
    Text(String),
    /// Anything else is no.
    Other(serde::de::IgnoredAny),
}

impl Default for Verified {
    fn default() -> Self {
        Self::Flag(false)
    }
}

impl Profile {
    fn email(&self) -> Option<ExternalEmail> {
        Some(ExternalEmail {
            address: self.email.clone()?,
            is_verified: match &self.email_verified {
                Verified::Flag(flag) => *flag,
                Verified::Text(text) => text == "true",
                Verified::Other(_) => false,
            },
        })
    }

    fn name(&self) -> Option<String> {
        self.name
            .clone()
            .or_else(|| self.preferred_username.clone())
    }
}

impl Oidc {
    pub(super) fn new(issuer: &Url, egress: Egress) -> Self {
        Self {
            client: Client::new(egress, &[issuer]),
            issuer: issuer.clone(),
            discovered: Mutex::new(None),
            keys: KeySet::default(),
        }
    }

    /// Where to send the browser (Core 3.1.2.1).
    pub(super) async fn authorize_url(
        &self,
        settings: &ProviderSettings,
        attempt: &Attempt<'_>,
    ) -> Result<Url, ProviderError> {
        let discovered = self.discover().await?;
        let mut url = Url::parse(&discovered.authorization_endpoint)
            .map_err(|error| ProviderError::Malformed(error.to_string()))?;
        let scopes = settings.scopes.iter().map(String::as_str);
        let mut scope = String::from("openid");
        for asked in scopes.filter(|scope| *scope != "openid") {
            scope.push(' ');
            scope.push_str(asked);
        }
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &settings.client_id)
            .append_pair("redirect_uri", attempt.redirect_uri)
            .append_pair("scope", &scope)
            .append_pair("state", attempt.state)
            .append_pair("nonce", attempt.nonce)
            .append_pair("code_challenge", &attempt.challenge())
            .append_pair("code_challenge_method", "S256");
        Ok(url)
    }

    /// Exchanges a code, and checks who the issuer vouches for.
    pub(super) async fn exchange(
        &self,
        settings: &ProviderSettings,
        issuer: &str,
        exchange: &Exchange<'_>,
    ) -> Result<ExternalAccount, ProviderError> {
        let discovered = self.discover().await?;
        let answer = self.ask_token(settings, &discovered, exchange).await?;
        if let Some(error) = answer.error {
            return Err(ProviderError::Refused(short(&error)));
        }
        let id_token = answer
            .id_token
            .filter(|token| token.len() <= MAX_TOKEN)
            .ok_or(ProviderError::Token("there is none"))?;
        let expected = Expected {
            issuer: &discovered.issuer,
            client_id: &settings.client_id,
            nonce: exchange.attempt.nonce,
            now: exchange.now,
        };
        let claims: Claims = self
            .keys
            .verify(&self.client, &discovered.jwks_uri, &id_token, &expected)
            .await?;
        let mut profile = claims.profile;
        if profile.email().is_none()
            && let (Some(endpoint), Some(token)) =
                (&discovered.userinfo_endpoint, &answer.access_token)
        {
            let info: UserInfo = self.client.get(endpoint, Some(token)).await?;
            // Core 5.3.2: of another subject it must not be used.
            if info.sub != claims.sub {
                return Err(ProviderError::Token("userinfo is of another subject"));
            }
            profile = info.profile;
        }
        Ok(ExternalAccount {
            issuer: issuer.to_owned(),
            subject: claims.sub,
            email: profile.email(),
            name: profile.name(),
        })
    }

    async fn ask_token(
        &self,
        settings: &ProviderSettings,
        discovered: &Discovered,
        exchange: &Exchange<'_>,
    ) -> Result<TokenAnswer, ProviderError> {
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", exchange.code),
            ("redirect_uri", exchange.attempt.redirect_uri),
            ("code_verifier", exchange.attempt.verifier),
        ];
        let methods = &discovered.token_endpoint_auth_methods_supported;
        let offers = |wanted: &str| methods.iter().any(|method| method == wanted);
        let mut authorization = None;
        match &settings.client_secret {
            // Discovery says that basic is what holds where nothing is said.
            Some(secret) if methods.is_empty() || offers("client_secret_basic") => {
                authorization = Some(basic(&settings.client_id, secret.expose_secret())?);
            }
            Some(secret) => {
                form.push(("client_id", &settings.client_id));
                form.push(("client_secret", secret.expose_secret()));
            }
            None => form.push(("client_id", &settings.client_id)),
        }
        self.client
            .post(&discovered.token_endpoint, &form, authorization)
            .await
    }

    /// What the issuer says of itself, asked for at most once an hour.
    async fn discover(&self) -> Result<Arc<Discovered>, ProviderError> {
        if let Some((at, discovered)) = &*self.discovered.lock()
            && at.elapsed() < DISCOVERY_LIFETIME
        {
            return Ok(Arc::clone(discovered));
        }
        let url = format!("{}/.well-known/openid-configuration", plain(&self.issuer));
        let discovered: Discovered = self.client.get(&url, None).await?;
        // Discovery 4.3: else one issuer could speak for another.
        if discovered.issuer.trim_end_matches('/') != plain(&self.issuer) {
            return Err(ProviderError::Malformed(
                "the document is of another issuer".to_owned(),
            ));
        }
        let endpoints = [
            &discovered.authorization_endpoint,
            &discovered.token_endpoint,
            &discovered.jwks_uri,
        ];
        // Only an issuer that was configured without TLS may go on without.
        if self.issuer.scheme() == "https"
            && endpoints.iter().any(|url| !url.starts_with("https://"))
        {
            return Err(ProviderError::Malformed(
                "an endpoint is not https".to_owned(),
            ));
        }
        let discovered = Arc::new(discovered);
        *self.discovered.lock() = Some((Instant::now(), Arc::clone(&discovered)));
        Ok(discovered)
    }
}

/// RFC 6749, 2.3.1: both parts are encoded as in forms.
fn basic(client_id: &str, secret: &str) -> Result<HeaderValue, ProviderError> {
    let encoded =
        |text: &str| -> String { form_urlencoded::byte_serialize(text.as_bytes()).collect() };
    let pair = format!("{}:{}", encoded(client_id), encoded(secret));
    sensitive(&format!("Basic {}", STANDARD.encode(pair)))
}

/// An error's code as others gave it, fit for a log.
pub(super) fn short(text: &str) -> String {
    text.chars()
        .filter(|letter| !letter.is_control())
        .take(100)
        .collect()
}
