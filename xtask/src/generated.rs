//! Files that are made from others and committed. To add one, add a row.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::bail;

use crate::{cache, process};

/// What is generated, and how.
struct Generated {
    /// What it is, for people.
    what: &'static str,
    /// The files or directories, from the checkout's root.
    paths: &'static [&'static str],
    /// The command that writes them there.
    command: &'static [&'static str],
}

const GENERATED: &[Generated] = &[
    Generated {
        what: "the description of the queries",
        paths: &[".sqlx"],
        command: &["cargo", "xtask", "sqlx"],
    },
    Generated {
        what: "the report on the classifier",
        paths: &["docs/classifier.md"],
        command: &[
            "cargo",
            "run",
            "--package",
            "openmake-models",
            "--example",
            "classifier_report",
        ],
    },
];

/// Writes all of it.
pub(crate) fn write() -> anyhow::Result<()> {
    for item in GENERATED {
        println!("writing {}", item.what);
        item.write()?;
    }
    Ok(())
}

/// Writes all of it and fails if that changed anything.
pub(crate) fn check() -> anyhow::Result<()> {
    let mut stale = Vec::new();
    for item in GENERATED {
        let before = item.read()?;
        item.write()?;
        if item.read()? != before {
            stale.push(format!("{} ({})", item.what, item.paths.join(", ")));
        }
    }
    if !stale.is_empty() {
        bail!(
            "out of date, and written anew now; commit the change: {}",
            stale.join("; ")
        );
    }
    println!(
        "{} generated files or directories are up to date",
        GENERATED.len()
    );
    Ok(())
}

impl Generated {
    fn write(&self) -> anyhow::Result<()> {
        let Some((program, arguments)) = self.command.split_first() else {
            bail!("{} has no command", self.what)
        };
        process::output(process::command(program).args(arguments))?;
        Ok(())
    }

    fn read(&self) -> anyhow::Result<BTreeMap<PathBuf, Vec<u8>>> {
        let mut files = BTreeMap::new();
        for path in self.paths {
            collect(&cache::workspace().join(path), &mut files)?;
        }
        Ok(files)
    }
}

fn collect(path: &Path, files: &mut BTreeMap<PathBuf, Vec<u8>>) -> anyhow::Result<()> {
    if path.is_dir() {
        for entry in fs::read_dir(path)? {
            collect(&entry?.path(), files)?;
        }
    } else if path.exists() {
        files.insert(path.to_owned(), fs::read(path)?);
    }
    Ok(())
}
