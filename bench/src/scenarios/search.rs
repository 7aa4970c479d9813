//! Lists and searches in a large account of a large instance.

use std::fmt::Write as _;
use std::time::Instant;

use anyhow::Context;
use openmake_types::{Clock as _, SystemClock, UserId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Bench;
use crate::client::Ask;
use crate::seed::{self, COMMON, KOREAN, RARE, Seed};
use crate::stats::{Summary, micros};

/// Asks that are not counted.
const WARM: usize = 20;

/// One request.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) what: String,
    /// Conversations in its answer.
    pub(crate) found: usize,
    pub(crate) took_ms: Option<Summary>,
}

pub(crate) async fn run(bench: &Bench) -> anyhow::Result<Vec<Row>> {
    let openmake = bench.openmake().await?;
    let token = openmake.token(&bench.http).await?;
    let me = openmake.url("/api/v1/auth/me");
    let me = bench.http.json(&Ask::get(&me, Some(&token))).await?;
    let owner: Uuid = me["id"]
        .as_str()
        .context("an account without id")?
        .parse()?;
    let (own, all) = bench.size.messages;
    eprintln!("search: writing {all} messages");
    let database = openmake_postgres::attach(&openmake.instance.data_dir())?;
    let seed = Seed {
        owner: UserId::from_uuid(owner),
        own,
        all,
        now: SystemClock.now(),
    };
    seed::write(&database.url(), seed).await?;
    let asks = [
        (
            "list, first page",
            "/api/v1/conversations?limit=50".to_owned(),
        ),
        ("search, a word of every other message", search(COMMON, " ")),
        ("search, its first four letters", search(&COMMON[..4], "")),
        ("search, a word of 3 messages in 10,000", search(RARE, " ")),
        (
            "search, two syllables, 3 messages in 100",
            search(KOREAN, ""),
        ),
        (
            "search, a word and a rare one",
            search(COMMON, &format!(" {RARE} ")),
        ),
        ("search, nothing", search("zzyzx", " ")),
    ];
    let mut rows = Vec::new();
    for (what, path) in asks {
        eprintln!("search: {what}");
        let token = openmake.token(&bench.http).await?;
        let url = openmake.url(&path);
        let mut took = Vec::new();
        let mut found = 0;
        for number in 0..WARM + bench.size.searches {
            let began = Instant::now();
            let answer = bench.http.json(&Ask::get(&url, Some(&token))).await?;
            if number >= WARM {
                took.push(micros(began.elapsed()));
            }
            found = answer["items"].as_array().map_or(0, Vec::len);
        }
        rows.push(Row {
            what: what.to_owned(),
            found,
            took_ms: Summary::of(took),
        });
    }
    Ok(rows)
}

fn search(word: &str, after: &str) -> String {
    let mut path = "/api/v1/search?q=".to_owned();
    for byte in word.bytes().chain(after.bytes()) {
        // A string takes whatever is written.
        let _ = write!(path, "%{byte:02x}");
    }
    path
}
