//! Making a backup, while the server goes on.

use std::{
    ffi::OsString,
    fmt,
    fs::{self, File, OpenOptions},
    io::{self, BufWriter, ErrorKind, Write},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use futures_util::StreamExt as _;
use openmake_store::{
    Store,
    secrets::KeyRing,
    transfer::{Snapshot, TransferError},
};
use openmake_types::Ids;
use secrecy::SecretString;
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

use crate::{
    BackupError, Progress, Watcher,
    file::{BackupWriter, Manifest, Written},
    passphrase::{Random, SealedKey},
    soon,
};

/// Bytes that go to the writing thread at once.
const PIECE: usize = 256 << 10;
/// Pieces that may wait for it.
const QUEUE: usize = 16;

/// What a backup is made of.
#[derive(Clone, Copy)]
pub struct CreateParts<'a> {
    /// The database.
    pub store: &'a Store,
    /// For the thread that compresses and writes.
    pub tasks: &'a TaskTracker,
    /// For salts and names.
    pub ids: &'a dyn Ids,
    /// The program's version.
    pub program: &'a str,
    /// The master key and the passphrase to seal it with; none leaves it out.
    pub key: Option<(&'a KeyRing, &'a SecretString)>,
    /// Is told how far it is.
    pub watcher: &'a Watcher,
}

impl fmt::Debug for CreateParts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CreateParts")
            .field("program", &self.program)
            .finish_non_exhaustive()
    }
}

/// Where it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// Into a file that is not there yet.
    New(PathBuf),
    /// Into a file, in place of what is there.
    Over(PathBuf),
    /// To standard output.
    Stdout,
}

/// What was made.
#[derive(Debug, Clone)]
pub struct Created {
    /// What the backup says of itself.
    pub manifest: Manifest,
    /// How much was written.
    pub written: Written,
}

/// Makes a backup. A file appears whole and synced under its name, or not at
/// all.
pub async fn create(
    parts: CreateParts<'_>,
    destination: Destination,
) -> Result<Created, BackupError> {
    if let Destination::New(path) = &destination
        && path.exists()
    {
        return Err(BackupError::Exists(path.clone()));
    }
    let mut snapshot = parts.store.snapshot().await?;
    let mut manifest = Manifest::new(snapshot.contents(), parts.program);
    let key = match parts.key {
        Some((keys, passphrase)) => {
            let (keys, passphrase) = (keys.clone(), passphrase.clone());
            let instance = manifest.instance;
            let random = Random::draw(parts.ids);
            let sealing = parts
                .tasks
                .spawn_blocking(move || SealedKey::seal(&keys, instance, &passphrase, random));
            Some(sealing.await.map_err(|_| BackupError::TaskEnded)??)
        }
        None => None,
    };
    manifest.has_key = key.is_some();
    let (pieces, received) = mpsc::channel(QUEUE);
    let mut random = [0; 8];
    parts.ids.fill(&mut random);
    let head = (manifest.clone(), key);
    let writing = parts.tasks.spawn_blocking(move || {
        let (manifest, key) = head;
        write(&destination, &hex::encode(random), |out| {
            let writer = BackupWriter::begin(out, &manifest, key.as_ref())?;
            write_pieces(writer, received)
        })
    });
    let read = read_tables(&mut snapshot, &manifest, &pieces, parts.watcher).await;
    drop(pieces);
    let written = writing.await.map_err(|_| BackupError::TaskEnded)?;
    snapshot.close().await;
    match (read, written) {
        // The writer's error is the cause of the reader's, which found nobody
        // to write to.
        (Err(BackupError::TaskEnded) | Ok(()), Err(error)) | (Err(error), _) => Err(error),
        (Ok(()), Ok(written)) => Ok(Created { manifest, written }),
    }
}

/// What the writing thread is told.
enum Piece {
    Table(String),
    Rows(Vec<u8>),
    EndTable,
    End,
}

