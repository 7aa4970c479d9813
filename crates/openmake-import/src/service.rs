//! The server's task that brings in what people uploaded.
//!
//! Every process that has the task looks for imports that wait. Whoever takes
//! one holds a lease on it; if that process goes away, another begins the file
//! anew and finds what is there already.

use std::{path::Path, sync::Arc, time::Duration};

use openmake_store::{
    Store, StoreError,
    audit::{NewAudit, Outcome as AuditOutcome},
    import::{ImportError, Mode},
    import_jobs::{Claimed, JobStatus, Outcome, Progress, Renewed},
};
use openmake_types::{Clock, Ids, ProcessId};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::{
    io::AsyncWriteExt as _,
    time::{Instant, MissedTickBehavior, interval, sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    bring::{BringError, BringParts, Counters, Request, Whose, bring},
    foreign::{ForeignError, Product},
    report::Report,
};

/// How often to look whether one waits.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// How often to say how far one is.
const RENEW_EVERY: Duration = Duration::from_secs(2);
/// After how long without an answer of the database it is another's.
const SILENCE: Duration = Duration::from_secs(20);
/// How often to forget what is over.
const EXPIRE_EVERY: Duration = Duration::from_mins(10);
/// How long giving one back may take when the server ends.
const RELEASE: Duration = Duration::from_secs(3);
/// How long to leave one alone whose account imports from a command line.
const IN_USE: Duration = Duration::from_secs(5);
/// Bytes of a report that are kept with all its notes.
const REPORT_MAX: u64 = 4 << 20;

/// What the service stands on.
pub struct ServiceParts {
    /// The database.
    pub store: Store,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub ids: Arc<dyn Ids>,
    /// This process.
    pub process: ProcessId,
    /// Every task of the server.
    pub tasks: TaskTracker,
    /// Ends what is open.
    pub stop: CancellationToken,
}

impl std::fmt::Debug for ServiceParts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServiceParts").finish_non_exhaustive()
    }
}

/// Brings in what people uploaded.
#[derive(Debug)]
pub struct ImportService {
    parts: ServiceParts,
    /// What is being brought in now.
    current: Mutex<Option<Claimed>>,
}

/// Why one is not brought to its end here.
enum Left {
    /// Another process has it.
    Lost,
    /// It must wait: its account imports from a command line.
    InUse,
}

impl ImportService {
    /// Nothing runs yet.
    pub const fn new(parts: ServiceParts) -> Self {
        Self {
            parts,
            current: Mutex::new(None),
        }
    }

    /// Looks every few seconds, until the server stops. An import that is under
    /// way then is given back, for another process or the next start.
    pub fn start(self) {
        let stop = self.parts.stop.clone();
        self.parts.tasks.clone().spawn(async move {
            stop.run_until_cancelled(self.look()).await;
            let left = self.current.lock().take();
            if let Some(claimed) = left {
                let jobs = self.parts.store.import_jobs();
                let given_back = timeout(RELEASE, jobs.release(&claimed)).await;
                if !matches!(given_back, Ok(Ok(()))) {
                    tracing::debug!("an import is taken up when its lease is over");
                }
            }
        });
    }

    async fn look(&self) {
        let mut ticks = interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut expired: Option<Instant> = None;
        loop {
            ticks.tick().await;
            if expired.is_none_or(|at| at.elapsed() >= EXPIRE_EVERY) {
                expired = Some(Instant::now());
                let now = self.parts.clock.now();
                tell(self.parts.store.import_jobs().expire(now).await.map(drop));
            }
            tell(self.round().await.map(drop));
        }
    }

    /// One look: brings in one import, where one waits. Whether there was one.
    pub async fn round(&self) -> Result<bool, StoreError> {
        let jobs = self.parts.store.import_jobs();
        let Some(claimed) = jobs.claim(self.parts.process).await? else {
            return Ok(false);
        };
        *self.current.lock() = Some(claimed.clone());
        let done = self.bring_in(&claimed).await;
        let result = match done {
            Ok(outcome) => self.finish(&claimed, &outcome).await,
            Err(Left::Lost) => {
                tracing::info!(import = %claimed.job.id, "another process has this import now");
                Ok(())
            }
            Err(Left::InUse) => {
                sleep(IN_USE).await;
                jobs.release(&claimed).await
            }
        };
        *self.current.lock() = None;
        result.map(|()| true)
    }

    async fn finish(&self, claimed: &Claimed, outcome: &Outcome) -> Result<(), StoreError> {
        let at = self.parts.clock.now();
        let audit = NewAudit {
            id: self.parts.ids.uuid(at),
            at,
            action: "import.end",
            outcome: if outcome.status == JobStatus::Failed {
                AuditOutcome::Failure
            } else {
                AuditOutcome::Success
            },
            user_id: Some(claimed.job.owner),
            resource_type: Some("import"),
            resource_id: Some(claimed.job.id.to_string()),
            details: json!({
                "kind": claimed.job.kind,
                "status": outcome.status.as_str(),
                "conversations": outcome.progress.conversations,
                "messages": outcome.progress.messages,
                "error": outcome.error.as_ref().map(|(code, _)| code),
            }),
            ip_address: None,
            user_agent: None,
            request_id: None,
        };
        self.parts
            .store
            .import_jobs()
            .finish(claimed, outcome, &audit)
            .await
    }

    async fn bring_in(&self, claimed: &Claimed) -> Result<Outcome, Left> {
        let counters = Arc::new(Counters::default());
        let stop = CancellationToken::new();
        // Dropped with what it is for.
        let _end = stop.clone().drop_guard();
        let work = self.work(claimed, &counters, &stop);
        tokio::select! {
            outcome = work => outcome,
            left = self.keep(claimed, &counters, &stop) => Err(left),
        }
    }

