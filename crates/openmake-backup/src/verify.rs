//! Trying a backup: restoring it into a scratch database and comparing.

use futures_util::StreamExt as _;
use openmake_store::{
    Store,
    transfer::{Previous, Snapshot, TableShape, TransferError},
};
use tokio_util::task::TaskTracker;

use crate::{
    BackupError,
    file::{RowDigest, TableDigest},
    restore::{Backup, give_up},
    soon, unwatched,
};

/// How the trial came out, where it did not fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verified {
    /// Every table has the same rows.
    Same,
    /// The database's role may not make a scratch database: why, in words.
    Skipped(String),
}

/// Restores `backup` into a scratch database beside `store`'s and compares the
/// row counts and checksums of all tables.
pub async fn verify(
    store: &Store,
    backup: &Backup,
    tasks: &TaskTracker,
) -> Result<Verified, BackupError> {
    let scratch = match store.scratch().await {
        Ok(scratch) => scratch,
        Err(error @ TransferError::NotAllowed { .. }) => {
            return Ok(Verified::Skipped(error.to_string()));
        }
        Err(error) => return Err(error.into()),
    };
    let compared = rehearse(scratch.store(), backup, tasks).await;
    let discarded = scratch.discard().await;
    compared?;
    discarded?;
    Ok(Verified::Same)
}

async fn rehearse(
    scratch: &Store,
    backup: &Backup,
    tasks: &TaskTracker,
) -> Result<(), BackupError> {
    let mut staging = scratch.stage(&backup.manifest().migrations).await?;
    let filled = async {
        backup.load(&mut staging, tasks, &unwatched()).await?;
        staging.complete(&backup.manifest().sequences).await?;
        Ok(())
    };
    if let Err(error) = filled.await {
        give_up(staging).await;
        return Err(error);
    }
    staging.swap(&Previous::Drop).await?;
    let mut snapshot = scratch.snapshot().await?;
    let compared = compare(&mut snapshot, backup).await;
    snapshot.close().await;
    compared
}

async fn compare(snapshot: &mut Snapshot, backup: &Backup) -> Result<(), BackupError> {
    let checked = backup.checked();
    // The columns of the backup: a migration after it may have added some.
    for (table, expected) in checked.manifest.tables.iter().zip(&checked.digests) {
        let found = digest(snapshot, table).await?;
        if found != *expected {
            return Err(BackupError::Differs(format!(
                "`{}` has {} rows in the backup and {} when restored",
                table.name, expected.rows, found.rows
            )));
        }
    }
    Ok(())
}

async fn digest(snapshot: &mut Snapshot, table: &TableShape) -> Result<TableDigest, BackupError> {
    let mut digest = RowDigest::default();
    let mut rows = snapshot.rows(table).await?;
    while let Some(row) = soon(rows.next()).await? {
        digest.add(&row?);
    }
    let whole = digest.finish();
    whole.ok_or_else(|| BackupError::Differs(format!("`{}` ends within a row", table.name)))
}
