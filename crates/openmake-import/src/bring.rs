//! Other products' data, from the file into the store.
//!
//! A thread reads, one conversation at a time; batches of what it finds are
//! written as they fill. Nothing grows with the file but the file of notes.

mod batch;
mod keep;
mod tally;
mod whose;

use std::{
    io,
    ops::ControlFlow,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use chrono::{DateTime, Utc};
use openmake_store::{
    Store,
    import::{
        Checked, CustomAgentRow, ForeignConversationRow, ForeignMessageRow, HoldingRow, Import,
        ImportError, ImportSource, Mode, Record, UserRow,
    },
};
use openmake_types::UserId;
use tokio::sync::mpsc;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

use self::{batch::Batch, tally::Tally, whose::Owners};
use crate::{
    foreign::{self, ForeignError, Found, Limits, Product, Reading},
    report::Report,
};

/// Things that were read and wait to be written.
const AHEAD: usize = 4;

/// A file to bring in.
#[derive(Debug, Clone)]
pub struct Request {
    /// Which product's.
    pub product: Product,
    /// Where it is.
    pub path: PathBuf,
    /// Whose it becomes.
    pub whose: Whose,
    /// Whether anything stays.
    pub mode: Mode,
    /// The import that a person began, for taking it back.
    pub job: Option<Uuid>,
    /// Now.
    pub now: DateTime<Utc>,
}

/// Whose the data becomes.
#[derive(Debug, Clone)]
pub enum Whose {
    /// One account's. Of a database with several, what is that of the one with
    /// the same e-mail address, or of the only one.
    Account {
        /// The account.
        id: UserId,
        /// Its e-mail address.
        email: String,
    },
    /// Everybody's in a database of Open WebUI: accounts that are not here are
    /// made.
    Everyone,
}

/// How far it is; read while it goes on.
#[derive(Debug, Default)]
pub struct Counters {
    read: AtomicI64,
    total: AtomicI64,
    conversations: AtomicI64,
    messages: AtomicI64,
}

impl Counters {
    /// Bytes or rows of the file that were read.
    pub fn read(&self) -> i64 {
        self.read.load(Ordering::Relaxed)
    }

    /// How many there are; 0 while nobody knows.
    pub fn total(&self) -> i64 {
        self.total.load(Ordering::Relaxed)
    }

    /// Conversations that were read.
    pub fn conversations(&self) -> i64 {
        self.conversations.load(Ordering::Relaxed)
    }

    /// Messages that were read.
    pub fn messages(&self) -> i64 {
        self.messages.load(Ordering::Relaxed)
    }
}

/// What an import stands on.
#[derive(Debug, Clone)]
pub struct BringParts {
    /// The database.
    pub store: Store,
    /// Every task of the process.
    pub tasks: TaskTracker,
    /// Ends the import after the batch that it is at.
    pub stop: CancellationToken,
    /// How far it is.
    pub counters: Arc<Counters>,
}

/// Why an import does not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum BringError {
    /// The file.
    #[error(transparent)]
    File(#[from] ForeignError),
    /// The database.
    #[error(transparent)]
    Store(#[from] ImportError),
    /// The report.
    #[error("the report cannot be written")]
    Report(#[from] io::Error),
    /// None of several accounts in the file is the one's.
    #[error("none of the {0} accounts in the file has the e-mail address of the account here")]
    NotYours(usize),
    /// It was stopped.
    #[error("the import was called off")]
    Stopped,
    /// The reader's thread is gone.
    #[error("reading the file came to a bad end")]
    Reader,
}

impl BringError {
    /// A stable name for it.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::File(error) => error.code(),
            Self::NotYours(_) => "import_not_yours",
            Self::Stopped => "import_cancelled",
            Self::Store(_) | Self::Report(_) | Self::Reader => "import_failed",
        }
    }
}

/// Brings a file in. The report says what became of everything in it, also of
/// what was brought before an error.
pub async fn bring(
    parts: &BringParts,
    request: &Request,
    report: &mut Report,
) -> Result<(), BringError> {
    let source = ImportSource {
        kind: request.product.as_str(),
        name: request.product.as_str().to_owned(),
        owner: match &request.whose {
            Whose::Account { id, .. } => Some(*id),
            Whose::Everyone => None,
        },
        mode: request.mode,
        now: request.now,
    };
    let mut work = Work {
        import: parts.store.import(&source).await?,
        parts,
        request,
        tally: Tally::default(),
        owners: Owners::new(request),
        batch: Batch::default(),
    };
    let brought = work.run().await;
    work.tally.replay(report)?;
    let checked = match &brought {
        Ok(()) => work.verify(report).await?,
        // The next run reads back what this one wrote.
        Err(_) => Checked::Wrong,
    };
    let finished = work.import.finish(checked).await;
    // Why it broke off says more than that the connection did not end well.
    brought?;
    Ok(finished?)
}

struct Work<'a> {
    import: Import,
    parts: &'a BringParts,
    request: &'a Request,
    tally: Tally,
    owners: Owners,
    batch: Batch,
}

