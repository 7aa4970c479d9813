//! Files that are made from others and committed. To add one, add a row.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::{cache, process, web};

/// What is generated, and how.
struct Generated {
    /// What it is, for people.
    what: &'static str,
    /// The file or directory, from the checkout's root.
    path: &'static str,
    make: Make,
}

enum Make {
    /// A command of ours that writes it.
    Xtask(&'static [&'static str]),
    /// What the program prints, when it is called so.
    Openmake(&'static [&'static str]),
    /// A script of the web app that writes it.
    Npm(&'static str),
}

/// In this order: a later one may be made from an earlier one.
const GENERATED: &[Generated] = &[
    Generated {
        what: "the description of the queries",
        path: ".sqlx",
        make: Make::Xtask(&["sqlx"]),
    },
    Generated {
        what: "the OpenAPI document",
        path: "openapi.json",
        make: Make::Openmake(&["openapi"]),
    },
    Generated {
        what: "the web app's types of the API",
        path: "web/src/platform/api/schema.gen.ts",
        make: Make::Npm("generate"),
    },
    Generated {
        what: "the reference of the settings",
        path: "docs/configuration.md",
        make: Make::Openmake(&["config", "reference"]),
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
            stale.push(format!("{} ({})", item.what, item.path));
        }
    }
    if !stale.is_empty() {
        bail!(
            "out of date, and written anew now; commit the change: {}",
            stale.join("; ")
        );
    }
    println!("{} generated files are up to date", GENERATED.len());
    Ok(())
}

impl Generated {
    fn write(&self) -> anyhow::Result<()> {
        match self.make {
            Make::Xtask(arguments) => {
                process::output(process::cargo().arg("xtask").args(arguments))?;
            }
            Make::Openmake(arguments) => {
                let text = process::output(
                    process::cargo()
                        .args(["run", "--quiet", "--package", "openmake", "--"])
                        .args(arguments),
                )?;
                let path = cache::workspace().join(self.path);
                fs::write(&path, text)
                    .with_context(|| format!("cannot write {}", path.display()))?;
            }
            Make::Npm(script) => {
                web::ensure_dependencies()?;
                process::output(&mut process::npm(&["run", script])?)?;
            }
        }
        Ok(())
    }

    fn read(&self) -> anyhow::Result<BTreeMap<PathBuf, Vec<u8>>> {
        let mut files = BTreeMap::new();
        collect(&cache::workspace().join(self.path), &mut files)?;
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
