//! Development commands. `cargo xtask --help` lists them.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line tool talks to its terminal"
)]

mod browser;
mod cache;
mod clients;
mod demo;
mod generated;
mod oidc_provider;
mod phases;
mod process;
mod real_model;
mod scratch;
mod sqlx;
mod tidy;
mod tools;
mod web;
mod wheels;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Parser, Subcommand};

/// Development commands of OpenMake.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Fetch PostgreSQL into the cache, unless it is there, and print where
    Postgres {
        /// Its major version: 16 or 18
        #[arg(long, default_value_t = wheels::CURRENT)]
        major: u32,
    },
    /// Run a scratch database with the current migrations until Ctrl-C
    DevDb {
        /// Write the database's address into this file
        #[arg(long)]
        url_file: Option<PathBuf>,
        /// The TCP port on 127.0.0.1; a free one if not given
        #[arg(long)]
        port: Option<u16>,
        /// PostgreSQL's major version: 16 or 18
        #[arg(long, default_value_t = wheels::CURRENT)]
        major: u32,
    },
    /// Run a command with OPENMAKE_TEST_DATABASE_URL naming a scratch server
    WithDb {
        /// PostgreSQL's major version: 16 or 18
        #[arg(long, default_value_t = wheels::CURRENT)]
        major: u32,
        /// The command and its arguments
        #[arg(last = true, required = true)]
        command: Vec<OsString>,
    },
    /// Write what sqlx knows of our queries into .sqlx, from a scratch database
    Sqlx {
        /// Compare with the committed files and write nothing
        #[arg(long)]
        check: bool,
    },
    /// Write every generated file anew
    Generate {
        /// Fail if one of them was out of date
        #[arg(long)]
        check: bool,
    },
    /// Check the repository's own rules: sizes, dependencies, left-overs
    Tidy,
    /// Build the web app into web/out, unless it is there as it would be built
    Web,
    /// Build and run the program with a scripted model server connected
    Demo {
        /// Arguments for `openmake serve`
        #[arg(last = true)]
        arguments: Vec<OsString>,
    },
    /// Ask Lighthouse about the pages
    Lighthouse,
    /// Take the pictures of the README anew
    Screenshots,
    /// Run the providers' tests against llama.cpp with a real model
    RealModel,
    /// Look for known vulnerabilities among the dependencies
    Advisories,
    /// Run everything that CI runs, or some of its phases
    Test {
        /// The phases to run; all of them if none is named
        phases: Vec<String>,
        /// Print the phases and run nothing
        #[arg(long)]
        list: bool,
    },
}

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    if args
        .next()
        .is_some_and(|first| first == openmake_postgres::SUPERVISOR_ARG)
    {
        return openmake_postgres::supervisor_main(args);
    }
    match run(Arguments::parse().command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            let hint = error
                .downcast_ref::<openmake_postgres::Error>()
                .and_then(openmake_postgres::Error::hint);
            if let Some(hint) = hint {
                eprintln!("hint: {hint}");
            }
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> anyhow::Result<ExitCode> {
    match task {
        Task::Postgres { major } => println!("{}", wheels::ensure(major)?.dir().display()),
        Task::DevDb {
            url_file,
            port,
            major,
        } => {
            block_on(scratch::dev_db(&scratch::DevDatabase {
                url_file,
                port,
                major,
            }))?;
        }
        Task::WithDb { major, command } => return with_db(major, &command),
        Task::Sqlx { check: true } => block_on(sqlx::check())?,
        Task::Sqlx { check: false } => block_on(sqlx::write())?,
        Task::Generate { check: true } => generated::check()?,
        Task::Generate { check: false } => generated::write()?,
        Task::Tidy => tidy::run()?,
        Task::Demo { arguments } => demo::run(&arguments)?,
        Task::Lighthouse => browser::lighthouse()?,
        Task::Screenshots => browser::screenshots()?,
        Task::RealModel => real_model::test()?,
        Task::Advisories => phases::advisories()?,
        Task::Web => web::ensure_built()?,
        Task::Test { list: true, .. } => phases::list(),
        Task::Test {
            phases,
            list: false,
        } => return phases::run(&phases),
    }
    Ok(ExitCode::SUCCESS)
}

/// The command's exit code becomes ours.
fn with_db(major: u32, command: &[OsString]) -> anyhow::Result<ExitCode> {
    let (status, _) = block_on(scratch::with_db(major, command))?;
    Ok(status
        .code()
        .and_then(|code| u8::try_from(code).ok())
        .map_or(ExitCode::FAILURE, ExitCode::from))
}

fn block_on<T>(future: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .context("cannot start a runtime")?
        .block_on(future)
}
