//! From the start of the process to the line that says it is ready.

use std::time::Instant;

use serde::{Deserialize, Serialize};
use testkit::program::Instance;

use super::Bench;
use crate::stats::{Summary, micros};

/// The program's start and size.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Found {
    /// On an empty data directory, which makes a database.
    pub(crate) first_ms: f64,
    /// On an existing one.
    pub(crate) later_ms: Option<Summary>,
    pub(crate) binary_bytes: u64,
    /// LiteLLM's, to its first answer.
    pub(crate) litellm_ms: Option<f64>,
}

pub(crate) async fn run(bench: &Bench) -> anyhow::Result<Found> {
    eprintln!("start");
    let instance =
        Instance::new(&bench.binary).with_env("OPENAI_BASE_URL", bench.scripted.url.clone());
    let first = start(&instance).await;
    let mut later = Vec::new();
    for _ in 0..bench.size.starts {
        later.push(start(&instance).await);
    }
    let litellm = bench.litellm.as_ref();
    Ok(Found {
        first_ms: f64::from(first) / 1000.0,
        later_ms: Summary::of(later),
        binary_bytes: std::fs::metadata(&bench.binary)?.len(),
        litellm_ms: litellm.map(|one| one.started().as_secs_f64() * 1000.0),
    })
}

/// Starts, and stops in order.
async fn start(instance: &Instance) -> u32 {
    let began = Instant::now();
    let mut program = instance.launch();
    program.ready().await;
    let took = micros(began.elapsed());
    program.terminate();
    program.ended().await;
    took
}
