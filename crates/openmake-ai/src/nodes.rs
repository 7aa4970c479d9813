//! The model servers: those of the configuration and those that
//! administrators add, kept in step with the pool in every process.

use std::{collections::HashMap, sync::Arc, time::Duration};

use openmake_api::{
    ApiError, ClientInfo,
    nodes::{CreateNode, NodeKind, NodeView, UpdateNode},
};
use openmake_models::{
    BaseUrl, BaseUrlError, ProviderKind, SecretString, UnknownProviderKind, pool::NodeConfig,
};
use openmake_store::{
    StoreError,
    audit::{NewAudit, Outcome},
    nodes::{NewNode, NodeChange, SealedKey, StoredNode},
    secrets::{KeyRing, SecretError},
    wakeups::{Follow, Wakeup, WakeupKind},
};
use openmake_types::{Actor, NodeId};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{core::Core, error::store_error, upstream};

/// Keys of a node.
const MAX_KEYS: usize = 20;
/// Characters of a key.
const MAX_KEY_CHARS: usize = 2_000;
/// Characters of a name.
const MAX_NAME_CHARS: usize = 60;
/// Bytes of an address.
const MAX_URL_BYTES: usize = 2_000;

/// Who changes a node, and from where.
#[derive(Debug)]
pub(crate) struct Act {
    pub(crate) actor: Actor,
    pub(crate) client: ClientInfo,
}

impl Act {
    fn audit(&self, core: &Core, action: &'static str, node: NodeId, details: Value) -> NewAudit {
        let at = core.clock.now();
        NewAudit {
            id: core.ids.uuid(at),
            at,
            action,
            outcome: Outcome::Success,
            user_id: Some(self.actor.user_id),
            resource_type: Some("node"),
            resource_id: Some(node.to_string()),
            details,
            ip_address: self.client.ip_text(),
            user_agent: self.client.user_agent.clone(),
            request_id: self.client.request_id.clone(),
        }
    }
}

/// Adds a node.
pub(crate) async fn create(
    core: &Arc<Core>,
    act: &Act,
    request: CreateNode,
) -> Result<NodeView, ApiError> {
    let config = config_of(core, request)?;
    refuse_configured_name(core, &config.name)?;
    let address = config.base_url.to_string();
    let new = NewNode {
        id: config.id,
        name: &config.name,
        kind: config.kind().as_str(),
        base_url: &address,
        keys: seal(core, config.id, &config.api_keys),
        now: core.clock.now(),
    };
    let details = json!({
        "name": config.name,
        "kind": config.kind().as_str(),
        "base_url": address,
        "keys": config.api_keys.len(),
    });
    let audit = act.audit(core, "node.create", config.id, details);
    let node = core
        .store
        .nodes()
        .create(&new, &audit)
        .await
        .map_err(store_error("node"))?;
    changed(core, &node).await
}

/// Changes a node.
pub(crate) async fn update(
    core: &Arc<Core>,
    act: &Act,
    id: NodeId,
    request: UpdateNode,
) -> Result<NodeView, ApiError> {
    refuse_configured(core, id)?;
    let stored = core
        .store
        .nodes()
        .get(id)
        .await
        .map_err(store_error("node"))?;
    let kind = stored
        .kind
        .parse()
        .map_err(|error: UnknownProviderKind| ApiError::internal(error))?;
    let old = base_url(kind, &stored.base_url)?;
    let name = request.name.as_deref().map(checked_name).transpose()?;
    if let Some(name) = &name {
        refuse_configured_name(core, name)?;
    }
    let new = request
        .base_url
        .as_deref()
        .map(|text| base_url(old.kind(), text))
        .transpose()?;
    let moved = new
        .as_ref()
        .is_some_and(|new| new.root().origin() != old.root().origin());
    let keys = match request.api_keys {
        Some(keys) => Some(checked_keys(keys)?),
        // A key belongs to the host that it was given for.
        None if moved => Some(Vec::new()),
        None => None,
    };
    let details = json!({
        "name": name,
        "base_url": new.as_ref().map(ToString::to_string),
        "enabled": request.enabled,
        "draining": request.draining,
        "keys": keys.as_ref().map(Vec::len),
    });
    let change = NodeChange {
        name,
        base_url: new.map(|new| new.to_string()),
        keys: keys.map(|keys| seal(core, id, &keys)),
        enabled: request.enabled,
        draining: request.draining,
    };
    let audit = act.audit(core, "node.update", id, details);
    let node = core
        .store
        .nodes()
        .change(id, &change, &audit)
        .await
        .map_err(store_error("node"))?;
    changed(core, &node).await
}

