//! Rows that are written together, and how they are gathered.

use openmake_store::import::{Lines, Record};
use tokio::sync::mpsc;
use uuid::Uuid;

use super::{
    ImportFailure, Orphans, Progress,
    cell::Row,
    context::{Context, Mapped, Table},
    fields::Fields,
    source::Event,
};
use crate::report::{Class, Counted, Note, Report};

/// Rows that are written together. Ids are random, so that the more of them go
/// into an index at once the fewer of its pages are written again.
const ROWS: usize = 10_000;
/// How large a batch may be, about.
const BYTES: usize = 8 * 1024 * 1024;

/// A batch.
pub(super) struct Batch<R> {
    pub(super) rows: Vec<R>,
    /// The rows as they go to the database.
    pub(super) lines: Lines,
    /// Of each row: what the source had, and what is to be told of it.
    pub(super) sources: Vec<Origin>,
    pub(super) held: Vec<Held>,
    bytes: usize,
}

/// Where a row came from.
pub(super) struct Origin {
    pub(super) label: String,
    pub(super) key: Vec<u8>,
    pub(super) raw: Row,
    pub(super) notes: Vec<Note>,
}

/// A row that goes into the holding place: why, and whose it is.
pub(super) type Held = (Origin, Class, Option<Uuid>);

impl<R> Default for Batch<R> {
    fn default() -> Self {
        Self {
            rows: Vec::new(),
            lines: Lines::default(),
            sources: Vec::new(),
            held: Vec::new(),
            bytes: 0,
        }
    }
}

impl<R> Batch<R> {
    pub(super) const fn is_full(&self) -> bool {
        self.rows.len() + self.held.len() >= ROWS || self.bytes >= BYTES
    }
}

impl Origin {
    pub(super) fn note(&self, what: Class, why: String) -> Note {
        Note {
            id: self.label.clone(),
            what,
            why,
        }
    }
}

/// What it takes to make rows of ours of the source's.
pub(super) struct Gathering<'r, 'a> {
    pub(super) context: &'r mut Context<'a>,
    pub(super) report: &'r mut Report,
    pub(super) orphans: Orphans,
    /// Columns that nobody asked for.
    pub(super) extra: &'r mut Vec<String>,
}

impl Gathering<'_, '_> {
    /// Fills a batch with what comes. At the end of the table it gives what
    /// comes after it too.
    pub(super) async fn fill<T: Table>(
        &mut self,
        name: &str,
        rows: &mut mpsc::Receiver<Event>,
        progress: &mut dyn Progress,
    ) -> Result<(Batch<T::Row>, Option<Option<Event>>), ImportFailure> {
        let mut batch = Batch::default();
        while !batch.is_full() {
            match rows.recv().await {
                Some(Event::Rows(more)) => {
                    progress.rows(more.len());
                    for row in more {
                        self.row::<T>(name, row, &mut batch)?;
                    }
                    // Meanwhile the batch before this one is written.
                    tokio::task::yield_now().await;
                }
                next => return Ok((batch, Some(next))),
            }
        }
        Ok((batch, None))
    }

    /// Makes a row of ours of one of the source's.
    pub(super) fn row<T: Table>(
        &mut self,
        name: &str,
        raw: Row,
        batch: &mut Batch<T::Row>,
    ) -> Result<(), ImportFailure> {
        let mut fields = Fields::new(raw.clone(), T::ID);
        let mapped = T::map(self.context, &mut fields);
        for column in std::mem::take(&mut fields.extra) {
            if !self.extra.contains(&column) {
                self.extra.push(column);
            }
        }
        batch.bytes += raw.size();
        let mut origin = Origin {
            label: fields.label,
            key: fields.key,
            raw,
            notes: fields.notes,
        };
        match mapped {
            Mapped::Row(row) => {
                self.context.add(T::Row::RELATION, row.id());
                batch.lines.push(&row);
                batch.rows.push(row);
                batch.sources.push(origin);
            }
            Mapped::Held(class, why, owner) => {
                origin.notes.clear();
                let is_orphan = class == Class::OrphanHeld;
                if is_orphan && self.orphans == Orphans::Skip {
                    self.report
                        .row(Counted::Skipped, &[origin.note(Class::OrphanSkipped, why)])?;
                } else {
                    let id = self.context.id(name, &origin.key);
                    self.context.add_held(T::Row::RELATION, id);
                    origin.notes.push(origin.note(class, why));
                    batch.held.push((origin, class, owner));
                }
            }
            Mapped::Skipped(class, why) => {
                self.report
                    .row(Counted::Skipped, &[origin.note(class, why)])?;
            }
        }
        Ok(())
    }
}