async fn read_tables(
    snapshot: &mut Snapshot,
    manifest: &Manifest,
    pieces: &mpsc::Sender<Piece>,
    watcher: &Watcher,
) -> Result<(), BackupError> {
    let send = async |piece| {
        let sent = pieces.send(piece).await;
        sent.map_err(|_| BackupError::TaskEnded)
    };
    let mut bytes = 0;
    for (tables_done, table) in manifest.tables.iter().enumerate() {
        let tell = |bytes| {
            watcher(Progress {
                table: &table.name,
                tables_done,
                tables: manifest.tables.len(),
                bytes,
            });
        };
        tell(bytes);
        send(Piece::Table(table.name.clone())).await?;
        let mut rows = snapshot.rows(table).await?;
        let mut pending = Vec::with_capacity(PIECE);
        while let Some(row) = soon(rows.next()).await? {
            pending.extend_from_slice(&row.map_err(TransferError::from)?);
            if pending.len() >= PIECE {
                bytes += u64::try_from(pending.len()).unwrap_or(0);
                let full = std::mem::replace(&mut pending, Vec::with_capacity(PIECE));
                send(Piece::Rows(full)).await?;
                tell(bytes);
            }
        }
        bytes += u64::try_from(pending.len()).unwrap_or(0);
        if !pending.is_empty() {
            send(Piece::Rows(pending)).await?;
        }
        send(Piece::EndTable).await?;
    }
    send(Piece::End).await
}

fn write_pieces<W: Write>(
    mut writer: BackupWriter<W>,
    mut pieces: mpsc::Receiver<Piece>,
) -> Result<(W, Written), BackupError> {
    while let Some(piece) = pieces.blocking_recv() {
        match piece {
            Piece::Table(name) => writer.table(&name)?,
            Piece::Rows(rows) => writer.rows(&rows)?,
            Piece::EndTable => writer.end_table()?,
            Piece::End => return writer.finish(),
        }
    }
    // Whoever reads the database gave up, and says why.
    Err(BackupError::TaskEnded)
}

/// Writes to the destination by `fill`.
fn write(
    destination: &Destination,
    random: &str,
    fill: impl FnOnce(Box<dyn Write>) -> Result<(Box<dyn Write>, Written), BackupError>,
) -> Result<Written, BackupError> {
    let (path, over) = match destination {
        Destination::Stdout => {
            let out = BufWriter::new(io::stdout());
            return fill(Box::new(out)).map(|(_, written)| written);
        }
        Destination::New(path) => (path, false),
        Destination::Over(path) => (path, true),
    };
    let aside = Aside::create(path, random)?;
    let handle = aside.file.try_clone().map_err(aside.failed("write"))?;
    let (out, written) = fill(Box::new(BufWriter::new(handle)))?;
    drop(out);
    aside.file.sync_all().map_err(aside.failed("sync"))?;
    if over {
        fs::rename(&aside.path, path).map_err(aside.failed("rename"))?;
    } else {
        publish(&aside.path, path)?;
    }
    sync_directory(path)?;
    Ok(written)
}

/// Gives a file its name unless that is taken.
fn publish(aside: &Path, path: &Path) -> Result<(), BackupError> {
    let failed = |source| BackupError::File {
        what: "create",
        path: path.to_owned(),
        source,
    };
    match fs::hard_link(aside, path) {
        // The name that it was written under goes with `Aside`.
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            Err(BackupError::Exists(path.to_owned()))
        }
        // Some file systems of removable and network disks have no links.
        Err(_) if path.exists() => Err(BackupError::Exists(path.to_owned())),
        Err(_) => fs::rename(aside, path).map_err(failed),
    }
}

fn sync_directory(path: &Path) -> Result<(), BackupError> {
    let directory = directory_of(path);
    let synced = File::open(directory).and_then(|directory| directory.sync_all());
    synced.map_err(|source| BackupError::File {
        what: "sync",
        path: directory.to_owned(),
        source,
    })
}

fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// A file beside the one that it will be; removed when dropped.
struct Aside {
    file: File,
    path: PathBuf,
}

impl Aside {
    fn create(path: &Path, random: &str) -> Result<Self, BackupError> {
        let mut name = OsString::from(".");
        name.push(path.file_name().unwrap_or_default());
        name.push(format!(".{random}.part"));
        let aside = directory_of(path).join(name);
        let opened = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&aside);
        match opened {
            Ok(file) => Ok(Self { file, path: aside }),
            Err(source) => Err(BackupError::File {
                what: "create",
                path: aside,
                source,
            }),
        }
    }

    fn failed(&self, what: &'static str) -> impl FnOnce(io::Error) -> BackupError + use<> {
        let path = self.path.clone();
        move |source| BackupError::File { what, path, source }
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        // Not there any more where it got its name.
        let _ = fs::remove_file(&self.path);
    }
}
