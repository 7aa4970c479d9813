//! The settings as the program uses them, each section checked by itself.

use std::{net::IpAddr, path::PathBuf, str::FromStr, time::Duration};

use ipnet::IpNet;
use openmake_backup::{retention::Retention, schedule::Schedule, service::Trial};
use secrecy::SecretString;
use url::Url;

use super::{
    ConfigErrors, Raw,
    raw::RawNode,
    roles::Roles,
    sign_in::{Mail, SignIn},
};

/// All settings.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) server: Server,
    pub(crate) data: Data,
    pub(crate) roles: Roles,
    pub(crate) accounts: Accounts,
    pub(crate) sign_in: SignIn,
    pub(crate) mail: Option<Mail>,
    pub(crate) limits: Limits,
    pub(crate) backup: Backup,
    pub(crate) models: Models,
    pub(crate) log: Log,
}

#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) host: IpAddr,
    pub(crate) port: u16,
    pub(crate) trusted_proxies: Vec<IpNet>,
    pub(crate) cors_origins: Vec<String>,
    pub(crate) metrics_listen: Option<std::net::SocketAddr>,
    pub(crate) drain: Duration,
}

#[derive(Debug)]
pub(crate) struct Data {
    /// None: the platform's.
    pub(crate) dir: Option<PathBuf>,
    pub(crate) database_url: Option<SecretString>,
    pub(crate) database_connections: u32,
    pub(crate) postgres_bin: Option<PathBuf>,
    pub(crate) key_file: Option<PathBuf>,
}

#[derive(Debug)]
pub(crate) struct Accounts {
    pub(crate) admin_emails: Vec<String>,
}

#[derive(Debug)]
pub(crate) struct Limits {
    pub(crate) sign_in_per_minute: u32,
    pub(crate) requests_per_minute: u32,
    pub(crate) turns_per_minute: u32,
    pub(crate) searches_per_minute: u32,
    /// MiB.
    pub(crate) import_megabytes: u32,
}

#[derive(Debug)]
pub(crate) struct Backup {
    /// None: the server makes no backups.
    pub(crate) directory: Option<PathBuf>,
    pub(crate) schedule: Schedule,
    pub(crate) retention: Retention,
    pub(crate) trial: Trial,
    pub(crate) passphrase: Option<SecretString>,
}

#[derive(Debug)]
pub(crate) struct Models {
    pub(crate) nodes: Vec<Node>,
    pub(crate) default: String,
    pub(crate) engines: Engines,
    pub(crate) first_token_timeout: Duration,
    pub(crate) idle_timeout: Duration,
    pub(crate) check_interval: Duration,
    pub(crate) demo: bool,
}

/// Real models that stand behind profiles, by v1's names.
#[derive(Debug, Default)]
pub(crate) struct Engines {
    pub(crate) llm: Option<String>,
    pub(crate) pro: Option<String>,
    pub(crate) fast: Option<String>,
    pub(crate) think: Option<String>,
    pub(crate) code: Option<String>,
    pub(crate) vision: Option<String>,
}

/// A model server from the environment or the settings file.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) kind: NodeKind,
    pub(crate) base_url: Url,
    pub(crate) api_keys: Vec<SecretString>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NodeKind {
    Ollama,
    Openai,
}

