//! What became of everything, until the report can be written table by table.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, BufRead as _, BufReader, BufWriter, Seek as _, SeekFrom, Write as _},
};

use openmake_store::import::Fate;
use serde::{Deserialize, Serialize};

use crate::{
    foreign::{self, Flaw, Refused},
    report::{Class, Counted, Note, Report},
};

/// Tables in the order of the report.
const ORDER: [&str; 3] = ["accounts", "conversations", "messages"];

/// Counts, and notes in files that have no name.
#[derive(Debug, Default)]
pub(super) struct Tally {
    tables: BTreeMap<&'static str, Table>,
}

#[derive(Debug, Default)]
struct Table {
    /// Rows without a note: written, merged, skipped.
    plain: [u64; 3],
    noted: Option<BufWriter<File>>,
}

/// A row with notes, as it waits. The class is its place in [`Class::ALL`].
#[derive(Debug, Serialize, Deserialize)]
struct Line {
    counted: usize,
    notes: Vec<(String, usize, String)>,
}

const COUNTED: [Counted; 3] = [Counted::Written, Counted::Merged, Counted::Skipped];

impl Tally {
    /// Counts a row.
    pub(super) fn row(
        &mut self,
        table: &'static str,
        counted: Counted,
        notes: &[Note],
    ) -> io::Result<()> {
        let table = self.tables.entry(table).or_default();
        let place = COUNTED
            .iter()
            .position(|other| *other == counted)
            .unwrap_or(0);
        if notes.is_empty() {
            if let Some(count) = table.plain.get_mut(place) {
                *count += 1;
            }
            return Ok(());
        }
        let line = Line {
            counted: place,
            notes: notes
                .iter()
                .map(|note| {
                    let class = Class::ALL.iter().position(|other| *other == note.what);
                    (note.id.clone(), class.unwrap_or(0), note.why.clone())
                })
                .collect(),
        };
        let file = match &mut table.noted {
            Some(file) => file,
            none => none.insert(BufWriter::new(tempfile::tempfile()?)),
        };
        serde_json::to_writer(&mut *file, &line)?;
        file.write_all(b"\n")
    }

    /// Counts a row that the store was given.
    pub(super) fn fate(
        &mut self,
        table: &'static str,
        fate: Fate,
        id: &str,
        notes: &[Note],
    ) -> io::Result<()> {
        let (what, why) = match fate {
            Fate::Written => return self.row(table, Counted::Written, notes),
            Fate::Known => (
                Class::AlreadyCarried,
                "an earlier run, or an earlier row, brought it",
            ),
            Fate::ParentGone => (Class::DeletedSince, "what it belongs to was deleted here"),
            Fate::Conflict => (Class::Duplicate, "it is here already, from another import"),
        };
        let note = Note {
            id: id.to_owned(),
            what,
            why: why.to_owned(),
        };
        self.row(table, Counted::Skipped, &[note])
    }

    /// Counts what cannot be carried.
    pub(super) fn refused(&mut self, refused: &Refused) -> io::Result<()> {
        let note = Note {
            id: refused.id.clone(),
            what: class(refused.flaw),
            why: refused.why.clone(),
        };
        let table = match refused.table {
            "users" => "accounts",
            other => other,
        };
        self.row(table, Counted::Skipped, &[note])
    }

    /// Writes all of it into the report.
    pub(super) fn replay(&mut self, report: &mut Report) -> io::Result<()> {
        let mut tables: Vec<(&'static str, Table)> =
            std::mem::take(&mut self.tables).into_iter().collect();
        tables.sort_by_key(|(name, _)| {
            let place = ORDER.iter().position(|other| other == name);
            (place.unwrap_or(ORDER.len()), *name)
        });
        for (name, table) in tables {
            report.table(name)?;
            for (count, counted) in table.plain.into_iter().zip(COUNTED) {
                for _ in 0..count {
                    report.row(counted, &[])?;
                }
            }
            let Some(waiting) = table.noted else { continue };
            let mut file = waiting
                .into_inner()
                .map_err(io::IntoInnerError::into_error)?;
            file.seek(SeekFrom::Start(0))?;
            for line in BufReader::new(file).lines() {
                let line: Line = serde_json::from_str(&line?)?;
                let notes: Vec<Note> = line
                    .notes
                    .into_iter()
                    .filter_map(|(id, class, why)| {
                        let what = *Class::ALL.get(class)?;
                        Some(Note { id, what, why })
                    })
                    .collect();
                let counted = COUNTED.get(line.counted).copied();
                report.row(counted.unwrap_or(Counted::Skipped), &notes)?;
            }
        }
        Ok(())
    }
}

/// A reader's notes as the report has them.
pub(super) fn notes(notes: Vec<foreign::Note>) -> Vec<Note> {
    notes
        .into_iter()
        .map(|note| Note {
            what: class(note.flaw),
            id: note.id,
            why: note.why,
        })
        .collect()
}

const fn class(flaw: Flaw) -> Class {
    match flaw {
        Flaw::Unreadable | Flaw::Truncated => Class::Unreadable,
        Flaw::TooLarge => Class::TooLarge,
        Flaw::Empty | Flaw::Hidden => Class::NothingToCarry,
        Flaw::Duplicate => Class::Duplicate,
        Flaw::ParentMissing | Flaw::Cycle => Class::TreeMended,
        Flaw::Time => Class::TimeUnreadable,
        Flaw::Text => Class::TextInvalid,
        Flaw::Shortened => Class::TextShortened,
        Flaw::UnknownContent => Class::ContentUnknown,
        Flaw::Attachment => Class::FileLeft,
    }
}
