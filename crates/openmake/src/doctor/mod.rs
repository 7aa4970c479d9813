//! `openmake doctor`: what is wrong, and how to mend it.

mod roles;

use std::{collections::BTreeMap, path::Path, time::Duration};

use anyhow::Context as _;
use chrono::TimeDelta;
use openmake_models::{NodeConfig, NodePool, PoolParts, PoolSettings};
use openmake_store::{
    Store,
    backups::{Backup, BackupStatus},
    secrets::KeyRing,
};
use serde::Serialize;

use crate::{config::Config, database::Database, model_nodes, paths::Paths, serve::World};

/// Free bytes below which a database is at risk.
const LOW_DISK: u64 = 1 << 30;
/// How far the two clocks may be apart.
const CLOCK_SKEW: TimeDelta = TimeDelta::seconds(2);
/// The oldest PostgreSQL that is supported.
const MIN_POSTGRES: u32 = 16;
/// How long one model server may take.
const NODE_TIMEOUT: Duration = Duration::from_secs(10);

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Ok,
    Warning,
    Failure,
}

/// One check.
#[derive(Debug, Serialize)]
struct Finding {
    check: &'static str,
    verdict: Verdict,
    found: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    mend: Option<String>,
}

/// All checks.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Report {
    findings: Vec<Finding>,
}

impl Report {
    fn ok(&mut self, check: &'static str, found: impl Into<String>) {
        self.findings.push(Finding {
            check,
            verdict: Verdict::Ok,
            found: found.into(),
            mend: None,
        });
    }

    fn add(
        &mut self,
        check: &'static str,
        verdict: Verdict,
        found: impl Into<String>,
        mend: impl Into<String>,
    ) {
        let mend = Some(mend.into());
        self.findings.push(Finding {
            check,
            verdict,
            found: found.into(),
            mend,
        });
    }

    /// Whether nothing must be mended.
    pub(crate) fn is_good(&self) -> bool {
        self.findings
            .iter()
            .all(|finding| finding.verdict != Verdict::Failure)
    }

    /// For a person.
    pub(crate) fn text(&self) -> String {
        use std::fmt::Write as _;
        let mut out = String::new();
        for finding in &self.findings {
            let mark = match finding.verdict {
                Verdict::Ok => "ok  ",
                Verdict::Warning => "warn",
                Verdict::Failure => "FAIL",
            };
            let _ = writeln!(out, "{mark}  {:<14} {}", finding.check, finding.found);
            if let Some(mend) = &finding.mend {
                let _ = writeln!(out, "      {:<14} -> {mend}", "");
            }
        }
        out
    }
}

/// Runs every check; one that cannot be made is a failure of its own.
pub(crate) async fn run(
    config: &Config,
    environment: &BTreeMap<String, String>,
    world: &World,
) -> anyhow::Result<Report> {
    let mut report = Report::default();
    report.ok("program", format!("openmake {}", env!("CARGO_PKG_VERSION")));
    let paths = Paths::new(&config.data, environment)?;
    check_disk(&paths, &mut report);
    // Without the database or the key there are still those of the settings.
    let mut nodes = model_nodes::configured(&config.models);
    match Database::command(&config.data, &paths, &world.tasks).await {
        Ok(database) => {
            match database.connect(2).await {
                Ok(store) => {
                    check_database(&store, world, &mut report).await;
                    check_backups(config, &store, world, &mut report).await;
                    if let Some(keys) = check_key(&store, &paths, &mut report).await {
                        nodes = model_nodes::all(config, &store, &keys).await;
                    }
                    store.close().await;
                }
                Err(error) => report.add(
                    "database",
                    Verdict::Failure,
                    format!("{error:#}"),
                    "check DATABASE_URL, and that the server runs and takes connections",
                ),
            }
            database.stop().await.context("the database did not stop")?;
        }
        Err(error) => report.add(
            "database",
            Verdict::Failure,
            error.root_cause().to_string(),
            error.to_string(),
        ),
    }
    check_nodes(config, nodes, world, &mut report).await;
    roles::check(config, world, &mut report).await;
    world.stop.cancel();
    world.tasks.close();
    world.tasks.wait().await;
    Ok(report)
}

