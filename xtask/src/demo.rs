//! `make demo`: the program with a model server that plays prepared answers.

use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use anyhow::{Context, ensure};
use tokio::signal::unix::{SignalKind, signal};

use crate::{block_on, cache, process, web, wheels};

/// The programs that belong together, for `cargo build`.
pub(crate) const PROGRAMS: [&str; 8] = [
    "--package",
    "openmake",
    "--bin",
    "openmake",
    "--package",
    "testkit",
    "--bin",
    "scripted-model",
];

/// Builds both and runs them until the program ends.
pub(crate) fn run(arguments: &[OsString]) -> anyhow::Result<()> {
    wheels::ensure(wheels::CURRENT)?;
    web::ensure_built()?;
    process::run(process::cargo().args(["build", "--release"]).args(PROGRAMS))?;
    let programs = cache::target().join("release");
    let model = Scripted::start(&programs.join("scripted-model"))?;
    // The name stands wherever the page names a server.
    let configuration = tempfile::NamedTempFile::with_suffix(".toml")?;
    let node = format!(
        "[[nodes]]\nname = \"Scripted (demo)\"\nkind = \"openai\"\nbase_url = \"{}\"\n",
        model.url
    );
    std::fs::write(&configuration, node)?;
    block_on(async {
        // Ctrl-C reaches the program by the terminal; we wait until it has
        // stopped in order.
        let _ignored = [
            signal(SignalKind::interrupt())?,
            signal(SignalKind::terminate())?,
        ];
        let mut program = tokio::process::Command::new(programs.join("openmake"));
        program
            .arg("serve")
            .arg("--config")
            .arg(configuration.path())
            .args(arguments);
        let status = program.status().await.context("cannot run openmake")?;
        ensure!(status.success(), "openmake failed ({status})");
        Ok(())
    })
}

/// The scripted server; it ends with the value.
struct Scripted {
    process: Child,
    url: String,
}

impl Scripted {
    fn start(program: &std::path::Path) -> anyhow::Result<Self> {
        let mut process = process::command(program)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot run {}", program.display()))?;
        let mut line = String::new();
        if let Some(output) = process.stdout.take() {
            BufReader::new(output).read_line(&mut line)?;
        }
        let url = line.trim().strip_prefix("listening ").map(str::to_owned);
        let scripted = Self {
            process,
            url: url.unwrap_or_default(),
        };
        ensure!(
            !scripted.url.is_empty(),
            "the scripted model server did not start"
        );
        Ok(scripted)
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