#[derive(Debug)]
pub(crate) struct Log {
    pub(crate) level: String,
    pub(crate) format: LogFormat,
    pub(crate) otlp_endpoint: Option<Url>,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

impl Config {
    /// Checks every section, and says all that is wrong at once.
    pub(crate) fn from_raw(raw: &Raw) -> Result<Self, ConfigErrors> {
        let mut check = Check {
            raw,
            problems: Vec::new(),
        };
        let config = Self {
            server: Server {
                host: check.parsed("server.host", "an IP address", IpAddr::from([127, 0, 0, 1])),
                port: check.parsed("server.port", "a port from 0 to 65535", 0),
                trusted_proxies: check.list(
                    "server.trusted_proxies",
                    "a network such as 10.0.0.0/8",
                    parse_net,
                ),
                cors_origins: check.list(
                    "server.cors_origins",
                    "an origin such as https://chat.example.com",
                    parse_origin,
                ),
                metrics_listen: check.optional("server.metrics_listen", "HOST:PORT"),
                drain: Duration::from_secs(check.number("server.drain_seconds", 0, 600)),
            },
            data: Data {
                dir: raw.get("data.dir").map(PathBuf::from),
                database_url: check.database_url(),
                database_connections: check.small("data.database_connections", 5, 500),
                postgres_bin: raw.get("data.postgres_bin").map(PathBuf::from),
                key_file: raw.get("data.key_file").map(PathBuf::from),
            },
            roles: check.roles(),
            accounts: Accounts {
                admin_emails: check.list("accounts.admin_emails", "an e-mail address", |text| {
                    text.contains('@').then(|| text.to_lowercase())
                }),
            },
            sign_in: check.sign_in(),
            mail: check.mail(),
            limits: Limits {
                sign_in_per_minute: check.small("limits.sign_in_per_minute", 1, 1_000_000),
                requests_per_minute: check.small("limits.requests_per_minute", 2, 1_000_000),
                turns_per_minute: check.small("limits.turns_per_minute", 1, 1_000_000),
                searches_per_minute: check.small("limits.searches_per_minute", 1, 1_000_000),
                import_megabytes: check.small("limits.import_megabytes", 1, 16_384),
            },
            backup: check.backup(),
            models: Models {
                nodes: check.nodes(),
                default: raw.get("models.default").unwrap_or_default().to_owned(),
                engines: Engines {
                    llm: raw.get("models.engine_llm").map(str::to_owned),
                    pro: raw.get("models.engine_pro").map(str::to_owned),
                    fast: raw.get("models.engine_fast").map(str::to_owned),
                    think: raw.get("models.engine_think").map(str::to_owned),
                    code: raw.get("models.engine_code").map(str::to_owned),
                    vision: raw.get("models.engine_vision").map(str::to_owned),
                },
                first_token_timeout: Duration::from_millis(check.number(
                    "models.first_token_timeout_ms",
                    1_000,
                    600_000,
                )),
                idle_timeout: Duration::from_secs(check.number(
                    "models.idle_timeout_seconds",
                    1,
                    600,
                )),
                check_interval: Duration::from_secs(check.number("models.check_seconds", 1, 3_600)),
                demo: check.parsed("models.demo", "true or false", false),
            },
            log: Log {
                level: raw.get("log.level").unwrap_or("info").to_owned(),
                format: check.log_format(),
                otlp_endpoint: check.optional("log.otlp_endpoint", "a URL"),
            },
        };
        if check.problems.is_empty() {
            Ok(config)
        } else {
            Err(ConfigErrors(check.problems))
        }
    }
}

/// The settings that are being checked, and what is wrong with them so far.
pub(super) struct Check<'a> {
    pub(super) raw: &'a Raw,
    pub(super) problems: Vec<String>,
}

