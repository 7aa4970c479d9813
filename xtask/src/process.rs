//! Running other programs.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::io::{BufRead as _, BufReader, IsTerminal as _, Read, Write as _};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::Duration;

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

/// Of what a failed command printed, so many lines are told again with its
/// failure: whoever reads only a log's end (CI shows no more) sees why.
const TOLD_AGAIN: usize = 40;

/// How long a command's output may stay open after its end.
const LEFT_OPEN: Duration = Duration::from_secs(5);

/// Runs `command` with our terminal; its failure is ours.
pub(crate) fn run(command: &mut Command) -> anyhow::Result<()> {
    let (status, told) = status(command)?;
    if !status.success() {
        bail!("`{}` failed ({status}){told}", shown(command));
    }
    Ok(())
}

/// Runs `command` with our terminal. Where that is a file or a pipe, the last
/// lines of what it printed come along, to be told with its failure.
pub(crate) fn status(command: &mut Command) -> anyhow::Result<(ExitStatus, String)> {
    let context = || format!("cannot run `{}`", shown(command));
    if std::io::stdout().is_terminal() {
        let context = context();
        return Ok((command.status().context(context)?, String::new()));
    }
    let context = context();
    // One pipe for both, so that the lines stay in their order.
    let (reader, writer) = std::io::pipe().context("cannot make a pipe")?;
    command
        .stdout(writer.try_clone().context("cannot share a pipe")?)
        .stderr(writer);
    let spawned = command.spawn().context(context);
    // The command still holds our ends of the pipe, which would never close.
    command.stdout(Stdio::inherit()).stderr(Stdio::inherit());
    let mut child = spawned?;
    let (send, receive) = mpsc::channel();
    std::thread::spawn(move || send.send(copy(reader)));
    let status = child.wait().context("cannot wait for a command")?;
    // Something that the command left running may hold the pipe open.
    let last = match receive.recv_timeout(LEFT_OPEN) {
        Ok(last) => Vec::from(last?),
        Err(_) => Vec::new(),
    };
    let told = last.join("\n    ");
    Ok((status, format!("; its last lines:\n    {told}")))
}

/// Copies what is read to our output and gives its last lines.
fn copy(reader: impl Read) -> anyhow::Result<VecDeque<String>> {
    let mut last = VecDeque::new();
    let mut reader = BufReader::new(reader);
    let mut line = Vec::new();
    while reader
        .read_until(b'\n', &mut line)
        .context("cannot read a command's output")?
        > 0
    {
        std::io::stdout().write_all(&line).context("cannot print")?;
        if last.len() == TOLD_AGAIN {
            last.pop_front();
        }
        last.push_back(String::from_utf8_lossy(&line).trim_end().to_owned());
        line.clear();
    }
    Ok(last)
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
