//! Running other programs.

use std::ffi::{OsStr, OsString};
use std::process::{Command, Stdio};

use anyhow::{Context, bail};

use crate::cache;

/// A command in the checkout's root.
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(cache::workspace());
    for name in set_by_cargo() {
        command.env_remove(name);
    }
    command
}

/// What the cargo that runs us has told us about ourselves. Build scripts look
/// at it (ring's does), so a cargo that we run must not see it: it would build
/// half of all dependencies anew, and so would the next one that a person runs.
pub(crate) fn set_by_cargo() -> impl Iterator<Item = OsString> {
    std::env::vars_os().map(|(name, _)| name).filter(|name| {
        let name = name.to_string_lossy();
        ["CARGO_PKG_", "CARGO_MANIFEST_"]
            .iter()
            .any(|prefix| name.starts_with(prefix))
    })
}

/// A command in the web app's directory. What npm fetches stays in our cache.
pub(crate) fn npm(arguments: &[&str]) -> anyhow::Result<Command> {
    let mut npm = Command::new("npm");
    npm.current_dir(cache::workspace().join("web"))
        .args(arguments)
        .env("npm_config_cache", cache::subdir("npm")?)
        .env("NEXT_TELEMETRY_DISABLED", "1");
    Ok(npm)
}

/// The cargo that runs us.
pub(crate) fn cargo() -> Command {
    command(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// Runs `command` with our terminal; its failure is ours.
pub(crate) fn run(command: &mut Command) -> anyhow::Result<()> {
    let shown = shown(command);
    let status = command
        .status()
        .with_context(|| format!("cannot run `{shown}`"))?;
    if !status.success() {
        bail!("`{shown}` failed ({status})");
    }
    Ok(())
}

/// Runs `command` silently and gives its output; its failure, with what it
/// said, is ours.
pub(crate) fn output(command: &mut Command) -> anyhow::Result<String> {
    let shown = shown(command);
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot run `{shown}`"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("`{shown}` failed ({}): {}", output.status, said.trim());
    }
    String::from_utf8(output.stdout).with_context(|| format!("`{shown}` did not print text"))
}

fn shown(command: &Command) -> String {
    let mut text = command.get_program().to_string_lossy().into_owned();
    for argument in command.get_args() {
        text.push(' ');
        text.push_str(&argument.to_string_lossy());
    }
    text
}
