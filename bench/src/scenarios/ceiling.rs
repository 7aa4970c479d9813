//! How many streams the durable log carries before a token is late.

use serde::{Deserialize, Serialize};

use super::{Bench, DIRECT, streams};
use crate::ways::Way;

/// The added time of a token at which the log is full, in milliseconds.
const LATE: f64 = 50.0;
/// The first step.
const FROM: usize = 50;

/// What was found on the way up.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Found {
    /// Durable turns and the direct connection at each step.
    pub(crate) steps: Vec<Step>,
}

/// One number of streams.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Step {
    pub(crate) durable: streams::Row,
    pub(crate) direct: streams::Row,
}

impl Step {
    /// What the durable way adds to a token at the 99th hundredth.
    pub(crate) fn added(&self) -> f64 {
        let p99 = |row: &streams::Row| row.token_ms.map_or(f64::INFINITY, |all| all.p99);
        p99(&self.durable) - p99(&self.direct)
    }

    /// Whether every stream came whole and in time.
    pub(crate) fn holds(&self) -> bool {
        self.durable.failed == 0 && self.added() < LATE
    }
}

pub(crate) async fn run(bench: &Bench) -> anyhow::Result<Found> {
    let openmake = bench.openmake().await?;
    let direct = Way::openai(DIRECT, &bench.scripted.url, None);
    let mut steps = Vec::new();
    let mut concurrent = FROM;
    while concurrent <= bench.size.ceiling {
        eprintln!("ceiling: {concurrent} streams at once");
        let token = openmake.token(&bench.http).await?;
        let questions = streams::arrivals(concurrent, bench.size.lasting).count;
        let durable = Way::turns(&bench.http, openmake.base(), &token, questions).await?;
        let step = Step {
            direct: streams::measure(bench, &direct, concurrent).await,
            durable: streams::measure(bench, &durable, concurrent).await,
        };
        let holds = step.holds();
        steps.push(step);
        if !holds {
            break;
        }
        // Half as many again: closer than doubling, and soon there.
        concurrent += concurrent / 2;
    }
    Ok(Found { steps })
}
