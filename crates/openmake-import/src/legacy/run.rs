//! The way of every row: read, mapped, written or held, counted.

use openmake_store::import::{Checked, Fate, HoldingRow, Import, Record, Relation, Verified};
use tokio::sync::mpsc;

use super::{
    ImportFailure, Orphans, Progress,
    accounts::{self, Same},
    cell::Row,
    context::{Context, Mapped, Table},
    fields::Fields,
    source::Event,
};
use crate::report::{Class, Counted, Note, Report};

/// Rows that are written together.
const ROWS: usize = 4000;
/// How large a batch may be, about.
const BYTES: usize = 8 * 1024 * 1024;

/// A run on its way.
pub(crate) struct Run<'a> {
    pub(crate) import: Import,
    pub(crate) context: Context<'a>,
    pub(crate) report: &'a mut Report,
    pub(crate) orphans: Orphans,
    pub(crate) progress: &'a mut dyn Progress,
}

/// A batch that is being filled.
struct Batch<R> {
    rows: Vec<R>,
    /// Of each row: what the source had, and what is to be told of it.
    sources: Vec<Origin>,
    held: Vec<(Origin, Class, Option<uuid::Uuid>)>,
    bytes: usize,
}

/// Where a row came from.
struct Origin {
    label: String,
    key: Vec<u8>,
    raw: Row,
    notes: Vec<Note>,
}

impl<R> Default for Batch<R> {
    fn default() -> Self {
        Self {
            rows: Vec::new(),
            sources: Vec::new(),
            held: Vec::new(),
            bytes: 0,
        }
    }
}

