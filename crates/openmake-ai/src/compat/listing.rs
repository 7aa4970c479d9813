//! The models that a credential may ask, for every surface's list.

use openmake_models::{
    ModelCapabilities, ModelDetails, classifier::Question, pool::PoolModel,
    profiles::AvailableModel,
};
use openmake_types::ModelAccess;

use crate::{core::Core, upstream};

/// A model that can be asked now.
#[derive(Debug, Clone)]
pub(crate) struct Listed {
    /// The name to ask for.
    pub(crate) name: String,
    /// What it is.
    pub(crate) kind: ListedKind,
    /// What is known of it; of a profile, that of the model which it would
    /// answer a plain question with.
    pub(crate) details: ModelDetails,
    /// The bytes that it takes, where that is known.
    pub(crate) size: Option<u64>,
    /// Whether it is known to be in a server's memory.
    pub(crate) loaded: bool,
}

/// What a name in a list stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ListedKind {
    /// A way of working with a real model behind it.
    Profile,
    /// A real model.
    Model,
}

/// The models that can be asked now and that `access` allows: profiles first,
/// then real ones by name, those for vectors included.
pub(crate) async fn list(core: &Core, access: &ModelAccess) -> Vec<Listed> {
    let models = upstream::models(core).await;
    let available = upstream::available_of(&models);
    let known = core.administered.profiles();
    let profiles = known
        .list()
        .filter(|profile| access.allows(profile.id))
        .filter_map(|profile| {
            let plain = Question::default();
            let resolution = known.resolve(profile.id, &available, &plain).ok()?;
            let model = models.iter().find(|model| model.name == resolution.model)?;
            let mut details = model.details.clone();
            if profile.is_auto() {
                // One that chooses by the question can do what any can.
                details.capabilities = any(&available);
            }
            Some(Listed {
                name: profile.id.to_owned(),
                kind: ListedKind::Profile,
                details,
                size: model.size,
                loaded: model.loaded,
            })
        });
    let real = models
        .iter()
        .filter(|model| model.available && access.allows(&model.name))
        .filter(|model| model.details.capabilities.chat || model.details.capabilities.embedding)
        .map(real);
    profiles.chain(real).collect()
}

fn real(model: &PoolModel) -> Listed {
    Listed {
        name: model.name.clone(),
        kind: ListedKind::Model,
        details: model.details.clone(),
        size: model.size,
        loaded: model.loaded,
    }
}

fn any(available: &[AvailableModel]) -> ModelCapabilities {
    let chat = available.iter().filter(|model| model.capabilities.chat);
    chat.fold(ModelCapabilities::default(), |any, model| {
        let one = model.capabilities;
        ModelCapabilities {
            chat: true,
            tools: any.tools || one.tools,
            vision: any.vision || one.vision,
            thinking: any.thinking || one.thinking,
            embedding: false,
        }
    })
}
