//! What a backup says of itself.

use chrono::{DateTime, Utc};
use openmake_store::transfer::{AppliedMigration, Contents, SequenceState, TableShape};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The first block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of the program that made it.
    pub program: String,
    /// The instance.
    pub instance: Uuid,
    /// As of when it is, by the database's clock.
    pub taken_at: DateTime<Utc>,
    /// The PostgreSQL that it is from.
    pub postgres: String,
    /// Which master key the instance uses; none before its first start.
    pub master_key_id: Option<String>,
    /// Whether that key follows, sealed with a passphrase.
    pub has_key: bool,
    /// The schema.
    pub migrations: Vec<AppliedMigration>,
    /// The tables in the file's order, with their row counts.
    pub tables: Vec<TableShape>,
    /// The sequences.
    pub sequences: Vec<SequenceState>,
}

impl Manifest {
    /// Describes a snapshot.
    pub(crate) fn new(contents: &Contents, program: &str) -> Self {
        Self {
            program: program.to_owned(),
            instance: contents.instance,
            taken_at: contents.taken_at,
            postgres: contents.server_version.clone(),
            master_key_id: contents.master_key_id.clone(),
            has_key: false,
            migrations: contents.migrations.clone(),
            tables: contents.tables.clone(),
            sequences: contents.sequences.clone(),
        }
    }

    /// The newest migration in it.
    pub fn schema(&self) -> i64 {
        let versions = self.migrations.iter().map(|migration| migration.version);
        versions.max().unwrap_or(0)
    }

    /// All rows in it.
    pub fn rows(&self) -> u64 {
        self.tables.iter().map(|table| table.rows).sum()
    }
}
