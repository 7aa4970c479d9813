//! Settings as texts, each with where it came from: defaults, then the
//! settings file, then the environment, then the command line.

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
};

use super::registry::{SETTINGS, Secrecy, Setting, TOOL_VARIABLES, lookup_key};

/// Everything that is wrong with the configuration, at once.
#[derive(Debug)]
pub(crate) struct ConfigErrors(pub(crate) Vec<String>);

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the configuration is wrong:")?;
        for problem in &self.0 {
            write!(f, "\n  - {problem}")?;
        }
        write!(f, "\n  `openmake config reference` lists every setting.")
    }
}

impl std::error::Error for ConfigErrors {}

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// Nobody set it.
    Default,
    /// The settings file.
    File,
    /// An environment variable.
    Environment(String),
    /// The command line.
    CommandLine(&'static str),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File => f.write_str("settings file"),
            Self::Environment(name) => write!(f, "{name}"),
            Self::CommandLine(flag) => write!(f, "{flag}"),
        }
    }
}

/// A value and where it came from.
#[derive(Debug, Clone)]
pub(crate) struct Value {
    /// The value; never empty.
    pub(crate) text: String,
    /// Where it came from.
    pub(crate) source: Source,
}

/// A model server in the settings file.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawNode {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) base_url: String,
    #[serde(default)]
    pub(crate) api_keys: Vec<String>,
    /// Names of environment variables that hold keys, so that the file need
    /// not.
    #[serde(default)]
    pub(crate) api_key_env: Vec<String>,
}

/// An OpenID provider in the settings file.
#[derive(Clone, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawProvider {
    pub(crate) id: String,
    pub(crate) name: Option<String>,
    pub(crate) issuer: String,
    pub(crate) client_id: String,
    pub(crate) client_secret: Option<String>,
    /// The name of the environment variable that holds the secret, so that the
    /// file need not.
    pub(crate) client_secret_env: Option<String>,
    pub(crate) scopes: Option<Vec<String>>,
}

/// Without its secret.
impl fmt::Debug for RawProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawProvider")
            .field("id", &self.id)
            .field("issuer", &self.issuer)
            .finish_non_exhaustive()
    }
}

/// All values, by key.
#[derive(Debug, Default)]
pub(crate) struct Raw {
    pub(crate) values: BTreeMap<&'static str, Value>,
    pub(crate) nodes: Vec<RawNode>,
    pub(crate) providers: Vec<RawProvider>,
    /// `OLLAMA_API_KEY_1` and on, in order.
    pub(crate) numbered_keys: Vec<String>,
    pub(crate) environment: BTreeMap<String, String>,
}

/// What a command line overrides: key, flag, value.
pub(crate) type Override = (&'static str, &'static str, String);

impl Raw {
    /// Reads file and environment, and puts the command line over them.
    pub(crate) fn load(
        file: Option<&Path>,
        environment: BTreeMap<String, String>,
        overrides: Vec<Override>,
    ) -> Result<Self, ConfigErrors> {
        let mut problems = Vec::new();
        let mut raw = Self {
            environment,
            ..Self::default()
        };
        if let Some(path) = file {
            raw.read_file(path, &mut problems);
        }
        raw.read_environment(&mut problems);
        for (key, flag, text) in overrides {
            if !text.is_empty()
                && let Some(setting) = lookup_key(key)
            {
                let value = Value {
                    text,
                    source: Source::CommandLine(flag),
                };
                raw.values.insert(setting.key, value);
            }
        }
        if problems.is_empty() {
            Ok(raw)
        } else {
            Err(ConfigErrors(problems))
        }
    }

    /// The value of a setting, or its default; none when both are empty.
    pub(crate) fn get(&self, key: &'static str) -> Option<&str> {
        debug_assert!(lookup_key(key).is_some(), "{key} is not in the registry");
        match self.values.get(key) {
            Some(value) => Some(&value.text),
            None => lookup_key(key)
                .map(|setting| setting.default)
                .filter(|text| !text.is_empty()),
        }
    }

