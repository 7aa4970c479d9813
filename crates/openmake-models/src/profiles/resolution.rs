//! What a request for a model comes to.

use std::fmt;
use std::time::Duration;

use openmake_types::ErrorKind;
use serde::Deserialize;

use crate::classifier::Classification;
use crate::{ModelCapabilities, ThinkingLevel};

/// A real model that some healthy node has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AvailableModel {
    /// Its name, as its server has it.
    pub name: String,
    /// What it can do.
    pub capabilities: ModelCapabilities,
    /// The tokens that it can read, where that is known.
    pub context_length: Option<u64>,
    /// Its size in parameters, where that is known.
    pub parameters: Option<u64>,
    /// Whether a node has it in memory.
    pub loaded: bool,
}

/// Something that a model has to be able to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Requirement {
    /// See images.
    Vision,
    /// Call tools.
    Tools,
    /// Think before it answers.
    Thinking,
}

impl Requirement {
    /// The name in lists of capabilities.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Vision => "vision",
            Self::Tools => "tools",
            Self::Thinking => "thinking",
        }
    }

    /// Whether a model can do it.
    pub const fn met_by(self, model: &AvailableModel) -> bool {
        match self {
            Self::Vision => model.capabilities.vision,
            Self::Tools => model.capabilities.tools,
            Self::Thinking => model.capabilities.thinking,
        }
    }
}

/// How the turn works. Every part of it is to be followed.
#[derive(Debug, Clone, PartialEq)]
pub struct WorkingSettings {
    /// How much to think; `None` for a model that does not think, which must
    /// then not be told anything about it.
    pub thinking: Option<ThinkingLevel>,
    /// The temperature; `None` leaves it to the server.
    pub temperature: Option<f64>,
    /// The tokens of prompt and history, at most: never more than the model
    /// can read, where that is known.
    pub context_tokens: u32,
    /// How many times tools may be called before the model has to answer: 0
    /// for a model that takes none.
    pub tool_turns: u32,
    /// The answer ends with what is there after this.
    pub time_budget: Option<Duration>,
    /// What the model was required to be able to do.
    pub requires: Vec<Requirement>,
}

/// The answer to "what does this request run on?".
#[derive(Debug, Clone, PartialEq)]
pub struct Resolution {
    /// The name that was asked for.
    pub requested: String,
    /// The profile whose way of working is followed; `None` for a real model.
    pub profile: Option<String>,
    /// The real model to call.
    pub model: String,
    /// How to work.
    pub settings: WorkingSettings,
    /// What the question needs and the model, which a person or an
    /// administrator chose, is not known to be able to do. It is asked all the
    /// same: servers do not always say what a model can do.
    pub lacks: Vec<Requirement>,
    /// How it came to this.
    pub why: Why,
}

/// Why a request runs on the model that it runs on.
#[derive(Debug, Clone, PartialEq)]
pub struct Why {
    /// Who or what chose the model.
    pub chosen: Chosen,
    /// What the question was taken for, where that chose the profile.
    pub classified: Option<Classification>,
}

/// Who or what chose a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chosen {
    /// The person named it.
    ByUser,
    /// An administrator put it behind the profile.
    ByAdministrator,
    /// It matches this entry of the profile's preferences.
    Preferred(String),
    /// None of the preferred models is there, and it can do what is needed.
    Capable,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(classified) = &self.classified {
            let percent = f64::from(classified.confidence) * 100.0;
            write!(f, "a question of {} ({percent:.0} %", classified.category)?;
            for (place, cue) in classified.cues.iter().enumerate() {
                write!(f, "{}{}", if place == 0 { ": " } else { ", " }, cue.name)?;
            }
            f.write_str("); ")?;
        }
        match &self.chosen {
            Chosen::ByUser => f.write_str("chosen by name"),
            Chosen::ByAdministrator => f.write_str("set by an administrator"),
            Chosen::Preferred(pattern) => write!(f, "preferred as {pattern}"),
            Chosen::Capable => f.write_str("the best that is there"),
        }
    }
}

/// Why a request runs on nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// No node has any model.
    #[error("no model is connected")]
    NoModels,
    /// There is neither a public nor a real model of this name.
    #[error("there is no model named {name:?}")]
    UnknownModel {
        /// What was asked for.
        name: String,
    },
    /// An administrator switched it off.
    #[error("{profile} is switched off here")]
    Disabled {
        /// The profile.
        profile: String,
    },
    /// It only turns texts into vectors.
    #[error("{name:?} is not a model to talk to")]
    NotForChat {
        /// The model.
        name: String,
    },
    /// The model that an administrator put behind a profile is gone.
    #[error("{engine:?}, which an administrator put behind {profile}, is not available")]
    EngineMissing {
        /// The profile.
        profile: String,
        /// Its model.
        engine: String,
    },
    /// None of the models can do what is needed.
    #[error("no connected model can do what {profile} needs{}", spell(requires))]
    NoCapableModel {
        /// The profile.
        profile: String,
        /// What is needed.
        requires: Vec<Requirement>,
    },
}

impl ResolveError {
    /// The kind that the wire and the log use.
    pub const fn kind(&self) -> ErrorKind {
        match self {
            Self::NoModels | Self::EngineMissing { .. } | Self::NoCapableModel { .. } => {
                ErrorKind::Unavailable
            }
            Self::UnknownModel { .. } | Self::Disabled { .. } => ErrorKind::NotFound,
            Self::NotForChat { .. } => ErrorKind::InvalidInput,
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::NoModels => "Connect a model server under Settings, Models.".to_owned(),
            Self::UnknownModel { .. } | Self::Disabled { .. } => {
                "GET /api/v1/models lists the models that there are.".to_owned()
            }
            Self::NotForChat { .. } => "Choose a model that answers in text.".to_owned(),
            Self::EngineMissing { .. } => {
                "Start the server that has it, or change the profile's model.".to_owned()
            }
            Self::NoCapableModel { requires, .. } => match requires.first() {
                Some(Requirement::Vision) => {
                    "Add a model that sees images, such as qwen3-vl or gemma3.".to_owned()
                }
                Some(other) => format!("Add a model that is capable of {}.", other.as_str()),
                None => "Add a model that answers in text.".to_owned(),
            },
        }
    }
}

fn spell(requires: &[Requirement]) -> String {
    if requires.is_empty() {
        return String::new();
    }
    let names: Vec<_> = requires
        .iter()
        .map(|requirement| requirement.as_str())
        .collect();
    format!(": {}", names.join(", "))
}
