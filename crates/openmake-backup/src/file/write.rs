//! Writing a backup, from front to back.

use std::io::Write;

use flate2::{Compression, write::ZlibEncoder};
use serde::Serialize;

use super::{Chain, FORMAT, Kind, MAGIC, MAX_BLOCK, Manifest, ROWS_IN_BLOCK, RowDigest};
use crate::{BackupError, passphrase::SealedKey};

/// Fast over small: the database is what others wait for meanwhile.
const LEVEL: u32 = 3;

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// Bytes.
    pub size: u64,
    /// Rows.
    pub rows: u64,
}

/// Writes blocks in the order in which it is called.
pub struct BackupWriter<W> {
    out: W,
    chain: Chain,
    size: u64,
    rows: u64,
    /// Rows of this block, not compressed yet.
    pending: Vec<u8>,
    digest: RowDigest,
}

impl<W: Write> BackupWriter<W> {
    /// Writes the head, the manifest and the key.
    pub fn begin(
        mut out: W,
        manifest: &Manifest,
        key: Option<&SealedKey>,
    ) -> Result<Self, BackupError> {
        let head = [MAGIC.as_slice(), &FORMAT.to_be_bytes()].concat();
        out.write_all(&head)?;
        let mut writer = Self {
            out,
            chain: Chain::begin(&head),
            size: u64::try_from(head.len()).unwrap_or(0),
            rows: 0,
            pending: Vec::with_capacity(ROWS_IN_BLOCK),
            digest: RowDigest::default(),
        };
        let manifest = Manifest {
            has_key: key.is_some(),
            ..manifest.clone()
        };
        writer.json(Kind::Manifest, &manifest)?;
        if let Some(key) = key {
            writer.json(Kind::Key, key)?;
        }
        Ok(writer)
    }

    /// Begins a table.
    pub fn table(&mut self, name: &str) -> Result<(), BackupError> {
        self.digest = RowDigest::default();
        self.json(Kind::Table, name)
    }

    /// Adds rows, cut anywhere.
    pub fn rows(&mut self, mut rows: &[u8]) -> Result<(), BackupError> {
        self.digest.add(rows);
        while !rows.is_empty() {
            let room = ROWS_IN_BLOCK - self.pending.len();
            let (now, later) = rows.split_at(room.min(rows.len()));
            self.pending.extend_from_slice(now);
            rows = later;
            if self.pending.len() == ROWS_IN_BLOCK {
                self.flush_rows()?;
            }
        }
        Ok(())
    }

    /// Ends the table.
    pub fn end_table(&mut self) -> Result<(), BackupError> {
        self.flush_rows()?;
        let digest = std::mem::take(&mut self.digest).finish();
        let digest = digest.ok_or_else(|| BackupError::damaged("a row without an end"))?;
        self.rows += digest.rows;
        self.json(Kind::TableEnd, &digest)
    }

    /// Ends the backup, and gives back what it was written to.
    pub fn finish(mut self) -> Result<(W, Written), BackupError> {
        self.block(Kind::End, &[])?;
        self.out.flush()?;
        let written = Written {
            size: self.size,
            rows: self.rows,
        };
        Ok((self.out, written))
    }

    fn flush_rows(&mut self) -> Result<(), BackupError> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let room = Vec::with_capacity(self.pending.len() / 3);
        let mut encoder = ZlibEncoder::new(room, Compression::new(LEVEL));
        encoder.write_all(&self.pending)?;
        let payload = encoder.finish()?;
        self.pending.clear();
        self.block(Kind::Rows, &payload)
    }

    fn json<T: Serialize + ?Sized>(&mut self, kind: Kind, value: &T) -> Result<(), BackupError> {
        let payload = serde_json::to_vec(value).map_err(std::io::Error::from)?;
        self.block(kind, &payload)
    }

    fn block(&mut self, kind: Kind, payload: &[u8]) -> Result<(), BackupError> {
        let length = u32::try_from(payload.len()).ok();
        let length = length.filter(|_| payload.len() <= MAX_BLOCK);
        let length = length.ok_or_else(|| BackupError::damaged("a block is too long"))?;
        let length = length.to_be_bytes();
        let checksum = self.chain.next(kind.byte(), length, payload);
        let head = [&[kind.byte()], length.as_slice(), &checksum].concat();
        self.out.write_all(&head)?;
        self.out.write_all(payload)?;
        self.size += u64::try_from(head.len() + payload.len()).unwrap_or(0);
        Ok(())
    }
}
