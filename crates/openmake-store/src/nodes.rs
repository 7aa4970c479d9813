//! Model servers that administrators added (`model_nodes`).

use chrono::{DateTime, Utc};
use openmake_types::NodeId;

use crate::{Store, StoreError, audit::NewAudit};

/// A stored node.
#[derive(Debug, Clone)]
pub struct StoredNode {
    /// The node.
    pub id: NodeId,
    /// Its name.
    pub name: String,
    /// `ollama` or `openai`.
    pub kind: String,
    /// Where it is.
    pub base_url: String,
    /// Whether it is used at all.
    pub enabled: bool,
    /// Whether it takes nothing new.
    pub draining: bool,
    /// Rises with every change.
    pub version: i64,
    /// Its keys, in order.
    pub keys: Vec<SealedKey>,
}

/// A node's key, sealed by [`crate::secrets::KeyRing`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedKey {
    /// The last four characters.
    pub last_four: String,
    /// The ciphertext.
    pub sealed: Vec<u8>,
}

/// A node to make.
#[derive(Debug, Clone)]
pub struct NewNode<'a> {
    /// Its id.
    pub id: NodeId,
    /// Its name.
    pub name: &'a str,
    /// `ollama` or `openai`.
    pub kind: &'static str,
    /// Where it is.
    pub base_url: &'a str,
    /// Its keys, in order.
    pub keys: Vec<SealedKey>,
    /// Now.
    pub now: DateTime<Utc>,
}

/// A change: what is None stays.
#[derive(Debug, Clone, Default)]
pub struct NodeChange {
    /// Its name.
    pub name: Option<String>,
    /// Where it is.
    pub base_url: Option<String>,
    /// All its keys.
    pub keys: Option<Vec<SealedKey>>,
    /// Whether it is used at all.
    pub enabled: Option<bool>,
    /// Whether it takes nothing new.
    pub draining: Option<bool>,
}

/// Stored nodes.
#[derive(Debug, Clone, Copy)]
pub struct Nodes<'a>(&'a Store);

impl Store {
    /// Model servers that administrators added.
    pub const fn nodes(&self) -> Nodes<'_> {
        Nodes(self)
    }
}

impl Nodes<'_> {
    /// All, by name.
    pub async fn list(&self) -> Result<Vec<StoredNode>, StoreError> {
        let _ = self.0;
        todo!()
    }

    /// One.
    pub async fn get(&self, id: NodeId) -> Result<StoredNode, StoreError> {
        let _ = id;
        todo!()
    }

    /// Makes one. Conflict: `NodeNameTaken`.
    pub async fn create(
        &self,
        node: &NewNode<'_>,
        audit: &NewAudit,
    ) -> Result<StoredNode, StoreError> {
        let _ = (node, audit);
        todo!()
    }

    /// Changes one. Conflict: `NodeNameTaken`.
    pub async fn change(
        &self,
        id: NodeId,
        change: &NodeChange,
        audit: &NewAudit,
    ) -> Result<StoredNode, StoreError> {
        let _ = (id, change, audit);
        todo!()
    }

    /// Removes one with its keys.
    pub async fn delete(&self, id: NodeId, audit: &NewAudit) -> Result<(), StoreError> {
        let _ = (id, audit);
        todo!()
    }
}
