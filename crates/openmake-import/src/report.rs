//! What became of every row: counts by table, and a note for each row that did
//! not simply go in.
//!
//! Notes can be as many as rows, so they are written to the file as they come,
//! and memory keeps counts by class and the first few of each table.

mod class;

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, BufWriter, Write as _},
    path::{Path, PathBuf},
};

use openmake_store::import::{Fate, Verified};
use serde::Serialize;

pub use self::class::Class;

/// How many notes of a table are kept in memory.
const KEPT: usize = 20;

/// What happened to one row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Note {
    /// The row's id in the source.
    pub id: String,
    /// What, in a word.
    pub what: Class,
    /// What exactly; never a secret.
    pub why: String,
}

/// What a row was counted as. Every row that was read is exactly one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// It is in its table or in the holding place.
    Written,
    /// It became one with another row.
    Merged,
    /// It was there already, or is of no use here.
    Skipped,
}

/// One table's counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TableReport {
    /// Rows of the source.
    pub read: u64,
    /// Rows that are in their table or in the holding place now.
    pub written: u64,
    /// Rows that became one with another.
    pub merged: u64,
    /// Rows that were there already or are of no use here.
    pub skipped: u64,
    /// Of those written or merged, rows that had to be changed.
    pub repaired: u64,
    /// Notes by class.
    pub classes: BTreeMap<Class, u64>,
    /// The first notes, those that want attention before others.
    pub notes: Vec<Note>,
    verified: Option<Comparison>,
}

/// What reading back came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Comparison {
    rows: u64,
    changed_since: u64,
    missing: u64,
    differing: u64,
    written_checksum: String,
    read_checksum: String,
}

impl TableReport {
    /// Whether every row that was read is counted once.
    pub const fn is_accounted(&self) -> bool {
        self.read == self.written + self.merged + self.skipped
    }
}

/// A report that is being written.
#[derive(Debug, Default)]
pub struct Report {
    tables: Vec<(String, TableReport)>,
    file: Option<NotesFile>,
    is_wrong: bool,
}

#[derive(Debug)]
struct NotesFile {
    path: PathBuf,
    part: PathBuf,
    out: BufWriter<File>,
    has_note: bool,
}

impl Report {
    /// One that is kept in memory alone.
    pub fn new() -> Self {
        Self::default()
    }

    /// One that goes into a file too, which is there when the import is over:
    /// until then it is beside it, with `.part` at the end of its name.
    pub fn to_file(path: &Path) -> io::Result<Self> {
        let mut part = path.as_os_str().to_owned();
        part.push(".part");
        let part = PathBuf::from(part);
        let mut out = BufWriter::new(File::create(&part)?);
        out.write_all(b"{\"tables\":{")?;
        let file = NotesFile {
            path: path.to_owned(),
            part,
            out,
            has_note: false,
        };
        Ok(Self {
            file: Some(file),
            ..Self::default()
        })
    }

    /// Begins with a table; what follows is of it. Each has one place.
    pub fn table(&mut self, name: &str) -> io::Result<()> {
        self.end_table()?;
        let separator = if self.tables.is_empty() { "" } else { "," };
        if let Some(file) = &mut self.file {
            let name = serde_json::to_string(name)?;
            write!(file.out, "{separator}\n{name}:{{\"notes\":[")?;
            file.has_note = false;
        }
        self.tables.push((name.to_owned(), TableReport::default()));
        Ok(())
    }

    fn end_table(&mut self) -> io::Result<()> {
        let (Some((_, table)), Some(file)) = (self.tables.last(), &mut self.file) else {
            return Ok(());
        };
        let classes: BTreeMap<&str, u64> = table
            .classes
            .iter()
            .map(|(class, count)| (class.as_str(), *count))
            .collect();
        write!(
            file.out,
            "],\"read\":{},\"written\":{},\"merged\":{},\"skipped\":{},\"repaired\":{},\"classes\":{}}}",
            table.read,
            table.written,
            table.merged,
            table.skipped,
            table.repaired,
            serde_json::to_string(&classes)?,
        )
    }

