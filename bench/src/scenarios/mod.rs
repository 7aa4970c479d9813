//! What is measured.

pub(crate) mod ceiling;
pub(crate) mod import;
pub(crate) mod memory;
pub(crate) mod replicas;
pub(crate) mod requests;
pub(crate) mod search;
pub(crate) mod start;
pub(crate) mod streams;

use std::path::PathBuf;
use std::time::Duration;

use crate::client::Http;
use crate::processes::{LiteLlm, OpenMake, Scripted};
use crate::ways::{Pace, Way};

/// What a scenario works with.
#[derive(Debug)]
pub(crate) struct Bench {
    pub(crate) http: Http,
    pub(crate) binary: PathBuf,
    pub(crate) scripted: Scripted,
    pub(crate) litellm: Option<LiteLlm>,
    pub(crate) size: Size,
}

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    /// How long each load lasts.
    pub(crate) lasting: Duration,
    /// Streams at once.
    pub(crate) concurrent: &'static [usize],
    /// Streams that are held open to weigh them.
    pub(crate) held: usize,
    /// Starts on existing data.
    pub(crate) starts: usize,
    /// Messages of one account, and of all.
    pub(crate) messages: (usize, usize),
    /// Asks of each list and search.
    pub(crate) searches: usize,
    /// The most streams at once that the ceiling is looked for at.
    pub(crate) ceiling: usize,
}

/// What is written down.
pub(crate) const FULL: Size = Size {
    lasting: Duration::from_secs(20),
    concurrent: &[1, 100, 1000],
    held: 1000,
    starts: 5,
    messages: (100_000, 1_000_000),
    searches: 300,
    ceiling: 6400,
};

/// Whether everything runs.
pub(crate) const SMOKE: Size = Size {
    lasting: Duration::from_secs(3),
    concurrent: &[1, 20],
    held: 20,
    starts: 1,
    messages: (2_000, 10_000),
    searches: 20,
    ceiling: 100,
};

/// A hundred tokens, fifty a second.
pub(crate) const PACE: Pace = Pace {
    tokens: 100,
    first: Duration::from_millis(50),
    every: Duration::from_millis(20),
};

impl Bench {
    /// An OpenMake on an empty data directory.
    pub(crate) async fn openmake(&self) -> anyhow::Result<OpenMake> {
        OpenMake::start(&self.binary, &self.scripted.url, &self.http).await
    }

    /// The ways over OpenAI's protocol, the direct one first.
    pub(crate) async fn openai_ways(&self, openmake: &OpenMake) -> anyhow::Result<Vec<Way>> {
        let mut ways = vec![Way::openai(DIRECT, &self.scripted.url, None)];
        ways.extend(openmake.compat(&self.http).await?);
        ways.extend(self.litellm.as_ref().map(LiteLlm::way));
        Ok(ways)
    }
}

/// What the report calls the way past everything.
pub(crate) const DIRECT: &str = "direct";
