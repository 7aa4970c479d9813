//! The terminal client: commands that talk to a running server over HTTP, as
//! any other client does. None of them reads the server's settings or touches
//! its database.

mod answer;
pub(crate) mod args;
mod chat;
mod client;
mod credentials;
mod failure;
mod keys;
mod lists;
mod login;
mod manual;
mod markdown;
mod one_shot;
mod output_file;
mod question;
mod screen;
mod stream;
mod text;
mod tty;
mod turn;

use std::{collections::BTreeMap, process::ExitCode, sync::Arc};

use openmake_types::{RandomIds, SystemClock};
use serde::Serialize;

use args::TerminalCommand;
use client::{Client, Server, World, parse_server};
use credentials::{Credential, CredentialFile};
use failure::Failure;
use screen::Screen;
use text::{Span, Style};

pub(crate) use tty::EchoOff;

/// The server on this machine, where an API key is given and no server.
const LOCAL: &str = "http://localhost:52416";

/// Where a command reads and writes, and what the environment says.
pub(crate) struct Terminal {
    environment: BTreeMap<String, String>,
    world: World,
    out: Screen,
    err: Screen,
}

/// Runs a command to its end.
pub(crate) fn run(command: &TerminalCommand, environment: BTreeMap<String, String>) -> ExitCode {
    let mut terminal = Terminal {
        out: Screen::stdout(&environment),
        err: Screen::stderr(&environment),
        environment,
        world: World {
            clock: Arc::new(SystemClock),
            ids: Arc::new(RandomIds),
        },
    };
    let done = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(Failure::Output)
        .and_then(|runtime| runtime.block_on(terminal.run(command)));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            terminal.report(&failure, command);
            failure.exit_code()
        }
    }
}

impl Terminal {
    async fn run(&mut self, command: &TerminalCommand) -> Result<(), Failure> {
        match command {
            TerminalCommand::Login(args) => login::login(self, args).await,
            TerminalCommand::Logout(args) => login::logout(self, args).await,
            TerminalCommand::Chat(args) => chat::run(self, args).await,
            TerminalCommand::Ask(args) => one_shot::ask(self, args).await,
            TerminalCommand::Review(args) => one_shot::review(self, args).await,
            TerminalCommand::Explain(args) => one_shot::explain(self, args).await,
            TerminalCommand::Generate(args) => one_shot::generate(self, args).await,
            TerminalCommand::Models(args) => lists::models(self, args).await,
            TerminalCommand::Nodes(args) => lists::nodes(self, args).await,
            TerminalCommand::Key(command) => keys::run(self, command).await,
            TerminalCommand::Completions { shell } => manual::completions(self, *shell),
            TerminalCommand::Man(args) => manual::pages(self, args),
        }
    }

    /// Says what went wrong. Nobody is left to read it when the output is
    /// closed.
    fn report(&mut self, failure: &Failure, command: &TerminalCommand) {
        if failure.is_closed_output() {
            return;
        }
        let mut lines = vec![vec![
            Span::new(Style::BAD, "openmake: "),
            Span::new(Style::PLAIN, &failure.to_string()),
        ]];
        if let Failure::Problem(problem) = failure {
            for field in &problem.fields {
                let text = format!("  {}: {}", field.field, field.detail);
                lines.push(vec![Span::new(Style::PLAIN, &text)]);
            }
        }
        if let Some(hint) = failure.hint() {
            lines.push(vec![Span::new(Style::DIM, &format!("  hint: {hint}"))]);
        }
        // There is nowhere else to say that this cannot be said.
        let _ = self.err.print(&lines);
        if command.wants_json() {
            let _ = self.print_json(&one_shot::failed(failure));
        }
    }

    fn credential_file(&self) -> Result<CredentialFile, Failure> {
        CredentialFile::new(&self.environment)
    }

    /// A client of the server that is named, or of the current one.
    fn client(&self, server: Option<&str>) -> Result<Client, Failure> {
        let key = self.environment.get("OPENMAKE_API_KEY");
        if let Some(key) = key.filter(|key| !key.trim().is_empty()) {
            let accounts = self.credential_file().and_then(|file| file.read());
            let current = accounts.ok().and_then(|accounts| accounts.current);
            let base = parse_server(server.or(current.as_deref()).unwrap_or(LOCAL))?;
            let credential = Credential::ApiKey {
                key: key.trim().to_owned(),
            };
            let server = Server::new(base, self.world.clone())?;
            return Ok(Client::new(server, credential, None));
        }
        let file = self.credential_file()?;
        let accounts = file.read()?;
        let named = server.or(accounts.current.as_deref()).unwrap_or(LOCAL);
        let base = parse_server(named)?;
        let account = accounts.servers.get(&base.origin());
        let account = account.ok_or_else(|| Failure::NotSignedIn {
            server: base.origin(),
        })?;
        let server = Server::new(base, self.world.clone())?;
        Ok(Client::new(server, account.credential.clone(), Some(file)))
    }

    /// A line of the answer.
    fn print(&mut self, text: &str) -> Result<(), Failure> {
        Ok(self.out.print(&[vec![Span::new(Style::PLAIN, text)]])?)
    }

    /// A line beside the answer.
    fn say(&mut self, text: &str) -> Result<(), Failure> {
        Ok(self.err.print(&[vec![Span::new(Style::PLAIN, text)]])?)
    }

    fn print_json(&mut self, document: &impl Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(document).map_err(std::io::Error::other)?;
        // JSON escapes what a terminal would act upon.
        Ok(self.out.raw_text(&format!("{text}\n"))?)
    }
}

/// The time on the person's own clock.
fn local_time(at: chrono::DateTime<chrono::Utc>) -> String {
    at.with_timezone(&chrono::Local)
        .format("%Y-%m-%d %H:%M")
        .to_string()
}