    /// Where the value of a setting came from.
    pub(crate) fn source(&self, key: &str) -> Source {
        self.values
            .get(key)
            .map_or(Source::Default, |value| value.source.clone())
    }

    fn read_file(&mut self, path: &Path, problems: &mut Vec<String>) {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) => {
                problems.push(format!("cannot read {}: {error}", path.display()));
                return;
            }
        };
        let table: toml::Table = match text.parse() {
            Ok(table) => table,
            Err(error) => {
                problems.push(format!("{} is not TOML: {error}", path.display()));
                return;
            }
        };
        for (section, value) in table {
            match value {
                toml::Value::Array(nodes) if section == "nodes" => {
                    for node in nodes {
                        match node.try_into() {
                            Ok(node) => self.nodes.push(node),
                            Err(error) => problems.push(format!("[[nodes]]: {error}")),
                        }
                    }
                }
                toml::Value::Array(providers) if section == "providers" => {
                    for provider in providers {
                        match provider.try_into() {
                            Ok(provider) => self.providers.push(provider),
                            Err(error) => problems.push(format!("[[providers]]: {error}")),
                        }
                    }
                }
                toml::Value::Table(entries) => {
                    for (name, value) in entries {
                        self.read_entry(&format!("{section}.{name}"), &value, problems);
                    }
                }
                _ => problems.push(format!(
                    "`{section}` in {} is not a section; use [section] tables, [[nodes]] or [[providers]]",
                    path.display()
                )),
            }
        }
    }

    fn read_entry(&mut self, key: &str, value: &toml::Value, problems: &mut Vec<String>) {
        let Some(setting) = lookup_key(key) else {
            problems.push(format!("unknown setting `{key}`{}", near(key)));
            return;
        };
        match text_of(value) {
            Some(text) if text.is_empty() => {}
            Some(text) => {
                self.values.insert(
                    setting.key,
                    Value {
                        text,
                        source: Source::File,
                    },
                );
            }
            None => problems.push(format!(
                "`{key}` must be a text, number, boolean or list of texts"
            )),
        }
    }

    fn read_environment(&mut self, problems: &mut Vec<String>) {
        for setting in SETTINGS {
            match variable(&self.environment, setting) {
                Ok(Some((name, text))) => {
                    let value = Value {
                        text,
                        source: Source::Environment(name),
                    };
                    self.values.insert(setting.key, value);
                }
                Ok(None) => {}
                Err(problem) => problems.push(problem),
            }
        }
        for number in 1..=20 {
            let name = format!("OLLAMA_API_KEY_{number}");
            // A gap ends nothing: people comment single keys out.
            if let Some(key) = self.environment.get(&name).filter(|key| !key.is_empty()) {
                self.numbered_keys.push(key.clone());
            }
        }
        for name in self
            .environment
            .keys()
            .filter(|name| name.starts_with("OPENMAKE_"))
        {
            let known = SETTINGS.iter().any(|setting| {
                name == setting.env
                    || setting.secrecy == Secrecy::Secret
                        && name.strip_suffix("_FILE") == Some(setting.env)
            });
            if !known && !TOOL_VARIABLES.contains(&name.as_str()) {
                problems.push(format!("unknown environment variable {name}{}", near(name)));
            }
        }
    }
}

/// The value of a setting's variable, or of the file that `…_FILE` names.
fn variable(
    environment: &BTreeMap<String, String>,
    setting: &Setting,
) -> Result<Option<(String, String)>, String> {
    let present = |name: &str| environment.get(name).filter(|text| !text.is_empty());
    let file_name = format!("{}_FILE", setting.env);
    let file = present(&file_name).filter(|_| setting.secrecy == Secrecy::Secret);
    match (present(setting.env), file) {
        (Some(_), Some(_)) => Err(format!(
            "{} and {file_name} are both set; keep one",
            setting.env
        )),
        (Some(text), None) => Ok(Some((setting.env.to_owned(), text.clone()))),
        (None, Some(path)) => match std::fs::read_to_string(PathBuf::from(path)) {
            Ok(text) if text.trim().is_empty() => Err(format!("{file_name}: {path} is empty")),
            Ok(text) => Ok(Some((file_name, text.trim().to_owned()))),
            Err(error) => Err(format!("{file_name}: cannot read {path}: {error}")),
        },
        (None, None) => Ok(None),
    }
}

