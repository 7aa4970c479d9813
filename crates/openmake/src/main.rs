//! OpenMake: a self-hosted AI assistant platform in one program.
//!
//! This crate is configuration, wiring and commands; what the program does is
//! in the libraries.

mod audit;
mod backups;
mod cli;
mod config;
mod database;
mod doctor;
mod foreign;
mod healthcheck;
mod imports;
mod master_key;
mod model_nodes;
mod openapi;
mod paths;
mod serve;
mod sign_in;
mod telemetry;
mod terminal;
mod users;

use std::{collections::BTreeMap, process::ExitCode};

use anyhow::Context as _;
use clap::Parser as _;
use openmake_store::Store;

use crate::{
    cli::{Cli, Command, ConfigCommand, ImportCommand, UserCommand},
    config::{Config, Raw},
    database::{Database, Hint},
    foreign::ForeignCommand,
    paths::Paths,
};

// glibc keeps what hashing a password took, 19 MiB a time, for good: three
// sign-ins doubled the memory of an idle server. This gives it back.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    if args
        .next()
        .is_some_and(|first| first == openmake_postgres::SUPERVISOR_ARG)
    {
        return openmake_postgres::supervisor_main(args);
    }
    match run(&Cli::parse()) {
        Ok(code) => code,
        Err(error) => {
            report(&error);
            ExitCode::FAILURE
        }
    }
}

/// Prints an error with its causes, and the hint on a line of its own.
#[expect(clippy::print_stderr, reason = "this is the command line's answer")]
fn report(error: &anyhow::Error) {
    let hint = error.downcast_ref::<Hint>();
    let said = hint.map(ToString::to_string);
    // A context's type is hidden in the chain, so the hint is known by its text.
    let mut causes = error
        .chain()
        .map(ToString::to_string)
        .filter(|cause| said.as_ref() != Some(cause));
    if let Some(first) = causes.next() {
        eprintln!("openmake: {first}");
    }
    for cause in causes {
        eprintln!("  because: {cause}");
    }
    if let Some(hint) = hint {
        eprintln!("  hint: {hint}");
    }
}

#[expect(clippy::print_stdout, reason = "this is the command line's answer")]
fn print(text: &str) {
    println!("{}", text.trim_end());
}

#[expect(clippy::print_stderr, reason = "this is the command line's answer")]
fn print_aside(text: &str) {
    eprintln!("{}", text.trim_end());
}

