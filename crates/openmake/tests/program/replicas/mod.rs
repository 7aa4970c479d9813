//! Several processes on one database: what one writes all show, and what one
//! leaves behind another ends. Two that do everything, or, where the tests run
//! the roles apart, two gateways and two ai.

mod changes;
mod endings;
mod restarts;
mod starts;
mod watching;

use chrono::{DateTime, Utc};
use testkit::{
    cluster::{Cluster, Layout, Part},
    database::TestDatabase,
    model::ModelServer,
};
use tokio::time::{sleep, timeout};

use crate::support::{Begun, Event, PATIENCE, PROGRAM, Person, Watch, is_end};

/// For what needs a lease to run out, or several processes to restart.
const LONG: std::time::Duration = std::time::Duration::from_secs(90);

/// Processes on a database of their own with a scripted model, and the first
/// account.
struct Replicas {
    model: ModelServer,
    // Dropped in this order: the processes, then their database.
    cluster: Cluster,
    database: TestDatabase,
    person: Person,
}

impl Replicas {
    /// Both gateways and one ai, so that it is known where turns run; with
    /// processes that do everything, one of them.
    async fn with_one_ai() -> Self {
        let model = ModelServer::start().await;
        let database = TestDatabase::create().await;
        let connected = format!("{}/v1", model.base_url());
        let mut cluster = Cluster::new(Layout::here(), PROGRAM, database.url(), |instance| {
            instance.with_env("OPENAI_BASE_URL", connected.clone())
        });
        cluster.start(Part::Ai(0)).await;
        cluster.start(Part::Gateway(0)).await;
        let person = Person::register(&cluster.base_url(0), "first@example.com").await;
        Self {
            model,
            cluster,
            database,
            person,
        }
    }

    /// All of them.
    async fn all() -> Self {
        let mut replicas = Self::with_one_ai().await;
        replicas.cluster.start_all().await;
        replicas
    }

    /// The first account, at this gateway.
    fn at(&self, gateway: usize) -> Person {
        self.person.at(&self.cluster.base_url(gateway))
    }

    /// The database's time.
    async fn now(&self) -> DateTime<Utc> {
        sqlx::query_scalar("SELECT clock_timestamp()")
            .fetch_one(self.database.store().pool())
            .await
            .expect("the time")
    }
}

/// Watches a turn from after `seen` to its end. Where the stream is cut, or
/// nobody answers, it is opened again from where it was.
async fn follow(person: &Person, begun: &Begun, seen: Vec<Event>) -> Vec<Event> {
    let mut events = seen;
    let watching = async {
        while !events.last().is_some_and(is_end) {
            let after = events.last().map_or(0, |event| event.seq);
            match try_watch(person, begun, after).await {
                Some(mut watch) => {
                    while let Some(event) = watch.next().await {
                        events.push(event);
                    }
                }
                None => sleep(std::time::Duration::from_millis(50)).await,
            }
        }
    };
    let watched = timeout(LONG, watching).await;
    assert!(watched.is_ok(), "no end after {events:#?}");
    events
}

async fn try_watch(person: &Person, begun: &Begun, after: u64) -> Option<Watch> {
    let path = format!("/api/v1/turns/{}/events?after={after}", begun.turn);
    let request = person.request(reqwest::Method::GET, &path);
    let response = timeout(PATIENCE, request.send()).await.ok()?.ok()?;
    let status = response.status();
    assert!(
        status.is_success() || status.is_server_error(),
        "a watcher is refused: {status}"
    );
    status.is_success().then(|| Watch::new(response))
}