fn text_of(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Float(number) => Some(number.to_string()),
        toml::Value::Boolean(flag) => Some(flag.to_string()),
        toml::Value::Array(items) => items
            .iter()
            .map(|item| item.as_str().map(str::to_owned))
            .collect::<Option<Vec<_>>>()
            .map(|items| items.join(",")),
        _ => None,
    }
}

/// "; did you mean …?" for the setting whose name is nearest.
fn near(name: &str) -> String {
    let distance = |candidate: &str| edit_distance(name, candidate);
    SETTINGS
        .iter()
        .flat_map(|setting| [setting.key, setting.env])
        .map(|candidate| (distance(candidate), candidate))
        .min()
        .filter(|(distance, _)| *distance <= name.len() / 3)
        .map(|(_, candidate)| format!("; did you mean `{candidate}`?"))
        .unwrap_or_default()
}

/// Levenshtein's distance, by one row at a time.
fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (cell, to) in row.iter_mut().skip(1).zip(&b) {
            let cost = diagonal + usize::from(from != *to);
            diagonal = *cell;
            left = cost.min(left + 1).min(diagonal + 1);
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs
            .iter()
            .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
            .collect()
    }

    fn file(text: &str) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().expect("temporary file");
        file.write_all(text.as_bytes()).expect("written");
        file
    }

    #[test]
    fn the_command_line_goes_before_the_environment_before_the_file() {
        let file = file("[server]\nport = 1\nhost = \"file\"\n[log]\nlevel = \"warn\"\n");
        let raw = Raw::load(
            Some(file.path()),
            environment(&[("PORT", "2"), ("SERVER_HOST", "env")]),
            vec![("server.port", "--port", "3".to_owned())],
        )
        .expect("valid");
        assert_eq!(raw.get("server.port"), Some("3"));
        assert_eq!(raw.source("server.port"), Source::CommandLine("--port"));
        assert_eq!(raw.get("server.host"), Some("env"));
        assert_eq!(raw.get("log.level"), Some("warn"));
        assert_eq!(raw.get("log.format"), Some("text"));
    }

    #[test]
    fn an_empty_variable_is_not_set() {
        let raw = Raw::load(None, environment(&[("PORT", "")]), Vec::new()).expect("valid");
        assert_eq!(raw.get("server.port"), Some("52416"));
    }

    #[test]
    fn unknown_settings_are_named_with_what_was_meant() {
        let file = file("[server]\nprot = 1\n");
        let environment = environment(&[("OPENMAKE_DATA_DIRR", "x")]);
        let errors = Raw::load(Some(file.path()), environment, Vec::new()).expect_err("wrong");
        let text = errors.to_string();
        assert!(
            text.contains("`server.prot`; did you mean `server.port`?"),
            "{text}"
        );
        assert!(
            text.contains("OPENMAKE_DATA_DIRR; did you mean `OPENMAKE_DATA_DIR`?"),
            "{text}"
        );
    }

    #[test]
    fn a_secret_can_come_from_a_file_but_not_from_both() {
        let file = file("postgres://x\n");
        let path = file.path().to_str().expect("UTF-8");
        let raw = Raw::load(
            None,
            environment(&[("DATABASE_URL_FILE", path)]),
            Vec::new(),
        );
        assert_eq!(
            raw.expect("valid").get("data.database_url"),
            Some("postgres://x")
        );
        let both = environment(&[
            ("DATABASE_URL_FILE", path),
            ("DATABASE_URL", "postgres://y"),
        ]);
        assert!(Raw::load(None, both, Vec::new()).is_err());
    }

    #[test]
    fn the_distance_counts_edits() {
        assert_eq!(edit_distance("kitten", "sitting"), 3);
        assert_eq!(edit_distance("", "abc"), 3);
        assert_eq!(edit_distance("same", "same"), 0);
    }
}
