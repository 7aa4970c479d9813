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

/// The answer of `GET /api/v1/nodes/usage`: what was asked with each key of the
/// model servers. A node without keys has one row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct NodeUsageReport {
    /// The beginning of the first of 24 hours; the last one runs now.
    pub hours_from: DateTime<Utc>,
    /// The beginning of the first of 30 days in UTC; the last one is today.
    pub days_from: DateTime<Utc>,
    /// By node and place of the key; those that are gone come last.
    pub items: Vec<KeyUsageView>,
}

/// What was asked with one key, by all processes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct KeyUsageView {
    /// The node.
    pub node_id: Uuid,
    /// What it is called, or was.
    pub node_name: String,
    /// The key's place among the node's keys, from 1; `null` for a node
    /// without keys.
    pub position: Option<u32>,
    /// Its last four characters; empty where the key is too short for them to
    /// tell nothing.
    pub last_four: String,
    /// Whether the node still has it.
    pub present: bool,
    /// Until when it rests, as the process that answers sees it.
    pub cooldown_until: Option<DateTime<Utc>>,
    /// Why it rests: `refused` (the server refuses the key) or `limited` (the
    /// server was asked too often).
    pub cooldown_reason: Option<String>,
    /// What the server said last of how much may be asked, as the process
    /// that answers heard it.
    pub limits: Option<KeyLimits>,
    /// When it was used last, within the 30 days.
    pub last_used_at: Option<DateTime<Utc>>,
    /// What was asked in the 24 hours.
    pub last_day: KeyTotals,
    /// What was asked in the 30 days.
    pub last_month: KeyTotals,
    /// The hours in which it was used, oldest first.
    pub hours: Vec<KeyUsagePoint>,
    /// The days on which it was used, oldest first.
    pub days: Vec<KeyUsagePoint>,
}

/// What was asked with a key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KeyTotals {
    /// Requests that were sent, those that were broken off included.
    pub requests: u64,
    /// Those that were answered in full.
    pub succeeded: u64,
    /// Those whose key was refused (401, 403).
    pub unauthorized: u64,
    /// Those that were too many, or that nothing was left to pay for (429,
    /// 402).
    pub rate_limited: u64,
    /// Those that the server failed on (5xx).
    pub server_errors: u64,
    /// Those that went wrong otherwise.
    pub other_errors: u64,
    /// Tokens read, as the server counted.
    pub input_tokens: u64,
    /// Tokens written, as the server counted.
    pub output_tokens: u64,
}

/// An hour or a day of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KeyUsagePoint {
    /// Where it begins.
    pub at: DateTime<Utc>,
    /// What was asked.
    #[serde(flatten)]
    pub totals: KeyTotals,
}

/// What a model server said of how much may be asked with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KeyLimits {
    /// Of requests.
    pub requests: Option<KeyLimit>,
    /// Of tokens.
    pub tokens: Option<KeyLimit>,
    /// When it said so.
    pub said_at: DateTime<Utc>,
}

/// What is left of one allowance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KeyLimit {
    /// All of it.
    pub limit: Option<u64>,
    /// What is left.
    pub remaining: Option<u64>,
    /// When all of it is there again.
    pub resets_at: Option<DateTime<Utc>>,
}
