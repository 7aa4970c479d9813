//! The whole database, out of one and into another: what backups are made of.
//!
//! A [`Snapshot`] reads every table as of one moment while others write. A
//! [`Staging`] takes such tables into a schema of its own beside the one in
//! use, and takes its place in one transaction, so that a failure at any point
//! before leaves everything as it was.
//!
//! Which tables there are is read from the catalogue, so a table that a later
//! migration adds is part of every backup without anybody's doing; what is
//! left out stands in [`EXCLUDED`]. Rows travel in PostgreSQL's text format of
//! `COPY`, which is the same on every version and architecture.

mod catalogue;
pub(crate) mod connection;
mod scratch;
mod sealed;
mod snapshot;
mod staging;
mod swap;
mod target;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

pub use catalogue::EXCLUDED;
pub use scratch::Scratch;
pub use sealed::SEALED;
pub use snapshot::{Contents, Snapshot};
pub use staging::{Loading, Staging};
pub use swap::Previous;
pub use target::{SetAside, Target};

use crate::{StoreError, schema};

/// How a transfer's connections are called in the database's list of sessions.
const NAME: &str = "openmake backup";

/// Why a transfer is refused or broke off.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It was made by a newer version of the program.
    #[error("it has the schema {found}, and this version of OpenMake knows {newest}")]
    SchemaNewer {
        /// The newest migration in it.
        found: i64,
        /// The newest that this program has.
        newest: i64,
    },
    /// It has a migration that this program has not, or another of that number.
    #[error("it has another migration {0} than this version of OpenMake")]
    SchemaDiffers(i64),
    /// A table or column does not fit the schema that it says it has.
    #[error("`{0}` is not part of its schema")]
    NotInSchema(String),
    /// The database has something that cannot be carried over.
    #[error("{0}")]
    Unsupported(String),
    /// A server, or another restore, uses the database.
    #[error("the database is in use by a running OpenMake")]
    InUse,
    /// The role may not do what it takes.
    #[error("the database's role may not {what}")]
    NotAllowed {
        /// What it may not.
        what: &'static str,
        /// What the database said.
        #[source]
        source: sqlx::Error,
    },
}

impl From<sqlx::Error> for TransferError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

/// A table, as a backup describes it. Part of the file's format.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableShape {
    /// Its name.
    pub name: String,
    /// The columns that are carried over, in order; what the database
    /// generates is not.
    pub columns: Vec<ColumnShape>,
    /// Its partitions, where it has any; rows go through the table itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub partitions: Vec<PartitionShape>,
    /// How many rows it has.
    pub rows: u64,
}

/// A column. Part of the file's format.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnShape {
    /// Its name.
    pub name: String,
    /// Its type, in PostgreSQL's words.
    pub kind: String,
}

/// A partition by days. Part of the file's format.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionShape {
    /// Its name.
    pub name: String,
    /// The first day in it.
    pub from: NaiveDate,
    /// The first day after it.
    pub to: NaiveDate,
}

/// A sequence. Part of the file's format.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SequenceState {
    /// Its name.
    pub name: String,
    /// The number that it gave last; none when it gave none yet.
    pub last: Option<i64>,
}

/// A migration that was applied. Part of the file's format.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppliedMigration {
    /// Its number.
    pub version: i64,
    /// Its checksum, in hexadecimal.
    pub checksum: String,
}

/// Refuses a schema that this program cannot make.
pub fn require_known(migrations: &[AppliedMigration]) -> Result<(), TransferError> {
    let known = schema::migrations();
    let newest = schema::newest();
    // The newest first: that is what a person can do something about.
    if let Some(found) = migrations.iter().map(|m| m.version).max()
        && found > newest
    {
        return Err(TransferError::SchemaNewer { found, newest });
    }
    for migration in migrations {
        let same = known.iter().any(|ours| {
            ours.version == migration.version && hex::encode(&*ours.checksum) == migration.checksum
        });
        if !same {
            return Err(TransferError::SchemaDiffers(migration.version));
        }
    }
    Ok(())
}

/// The newest migration that this program has.
pub fn newest_schema() -> i64 {
    schema::newest()
}

/// A name as SQL writes it. Names come from the catalogue and from files.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The columns as `COPY` and `SELECT` list them.
fn column_list(table: &TableShape) -> String {
    let names: Vec<String> = table.columns.iter().map(|c| quoted(&c.name)).collect();
    names.join(", ")
}
