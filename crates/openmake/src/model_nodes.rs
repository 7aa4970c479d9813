//! The model servers of the configuration, and all of them for `doctor`.

use anyhow::Context as _;
use openmake_egress::{Egress, EgressSettings, SystemResolver};
use openmake_models::{BaseUrl, NodeConfig, ProviderKind, ProviderLimits, ProviderParts};
use openmake_store::{Store, secrets::KeyRing};
use openmake_types::NodeId;
use uuid::Uuid;

use crate::{
    config::{Config, Models, NodeKind},
    serve::World,
};

/// Names configured nodes: the same name is the same node after a restart.
const NAMESPACE: Uuid = Uuid::from_u128(0x6f70_656e_6d61_6b65_0000_6e6f_6465_0001);

/// The nodes of the environment and the settings file.
pub(crate) fn configured(models: &Models) -> anyhow::Result<Vec<NodeConfig>> {
    models
        .nodes
        .iter()
        .map(|node| {
            let kind = match node.kind {
                NodeKind::Ollama => ProviderKind::Ollama,
                NodeKind::Openai => ProviderKind::OpenAi,
            };
            let base_url = BaseUrl::parse(kind, node.base_url.as_str())
                .with_context(|| format!("the address of the model server {}", node.name))?;
            let id = NodeId::from_uuid(Uuid::new_v5(&NAMESPACE, node.name.as_bytes()));
            let mut config = NodeConfig::new(id, &node.name, base_url);
            config.api_keys.clone_from(&node.api_keys);
            Ok(config)
        })
        .collect()
}

/// What providers are made of.
pub(crate) fn provider_parts(models: &Models, world: &World) -> anyhow::Result<ProviderParts> {
    let egress = Egress::new(EgressSettings::default(), SystemResolver)
        .context("no HTTP client for model servers")?;
    Ok(ProviderParts {
        egress,
        limits: ProviderLimits {
            first_token: models.first_token_timeout,
            idle: models.idle_timeout,
            ..ProviderLimits::default()
        },
        clock: world.clock.clone(),
        ids: world.ids.clone(),
    })
}

/// The configured nodes and the stored ones with their keys opened.
pub(crate) async fn all(
    config: &Config,
    store: &Store,
    keys: &KeyRing,
) -> anyhow::Result<Vec<NodeConfig>> {
    let mut nodes = configured(&config.models)?;
    for stored in store
        .nodes()
        .list()
        .await
        .context("the stored nodes cannot be read")?
    {
        let node = openmake_ai::node_config(&stored, keys)
            .with_context(|| format!("the keys of {} cannot be opened", stored.name))?;
        nodes.push(node);
    }
    Ok(nodes)
}
