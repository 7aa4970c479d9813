//! What sqlx knows of our queries: asked from a scratch database, kept in
//! `.sqlx`, so that a build needs none. It does what `cargo sqlx prepare`
//! does, which is one more tool that nobody needs to install.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, bail};
use openmake_postgres::Listen;

use crate::scratch::Scratch;
use crate::{cache, process, wheels};

/// The crate that has all SQL.
const STORE: &str = "openmake-store";

/// The files by their names.
type Metadata = BTreeMap<OsString, Vec<u8>>;

/// Brings `.sqlx` up to date.
pub(crate) async fn write() -> anyhow::Result<()> {
    let fresh = describe().await?;
    let directory = committed_dir();
    let old = read(&directory)?;
    fs::create_dir_all(&directory)?;
    for name in old.keys().filter(|name| !fresh.contains_key(*name)) {
        fs::remove_file(directory.join(name))?;
    }
    for (name, content) in fresh
        .iter()
        .filter(|(name, content)| old.get(*name) != Some(content))
    {
        fs::write(directory.join(name), content)?;
    }
    println!("{} queries are described in .sqlx", fresh.len());
    Ok(())
}

/// Fails when `.sqlx` is not what the queries and the migrations say.
pub(crate) async fn check() -> anyhow::Result<()> {
    let fresh = describe().await?;
    let old = read(&committed_dir())?;
    if fresh == old {
        println!(
            "{} queries are described in .sqlx, all as they are",
            fresh.len()
        );
        return Ok(());
    }
    let missing = fresh.keys().filter(|name| !old.contains_key(*name)).count();
    let unused = old.keys().filter(|name| !fresh.contains_key(*name)).count();
    let changed = fresh
        .iter()
        .filter(|(name, content)| old.get(*name).is_some_and(|old| old != *content))
        .count();
    bail!(
        "{missing} queries are missing in .sqlx, {changed} differ, {unused} are unused: run `cargo xtask sqlx`"
    );
}

fn committed_dir() -> PathBuf {
    cache::workspace().join(".sqlx")
}

/// Compiles the store against a database with the current schema and gives
/// what the compiler wrote down.
async fn describe() -> anyhow::Result<Metadata> {
    let scratch = Scratch::start(wheels::CURRENT, Listen::UnixSocket).await?;
    let outcome = compile(&scratch);
    scratch.stop().await?;
    outcome
}

fn compile(scratch: &Scratch) -> anyhow::Result<Metadata> {
    scratch.migrate()?;
    let described = tempfile::tempdir()?;
    // Cargo knows nothing of the database: a newer source is what makes it
    // compile again.
    let source = cache::workspace()
        .join("crates")
        .join(STORE)
        .join("src/lib.rs");
    File::options()
        .append(true)
        .open(&source)
        .and_then(|file| file.set_modified(newest()))
        .with_context(|| format!("cannot touch {}", source.display()))?;
    process::run(
        process::cargo()
            .args([
                "check",
                "--quiet",
                "--package",
                STORE,
                "--all-targets",
                "--config",
                r#"env.SQLX_OFFLINE.value="false""#,
                "--config",
                "env.SQLX_OFFLINE.force=true",
            ])
            .env("DATABASE_URL", scratch.url())
            .env("SQLX_OFFLINE_DIR", described.path()),
    )?;
    read(described.path())
}

#[expect(
    clippy::disallowed_methods,
    reason = "a file is to be newer than what was built of it"
)]
fn newest() -> SystemTime {
    SystemTime::now()
}

fn read(directory: &Path) -> anyhow::Result<Metadata> {
    let mut found = Metadata::new();
    if !directory.exists() {
        return Ok(found);
    }
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        if name.to_string_lossy().starts_with("query-") {
            found.insert(name, fs::read(entry.path())?);
        }
    }
    Ok(found)
}
