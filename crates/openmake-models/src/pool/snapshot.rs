//! The pool as a page shows it.

use std::{collections::BTreeMap, time::Duration};

use chrono::{DateTime, Utc};
use openmake_types::NodeId;

use super::{
    KeySnapshot,
    node::{Check, Node},
};
use crate::{ListedModel, ModelDetails, ProviderKind};

/// How a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NodeHealth {
    /// It has not been checked yet.
    Unknown,
    /// The last check went well.
    Healthy,
    /// The last check failed.
    Failing,
    /// Its circuit breaker is open: it kept failing and is left alone for a
    /// while.
    Open,
}

impl NodeHealth {
    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Healthy => "healthy",
            Self::Failing => "failing",
            Self::Open => "open",
        }
    }
}

/// A node with its state.
#[derive(Debug, Clone, PartialEq)]
pub struct NodeSnapshot {
    /// The node.
    pub id: NodeId,
    /// Its name.
    pub name: String,
    /// Its protocol.
    pub kind: ProviderKind,
    /// Where it is.
    pub base_url: String,
    /// Whether it is used at all.
    pub enabled: bool,
    /// Whether it takes nothing new.
    pub draining: bool,
    /// How it is.
    pub health: NodeHealth,
    /// What went wrong last, if it is not healthy.
    pub last_error: Option<String>,
    /// When it was last checked.
    pub checked_at: Option<DateTime<Utc>>,
    /// Its server's version, where it says.
    pub version: Option<String>,
    /// How long it takes to list its models, smoothed.
    pub latency: Option<Duration>,
    /// Requests in flight.
    pub in_flight: usize,
    /// Requests so far.
    pub requests: u64,
    /// Those of them that failed.
    pub failures: u64,
    /// Its models, by name.
    pub models: Vec<ListedModel>,
    /// The names of those in its memory, where it says.
    pub loaded: Vec<String>,
    /// Its keys, without the keys.
    pub keys: Vec<KeySnapshot>,
    /// The pool's count of changes when something of this last changed, apart
    /// from the numbers that move with every request.
    pub revision: u64,
}

/// A model that can be asked for, wherever it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolModel {
    /// The name to ask for.
    pub name: String,
    /// What is known of it.
    pub details: ModelDetails,
    /// The bytes that it takes, where that is known.
    pub size: Option<u64>,
    /// The names of the nodes that have it.
    pub nodes: Vec<String>,
    /// Whether one of them is known to have it in memory.
    pub loaded: bool,
    /// Whether one of them can be asked now.
    pub available: bool,
}

pub(super) fn node(node: &Node, now: DateTime<Utc>) -> NodeSnapshot {
    let config = &node.config;
    let keys = node.server.keys.snapshot(now);
    let in_flight = node.server.in_flight();
    node.server.read(|state| {
        let health = match state.check {
            _ if !state.breaker.is_closed() => NodeHealth::Open,
            Check::None => NodeHealth::Unknown,
            Check::Good => NodeHealth::Healthy,
            Check::Bad => NodeHealth::Failing,
        };
        NodeSnapshot {
            id: config.id,
            name: config.name.clone(),
            kind: config.kind(),
            base_url: config.base_url.to_string(),
            enabled: config.enabled,
            draining: config.draining,
            health,
            last_error: state
                .last_error
                .clone()
                .filter(|_| health != NodeHealth::Healthy),
            checked_at: state.checked_at,
            version: state.version.clone(),
            latency: state.latency,
            in_flight,
            requests: state.requests,
            failures: state.failures,
            models: state.models.clone(),
            loaded: state
                .loaded
                .iter()
                .flatten()
                .map(|model| model.name.clone())
                .collect(),
            keys,
            revision: state.revision,
        }
    })
}

/// The models of all nodes that are in use, each name once, by name.
pub(super) fn models<'a>(nodes: impl IntoIterator<Item = &'a Node>) -> Vec<PoolModel> {
    let mut found: BTreeMap<String, PoolModel> = BTreeMap::new();
    for node in nodes
        .into_iter()
        .filter(|node| node.config.enabled && !node.config.draining)
    {
        node.server.read(|state| {
            let available = state.check != Check::Bad && state.breaker.would_admit();
            for listed in &state.models {
                let model = found
                    .entry(listed.name.clone())
                    .or_insert_with(|| PoolModel {
                        name: listed.name.clone(),
                        details: listed.details.clone(),
                        size: listed.size,
                        nodes: Vec::new(),
                        loaded: false,
                        available: false,
                    });
                model.nodes.push(node.config.name.clone());
                model.loaded |= state.loaded.is_some() && state.has_loaded(&listed.name);
                model.available |= available;
            }
        });
    }
    found.into_values().collect()
}
