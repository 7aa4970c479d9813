//! What `make test` and CI run, phase by phase.

use std::ffi::OsString;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};

use crate::{
    block_on, browser, cache, clients, demo, generated, process, scratch, sqlx, tidy, tools, web,
    wheels,
};

/// One step with a name of its own.
struct Phase {
    name: &'static str,
    what: &'static str,
    run: fn() -> anyhow::Result<()>,
}

/// The profile of the program that browsers and process tests use: optimised,
/// but built in less time than a release.
pub(crate) const PROGRAM_PROFILE: &str = "optimised";

const PHASES: &[Phase] = &[
    Phase {
        name: "fmt",
        what: "Rust is formatted",
        run: || cargo(&["fmt", "--all", "--check"]),
    },
    Phase {
        name: "tidy",
        what: "the repository's own rules",
        run: tidy::run,
    },
    Phase {
        name: "web-install",
        what: "the web app's dependencies",
        run: web::ensure_dependencies,
    },
    Phase {
        name: "web-lint",
        what: "the web app's linter",
        run: || npm("lint"),
    },
    Phase {
        name: "web-types",
        what: "the web app's types",
        run: || npm("typecheck"),
    },
    Phase {
        name: "web-knip",
        what: "nothing unused in the web app",
        run: || npm("knip"),
    },
    Phase {
        name: "web-unit",
        what: "the web app's unit tests",
        run: || npm("test"),
    },
    Phase {
        name: "web-build",
        what: "the web app's export",
        run: web::ensure_built,
    },
    Phase {
        name: "web-size",
        what: "the export's sizes",
        run: web_size,
    },
    Phase {
        name: "clippy",
        what: "Rust's linter",
        run: clippy,
    },
    Phase {
        name: "doc",
        what: "Rust's documentation",
        run: doc,
    },
    Phase {
        name: "deny",
        what: "licences, bans and sources of dependencies",
        run: deny,
    },
    Phase {
        name: "sqlx",
        what: "the description of the queries",
        run: || block_on(sqlx::check()),
    },
    Phase {
        name: "rust",
        what: "Rust's tests, on PostgreSQL 18",
        // The bench has a target of its own, `make bench`, which tests it.
        run: || nextest(wheels::CURRENT, &["--workspace", "--exclude", "bench"], &[]),
    },
    Phase {
        name: "rust-16",
        what: "the database's tests again, on PostgreSQL 16",
        run: || {
            nextest(
                wheels::OLDEST,
                &[
                    "--package",
                    "openmake-store",
                    "--package",
                    "openmake-postgres",
                    "--package",
                    "openmake-backup",
                ],
                &[],
            )
        },
    },
    Phase {
        name: "rust-apart",
        what: "the HTTP and WebSocket tests again, with gateway and ai apart",
        run: || {
            nextest(
                wheels::CURRENT,
                &[
                    "--package",
                    "openmake-ai",
                    "--package",
                    "openmake-gateway",
                    "--package",
                    "openmake",
                    "--test",
                    "ai",
                    "--test",
                    "gateway",
                    "--test",
                    "program",
                ],
                &[("OPENMAKE_TEST_ROLES", "apart")],
            )
        },
    },
    Phase {
        name: "generated",
        what: "generated files are up to date",
        run: generated::check,
    },
    Phase {
        name: "program",
        what: "the program, optimised",
        run: program,
    },
    Phase {
        name: "clients",
        what: "the vendors' own clients",
        run: vendors_clients,
    },
    Phase {
        name: "browser",
        what: "the browser tests",
        run: browser::test,
    },
];

/// Prints the phases.
pub(crate) fn list() {
    for phase in PHASES {
        println!("{:12} {}", phase.name, phase.what);
    }
}

