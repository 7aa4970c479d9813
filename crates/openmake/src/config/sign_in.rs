//! How people sign in besides their password, and the mail server.

use secrecy::SecretString;
use url::Url;

use super::{
    raw::RawProvider,
    sections::{Check, parse_base_url, parse_origin},
};

/// Where browsers find the instance, and who vouches for people.
#[derive(Debug)]
pub(crate) struct SignIn {
    /// None: this machine, at the port that is listened on.
    pub(crate) public_url: Option<String>,
    pub(crate) providers: Vec<Provider>,
}

/// An account elsewhere that people may sign in with.
#[derive(Debug)]
pub(crate) struct Provider {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) protocol: Protocol,
    pub(crate) client_id: String,
    pub(crate) client_secret: Option<SecretString>,
    pub(crate) scopes: Vec<String>,
}

/// What a provider speaks.
#[derive(Debug)]
pub(crate) enum Protocol {
    Oidc { issuer: Url },
    GitHub { web: Url },
}

/// The mail server.
#[derive(Debug)]
pub(crate) struct Mail {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) security: MailSecurity,
    pub(crate) credentials: Option<(String, SecretString)>,
    pub(crate) from: String,
}

/// How the connection to the mail server is kept from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MailSecurity {
    Tls,
    StartTls,
    None,
}

const GOOGLE: &str = "https://accounts.google.com";

impl Check<'_> {
    pub(super) fn sign_in(&mut self) -> SignIn {
        let public_url = self.raw.get("server.public_url").map(str::to_owned);
        let public_url = public_url.and_then(|text| {
            let origin = parse_origin(&text);
            if origin.is_none() {
                self.wrong(
                    "server.public_url",
                    "an origin such as https://chat.example.com, without a path",
                );
            }
            origin
        });
        SignIn {
            public_url,
            providers: self.providers(),
        }
    }

    fn providers(&mut self) -> Vec<Provider> {
        let oidc = self.oidc();
        let google = self.known_client("google", "Google");
        let github = self.github();
        let mut providers: Vec<Provider> = [oidc, google, github].into_iter().flatten().collect();
        for raw in &self.raw.providers {
            match provider(raw, self.raw) {
                Ok(provider) => providers.push(provider),
                Err(problem) => self
                    .problems
                    .push(format!("[[providers]] {}: {problem}", raw.id)),
            }
        }
        let mut ids: Vec<_> = providers.iter().map(|provider| &provider.id).collect();
        ids.sort_unstable();
        if ids.windows(2).any(|pair| pair.first() == pair.last()) {
            self.problems
                .push("[[providers]]: two providers have the same id".to_owned());
        }
        providers
    }

    fn oidc(&mut self) -> Option<Provider> {
        let client_id = self.raw.get("sign_in.oidc_client_id").map(str::to_owned);
        let issuer = self.base_url("sign_in.oidc_issuer");
        match (issuer, client_id) {
            (Some(issuer), Some(client_id)) => Some(Provider {
                id: "oidc".to_owned(),
                name: self
                    .raw
                    .get("sign_in.oidc_name")
                    .unwrap_or_default()
                    .to_owned(),
                protocol: Protocol::Oidc { issuer },
                client_id,
                client_secret: self.secret("sign_in.oidc_client_secret"),
                scopes: self.list("sign_in.oidc_scopes", "a scope", |scope| {
                    Some(scope.to_owned())
                }),
            }),
            (None, None) => None,
            _ => {
                self.problems.push(
                    "OPENMAKE_OIDC_ISSUER and OPENMAKE_OIDC_CLIENT_ID go together; set both"
                        .to_owned(),
                );
                None
            }
        }
    }

    fn github(&mut self) -> Option<Provider> {
        let web = self.base_url("sign_in.github_url");
        let mut provider = self.known_client("github", "GitHub")?;
        provider.protocol = Protocol::GitHub { web: web? };
        provider.scopes = Vec::new();
        Some(provider)
    }

    /// A provider whose issuer everyone knows; its client needs its secret.
    fn known_client(&mut self, id: &'static str, name: &'static str) -> Option<Provider> {
        let (id_key, secret_key) = if id == "google" {
            ("sign_in.google_client_id", "sign_in.google_client_secret")
        } else {
            ("sign_in.github_client_id", "sign_in.github_client_secret")
        };
        let client_id = self.raw.get(id_key).map(str::to_owned);
        let client_secret = self.secret(secret_key);
        match (client_id, client_secret) {
            (Some(client_id), Some(secret)) => Some(Provider {
                id: id.to_owned(),
                name: name.to_owned(),
                protocol: Protocol::Oidc {
                    issuer: Url::parse(GOOGLE).ok()?,
                },
                client_id,
                client_secret: Some(secret),
                scopes: default_scopes(),
            }),
            (None, None) => None,
            _ => {
                self.problems.push(format!(
                    "`{id_key}` and `{secret_key}` go together; set both"
                ));
                None
            }
        }
    }

    pub(super) fn mail(&mut self) -> Option<Mail> {
        let security = match self.raw.get("mail.smtp_security") {
            Some("tls") => MailSecurity::Tls,
            Some("starttls") => MailSecurity::StartTls,
            Some("none") => MailSecurity::None,
            _ => {
                self.wrong("mail.smtp_security", "`starttls`, `tls` or `none`");
                MailSecurity::StartTls
            }
        };
        let usual = match security {
            MailSecurity::Tls => 465,
            MailSecurity::StartTls => 587,
            MailSecurity::None => 25,
        };
        let port = self.parsed("mail.smtp_port", "a port from 1 to 65535", usual);
        let host = self.raw.get("mail.smtp_host").map(str::to_owned);
        let from = self.raw.get("mail.from").map(str::to_owned);
        let user = self.raw.get("mail.smtp_username").map(str::to_owned);
        let password = self.secret("mail.smtp_password");
        let credentials = match (user, password) {
            (Some(user), Some(password)) => Some((user, password)),
            (None, None) => None,
            _ => {
                self.problems.push(
                    "OPENMAKE_SMTP_USERNAME and OPENMAKE_SMTP_PASSWORD go together; set both"
                        .to_owned(),
                );
                None
            }
        };
        let (host, from) = match (host, from) {
            (Some(host), Some(from)) => (host, from),
            (None, None) => return None,
            _ => {
                self.problems.push(
                    "OPENMAKE_SMTP_HOST and OPENMAKE_SMTP_FROM go together; set both".to_owned(),
                );
                return None;
            }
        };
        let is_here = host == "localhost"
            || host
                .parse::<std::net::IpAddr>()
                .is_ok_and(|address| address.is_loopback());
        if security == MailSecurity::None && credentials.is_some() && !is_here {
            self.problems.push(
                "`mail.smtp_security` is `none`: the password would cross the network in clear; use `starttls` or `tls`"
                    .to_owned(),
            );
        }
        Some(Mail {
            host,
            port,
            security,
            credentials,
            from,
        })
    }

    fn secret(&self, key: &'static str) -> Option<SecretString> {
        self.raw.get(key).map(|text| text.to_owned().into())
    }
}

