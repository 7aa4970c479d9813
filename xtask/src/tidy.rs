//! The repository's own rules, which no linter knows.

mod dependencies;
mod deploy;
mod text;

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, bail};

use crate::{cache, process};

/// A file of the repository.
struct Source {
    /// From the checkout's root, with `/`.
    path: String,
    /// Its text; empty for a file that is not text.
    text: String,
}

/// Checks every rule and names everything that breaks one.
pub(crate) fn run() -> anyhow::Result<()> {
    let sources = sources()?;
    let mut problems = text::check(&sources);
    problems.extend(dependencies::check(&sources)?);
    problems.extend(deploy::check(&sources)?);
    if problems.is_empty() {
        println!("tidy: {} files follow the rules", sources.len());
        return Ok(());
    }
    problems.sort();
    for problem in &problems {
        println!("{problem}");
    }
    bail!("{} places break the repository's rules", problems.len());
}

/// What is in the repository, or will be with the next commit.
fn sources() -> anyhow::Result<Vec<Source>> {
    let list = process::output(process::command("git").args([
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
        "--deduplicate",
    ]))?;
    let mut sources = Vec::new();
    for path in list.split_terminator('\0') {
        let file: PathBuf = cache::workspace().join(path);
        // Deleted and not committed yet, or a link to a directory.
        if !file.is_file() {
            continue;
        }
        let bytes = fs::read(&file).with_context(|| format!("cannot read {path}"))?;
        sources.push(Source {
            path: path.to_owned(),
            text: String::from_utf8(bytes).unwrap_or_default(),
        });
    }
    Ok(sources)
}