    /// Counts a row of the table with its notes.
    pub fn row(&mut self, counted: Counted, notes: &[Note]) -> io::Result<()> {
        let Some((_, table)) = self.tables.last_mut() else {
            return Err(io::Error::other("a row before its table"));
        };
        table.read += 1;
        match counted {
            Counted::Written => table.written += 1,
            Counted::Merged => table.merged += 1,
            Counted::Skipped => table.skipped += 1,
        }
        if counted != Counted::Skipped && notes.iter().any(|note| note.what.is_repair()) {
            table.repaired += 1;
        }
        for note in notes {
            self.note(note)?;
        }
        Ok(())
    }

    /// The same, of a row that the store was given.
    pub fn fate(&mut self, fate: Fate, id: &str, notes: &mut Vec<Note>) -> io::Result<()> {
        let (counted, what, why) = match fate {
            Fate::Written => return self.row(Counted::Written, notes),
            Fate::Known => (
                Counted::Skipped,
                Class::AlreadyCarried,
                "an earlier run, or an earlier row, brought it",
            ),
            Fate::ParentGone => (
                Counted::Skipped,
                Class::DeletedSince,
                "what it belongs to was deleted here",
            ),
            Fate::Conflict => (
                Counted::Skipped,
                Class::Duplicate,
                "something that must be unique is taken by another row",
            ),
        };
        notes.clear();
        notes.push(Note {
            id: id.to_owned(),
            what,
            why: why.to_owned(),
        });
        self.row(counted, notes)
    }

    /// Adds a note that is of no row that was read, such as a file beside the
    /// database.
    pub fn note(&mut self, note: &Note) -> io::Result<()> {
        let Some((_, table)) = self.tables.last_mut() else {
            return Err(io::Error::other("a note before its table"));
        };
        *table.classes.entry(note.what).or_default() += 1;
        if table.notes.len() < KEPT {
            table.notes.push(note.clone());
        } else if note.what.wants_attention()
            && let Some(other) = table.notes.iter_mut().find(|n| !n.what.wants_attention())
        {
            *other = note.clone();
        }
        if let Some(file) = &mut self.file {
            let separator = if file.has_note { ",\n" } else { "\n" };
            file.has_note = true;
            write!(file.out, "{separator}{}", serde_json::to_string(note)?)?;
        }
        Ok(())
    }

    /// What reading a table back came to. A table that was not reported on is
    /// the program's own, such as the holding place.
    pub fn verified(&mut self, name: &str, verified: &Verified) {
        self.is_wrong |= !verified.is_right();
        let comparison = Comparison {
            rows: verified.rows,
            changed_since: verified.changed,
            missing: verified.missing,
            differing: verified.differing,
            written_checksum: format!("{:016x}", verified.written_checksum),
            read_checksum: format!("{:016x}", verified.read_checksum),
        };
        if let Some((_, table)) = self.tables.iter_mut().find(|(other, _)| other == name) {
            table.verified = Some(comparison);
        }
    }

    /// Whether every row is counted once and reads back as it was written.
    pub fn is_accounted(&self) -> bool {
        !self.is_wrong && self.tables.iter().all(|(_, table)| table.is_accounted())
    }

    /// The tables, in the order in which they were read.
    pub fn tables(&self) -> impl Iterator<Item = (&str, &TableReport)> {
        self.tables.iter().map(|(name, table)| (&**name, table))
    }

    /// Ends the file, where there is one.
    pub fn finish(&mut self) -> io::Result<()> {
        self.end_table()?;
        let accounted = self.is_accounted();
        let Some(mut file) = self.file.take() else {
            return Ok(());
        };
        let compared: BTreeMap<&str, &Comparison> = self
            .tables
            .iter()
            .filter_map(|(name, table)| Some((&**name, table.verified.as_ref()?)))
            .collect();
        let compared = serde_json::to_string(&compared)?;
        writeln!(
            file.out,
            "\n}},\n\"verification\":{compared},\n\"accounted\":{accounted}}}"
        )?;
        file.out.flush()?;
        file.out.get_ref().sync_all()?;
        fs::rename(&file.part, &file.path)
    }

