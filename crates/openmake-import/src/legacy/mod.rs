//! The predecessor's data: its SQLite file, or its PostgreSQL from version 1.5
//! on, and the files beside them.
//!
//! A source's own task or thread reads as of one moment and sends rows through
//! a short channel; the run makes rows of ours of them and writes them in
//! batches. Memory holds the accounts, the ids of what later rows may name, and
//! a few batches, however many messages there are. The rules, table by table,
//! stand in docs/migrating-from-v1.md.

mod accounts;
mod agents;
mod batch;
mod cell;
mod chat;
mod context;
mod fields;
mod files;
mod personal;
mod postgres;
mod run;
mod source;
mod sqlite;
mod tokens;

use std::{
    io,
    path::{Path, PathBuf},
};

use openmake_store::{
    Store,
    import::{ImportError, ImportSource, Mode},
    secrets::KeyRing,
};
use openmake_types::{Clock, Ids};
use secrecy::SecretString;
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

pub use source::SourceError;

use self::{
    context::Context,
    run::Run,
    source::{Event, Feed},
};
use crate::{
    identity::Identity,
    report::{Class, Note, Report},
};

/// What the ledger calls such sources.
const KIND: &str = "legacy";

/// Batches of rows that wait to be written.
const WAITING: usize = 4;

/// Where the predecessor kept its data.
#[derive(Debug, Clone)]
pub enum Origin {
    /// Its SQLite file.
    Sqlite(PathBuf),
    /// The address of its PostgreSQL.
    Postgres(SecretString),
}

/// What becomes of rows whose parent is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Orphans {
    /// They go into the holding place.
    Hold,
    /// They are left behind, and noted.
    Skip,
}

/// What to import, and how.
#[derive(Debug, Clone)]
pub struct Legacy {
    /// The database.
    pub origin: Origin,
    /// The directory with the files, where they are to be carried too.
    pub directory: Option<PathBuf>,
    /// What this source is called: two of one name are one source.
    pub name: String,
    /// The predecessor's `TOKEN_ENCRYPTION_KEY`, or else its `JWT_SECRET`.
    pub old_key: Option<SecretString>,
    /// What becomes of rows whose parent is gone.
    pub orphans: Orphans,
    /// Whether anything stays.
    pub mode: Mode,
}

/// What an import takes besides what to import.
#[derive(Clone, Copy)]
pub struct Means<'a> {
    /// Where to.
    pub store: &'a Store,
    /// What seals secrets.
    pub keys: &'a KeyRing,
    /// The time.
    pub clock: &'a dyn Clock,
    /// Randomness, for seals.
    pub ids: &'a dyn Ids,
    /// Where the reader runs.
    pub tasks: &'a TaskTracker,
}

impl std::fmt::Debug for Means<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Means").finish_non_exhaustive()
    }
}

/// Whom to tell how far it is.
pub trait Progress: Send {
    /// A table begins, with so many rows.
    fn table(&mut self, name: &str, rows: u64);
    /// So many of its rows more were read.
    fn rows(&mut self, more: usize);
}

