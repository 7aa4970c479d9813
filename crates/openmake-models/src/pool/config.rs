//! What the pool is told.

use std::{fmt, time::Duration};

use openmake_types::NodeId;
use secrecy::{ExposeSecret as _, SecretString};

use crate::{BaseUrl, ProviderKind};

/// One model server with its credentials.
#[derive(Clone)]
pub struct NodeConfig {
    /// Which node it is, over all changes.
    pub id: NodeId,
    /// What people call it.
    pub name: String,
    /// Where it is and which protocol it speaks.
    pub base_url: BaseUrl,
    /// Its keys; none for servers that ask for none.
    pub api_keys: Vec<SecretString>,
    /// Whether it is used and checked at all.
    pub enabled: bool,
    /// Whether it finishes what runs and takes nothing new.
    pub draining: bool,
}

impl NodeConfig {
    /// A node in use, without keys.
    pub fn new(id: NodeId, name: impl Into<String>, base_url: BaseUrl) -> Self {
        Self {
            id,
            name: name.into(),
            base_url,
            api_keys: Vec::new(),
            enabled: true,
            draining: false,
        }
    }

    /// The protocol.
    pub fn kind(&self) -> ProviderKind {
        self.base_url.kind()
    }

    /// Whether both reach the same server with the same keys, so that what is
    /// known of one holds for the other.
    pub(super) fn same_endpoint(&self, other: &Self) -> bool {
        self.base_url == other.base_url
            && self.api_keys.len() == other.api_keys.len()
            && self
                .api_keys
                .iter()
                .zip(&other.api_keys)
                .all(|(mine, theirs)| mine.expose_secret() == theirs.expose_secret())
    }
}

impl fmt::Debug for NodeConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NodeConfig")
            .field("id", &self.id)
            .field("name", &self.name)
            .field("base_url", &self.base_url)
            .field("api_keys", &self.api_keys.len())
            .field("enabled", &self.enabled)
            .field("draining", &self.draining)
            .finish()
    }
}

/// How the pool behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolSettings {
    /// From one round of checks to the next.
    pub check_interval: Duration,
    /// The most requests that one question may cause, over nodes and keys.
    pub max_attempts: usize,
}

impl Default for PoolSettings {
    fn default() -> Self {
        Self {
            check_interval: Duration::from_secs(15),
            max_attempts: 10,
        }
    }
}
