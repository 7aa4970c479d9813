//! What administrators decide at run time, as this process knows it: limits,
//! and the profiles as they edited them.

use std::{collections::HashMap, sync::Arc};

use openmake_models::{
    ThinkingLevel,
    profiles::{ProfileEdit, Profiles, Size},
};
use openmake_store::{
    StoreError,
    profile_edits::StoredEdit,
    wakeups::{Follow, WakeupKind},
};
use openmake_types::{Limit, Limits, MAX_IMAGE_BYTES};
use parking_lot::RwLock;

use crate::core::Core;

/// Limits and profiles, as they are now.
pub(crate) struct Administered {
    built_in: Arc<Profiles>,
    now: RwLock<Now>,
}

struct Now {
    limits: Limits,
    profiles: Arc<Profiles>,
    edits: Arc<HashMap<String, ProfileEdit>>,
}

impl Administered {
    pub(crate) fn new(built_in: Arc<Profiles>) -> Self {
        let now = Now {
            limits: Limits::default(),
            profiles: Arc::clone(&built_in),
            edits: Arc::default(),
        };
        Self {
            built_in,
            now: RwLock::new(now),
        }
    }

    /// The limits that are set.
    pub(crate) fn limits(&self) -> Limits {
        self.now.read().limits.clone()
    }

    /// Bytes of a picture, at most.
    pub(crate) fn largest_image(&self) -> usize {
        let most = self.limits().get(Limit::ImageBytes);
        usize::try_from(most.unwrap_or(MAX_IMAGE_BYTES)).unwrap_or(usize::MAX)
    }

    /// The profiles that hold.
    pub(crate) fn profiles(&self) -> Arc<Profiles> {
        Arc::clone(&self.now.read().profiles)
    }

    /// The profiles as they were built.
    pub(crate) fn built_in(&self) -> &Profiles {
        &self.built_in
    }

    /// What was edited, by the profile's id.
    pub(crate) fn edits(&self) -> Arc<HashMap<String, ProfileEdit>> {
        Arc::clone(&self.now.read().edits)
    }
}

/// A stored edit as the profiles take it. What this version does not know is
/// as built in.
fn edit_of(stored: StoredEdit) -> (String, ProfileEdit) {
    let count = |number: Option<i32>| number.and_then(|number| u32::try_from(number).ok());
    let edit = ProfileEdit {
        is_off: !stored.is_enabled,
        prefer: stored.prefer,
        size: stored.size.as_deref().and_then(size),
        thinking: stored.thinking.as_deref().and_then(thinking),
        temperature: stored.temperature,
        context_tokens: count(stored.context_tokens),
        tool_turns: count(stored.tool_turns),
        time_budget_seconds: count(stored.time_budget_seconds).map(u64::from),
        instructions: stored.instructions,
    };
    (stored.profile, edit)
}

fn size(name: &str) -> Option<Size> {
    [Size::Smallest, Size::Balanced, Size::Largest]
        .into_iter()
        .find(|size| size.as_str() == name)
}

fn thinking(name: &str) -> Option<ThinkingLevel> {
    [
        ThinkingLevel::Off,
        ThinkingLevel::Low,
        ThinkingLevel::Medium,
        ThinkingLevel::High,
    ]
    .into_iter()
    .find(|level| level.as_str() == name)
}

/// Reads limits and edits, and goes on with them.
pub(crate) async fn refresh(core: &Core) -> Result<(), StoreError> {
    let limits = core.store.limits().get().await?;
    let edits: HashMap<String, ProfileEdit> = core
        .store
        .profile_edits()
        .list()
        .await?
        .into_iter()
        .map(edit_of)
        .collect();
    let known = &core.administered;
    let profiles = if *known.edits() == edits {
        known.profiles()
    } else {
        // One edit that this version refuses must not take the others along.
        let sound = edits.iter().filter(|(id, edit)| {
            let problem = edit.problem();
            if let Some((_, problem)) = &problem {
                tracing::error!(
                    profile = id,
                    problem,
                    "an edited profile is left as built in"
                );
            }
            problem.is_none()
        });
        match known
            .built_in
            .edited(sound.map(|(id, edit)| (id.as_str(), edit)))
        {
            Ok(profiles) => Arc::new(profiles),
            Err(error) => {
                tracing::error!(%error, "the edited profiles cannot be used");
                known.profiles()
            }
        }
    };
    *known.now.write() = Now {
        limits,
        profiles,
        edits: Arc::new(edits),
    };
    Ok(())
}

/// Follows changes that are made here or by other processes, until the process
/// stops.
pub(crate) async fn follow(core: Arc<Core>) {
    let follow = Follow {
        heard: core.wakeups.subscribe(),
        kind: WakeupKind::Settings,
        what: "limits and profiles",
    };
    let stop = core.stop.clone();
    let read = || {
        let core = Arc::clone(&core);
        async move { refresh(&core).await }
    };
    follow.run(read, stop).await;
}
