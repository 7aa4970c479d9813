//! The file.
//!
//! ```text
//! "OPENMAKE-BACKUP\n"                  16 bytes
//! format                                4 bytes, big-endian: 1
//! block*
//! block = kind      1 byte
//!         length    4 bytes, big-endian
//!         checksum 32 bytes
//!         payload   `length` bytes
//! ```
//!
//! A block's checksum is SHA-256 over the checksum before it, its kind, its
//! length and its payload; before the first block stands that of the head. So
//! every byte is under a checksum, no block can be taken out, doubled or moved,
//! and the last one is the checksum of the whole file, which ends with it.
//!
//! | kind | payload |
//! |---|---|
//! | `M` manifest | JSON, readable as it is: [`Manifest`] |
//! | `K` key | JSON: the sealed master key; only where there is one |
//! | `T` table | JSON: its name; in the manifest's order |
//! | `D` rows | zlib of at most 1 MiB of `COPY`'s text, cut anywhere |
//! | `E` end of the table | JSON: rows and checksum, [`TableDigest`] |
//! | `Z` end | nothing |
//!
//! A table's own checksum is the sum of its rows' SHA-256, so it does not
//! depend on their order, and a restored table can be compared.

mod digest;
mod manifest;
mod read;
mod write;

use sha2::{Digest as _, Sha256};

pub use digest::{RowDigest, TableDigest};
pub use manifest::Manifest;
pub use read::{BackupReader, Checked, Item, check};
pub use write::{BackupWriter, Written};

/// What every backup begins with.
const MAGIC: &[u8; 16] = b"OPENMAKE-BACKUP\n";

/// The format that this version writes, and the newest that it reads.
pub const FORMAT: u32 = 1;

/// Bytes of rows in one block, before they are compressed.
const ROWS_IN_BLOCK: usize = 1 << 20;

/// No block is longer: a manifest of thousands of tables fits.
const MAX_BLOCK: usize = 8 << 20;

/// What a block is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Manifest,
    Key,
    Table,
    Rows,
    TableEnd,
    End,
}

impl Kind {
    const fn byte(self) -> u8 {
        match self {
            Self::Manifest => b'M',
            Self::Key => b'K',
            Self::Table => b'T',
            Self::Rows => b'D',
            Self::TableEnd => b'E',
            Self::End => b'Z',
        }
    }

    const fn of(byte: u8) -> Option<Self> {
        Some(match byte {
            b'M' => Self::Manifest,
            b'K' => Self::Key,
            b'T' => Self::Table,
            b'D' => Self::Rows,
            b'E' => Self::TableEnd,
            b'Z' => Self::End,
            _ => return None,
        })
    }
}

/// The chain of checksums.
struct Chain([u8; 32]);

impl Chain {
    fn begin(head: &[u8]) -> Self {
        Self(Sha256::digest(head).into())
    }

    /// The checksum of the next block.
    fn next(&mut self, kind: u8, length: [u8; 4], payload: &[u8]) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(self.0);
        hash.update([kind]);
        hash.update(length);
        hash.update(payload);
        self.0 = hash.finalize().into();
        self.0
    }
}
