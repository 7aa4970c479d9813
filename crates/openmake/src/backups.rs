//! `openmake backup` and `openmake restore`, and the server's own backups.

use std::{
    fs::File,
    io::{self, IsTerminal as _, Write as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use openmake_backup::{
    BackupError, Progress, Watcher,
    create::{CreateParts, Created, Destination, create},
    restore::{Backup, OnData, RestoreParts, Restored, Secrets},
    service::{BackupService, BackupSettings, ServiceParts},
    unwatched,
};
use openmake_store::{
    Store,
    audit::{NewAudit, Outcome},
    backups::{BackupReason, BackupResult, NewBackup},
    secrets::KeyRing,
    transfer::{SetAside, TransferError},
};
use prometheus_client::registry::Registry;
use secrecy::SecretString;
use serde_json::json;

use crate::{
    cli::{BackupCommand, RestoreCommand},
    config::{self, Config},
    database::{Database, Hint},
    master_key,
    paths::Paths,
    serve::World,
    users,
};

/// Where standard input and output stand for a file.
const DASH: &str = "-";
/// How often progress is shown.
const SHOW_EVERY: Duration = Duration::from_millis(200);

/// The server's own backups, which run until it stops.
pub(crate) fn start_service(
    config: &config::Backup,
    store: &Store,
    keys: &KeyRing,
    world: &World,
    registry: &mut Registry,
) {
    let settings = config.directory.clone().map(|directory| BackupSettings {
        directory,
        schedule: config.schedule,
        retention: config.retention,
        trial: config.trial,
        passphrase: config.passphrase.clone(),
    });
    let parts = ServiceParts {
        store: store.clone(),
        keys: keys.clone(),
        clock: Arc::clone(&world.clock),
        ids: Arc::clone(&world.ids),
        tasks: world.tasks.clone(),
        stop: world.stop.clone(),
        program: env!("CARGO_PKG_VERSION"),
        settings,
    };
    BackupService::new(parts, registry).start();
}

/// Makes a backup of the running server's database, or of one that is started
/// for it, and says what it made.
pub(crate) async fn backup(
    command: &BackupCommand,
    config: &Config,
    paths: &Paths,
    world: &World,
) -> anyhow::Result<String> {
    let database = Database::command(&config.data, paths, &world.tasks).await?;
    let store = database.connect(2).await?;
    let made = make(command, config, paths, world, &store).await;
    store.close().await;
    database.stop().await?;
    world.tasks.close();
    world.tasks.wait().await;
    made
}

async fn make(
    command: &BackupCommand,
    config: &Config,
    paths: &Paths,
    world: &World,
    store: &Store,
) -> anyhow::Result<String> {
    let keys = readable_key(&paths.master_key)?;
    if let Some(keys) = &keys {
        store.verify_master_key(keys).await.with_context(|| {
            format!(
                "{} is not the key that this database was used with",
                paths.master_key.display()
            )
        })?;
    }
    let passphrase = match (&keys, &config.backup.passphrase) {
        (None, Some(_)) => bail!(
            "a passphrase is set, but there is no master key at {}",
            paths.master_key.display()
        ),
        (None, None) => None,
        (Some(_), Some(passphrase)) => Some(passphrase.clone()),
        (Some(_), None) => ask_new_passphrase()?,
    };
    let path = PathBuf::from(&command.file);
    let destination = if command.file == DASH {
        Destination::Stdout
    } else if command.force {
        Destination::Over(path.clone())
    } else {
        Destination::New(path.clone())
    };
    let began = world.clock.now();
    let watcher = watcher("backing up");
    let created = create(
        CreateParts {
            store,
            tasks: &world.tasks,
            ids: world.ids.as_ref(),
            program: env!("CARGO_PKG_VERSION"),
            key: keys.as_ref().zip(passphrase.as_ref()),
            watcher: &watcher,
        },
        destination,
    )
    .await;
    clear_progress();
    let created = created.map_err(with_hint)?;
    let recorded = NewBackup {
        id: world.ids.uuid(began),
        reason: BackupReason::Command,
        requested_by: None,
        now: began,
    };
    // A database that an older program has migrated has no history yet; its
    // backup, which may be made before an upgrade, is good all the same.
    if store.ping().await.is_ok() {
        record(store, world, &recorded, &created, &path).await?;
    }
    Ok(made_text(&created, &command.file))
}

async fn record(
    store: &Store,
    world: &World,
    new: &NewBackup,
    created: &Created,
    path: &Path,
) -> anyhow::Result<()> {
    let file = path.file_name().filter(|name| *name != DASH);
    let result = BackupResult {
        file: file.map(|name| name.to_string_lossy().chars().take(255).collect()),
        size: i64::try_from(created.written.size).ok(),
        rows: i64::try_from(created.written.rows).ok(),
        has_key: created.manifest.has_key,
        ..BackupResult::default()
    };
    let audit = audit(
        world,
        "backup.create",
        json!({
            "reason": new.reason.as_str(),
            "file": result.file,
            "size": result.size,
            "rows": result.rows,
            "has_key": result.has_key,
        }),
    );
    store.backups().begin(new).await?;
    store
        .backups()
        .finish(new.id, &result, &audit)
        .await
        .context("the backup is good, but it could not be recorded")?;
    Ok(())
}

fn made_text(created: &Created, file: &str) -> String {
    let key = if created.manifest.has_key {
        "the master key is in it, sealed with the passphrase"
    } else {
        "the master key is NOT in it: keep a copy of the key file, or set a passphrase"
    };
    format!(
        "backed up {} rows of {} tables into {} ({} KiB) as of {}; {key}",
        created.written.rows,
        created.manifest.tables.len(),
        if file == DASH {
            "standard output"
        } else {
            file
        },
        created.written.size.div_ceil(1024),
        created.manifest.taken_at.format("%Y-%m-%d %H:%M:%S UTC"),
    )
}

/// Restores a backup where no server runs, and says what to do next.
pub(crate) async fn restore(
    command: &RestoreCommand,
    config: &Config,
    paths: &Paths,
    world: &World,
) -> anyhow::Result<String> {
    let Some(file) = command.file.as_deref() else {
        return discard_set_aside(config, paths, world).await;
    };
    // The whole file first: nothing is touched for one that is damaged.
    let backup = if file == DASH {
        let spooled = spool(world).await?;
        Backup::of(spooled, &world.tasks).await
    } else {
        Backup::open(Path::new(file), &world.tasks).await
    };
    let backup = backup.map_err(with_hint)?;
    let plan = KeyPlan::make(command, config, paths, world, &backup).await?;
    let database = Database::serve(&config.data, paths, &world.tasks).await?;
    let store = database.connect(3).await?;
    let restored = put_back(
        command,
        &plan,
        paths,
        world,
        &Restoring {
            backup: &backup,
            store: &store,
        },
    )
    .await;
    store.close().await;
    database.stop().await?;
    world.tasks.close();
    world.tasks.wait().await;
    Ok(restored_text(&backup, &restored?, &plan))
}

struct Restoring<'a> {
    backup: &'a Backup,
    store: &'a Store,
}

async fn put_back(
    command: &RestoreCommand,
    plan: &KeyPlan,
    paths: &Paths,
    world: &World,
    what: &Restoring<'_>,
) -> anyhow::Result<Restored> {
    let manifest = what.backup.manifest();
    let prepared = match plan {
        KeyPlan::Adopt(keys) => Some(master_key::Prepared::write(&paths.master_key, keys)?),
        KeyPlan::Fits | KeyPlan::Forget => None,
    };
    let details = json!({
        "taken_at": manifest.taken_at,
        "program": manifest.program,
        "schema": manifest.schema(),
        "rows": manifest.rows(),
        "master_key": plan.word(),
        "by": "command line",
    });
    let watcher = watcher("restoring");
    let restored = what
        .backup
        .restore(RestoreParts {
            store: what.store,
            tasks: &world.tasks,
            on_data: if command.replace {
                OnData::SetAside
            } else {
                OnData::Refuse
            },
            secrets: match plan {
                KeyPlan::Fits | KeyPlan::Adopt(_) => Secrets::Keep,
                KeyPlan::Forget => Secrets::Forget,
            },
            audit: &audit(world, "backup.restore", details),
            now: world.clock.now(),
            watcher: &watcher,
        })
        .await;
    clear_progress();
    match (restored, prepared) {
        (Ok(restored), Some(prepared)) => {
            prepared.install(world.clock.now())?;
            Ok(restored)
        }
        (Ok(restored), None) => Ok(restored),
        (Err(error), prepared) => {
            if let Some(prepared) = prepared {
                prepared.discard();
            }
            Err(with_hint(error))
        }
    }
}

/// Where the master key of what is restored comes from.
#[derive(Debug)]
enum KeyPlan {
    /// The one that is here is the one, or none is needed.
    Fits,
    /// The one in the backup becomes this data directory's.
    Adopt(KeyRing),
    /// It is lost, and with it what it seals.
    Forget,
}

impl KeyPlan {
    async fn make(
        command: &RestoreCommand,
        config: &Config,
        paths: &Paths,
        world: &World,
        backup: &Backup,
    ) -> anyhow::Result<Self> {
        let manifest = backup.manifest();
        let Some(wanted) = &manifest.master_key_id else {
            return Ok(Self::Fits);
        };
        let here = readable_key(&paths.master_key)?;
        if here.is_some_and(|keys| keys.key_id() == *wanted) {
            return Ok(Self::Fits);
        }
        if command.without_secrets || !manifest.has_key {
            return Ok(Self::Forget);
        }
        let passphrase = match &config.backup.passphrase {
            Some(passphrase) => Some(passphrase.clone()),
            None => ask_passphrase()?,
        };
        let Some(passphrase) = passphrase else {
            let error =
                anyhow::anyhow!("the master key in this backup is sealed with a passphrase");
            return Err(error.context(Hint(
                "set OPENMAKE_BACKUP_PASSPHRASE or OPENMAKE_BACKUP_PASSPHRASE_FILE; \
                 --without-secrets restores everything else"
                    .to_owned(),
            )));
        };
        let opened = backup.open_key(&passphrase, &world.tasks).await;
        match opened.map_err(with_hint)? {
            Some(keys) if keys.key_id() == *wanted => Ok(Self::Adopt(keys)),
            _ => bail!("the master key in this backup is not the one that it was used with"),
        }
    }

    const fn word(&self) -> &'static str {
        match self {
            Self::Fits => "same",
            Self::Adopt(_) => "from the backup",
            Self::Forget => "lost",
        }
    }
}

