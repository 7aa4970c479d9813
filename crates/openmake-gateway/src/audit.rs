//! Audit entries, with who, from where and by which request.

use axum::extract::FromRequestParts;
use chrono::{DateTime, Utc};
use http::request::Parts;
use openmake_api::ClientInfo;
use openmake_store::audit::{NewAudit, Outcome};
use openmake_types::{Actor, ApiKeyId, UserId};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::state::App;

/// What a handler needs to record what it does.
#[derive(Clone)]
pub(crate) struct AuditContext {
    app: App,
    actor: Option<UserId>,
    api_key: Option<ApiKeyId>,
    /// Where the request comes from.
    pub(crate) client: ClientInfo,
}

impl FromRequestParts<App> for AuditContext {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Self::Rejection> {
        let actor = parts.extensions.get::<Actor>();
        Ok(Self {
            app: app.clone(),
            actor: actor.map(|actor| actor.user_id),
            api_key: actor.and_then(|actor| actor.api_key_id),
            client: parts.extensions.get().cloned().unwrap_or_default(),
        })
    }
}

impl AuditContext {
    /// The time of what happens now.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.app.clock.now()
    }

    /// A new id for something that is made now.
    pub(crate) fn new_id(&self) -> Uuid {
        self.app.ids.uuid(self.now())
    }

    /// Something was done.
    pub(crate) fn success(&self, action: &'static str) -> Entry {
        self.entry(action, Outcome::Success)
    }

    /// Something was tried and did not work.
    pub(crate) fn failure(&self, action: &'static str) -> Entry {
        self.entry(action, Outcome::Failure)
    }

    /// Something was refused.
    pub(crate) fn denied(&self, action: &'static str) -> Entry {
        self.entry(action, Outcome::Denied)
    }

    fn entry(&self, action: &'static str, outcome: Outcome) -> Entry {
        Entry {
            api_key: self.api_key,
            audit: NewAudit {
                id: self.new_id(),
                at: self.now(),
                action,
                outcome,
                user_id: self.actor,
                resource_type: None,
                resource_id: None,
                details: json!({}),
                ip_address: self.client.ip_text(),
                user_agent: self.client.user_agent.clone(),
                request_id: self.client.request_id.clone(),
            },
        }
    }
}

/// An entry that is being filled in.
pub(crate) struct Entry {
    audit: NewAudit,
    api_key: Option<ApiKeyId>,
}

impl Entry {
    /// By this account, which the credential does not name yet.
    pub(crate) fn by(mut self, user: UserId) -> Self {
        self.audit.user_id = Some(user);
        self
    }

    /// On this thing.
    pub(crate) fn on(mut self, kind: &'static str, id: &impl std::fmt::Display) -> Self {
        self.audit.resource_type = Some(kind);
        self.audit.resource_id = Some(id.to_string());
        self
    }

    /// With what else there is to know.
    pub(crate) fn with(mut self, details: Value) -> Self {
        self.audit.details = details;
        self
    }

    /// The entry. What was done with a key names the key.
    pub(crate) fn done(mut self) -> NewAudit {
        if let (Some(key), Value::Object(details)) = (self.api_key, &mut self.audit.details) {
            details.insert("api_key_id".to_owned(), json!(key.to_string()));
        }
        self.audit
    }
}
