//! `openmake import`: data from elsewhere, beside a running server or without
//! one.

use std::{
    fmt::Write as _,
    io::{self, IsTerminal as _, Write as _},
    path::Path,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use openmake_import::{
    legacy::{self, Legacy, Means, Origin, Orphans, Progress},
    report::Report,
};
use openmake_store::{
    Store,
    audit::{NewAudit, Outcome},
    import::Mode,
};
use secrecy::SecretString;
use serde_json::json;

use crate::{
    cli::{ImportCommand, LegacyCommand, OrphanRule},
    config::Config,
    database::{Database, Hint},
    master_key,
    paths::Paths,
    serve::{World, make_private_dir},
};

/// How often progress is shown.
const SHOW_EVERY: Duration = Duration::from_millis(200);
/// Columns of the bar.
const BAR: u64 = 30;

/// Imports what was asked for. Gives the summary, and whether every row is
/// accounted for.
pub(crate) async fn run(
    command: &ImportCommand,
    config: &Config,
    paths: &Paths,
    world: &World,
) -> anyhow::Result<(String, bool)> {
    let ImportCommand::Legacy(command) = command;
    // What is wrong with the arguments is said before a database is started.
    let legacy = settings(command)?;
    let database = Database::command(&config.data, paths, &world.tasks).await?;
    let store = database.connect(4).await?;
    let done = import(command, &legacy, paths, world, &store).await;
    store.close().await;
    database.stop().await?;
    world.tasks.close();
    world.tasks.wait().await;
    done
}

fn settings(command: &LegacyCommand) -> anyhow::Result<Legacy> {
    let origin = match (&command.sqlite, &command.postgres) {
        (Some(path), _) => Origin::Sqlite(path.clone()),
        (None, Some(url)) => Origin::Postgres(SecretString::from(url.as_str())),
        (None, None) => anyhow::bail!("--sqlite or --postgres is missing"),
    };
    let old_key = match (&command.old_key, &command.old_key_file) {
        (Some(key), _) => Some(SecretString::from(key.as_str())),
        (None, Some(path)) => Some(key_file(path)?),
        (None, None) => None,
    };
    if let Some(directory) = &command.legacy_dir
        && !directory.is_dir()
    {
        anyhow::bail!("{} is not a directory", directory.display());
    }
    Ok(Legacy {
        origin,
        directory: command.legacy_dir.clone(),
        name: command.source.clone(),
        old_key,
        orphans: match command.orphans {
            OrphanRule::Hold => Orphans::Hold,
            OrphanRule::Skip => Orphans::Skip,
        },
        mode: if command.dry_run {
            Mode::Rehearsal
        } else {
            Mode::Real
        },
    })
}

fn key_file(path: &Path) -> anyhow::Result<SecretString> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read the old key {}", path.display()))?;
    Ok(SecretString::from(text.trim_end_matches(['\r', '\n'])))
}

async fn import(
    command: &LegacyCommand,
    legacy: &Legacy,
    paths: &Paths,
    world: &World,
    store: &Store,
) -> anyhow::Result<(String, bool)> {
    store
        .migrate()
        .await
        .context("the database could not be migrated")?;
    // An import may be the first thing that an operator runs.
    make_private_dir(&paths.data)?;
    let bound = store.master_key_id().await?;
    let keys = master_key::read_shared(&paths.master_key, bound.as_deref(), world.ids.as_ref())?;
    store.check_master_key(&keys).await.with_context(|| {
        format!(
            "{} is not the key that this database was used with",
            paths.master_key.display()
        )
    })?;
    let mut report = match &command.report {
        Some(path) => Report::to_file(path)
            .with_context(|| format!("cannot write the report {}", path.display()))?,
        None => Report::new(),
    };
    let means = Means {
        store,
        keys: &keys,
        clock: world.clock.as_ref(),
        ids: world.ids.as_ref(),
        tasks: &world.tasks,
    };
    let mut bar = Bar::new();
    let began = Instant::now();
    let imported = legacy::import(legacy, means, &mut report, &mut bar).await;
    bar.clear();
    imported.map_err(|error| {
        anyhow::Error::new(error).context(Hint(
            "run the same command again: what was written stays, and it goes on from there"
                .to_owned(),
        ))
    })?;
    report.finish().context("cannot write the report")?;
    if legacy.mode == Mode::Real {
        // The trail takes the old entries in, and then tells where they are from.
        store.audit().chain_waiting().await?;
        store.audit().record(&entry(legacy, &report, world)).await?;
    }
    let mut text = report.summary();
    if let Some(path) = &command.report {
        text.push_str("\nreport: ");
        text.push_str(&path.display().to_string());
    }
    if legacy.mode == Mode::Rehearsal {
        text.push_str("\nThis was a rehearsal: nothing was written.");
    }
    // A string takes whatever is written.
    let _ = write!(text, "\ntook {:.1} s", began.elapsed().as_secs_f64());
    Ok((text, report.is_accounted()))
}

/// What the trail says of the import.
fn entry(legacy: &Legacy, report: &Report, world: &World) -> NewAudit {
    let at = world.clock.now();
    let rows = |count: fn(&openmake_import::report::TableReport) -> u64| -> u64 {
        report.tables().map(|(_, table)| count(table)).sum()
    };
    NewAudit {
        id: world.ids.uuid(at),
        at,
        action: "import.legacy",
        outcome: if report.is_accounted() {
            Outcome::Success
        } else {
            Outcome::Failure
        },
        user_id: None,
        resource_type: Some("import"),
        resource_id: Some(legacy.name.clone()),
        details: json!({
            "by": "command line",
            "read": rows(|table| table.read),
            "written": rows(|table| table.written),
            "merged": rows(|table| table.merged),
            "skipped": rows(|table| table.skipped),
        }),
        ip_address: None,
        user_agent: None,
        request_id: None,
    }
}

/// A line on a terminal that says how far it is.
struct Bar {
    is_shown: bool,
    table: String,
    rows: u64,
    done: u64,
    last: Instant,
}

impl Bar {
    fn new() -> Self {
        Self {
            is_shown: io::stderr().is_terminal(),
            table: String::new(),
            rows: 0,
            done: 0,
            last: Instant::now(),
        }
    }

    fn show(&mut self) {
        if !self.is_shown {
            return;
        }
        self.last = Instant::now();
        let (done, rows) = (self.done.min(self.rows), self.rows.max(1));
        let filled = usize::try_from(done * BAR / rows).unwrap_or_default();
        let bar: String = (0..usize::try_from(BAR).unwrap_or_default())
            .map(|place| if place < filled { '█' } else { '░' })
            .collect();
        let line = if self.rows == 0 {
            format!("\r\x1b[2K{}", self.table)
        } else {
            format!("\r\x1b[2K{:<24} {bar} {done}/{rows}", self.table)
        };
        // A terminal that is gone is no reason to stop.
        let mut out = io::stderr().lock();
        let _ = out.write_all(line.as_bytes()).and_then(|()| out.flush());
    }

    fn clear(&self) {
        if self.is_shown {
            let _ = io::stderr().lock().write_all(b"\r\x1b[2K");
        }
    }
}

impl Progress for Bar {
    fn table(&mut self, name: &str, rows: u64) {
        name.clone_into(&mut self.table);
        self.rows = rows;
        self.done = 0;
        self.show();
    }

    fn rows(&mut self, more: usize) {
        self.done += more as u64;
        if self.last.elapsed() >= SHOW_EVERY {
            self.show();
        }
    }
}
