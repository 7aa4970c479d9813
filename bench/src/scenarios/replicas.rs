//! What one PostgreSQL carries of the durable log, written by one ai and by two
//! behind two gateways, and where the time goes.

use std::fs;

use anyhow::Context;
use serde::{Deserialize, Serialize};
use sqlx::{Connection as _, PgConnection};
use testkit::cluster::{Cluster, Layout, Part};
use testkit::front::Front;
use testkit::program::Instance;

use super::{Bench, PACE, streams};
use crate::processes::{OpenMake, descendants};
use crate::ways::Way;

/// The first step.
const FROM: usize = 50;
/// Clock ticks a second in `/proc`, which Linux fixed long ago.
const TICKS: f64 = 100.0;

/// All steps.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Found {
    pub(crate) steps: Vec<Step>,
}

/// So many streams at once on so many ai.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Step {
    pub(crate) replicas: usize,
    pub(crate) turns: streams::Row,
    /// Turns that began in a second of the load.
    pub(crate) turns_per_second: f64,
    /// Of the database: commits, flushes of its log, and MB of it.
    pub(crate) commits_per_second: f64,
    pub(crate) flushes_per_second: f64,
    pub(crate) wal_mb_per_second: f64,
    /// Cores that were busy with the program, PostgreSQL, the scripted model,
    /// and the load.
    pub(crate) cores: [f64; 4],
    /// What else the machine did before: its load average.
    pub(crate) load_before: f64,
}

impl Step {
    /// Whether every stream came whole.
    fn holds(&self) -> bool {
        self.turns.failed == 0
    }
}

pub(crate) async fn run(bench: &Bench) -> anyhow::Result<Found> {
    let mut steps = Vec::new();
    for replicas in [1, 2] {
        let mut concurrent = FROM;
        while concurrent <= bench.size.ceiling {
            eprintln!("replicas: {concurrent} streams at once on {replicas}");
            let step = step(bench, replicas, concurrent).await?;
            let holds = step.holds();
            steps.push(step);
            if !holds {
                break;
            }
            concurrent += concurrent / 2;
        }
    }
    Ok(Found { steps })
}

/// One load on a database of its own.
async fn step(bench: &Bench, replicas: usize, concurrent: usize) -> anyhow::Result<Step> {
    let load_before = load_average();
    // It holds the database and takes no load.
    let instance = Instance::new(&bench.binary)
        .with_env("OPENAI_BASE_URL", &bench.scripted.url)
        // Its database takes twenty more: enough for all of the others.
        .with_env("OPENMAKE_DATABASE_CONNECTIONS", "60");
    let holder = OpenMake::on(instance, &bench.http).await?;
    let token = holder.token(&bench.http).await?;
    let database = openmake_postgres::attach(&holder.instance.data_dir())?.url();
    let cluster = start(bench, &holder, &database, replicas).await;
    let front = Front::start(cluster.gateways()).await;
    let questions = streams::arrivals(concurrent, bench.size.lasting).count;
    let way = Way::turns(&bench.http, &front.base_url(), &token, questions).await?;
    let mut connection = PgConnection::connect(&database).await?;
    let processes = Processes::of(bench, &cluster, replicas);
    let (counted, busy) = (Counted::read(&mut connection).await?, processes.busy());
    let began = std::time::Instant::now();
    let turns = streams::measure(bench, &way, concurrent).await;
    let seconds = began.elapsed().as_secs_f64();
    let (then, busy_then) = (Counted::read(&mut connection).await?, processes.busy());
    let rate = |from: f64, to: f64| (to - from) / seconds;
    let mut cores = [0.0; 4];
    for (core, (from, to)) in cores.iter_mut().zip(busy.into_iter().zip(busy_then)) {
        *core = rate(from, to);
    }
    Ok(Step {
        replicas,
        turns_per_second: f64::from(u32::try_from(concurrent).unwrap_or(u32::MAX))
            / PACE.takes().as_secs_f64(),
        turns,
        commits_per_second: rate(counted.commits, then.commits),
        flushes_per_second: rate(counted.flushes, then.flushes),
        wal_mb_per_second: rate(counted.wal_bytes, then.wal_bytes) / 1e6,
        cores,
        load_before,
    })
}

async fn start(bench: &Bench, holder: &OpenMake, database: &str, replicas: usize) -> Cluster {
    let key = holder.instance.data_dir().join("master.key");
    let mut cluster = Cluster::new(Layout::Apart, &bench.binary, database, |instance| {
        instance
            .with_env("OPENMAKE_KEY_FILE", &key)
            .with_env("OPENAI_BASE_URL", &bench.scripted.url)
    });
    for part in parts(replicas) {
        cluster.start(part).await;
    }
    cluster
}

/// Who runs: both gateways, and so many ai.
fn parts(replicas: usize) -> impl Iterator<Item = Part> {
    let gateways = [Part::Gateway(0), Part::Gateway(1)];
    (0..replicas).map(Part::Ai).chain(gateways)
}

/// What the database has counted.
struct Counted {
    commits: f64,
    flushes: f64,
    wal_bytes: f64,
}

impl Counted {
    async fn read(connection: &mut PgConnection) -> anyhow::Result<Self> {
        let (commits, flushes, wal_bytes) = sqlx::query_as(
            "SELECT (SELECT sum(xact_commit)::float8 FROM pg_stat_database),
                    (SELECT coalesce(sum(fsyncs), 0)::float8 FROM pg_stat_io
                      WHERE object = 'wal'),
                    (SELECT wal_bytes::float8 FROM pg_stat_wal)",
        )
        .fetch_one(connection)
        .await
        .context("what the database counts")?;
        Ok(Self {
            commits,
            flushes,
            wal_bytes,
        })
    }
}

/// Who uses the processor.
struct Processes {
    program: Vec<i32>,
    postgres: Vec<i32>,
    model: Vec<i32>,
    load: Vec<i32>,
}

impl Processes {
    fn of(bench: &Bench, cluster: &Cluster, replicas: usize) -> Self {
        let own = i32::try_from(std::process::id()).unwrap_or(0);
        let is_postgres = |pid: &i32| {
            let name = fs::read_to_string(format!("/proc/{pid}/comm"));
            name.is_ok_and(|name| name.trim() == "postgres")
        };
        Self {
            program: parts(replicas)
                .map(|part| cluster.program(part).pid())
                .collect(),
            postgres: descendants(own).into_iter().filter(is_postgres).collect(),
            model: vec![bench.scripted.pid()],
            load: vec![own],
        }
    }

    /// Seconds of processor time that each has used.
    fn busy(&self) -> [f64; 4] {
        [&self.program, &self.postgres, &self.model, &self.load]
            .map(|pids| pids.iter().filter_map(|pid| used(*pid)).sum())
    }
}

/// Seconds of processor time that a process has used; none once it is gone.
fn used(pid: i32) -> Option<f64> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, in brackets, may have any characters in it.
    let (_, rest) = text.rsplit_once(") ")?;
    let mut fields = rest.split(' ').skip(11).map(str::parse::<f64>);
    Some((fields.next()?.ok()? + fields.next()?.ok()?) / TICKS)
}

fn load_average() -> f64 {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let first = text.split(' ').next().unwrap_or_default();
    first.parse().unwrap_or(0.0)
}