/// Removes a node.
pub(crate) async fn remove(core: &Arc<Core>, act: &Act, id: NodeId) -> Result<(), ApiError> {
    refuse_configured(core, id)?;
    let audit = act.audit(core, "node.delete", id, json!({}));
    core.store
        .nodes()
        .delete(id, &audit)
        .await
        .map_err(store_error("node"))?;
    apply(core).await.map_err(store_error("node"))?;
    core.notify(vec![wakeup(core, id)]);
    Ok(())
}

/// Applies the change here, tells the other processes, and shows the node.
async fn changed(core: &Arc<Core>, node: &StoredNode) -> Result<NodeView, ApiError> {
    apply(core).await.map_err(store_error("node"))?;
    core.notify(vec![wakeup(core, node.id)]);
    upstream::check_now(core, node.id).await;
    upstream::views(core)
        .into_iter()
        .find(|view| view.id == node.id.as_uuid())
        .ok_or_else(|| ApiError::not_found("node"))
}

/// Settings and health of a node both change what a client shows, and any
/// process may see it first: the time is the one version that rises with all.
fn wakeup(core: &Core, id: NodeId) -> Wakeup {
    Wakeup {
        kind: WakeupKind::Node,
        id: id.as_uuid(),
        version: core.clock.now().timestamp_micros(),
        owner: None,
    }
}

/// A node as a request describes it, under a new id.
pub(crate) fn config_of(core: &Core, request: CreateNode) -> Result<NodeConfig, ApiError> {
    let kind = match request.kind {
        NodeKind::Ollama => ProviderKind::Ollama,
        NodeKind::Openai => ProviderKind::OpenAi,
    };
    let id = NodeId::from_uuid(core.ids.uuid(core.clock.now()));
    let address = base_url(kind, &request.base_url)?;
    let mut config = NodeConfig::new(id, checked_name(&request.name)?, address);
    config.api_keys = checked_keys(request.api_keys)?;
    Ok(config)
}

/// The node with its keys, as the pool has it.
pub(crate) async fn known_config(core: &Core, id: NodeId) -> Result<NodeConfig, ApiError> {
    if let Some(configured) = core.configured_nodes.iter().find(|node| node.id == id) {
        return Ok(configured.clone());
    }
    let stored = core
        .store
        .nodes()
        .get(id)
        .await
        .map_err(store_error("node"))?;
    node_config(&stored, &core.keys).map_err(ApiError::internal)
}

fn checked_name(name: &str) -> Result<String, ApiError> {
    let name = name.trim();
    let length = name.chars().count();
    if (1..=MAX_NAME_CHARS).contains(&length) && !name.chars().any(char::is_control) {
        return Ok(name.to_owned());
    }
    Err(ApiError::field(
        "name",
        "invalid",
        format!("A node's name has 1 to {MAX_NAME_CHARS} characters."),
    ))
}

fn checked_keys(keys: Vec<String>) -> Result<Vec<SecretString>, ApiError> {
    let wrong = |detail: &str| Err(ApiError::field("api_keys", "invalid", detail));
    if keys.len() > MAX_KEYS {
        return wrong("A node has at most 20 keys.");
    }
    let sound = |key: &str| {
        (1..=MAX_KEY_CHARS).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic())
    };
    let keys: Vec<SecretString> = keys
        .into_iter()
        .map(|key| SecretString::from(key.trim()))
        .collect();
    if !keys.iter().all(|key| sound(key.expose_secret())) {
        return wrong("A key is 1 to 2000 visible ASCII characters.");
    }
    Ok(keys)
}

fn base_url(kind: ProviderKind, text: &str) -> Result<BaseUrl, ApiError> {
    let wrong = |detail: String| {
        ApiError::field("base_url", "invalid", detail)
            .with_code("invalid_base_url")
            .with_hint("Give the server's address alone, such as http://localhost:11434 or https://api.example.com/v1.")
    };
    if text.len() > MAX_URL_BYTES {
        return Err(wrong(format!(
            "An address has at most {MAX_URL_BYTES} bytes."
        )));
    }
    // A password or a token in an address would be shown wherever the address
    // is; keys have a place of their own.
    if text.contains(['#', '?', '@']) {
        return Err(wrong(
            "The address has no user name, no `?` and no `#` part.".to_owned(),
        ));
    }
    BaseUrl::parse(kind, text).map_err(|error| wrong(error.to_string()))
}

fn refuse_configured(core: &Core, id: NodeId) -> Result<(), ApiError> {
    if core.configured_nodes.iter().all(|node| node.id != id) {
        return Ok(());
    }
    Err(ApiError::conflict(
        "node_configured",
        "This node comes from the environment or the settings file.",
    )
    .with_hint("Change it there and restart the server."))
}

