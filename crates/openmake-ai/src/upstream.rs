//! The one place that speaks to the pool of model servers.

use futures_util::{FutureExt as _, StreamExt as _, future::BoxFuture};
use openmake_agents::{Answer, ModelClient};
use openmake_api::nodes::{DiscoveredNode, NodeKeyView, NodeKind, NodeTest, NodeView};
use openmake_models::{
    ChatRequest, ModelError, NodePool, ProviderKind, USUAL_SERVERS,
    pool::{NodeConfig, NodeSnapshot, PoolModel},
    profiles::AvailableModel,
};
use openmake_types::NodeId;
use std::time::Duration;
use tokio::{sync::watch, time::timeout};
use uuid::Uuid;

use crate::core::Core;

/// How long a request waits for nodes that were never checked, such as right
/// after the start.
const FIRST_CHECK: Duration = Duration::from_secs(5);
/// How long adding a node waits for its first check.
const CHECK_NOW: Duration = Duration::from_secs(3);
/// How long trying a node may take.
const PROBE: Duration = Duration::from_secs(20);

/// The pool, as the turn loop knows it.
pub(crate) struct PoolClient(pub(crate) NodePool);

impl ModelClient for PoolClient {
    fn chat(&self, request: ChatRequest) -> BoxFuture<'_, Result<Answer, ModelError>> {
        async move {
            let stream = self.0.chat(request).await?;
            Ok(Answer {
                model: stream.model().to_owned(),
                node: stream.node_name().to_owned(),
                deltas: stream.boxed(),
            })
        }
        .boxed()
    }
}

/// All models of the nodes in use, whether or not they can be asked now.
pub(crate) async fn models(core: &Core) -> Vec<PoolModel> {
    match timeout(FIRST_CHECK, core.pool.checked_models()).await {
        Ok(models) => models,
        Err(_) => core.pool.models(),
    }
}

/// The models that can be asked now.
pub(crate) async fn available(core: &Core) -> Vec<AvailableModel> {
    available_of(&models(core).await)
}

/// Those of `models` that can be asked now.
pub(crate) fn available_of(models: &[PoolModel]) -> Vec<AvailableModel> {
    models
        .iter()
        .filter(|model| model.available)
        .map(|model| AvailableModel {
            name: model.name.clone(),
            capabilities: model.details.capabilities,
            context_length: model.details.context_length,
            parameters: model.details.parameters,
            loaded: model.loaded,
        })
        .collect()
}

/// Why no model can be asked, and what to do about it.
pub(crate) fn why_no_model(core: &Core) -> (String, String) {
    let nodes = core.pool.snapshot();
    let mut in_use = nodes
        .iter()
        .filter(|node| node.enabled && !node.draining)
        .peekable();
    if in_use.peek().is_none() {
        return (
            "No model server is connected.".to_owned(),
            "Install Ollama or another model server and connect it under Settings, Models; \
             until then nothing can be asked."
                .to_owned(),
        );
    }
    let failing: Vec<&str> = in_use
        .clone()
        .filter(|node| node.last_error.is_some())
        .map(|node| node.name.as_str())
        .collect();
    if failing.is_empty() {
        return (
            "The connected model servers have no model to talk to.".to_owned(),
            "Pull one, for example with `ollama pull qwen3:8b`.".to_owned(),
        );
    }
    (
        format!("No model server answers: {}.", failing.join(", ")),
        "Check that it runs and that its address is right, under Settings, Models.".to_owned(),
    )
}

/// Gives the pool its nodes.
pub(crate) fn apply(core: &Core, configs: Vec<NodeConfig>) {
    core.pool.apply(configs);
}

/// Counts the changes of all nodes.
pub(crate) fn changes(core: &Core) -> watch::Receiver<u64> {
    core.pool.changes()
}

/// The nodes with the count at which each last changed.
pub(crate) fn revisions(core: &Core) -> Vec<(Uuid, u64)> {
    core.pool
        .snapshot()
        .into_iter()
        .map(|node| (node.id.as_uuid(), node.revision))
        .collect()
}