fn restored_text(backup: &Backup, restored: &Restored, plan: &KeyPlan) -> String {
    use std::fmt::Write as _;
    let manifest = backup.manifest();
    let mut text = format!(
        "restored {} rows of {} tables as of {}; start it with `openmake serve`",
        manifest.rows(),
        manifest.tables.len(),
        manifest.taken_at.format("%Y-%m-%d %H:%M:%S UTC"),
    );
    if let Some(schema) = &restored.set_aside {
        let _ = write!(
            text,
            "\nwhat was there is kept in the database's schema {schema}; \
             `openmake restore --discard-replaced` removes it"
        );
    }
    if matches!(plan, KeyPlan::Forget) {
        text.push_str("\nthe master key is not at hand: everybody must sign in again");
        if !restored.lost.is_empty() {
            text.push_str(", and these must be entered again:");
        }
        for lost in &restored.lost {
            let _ = write!(text, "\n  - {lost}");
        }
    }
    text
}

async fn discard_set_aside(
    config: &Config,
    paths: &Paths,
    world: &World,
) -> anyhow::Result<String> {
    let database = Database::command(&config.data, paths, &world.tasks).await?;
    let store = database.connect(2).await?;
    let discarded = store.discard_set_aside().await;
    store.close().await;
    database.stop().await?;
    world.tasks.close();
    world.tasks.wait().await;
    let discarded: Vec<SetAside> = discarded?;
    if discarded.is_empty() {
        return Ok("no restore has left anything to remove".to_owned());
    }
    let bytes: i64 = discarded.iter().map(|aside| aside.size_bytes).sum();
    let schemas: Vec<String> = discarded.into_iter().map(|aside| aside.schema).collect();
    Ok(format!(
        "removed {} ({} MiB)",
        schemas.join(", "),
        bytes >> 20
    ))
}