    /// The report in a few lines for a person.
    pub fn summary(&self) -> String {
        let mut lines = vec![format!(
            "{:<24}{:>10}{:>10}{:>8}{:>9}{:>10}  read back",
            "table", "read", "written", "merged", "skipped", "repaired"
        )];
        for (name, table) in self.tables() {
            if table.read == 0 && table.classes.is_empty() {
                continue;
            }
            let compared = match &table.verified {
                None => "",
                Some(found) if found.missing + found.differing == 0 => "equal",
                Some(_) => "DIFFERENT",
            };
            lines.push(format!(
                "{name:<24}{:>10}{:>10}{:>8}{:>9}{:>10}  {compared}",
                table.read, table.written, table.merged, table.skipped, table.repaired
            ));
        }
        for (name, table) in self.tables() {
            for (class, count) in &table.classes {
                lines.push(format!("  {name}: {} × {count}", class.as_str()));
                if class.wants_attention() {
                    let of_class = table.notes.iter().filter(|note| note.what == *class);
                    lines.extend(of_class.map(|note| format!("    {}: {}", note.id, note.why)));
                }
            }
        }
        lines.push(if self.is_accounted() {
            "every row is accounted for".to_owned()
        } else {
            "NOT every row is accounted for, or reads back as it was written".to_owned()
        });
        lines.join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(what: Class) -> Note {
        Note {
            id: "7".to_owned(),
            what,
            why: "because".to_owned(),
        }
    }

    #[test]
    fn class_names_are_their_own() {
        let names: std::collections::BTreeSet<&str> =
            Class::ALL.iter().map(|class| class.as_str()).collect();
        assert_eq!(names.len(), Class::ALL.len());
    }

    #[test]
    fn the_file_is_json_of_this_form() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("report.json");
        let mut report = Report::to_file(&path).expect("made");
        report.table("users").expect("begun");
        report.row(Counted::Written, &[]).expect("counted");
        report
            .row(
                Counted::Written,
                &[note(Class::RoleUnknown), note(Class::TimeUnreadable)],
            )
            .expect("counted");
        report
            .row(Counted::Merged, &[note(Class::MergedSameEmail)])
            .expect("counted");
        report.table("audit_logs").expect("begun");
        report
            .fate(Fate::Known, "7", &mut vec![note(Class::JsonInvalid)])
            .expect("counted");
        assert!(!path.exists());
        report.finish().expect("finished");
        let text = fs::read_to_string(&path).expect("there");
        let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(
            value,
            serde_json::json!({
                "tables": {
                    "users": {
                        "read": 3, "written": 2, "merged": 1, "skipped": 0, "repaired": 1,
                        "classes": {
                            "merged_same_email": 1, "role_unknown": 1, "time_unreadable": 1
                        },
                        "notes": [
                            {"id": "7", "what": "role_unknown", "why": "because"},
                            {"id": "7", "what": "time_unreadable", "why": "because"},
                            {"id": "7", "what": "merged_same_email", "why": "because"}
                        ]
                    },
                    "audit_logs": {
                        "read": 1, "written": 0, "merged": 0, "skipped": 1, "repaired": 0,
                        "classes": {"already_carried": 1},
                        "notes": [{
                            "id": "7", "what": "already_carried",
                            "why": "an earlier run, or an earlier row, brought it"
                        }]
                    }
                },
                "verification": {},
                "accounted": true
            })
        );
    }

    #[test]
    fn a_million_notes_are_not_held() {
        let mut report = Report::new();
        report.table("users").expect("begun");
        for _ in 0..1000 {
            report
                .row(Counted::Written, &[note(Class::TextShortened)])
                .expect("counted");
        }
        report
            .row(Counted::Written, &[note(Class::SeededDisabled)])
            .expect("counted");
        let (_, table) = report.tables().next().expect("a table");
        assert_eq!(table.notes.len(), KEPT);
        assert!(table.notes.contains(&note(Class::SeededDisabled)));
        assert_eq!(table.classes[&Class::TextShortened], 1000);
        assert!(report.summary().contains("    7: because"));
    }
}