impl Check<'_> {
    pub(super) fn wrong(&mut self, key: &'static str, wanted: &str) {
        let source = self.raw.source(key);
        self.problems
            .push(format!("`{key}` ({source}) must be {wanted}"));
    }

    fn optional<T: FromStr>(&mut self, key: &'static str, wanted: &str) -> Option<T> {
        let parsed = self.raw.get(key)?.parse();
        if parsed.is_err() {
            self.wrong(key, wanted);
        }
        parsed.ok()
    }

    pub(super) fn parsed<T: FromStr>(
        &mut self,
        key: &'static str,
        wanted: &str,
        otherwise: T,
    ) -> T {
        self.optional(key, wanted).unwrap_or(otherwise)
    }

    fn number(&mut self, key: &'static str, min: u64, max: u64) -> u64 {
        let number = self
            .raw
            .get(key)
            .and_then(|text| text.parse().ok())
            .unwrap_or(u64::MAX);
        if !(min..=max).contains(&number) {
            self.wrong(key, &format!("a number from {min} to {max}"));
            return min;
        }
        number
    }

    fn small(&mut self, key: &'static str, min: u32, max: u32) -> u32 {
        u32::try_from(self.number(key, min.into(), max.into())).unwrap_or(min)
    }

    pub(super) fn list<T>(
        &mut self,
        key: &'static str,
        wanted: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Vec<T> {
        let text = self.raw.get(key).unwrap_or_default();
        let mut items = Vec::new();
        for item in text
            .split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty())
        {
            match parse(item) {
                Some(item) => items.push(item),
                None => self.wrong(
                    key,
                    &format!("a list in which each is {wanted}; `{item}` is not"),
                ),
            }
        }
        items
    }

    fn database_url(&mut self) -> Option<SecretString> {
        let text = self.raw.get("data.database_url")?;
        if !text.starts_with("postgres://") && !text.starts_with("postgresql://") {
            self.wrong("data.database_url", "a postgres:// URL");
            return None;
        }
        Some(text.to_owned().into())
    }

    fn backup(&mut self) -> Backup {
        let wanted = "hours such as `24h`, up to `8760h`, or a time of day such as `03:30`";
        let verify = self.parsed("backup.verify", "true or false", true);
        Backup {
            directory: self.raw.get("backup.directory").map(PathBuf::from),
            schedule: self.parsed("backup.schedule", wanted, Schedule::Every(24)),
            retention: Retention {
                keep: self.small("backup.keep", 1, 10_000),
                keep_days: self.small("backup.keep_days", 0, 3_650),
            },
            trial: if verify { Trial::Restore } else { Trial::Skip },
            passphrase: self.raw.get("backup.passphrase").map(Into::into),
        }
    }

    fn log_format(&mut self) -> LogFormat {
        match self.raw.get("log.format") {
            Some("json") => LogFormat::Json,
            Some("text") => LogFormat::Text,
            _ => {
                self.wrong("log.format", "`text` or `json`");
                LogFormat::Text
            }
        }
    }

    fn nodes(&mut self) -> Vec<Node> {
        let mut nodes = Vec::new();
        if let Some(base_url) = self.base_url("models.ollama_base_url") {
            let first = self.raw.get("models.ollama_api_key").map(str::to_owned);
            let api_keys = first
                .into_iter()
                .chain(self.raw.numbered_keys.iter().cloned());
            nodes.push(Node {
                name: "Ollama".to_owned(),
                kind: NodeKind::Ollama,
                base_url,
                api_keys: api_keys.map(SecretString::from).collect(),
            });
        } else if self.raw.get("models.ollama_api_key").is_some()
            || !self.raw.numbered_keys.is_empty()
        {
            // A key belongs to a host, so it is never sent to a guessed one.
            self.problems.push(
                "OLLAMA_API_KEY is set but OLLAMA_BASE_URL is not; name the server that the key belongs to".to_owned(),
            );
        }
        if let Some(base_url) = self.base_url("models.openai_base_url") {
            let api_key = self
                .raw
                .get("models.openai_api_key")
                .map(|key| key.to_owned().into());
            nodes.push(Node {
                name: if self.raw.get("models.demo") == Some("true") {
                    "Scripted demo".to_owned()
                } else {
                    "OpenAI-compatible".to_owned()
                },
                kind: NodeKind::Openai,
                base_url,
                api_keys: api_key.into_iter().collect(),
            });
        } else if self.raw.get("models.openai_api_key").is_some() {
            self.problems.push(
                "OPENAI_API_KEY is set but OPENAI_BASE_URL is not; name the server that the key belongs to".to_owned(),
            );
        }
        for raw in &self.raw.nodes {
            match self.node(raw) {
                Ok(node) => nodes.push(node),
                Err(problem) => self
                    .problems
                    .push(format!("[[nodes]] {}: {problem}", raw.name)),
            }
        }
        let mut names: Vec<_> = nodes.iter().map(|node| node.name.to_lowercase()).collect();
        names.sort_unstable();
        if names.windows(2).any(|pair| pair.first() == pair.last()) {
            self.problems
                .push("[[nodes]]: two nodes have the same name".to_owned());
        }
        nodes
    }

    fn node(&self, raw: &RawNode) -> Result<Node, String> {
        let kind = match raw.kind.as_str() {
            "ollama" => NodeKind::Ollama,
            "openai" => NodeKind::Openai,
            other => {
                return Err(format!(
                    "`kind` is \"ollama\" or \"openai\", not \"{other}\""
                ));
            }
        };
        let mut api_keys: Vec<SecretString> =
            raw.api_keys.iter().cloned().map(Into::into).collect();
        for name in &raw.api_key_env {
            let key = self.raw.environment.get(name).filter(|key| !key.is_empty());
            let key = key.ok_or_else(|| format!("the variable {name} is not set"))?;
            api_keys.push(key.clone().into());
        }
        Ok(Node {
            name: raw.name.clone(),
            kind,
            base_url: parse_base_url(&raw.base_url)?,
            api_keys,
        })
    }

    pub(super) fn base_url(&mut self, key: &'static str) -> Option<Url> {
        match parse_base_url(self.raw.get(key)?) {
            Ok(url) => Some(url),
            Err(problem) => {
                self.problems
                    .push(format!("`{key}` ({}): {problem}", self.raw.source(key)));
                None
            }
        }
    }
}