/// Standard input can be read once only, and a backup is read twice.
async fn spool(world: &World) -> anyhow::Result<File> {
    let copying = world.tasks.spawn_blocking(|| {
        let mut file = tempfile::tempfile()?;
        io::copy(&mut io::stdin().lock(), &mut file)?;
        Ok::<_, io::Error>(file)
    });
    copying
        .await
        .context("standard input was not read to its end")?
        .context("standard input cannot be kept in a temporary file")
}

fn readable_key(path: &Path) -> anyhow::Result<Option<KeyRing>> {
    match std::fs::read_to_string(path) {
        Ok(text) => KeyRing::from_hex(&text)
            .map(Some)
            .with_context(|| format!("{} does not hold a master key", path.display())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => {
            Err(error).with_context(|| format!("cannot read the master key {}", path.display()))
        }
    }
}

fn ask_new_passphrase() -> anyhow::Result<Option<SecretString>> {
    let asked = users::ask_silently("Passphrase for the master key (empty leaves the key out): ")?;
    let Some(first) = asked.filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let again = users::ask_silently("Once more: ")?;
    if again.as_deref() != Some(first.as_str()) {
        bail!("the two passphrases differ");
    }
    Ok(Some(first.into()))
}

fn ask_passphrase() -> anyhow::Result<Option<SecretString>> {
    let asked = users::ask_silently("Passphrase of the backup's master key: ")?;
    Ok(asked.filter(|text| !text.is_empty()).map(Into::into))
}

fn audit(world: &World, action: &'static str, details: serde_json::Value) -> NewAudit {
    let at = world.clock.now();
    NewAudit {
        id: world.ids.uuid(at),
        at,
        action,
        outcome: Outcome::Success,
        user_id: None,
        resource_type: Some("backup"),
        resource_id: None,
        details,
        ip_address: None,
        user_agent: None,
        request_id: None,
    }
}

/// Shows how far it is, on one line that is written over, where a person looks.
fn watcher(what: &'static str) -> Watcher {
    if !io::stderr().is_terminal() {
        return unwatched();
    }
    let shown: Mutex<Option<Instant>> = Mutex::new(None);
    Arc::new(move |progress: Progress<'_>| {
        let mut shown = shown.lock().unwrap_or_else(PoisonError::into_inner);
        if shown.is_some_and(|at| at.elapsed() < SHOW_EVERY) {
            return;
        }
        *shown = Some(Instant::now());
        let line = format!(
            "\r\x1b[K{what}: table {} of {}, {} ({} MiB)",
            progress.tables_done + 1,
            progress.tables,
            progress.table,
            progress.bytes >> 20
        );
        // A terminal that is gone is nobody to tell.
        let _ = io::stderr().write_all(line.as_bytes());
    })
}