/// Why an import broke off. What was written stays; the next run goes on.
#[derive(Debug, thiserror::Error)]
pub enum ImportFailure {
    /// The source.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The database here.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// The report cannot be written.
    #[error("the report cannot be written")]
    Report(#[from] io::Error),
    /// A file beside the database cannot be read.
    #[error("{} cannot be read", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// The task that read the source is gone.
    #[error("the reader of the source broke off")]
    Reader,
}

/// Imports, and fills the report, which is then to be finished. An error leaves
/// what was committed; running again goes on from there.
pub async fn import(
    legacy: &Legacy,
    means: Means<'_>,
    report: &mut Report,
    progress: &mut dyn Progress,
) -> Result<(), ImportFailure> {
    let (out, mut rows) = mpsc::channel(WAITING);
    let mut feed = Feed::new(out);
    // Opened before anything is written, so that a wrong name changes nothing.
    let mut remarks = Vec::new();
    let reading = match &legacy.origin {
        Origin::Sqlite(path) => {
            let path = path.clone();
            let opening = means.tasks.spawn_blocking(move || sqlite::open(&path));
            let database = opening.await.map_err(|_| ImportFailure::Reader)??;
            remarks.clone_from(&database.remarks);
            means.tasks.spawn_blocking(move || database.send(&mut feed))
        }
        Origin::Postgres(url) => {
            let mut database = postgres::open(url).await?;
            means
                .tasks
                .spawn(async move { database.send(&mut feed).await })
        }
    };
    let now = means.clock.now();
    let source = ImportSource {
        kind: KIND,
        name: legacy.name.clone(),
        owner: None,
        mode: legacy.mode,
        now,
    };
    let import = means.store.import(&source).await?;
    let identity = Identity::new(KIND, &legacy.name, None);
    let mut context = Context::new(identity, now, means.keys, means.ids);
    context.old_key = legacy.old_key.clone().map(tokens::OldKey::new);
    let mut run = Run {
        import,
        context,
        report,
        orphans: legacy.orphans,
        progress,
    };
    run.tables(&mut rows, &remarks).await?;
    // A source that broke off sends no more, and says why here.
    reading.await.map_err(|_| ImportFailure::Reader)??;
    if let Some(directory) = &legacy.directory {
        run.files(directory).await?;
        beside(directory, &mut run).await?;
    }
    run.end().await
}

/// An older history may lie beside the data directory rather than in it.
async fn beside(directory: &Path, run: &mut Run<'_>) -> Result<(), ImportFailure> {
    let parent = directory.parent().filter(|parent| {
        !directory.join("conversations.json").exists() && parent.join("conversations.json").exists()
    });
    match parent {
        Some(parent) => run.history(parent).await,
        None => Ok(()),
    }
}

impl Run<'_> {
    /// Takes every table of the source.
    async fn tables(
        &mut self,
        rows: &mut mpsc::Receiver<Event>,
        remarks: &[String],
    ) -> Result<(), ImportFailure> {
        let mut next = rows.recv().await;
        let mut is_first = true;
        while let Some(event) = next {
            next = match event {
                Event::Table { table, rows: count } => {
                    self.report.table(table)?;
                    self.progress.table(table, count);
                    if std::mem::take(&mut is_first) {
                        self.remark(remarks)?;
                    }
                    self.dispatch(table, rows).await?
                }
                Event::Unknown { table, rows: count } => {
                    self.report.table(&table)?;
                    self.report.note(&Note {
                        id: "*".to_owned(),
                        what: Class::NothingToCarry,
                        why: format!("is no table of the predecessor's; {count} rows stay there"),
                    })?;
                    rows.recv().await
                }
                Event::Rows(_) => rows.recv().await,
            };
        }
        Ok(())
    }

    fn remark(&mut self, remarks: &[String]) -> Result<(), ImportFailure> {
        for remark in remarks {
            self.report.note(&Note {
                id: "*".to_owned(),
                what: Class::SourceRemark,
                why: remark.clone(),
            })?;
        }
        Ok(())
    }

    async fn dispatch(
        &mut self,
        table: &'static str,
        rows: &mut mpsc::Receiver<Event>,
    ) -> Result<Option<Event>, ImportFailure> {
        match table {
            "users" => self.users(rows).await,
            "conversation_sessions" => self.table::<chat::Conversations>(table, rows).await,
            "conversation_messages" => self.table::<chat::Messages>(table, rows).await,
            "custom_agents" => self.table::<agents::CustomAgents>(table, rows).await,
            "agent_usage_logs" => self.table::<agents::AgentUsage>(table, rows).await,
            "agent_feedback" => self.table::<agents::AgentFeedback>(table, rows).await,
            "audit_logs" => self.table::<chat::AuditLogs>(table, rows).await,
            "alert_history" => self.table::<chat::Alerts>(table, rows).await,
            "user_memories" => self.table::<personal::Memories>(table, rows).await,
            "memory_tags" => self.table::<personal::MemoryTags>(table, rows).await,
            "research_sessions" => self.table::<personal::Research>(table, rows).await,
            "research_steps" => self.table::<personal::ResearchSteps>(table, rows).await,
            "agent_marketplace" => self.table::<agents::Marketplace>(table, rows).await,
            "agent_reviews" => self.table::<agents::Reviews>(table, rows).await,
            "agent_installations" => self.table::<agents::Installations>(table, rows).await,
            "canvas_documents" => self.table::<personal::Canvas>(table, rows).await,
            "canvas_versions" => self.table::<personal::CanvasVersions>(table, rows).await,
            "canvas_ai_edits" => self.table::<personal::CanvasEdits>(table, rows).await,
            "external_connections" => self.table::<personal::Connections>(table, rows).await,
            "external_files" => self.table::<personal::ExternalFiles>(table, rows).await,
            "api_usage" => self.table::<chat::Usage>(table, rows).await,
            "mcp_servers" => self.table::<personal::McpServers>(table, rows).await,
            "user_api_keys" => self.table::<personal::UserApiKeys>(table, rows).await,
            "push_subscriptions" => self.table::<personal::PushSubscriptions>(table, rows).await,
            _ => self.table::<personal::TokenBlacklist>(table, rows).await,
        }
    }
}