/// Waits a moment for a node's check, so that who added it sees how it is.
pub(crate) async fn check_now(core: &Core, node: NodeId) {
    let enabled = core.pool.lookup_node(node).is_some_and(|node| node.enabled);
    if enabled {
        // Not done in time is no error: the page shows `unknown` until it is.
        let _ = timeout(CHECK_NOW, core.pool.checked_models()).await;
    }
}

/// All nodes as administrators see them.
pub(crate) fn views(core: &Core) -> Vec<NodeView> {
    core.pool
        .snapshot()
        .into_iter()
        .map(|node| view(core, node))
        .collect()
}

fn view(core: &Core, node: NodeSnapshot) -> NodeView {
    let configured = core
        .configured_nodes
        .iter()
        .any(|configured| configured.id == node.id);
    NodeView {
        id: node.id.as_uuid(),
        name: node.name,
        kind: kind(node.kind),
        base_url: node.base_url,
        source: if configured { "configured" } else { "stored" }.to_owned(),
        enabled: node.enabled,
        draining: node.draining,
        health: node.health.as_str().to_owned(),
        last_error: node.last_error,
        checked_at: node.checked_at,
        server_version: node.version,
        in_flight: u32::try_from(node.in_flight).unwrap_or(u32::MAX),
        latency_ms: node.latency.map(millis),
        models: node.models.into_iter().map(|model| model.name).collect(),
        loaded_models: node.loaded,
        api_keys: node
            .keys
            .into_iter()
            .map(|key| NodeKeyView {
                last_four: key.last_four,
                cooldown_until: key.rests.map(|(until, _)| until),
                requests: key.requests,
                failures: key.refusals,
            })
            .collect(),
    }
}

const fn kind(kind: ProviderKind) -> NodeKind {
    match kind {
        ProviderKind::Ollama => NodeKind::Ollama,
        ProviderKind::OpenAi => NodeKind::Openai,
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Tries a node, whether it is in the pool or not.
pub(crate) async fn probe(core: &Core, config: &NodeConfig) -> NodeTest {
    let probed = match timeout(PROBE, core.pool.probe(config)).await {
        Ok(probed) => probed,
        Err(_) => Err(ModelError::Timeout(openmake_models::TimeoutKind::Request(
            PROBE,
        ))),
    };
    match probed {
        Ok(probe) => NodeTest {
            ok: true,
            latency_ms: Some(millis(probe.latency)),
            server_version: probe.version,
            models: probe.models.into_iter().map(|model| model.name).collect(),
            error: None,
            hint: None,
        },
        Err(error) => NodeTest {
            ok: false,
            latency_ms: None,
            server_version: None,
            models: Vec::new(),
            error: Some(error.to_string()),
            hint: error.hint().map(str::to_owned),
        },
    }
}

/// Model servers that run on this machine.
pub(crate) async fn discover(core: &Core) -> Vec<DiscoveredNode> {
    let known: Vec<String> = core
        .pool
        .snapshot()
        .into_iter()
        .map(|node| loopback(&node.base_url))
        .collect();
    openmake_models::discover(&core.provider, USUAL_SERVERS)
        .await
        .into_iter()
        .map(|found| {
            let base_url = found.base_url.to_string();
            DiscoveredNode {
                name: found.name,
                kind: kind(found.base_url.kind()),
                known: known.contains(&loopback(&base_url)),
                base_url,
                models: found.models,
            }
        })
        .collect()
}

/// An address with the names of this machine made one.
fn loopback(base_url: &str) -> String {
    base_url
        .replace("://localhost", "://127.0.0.1")
        .replace("://[::1]", "://127.0.0.1")
}

/// The last four characters of a key that is long enough for them to tell
/// nothing.
pub(crate) fn last_four(key: &str) -> String {
    let count = key.chars().count();
    if count < 16 {
        String::new()
    } else {
        key.chars().skip(count - 4).collect()
    }
}