fn check_disk(paths: &Paths, report: &mut Report) {
    let place = paths
        .data
        .ancestors()
        .find(|dir| dir.exists())
        .unwrap_or(Path::new("/"));
    match nix::sys::statvfs::statvfs(place) {
        Ok(stat) => {
            #[cfg_attr(
                target_os = "linux",
                expect(clippy::useless_conversion, reason = "macOS counts in 32 bits")
            )]
            let blocks = u64::from(stat.blocks_available());
            let free = blocks.saturating_mul(stat.fragment_size());
            let text = format!("{} MiB free at {}", free >> 20, paths.data.display());
            if free < LOW_DISK {
                report.add(
                    "disk",
                    Verdict::Warning,
                    text,
                    "free some space, or move --data-dir",
                );
            } else {
                report.ok("disk", text);
            }
        }
        Err(error) => report.add(
            "disk",
            Verdict::Warning,
            format!("{} cannot be looked at: {error}", place.display()),
            "check that the directory can be read",
        ),
    }
}

async fn check_database(store: &Store, world: &World, report: &mut Report) {
    let before = world.clock.now();
    let info = match store.info().await {
        Ok(info) => info,
        Err(error) => {
            report.add(
                "database",
                Verdict::Failure,
                error.to_string(),
                "see the database's log",
            );
            return;
        }
    };
    let major = info
        .server_version
        .split('.')
        .next()
        .and_then(|major| major.parse::<u32>().ok());
    let text = format!(
        "PostgreSQL {}, {} MiB",
        info.server_version,
        info.size_bytes >> 20
    );
    if major.is_some_and(|major| major >= MIN_POSTGRES) {
        report.ok("database", text);
    } else {
        report.add(
            "database",
            Verdict::Failure,
            text,
            format!("use PostgreSQL {MIN_POSTGRES} or later"),
        );
    }
    match info.schema_version {
        Some(version) => report.ok("schema", format!("version {version}")),
        None => report.add(
            "schema",
            Verdict::Warning,
            "not migrated yet",
            "start `openmake serve` once: it migrates",
        ),
    }
    match info.vector_version {
        Some(version) => report.ok("pgvector", version),
        None => report.add(
            "pgvector",
            Verdict::Warning,
            "not installed",
            "install pgvector 0.8 or later; documents and memory will need it",
        ),
    }
    let skew = (info.now - before).abs();
    if skew > CLOCK_SKEW {
        report.add(
            "clock",
            Verdict::Warning,
            format!("the database's clock is {} s off", skew.num_seconds()),
            "synchronise both machines by NTP",
        );
    } else {
        report.ok("clock", "agrees with the database's");
    }
}

