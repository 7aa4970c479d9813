//! What is changed through one process holds on the other, also where no
//! wake-up is ever heard.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::json;
use sqlx::PgConnection;
use tokio::time::{Instant, sleep, timeout};

use super::Replicas;
use crate::support::{PASSWORD, PATIENCE, Person, Socket};

/// Longer than a loaded machine needs for a poll of less than a second.
const SOON: Duration = Duration::from_secs(5);

/// The advisory lock that listeners share: who holds it alone keeps them away.
const PRESENCE: i64 = 0x6f6d_6b5f_6865_7265;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_reach_every_process() {
    let replicas = Replicas::all().await;
    reach_every_process(&replicas).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_reach_processes_that_hear_nothing() {
    let replicas = Replicas::all().await;
    let deaf = deafen(&replicas).await;
    reach_every_process(&replicas).await;
    // They were deaf all the while, and hear again.
    assert_eq!(listeners(&replicas).await, 0);
    drop(deaf);
    crate::support::eventually("they listen again", || async {
        listeners(&replicas).await > 0
    })
    .await;
}

/// Cuts off whoever listens for wake-ups, for as long as the connection lives.
async fn deafen(replicas: &Replicas) -> PgConnection {
    let mut holder = replicas.database.connection().await;
    let hold = async {
        loop {
            sqlx::query(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                  WHERE datname = current_database() AND application_name = 'openmake listener'",
            )
            .execute(&mut holder)
            .await
            .expect("cut off");
            let held: bool = sqlx::query_scalar("SELECT pg_try_advisory_lock($1)")
                .bind(PRESENCE)
                .fetch_one(&mut holder)
                .await
                .expect("asked");
            if held {
                return;
            }
        }
    };
    timeout(PATIENCE, hold).await.expect("nobody listens");
    holder
}

/// How many processes listen for wake-ups.
async fn listeners(replicas: &Replicas) -> i64 {
    sqlx::query_scalar(
        "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
          WHERE d.datname = current_database() AND l.locktype = 'advisory'
            AND l.mode = 'ShareLock' AND l.granted
            AND l.classid = ($1::bigint >> 32)::oid AND l.objid = ($1::bigint & 4294967295)::oid",
    )
    .bind(PRESENCE)
    .fetch_one(replicas.database.store().pool())
    .await
    .expect("the locks")
}

/// Requests one after another that must all see a change: enough to reach both
/// ai through one gateway.
const IN_A_ROW: usize = 4;

/// Waits until `reached` by one request after another, and says how long that
/// took.
async fn soon<F>(what: &str, mut reached: impl FnMut() -> F)
where
    F: Future<Output = bool>,
{
    let began = Instant::now();
    let mut times = 0;
    while times < IN_A_ROW {
        if reached().await {
            times += 1;
            continue;
        }
        times = 0;
        assert!(began.elapsed() < SOON, "in vain: {what}");
        sleep(Duration::from_millis(20)).await;
    }
    println!("{what}: {} ms", began.elapsed().as_millis());
}

async fn reach_every_process(replicas: &Replicas) {
    let (here, there) = (replicas.at(0), replicas.at(1));
    let me = there.get("/api/v1/auth/me").await;
    assert_eq!(me.status, StatusCode::OK);
    a_limit(&here, &there).await;
    a_node(replicas, &here, &there).await;
    a_title(&here, &there).await;
    a_key(&here, &there).await;
    a_session(&here, &there).await;
}

async fn a_limit(here: &Person, there: &Person) {
    let body = json!({"limits": [{"name": "requests_per_minute", "value": 54_321},
                                  {"name": "message_characters", "value": 1_000}]});
    let set = here.send(here.request(Method::PATCH, "/api/v1/limits").json(&body));
    let set = set.await;
    assert_eq!(set.status, StatusCode::OK, "{}", set.text);
    soon("a limit of the gateway's", || async {
        let answer = there.get("/api/v1/auth/me").await;
        answer.headers["ratelimit-limit"] == "54321"
    })
    .await;
    let conversation = there.conversation().await;
    let long = "a".repeat(1_001);
    soon("a limit of the ai's", || async {
        let answer = there.try_ask(&conversation, &long).await;
        answer.status == StatusCode::BAD_REQUEST
    })
    .await;
}

async fn a_node(replicas: &Replicas, here: &Person, there: &Person) {
    let body = json!({"name": "second", "kind": "openai",
                      "base_url": format!("{}/v1", replicas.model.base_url())});
    let made = here.post("/api/v1/nodes", body).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    let listed = || async {
        let nodes = there.get("/api/v1/nodes").await;
        nodes.text.contains("\"second\"")
    };
    soon("a node", listed).await;
    let path = format!("/api/v1/nodes/{}", made.body["id"].as_str().expect("an id"));
    let removed = here.send(here.request(Method::DELETE, &path)).await;
    assert_eq!(removed.status, StatusCode::NO_CONTENT, "{}", removed.text);
    soon("a node's end", || async { !listed().await }).await;
}

async fn a_title(here: &Person, there: &Person) {
    let conversation = here.conversation().await;
    let mut socket = Socket::open(there).await;
    let path = format!("/api/v1/conversations/{conversation}");
    let began = Instant::now();
    let renamed = here.request(Method::PATCH, &path);
    let renamed = here.send(renamed.json(&json!({"title": "Otters"}))).await;
    assert_eq!(renamed.status, StatusCode::OK, "{}", renamed.text);
    let told = socket.next_of(|frame| {
        frame["type"] == "conversation.changed"
            && frame["id"] == conversation
            && frame["version"] == renamed.body["version"]
    });
    timeout(SOON, told).await.expect("a title is told soon");
    println!("a title: {} ms", began.elapsed().as_millis());
}

async fn a_key(here: &Person, there: &Person) {
    let made = here.post("/api/v1/api-keys", json!({"name": "key"})).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    let mut program = there.clone();
    program.token = made.body["key"].as_str().map(str::to_owned);
    assert_eq!(program.get("/v1/models").await.status, StatusCode::OK);
    let id = made.body["api_key"]["id"].as_str().expect("an id");
    let path = format!("/api/v1/api-keys/{id}");
    let revoked = here.send(here.request(Method::DELETE, &path)).await;
    assert_eq!(revoked.status, StatusCode::NO_CONTENT, "{}", revoked.text);
    soon("a revoked key", || async {
        program.get("/v1/models").await.status == StatusCode::UNAUTHORIZED
    })
    .await;
}

async fn a_session(here: &Person, there: &Person) {
    let other = Person::sign_in(there.base_url(), "first@example.com", PASSWORD).await;
    let mut socket = Socket::open(&other).await;
    let ended = here.send(here.request(Method::DELETE, "/api/v1/auth/sessions"));
    let ended = ended.await;
    assert!(ended.status.is_success(), "{}", ended.text);
    let began = Instant::now();
    let closed = async {
        loop {
            if let Err(close) = socket.next().await {
                return close.expect("a close frame");
            }
        }
    };
    let close = timeout(SOON, closed).await.expect("closed soon");
    assert_eq!(u16::from(close.code), 4001);
    println!("a revoked session: {} ms", began.elapsed().as_millis());
    let refused = other.get("/api/v1/auth/me").await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    // The session that asked goes on.
    assert_eq!(there.get("/api/v1/auth/me").await.status, StatusCode::OK);
}