fn refuse_configured_name(core: &Core, name: &str) -> Result<(), ApiError> {
    let taken = core
        .configured_nodes
        .iter()
        .any(|node| node.name.to_lowercase() == name.to_lowercase());
    if taken {
        return Err(ApiError::conflict(
            "node_name_taken",
            "A configured node has this name.",
        ));
    }
    Ok(())
}

/// What a sealed key belongs to: it opens nowhere else.
fn context(node: NodeId, position: usize) -> String {
    format!("node-key:{node}:{position}")
}

fn seal(core: &Core, node: NodeId, keys: &[SecretString]) -> Vec<SealedKey> {
    keys.iter()
        .enumerate()
        .map(|(position, key)| {
            let mut nonce = [0; 24];
            core.ids.fill(&mut nonce);
            let key = key.expose_secret();
            SealedKey {
                last_four: upstream::last_four(key),
                sealed: core
                    .keys
                    .seal(&context(node, position), nonce, key.as_bytes()),
            }
        })
        .collect()
}

/// Why a stored node cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum NodeConfigError {
    /// Its protocol is not one that this version speaks.
    #[error("its protocol is unknown")]
    Kind(#[from] UnknownProviderKind),
    /// Its address is none.
    #[error("its address is not that of a model server")]
    BaseUrl(#[from] BaseUrlError),
    /// A key cannot be opened with the master key.
    #[error("a key cannot be opened")]
    Sealed(#[from] SecretError),
    /// A key is not text.
    #[error("a key is not text")]
    NotText,
}

/// A stored node with its keys opened.
pub fn node_config(stored: &StoredNode, keys: &KeyRing) -> Result<NodeConfig, NodeConfigError> {
    let address = BaseUrl::parse(stored.kind.parse()?, &stored.base_url)?;
    let mut config = NodeConfig::new(stored.id, stored.name.clone(), address);
    config.enabled = stored.enabled;
    config.draining = stored.draining;
    for (position, key) in stored.keys.iter().enumerate() {
        let opened = keys.open(&context(stored.id, position), &key.sealed)?;
        let text = String::from_utf8(opened).map_err(|_| NodeConfigError::NotText)?;
        config.api_keys.push(text.into());
    }
    Ok(config)
}

/// Gives the pool the configured nodes and the stored ones, as they are now.
pub(crate) async fn apply(core: &Core) -> Result<(), StoreError> {
    // Held while reading too: what is read first is applied first.
    let mut last = core.applied.lock().await;
    let nodes = core.store.nodes().list().await?;
    let versions: Vec<(NodeId, i64)> = nodes.iter().map(|node| (node.id, node.version)).collect();
    if last.as_ref() == Some(&versions) {
        return Ok(());
    }
    let mut configs = core.configured_nodes.clone();
    for node in &nodes {
        match node_config(node, &core.keys) {
            Ok(config) => configs.push(config),
            // One node whose key cannot be opened must not take the others along.
            Err(error) => {
                tracing::error!(node = %node.id, error = &error as &dyn std::error::Error, "a stored node cannot be used; edit it and give it its keys again");
            }
        }
    }
    upstream::apply(core, configs);
    *last = Some(versions);
    Ok(())
}

/// Follows changes that other processes make, until the process stops.
pub(crate) async fn follow_store(core: Arc<Core>) {
    let follow = Follow {
        heard: core.wakeups.subscribe(),
        kind: WakeupKind::Node,
        what: "the nodes",
    };
    let stop = core.stop.clone();
    let read = || {
        let core = Arc::clone(&core);
        async move { apply(&core).await }
    };
    follow.run(read, stop).await;
}

/// Tells the clients when a node's health or models change, until the process
/// stops.
pub(crate) async fn follow_health(core: Arc<Core>) {
    let mut counted = upstream::changes(&core);
    let mut known: HashMap<Uuid, u64> = upstream::revisions(&core).into_iter().collect();
    loop {
        tokio::select! {
            () = core.stop.cancelled() => return,
            changed = counted.changed() => if changed.is_err() { return },
        }
        // Several changes of one check are one message.
        tokio::time::sleep(Duration::from_millis(50)).await;
        let now = upstream::revisions(&core);
        let wakeups: Vec<Wakeup> = now
            .iter()
            .filter(|(id, revision)| known.get(id) != Some(revision))
            .map(|(id, _)| wakeup(&core, NodeId::from_uuid(*id)))
            .collect();
        known = now.into_iter().collect();
        if !wakeups.is_empty() {
            core.notify(wakeups);
        }
    }
}
