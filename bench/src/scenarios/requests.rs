//! Requests that do not stream, over OpenAI's protocol.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::Bench;
use crate::load::{self, Arrivals};
use crate::stats::{Summary, micros};
use crate::ways::{Pace, Way};

/// Connections at once.
const CONNECTIONS: usize = 64;
/// Requests a second of the open loop: few enough that nothing queues.
const RATE: f64 = 200.0;
/// An answer of a sentence, at once.
const PACE: Pace = Pace {
    tokens: 16,
    first: Duration::ZERO,
    every: Duration::ZERO,
};

/// One way.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) way: String,
    /// As many as it answers to 64 connections that ask again at once.
    pub(crate) per_second: f64,
    /// What each of those took.
    pub(crate) loaded_ms: Option<Summary>,
    /// What each of 200 a second took.
    pub(crate) calm_ms: Option<Summary>,
    pub(crate) failed: usize,
}

pub(crate) async fn run(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let openmake = bench.openmake().await?;
    let mut rows = Vec::new();
    for way in bench.openai_ways(&openmake).await? {
        eprintln!("requests: {}", way.name);
        rows.push(measure(bench, &way).await);
    }
    Ok(rows)
}

async fn measure(bench: &Bench, way: &Way) -> Row {
    let calm = load::open_loop(Arrivals::at_rate(RATE, bench.size.lasting), |(_, due)| {
        let (http, way) = (bench.http.clone(), way.clone());
        async move { way.whole(&http, PACE).await.map(|()| micros(due.elapsed())) }
    })
    .await;
    let end = Instant::now() + bench.size.lasting;
    let (http, shared) = (bench.http.clone(), Arc::new(way.clone()));
    let loaded = load::each(CONNECTIONS, CONNECTIONS, move |_| {
        let (http, way) = (http.clone(), Arc::clone(&shared));
        async move {
            let mut took = Vec::new();
            while Instant::now() < end {
                let began = Instant::now();
                took.push(
                    way.whole(&http, PACE)
                        .await
                        .map(|()| micros(began.elapsed())),
                );
            }
            took
        }
    })
    .await;
    let loaded: Vec<_> = loaded.into_iter().flatten().collect();
    let failed = calm
        .iter()
        .chain(&loaded)
        .filter(|one| one.is_err())
        .count();
    let loaded: Vec<u32> = loaded.into_iter().flatten().collect();
    let answered = u32::try_from(loaded.len()).unwrap_or(u32::MAX);
    Row {
        way: way.name.to_owned(),
        per_second: f64::from(answered) / bench.size.lasting.as_secs_f64(),
        loaded_ms: Summary::of(loaded),
        calm_ms: Summary::of(calm.into_iter().flatten().collect()),
        failed,
    }
}
