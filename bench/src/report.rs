//! What was found, as JSON and as tables.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Context;
use openmake_types::{Clock as _, SystemClock};
use serde::{Deserialize, Serialize};

use crate::processes::cores;
use crate::scenarios::{
    DIRECT, ceiling, import, memory, replicas, requests, search, start, streams,
};
use crate::stats::Summary;

/// Between these lines of the document stands what the bench writes.
const BEGIN: &str = "<!-- bench: begin -->";
const END: &str = "<!-- bench: end -->";

/// All of a run; what was not asked for is absent.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Report {
    pub(crate) made: Made,
    pub(crate) streams: Vec<streams::Row>,
    pub(crate) requests: Vec<requests::Row>,
    pub(crate) memory: Vec<memory::Row>,
    pub(crate) start: Option<start::Found>,
    pub(crate) search: Vec<search::Row>,
    pub(crate) ceiling: Option<ceiling::Found>,
    pub(crate) import: Option<import::Found>,
    pub(crate) replicas: Option<replicas::Found>,
    /// What could not be measured, and why.
    pub(crate) left_out: Vec<String>,
}

/// Where and when.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Made {
    pub(crate) date: String,
    pub(crate) commit: String,
    pub(crate) processor: String,
    pub(crate) cores: usize,
    pub(crate) memory: String,
    pub(crate) system: String,
}

impl Made {
    pub(crate) fn here() -> Self {
        let field = |file: &str, name: &str| {
            let text = fs::read_to_string(file).unwrap_or_default();
            let line = text.lines().find(|line| line.starts_with(name));
            line.and_then(|line| Some(line.split_once(':')?.1.trim().to_owned()))
                .unwrap_or_default()
        };
        Self {
            date: SystemClock.now().format("%Y-%m-%d").to_string(),
            commit: said("git", &["describe", "--always", "--dirty"]),
            processor: field("/proc/cpuinfo", "model name"),
            cores: cores(),
            memory: field("/proc/meminfo", "MemTotal"),
            system: said("uname", &["-sr"]),
        }
    }
}

/// What a command says; nothing where there is no such command.
fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    output
        .map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
        .unwrap_or_default()
}

impl Report {
    /// Writes the tables into the document, between its two marks.
    pub(crate) fn write_into(&self, document: &Path) -> anyhow::Result<()> {
        let text = fs::read_to_string(document)
            .with_context(|| format!("cannot read {}", document.display()))?;
        let (before, rest) = text
            .split_once(BEGIN)
            .context("the document has no begin mark")?;
        let (_, after) = rest
            .split_once(END)
            .context("the document has no end mark")?;
        let tables = self.markdown();
        fs::write(
            document,
            format!("{before}{BEGIN}\n\n{tables}\n{END}{after}"),
        )
        .with_context(|| format!("cannot write {}", document.display()))
    }

    /// The tables.
    pub(crate) fn markdown(&self) -> String {
        let mut text = String::new();
        let made = &self.made;
        line(
            &mut text,
            &format!(
                "Measured {} at commit `{}` on {} ({} cores, {}, {}).",
                made.date, made.commit, made.processor, made.cores, made.memory, made.system
            ),
        );
        let sections = [
            self.streams_table(),
            self.requests_table(),
            self.memory_table(),
            self.start_table(),
            self.search_table(),
            self.ceiling_table(),
            self.import_table(),
            self.replicas_table(),
        ];
        for section in sections.into_iter().flatten() {
            // A string takes whatever is written.
            let _ = write!(text, "\n{section}");
        }
        for left_out in &self.left_out {
            line(&mut text, &format!("\nLeft out: {left_out}"));
        }
        text
    }

