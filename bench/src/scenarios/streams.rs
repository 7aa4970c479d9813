//! Streams of tokens at once, through each way.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Bench, PACE};
use crate::load::{self, Arrivals};
use crate::stats::Summary;
use crate::stream::Streamed;
use crate::ways::Way;

/// One way at one number of streams.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) way: String,
    pub(crate) concurrent: usize,
    pub(crate) streams: usize,
    pub(crate) failed: usize,
    /// Why, and how often.
    pub(crate) problems: BTreeMap<String, usize>,
    pub(crate) tokens_per_second: f64,
    pub(crate) events_per_second: f64,
    /// From the time at which a stream should have been asked for.
    pub(crate) first_ms: Option<Summary>,
    /// From a token's writing by the model to its reading by the client.
    pub(crate) token_ms: Option<Summary>,
    /// Between tokens.
    pub(crate) gap_ms: Option<Summary>,
}

pub(crate) async fn run(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let openmake = bench.openmake().await?;
    let mut rows = Vec::new();
    for concurrent in bench.size.concurrent.iter().copied() {
        let mut ways = bench.openai_ways(&openmake).await?;
        let token = openmake.token(&bench.http).await?;
        let questions = arrivals(concurrent, bench.size.lasting).count;
        ways.push(Way::turns(&bench.http, openmake.base(), &token, questions).await?);
        for way in &ways {
            eprintln!("streams: {concurrent} at once, {}", way.name);
            rows.push(measure(bench, way, concurrent).await);
        }
    }
    Ok(rows)
}

/// Arrivals that keep so many streams open.
pub(crate) fn arrivals(concurrent: usize, lasting: Duration) -> Arrivals {
    let concurrent = u32::try_from(concurrent).unwrap_or(u32::MAX);
    // The first streams end when the load is whole: they do not count.
    Arrivals::at_rate(
        f64::from(concurrent) / PACE.takes().as_secs_f64(),
        lasting + PACE.takes(),
    )
}

/// Loads one way; streams that began before the load was whole are left out.
pub(crate) async fn measure(bench: &Bench, way: &Way, concurrent: usize) -> Row {
    let arrivals = arrivals(concurrent, bench.size.lasting);
    let seen = load::open_loop(arrivals, |(number, due)| {
        let (http, way) = (bench.http.clone(), way.clone());
        async move { (number, way.stream(&http, PACE, (number, due)).await) }
    })
    .await;
    let counted: Vec<Streamed> = seen
        .into_iter()
        .filter(|(number, _)| *number >= concurrent.min(arrivals.count / 2))
        .map(|(_, streamed)| streamed)
        .collect();
    row(way.name, concurrent, bench.size.lasting, counted)
}

fn row(way: &str, concurrent: usize, lasting: Duration, seen: Vec<Streamed>) -> Row {
    let mut problems = BTreeMap::new();
    let (mut first, mut token, mut gap) = (Vec::new(), Vec::new(), Vec::new());
    let (streams, mut events) = (seen.len(), 0_u32);
    for streamed in seen {
        if let Some(problem) = streamed.problem {
            *problems.entry(problem).or_default() += 1;
        }
        first.extend(streamed.first);
        token.extend(streamed.delays);
        gap.extend(streamed.gaps);
        events = events.saturating_add(u32::try_from(streamed.events).unwrap_or(u32::MAX));
    }
    let tokens = u32::try_from(token.len()).unwrap_or(u32::MAX);
    Row {
        way: way.to_owned(),
        concurrent,
        streams,
        failed: problems.values().sum(),
        problems,
        tokens_per_second: f64::from(tokens) / lasting.as_secs_f64(),
        events_per_second: f64::from(events) / lasting.as_secs_f64(),
        first_ms: Summary::of(first),
        token_ms: Summary::of(token),
        gap_ms: Summary::of(gap),
    }
}
