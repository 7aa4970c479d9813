//! The public models, and what a request for one of them runs on.
//!
//! A *profile* is a public name with a way of working: which real models it
//! prefers, how much it thinks, how far it looks back, how often it may call
//! tools. All of it is data (`data/profiles.toml`). [`Profiles::resolve`] turns
//! the name that a client asked for into a real model that is there now and the
//! [`WorkingSettings`] that the turn follows. `openmake_auto` takes its profile
//! by the kind of question, through the [`crate::classifier`].
//!
//! A real model that a person names is the model that answers: nothing here
//! ever chooses another in its place.

mod choose;
mod edit;
mod file;
mod resolution;

use std::sync::Arc;
use std::time::Duration;

use crate::ThinkingLevel;
use crate::classifier::{Category, Classification, Classifier, Question};

use self::choose::{Preference, find_named};
pub use self::edit::{EditableProfile, ProfileEdit, ProfileState};
pub use self::file::{
    CONTEXT_TOKENS, MAX_TIME_BUDGET_SECONDS, MAX_TOOL_TURNS, ProfilesError, Size,
};
use self::file::{File, LocalizedText, ProfileEntry, Way};
pub use self::resolution::{
    AvailableModel, Chosen, Requirement, Resolution, ResolveError, Why, WorkingSettings,
};

/// The real models that an administrator put behind the profiles: v1's
/// `OMK_ENGINE_*`. What is `None` or empty follows the profile's preferences.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EngineOverrides {
    /// Behind `openmake_llm`.
    pub llm: Option<String>,
    /// Behind `openmake_pro`.
    pub pro: Option<String>,
    /// Behind `openmake_fast`.
    pub fast: Option<String>,
    /// Behind `openmake_think`.
    pub think: Option<String>,
    /// Behind `openmake_code`.
    pub code: Option<String>,
    /// Behind `openmake_vision`.
    pub vision: Option<String>,
}

impl EngineOverrides {
    fn behind(&self, id: &str) -> Option<&str> {
        let engine = match id {
            "openmake_llm" => &self.llm,
            "openmake_pro" => &self.pro,
            "openmake_fast" => &self.fast,
            "openmake_think" => &self.think,
            "openmake_code" => &self.code,
            "openmake_vision" => &self.vision,
            _ => &None,
        };
        engine
            .as_deref()
            .map(str::trim)
            .filter(|engine| !engine.is_empty())
    }
}

/// A public model, for lists.
#[derive(Debug, Clone, Copy)]
pub struct PublicModel<'a> {
    /// The name to ask for.
    pub id: &'a str,
    name: &'a LocalizedText,
    description: &'a LocalizedText,
    profile: Option<&'a ProfileEntry>,
}

impl<'a> PublicModel<'a> {
    /// What it is called in a language (`ko`, `ko-KR`), English where there is
    /// no translation.
    pub fn name(&self, language: &str) -> &'a str {
        self.name.get(language)
    }

    /// What it is for, in the same way.
    pub fn description(&self, language: &str) -> &'a str {
        self.description.get(language)
    }

    /// Whether it takes another's way of working, by the question.
    pub const fn is_auto(&self) -> bool {
        self.profile.is_none()
    }

    /// How much it thinks, where its model does; `None` when that depends on
    /// the question.
    pub fn thinking(&self) -> Option<ThinkingLevel> {
        self.profile.map(|profile| profile.thinking.into())
    }

    /// What its model has to be able to do.
    pub fn requires(&self) -> &'a [Requirement] {
        self.profile.map_or(&[], |profile| &profile.requires)
    }
}

/// The profiles of an installation, as they are until an administrator edits
/// them.
#[derive(Debug, Clone)]
pub struct Profiles {
    file: File,
    engines: EngineOverrides,
    classifier: Arc<Classifier>,
}

impl Profiles {
    /// The embedded profiles, with the embedded classifier.
    pub fn builtin(engines: EngineOverrides) -> Result<Self, ProfilesError> {
        let classifier = Arc::new(Classifier::builtin()?);
        Self::parse(
            include_str!("../../data/profiles.toml"),
            engines,
            classifier,
        )
    }

