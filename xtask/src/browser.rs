//! Chromium against the program: the tests, Lighthouse, and the pictures of the
//! README.

use std::path::PathBuf;

use crate::{cache, phases, process, tools, wheels};

const LIGHTHOUSE: &str = "lighthouse@13.5.0";

/// A script of `web/package.json` that is told where the programs are.
fn script(name: &str) -> anyhow::Result<std::process::Command> {
    phases::program()?;
    wheels::ensure(wheels::CURRENT)?;
    let programs = cache::target().join(phases::PROGRAM_PROFILE);
    let mut command = process::npm(&["run", name])?;
    command
        .env("OPENMAKE_BIN", programs.join("openmake"))
        .env("SCRIPTED_MODEL_BIN", programs.join("scripted-model"))
        .env("CHROMIUM_PATH", tools::chromium()?);
    Ok(command)
}

/// The browser tests.
pub(crate) fn test() -> anyhow::Result<()> {
    process::run(&mut script("e2e")?)
}

/// What Lighthouse says of the pages.
pub(crate) fn lighthouse() -> anyhow::Result<()> {
    let module = ensure_lighthouse()?;
    process::run(script("lighthouse")?.env("LIGHTHOUSE", module))
}

/// Takes the pictures in `docs/screenshots` anew.
pub(crate) fn screenshots() -> anyhow::Result<()> {
    let into = cache::workspace().join("docs/screenshots");
    process::run(script("screenshots")?.env("SCREENSHOTS", into))
}

/// Not among the page's dependencies: it is large, and only this needs it.
fn ensure_lighthouse() -> anyhow::Result<PathBuf> {
    let root = cache::subdir("tools")?.join(LIGHTHOUSE.replace('@', "-"));
    let module = root.join("node_modules/lighthouse/core/index.js");
    if !module.is_file() {
        eprintln!("fetching {LIGHTHOUSE} once …");
        process::run(
            process::npm(&[
                "install",
                "--no-save",
                "--no-audit",
                "--no-fund",
                LIGHTHOUSE,
            ])?
            .arg("--prefix")
            .arg(&root),
        )?;
    }
    Ok(module)
}