fn default_scopes() -> Vec<String> {
    ["profile", "email"].map(str::to_owned).to_vec()
}

fn provider(raw: &RawProvider, all: &super::Raw) -> Result<Provider, String> {
    let good = (1..=40).contains(&raw.id.len())
        && raw
            .id
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if !good {
        return Err("`id` has 1 to 40 lower-case letters, digits and dashes".to_owned());
    }
    let client_secret = match (&raw.client_secret, &raw.client_secret_env) {
        (Some(_), Some(_)) => {
            return Err("keep one of `client_secret` and `client_secret_env`".to_owned());
        }
        (Some(secret), None) => Some(secret.clone()),
        (None, Some(name)) => {
            let secret = all.environment.get(name).filter(|text| !text.is_empty());
            let secret = secret.ok_or_else(|| format!("the variable {name} is not set"))?;
            Some(secret.clone())
        }
        (None, None) => None,
    };
    Ok(Provider {
        id: raw.id.clone(),
        name: raw.name.clone().unwrap_or_else(|| raw.id.clone()),
        protocol: Protocol::Oidc {
            issuer: parse_base_url(&raw.issuer)?,
        },
        client_id: raw.client_id.clone(),
        client_secret: client_secret.map(Into::into),
        scopes: raw.scopes.clone().unwrap_or_else(default_scopes),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Raw, sample::config};

    #[test]
    fn providers_come_from_variables_and_tables() {
        let none = config(&[]).expect("valid");
        assert!(none.sign_in.providers.is_empty() && none.mail.is_none());
        let some = config(&[
            ("OPENMAKE_OIDC_ISSUER", "https://id.example.com/realms/a"),
            ("OPENMAKE_OIDC_CLIENT_ID", "chat"),
            ("GITHUB_CLIENT_ID", "gh"),
            ("GITHUB_CLIENT_SECRET", "s"),
            ("GOOGLE_CLIENT_ID", "go"),
            ("GOOGLE_CLIENT_SECRET", "s"),
        ]);
        let some = some.expect("valid").sign_in.providers;
        let ids: Vec<&str> = some.iter().map(|provider| provider.id.as_str()).collect();
        assert_eq!(ids, ["oidc", "google", "github"]);
        assert_eq!(some[0].scopes, ["profile", "email"]);
        assert!(
            matches!(&some[2].protocol, Protocol::GitHub { web } if web.as_str() == "https://github.com/")
        );

        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("openmake.toml");
        let text = "[[providers]]\nid = \"work\"\nname = \"Work\"\n\
                    issuer = \"https://id.example.com\"\nclient_id = \"chat\"\n\
                    client_secret_env = \"WORK_SECRET\"\n";
        std::fs::write(&file, text).expect("written");
        let load = |environment: &[(&str, &str)]| {
            let environment = environment.iter();
            let environment = environment.map(|(name, text)| ((*name).into(), (*text).into()));
            let raw = Raw::load(Some(&file), environment.collect(), Vec::new());
            Config::from_raw(&raw.expect("readable"))
        };
        let provider = load(&[("WORK_SECRET", "s")])
            .expect("valid")
            .sign_in
            .providers;
        assert_eq!(
            (provider[0].id.as_str(), provider[0].name.as_str()),
            ("work", "Work")
        );
        assert!(load(&[]).is_err());
    }

    #[test]
    fn halves_of_settings_are_refused() {
        for pairs in [
            [("OPENMAKE_OIDC_ISSUER", "https://id.example.com")].as_slice(),
            &[("GITHUB_CLIENT_ID", "gh")],
            &[("OPENMAKE_SMTP_HOST", "mail.example.com")],
            &[("OPENMAKE_SMTP_SECURITY", "maybe")],
            &[("OPENMAKE_PUBLIC_URL", "https://chat.example.com/path")],
            &[
                ("OPENMAKE_SMTP_HOST", "mail.example.com"),
                ("OPENMAKE_SMTP_FROM", "chat@example.com"),
                ("OPENMAKE_SMTP_SECURITY", "none"),
                ("OPENMAKE_SMTP_USERNAME", "chat"),
                ("OPENMAKE_SMTP_PASSWORD", "s"),
            ],
        ] {
            assert!(config(pairs).is_err(), "{pairs:?}");
        }
    }
}