/// The master key, where it is there and the database's own.
async fn check_key(store: &Store, paths: &Paths, report: &mut Report) -> Option<KeyRing> {
    let shown = paths.master_key.display();
    let text = match std::fs::read_to_string(&paths.master_key) {
        Ok(text) => text,
        Err(error) => {
            report.add(
                "master key",
                Verdict::Warning,
                format!("{shown}: {error}"),
                "`openmake serve` makes one for a new database; for an old one, put its key back",
            );
            return None;
        }
    };
    let checked = match KeyRing::from_hex(&text) {
        Ok(keys) => store
            .verify_master_key(&keys)
            .await
            .map(|()| keys)
            .map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    match checked {
        Ok(keys) => {
            report.ok("master key", format!("{shown} fits this database"));
            Some(keys)
        }
        Err(error) => {
            report.add(
                "master key",
                Verdict::Failure,
                format!("{shown}: {error}"),
                "put back the key file that this database was used with",
            );
            None
        }
    }
}

/// The last backup, and whether there are any.
async fn check_backups(config: &Config, store: &Store, world: &World, report: &mut Report) {
    // Not migrated yet, which the check of the schema has said.
    if store.ping().await.is_err() {
        return;
    }
    let (last, aside) = match (store.backups().lookup_last().await, store.set_aside().await) {
        (Ok(last), Ok(aside)) => (last, aside),
        (Err(error), _) => {
            let mend = "see the database's log";
            return report.add("backup", Verdict::Failure, error.to_string(), mend);
        }
        (_, Err(error)) => {
            let mend = "see the database's log";
            return report.add("backup", Verdict::Failure, error.to_string(), mend);
        }
    };
    let period = config.backup.schedule.period();
    let scheduled = config.backup.directory.is_some();
    match last {
        None => report.add(
            "backup",
            Verdict::Warning,
            "none was made yet",
            "set OPENMAKE_BACKUP_DIR, or run `openmake backup FILE`",
        ),
        Some(last) if last.status == BackupStatus::Failed => report.add(
            "backup",
            Verdict::Failure,
            last_text(&last),
            "mend what it says; the server tries again within the hour",
        ),
        Some(last) => {
            let age = world.clock.now() - last.finished_at.unwrap_or(last.created_at);
            if scheduled && age > period + period {
                let mend = "see the server's log; is it running?";
                report.add("backup", Verdict::Warning, last_text(&last), mend);
            } else if scheduled {
                let when = config.backup.schedule;
                report.ok("backup", format!("{}; {when}", last_text(&last)));
            } else {
                let mend = "set OPENMAKE_BACKUP_DIR, so that the server makes them by itself";
                report.add("backup", Verdict::Warning, last_text(&last), mend);
            }
        }
    }
    let bytes: i64 = aside.iter().map(|aside| aside.size_bytes).sum();
    if !aside.is_empty() {
        report.add(
            "restore",
            Verdict::Warning,
            format!(
                "what a restore has replaced or left is still kept, {} MiB",
                bytes >> 20
            ),
            "when it is not needed any more: `openmake restore --discard-replaced`",
        );
    }
}

fn last_text(last: &Backup) -> String {
    let ended = last.finished_at.unwrap_or(last.created_at);
    let size = last.size.map(|size| format!(", {} KiB", size >> 10));
    let verification = last.verification.map(|v| format!(", {}", v.as_str()));
    let detail = last.detail.as_ref().map(|detail| format!(" ({detail})"));
    let mut text = format!(
        "the last one, {}, {}: {}",
        ended.format("%Y-%m-%d %H:%M UTC"),
        last.status.as_str(),
        last.file.as_deref().unwrap_or("no file"),
    );
    for more in [size, verification, detail].into_iter().flatten() {
        text.push_str(&more);
    }
    text
}

async fn check_nodes(
    config: &Config,
    nodes: anyhow::Result<Vec<NodeConfig>>,
    world: &World,
    report: &mut Report,
) {
    let found = nodes.and_then(|nodes| Ok((nodes, pool(config, world)?)));
    let (nodes, pool) = match found {
        Ok(found) => found,
        Err(error) => {
            report.add(
                "models",
                Verdict::Failure,
                format!("{error:#}"),
                "give the model server its keys again",
            );
            return;
        }
    };
    if nodes.is_empty() {
        report.add(
            "models",
            Verdict::Warning,
            "no model server is connected",
            "set OLLAMA_BASE_URL or OPENAI_BASE_URL, or add one on the settings page",
        );
    }
    for node in nodes {
        let name = node.name.clone();
        match tokio::time::timeout(NODE_TIMEOUT, pool.probe(&node)).await {
            Ok(Ok(probe)) => report.ok("models", format!("{name}: {} models", probe.models.len())),
            Ok(Err(error)) => report.add(
                "models",
                Verdict::Failure,
                format!("{name}: {error}"),
                "start the server, or mend its address or key",
            ),
            Err(_) => report.add(
                "models",
                Verdict::Failure,
                format!("{name}: no answer in {} s", NODE_TIMEOUT.as_secs()),
                "start the server, or mend its address",
            ),
        }
    }
}

fn pool(config: &Config, world: &World) -> anyhow::Result<NodePool> {
    let parts = PoolParts {
        provider: model_nodes::provider_parts(&config.models, world)?,
        settings: PoolSettings::default(),
        tracker: world.tasks.clone(),
        stop: world.stop.clone(),
    };
    Ok(NodePool::start(parts, Vec::new()))
}
