//! The extractor without which no handler of a closed route can be written.

use std::marker::PhantomData;

use axum::extract::FromRequestParts;
use http::request::Parts;
use openmake_types::{Actor, Capability};

use crate::ApiError;

/// A capability that a handler names in its signature.
pub trait Requirement: Send + Sync + 'static {
    /// What the actor must be allowed.
    const CAPABILITY: Capability;
}

/// The authenticated actor, who has the capability `R`.
///
/// The gateway's authentication puts the [`Actor`] into the request's
/// extensions. Without one the answer is 401, without the capability 403.
pub struct Allowed<R: Requirement> {
    /// Who acts.
    pub actor: Actor,
    requirement: PhantomData<R>,
}

impl<R: Requirement> std::fmt::Debug for Allowed<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Allowed")
            .field("actor", &self.actor)
            .finish_non_exhaustive()
    }
}

impl<S: Sync, R: Requirement> FromRequestParts<S> for Allowed<R> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        let actor = parts
            .extensions
            .get::<Actor>()
            .cloned()
            .ok_or_else(ApiError::unauthenticated)?;
        if !actor.may(R::CAPABILITY) {
            return Err(ApiError::forbidden());
        }
        Ok(Self {
            actor,
            requirement: PhantomData,
        })
    }
}

macro_rules! requirements {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        pub struct $name;

        impl Requirement for $name {
            const CAPABILITY: Capability = Capability::$name;
        }
    )+};
}

requirements! {
    /// Ask models, start conversations and read one's own.
    Chat,
    /// Change, delete and export one's own conversations.
    ManageConversations,
    /// Change one's own profile, password and sessions.
    ManageOwnAccount,
    /// See one's own usage.
    ReadOwnUsage,
    /// See, change and invite other accounts.
    ManageUsers,
    /// See and change model servers.
    ManageNodes,
    /// See and change the instance's settings.
    ManageSettings,
    /// Read the audit trail.
    ReadAudit,
    /// Read the process's metrics.
    ReadMetrics,
}
