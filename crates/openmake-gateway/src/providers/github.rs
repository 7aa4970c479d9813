//! GitHub's OAuth, which has no ID token: who it is, is asked of its API.

use openmake_egress::Egress;
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use url::Url;

use super::{
    Attempt, ExternalAccount, ExternalEmail, ProviderError, ProviderSettings, document::Client,
    oidc::short, plain,
};

/// What must be asked for to read the e-mail addresses.
const SCOPE: &str = "read:user user:email";

/// GitHub, or an Enterprise server.
pub(super) struct GitHub {
    web: String,
    api: String,
    client: Client,
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: Option<String>,
    error: Option<String>,
}

#[derive(Deserialize)]
struct Person {
    /// Stays when the login is changed.
    id: u64,
    login: String,
    name: Option<String>,
}

#[derive(Deserialize)]
struct Address {
    email: String,
    primary: bool,
    verified: bool,
}

impl GitHub {
    pub(super) fn new(web: &Url, api: &Url, egress: Egress) -> Self {
        Self {
            client: Client::new(egress, &[web, api]),
            web: plain(web).to_owned(),
            api: plain(api).to_owned(),
        }
    }

    /// Where to send the browser.
    pub(super) fn authorize_url(
        &self,
        settings: &ProviderSettings,
        attempt: &Attempt<'_>,
    ) -> Result<Url, ProviderError> {
        let mut url = Url::parse(&format!("{}/login/oauth/authorize", self.web))
            .map_err(|error| ProviderError::Malformed(error.to_string()))?;
        url.query_pairs_mut()
            .append_pair("client_id", &settings.client_id)
            .append_pair("redirect_uri", attempt.redirect_uri)
            .append_pair("scope", SCOPE)
            .append_pair("state", attempt.state)
            .append_pair("code_challenge", &attempt.challenge())
            .append_pair("code_challenge_method", "S256");
        Ok(url)
    }

    /// Exchanges a code, and asks who it is.
    pub(super) async fn exchange(
        &self,
        settings: &ProviderSettings,
        issuer: &str,
        attempt: &Attempt<'_>,
        code: &str,
    ) -> Result<ExternalAccount, ProviderError> {
        let mut form = vec![
            ("client_id", settings.client_id.as_str()),
            ("code", code),
            ("redirect_uri", attempt.redirect_uri),
            ("code_verifier", attempt.verifier),
        ];
        if let Some(secret) = &settings.client_secret {
            form.push(("client_secret", secret.expose_secret()));
        }
        let url = format!("{}/login/oauth/access_token", self.web);
        let answer: TokenAnswer = self.client.post(&url, &form, None).await?;
        if let Some(error) = answer.error {
            return Err(ProviderError::Refused(short(&error)));
        }
        let token = answer.access_token;
        let token = token.ok_or(ProviderError::Token("there is none"))?;
        let url = format!("{}/user", self.api);
        let person: Person = self.client.get(&url, Some(&token)).await?;
        let url = format!("{}/user/emails", self.api);
        let emails: Vec<Address> = self.client.get(&url, Some(&token)).await?;
        let email = emails.into_iter().find(|email| email.primary);
        Ok(ExternalAccount {
            issuer: issuer.to_owned(),
            subject: person.id.to_string(),
            email: email.map(|email| ExternalEmail {
                address: email.email,
                is_verified: email.verified,
            }),
            name: person
                .name
                .filter(|name| !name.trim().is_empty())
                .or(Some(person.login)),
        })
    }
}