fn clear_progress() {
    if io::stderr().is_terminal() {
        let _ = io::stderr().write_all(b"\r\x1b[K");
    }
}

/// With what a person can do about it.
fn with_hint(error: BackupError) -> anyhow::Error {
    let hint = match &error {
        BackupError::Exists(_) => "choose another name, or write over it with --force",
        BackupError::Damaged(_) | BackupError::NotABackup => {
            "nothing was changed; fetch the file again, or take an older backup"
        }
        BackupError::FormatNewer(_)
        | BackupError::Transfer(
            TransferError::SchemaNewer { .. } | TransferError::SchemaDiffers(_),
        ) => "nothing was changed; use the version of OpenMake that made it, or a later one",
        BackupError::WrongPassphrase => {
            "nothing was changed; --without-secrets restores everything but what the key seals"
        }
        BackupError::NotEmpty { .. } => {
            "restore into an empty database or another --data-dir, or replace what is there with \
             --replace, which keeps it aside"
        }
        BackupError::ForeignDatabase => "give OpenMake a database of its own",
        BackupError::Transfer(TransferError::InUse) => {
            "nothing was changed; stop every `openmake serve` on this database first"
        }
        BackupError::Transfer(TransferError::NotAllowed { .. }) => {
            "nothing was changed; make the role the owner of the database, or grant it CREATE on it"
        }
        _ => return error.into(),
    };
    let hint = Hint(hint.to_owned());
    anyhow::Error::new(error).context(hint)
}
