//! Restoring a backup.

use std::{
    fmt,
    fs::File,
    io::{BufReader, Read, Seek as _, SeekFrom},
    path::Path,
};

use chrono::{DateTime, Utc};
use openmake_store::{
    Store,
    audit::NewAudit,
    secrets::KeyRing,
    transfer::{Previous, Staging, Target, newest_schema},
};
use secrecy::SecretString;
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

use crate::{
    BackupError, Progress, Watcher,
    file::{BackupReader, Checked, Item, Manifest, check},
    soon,
};

/// Items that may wait for the database.
const QUEUE: usize = 16;

/// A backup that was read from front to back and found whole.
#[derive(Debug)]
pub struct Backup {
    file: File,
    checked: Checked,
}

/// What becomes of an instance that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnData {
    /// It stays: the restore is refused.
    Refuse,
    /// It is replaced, and kept aside.
    SetAside,
}

/// What becomes of secrets that are sealed with the master key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secrets {
    /// They stay: the master key is, or will be, the one that they need.
    Keep,
    /// They are taken away, because nobody can open them.
    Forget,
}

/// What a restore needs.
#[derive(Clone, Copy)]
pub struct RestoreParts<'a> {
    /// The database to restore into.
    pub store: &'a Store,
    /// For the thread that reads and unpacks.
    pub tasks: &'a TaskTracker,
    /// What becomes of an instance that is there.
    pub on_data: OnData,
    /// What becomes of sealed secrets.
    pub secrets: Secrets,
    /// Records the act in the restored instance's audit trail.
    pub audit: &'a NewAudit,
    /// Now.
    pub now: DateTime<Utc>,
    /// Is told how far it is.
    pub watcher: &'a Watcher,
}

impl fmt::Debug for RestoreParts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RestoreParts")
            .field("on_data", &self.on_data)
            .field("secrets", &self.secrets)
            .finish_non_exhaustive()
    }
}

/// What was restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// The schema that holds what was there before.
    pub set_aside: Option<String>,
    /// What must be entered again, in words.
    pub lost: Vec<String>,
    /// The schema that the instance has now.
    pub schema: i64,
}

impl Backup {
    /// Opens the file at `path` and reads all of it. Touches nothing.
    pub async fn open(path: &Path, tasks: &TaskTracker) -> Result<Self, BackupError> {
        let shown = path.to_owned();
        let file = File::open(path).map_err(|source| BackupError::File {
            what: "open",
            path: shown,
            source,
        })?;
        Self::of(file, tasks).await
    }

    /// The same for a file that is open; it is read from its beginning.
    pub async fn of(mut file: File, tasks: &TaskTracker) -> Result<Self, BackupError> {
        let checking = tasks.spawn_blocking(move || {
            file.seek(SeekFrom::Start(0))?;
            let checked = check(BufReader::new(&file))?;
            Ok(Self { file, checked })
        });
        checking.await.map_err(|_| BackupError::TaskEnded)?
    }

    /// What it says of itself.
    pub const fn manifest(&self) -> &Manifest {
        &self.checked.manifest
    }

    /// What it has, table by table.
    pub const fn checked(&self) -> &Checked {
        &self.checked
    }

    /// Opens the master key with a passphrase; none where there is no key.
    pub async fn open_key(
        &self,
        passphrase: &SecretString,
        tasks: &TaskTracker,
    ) -> Result<Option<KeyRing>, BackupError> {
        let Some(key) = self.checked.key.clone() else {
            return Ok(None);
        };
        let (instance, passphrase) = (self.checked.manifest.instance, passphrase.clone());
        let opening = tasks.spawn_blocking(move || key.open(instance, &passphrase));
        let keys = opening.await.map_err(|_| BackupError::TaskEnded)??;
        Ok(Some(keys))
    }