    fn streams_table(&self) -> Option<String> {
        let mut text = heading(
            "Streams of 100 tokens at 20 ms",
            &[
                "at once",
                "way",
                "first token p50 / p99",
                "added",
                "token p50 / p99",
                "added",
                "gap p99",
                "tokens/s",
                "failed",
            ],
        );
        for row in &self.streams {
            let direct = self
                .streams
                .iter()
                .find(|other| other.concurrent == row.concurrent && other.way == DIRECT)
                .filter(|_| row.way != DIRECT);
            cells(
                &mut text,
                &[
                    row.concurrent.to_string(),
                    row.way.clone(),
                    pair(row.first_ms),
                    added(row.first_ms, direct.and_then(|one| one.first_ms)),
                    pair(row.token_ms),
                    added(row.token_ms, direct.and_then(|one| one.token_ms)),
                    row.gap_ms.map_or("–".to_owned(), |gap| ms(gap.p99)),
                    format!("{:.0}", row.tokens_per_second),
                    format!("{} of {}", row.failed, row.streams),
                ],
            );
        }
        (!self.streams.is_empty()).then_some(text)
    }

    fn requests_table(&self) -> Option<String> {
        let mut text = heading(
            "Requests that do not stream",
            &[
                "way",
                "requests/s, 64 connections",
                "of direct",
                "p50 / p99 then",
                "p50 / p99 at 200/s",
                "added",
                "failed",
            ],
        );
        let direct = self.requests.iter().find(|row| row.way == DIRECT);
        for row in &self.requests {
            let floor = direct.filter(|_| row.way != DIRECT);
            cells(
                &mut text,
                &[
                    row.way.clone(),
                    format!("{:.0}", row.per_second),
                    floor.map_or("–".to_owned(), |floor| {
                        format!(
                            "{:.0} %",
                            100.0 * row.per_second / floor.per_second.max(1.0)
                        )
                    }),
                    pair(row.loaded_ms),
                    pair(row.calm_ms),
                    added(row.calm_ms, floor.and_then(|one| one.calm_ms)),
                    row.failed.to_string(),
                ],
            );
        }
        (!self.requests.is_empty()).then_some(text)
    }

    fn memory_table(&self) -> Option<String> {
        let mut text = heading(
            "Memory",
            &[
                "program",
                "idle",
                "with its database",
                "streams",
                "then",
                "with its database",
                "a stream",
            ],
        );
        let mib = |kib: u64| format!("{} MiB", kib / 1024);
        for row in &self.memory {
            cells(
                &mut text,
                &[
                    row.program.clone(),
                    mib(row.idle),
                    mib(row.idle_with_database),
                    row.streams.to_string(),
                    mib(row.live),
                    mib(row.live_with_database),
                    format!("{:.0} kB", row.per_stream()),
                ],
            );
        }
        (!self.memory.is_empty()).then_some(text)
    }

    fn start_table(&self) -> Option<String> {
        let start = self.start.as_ref()?;
        let mut text = heading("Start and size", &["what", "how much"]);
        let mut row = |what: &str, value: String| cells(&mut text, &[what.to_owned(), value]);
        row("start to ready, the first time", ms(start.first_ms));
        if let Some(later) = start.later_ms {
            row("start to ready, later (median)", ms(later.p50));
        }
        if let Some(litellm) = start.litellm_ms {
            row("LiteLLM, to its first answer", ms(litellm));
        }
        let mib = start.binary_bytes / (1024 * 1024);
        row("the program's file", format!("{mib} MiB"));
        Some(text)
    }

    fn search_table(&self) -> Option<String> {
        let mut text = heading(
            "Lists and searches, 100,000 messages of one account among a million",
            &["request", "conversations", "p50 / p99"],
        );
        for row in &self.search {
            cells(
                &mut text,
                &[row.what.clone(), row.found.to_string(), pair(row.took_ms)],
            );
        }
        (!self.search.is_empty()).then_some(text)
    }

