//! Trying a node before it is added.

use std::time::Duration;

use secrecy::SecretString;
use tokio::time::Instant;

use super::{NodeConfig, NodePool};
use crate::{
    BaseUrl, Credential, ListedModel, ModelError, ProviderKind, ProviderParts, provider::provider,
};

/// What a server said when it was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// How long the list of models took.
    pub latency: Duration,
    /// The server's version, where it says.
    pub version: Option<String>,
    /// Its models.
    pub models: Vec<ListedModel>,
}

impl NodePool {
    /// Tries a node with each of its keys, whether it is in the pool or not.
    /// The pool does not change.
    pub async fn probe(&self, config: &NodeConfig) -> Result<Probe, ModelError> {
        self.stop()
            .run_until_cancelled(probe(&self.0.parts, config))
            .await
            .unwrap_or(Err(ModelError::Cancelled))
    }
}

async fn probe(parts: &ProviderParts, config: &NodeConfig) -> Result<Probe, ModelError> {
    let server = provider(config.base_url.clone(), parts.clone());
    let started = Instant::now();
    let credential = config.api_keys.first().map_or_else(Credential::none, key);
    let models = match server.list_models(&credential).await {
        Ok(models) => models,
        Err(error) => return Err(explained(parts, config, error).await),
    };
    let latency = started.elapsed();
    for (index, other) in config.api_keys.iter().enumerate().skip(1) {
        server
            .list_models(&key(other))
            .await
            .map_err(|error| match error {
                ModelError::Unauthorized { message } => ModelError::Unauthorized {
                    message: format!("key {}: {message}", index + 1),
                },
                other => other,
            })?;
    }
    let version = server.version(&credential).await.ok().flatten();
    Ok(Probe {
        latency,
        version,
        models,
    })
}

fn key(key: &SecretString) -> Credential {
    Credential::key(key.clone())
}

/// The most common mistake is the wrong protocol; a server that speaks the
/// other one says so.
async fn explained(parts: &ProviderParts, config: &NodeConfig, error: ModelError) -> ModelError {
    let may_be_kind = matches!(
        error,
        ModelError::Protocol { .. } | ModelError::Upstream { .. }
    );
    if !may_be_kind {
        return error;
    }
    let other = match config.kind() {
        ProviderKind::Ollama => ProviderKind::OpenAi,
        ProviderKind::OpenAi => ProviderKind::Ollama,
    };
    let Ok(base_url) = BaseUrl::parse(other, config.base_url.root().url().as_str()) else {
        return error;
    };
    let credential = config.api_keys.first().map_or_else(Credential::none, key);
    match provider(base_url, parts.clone())
        .list_models(&credential)
        .await
    {
        Ok(_) => ModelError::protocol(format!(
            "this server speaks the protocol of {}",
            other.display_name()
        )),
        Err(_) => error,
    }
}
