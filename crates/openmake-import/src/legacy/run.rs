//! The way of every row: read, mapped, written or held, counted.

use openmake_store::import::{Checked, Fate, HoldingRow, Import, Record, Relation, Verified};
use tokio::sync::mpsc;

use super::{
    ImportFailure, Orphans, Progress,
    accounts::{self, Same},
    batch::{Batch, Gathering, Held, Origin},
    cell::Row,
    context::{Context, Table},
    source::Event,
};
use crate::report::{Class, Counted, Note, Report};

/// Accounts that are written together.
const ACCOUNTS: usize = 4000;

/// A run on its way.
pub(crate) struct Run<'a> {
    pub(crate) import: Import,
    pub(crate) context: Context<'a>,
    pub(crate) report: &'a mut Report,
    pub(crate) orphans: Orphans,
    pub(crate) progress: &'a mut dyn Progress,
}

impl Run<'_> {
    /// Takes a table of the source to its end, and gives what comes after.
    /// While a batch is written, the next one is made.
    pub(crate) async fn table<T: Table>(
        &mut self,
        name: &str,
        rows: &mut mpsc::Receiver<Event>,
    ) -> Result<Option<Event>, ImportFailure> {
        let mut batch = Batch::<T::Row>::default();
        let mut extra = Vec::new();
        loop {
            let mut gathering = Gathering {
                context: &mut self.context,
                report: self.report,
                orphans: self.orphans,
                extra: &mut extra,
            };
            let writing = async {
                let fates = self.import.write_lines(&batch.rows, &batch.lines).await;
                fates.map_err(ImportFailure::from)
            };
            let (fates, (more, end)) = tokio::try_join!(
                writing,
                gathering.fill::<T>(name, rows, &mut *self.progress)
            )?;
            self.settle::<T>(name, std::mem::replace(&mut batch, more), fates)
                .await?;
            if let Some(next) = end {
                self.flush::<T>(name, batch).await?;
                self.note_extra(&extra)?;
                return Ok(next);
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
            let mut gathering = Gathering {
                context: &mut self.context,
                report: self.report,
                orphans: self.orphans,
                extra: &mut extra,
            };
            gathering.row::<T>(name, row, &mut batch)?;
            if batch.is_full() {
                self.flush::<T>(name, std::mem::take(&mut batch)).await?;
            }
        }
        self.flush::<T>(name, batch).await?;
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

    async fn flush<T: Table>(
        &mut self,
        name: &str,
        batch: Batch<T::Row>,
    ) -> Result<(), ImportFailure> {
        let fates = self.import.write_lines(&batch.rows, &batch.lines).await?;
        self.settle::<T>(name, batch, fates).await
    }

    /// Tells what became of a batch's rows, and holds those that had no place.
    async fn settle<T: Table>(
        &mut self,
        name: &str,
        batch: Batch<T::Row>,
        fates: Vec<Fate>,
    ) -> Result<(), ImportFailure> {
        let mut held = batch.held;
        let ids = batch.rows.iter().map(Record::id);
        for ((mut origin, fate), id) in batch.sources.into_iter().zip(fates).zip(ids) {
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
        held: Vec<Held>,
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
        for chunk in rows.chunks(ACCOUNTS) {
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