fn run(cli: &Cli) -> anyhow::Result<ExitCode> {
    if let Command::Config(ConfigCommand::Reference) = cli.command {
        print(&config::reference());
        return Ok(ExitCode::SUCCESS);
    }
    if let Command::Openapi = cli.command {
        print(&openapi::document_text().context("the OpenAPI document")?);
        return Ok(ExitCode::SUCCESS);
    }
    let environment: BTreeMap<String, String> = std::env::vars_os()
        .filter_map(|(name, text)| Some((name.into_string().ok()?, text.into_string().ok()?)))
        .collect();
    if let Command::Terminal(command) = &cli.command {
        return Ok(terminal::run(command, environment));
    }
    let raw = Raw::load(cli.common.config.as_deref(), environment, cli.overrides())?;
    let config = Config::from_raw(&raw)?;
    if let Command::Healthcheck { url } = &cli.command {
        healthcheck::run(url.as_ref(), &config.server)?;
        return Ok(ExitCode::SUCCESS);
    }
    if rustls::crypto::ring::default_provider()
        .install_default()
        .is_err()
    {
        anyhow::bail!("a TLS provider was installed twice");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    match &cli.command {
        Command::Serve(serve) => {
            let telemetry = telemetry::Telemetry::start(&config.log)?;
            let served = runtime.block_on(serve::run(serve.role, &config, &raw.environment));
            telemetry.stop();
            served.map(|()| ExitCode::SUCCESS)
        }
        Command::Doctor { json } => {
            let report =
                runtime.block_on(doctor::run(&config, &raw.environment, &serve::World::new()))?;
            let text = if *json {
                serde_json::to_string_pretty(&report)?
            } else {
                report.text()
            };
            print(&text);
            Ok(exit_code(report.is_good()))
        }
        Command::Config(ConfigCommand::Show) => {
            print(&config::show(&raw));
            Ok(ExitCode::SUCCESS)
        }
        Command::Config(_) => {
            print("the configuration is good");
            Ok(ExitCode::SUCCESS)
        }
        Command::User(command) => {
            print(&runtime.block_on(user(command, &config, &raw.environment))?);
            Ok(ExitCode::SUCCESS)
        }
        Command::Audit(command) => {
            let verified = on_database(&config, &raw.environment, async |store, _| {
                audit::run(store, command).await
            });
            print(&runtime.block_on(verified)?);
            Ok(ExitCode::SUCCESS)
        }
        Command::Backup(command) => {
            let done = runtime.block_on(async {
                let paths = Paths::new(&config.data, &raw.environment)?;
                backups::backup(command, &config, &paths, &serve::World::new()).await
            })?;
            // Standard output may be the backup itself.
            print_aside(&done);
            Ok(ExitCode::SUCCESS)
        }
        Command::Restore(command) => {
            let done = runtime.block_on(async {
                let paths = Paths::new(&config.data, &raw.environment)?;
                backups::restore(command, &config, &paths, &serve::World::new()).await
            })?;
            print(&done);
            Ok(ExitCode::SUCCESS)
        }
        Command::Import(command) => {
            let imported = runtime.block_on(import(command, &config, &raw.environment));
            let (text, is_accounted) = imported?;
            print(&text);
            Ok(exit_code(is_accounted))
        }
        Command::Healthcheck { .. } | Command::Openapi | Command::Terminal(_) => {
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Of a command whose answer may be that something is wrong.
fn exit_code(is_good: bool) -> ExitCode {
    if is_good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Imports what was asked for. Gives the summary, and whether every row is
/// accounted for.
async fn import(
    command: &ImportCommand,
    config: &Config,
    environment: &BTreeMap<String, String>,
) -> anyhow::Result<(String, bool)> {
    let command = match command {
        ImportCommand::Legacy(command) => {
            let paths = Paths::new(&config.data, environment)?;
            return imports::run(command, config, &paths, &serve::World::new()).await;
        }
        ImportCommand::ChatGpt(args) => ForeignCommand::ChatGpt(args),
        ImportCommand::Claude(args) => ForeignCommand::Claude(args),
        ImportCommand::OpenWebUi(args) => ForeignCommand::OpenWebUi(args),
    };
    on_database(config, environment, async |store, world| {
        foreign::run(command, store, world).await
    })
    .await
}

/// Runs an account command.
async fn user(
    command: &UserCommand,
    config: &Config,
    environment: &BTreeMap<String, String>,
) -> anyhow::Result<String> {
    on_database(config, environment, async |store, world| {
        let accounts = users::Accounts {
            store,
            clock: world.clock.as_ref(),
            ids: world.ids.as_ref(),
        };
        accounts.run(command).await
    })
    .await
}

/// Runs a command against the running server's database, or one started for
/// the command's own duration.
async fn on_database<T>(
    config: &Config,
    environment: &BTreeMap<String, String>,
    run: impl AsyncFnOnce(&Store, &serve::World) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let paths = Paths::new(&config.data, environment)?;
    let world = serve::World::new();
    let database = Database::command(&config.data, &paths, &world.tasks).await?;
    let store = database.connect(2).await?;
    // A command may be the first thing that an operator runs.
    store
        .migrate()
        .await
        .context("the database could not be migrated")?;
    let done = run(&store, &world).await;
    store.close().await;
    database.stop().await?;
    world.tasks.close();
    world.tasks.wait().await;
    done
}