    fn import_table(&self) -> Option<String> {
        let import = self.import.as_ref()?;
        let mut text = heading(
            "Importing what OpenMake 1 left",
            &[
                "messages",
                "file",
                "took",
                "messages a second",
                "memory",
                "once more",
            ],
        );
        let messages = u32::try_from(import.messages).unwrap_or(u32::MAX);
        cells(
            &mut text,
            &[
                import.messages.to_string(),
                format!("{} MiB", import.file_bytes / (1024 * 1024)),
                format!("{:.1} s", import.seconds),
                format!("{:.0}", f64::from(messages) / import.seconds.max(0.001)),
                format!("{} MiB", import.peak_kb / 1024),
                format!("{:.1} s", import.again_seconds),
            ],
        );
        Some(text)
    }

    fn ceiling_table(&self) -> Option<String> {
        let ceiling = self.ceiling.as_ref()?;
        let mut text = heading(
            "The durable log's ceiling",
            &[
                "streams at once",
                "tokens/s",
                "events/s",
                "token p50 / p99",
                "added at p99",
                "failed",
                "holds",
            ],
        );
        for step in &ceiling.steps {
            cells(
                &mut text,
                &[
                    step.durable.concurrent.to_string(),
                    format!("{:.0}", step.durable.tokens_per_second),
                    format!("{:.0}", step.durable.events_per_second),
                    pair(step.durable.token_ms),
                    ms(step.added()),
                    step.durable.failed.to_string(),
                    if step.holds() { "yes" } else { "no" }.to_owned(),
                ],
            );
        }
        Some(text)
    }

    fn replicas_table(&self) -> Option<String> {
        let replicas = self.replicas.as_ref()?;
        let mut text = heading(
            "Two gateways and one or two ai on one PostgreSQL",
            &[
                "ai",
                "streams at once",
                "turns/s",
                "events/s",
                "token p50 / p99",
                "failed",
                "commits/s",
                "flushes/s",
                "log, MB/s",
                "cores: program, PostgreSQL, model, load",
                "load before",
            ],
        );
        for step in &replicas.steps {
            let cores = step.cores.map(|cores| format!("{cores:.2}"));
            cells(
                &mut text,
                &[
                    step.replicas.to_string(),
                    step.turns.concurrent.to_string(),
                    format!("{:.0}", step.turns_per_second),
                    format!("{:.0}", step.turns.events_per_second),
                    pair(step.turns.token_ms),
                    format!("{} of {}", step.turns.failed, step.turns.streams),
                    format!("{:.0}", step.commits_per_second),
                    format!("{:.0}", step.flushes_per_second),
                    format!("{:.1}", step.wal_mb_per_second),
                    cores.join(", "),
                    format!("{:.1}", step.load_before),
                ],
            );
        }
        Some(text)
    }
}

fn line(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

fn heading(title: &str, columns: &[&str]) -> String {
    let mut text = format!("### {title}\n\n");
    line(&mut text, &format!("| {} |", columns.join(" | ")));
    line(&mut text, &format!("|{}", "---|".repeat(columns.len())));
    text
}

fn cells(text: &mut String, cells: &[String]) {
    line(text, &format!("| {} |", cells.join(" | ")));
}

fn ms(value: f64) -> String {
    match value {
        value if !value.is_finite() => "–".to_owned(),
        value if value.abs() >= 100.0 => format!("{value:.0} ms"),
        value if value.abs() >= 10.0 => format!("{value:.1} ms"),
        value => format!("{value:.2} ms"),
    }
}

fn pair(summary: Option<Summary>) -> String {
    summary.map_or("–".to_owned(), |all| {
        format!("{} / {}", ms(all.p50), ms(all.p99))
    })
}

/// What one way takes more than another.
fn added(one: Option<Summary>, floor: Option<Summary>) -> String {
    match (one, floor) {
        (Some(one), Some(floor)) => {
            format!("{} / {}", ms(one.p50 - floor.p50), ms(one.p99 - floor.p99))
        }
        _ => "–".to_owned(),
    }
}
