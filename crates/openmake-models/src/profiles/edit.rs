//! Profiles as administrators edit them.

use super::{
    Profiles,
    file::{
        CONTEXT_TOKENS, MAX_TIME_BUDGET_SECONDS, MAX_TOOL_TURNS, ProfileEntry, ProfilesError, Size,
    },
};
use crate::ThinkingLevel;

/// What differs from the built-in profile; None is as built in.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ProfileEdit {
    /// Whether it is switched off: then it is neither listed nor asked.
    pub is_off: bool,
    /// The models that it prefers, the best first. `*` stands for anything.
    pub prefer: Option<Vec<String>>,
    /// Which of several that match.
    pub size: Option<Size>,
    /// How much it thinks, where its model does.
    pub thinking: Option<ThinkingLevel>,
    /// 0 to 2.
    pub temperature: Option<f64>,
    /// Tokens of the conversation that are sent, within [`CONTEXT_TOKENS`].
    pub context_tokens: Option<u32>,
    /// How often tools may be called, at most [`MAX_TOOL_TURNS`].
    pub tool_turns: Option<u32>,
    /// The answer ends after this, at most [`MAX_TIME_BUDGET_SECONDS`]; 0:
    /// never.
    pub time_budget_seconds: Option<u64>,
    /// How to work, for the system prompt; empty: nothing is said.
    pub instructions: Option<String>,
}

impl ProfileEdit {
    /// The first field that cannot be, and why not.
    pub fn problem(&self) -> Option<(&'static str, String)> {
        let patterns = self.prefer.iter().flatten();
        if patterns.clone().any(|pattern| pattern.trim().is_empty()) {
            return Some(("prefer", "`prefer` has an empty name.".to_owned()));
        }
        let temperature = self.temperature;
        if temperature.is_some_and(|degree| !(0.0..=2.0).contains(&degree)) {
            let detail = "`temperature` is a number from 0 to 2.".to_owned();
            return Some(("temperature", detail));
        }
        if self
            .context_tokens
            .is_some_and(|tokens| !CONTEXT_TOKENS.contains(&tokens))
        {
            let (least, most) = (CONTEXT_TOKENS.start(), CONTEXT_TOKENS.end());
            let detail = format!("`context_tokens` is a number from {least} to {most}.");
            return Some(("context_tokens", detail));
        }
        if self.tool_turns.is_some_and(|turns| turns > MAX_TOOL_TURNS) {
            let detail = format!("`tool_turns` is a number from 0 to {MAX_TOOL_TURNS}.");
            return Some(("tool_turns", detail));
        }
        if self
            .time_budget_seconds
            .is_some_and(|seconds| seconds > MAX_TIME_BUDGET_SECONDS)
        {
            let detail =
                format!("`time_budget_seconds` is a number from 0 to {MAX_TIME_BUDGET_SECONDS}.");
            return Some(("time_budget_seconds", detail));
        }
        None
    }

    fn apply(&self, profile: &mut ProfileEntry) {
        profile.is_enabled = !self.is_off;
        if let Some(prefer) = &self.prefer {
            profile.prefer.clone_from(prefer);
            profile.prefers_anew = true;
        }
        if let Some(size) = self.size {
            profile.size = size;
        }
        if let Some(thinking) = self.thinking {
            profile.thinking = thinking.into();
        }
        profile.temperature = self.temperature.or(profile.temperature);
        profile.context_tokens = self.context_tokens.unwrap_or(profile.context_tokens);
        profile.tool_turns = self.tool_turns.unwrap_or(profile.tool_turns);
        profile.time_budget_seconds = self
            .time_budget_seconds
            .unwrap_or(profile.time_budget_seconds);
        profile.instructions.clone_from(&self.instructions);
    }
}

/// What a profile is now, for its editor.
#[derive(Debug, Clone, PartialEq)]
pub struct ProfileState {
    /// The models that it prefers, the best first.
    pub prefer: Vec<String>,
    /// Which of several that match.
    pub size: Size,
    /// How much it thinks, where its model does.
    pub thinking: ThinkingLevel,
    /// None is the model server's own.
    pub temperature: Option<f64>,
    /// Tokens of the conversation that are sent, at most.
    pub context_tokens: u32,
    /// How often tools may be called before the answer.
    pub tool_turns: u32,
    /// The answer ends after this; 0: never.
    pub time_budget_seconds: u64,
}

/// A profile that can be edited.
#[derive(Debug, Clone, Copy)]
pub struct EditableProfile<'a> {
    entry: &'a ProfileEntry,
    engine: Option<&'a str>,
}

impl<'a> EditableProfile<'a> {
    /// The name to ask for.
    pub fn id(&self) -> &'a str {
        &self.entry.id
    }

    /// What it is called in a language, English where there is no translation.
    pub fn name(&self, language: &str) -> &'a str {
        self.entry.name.get(language)
    }

    /// What it is for, in the same way.
    pub fn description(&self, language: &str) -> &'a str {
        self.entry.description.get(language)
    }

    /// Whether it can be asked.
    pub const fn is_enabled(&self) -> bool {
        self.entry.is_enabled
    }

    /// The model that the configuration puts behind it, where that holds.
    pub const fn engine(&self) -> Option<&'a str> {
        self.engine
    }

    /// What it is now.
    pub fn state(&self) -> ProfileState {
        let entry = self.entry;
        ProfileState {
            prefer: entry.prefer.clone(),
            size: entry.size,
            thinking: entry.thinking.into(),
            temperature: entry.temperature,
            context_tokens: entry.context_tokens,
            tool_turns: entry.tool_turns,
            time_budget_seconds: entry.time_budget_seconds,
        }
    }
}

impl Profiles {
    /// The same profiles with what administrators changed of them, by id. An
    /// edit of a profile that is not there any more changes nothing.
    pub fn edited<'e>(
        &self,
        edits: impl IntoIterator<Item = (&'e str, &'e ProfileEdit)>,
    ) -> Result<Self, ProfilesError> {
        let mut edited = self.clone();
        for (id, edit) in edits {
            let mut profiles = edited.file.profile.iter_mut();
            if let Some(profile) = profiles.find(|profile| profile.id == id) {
                edit.apply(profile);
            }
        }
        edited.file.check()?;
        Ok(edited)
    }

    /// The profiles that can be edited, in the order of the file, whether they
    /// can be asked or not.
    pub fn editable(&self) -> impl Iterator<Item = EditableProfile<'_>> {
        self.file.profile.iter().map(|entry| EditableProfile {
            entry,
            engine: self.engine(entry),
        })
    }

    /// An administrator's own way of working for a profile; None leaves it to
    /// the built-in one.
    pub fn instructions(&self, id: &str) -> Option<&str> {
        self.profile(id)?.instructions.as_deref()
    }
}