    /// Keeps the lease, and stops the work when it is called off. Ends when
    /// another process has it.
    async fn keep(&self, claimed: &Claimed, counters: &Counters, stop: &CancellationToken) -> Left {
        let mut ticks = interval(RENEW_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut heard = Instant::now();
        loop {
            ticks.tick().await;
            let jobs = self.parts.store.import_jobs();
            let progress = progress(counters);
            match timeout(SILENCE, jobs.renew(claimed, &progress)).await {
                Ok(Ok(Renewed::Yours)) => heard = Instant::now(),
                Ok(Ok(Renewed::Cancelled)) => {
                    heard = Instant::now();
                    stop.cancel();
                }
                Ok(Err(_)) | Err(_) if heard.elapsed() < SILENCE => {}
                Ok(Ok(Renewed::Lost) | Err(_)) | Err(_) => return Left::Lost,
            }
        }
    }

    async fn work(
        &self,
        claimed: &Claimed,
        counters: &Arc<Counters>,
        stop: &CancellationToken,
    ) -> Result<Outcome, Left> {
        let folder = tempfile::tempdir().map_err(ForeignError::from);
        let result = match folder {
            Ok(folder) => {
                let report_path = folder.path().join("report.json");
                let mut report = match Report::to_file(&report_path) {
                    Ok(report) => report,
                    Err(error) => {
                        return Ok(outcome(
                            claimed,
                            counters,
                            Err(error.into()),
                            &Report::new(),
                        ));
                    }
                };
                let brought = self
                    .spool_and_bring(claimed, folder.path(), counters, stop, &mut report)
                    .await;
                if let Err(BringError::Store(ImportError::InUse)) = brought {
                    return Err(Left::InUse);
                }
                let written = report.finish().map_err(BringError::from);
                let mut outcome = outcome(claimed, counters, brought.and(written), &report);
                if let Some(whole) = read_report(&report_path).await {
                    outcome.report = whole;
                }
                outcome
            }
            Err(error) => outcome(claimed, counters, Err(error.into()), &Report::new()),
        };
        Ok(result)
    }

    /// The file in one piece on this process's disk, for as long as it is read.
    async fn spool_and_bring(
        &self,
        claimed: &Claimed,
        folder: &Path,
        counters: &Arc<Counters>,
        stop: &CancellationToken,
        report: &mut Report,
    ) -> Result<(), BringError> {
        let job = &claimed.job;
        let path = folder.join("export");
        let mut file = tokio::fs::File::create_new(&path).await?;
        let mut position = 0;
        while position < job.size {
            if stop.is_cancelled() {
                return Err(BringError::Stopped);
            }
            let chunk = self.parts.store.import_jobs().chunk(job.id, position).await;
            let chunk = chunk.map_err(ImportError::from)?;
            // Gone with the import, which another process has ended.
            let chunk = chunk.ok_or(BringError::Stopped)?;
            file.write_all(&chunk).await?;
            position = position.saturating_add(i64::try_from(chunk.len()).unwrap_or(i64::MAX));
        }
        file.flush().await?;
        drop(file);
        let user = self.parts.store.users().get(job.owner).await;
        let user = user.map_err(ImportError::from)?;
        let product: Product = job.kind.parse().map_err(|_| BringError::Reader)?;
        let request = Request {
            product,
            path,
            whose: Whose::Account {
                id: job.owner,
                email: user.email.unwrap_or_default(),
            },
            mode: Mode::Real,
            job: Some(job.id),
            now: self.parts.clock.now(),
        };
        let parts = BringParts {
            store: self.parts.store.clone(),
            tasks: self.parts.tasks.clone(),
            stop: stop.clone(),
            counters: Arc::clone(counters),
        };
        bring(&parts, &request, report).await
    }
}

fn tell(looked: Result<(), StoreError>) {
    if let Err(error) = looked {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "cannot look after imports; trying again"
        );
    }
}

fn progress(counters: &Counters) -> Progress {
    Progress {
        read: counters.read(),
        total: counters.total(),
        conversations: counters.conversations(),
        messages: counters.messages(),
    }
}

fn outcome(
    claimed: &Claimed,
    counters: &Counters,
    brought: Result<(), BringError>,
    report: &Report,
) -> Outcome {
    let summary = summary(report);
    let (status, error) = match brought {
        Ok(()) => (JobStatus::Done, None),
        Err(BringError::Stopped) => (JobStatus::Cancelled, None),
        Err(error) => {
            tracing::warn!(
                import = %claimed.job.id,
                error = &error as &dyn std::error::Error,
                "an import failed"
            );
            (JobStatus::Failed, Some((error.code(), error.to_string())))
        }
    };
    Outcome {
        status,
        error,
        progress: progress(counters),
        report: summary.clone(),
        summary,
    }
}

/// The report without its notes.
fn summary(report: &Report) -> Value {
    let tables: serde_json::Map<String, Value> = report
        .tables()
        .map(|(name, table)| {
            let classes: serde_json::Map<String, Value> = table
                .classes
                .iter()
                .map(|(class, count)| (class.as_str().to_owned(), json!(count)))
                .collect();
            let counts = json!({
                "read": table.read,
                "written": table.written,
                "merged": table.merged,
                "skipped": table.skipped,
                "repaired": table.repaired,
                "classes": classes,
            });
            (name.to_owned(), counts)
        })
        .collect();
    json!({"tables": tables, "accounted": report.is_accounted()})
}

/// The whole report, unless it is too long to be kept.
async fn read_report(path: &Path) -> Option<Value> {
    let size = tokio::fs::metadata(path).await.ok()?.len();
    if size > REPORT_MAX {
        return None;
    }
    let bytes = tokio::fs::read(path).await.ok()?;
    serde_json::from_slice(&bytes).ok()
}
