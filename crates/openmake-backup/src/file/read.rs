//! Reading a backup, from front to back, with every checksum.

use std::io::{ErrorKind, Read};

use flate2::read::ZlibDecoder;
use openmake_store::transfer::require_known;
use serde::de::DeserializeOwned;

use super::{
    Chain, FORMAT, Kind, MAGIC, MAX_BLOCK, Manifest, ROWS_IN_BLOCK, RowDigest, TableDigest,
};
use crate::{BackupError, passphrase::SealedKey};

/// What comes next in a backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// A table begins: its place in the manifest.
    Table(usize),
    /// Rows of it, cut anywhere.
    Rows(Vec<u8>),
    /// It ends; its rows were counted and are as they were written.
    TableEnd(TableDigest),
    /// The backup ends; all of it was read, and nothing follows.
    End,
}

/// A backup that was read from front to back and found whole.
#[derive(Debug, Clone)]
pub struct Checked {
    /// What it says of itself.
    pub manifest: Manifest,
    /// The sealed master key, where it has one.
    pub key: Option<SealedKey>,
    /// Its tables, in the manifest's order.
    pub digests: Vec<TableDigest>,
}

/// Reads a backup to its end, and so checks it. Also refused is one with a
/// schema that this program cannot make.
pub fn check<R: Read>(source: R) -> Result<Checked, BackupError> {
    let mut reader = BackupReader::open(source)?;
    require_known(&reader.manifest.migrations)?;
    let mut digests = Vec::with_capacity(reader.manifest.tables.len());
    loop {
        match reader.next_item()? {
            Item::TableEnd(digest) => digests.push(digest),
            Item::Table(_) | Item::Rows(_) => {}
            Item::End => break,
        }
    }
    Ok(Checked {
        manifest: reader.manifest,
        key: reader.key,
        digests,
    })
}

/// Reads items one by one.
pub struct BackupReader<R> {
    source: R,
    chain: Chain,
    manifest: Manifest,
    key: Option<SealedKey>,
    /// Tables that have begun.
    tables: usize,
    /// The table that is under way.
    digest: Option<RowDigest>,
}

impl<R: Read> BackupReader<R> {
    /// Reads head, manifest and key.
    pub fn open(mut source: R) -> Result<Self, BackupError> {
        let mut head = [0; MAGIC.len() + 4];
        match source.read_exact(&mut head) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                return Err(BackupError::NotABackup);
            }
            Err(error) => return Err(error.into()),
        }
        let (magic, format) = head.split_at(MAGIC.len());
        if magic != MAGIC {
            return Err(BackupError::NotABackup);
        }
        let format = format.try_into().map_or(0, u32::from_be_bytes);
        match format {
            FORMAT => {}
            newer if newer > FORMAT => return Err(BackupError::FormatNewer(newer)),
            _ => return Err(BackupError::NotABackup),
        }
        let mut chain = Chain::begin(&head);
        let (kind, payload) = block(&mut source, &mut chain)?;
        if kind != Kind::Manifest {
            return Err(BackupError::damaged("it does not begin with a manifest"));
        }
        let manifest: Manifest = json("manifest", &payload)?;
        let key = if manifest.has_key {
            match block(&mut source, &mut chain)? {
                (Kind::Key, payload) => Some(json("key", &payload)?),
                _ => return Err(BackupError::damaged("the key is missing")),
            }
        } else {
            None
        };
        Ok(Self {
            source,
            chain,
            manifest,
            key,
            tables: 0,
            digest: None,
        })
    }

    /// What it says of itself.
    pub const fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Reads the next item. After [`Item::End`] there is none.
    pub fn next_item(&mut self) -> Result<Item, BackupError> {
        let (kind, payload) = block(&mut self.source, &mut self.chain)?;
        match (kind, self.digest.take()) {
            (Kind::Table, None) => {
                let name: String = json("table", &payload)?;
                let expected = self.manifest.tables.get(self.tables);
                if expected.is_none_or(|table| table.name != name) {
                    return Err(BackupError::damaged(format!("`{name}` is not expected")));
                }
                self.digest = Some(RowDigest::default());
                self.tables += 1;
                Ok(Item::Table(self.tables - 1))
            }
            (Kind::Rows, Some(mut digest)) => {
                let rows = inflate(&payload)?;
                digest.add(&rows);
                self.digest = Some(digest);
                Ok(Item::Rows(rows))
            }
            (Kind::TableEnd, Some(digest)) => {
                let said: TableDigest = json("table's end", &payload)?;
                let table = self.manifest.tables.get(self.tables.saturating_sub(1));
                let found = digest.finish();
                if found.as_ref() != Some(&said)
                    || table.is_none_or(|table| table.rows != said.rows)
                {
                    let name = table.map_or("", |table| &table.name);
                    return Err(BackupError::damaged(format!("the rows of `{name}`")));
                }
                Ok(Item::TableEnd(said))
            }
            (Kind::End, None) if self.tables == self.manifest.tables.len() => {
                // Nothing may follow.
                match self.source.read(&mut [0; 1])? {
                    0 => Ok(Item::End),
                    _ => Err(BackupError::damaged("something follows its end")),
                }
            }
            (kind, _) => Err(BackupError::damaged(format!(
                "a block `{}` is not expected",
                char::from(kind.byte())
            ))),
        }
    }
}

/// Reads the next block and checks it.
fn block<R: Read>(source: &mut R, chain: &mut Chain) -> Result<(Kind, Vec<u8>), BackupError> {
    let (mut kind, mut length, mut checksum) = ([0; 1], [0; 4], [0; 32]);
    for part in [kind.as_mut_slice(), &mut length, &mut checksum] {
        read_all(source, part)?;
    }
    let wrong = || BackupError::damaged("a checksum does not fit");
    let bytes = usize::try_from(u32::from_be_bytes(length)).map_err(|_| wrong())?;
    // Before the room for it is taken.
    if bytes > MAX_BLOCK {
        return Err(BackupError::damaged("a block is too long"));
    }
    let mut payload = vec![0; bytes];
    read_all(source, &mut payload)?;
    let [byte] = kind;
    if chain.next(byte, length, &payload) != checksum {
        return Err(wrong());
    }
    let kind = Kind::of(byte).ok_or_else(|| BackupError::damaged("a block of unknown kind"))?;
    Ok((kind, payload))
}

fn read_all<R: Read>(source: &mut R, into: &mut [u8]) -> Result<(), BackupError> {
    source.read_exact(into).map_err(|error| match error.kind() {
        ErrorKind::UnexpectedEof => BackupError::damaged("its end is missing"),
        _ => error.into(),
    })
}

/// Rows of one block; never more than one may hold.
fn inflate(payload: &[u8]) -> Result<Vec<u8>, BackupError> {
    let mut rows = Vec::new();
    let limit = u64::try_from(ROWS_IN_BLOCK).unwrap_or(0) + 1;
    ZlibDecoder::new(payload)
        .take(limit)
        .read_to_end(&mut rows)
        .map_err(|_| BackupError::damaged("rows cannot be unpacked"))?;
    if rows.len() > ROWS_IN_BLOCK {
        return Err(BackupError::damaged("a block has too many rows"));
    }
    Ok(rows)
}

fn json<T: DeserializeOwned>(what: &str, payload: &[u8]) -> Result<T, BackupError> {
    serde_json::from_slice(payload)
        .map_err(|error| BackupError::damaged(format!("the {what} cannot be read: {error}")))
}
