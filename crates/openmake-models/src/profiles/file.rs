//! The data file, read and checked.

use std::collections::{BTreeMap, HashSet};

use serde::Deserialize;

use super::resolution::Requirement;
use crate::ThinkingLevel;
use crate::classifier::{Category, TableError};

/// The names that clients and settings rely on.
const PUBLIC_IDS: [&str; 6] = [
    "openmake_llm",
    "openmake_pro",
    "openmake_fast",
    "openmake_think",
    "openmake_code",
    "openmake_vision",
];

/// The languages that the product is translated into.
const LANGUAGES: [&str; 4] = ["en", "ko", "ja", "zh"];

/// What `context_tokens` may be.
pub const CONTEXT_TOKENS: std::ops::RangeInclusive<u32> = 1_024..=10_000_000;
/// The most that `tool_turns` may be.
pub const MAX_TOOL_TURNS: u32 = 100;
/// The most that `time_budget_seconds` may be: a day.
pub const MAX_TIME_BUDGET_SECONDS: u64 = 24 * 60 * 60;

/// Why a file of profiles cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ProfilesError {
    /// It is not the TOML that it should be.
    #[error("the profiles cannot be read: {0}")]
    Unreadable(#[from] toml::de::Error),
    /// A profile is wrong in itself.
    #[error("in the profiles, {name} {problem}")]
    Invalid {
        /// The profile, or the part of the file.
        name: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The classifier that `openmake_auto` uses cannot be built.
    #[error(transparent)]
    Classifier(#[from] TableError),
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) passthrough: PassthroughEntry,
    pub(super) auto: AutoEntry,
    pub(super) profile: Vec<ProfileEntry>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PassthroughEntry {
    thinking: ThinkingEntry,
    temperature: Option<f64>,
    context_tokens: u32,
    tool_turns: u32,
    time_budget_seconds: u64,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AutoEntry {
    pub(super) id: String,
    aliases: Vec<String>,
    pub(super) name: LocalizedText,
    pub(super) description: LocalizedText,
    pub(super) minimum_confidence: f32,
    pub(super) unsure: String,
    routes: BTreeMap<Category, String>,
}

impl AutoEntry {
    pub(super) fn goes_by(&self, name: &str) -> bool {
        self.id == name || self.aliases.iter().any(|alias| alias == name)
    }

    pub(super) fn route(&self, category: Category) -> &str {
        self.routes.get(&category).unwrap_or(&self.unsure)
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ProfileEntry {
    pub(super) id: String,
    aliases: Vec<String>,
    pub(super) name: LocalizedText,
    pub(super) description: LocalizedText,
    pub(super) prefer: Vec<String>,
    pub(super) avoid: Vec<String>,
    pub(super) size: Size,
    pub(super) requires: Vec<Requirement>,
    pub(super) thinking: ThinkingEntry,
    pub(super) temperature: Option<f64>,
    pub(super) context_tokens: u32,
    pub(super) tool_turns: u32,
    pub(super) time_budget_seconds: u64,
    /// Whether it can be asked: not part of the file.
    #[serde(skip, default = "enabled")]
    pub(super) is_enabled: bool,
    /// An administrator's own way of working: not part of the file.
    #[serde(skip)]
    pub(super) instructions: Option<String>,
    /// Whether its preferences are an administrator's: not part of the file.
    #[serde(skip)]
    pub(super) prefers_anew: bool,
}

const fn enabled() -> bool {
    true
}

impl ProfileEntry {
    pub(super) fn goes_by(&self, name: &str) -> bool {
        self.id == name || self.aliases.iter().any(|alias| alias == name)
    }

    pub(super) fn way(&self) -> Way {
        Way {
            thinking: self.thinking.into(),
            temperature: self.temperature,
            context_tokens: self.context_tokens,
            tool_turns: self.tool_turns,
            time_budget_seconds: self.time_budget_seconds,
        }
    }
}

/// Which of several models that match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Size {
    /// The fewest parameters.
    Smallest,
    /// Nearest to 14 billion parameters.
    Balanced,
    /// The most parameters.
    Largest,
}

impl Size {
    /// The name in the file and on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Smallest => "smallest",
            Self::Balanced => "balanced",
            Self::Largest => "largest",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ThinkingEntry {
    Off,
    Low,
    Medium,
    High,
}

impl From<ThinkingLevel> for ThinkingEntry {
    fn from(level: ThinkingLevel) -> Self {
        match level {
            ThinkingLevel::Off => Self::Off,
            ThinkingLevel::Low => Self::Low,
            ThinkingLevel::Medium => Self::Medium,
            ThinkingLevel::High => Self::High,
        }
    }
}

impl From<ThinkingEntry> for ThinkingLevel {
    fn from(entry: ThinkingEntry) -> Self {
        match entry {
            ThinkingEntry::Off => Self::Off,
            ThinkingEntry::Low => Self::Low,
            ThinkingEntry::Medium => Self::Medium,
            ThinkingEntry::High => Self::High,
        }
    }
}

/// A text in every language of the product.
#[derive(Debug, Clone, Deserialize)]
#[serde(transparent)]
pub(super) struct LocalizedText(BTreeMap<String, String>);

impl LocalizedText {
    /// In the language of a tag, English where there is no translation.
    pub(super) fn get(&self, tag: &str) -> &str {
        let language = tag
            .split(['-', '_'])
            .next()
            .unwrap_or_default()
            .to_ascii_lowercase();
        self.0
            .get(&language)
            .or_else(|| self.0.get("en"))
            .map_or("", String::as_str)
    }

    fn problem(&self) -> Option<String> {
        let missing = LANGUAGES.iter().find(|language| {
            self.0
                .get(**language)
                .is_none_or(|text| text.trim().is_empty())
        });
        missing.map(|language| format!("has a text without a translation into {language:?}"))
    }
}

impl File {
    pub(super) fn parse(text: &str) -> Result<Self, ProfilesError> {
        let file: Self = toml::from_str(text)?;
        file.check()?;
        Ok(file)
    }

    pub(super) fn check(&self) -> Result<(), ProfilesError> {
        let invalid = |name: &str, problem: String| {
            Err(ProfilesError::Invalid {
                name: name.to_owned(),
                problem,
            })
        };
        let mut names = HashSet::new();
        let auto = std::iter::once(&self.auto.id).chain(&self.auto.aliases);
        let others = self
            .profile
            .iter()
            .flat_map(|p| std::iter::once(&p.id).chain(&p.aliases));
        for name in auto.chain(others) {
            if !name.starts_with("openmake_") {
                return invalid(name, "does not begin with `openmake_`".to_owned());
            }
            if !names.insert(name) {
                return invalid(name, "stands there twice".to_owned());
            }
        }
        for id in PUBLIC_IDS {
            if !self.profile.iter().any(|profile| profile.id == id) {
                return invalid(id, "is missing".to_owned());
            }
        }
        if let Some(problem) = self.auto_problem() {
            return invalid("[auto]", problem);
        }
        if let Some(problem) = self.passthrough.way().problem() {
            return invalid("[passthrough]", problem);
        }
        for profile in &self.profile {
            if let Some(problem) = profile.problem() {
                return invalid(&profile.id, problem);
            }
        }
        Ok(())
    }

    fn auto_problem(&self) -> Option<String> {
        let auto = &self.auto;
        let missing = Category::ALL
            .into_iter()
            .find(|kind| !auto.routes.contains_key(kind));
        if let Some(category) = missing {
            return Some(format!("has no route for {category}"));
        }
        let known = |id: &&String| !self.profile.iter().any(|profile| profile.id == **id);
        if let Some(id) = auto.routes.values().chain([&auto.unsure]).find(known) {
            return Some(format!("names {id:?}, which is no profile"));
        }
        if !(0.0..=1.0).contains(&auto.minimum_confidence) {
            return Some("has a minimum_confidence that is not between 0 and 1".to_owned());
        }
        auto.name.problem().or_else(|| auto.description.problem())
    }
}

/// What the file says of a way of working.
pub(super) struct Way {
    pub(super) thinking: ThinkingLevel,
    pub(super) temperature: Option<f64>,
    pub(super) context_tokens: u32,
    pub(super) tool_turns: u32,
    pub(super) time_budget_seconds: u64,
}

impl Way {
    fn problem(&self) -> Option<String> {
        if self
            .temperature
            .is_some_and(|temperature| !(0.0..=2.0).contains(&temperature))
        {
            return Some("has a temperature that is not between 0 and 2".to_owned());
        }
        if !CONTEXT_TOKENS.contains(&self.context_tokens) {
            return Some(format!(
                "has context_tokens that are not between {} and {}",
                CONTEXT_TOKENS.start(),
                CONTEXT_TOKENS.end(),
            ));
        }
        if self.tool_turns > MAX_TOOL_TURNS {
            return Some(format!("has more than {MAX_TOOL_TURNS} tool_turns"));
        }
        if self.time_budget_seconds > MAX_TIME_BUDGET_SECONDS {
            return Some("has a time_budget_seconds of more than a day".to_owned());
        }
        None
    }
}

impl PassthroughEntry {
    pub(super) fn way(&self) -> Way {
        Way {
            thinking: self.thinking.into(),
            temperature: self.temperature,
            context_tokens: self.context_tokens,
            tool_turns: self.tool_turns,
            time_budget_seconds: self.time_budget_seconds,
        }
    }
}

impl ProfileEntry {
    fn problem(&self) -> Option<String> {
        if self
            .prefer
            .iter()
            .chain(&self.avoid)
            .any(|pattern| pattern.trim().is_empty())
        {
            return Some("has an empty pattern".to_owned());
        }
        self.name
            .problem()
            .or_else(|| self.description.problem())
            .or_else(|| self.way().problem())
    }
}