/// Runs the named phases, or all of them; a failure does not keep the others
/// from telling what they find.
pub(crate) fn run(names: &[String]) -> anyhow::Result<ExitCode> {
    for name in names {
        if !PHASES.iter().any(|phase| phase.name == name) {
            bail!("there is no phase `{name}`; `cargo xtask test --list` names them");
        }
    }
    let mut results = Vec::new();
    for phase in PHASES
        .iter()
        .filter(|phase| names.is_empty() || names.iter().any(|name| name == phase.name))
    {
        println!("\n=== {}: {}", phase.name, phase.what);
        let began = Instant::now();
        let outcome = (phase.run)();
        results.push((phase.name, began.elapsed(), outcome));
    }
    for (name, _, outcome) in &results {
        if let Err(error) = outcome {
            println!("\n=== {name} failed: {error:#}");
        }
    }
    println!("\n=== phases, in minutes");
    for (name, took, outcome) in &results {
        println!(
            "{:12} {:>6}  {}",
            name,
            minutes(*took),
            if outcome.is_ok() { "ok" } else { "FAILED" }
        );
    }
    println!(
        "{:12} {:>6}",
        "all",
        minutes(results.iter().map(|(_, took, _)| *took).sum())
    );
    Ok(if results.iter().all(|(_, _, outcome)| outcome.is_ok()) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn minutes(time: Duration) -> String {
    format!("{:.1}", time.as_secs_f64() / 60.0)
}

fn cargo(arguments: &[&str]) -> anyhow::Result<()> {
    process::run(process::cargo().args(arguments))
}

fn npm(script: &str) -> anyhow::Result<()> {
    web::ensure_dependencies()?;
    process::run(&mut process::npm(&["run", script])?)
}

fn web_size() -> anyhow::Result<()> {
    web::ensure_built()?;
    npm("size")
}

fn clippy() -> anyhow::Result<()> {
    cargo(&[
        "clippy",
        "--workspace",
        "--all-targets",
        "--",
        "--deny",
        "warnings",
    ])
}

fn doc() -> anyhow::Result<()> {
    let arguments = [
        "doc",
        "--workspace",
        "--no-deps",
        "--document-private-items",
    ];
    // Private items are documented too, so links to them resolve.
    let flags = "--deny warnings --allow rustdoc::private_intra_doc_links";
    process::run(process::cargo().args(arguments).env("RUSTDOCFLAGS", flags))
}

fn deny() -> anyhow::Result<()> {
    process::run(process::command(tools::deny()?).args([
        "check",
        "--hide-inclusion-graph",
        "bans",
        "licenses",
        "sources",
    ]))
}

/// Needs a copy of the advisory database, which is fetched from its
/// repository, so it is no phase: where that cannot be reached, it fails and
/// says so.
pub(crate) fn advisories() -> anyhow::Result<()> {
    process::run(process::command(tools::deny()?).args(["check", "advisories"]))
        .context("the dependencies were not checked for vulnerabilities, or have some: see above")
}

/// The tests are built before the server starts, so that a long build does not
/// count as theirs, and once for all of the workspace.
fn nextest(major: u32, what: &[&str], environment: &[(&str, &str)]) -> anyhow::Result<()> {
    let program = tools::nextest()?;
    let arguments = || {
        ["nextest", "run", "--profile", "ci"]
            .into_iter()
            .chain(what.iter().copied())
    };
    process::run(process::command(&program).args(arguments()).arg("--no-run"))?;
    let mut command: Vec<OsString> = vec!["env".into()];
    let variables = environment.iter();
    command.extend(variables.map(|(name, value)| format!("{name}={value}").into()));
    command.push(program.into());
    command.extend(arguments().map(OsString::from));
    let (status, told) = block_on(scratch::with_db(major, &command))?;
    ensure!(status.success(), "the tests failed ({status}){told}");
    Ok(())
}

/// Builds the program, with the page in it, and the scripted model server.
pub(crate) fn program() -> anyhow::Result<()> {
    web::ensure_built()?;
    process::run(
        process::cargo()
            .args(["build", "--profile", PROGRAM_PROFILE])
            .args(demo::PROGRAMS),
    )
}

fn vendors_clients() -> anyhow::Result<()> {
    program()?;
    clients::test(&cache::target().join(PROGRAM_PROFILE))
}
