//! The vendors' own clients, which are Python packages: an environment with
//! pinned versions in the cache, and their tests against the real program.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::Context;
use sha2::{Digest, Sha256};

use crate::{cache, process, wheels};

/// Runs `clients/` against the programs in `programs`.
pub(crate) fn test(programs: &Path) -> anyhow::Result<()> {
    let python = environment()?;
    wheels::ensure(wheels::CURRENT)?;
    process::run(
        process::command(python)
            .args(["-m", "unittest", "discover", "--start-directory", "clients"])
            .env("OPENMAKE_BIN", programs.join("openmake"))
            .env("SCRIPTED_MODEL_BIN", programs.join("scripted-model"))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            // What the packages must not take from whoever runs the tests.
            .env_remove("OPENAI_API_KEY")
            .env_remove("OPENAI_BASE_URL")
            .env_remove("ANTHROPIC_API_KEY")
            .env_remove("ANTHROPIC_BASE_URL")
            .env_remove("OLLAMA_HOST")
            .env_remove("OLLAMA_API_KEY")
            .env("NO_PROXY", "127.0.0.1,localhost"),
    )
}

/// The Python of an environment that has what `clients/requirements.txt`
/// names, made when that file or Python changes.
fn environment() -> anyhow::Result<PathBuf> {
    let version = process::output(process::command("python3").arg("--version"))
        .context("the clients' tests need Python 3.10 or later with its venv module: install python3 and python3-venv")?;
    let list = cache::workspace().join("clients/requirements.txt");
    let wanted = fs::read(&list).with_context(|| format!("cannot read {}", list.display()))?;
    let mut key = Sha256::new();
    key.update(&wanted);
    key.update(version.trim());
    let mut key = hex::encode(key.finalize());
    key.truncate(16);
    let shelf = cache::subdir("clients")?;
    let lock = File::create(shelf.join("lock")).context("cannot lock the cache")?;
    lock.lock().context("cannot lock the cache")?;
    let place = shelf.join(key);
    let python = place.join("bin/python");
    let mark = place.join("complete");
    if mark.is_file() {
        return Ok(python);
    }
    eprintln!("installing the vendors' clients …");
    process::output(
        process::command("python3")
            .args(["-m", "venv", "--clear"])
            .arg(&place),
    )
    .context("the clients' tests need Python's venv module: install python3-venv")?;
    process::output(
        process::command(&python)
            .args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
                "--no-deps",
                "--only-binary",
                ":all:",
                "--requirement",
            ])
            .arg(&list),
    )
    .context(
        "pip cannot fetch clients/requirements.txt for this machine and its version of Python",
    )?;
    fs::write(&mark, "").with_context(|| format!("cannot write {}", mark.display()))?;
    Ok(python)
}
