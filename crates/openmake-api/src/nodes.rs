//! Model servers, for administrators.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// The protocol that a node speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum NodeKind {
    /// Ollama's own, local or cloud.
    Ollama,
    /// OpenAI's: vLLM, llama.cpp, LM Studio, OpenRouter and the rest.
    Openai,
}

/// `POST /api/v1/nodes` and `POST /api/v1/nodes/test`.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateNode {
    /// 1 to 60 characters, unique.
    pub name: String,
    /// The protocol.
    pub kind: NodeKind,
    /// `http://localhost:11434`, `https://api.example.com/v1`, …
    pub base_url: String,
    /// At most 20; sealed when stored, never shown again.
    #[serde(default)]
    pub api_keys: Vec<String>,
}

impl fmt::Debug for CreateNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CreateNode")
            .field("name", &self.name)
            .field("kind", &self.kind)
            .field("base_url", &self.base_url)
            .finish_non_exhaustive()
    }
}

/// `PATCH /api/v1/nodes/{id}`: what is absent stays.
#[derive(Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateNode {
    /// 1 to 60 characters, unique.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Changing the host drops the keys unless new ones come with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    /// Replaces all keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_keys: Option<Vec<String>>,
    /// Whether it is used at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// Whether it finishes what runs and takes nothing new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draining: Option<bool>,
}

impl fmt::Debug for UpdateNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UpdateNode")
            .field("name", &self.name)
            .field("base_url", &self.base_url)
            .field("enabled", &self.enabled)
            .field("draining", &self.draining)
            .finish_non_exhaustive()
    }
}

/// A node with its state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct NodeView {
    /// The node.
    pub id: Uuid,
    /// Its name.
    pub name: String,
    /// The protocol.
    pub kind: NodeKind,
    /// Where it is.
    pub base_url: String,
    /// `configured` (environment or settings file; cannot be changed here) or
    /// `stored`.
    pub source: String,
    /// Whether it is used at all.
    pub enabled: bool,
    /// Whether it takes nothing new.
    pub draining: bool,
    /// `unknown`, `healthy`, `failing` or `open` (circuit breaker).
    pub health: String,
    /// What the last check said, when it failed.
    pub last_error: Option<String>,
    /// When it was last checked.
    pub checked_at: Option<DateTime<Utc>>,
    /// The server's version, where it says.
    pub server_version: Option<String>,
    /// Requests in flight from this process.
    pub in_flight: u32,
    /// How long a check takes, in milliseconds, smoothed.
    pub latency_ms: Option<u64>,
    /// The models that it offers.
    pub models: Vec<String>,
    /// The models in its memory now, where it says.
    pub loaded_models: Vec<String>,
    /// Its keys, by their last four characters.
    pub api_keys: Vec<NodeKeyView>,
}

/// A node's key, without the key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NodeKeyView {
    /// The last four characters.
    pub last_four: String,
    /// Until when it rests, after the server refused it.
    pub cooldown_until: Option<DateTime<Utc>>,
    /// Requests sent with it by this process.
    pub requests: u64,
    /// Refusals in a row.
    pub failures: u32,
}

/// The answer of `POST /api/v1/nodes/test` and `/nodes/{id}/test`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NodeTest {
    /// Whether it answered as its kind of server should.
    pub ok: bool,
    /// How long it took.
    pub latency_ms: Option<u64>,
    /// The server's version, where it says.
    pub server_version: Option<String>,
    /// The models that it offers.
    pub models: Vec<String>,
    /// What went wrong.
    pub error: Option<String>,
    /// What to do about it.
    pub hint: Option<String>,
}

/// The answer of `POST /api/v1/nodes/discover`: model servers on this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DiscoveredNodes {
    /// Those that answered.
    pub items: Vec<DiscoveredNode>,
}

/// A model server that answered on this machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DiscoveredNode {
    /// A name to suggest: `Ollama`, `LM Studio`, …
    pub name: String,
    /// The protocol.
    pub kind: NodeKind,
    /// Where it is.
    pub base_url: String,
    /// The models that it offers.
    pub models: Vec<String>,
    /// Whether a node with this address exists already.
    pub known: bool,
}

/// All nodes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct NodeList {
    /// By name.
    pub items: Vec<NodeView>,
}
