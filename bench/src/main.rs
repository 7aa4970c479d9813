//! What OpenMake costs. `cargo run --release --package bench -- --help` says
//! how to ask; docs/benchmarks.md says what the figures mean.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line tool talks to its terminal"
)]

mod client;
mod load;
mod processes;
mod report;
mod scenarios;
mod seed;
mod stats;
mod stream;
mod ways;

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, ensure};
use clap::{Parser, ValueEnum};

use client::Http;
use processes::{LiteLlm, Scripted};
use report::{Made, Report};
use scenarios::{Bench, FULL, SMOKE, Size};

/// Measures OpenMake beside the direct connection to a scripted model server.
#[derive(Debug, Parser)]
#[command(name = "bench")]
struct Arguments {
    /// What to measure; everything if nothing is named
    scenarios: Vec<Scenario>,
    /// The program [default: openmake beside this one]
    #[arg(long)]
    openmake: Option<PathBuf>,
    /// The scripted model server [default: scripted-model beside this one]
    #[arg(long)]
    scripted: Option<PathBuf>,
    /// A `litellm` to measure beside it; bench/litellm.sh installs one and says where
    #[arg(long)]
    litellm: Option<PathBuf>,
    /// Measure little, to see that everything runs
    #[arg(long)]
    smoke: bool,
    /// How long each load lasts, in seconds
    #[arg(long)]
    seconds: Option<u64>,
    /// Write the figures into this file, as JSON
    #[arg(long)]
    json: Option<PathBuf>,
    /// Write the tables into this document, between its marks
    #[arg(long, conflicts_with = "smoke")]
    document: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Scenario {
    /// Streams at once: time to the first token, time of each token
    Streams,
    /// Requests that do not stream
    Requests,
    /// Memory, idle and with streams open
    Memory,
    /// Start to ready, and the program's size
    Start,
    /// Lists and searches among a million messages
    Search,
    /// How many streams the durable log carries
    Ceiling,
    /// A million messages of OpenMake 1
    Import,
    /// The same with the roles apart, one ai and two on one database, and where
    /// the time goes
    Replicas,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let beside = std::env::current_exe()?;
    let beside = beside.parent().context("this program is nowhere")?;
    let program = |named: &Option<PathBuf>, name: &str| {
        let path = named.clone().unwrap_or_else(|| beside.join(name));
        ensure!(
            path.is_file(),
            "there is no {}: build it first",
            path.display()
        );
        // The program is started in another directory.
        Ok(std::path::absolute(path)?)
    };
    let binary = program(&arguments.openmake, "openmake")?;
    let scripted = Scripted::start(&program(&arguments.scripted, "scripted-model")?)?;
    let http = Http::new();
    // LiteLLM's settings; the directory lives as long as the run.
    let directory = beside.join("bench-run");
    fs::create_dir_all(&directory)?;
    let litellm = match &arguments.litellm {
        Some(program) => Some(LiteLlm::start(program, &scripted.url, &directory, &http).await?),
        None => None,
    };
    let bench = Bench {
        http,
        binary,
        scripted,
        litellm,
        size: size(&arguments),
    };
    let report = run(&bench, &arguments.scenarios).await?;
    if let Some(file) = &arguments.json {
        fs::write(file, serde_json::to_string_pretty(&report)?)
            .with_context(|| format!("cannot write {}", file.display()))?;
    }
    if let Some(document) = &arguments.document {
        report.write_into(document)?;
    }
    println!("{}", report.markdown());
    Ok(())
}

fn size(arguments: &Arguments) -> Size {
    let size = if arguments.smoke { SMOKE } else { FULL };
    Size {
        lasting: arguments
            .seconds
            .map_or(size.lasting, |seconds| Duration::from_secs(seconds.max(1))),
        ..size
    }
}

async fn run(bench: &Bench, named: &[Scenario]) -> anyhow::Result<Report> {
    let wanted = |one: Scenario| named.is_empty() || named.contains(&one);
    let mut report = Report {
        made: Made::here(),
        ..Report::default()
    };
    if wanted(Scenario::Start) {
        report.start = Some(scenarios::start::run(bench).await?);
    }
    if wanted(Scenario::Memory) {
        report.memory = scenarios::memory::run(bench).await?;
    }
    if wanted(Scenario::Streams) {
        report.streams = scenarios::streams::run(bench).await?;
    }
    if wanted(Scenario::Requests) {
        report.requests = scenarios::requests::run(bench).await?;
    }
    if wanted(Scenario::Ceiling) {
        report.ceiling = Some(scenarios::ceiling::run(bench).await?);
    }
    if wanted(Scenario::Import) {
        report.import = Some(scenarios::import::run(bench).await?);
    }
    if wanted(Scenario::Replicas) {
        report.replicas = Some(scenarios::replicas::run(bench).await?);
    }
    if wanted(Scenario::Search) {
        report.search = scenarios::search::run(bench).await?;
    }
    if bench.openmake().await?.compat(&bench.http).await?.is_none() {
        let why = "`/v1/chat/completions`, which this build does not serve (404).";
        report.left_out.push(why.to_owned());
    }
    if bench.litellm.is_none() {
        report
            .left_out
            .push("LiteLLM, which was not named (`--litellm`).".to_owned());
    }
    Ok(report)
}
