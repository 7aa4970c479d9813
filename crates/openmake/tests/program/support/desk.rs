//! Someone at a terminal: their own configuration directory, commands that
//! run to their end, and commands on a pseudo-terminal.

use std::{os::unix::process::ExitStatusExt as _, path::PathBuf, process::ExitStatus};

use pty_process::{OwnedReadPty, OwnedWritePty, Size};
use tempfile::TempDir;
use testkit::{
    model::ModelServer,
    program::{Finished, Instance},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    process::Child,
    time::timeout,
};

use super::{PASSWORD, PATIENCE, PROGRAM, World, instance_with};

/// A running program, and a terminal beside it.
pub(crate) struct Desk {
    pub(crate) world: World,
    config: TempDir,
}

impl Desk {
    /// Nobody is signed in.
    pub(crate) async fn new() -> Self {
        Self::with(|instance| instance).await
    }

    /// The same, with the program set up in a way of its own.
    pub(crate) async fn with(set_up: impl FnOnce(Instance) -> Instance) -> Self {
        let config = tempfile::tempdir().expect("a directory");
        let model = ModelServer::start().await;
        let instance = set_up(instance_with(&model)).with_env("XDG_CONFIG_HOME", config.path());
        let world = World::on(model, instance).await;
        Self { world, config }
    }

    /// The first account is signed in.
    pub(crate) async fn signed_in() -> Self {
        let desk = Self::new().await;
        desk.sign_in(desk.world.program.base_url()).await;
        desk
    }

    pub(crate) async fn sign_in(&self, url: &str) {
        let arguments = ["login", url, "--email", "first@example.com"];
        let done = self.run(&arguments, &format!("{PASSWORD}\n")).await;
        assert_eq!(done.code, Some(0), "{}", done.stderr);
    }

    /// The file that keeps sign-ins.
    pub(crate) fn credentials(&self) -> PathBuf {
        self.config.path().join("openmake/credentials.json")
    }

    /// Runs a command with `input` on its standard input.
    pub(crate) async fn run(&self, arguments: &[&str], input: &str) -> Finished {
        self.world.instance.run(arguments, input).await
    }

    /// Runs a command that succeeds, and gives what it printed.
    pub(crate) async fn good(&self, arguments: &[&str], input: &str) -> String {
        let done = self.run(arguments, input).await;
        assert_eq!(done.code, Some(0), "{arguments:?}: {}", done.stderr);
        done.stdout
    }

    /// Starts a command on a terminal of this many columns.
    pub(crate) fn sit_down(&self, arguments: &[&str], columns: u16) -> Sitting {
        self.sit_down_with(arguments, columns, &[])
    }

    pub(crate) fn sit_down_with(
        &self,
        arguments: &[&str],
        columns: u16,
        environment: &[(&str, &str)],
    ) -> Sitting {
        let (pty, pts) = pty_process::open().expect("a pseudo-terminal");
        pty.resize(Size::new(24, columns)).expect("a size");
        let program = std::env::var_os("OPENMAKE_BIN").unwrap_or_else(|| PROGRAM.into());
        let child = pty_process::Command::new(program)
            .args(arguments)
            .env_clear()
            .env("XDG_CONFIG_HOME", self.config.path())
            .env("TERM", "xterm-256color")
            .envs(environment.iter().copied())
            .kill_on_drop(true)
            .spawn(pts)
            .expect("started");
        let (reader, writer) = pty.into_split();
        Sitting {
            child,
            reader,
            writer,
            seen: Vec::new(),
            from: 0,
        }
    }
}

/// A command on a pseudo-terminal. Dropping it kills it.
pub(crate) struct Sitting {
    child: Child,
    reader: OwnedReadPty,
    writer: OwnedWritePty,
    seen: Vec<u8>,
    /// Where the next [`Self::expect`] begins to look.
    from: usize,
}

impl Sitting {
    /// Types.
    pub(crate) async fn send(&mut self, keys: &str) {
        self.writer.write_all(keys.as_bytes()).await.expect("typed");
    }

    /// Waits until this is shown, after what was waited for before.
    pub(crate) async fn expect(&mut self, text: &str) {
        let waiting = async {
            loop {
                let rest = &self.seen[self.from..];
                let place = rest
                    .windows(text.len())
                    .position(|part| part == text.as_bytes());
                if let Some(place) = place {
                    self.from += place + text.len();
                    return true;
                }
                if !self.read().await {
                    return false;
                }
            }
        };
        let found = timeout(PATIENCE, waiting).await;
        assert!(
            matches!(found, Ok(true)),
            "no `{text}` after byte {} of:\n{}",
            self.from,
            self.seen()
        );
    }

    /// All that was shown so far.
    pub(crate) fn seen(&self) -> String {
        String::from_utf8_lossy(&self.seen).into_owned()
    }

    async fn read(&mut self) -> bool {
        let mut piece = [0; 4096];
        // When the command has ended, reading from its terminal is an error.
        match self.reader.read(&mut piece).await {
            Ok(count @ 1..) => {
                self.seen.extend_from_slice(&piece[..count]);
                true
            }
            Ok(0) | Err(_) => false,
        }
    }

    /// Waits for the end, and gives the exit code.
    pub(crate) async fn ended(&mut self) -> Option<i32> {
        let waiting = async {
            while self.read().await {}
            self.child.wait().await.expect("ended")
        };
        let status: ExitStatus = timeout(PATIENCE, waiting).await.expect("an end in time");
        assert_eq!(status.signal(), None, "{}", self.seen());
        status.code()
    }
}
