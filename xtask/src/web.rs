//! The web app's dependencies and its export, made when they are not there as
//! they should be.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use sha2::{Digest, Sha256};

use crate::{cache, process};

/// What the export depends on, beside `web/`: its types come from here.
const OUTSIDE: &str = "openapi.json";

fn web(path: &str) -> PathBuf {
    cache::workspace().join("web").join(path)
}

/// Installs what the lock file names, and changes nothing in it.
///
/// Not with `npm ci`: npm leaves packages for other systems out of a lock file
/// when a mirror of the registry does not describe them, and `npm ci` refuses
/// such a file, although what is missing is pinned by what needs it.
pub(crate) fn ensure_dependencies() -> anyhow::Result<()> {
    let wanted = fingerprint(&[web("package.json"), web("package-lock.json")])?;
    // Inside, so that it goes when somebody removes the directory.
    let mark = web("node_modules/.openmake-lock");
    if fs::read_to_string(&mark).is_ok_and(|found| found == wanted) {
        return Ok(());
    }
    process::output(&mut process::npm(&[
        "ls",
        "--package-lock-only",
        "--depth=0",
    ])?)
    .context(
        "web/package-lock.json is not what web/package.json asks for: run `npm install` in web/",
    )?;
    process::run(&mut process::npm(&[
        "install",
        "--no-save",
        "--prefer-offline",
        "--no-audit",
        "--no-fund",
    ])?)
    .context("the web app is built with Node 20 and npm")?;
    fs::write(&mark, wanted).with_context(|| format!("cannot write {}", mark.display()))
}

/// Builds the export, unless nothing has changed since it was built.
pub(crate) fn ensure_built() -> anyhow::Result<()> {
    ensure_dependencies()?;
    let list = process::output(
        process::command("git")
            .args([
                "ls-files",
                "-z",
                "--cached",
                "--others",
                "--exclude-standard",
                "--deduplicate",
            ])
            .args(["web", OUTSIDE]),
    )?;
    let files: Vec<PathBuf> = list
        .split_terminator('\0')
        .map(|path| cache::workspace().join(path))
        .filter(|path| path.is_file())
        .collect();
    let wanted = fingerprint(&files)?;
    // Beside the export: what lies in it becomes part of the program.
    let mark = web(".next/openmake-export");
    if web("out/index.html").is_file()
        && fs::read_to_string(&mark).is_ok_and(|found| found == wanted)
    {
        eprintln!("the web app is built already");
        return Ok(());
    }
    process::run(&mut process::npm(&["run", "build"])?)?;
    fs::create_dir_all(web(".next"))?;
    fs::write(&mark, wanted).with_context(|| format!("cannot write {}", mark.display()))
}

/// A hash over names and contents.
fn fingerprint(files: &[PathBuf]) -> anyhow::Result<String> {
    let mut hash = Sha256::new();
    for file in files {
        let content = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        for part in [name(file).as_bytes(), &content] {
            hash.update(part.len().to_le_bytes());
            hash.update(part);
        }
    }
    Ok(hex::encode(hash.finalize()))
}

fn name(file: &Path) -> String {
    file.strip_prefix(cache::workspace())
        .unwrap_or(file)
        .to_string_lossy()
        .into_owned()
}
