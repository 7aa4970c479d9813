//! Model servers that administrators added (`model_nodes`).

use chrono::{DateTime, Utc};
use openmake_types::NodeId;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    Store, StoreError,
    audit::{self, NewAudit},
    text::{storable, storable_option},
};

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

/// A row of `model_nodes`, and its keys in two columns of equal length.
struct Row {
    id: Uuid,
    name: String,
    kind: String,
    base_url: String,
    enabled: bool,
    draining: bool,
    version: i64,
    last_fours: Vec<String>,
    sealed: Vec<Vec<u8>>,
}

impl From<Row> for StoredNode {
    fn from(row: Row) -> Self {
        let keys = row
            .last_fours
            .into_iter()
            .zip(row.sealed)
            .map(|(last_four, sealed)| SealedKey { last_four, sealed })
            .collect();
        Self {
            id: NodeId::from_uuid(row.id),
            name: row.name,
            kind: row.kind,
            base_url: row.base_url,
            enabled: row.enabled,
            draining: row.draining,
            version: row.version,
            keys,
        }
    }
}

impl Nodes<'_> {
    /// All, by name.
    pub async fn list(&self) -> Result<Vec<StoredNode>, StoreError> {
        let mut connection = self.0.pool.acquire().await?;
        read(&mut connection, None).await
    }

    /// One.
    pub async fn get(&self, id: NodeId) -> Result<StoredNode, StoreError> {
        let mut connection = self.0.pool.acquire().await?;
        read_one(&mut connection, id).await
    }

    /// Makes one. Conflict: `NodeNameTaken`.
    pub async fn create(
        &self,
        node: &NewNode<'_>,
        audit: &NewAudit,
    ) -> Result<StoredNode, StoreError> {
        let mut tx = self.0.pool.begin().await?;
        sqlx::query!(
            "INSERT INTO model_nodes (id, name, kind, base_url, created_at, updated_at)
             VALUES ($1, $2, $3, $4, $5, $5)",
            node.id.as_uuid(),
            &*storable(node.name),
            node.kind,
            &*storable(node.base_url),
            node.now,
        )
        .execute(&mut *tx)
        .await?;
        set_keys(&mut tx, node.id, &node.keys).await?;
        audit::write(&mut tx, audit, None).await?;
        let node = read_one(&mut tx, node.id).await?;
        tx.commit().await?;
        Ok(node)
    }

    /// Changes one. Conflict: `NodeNameTaken`.
    pub async fn change(
        &self,
        id: NodeId,
        change: &NodeChange,
        audit: &NewAudit,
    ) -> Result<StoredNode, StoreError> {
        let mut tx = self.0.pool.begin().await?;
        let changed = sqlx::query!(
            "UPDATE model_nodes
                SET name = coalesce($2, name),
                    base_url = coalesce($3, base_url),
                    enabled = coalesce($4, enabled),
                    draining = coalesce($5, draining),
                    version = version + 1,
                    updated_at = now()
              WHERE id = $1",
            id.as_uuid(),
            storable_option(change.name.as_deref()),
            storable_option(change.base_url.as_deref()),
            change.enabled,
            change.draining,
        )
        .execute(&mut *tx)
        .await?;
        if changed.rows_affected() == 0 {
            return Err(StoreError::NotFound);
        }
        if let Some(keys) = &change.keys {
            set_keys(&mut tx, id, keys).await?;
        }
        audit::write(&mut tx, audit, None).await?;
        let node = read_one(&mut tx, id).await?;
        tx.commit().await?;
        Ok(node)
    }

    /// Removes one with its keys.
    pub async fn delete(&self, id: NodeId, audit: &NewAudit) -> Result<(), StoreError> {
        let mut tx = self.0.pool.begin().await?;
        let deleted = sqlx::query!("DELETE FROM model_nodes WHERE id = $1", id.as_uuid())
            .execute(&mut *tx)
            .await?;
        if deleted.rows_affected() == 0 {
            return Err(StoreError::NotFound);
        }
        audit::write(&mut tx, audit, None).await?;
        tx.commit().await?;
        Ok(())
    }
}

/// Reads all nodes, or only one.
async fn read(
    connection: &mut PgConnection,
    only: Option<NodeId>,
) -> Result<Vec<StoredNode>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT n.id, n.name, n.kind, n.base_url, n.enabled, n.draining, n.version,
                  ARRAY(SELECT k.last_four FROM model_node_keys k
                         WHERE k.node_id = n.id ORDER BY k.position) AS "last_fours!",
                  ARRAY(SELECT k.sealed FROM model_node_keys k
                         WHERE k.node_id = n.id ORDER BY k.position) AS "sealed!"
             FROM model_nodes n
            WHERE $1::uuid IS NULL OR n.id = $1
            ORDER BY lower(n.name)"#,
        only.map(NodeId::as_uuid),
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(StoredNode::from).collect())
}

async fn read_one(connection: &mut PgConnection, id: NodeId) -> Result<StoredNode, StoreError> {
    read(connection, Some(id))
        .await?
        .pop()
        .ok_or(StoreError::NotFound)
}

/// Replaces a node's keys; their order is their position.
async fn set_keys(
    connection: &mut PgConnection,
    id: NodeId,
    keys: &[SealedKey],
) -> Result<(), StoreError> {
    sqlx::query!(
        "DELETE FROM model_node_keys WHERE node_id = $1",
        id.as_uuid()
    )
    .execute(&mut *connection)
    .await?;
    let last_fours: Vec<String> = keys
        .iter()
        .map(|key| storable(&key.last_four).into_owned())
        .collect();
    let sealed: Vec<Vec<u8>> = keys.iter().map(|key| key.sealed.clone()).collect();
    sqlx::query!(
        "INSERT INTO model_node_keys (node_id, position, last_four, sealed)
         SELECT $1, k.position::integer, k.last_four, k.sealed
           FROM unnest($2::text[], $3::bytea[])
                WITH ORDINALITY AS k (last_four, sealed, position)",
        id.as_uuid(),
        &last_fours,
        &sealed,
    )
    .execute(connection)
    .await?;
    Ok(())
}