pub(super) fn parse_base_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("{error}; give http://HOST:PORT"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err("give an http:// or https:// address".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("put the key into its own setting, not into the address".to_owned());
    }
    Ok(url)
}

fn parse_net(text: &str) -> Option<IpNet> {
    text.parse()
        .ok()
        .or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

pub(super) fn parse_origin(text: &str) -> Option<String> {
    let url = Url::parse(text).ok()?;
    let origin = url.origin();
    (origin.is_tuple() && origin.ascii_serialization() == text.trim_end_matches('/'))
        .then(|| origin.ascii_serialization())
}

#[cfg(test)]
mod tests {
    use crate::config::sample::config;

    #[test]
    fn the_defaults_are_valid_and_listen_on_loopback() {
        let config = config(&[]).expect("valid");
        assert!(config.server.host.is_loopback());
        assert_eq!(config.server.port, 52416);
        assert!(config.models.nodes.is_empty());
    }

    #[test]
    fn everything_wrong_is_said_at_once() {
        let errors = config(&[
            ("PORT", "99999"),
            ("OPENMAKE_LOG_FORMAT", "xml"),
            ("TRUSTED_PROXIES", "x"),
        ])
        .expect_err("wrong");
        assert_eq!(errors.0.len(), 3, "{errors}");
        assert!(
            errors.to_string().contains("`server.port` (PORT)"),
            "{errors}"
        );
    }

    #[test]
    fn a_key_without_a_host_is_refused() {
        assert!(config(&[("OLLAMA_API_KEY", "k")]).is_err());
        assert!(config(&[("OPENAI_API_KEY", "k")]).is_err());
    }

    #[test]
    fn numbered_keys_follow_the_first() {
        let config = config(&[
            ("OLLAMA_BASE_URL", "http://localhost:11434"),
            ("OLLAMA_API_KEY", "a"),
            ("OLLAMA_API_KEY_1", "b"),
            ("OLLAMA_API_KEY_3", "c"),
        ])
        .expect("valid");
        assert_eq!(config.models.nodes[0].api_keys.len(), 3);
    }

    #[test]
    fn an_address_with_a_password_is_refused() {
        assert!(config(&[("OPENAI_BASE_URL", "http://u:p@localhost:1/v1")]).is_err());
    }
}
