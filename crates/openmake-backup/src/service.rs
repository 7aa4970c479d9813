//! The server's task that makes backups when they are due or asked for.
//!
//! Every process of an instance runs one; a lock in the database sees to it
//! that one of them makes the backup.

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use openmake_store::{
    Store,
    audit::{NewAudit, Outcome},
    backups::{Backup as Record, BackupLock, BackupReason, BackupResult, NewBackup, Verification},
    secrets::KeyRing,
};
use openmake_types::{Clock, Ids};
use prometheus_client::registry::Registry;
use secrecy::SecretString;
use serde_json::json;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

use crate::{
    BackupError,
    create::{CreateParts, Created, Destination, create},
    metrics::{Metrics, Running},
    restore::Backup,
    retention::{Retention, file_name, superfluous},
    schedule::Schedule,
    unwatched,
    verify::{Verified, verify},
};

/// How often to look whether one is due.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Whether backups are tried after they were made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trial {
    /// They are restored into a scratch database.
    Restore,
    /// They are not.
    Skip,
}

/// How backups are made without anybody at the command line.
#[derive(Debug, Clone)]
pub struct BackupSettings {
    /// Where the files go.
    pub directory: PathBuf,
    /// How often.
    pub schedule: Schedule,
    /// How many are kept.
    pub retention: Retention,
    /// Whether they are tried.
    pub trial: Trial,
    /// What the master key in them is sealed with; none leaves it out.
    pub passphrase: Option<SecretString>,
}

/// What the service stands on.
pub struct ServiceParts {
    /// The database.
    pub store: Store,
    /// The master key.
    pub keys: KeyRing,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub ids: Arc<dyn Ids>,
    /// Every task of the server.
    pub tasks: TaskTracker,
    /// Ends what is open.
    pub stop: CancellationToken,
    /// The program's version.
    pub program: &'static str,
    /// None where no directory is set: then the last backup is only reported.
    pub settings: Option<BackupSettings>,
}

/// Makes backups, and tells of the last.
#[derive(Clone)]
pub struct BackupService(Arc<Inner>);

struct Inner {
    parts: ServiceParts,
    metrics: Metrics,
}

impl fmt::Debug for BackupService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BackupService")
            .field("settings", &self.0.parts.settings)
            .finish_non_exhaustive()
    }
}

impl BackupService {
    /// Registers its metrics; nothing runs yet.
    pub fn new(parts: ServiceParts, registry: &mut Registry) -> Self {
        let metrics = Metrics::register(registry);
        Self(Arc::new(Inner { parts, metrics }))
    }

    /// Looks every few seconds, until the server stops. A backup that is under
    /// way then is given up, and its file with it.
    pub fn start(&self) {
        let inner = Arc::clone(&self.0);
        let looking = async move {
            let mut ticks = interval(LOOK_EVERY);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                if let Err(error) = inner.round().await {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "cannot look whether a backup is due; trying again"
                    );
                }
            }
        };
        let stop = self.0.parts.stop.clone();
        self.0.parts.tasks.spawn(async move {
            stop.run_until_cancelled(looking).await;
        });
    }

    /// One look: makes a backup if one is due or asked for, and says how it
    /// came out.
    pub async fn round(&self) -> Result<Option<Record>, BackupError> {
        self.0.round().await
    }
}

impl Inner {
    async fn round(&self) -> Result<Option<Record>, BackupError> {
        let made = match &self.parts.settings {
            Some(settings) => self.make_due(settings).await?,
            None => None,
        };
        let backups = self.parts.store.backups();
        if let Some(last) = backups.lookup_last().await? {
            self.metrics.last(&last);
        }
        if let (Some(done), _) = backups.last_times().await? {
            self.metrics.last_success(done);
        }
        Ok(made)
    }

    async fn make_due(&self, settings: &BackupSettings) -> Result<Option<Record>, BackupError> {
        if self.due(settings).await?.is_none() {
            return Ok(None);
        }
        let store = &self.parts.store;
        let Some(lock) = store.backups().lock(self.parts.clock.now()).await? else {
            return Ok(None);
        };
        // Another process may have made it just now.
        let made = match self.due(settings).await {
            Ok(Some(new)) => self.make(settings, &new).await.map(Some),
            Ok(None) => Ok(None),
            Err(error) => Err(error),
        };
        BackupLock::release(lock).await;
        made
    }

    /// What is to be made now.
    async fn due(&self, settings: &BackupSettings) -> Result<Option<NewBackup>, BackupError> {
        let now = self.parts.clock.now();
        let backups = self.parts.store.backups();
        if let Some(id) = backups.lookup_waiting().await? {
            let reason = BackupReason::Request;
            return Ok(Some(NewBackup {
                id,
                reason,
                requested_by: None,
                now,
            }));
        }
        let (done, tried) = backups.last_times().await?;
        let due = settings.schedule.is_due(now, done, tried);
        Ok(due.then(|| NewBackup {
            id: self.parts.ids.uuid(now),
            reason: BackupReason::Schedule,
            requested_by: None,
            now,
        }))
    }