impl Run<'_> {
    /// Takes a table of the source to its end, and gives what comes after.
    pub(crate) async fn table<T: Table>(
        &mut self,
        name: &str,
        rows: &mut mpsc::Receiver<Event>,
    ) -> Result<Option<Event>, ImportFailure> {
        let mut batch = Batch::default();
        let mut extra = Vec::new();
        loop {
            match rows.recv().await {
                Some(Event::Rows(more)) => {
                    self.progress.rows(more.len());
                    for row in more {
                        self.row::<T>(name, row, &mut batch, &mut extra).await?;
                    }
                }
                next => {
                    self.flush::<T>(name, &mut batch).await?;
                    self.note_extra(&extra)?;
                    return Ok(next);
                }
            }
        }
    }

    /// The same of rows from a file.
    pub(crate) async fn rows<T: Table>(
        &mut self,
        name: &str,
        rows: Vec<Row>,
    ) -> Result<(), ImportFailure> {
        let mut batch = Batch::default();
        let mut extra = Vec::new();
        for row in rows {
            self.row::<T>(name, row, &mut batch, &mut extra).await?;
        }
        self.flush::<T>(name, &mut batch).await?;
        self.note_extra(&extra)
    }

    fn note_extra(&mut self, columns: &[String]) -> Result<(), ImportFailure> {
        for column in columns {
            self.report.note(&Note {
                id: "*".to_owned(),
                what: Class::ExtraColumn,
                why: format!("`{column}` is kept in the metadata"),
            })?;
        }
        Ok(())
    }

    async fn row<T: Table>(
        &mut self,
        name: &str,
        raw: Row,
        batch: &mut Batch<T::Row>,
        extra: &mut Vec<String>,
    ) -> Result<(), ImportFailure> {
        let mut fields = Fields::new(raw.clone(), T::ID);
        let mapped = T::map(&mut self.context, &mut fields);
        for column in std::mem::take(&mut fields.extra) {
            if !extra.contains(&column) {
                extra.push(column);
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
        if batch.rows.len() + batch.held.len() >= ROWS || batch.bytes >= BYTES {
            self.flush::<T>(name, batch).await?;
        }
        Ok(())
    }

    async fn flush<T: Table>(
        &mut self,
        name: &str,
        batch: &mut Batch<T::Row>,
    ) -> Result<(), ImportFailure> {
        let Batch {
            rows,
            sources,
            mut held,
            ..
        } = std::mem::take(batch);
        let fates = self.import.write(&rows).await?;
        let ids = rows.iter().map(Record::id);
        for ((mut origin, fate), id) in sources.into_iter().zip(fates).zip(ids) {
            if fate == Fate::Conflict {
                self.context.remove(T::Row::RELATION, id);
                origin.notes = vec![origin.note(
                    Class::ConflictHeld,
                    "another row has what must be unique".to_owned(),
                )];
                held.push((origin, Class::ConflictHeld, None));
            } else {
                self.report.fate(fate, &origin.label, &mut origin.notes)?;
            }
        }
        self.hold(name, held, T::SECRETS).await
    }

    /// Puts rows into the holding place.
    async fn hold(
        &mut self,
        name: &str,
        held: Vec<(Origin, Class, Option<uuid::Uuid>)>,
        secrets: &[&str],
    ) -> Result<(), ImportFailure> {
        let rows: Vec<HoldingRow> = held
            .iter()
            .map(|(origin, class, owner)| HoldingRow {
                id: self.context.id(&format!("held/{name}"), &origin.key),
                source_id: self.import.source(),
                table_name: name.to_owned(),
                old_id: origin.label.clone(),
                reason: class.as_str(),
                owner_id: *owner,
                held: origin.raw.to_json(secrets),
                created_at: self.context.now,
            })
            .collect();
        let fates = self.import.write(&rows).await?;
        for ((mut origin, ..), fate) in held.into_iter().zip(fates) {
            self.report.fate(fate, &origin.label, &mut origin.notes)?;
        }
        Ok(())
    }

    /// Takes the accounts, which are looked at together.
    pub(crate) async fn users(
        &mut self,
        rows: &mut mpsc::Receiver<Event>,
    ) -> Result<Option<Event>, ImportFailure> {
        let mut all = Vec::new();
        let next = loop {
            match rows.recv().await {
                Some(Event::Rows(more)) => {
                    self.progress.rows(more.len());
                    all.extend(more);
                }
                next => break next,
            }
        };
        let carried = self.import.carried(Relation::Users).await?;
        let existing = self.import.accounts().await?;
        let mut accounts = accounts::read(all, &self.context.identity);
        let mut extra: Vec<String> = accounts
            .iter_mut()
            .flat_map(|a| std::mem::take(&mut a.extra))
            .collect();
        extra.sort_unstable();
        extra.dedup();
        let (known, new): (Vec<_>, Vec<_>) = accounts
            .into_iter()
            .partition(|account| carried.contains_key(&account.row.id));
        for mut account in known {
            let into = carried.get(&account.row.id).copied().flatten();
            let id = into.unwrap_or(account.row.id);
            self.context.users.insert(account.key, id);
            self.report
                .fate(Fate::Known, &account.label, &mut account.notes)?;
        }
        let mut merged = Vec::new();
        let mut rows = Vec::new();
        let mut origins = Vec::new();
        for Same { email, accounts } in accounts::grouped(new) {
            let there = existing.get(&email).copied();
            let mut first: Option<(uuid::Uuid, String)> = None;
            for account in accounts {
                let (into, class, why) = match (there, &first) {
                    (Some(id), _) => (
                        id,
                        Class::MergedExistingAccount,
                        format!("{email} has an account here, which keeps its password and role"),
                    ),
                    (None, Some((id, label))) => (
                        *id,
                        Class::MergedSameEmail,
                        format!(
                            "{email} is also account {label}, which stays with its password and \
                             role; this one was last here: {}",
                            accounts::last_seen(&account.row)
                        ),
                    ),
                    (None, None) => {
                        first = Some((account.row.id, account.label.clone()));
                        self.context
                            .users
                            .insert(account.key.clone(), account.row.id);
                        rows.push(account.row);
                        origins.push(Origin {
                            label: account.label,
                            key: account.key,
                            raw: account.raw,
                            notes: account.notes,
                        });
                        continue;
                    }
                };
                self.context.users.insert(account.key, into);
                merged.push((account.row.id, into));
                let note = Note {
                    id: account.label,
                    what: class,
                    why,
                };
                self.report.row(Counted::Merged, &[note])?;
            }
        }
        let mut held = Vec::new();
        let mut fates = Vec::with_capacity(rows.len());
        for chunk in rows.chunks(ROWS) {
            fates.extend(self.import.write(chunk).await?);
        }
        for (mut origin, fate) in origins.into_iter().zip(fates) {
            if fate == Fate::Conflict {
                // Somebody registered the address a moment ago.
                self.context.users.remove(&origin.key);
                origin.notes = vec![origin.note(
                    Class::ConflictHeld,
                    "its e-mail was registered meanwhile; import again".to_owned(),
                )];
                held.push((origin, Class::ConflictHeld, None));
            } else {
                self.report.fate(fate, &origin.label, &mut origin.notes)?;
            }
        }
        self.hold("users", held, &["password_hash"]).await?;
        self.import.merged(Relation::Users, &merged).await?;
        self.note_extra(&extra)?;
        Ok(next)
    }

    /// Reads everything back, and ends the run.
    pub(crate) async fn end(mut self) -> Result<(), ImportFailure> {
        self.progress.table("reading back", 0);
        let mut is_right = true;
        for relation in Relation::ALL {
            let found = self.verified(*relation).await?;
            is_right &= found.is_right();
            let name = match relation {
                Relation::CarriedUsage => "api_usage",
                other => other.table(),
            };
            self.report.verified(name, &found);
        }
        let checked = if is_right {
            Checked::Right
        } else {
            Checked::Wrong
        };
        self.import.finish(checked).await?;
        Ok(())
    }

    async fn verified(&mut self, relation: Relation) -> Result<Verified, ImportFailure> {
        use openmake_store::import as rows;
        let import = &mut self.import;
        Ok(match relation {
            Relation::Users => import.verify::<rows::UserRow>().await?,
            Relation::Conversations => import.verify::<rows::ConversationRow>().await?,
            Relation::Messages => import.verify::<rows::MessageRow>().await?,
            Relation::CustomAgents => import.verify::<rows::CustomAgentRow>().await?,
            Relation::AgentUsage => import.verify::<rows::AgentUsageRow>().await?,
            Relation::AgentFeedback => import.verify::<rows::AgentFeedbackRow>().await?,
            Relation::AuditLogs => import.verify::<rows::AuditRow>().await?,
            Relation::Alerts => import.verify::<rows::AlertRow>().await?,
            Relation::Memories => import.verify::<rows::MemoryRow>().await?,
            Relation::MemoryTags => import.verify::<rows::MemoryTagRow>().await?,
            Relation::Research => import.verify::<rows::ResearchRow>().await?,
            Relation::ResearchSteps => import.verify::<rows::ResearchStepRow>().await?,
            Relation::Marketplace => import.verify::<rows::MarketplaceRow>().await?,
            Relation::Reviews => import.verify::<rows::ReviewRow>().await?,
            Relation::Installations => import.verify::<rows::InstallationRow>().await?,
            Relation::Canvas => import.verify::<rows::CanvasRow>().await?,
            Relation::CanvasVersions => import.verify::<rows::CanvasVersionRow>().await?,
            Relation::CanvasEdits => import.verify::<rows::CanvasEditRow>().await?,
            Relation::Connections => import.verify::<rows::ConnectionRow>().await?,
            Relation::ExternalFiles => import.verify::<rows::ExternalFileRow>().await?,
            Relation::McpServers => import.verify::<rows::McpServerRow>().await?,
            Relation::PushSubscriptions => import.verify::<rows::PushSubscriptionRow>().await?,
            Relation::CarriedUsage => import.verify::<rows::CarriedUsageRow>().await?,
            Relation::Holding => import.verify::<rows::HoldingRow>().await?,
        })
    }
}

impl Origin {
    fn note(&self, what: Class, why: String) -> Note {
        Note {
            id: self.label.clone(),
            what,
            why,
        }
    }
}
