//! What a table comes to.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// A table's rows in two numbers. Part of the file's format.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableDigest {
    /// How many.
    pub rows: u64,
    /// The sum of their SHA-256 as four numbers of 64 bits each, in
    /// hexadecimal.
    pub checksum: String,
}

/// Adds rows up, in pieces cut anywhere.
#[derive(Debug, Clone, Default)]
pub struct RowDigest {
    row: Sha256,
    rows: u64,
    sum: [u64; 4],
    /// Whether a row has begun and not ended.
    open: bool,
}

impl RowDigest {
    /// Adds a piece of `COPY`'s text. A line feed in it ends a row: those in
    /// values are escaped.
    pub fn add(&mut self, piece: &[u8]) {
        for line in piece.split_inclusive(|byte| *byte == b'\n') {
            self.row.update(line);
            self.open = !line.ends_with(b"\n");
            if !self.open {
                let hash: [u8; 32] = self.row.finalize_reset().into();
                let (words, _) = hash.as_chunks::<8>();
                for (sum, word) in self.sum.iter_mut().zip(words) {
                    *sum = sum.wrapping_add(u64::from_be_bytes(*word));
                }
                self.rows += 1;
            }
        }
    }

    /// What they came to; none when the last row has no end.
    pub fn finish(self) -> Option<TableDigest> {
        let checksum = self.sum.map(|word| format!("{word:016x}")).concat();
        (!self.open).then_some(TableDigest {
            rows: self.rows,
            checksum,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(pieces: &[&str]) -> Option<TableDigest> {
        let mut digest = RowDigest::default();
        for piece in pieces {
            digest.add(piece.as_bytes());
        }
        digest.finish()
    }

    #[test]
    fn neither_order_nor_cuts_count_but_every_byte_does() {
        let whole = digest(&["a\tb\nc\td\n"]).expect("whole");
        assert_eq!(whole.rows, 2);
        assert_eq!(digest(&["c", "\td\na", "\tb", "\n"]), Some(whole.clone()));
        for other in ["a\tb\nc\te\n", "a\tb\n", "a\tb\nc\td\nc\td\n", "a\nb\n"] {
            assert_ne!(digest(&[other]), Some(whole.clone()), "{other:?}");
        }
        assert_eq!(digest(&["a\tb\nc"]), None);
    }

    #[test]
    fn the_same_row_twice_does_not_cancel_out() {
        assert_ne!(
            digest(&["a\na\n"]).expect("whole").checksum,
            digest(&[]).expect("whole").checksum
        );
    }
}