impl Work<'_> {
    async fn run(&mut self) -> Result<(), BringError> {
        let (send, mut found) = mpsc::channel(AHEAD);
        let (product, path) = (self.request.product, self.request.path.clone());
        let reading = Reading {
            limits: Limits::default(),
            now: self.request.now,
        };
        // Ends by itself when nobody takes what it finds.
        let reader = self.parts.tasks.spawn_blocking(move || {
            foreign::read(
                product,
                &path,
                &reading,
                &mut |item| match send.blocking_send(item) {
                    Ok(()) => ControlFlow::Continue(()),
                    Err(_) => ControlFlow::Break(()),
                },
            )
        });
        loop {
            let item = tokio::select! {
                biased;
                () = self.parts.stop.cancelled() => return Err(BringError::Stopped),
                item = found.recv() => item,
            };
            let Some(item) = item else { break };
            self.take(item).await?;
        }
        reader.await.map_err(|_| BringError::Reader)??;
        self.accounts().await?;
        self.flush().await
    }

    async fn take(&mut self, item: Found) -> Result<(), BringError> {
        let counters = &self.parts.counters;
        match item {
            Found::Progress { read, total } => {
                let small = |number| i64::try_from(number).unwrap_or(i64::MAX);
                counters.read.store(small(read), Ordering::Relaxed);
                counters.total.store(small(total), Ordering::Relaxed);
            }
            Found::Account(account) => self.owners.add(account),
            Found::Kept(kept) => {
                self.accounts().await?;
                self.keep(kept)?;
            }
            Found::Refused(refused) => self.tally.refused(&refused)?,
            Found::Conversation(conversation) => {
                self.accounts().await?;
                counters.conversations.fetch_add(1, Ordering::Relaxed);
                let messages = i64::try_from(conversation.messages.len()).unwrap_or(i64::MAX);
                counters.messages.fetch_add(messages, Ordering::Relaxed);
                self.conversation(*conversation)?;
            }
        }
        if self.batch.is_full() {
            self.flush().await?;
        }
        Ok(())
    }

    /// Reads back what was written.
    async fn verify(&mut self, report: &mut Report) -> Result<Checked, BringError> {
        let mut right = true;
        right &= self.verify_one::<UserRow>("accounts", report).await?;
        right &= self
            .verify_one::<ForeignConversationRow>("conversations", report)
            .await?;
        right &= self
            .verify_one::<ForeignMessageRow>("messages", report)
            .await?;
        right &= self.verify_one::<CustomAgentRow>("models", report).await?;
        right &= self.verify_one::<HoldingRow>("holding", report).await?;
        Ok(if right {
            Checked::Right
        } else {
            Checked::Wrong
        })
    }

    async fn verify_one<R: Record>(
        &mut self,
        name: &str,
        report: &mut Report,
    ) -> Result<bool, BringError> {
        let verified = self.import.verify::<R>().await?;
        report.verified(name, &verified);
        Ok(verified.is_right())
    }
}