    /// Makes it, tries it, makes room; a failure is a result as well.
    async fn make(
        &self,
        settings: &BackupSettings,
        new: &NewBackup,
    ) -> Result<Record, BackupError> {
        let backups = self.parts.store.backups();
        backups.begin(new).await?;
        self.metrics.running(Running::Yes);
        let made = self.write_and_try(settings).await;
        self.metrics.running(Running::No);
        let (outcome, result) = match made {
            Ok(result) => {
                tracing::info!(file = result.file, size = result.size, "made a backup");
                (Outcome::Success, result)
            }
            Err((error, mut result)) => {
                tracing::error!(error = error.chain(), "a backup failed");
                result.detail = Some(error.chain());
                (Outcome::Failure, result)
            }
        };
        let audit = self.audit(new, outcome, &result);
        let record = backups.finish(new.id, &result, &audit).await?;
        if outcome == Outcome::Success
            && let Err(error) = self.make_room(settings).await
        {
            tracing::warn!(error = error.chain(), "old backups could not be removed");
        }
        Ok(record)
    }

    async fn write_and_try(
        &self,
        settings: &BackupSettings,
    ) -> Result<BackupResult, (BackupError, BackupResult)> {
        let parts = &self.parts;
        let mut result = BackupResult::default();
        let made = self.write(settings).await;
        let (created, path) = made.map_err(|error| (error, result.clone()))?;
        result.file = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
        result.size = i64::try_from(created.written.size).ok();
        result.rows = i64::try_from(created.written.rows).ok();
        result.has_key = created.manifest.has_key;
        let tried = async {
            // Read back from the disk in any case.
            let backup = Backup::open(&path, &parts.tasks).await?;
            match settings.trial {
                Trial::Restore => verify(&parts.store, &backup, &parts.tasks).await,
                Trial::Skip => Ok(Verified::Skipped("trials are turned off".to_owned())),
            }
        };
        match tried.await {
            Ok(Verified::Same) => result.verification = Some(Verification::Verified),
            Ok(Verified::Skipped(why)) => {
                result.verification = Some(Verification::Skipped);
                result.detail = Some(why);
            }
            Err(error) => {
                result.verification = Some(Verification::Failed);
                return Err((error, result));
            }
        }
        Ok(result)
    }

    async fn write(&self, settings: &BackupSettings) -> Result<(Created, PathBuf), BackupError> {
        let parts = &self.parts;
        let directory = &settings.directory;
        make_directory(directory).map_err(|source| BackupError::File {
            what: "make",
            path: directory.clone(),
            source,
        })?;
        let instance = parts.store.instance_id().await?;
        let path = directory.join(file_name(instance, parts.clock.now()));
        let created = create(
            CreateParts {
                store: &parts.store,
                tasks: &parts.tasks,
                ids: parts.ids.as_ref(),
                program: parts.program,
                key: settings
                    .passphrase
                    .as_ref()
                    .map(|passphrase| (&parts.keys, passphrase)),
                watcher: &unwatched(),
            },
            Destination::New(path.clone()),
        )
        .await?;
        Ok((created, path))
    }

    fn audit(&self, new: &NewBackup, outcome: Outcome, result: &BackupResult) -> NewAudit {
        let at = self.parts.clock.now();
        NewAudit {
            id: self.parts.ids.uuid(at),
            at,
            action: "backup.create",
            outcome,
            user_id: None,
            resource_type: Some("backup"),
            resource_id: Some(new.id.to_string()),
            details: json!({
                "reason": new.reason.as_str(),
                "file": result.file,
                "size": result.size,
                "rows": result.rows,
                "has_key": result.has_key,
                "verification": result.verification.map(Verification::as_str),
                "detail": result.detail,
            }),
            ip_address: None,
            user_agent: None,
            request_id: None,
        }
    }

    /// Removes what need not be kept.
    async fn make_room(&self, settings: &BackupSettings) -> Result<(), BackupError> {
        let failed = |what, path: &Path| {
            let path = path.to_owned();
            move |source| BackupError::File { what, path, source }
        };
        let directory = &settings.directory;
        let instance: Uuid = self.parts.store.instance_id().await?;
        let files = list(directory).map_err(failed("list", directory))?;
        let good = self.parts.store.backups().list_good_files().await?;
        let now = self.parts.clock.now();
        for name in superfluous(instance, &files, &good, settings.retention, now) {
            let path = directory.join(&name);
            std::fs::remove_file(&path).map_err(failed("remove", &path))?;
            tracing::info!(file = name, "removed an old backup");
        }
        Ok(())
    }
}

/// Backups are for nobody else to read.
fn make_directory(directory: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
}

fn list(directory: &Path) -> io::Result<Vec<String>> {
    let entries = std::fs::read_dir(directory)?;
    entries
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect()
}