    /// Restores it. Until the last step, which is one transaction, nothing of
    /// what is there is changed; a server may run neither before nor meanwhile.
    pub async fn restore(&self, parts: RestoreParts<'_>) -> Result<Restored, BackupError> {
        let previous = match (parts.store.restore_target().await?, parts.on_data) {
            (Target::Empty, _) => Previous::Drop,
            (Target::Foreign, _) => return Err(BackupError::ForeignDatabase),
            (Target::Instance { accounts }, OnData::Refuse) => {
                return Err(BackupError::NotEmpty { accounts });
            }
            (Target::Instance { .. }, OnData::SetAside) => Previous::SetAside(parts.now),
        };
        let mut staging = parts.store.stage(&self.manifest().migrations).await?;
        let filled = async {
            self.load(&mut staging, parts.tasks, parts.watcher).await?;
            staging.complete(&self.manifest().sequences).await?;
            let lost = match parts.secrets {
                Secrets::Keep => Vec::new(),
                Secrets::Forget => staging.forget_key(parts.now).await?,
            };
            staging.settle(parts.audit).await?;
            Ok(lost)
        };
        let lost = match filled.await {
            Ok(lost) => lost,
            Err(error) => {
                give_up(staging).await;
                return Err(error);
            }
        };
        staging.swap(&previous).await?;
        Ok(Restored {
            set_aside: previous.schema(),
            lost,
            schema: newest_schema(),
        })
    }

    /// Fills a schema with the tables, and nothing more.
    pub(crate) async fn load(
        &self,
        staging: &mut Staging,
        tasks: &TaskTracker,
        watcher: &Watcher,
    ) -> Result<(), BackupError> {
        let mut file = self.file.try_clone()?;
        let (items, mut received) = mpsc::channel(QUEUE);
        let reading = tasks.spawn_blocking(move || {
            file.seek(SeekFrom::Start(0))?;
            read_items(BufReader::new(file), &items)
        });
        let loaded = self.load_items(staging, &mut received, watcher).await;
        // Whoever still reads finds nobody to read for.
        drop(received);
        let read = reading.await.map_err(|_| BackupError::TaskEnded)?;
        match (loaded, read) {
            // The file's error is why there were no more items.
            (Err(BackupError::TaskEnded), Err(error)) => Err(error),
            (loaded, _) => loaded,
        }
    }

    async fn load_items(
        &self,
        staging: &mut Staging,
        items: &mut mpsc::Receiver<Item>,
        watcher: &Watcher,
    ) -> Result<(), BackupError> {
        let tables = &self.manifest().tables;
        let mut bytes = 0;
        loop {
            let place = match items.recv().await {
                Some(Item::Table(place)) => place,
                Some(Item::End) => return Ok(()),
                _ => return Err(BackupError::TaskEnded),
            };
            let Some(table) = tables.get(place) else {
                return Err(BackupError::TaskEnded);
            };
            let mut loading = staging.load(table).await?;
            let digest = loop {
                watcher(Progress {
                    table: &table.name,
                    tables_done: place,
                    tables: tables.len(),
                    bytes,
                });
                match items.recv().await {
                    Some(Item::Rows(rows)) => {
                        bytes += u64::try_from(rows.len()).unwrap_or(0);
                        soon(loading.send(&rows)).await??;
                    }
                    Some(Item::TableEnd(digest)) => break digest,
                    _ => return Err(BackupError::TaskEnded),
                }
            };
            let taken = loading.finish().await?;
            if taken != digest.rows {
                return Err(BackupError::Differs(format!(
                    "`{}` has {} rows, and the database took {taken}",
                    table.name, digest.rows
                )));
            }
        }
    }
}

/// Leaves nothing behind; where that does not work, the next restore clears it.
pub(crate) async fn give_up(staging: Staging) {
    if let Err(error) = staging.discard().await {
        tracing::debug!(%error, "what was staged is cleared by the next restore");
    }
}

fn read_items<R: Read>(source: R, items: &mpsc::Sender<Item>) -> Result<(), BackupError> {
    let mut reader = BackupReader::open(source)?;
    loop {
        let item = reader.next_item()?;
        let last = item == Item::End;
        if items.blocking_send(item).is_err() || last {
            return Ok(());
        }
    }
}
