//! Who vouches for people, and the mail server, from the configuration.

use anyhow::Context as _;
use openmake_egress::{Egress, EgressSettings, SystemResolver};
use openmake_gateway::{
    MailSecurity, MailSettings, Mailer, ProviderKind, ProviderSettings, Providers, SignInSettings,
};
use url::Url;

use crate::config::{self, Config};

/// How people sign in, on an instance that listens on `port`.
pub(crate) fn settings(config: &Config, port: u16) -> anyhow::Result<SignInSettings> {
    let egress = Egress::new(EgressSettings::default(), SystemResolver)
        .context("no HTTP client for sign-in providers")?;
    let providers = config.sign_in.providers.iter().map(provider);
    let providers = providers.collect::<anyhow::Result<Vec<_>>>()?;
    let public_url = config.sign_in.public_url.clone();
    Ok(SignInSettings {
        public_url: public_url.unwrap_or_else(|| format!("http://localhost:{port}")),
        providers: Providers::new(providers, &egress),
        mailer: config.mail.as_ref().map(mailer).transpose()?,
    })
}

fn provider(provider: &config::Provider) -> anyhow::Result<ProviderSettings> {
    let kind = match &provider.protocol {
        config::Protocol::Oidc { issuer } => ProviderKind::Oidc {
            issuer: issuer.clone(),
        },
        config::Protocol::GitHub { web } => ProviderKind::GitHub {
            web: web.clone(),
            api: github_api(web).context("the address of GitHub's API")?,
        },
    };
    Ok(ProviderSettings {
        id: provider.id.clone(),
        name: provider.name.clone(),
        kind,
        client_id: provider.client_id.clone(),
        client_secret: provider.client_secret.clone(),
        scopes: provider.scopes.clone(),
    })
}

/// GitHub's API has a host of its own, an Enterprise server's a path.
fn github_api(web: &Url) -> Result<Url, url::ParseError> {
    if web.host_str() == Some("github.com") {
        return Url::parse("https://api.github.com");
    }
    Url::parse(&format!("{}/api/v3", web.as_str().trim_end_matches('/')))
}

fn mailer(mail: &config::Mail) -> anyhow::Result<Mailer> {
    let settings = MailSettings {
        host: mail.host.clone(),
        port: mail.port,
        security: match mail.security {
            config::MailSecurity::Tls => MailSecurity::Tls,
            config::MailSecurity::StartTls => MailSecurity::StartTls,
            config::MailSecurity::None => MailSecurity::None,
        },
        credentials: mail.credentials.clone(),
        from: mail.from.clone(),
    };
    Mailer::new(&settings).context("the mail server's settings")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_api_of_an_enterprise_server_is_under_its_own_address() {
        let api = |web: &str| github_api(&Url::parse(web).expect("a URL"));
        let own = api("https://github.com").expect("an address");
        assert_eq!(own.as_str(), "https://api.github.com/");
        let other = api("https://git.example.com/").expect("an address");
        assert_eq!(other.as_str(), "https://git.example.com/api/v3");
    }
}
