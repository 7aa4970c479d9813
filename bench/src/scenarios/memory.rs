//! What the processes weigh, idle and with streams held open.

use std::time::Duration;

use anyhow::ensure;
use serde::{Deserialize, Serialize};
use tokio::time::sleep;

use super::Bench;
use crate::load::{self, Arrivals};
use crate::processes::{OpenMake, descendants, proportional, resident};
use crate::ways::{Pace, TURNS_NAME, Way};

/// How long a process rests before it is weighed.
const REST: Duration = Duration::from_secs(3);
/// How long the streams take to open.
const OPENING: Duration = Duration::from_secs(10);
/// Streams that say a token a second.
const PACE: Pace = Pace {
    tokens: 25,
    first: Duration::ZERO,
    every: Duration::from_secs(1),
};

/// The weight of one program, in kB.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) program: String,
    /// The serving processes, without a database.
    pub(crate) idle: u64,
    /// With the database.
    pub(crate) idle_with_database: u64,
    /// With so many streams open.
    pub(crate) streams: usize,
    pub(crate) live: u64,
    pub(crate) live_with_database: u64,
}

impl Row {
    /// What one stream adds to the serving processes, in kB.
    pub(crate) fn per_stream(&self) -> f64 {
        let more = u32::try_from(self.live.saturating_sub(self.idle)).unwrap_or(u32::MAX);
        let streams = u32::try_from(self.streams.max(1)).unwrap_or(u32::MAX);
        f64::from(more) / f64::from(streams)
    }
}

pub(crate) async fn run(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    // An instance for each way: what one left behind is not the other's.
    let openmake = bench.openmake().await?;
    let token = openmake.token(&bench.http).await?;
    let turns = Way::turns(&bench.http, openmake.base(), &token, bench.size.held).await?;
    rows.push(weigh(bench, &turns, TURNS_NAME, || of_openmake(&openmake)).await?);
    drop(openmake);
    let openmake = bench.openmake().await?;
    if let Some(compat) = openmake.compat(&bench.http).await? {
        rows.push(weigh(bench, &compat, compat.name, || of_openmake(&openmake)).await?);
    }
    drop(openmake);
    if let Some(litellm) = &bench.litellm {
        let weight = || {
            let mut all = descendants(litellm.pid());
            all.push(litellm.pid());
            let weight = proportional(&all);
            Ok((weight, weight))
        };
        rows.push(weigh(bench, &litellm.way(), "LiteLLM", weight).await?);
    }
    Ok(rows)
}

/// The server alone, and with its database.
fn of_openmake(openmake: &OpenMake) -> anyhow::Result<(u64, u64)> {
    let server = resident(openmake.program.pid())?;
    let others = descendants(openmake.program.pid());
    Ok((server, server + proportional(&others)))
}

async fn weigh(
    bench: &Bench,
    way: &Way,
    program: &str,
    weight: impl Fn() -> anyhow::Result<(u64, u64)>,
) -> anyhow::Result<Row> {
    eprintln!("memory: {program}");
    sleep(REST).await;
    let (idle, idle_with_database) = weight()?;
    let count = bench.size.held;
    let arrivals = Arrivals {
        count,
        every: OPENING / u32::try_from(count.max(1)).unwrap_or(u32::MAX),
    };
    let streams = load::open_loop(arrivals, |(number, due)| {
        let (http, way) = (bench.http.clone(), way.clone());
        async move { way.stream(&http, PACE, (number, due)).await }
    });
    let weighing = async {
        sleep(OPENING + REST).await;
        weight()
    };
    let (seen, weighed) = tokio::join!(streams, weighing);
    let (live, live_with_database) = weighed?;
    let failed = seen.iter().find_map(|stream| stream.problem.as_ref());
    ensure!(failed.is_none(), "a stream failed: {failed:?}");
    Ok(Row {
        program: program.to_owned(),
        idle,
        idle_with_database,
        streams: count,
        live,
        live_with_database,
    })
}
