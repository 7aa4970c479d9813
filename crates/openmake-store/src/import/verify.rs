//! Reading back what was written.

use futures_util::StreamExt as _;
use uuid::Uuid;

use super::{
    Import, ImportError,
    copy::{Checksum, Compared, Kind, unescape},
    records::{Record, compared},
};

/// How many rows that differ are named.
const NAMED: usize = 100;

/// What reading a table back came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verified {
    /// Rows that were written since the last run that was read back.
    pub rows: u64,
    /// Of those that an interrupted run before this one wrote, the ones that
    /// people have changed or removed since: they had the time to.
    pub changed: u64,
    /// Of the others, those that are not there.
    pub missing: u64,
    /// Those that say something else.
    pub differing: u64,
    /// The first hundred of both.
    pub named: Vec<Uuid>,
    /// All rows' checksums together, as they were written.
    pub written_checksum: u64,
    /// The same, as they were read.
    pub read_checksum: u64,
}

impl Verified {
    /// Whether all is there as it was written.
    pub const fn is_right(&self) -> bool {
        self.missing == 0 && self.differing == 0 && self.written_checksum == self.read_checksum
    }
}

impl Import {
    /// Reads a table's rows back that this run wrote, or one before it that was
    /// never read back, and compares them with what was written.
    pub async fn verify<R: Record>(&mut self) -> Result<Verified, ImportError> {
        let columns: Vec<String> = R::COLUMNS
            .iter()
            .map(|name| format!("t.\"{}\"", name.trim_start_matches("r#")))
            .collect();
        let statement = format!(
            "COPY (SELECT l.id, l.run, l.checksum, {} FROM import_ledger l LEFT JOIN {} t ON t.id = l.id
                    WHERE l.source_id = {} AND l.run > {} AND l.relation = {}
                      AND l.merged_into IS NULL) TO STDOUT",
            columns.join(", "),
            R::RELATION.table(),
            self.source,
            self.verified,
            R::RELATION.number(),
        );
        let kinds: Vec<Option<Kind>> = R::COLUMNS
            .iter()
            .zip(R::KINDS)
            .map(|(column, kind)| (compared::<R>(column) == Compared::Yes).then_some(*kind))
            .collect();
        let mut verified = Verified::default();
        let mut rows = self.connection.copy_out_raw(&statement).await?;
        let mut rest: Vec<u8> = Vec::new();
        while let Some(bytes) = rows.next().await {
            let bytes = bytes?;
            rest.extend_from_slice(&bytes);
            let mut from = 0;
            while let Some(end) = rest
                .get(from..)
                .and_then(|t| t.iter().position(|b| *b == b'\n'))
            {
                if let Some(line) = rest.get(from..from + end) {
                    verified.line(line, self.run, &kinds);
                }
                from += end + 1;
            }
            rest.drain(..from);
        }
        Ok(verified)
    }
}

impl Verified {
    /// Takes a row; `kinds` says of each column how it is compared, if it is.
    fn line(&mut self, line: &[u8], current: i32, kinds: &[Option<Kind>]) {
        self.rows += 1;
        let mut fields = line.split(|byte| *byte == b'\t').map(unescape);
        let id = fields.next().flatten().unwrap_or_default();
        let run: i32 = fields
            .next()
            .flatten()
            .and_then(|run| run.parse().ok())
            .unwrap_or(current);
        let wanted: i64 = fields
            .next()
            .flatten()
            .and_then(|sum| sum.parse().ok())
            .unwrap_or_default();
        let mut sum = Checksum::default();
        let mut is_there = true;
        for (number, (field, kind)) in fields.zip(kinds).enumerate() {
            // The first is the id, which is never NULL in a row that is there.
            is_there &= number > 0 || field.is_some();
            if let Some(kind) = kind {
                sum.add(*kind, field.as_deref());
            }
        }
        let found = sum.finish();
        let is_equal = is_there && found == wanted;
        if !is_equal && run < current {
            self.changed += 1;
            return;
        }
        self.written_checksum ^= wanted.cast_unsigned();
        if is_there {
            self.read_checksum ^= found.cast_unsigned();
        }
        match (is_equal, is_there) {
            (true, _) => return,
            (false, true) => self.differing += 1,
            (false, false) => self.missing += 1,
        }
        if self.named.len() < NAMED
            && let Ok(id) = id.parse()
        {
            self.named.push(id);
        }
    }
}