    /// Profiles of an administrator's own, in the form that the embedded file
    /// describes.
    pub fn parse(
        text: &str,
        engines: EngineOverrides,
        classifier: Arc<Classifier>,
    ) -> Result<Self, ProfilesError> {
        Ok(Self {
            file: File::parse(text)?,
            engines,
            classifier,
        })
    }

    /// The public models that can be asked: the one that chooses by the
    /// question, then the others in the order of the file.
    pub fn list(&self) -> impl Iterator<Item = PublicModel<'_>> {
        let auto = &self.file.auto;
        let first = PublicModel {
            id: &auto.id,
            name: &auto.name,
            description: &auto.description,
            profile: None,
        };
        let enabled = self.file.profile.iter().filter(|one| one.is_enabled);
        std::iter::once(first).chain(enabled.map(|profile| PublicModel {
            id: &profile.id,
            name: &profile.name,
            description: &profile.description,
            profile: Some(profile),
        }))
    }

    /// The id of the public model that goes by this name or alias.
    pub fn lookup(&self, name: &str) -> Option<&str> {
        if self.file.auto.goes_by(name) {
            return Some(&self.file.auto.id);
        }
        self.profile(name).map(|profile| profile.id.as_str())
    }

    /// The real model that a public one would answer a plain question with,
    /// if it does not depend on the question.
    pub fn real_model(&self, name: &str, available: &[AvailableModel]) -> Option<String> {
        let profile = self.profile(name)?;
        let resolution = self.by_profile(
            profile,
            &Asked {
                name,
                available,
                question: &Question::default(),
                classified: None,
            },
        );
        resolution.ok().map(|resolution| resolution.model)
    }

    /// What a request for `name` runs on: `name` is a public model or a real
    /// one, and `available` is what the healthy nodes have.
    pub fn resolve(
        &self,
        name: &str,
        available: &[AvailableModel],
        question: &Question<'_>,
    ) -> Result<Resolution, ResolveError> {
        if available.is_empty() {
            return Err(ResolveError::NoModels);
        }
        if self.file.auto.goes_by(name) {
            return self.by_question(name, available, question);
        }
        let asked = Asked {
            name,
            available,
            question,
            classified: None,
        };
        match self.profile(name) {
            Some(profile) => self.by_profile(profile, &asked),
            None => self.by_real_name(&asked),
        }
    }

    /// The model that the configuration puts behind a profile. What an
    /// administrator said later about its preferences comes first.
    fn engine(&self, profile: &ProfileEntry) -> Option<&str> {
        let engine = self.engines.behind(&profile.id);
        engine.filter(|_| !profile.prefers_anew)
    }

    fn profile(&self, name: &str) -> Option<&ProfileEntry> {
        self.file
            .profile
            .iter()
            .find(|profile| profile.goes_by(name))
    }

    /// Takes the profile for this kind of question. An image that is there
    /// needs a model that sees; an image that is only spoken of does not, so
    /// that then any other profile will do where none sees.
    fn by_question(
        &self,
        name: &str,
        available: &[AvailableModel],
        question: &Question<'_>,
    ) -> Result<Resolution, ResolveError> {
        let classified = self.classifier.classify(question);
        let auto = &self.file.auto;
        let sure = classified.confidence >= auto.minimum_confidence;
        let routed = if sure {
            auto.route(classified.category)
        } else {
            &auto.unsure
        };
        let routed = self.enabled_for(routed)?;
        let unsure = self.enabled_for(&auto.unsure)?;
        let asked = Asked {
            name,
            available,
            question,
            classified: Some(&classified),
        };
        match self.by_profile(routed, &asked) {
            Err(ResolveError::NoCapableModel { .. })
                if question.images == 0 && routed.id != unsure.id =>
            {
                self.by_profile(unsure, &asked)
            }
            resolved => resolved,
        }
    }

    /// The profile of this id; where it is switched off, the one for questions
    /// that nobody is sure of, or else the first that is not.
    fn enabled_for(&self, id: &str) -> Result<&ProfileEntry, ResolveError> {
        let named = |id: &str| self.profile(id).filter(|profile| profile.is_enabled);
        named(id)
            .or_else(|| named(&self.file.auto.unsure))
            .or_else(|| self.file.profile.iter().find(|one| one.is_enabled))
            .ok_or_else(|| ResolveError::Disabled {
                profile: self.file.auto.id.clone(),
            })
    }

    fn by_profile(
        &self,
        profile: &ProfileEntry,
        asked: &Asked<'_>,
    ) -> Result<Resolution, ResolveError> {
        if !profile.is_enabled {
            return Err(ResolveError::Disabled {
                profile: profile.id.clone(),
            });
        }
        let mut requires = profile.requires.clone();
        if asked.question.images > 0 && !requires.contains(&Requirement::Vision) {
            requires.push(Requirement::Vision);
        }
        let (model, chosen) = match self.engine(profile) {
            Some(engine) => {
                let model = find_named(engine, asked.available).ok_or_else(|| {
                    ResolveError::EngineMissing {
                        profile: profile.id.clone(),
                        engine: engine.to_owned(),
                    }
                })?;
                (model, Chosen::ByAdministrator)
            }
            None => Preference {
                profile,
                requires: &requires,
            }
            .choose(asked.available)
            .ok_or_else(|| ResolveError::NoCapableModel {
                profile: profile.id.clone(),
                requires: requires.clone(),
            })?,
        };
        Ok(Resolution {
            requested: asked.name.to_owned(),
            profile: Some(profile.id.clone()),
            model: model.name.clone(),
            settings: profile.way().on(model, &requires),
            lacks: lacking(model, &requires),
            why: Why {
                chosen,
                classified: asked.classified.cloned(),
            },
        })
    }

    fn by_real_name(&self, asked: &Asked<'_>) -> Result<Resolution, ResolveError> {
        let model =
            find_named(asked.name, asked.available).ok_or_else(|| ResolveError::UnknownModel {
                name: asked.name.to_owned(),
            })?;
        if !model.capabilities.chat {
            return Err(ResolveError::NotForChat {
                name: model.name.clone(),
            });
        }
        let requires: &[Requirement] = if asked.question.images > 0 {
            &[Requirement::Vision]
        } else {
            &[]
        };
        Ok(Resolution {
            requested: asked.name.to_owned(),
            profile: None,
            model: model.name.clone(),
            settings: self.file.passthrough.way().on(model, requires),
            lacks: lacking(model, requires),
            why: Why {
                chosen: Chosen::ByUser,
                classified: None,
            },
        })
    }

    /// What kind of question this is, as `openmake_auto` sees it.
    pub fn classify(&self, question: &Question<'_>) -> Classification {
        self.classifier.classify(question)
    }

    /// The profile that `openmake_auto` takes for a kind of question that it
    /// is sure of.
    pub fn route(&self, category: Category) -> &str {
        self.file.auto.route(category)
    }
}

/// A request on its way.
struct Asked<'a> {
    name: &'a str,
    available: &'a [AvailableModel],
    question: &'a Question<'a>,
    classified: Option<&'a Classification>,
}

impl Way {
    /// The same within what the model can do.
    fn on(&self, model: &AvailableModel, requires: &[Requirement]) -> WorkingSettings {
        let known = model
            .context_length
            .and_then(|tokens| u32::try_from(tokens).ok());
        WorkingSettings {
            thinking: model.capabilities.thinking.then_some(self.thinking),
            temperature: self.temperature,
            context_tokens: known.map_or(self.context_tokens, |most| most.min(self.context_tokens)),
            tool_turns: if model.capabilities.tools {
                self.tool_turns
            } else {
                0
            },
            time_budget: (self.time_budget_seconds > 0)
                .then(|| Duration::from_secs(self.time_budget_seconds)),
            requires: requires.to_vec(),
        }
    }
}

fn lacking(model: &AvailableModel, requires: &[Requirement]) -> Vec<Requirement> {
    requires
        .iter()
        .copied()
        .filter(|requirement| !requirement.met_by(model))
        .collect()
}
