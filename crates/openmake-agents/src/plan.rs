//! How a turn is to be answered: the model that was chosen and its way of
//! working.

use std::time::Duration;

use openmake_models::{ModelCapabilities, ThinkingLevel};

/// What was decided before the model is asked.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The real model.
    pub model: String,
    /// The profile that chose it, when one did.
    pub profile: Option<String>,
    /// Why this model, for a person.
    pub reason: String,
    /// What the model can do.
    pub capabilities: ModelCapabilities,
    /// The tokens that may be read and written in one call.
    pub context_tokens: u64,
    /// How much to think.
    pub thinking: ThinkingChoice,
    /// How much to vary; the server's own unless given.
    pub temperature: Option<f64>,
    /// How many times the model may ask for tools.
    pub tool_turns: u32,
    /// How long the whole turn may take.
    pub time_budget: Option<Duration>,
    /// The profile's way of working, for the system prompt.
    pub instructions: Option<String>,
    /// What the person wants of every answer of the conversation.
    pub standing: Option<String>,
}

/// How much a model is to think, and who says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ThinkingChoice {
    /// The server decides.
    Unset,
    /// The profile's or the conversation's level: a model that cannot think is
    /// asked without.
    Profile(ThinkingLevel),
    /// The person's level: they are told when the model cannot.
    Person(ThinkingLevel),
}

impl ThinkingChoice {
    /// The level, whoever chose it.
    pub const fn level(self) -> Option<ThinkingLevel> {
        match self {
            Self::Unset => None,
            Self::Profile(level) | Self::Person(level) => Some(level),
        }
    }
}
