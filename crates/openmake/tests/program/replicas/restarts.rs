//! Processes are restarted one after another while people talk, and the
//! database under all of them.

use std::{
    cell::Cell,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    pin::pin,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use openmake_postgres::{Binaries, EmbeddedPostgres, Settings};
use reqwest::{Method, StatusCode};
use serde_json::json;
use testkit::{
    cluster::{Cluster, Layout},
    front::Front,
    model::{Gate, ModelServer, Script, Step},
    program::{kill_process, wait_until_gone},
};
use tokio::time::sleep;
use tokio_util::task::TaskTracker;

use super::{Replicas, follow};
use crate::support::{
    Answer, Begun, Event, PROGRAM, Person, Socket, all, assert_whole, count_to, eventually, text_of,
};

/// Words of an answer: about a second of the model's writing.
const WORDS: usize = 80;
/// People who ask one question after another.
const TALKERS: usize = 4;
/// People who call what does not stream.
const CALLERS: usize = 2;
/// How long a client waits before it tries once more.
const BEFORE_RETRY: Duration = Duration::from_millis(500);

/// A turn that was followed to its end.
struct Told {
    conversation: String,
    begun: Begun,
    events: Vec<Event>,
}

/// People under whom the processes are restarted.
struct Crowd<'a> {
    model: &'a ModelServer,
    person: Person,
    /// What the model writes at.
    pace: Gate,
    over: Cell<bool>,
    calls: AtomicU32,
    retries: AtomicU32,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn restarting_one_process_after_another_loses_nothing() {
    let Replicas {
        model,
        mut cluster,
        database,
        person,
    } = Replicas::all().await;
    let front = Front::start(cluster.gateways()).await;
    let crowd = Crowd {
        model: &model,
        person: person.at(&front.base_url()).roaming(),
        pace: Gate::closed(),
        over: Cell::new(false),
        calls: AtomicU32::new(0),
        retries: AtomicU32::new(0),
    };
    let restarts = async {
        for part in cluster.parts() {
            // Everybody is in the middle of something.
            model.wait_for_chats(model.chats().len() + TALKERS).await;
            cluster.stop(part).await;
            cluster.start(part).await;
        }
        crowd.over.set(true);
    };
    let pacing = async {
        while !crowd.over.get() {
            crowd.pace.open(TALKERS);
            sleep(Duration::from_millis(10)).await;
        }
        crowd.pace.open_wide();
    };
    // The model's queue is one: who gets which script is open.
    let ((), (), told, endless, _) = tokio::join!(
        restarts,
        pacing,
        all((0..TALKERS).map(|_| crowd.talk(Script::gated(&count_to(WORDS), &crowd.pace)))),
        all((0..2).map(|_| crowd.talk(Script::new([Step::Text("So far".to_owned()), Step::Hang])))),
        all((0..CALLERS).map(|_| crowd.call())),
    );
    let told: Vec<Told> = told.into_iter().chain(endless).flatten().collect();
    let count = |end: &str| told.iter().filter(|turn| turn.end() == end).count();
    let (completed, interrupted) = (count("turn.completed"), count("turn.interrupted"));
    println!(
        "{completed} turns completed, {interrupted} interrupted; {} calls, of which {} once more",
        crowd.calls.load(Ordering::Relaxed),
        crowd.retries.load(Ordering::Relaxed),
    );
    assert!(completed > 0 && interrupted > 0);
    for turn in &told {
        assert_whole(&turn.events);
        let message = crowd.person.message(&turn.conversation, &turn.begun.answer);
        let message = message.await;
        assert_eq!(message["content"], text_of(&turn.events));
        match turn.end() {
            "turn.completed" => assert_eq!(text_of(&turn.events), count_to(WORDS)),
            "turn.interrupted" => {
                let end = turn.events.last().expect("an end");
                assert_eq!(end.data["reason"], "shutdown", "{end:?}");
            }
            other => assert_eq!(other, "turn.cancelled"),
        }
    }
    drop((cluster, database));
}

impl Told {
    fn end(&self) -> &str {
        &self.events.last().expect("an end").name
    }
}

impl Crowd<'_> {
    /// Asks and listens, again and again. What has not ended when all is over
    /// is stopped.
    async fn talk(&self, script: Script) -> Vec<Told> {
        let mut told = Vec::new();
        while !self.over.get() {
            self.model.push(script.clone());
            let (conversation, begun) = self.ask().await;
            let events = self.listen(&begun).await;
            told.push(Told {
                conversation,
                begun,
                events,
            });
        }
        told
    }

    async fn listen(&self, begun: &Begun) -> Vec<Event> {
        let mut following = pin!(follow(&self.person, begun, Vec::new()));
        tokio::select! {
            events = &mut following => return events,
            () = self.until_over() => {}
        }
        let path = format!("/api/v1/turns/{}/cancel", begun.turn);
        let stop = || self.person.request(Method::POST, &path);
        let stopped = self.once_more(stop).await;
        assert!(stopped.status.is_success(), "{}", stopped.text);
        following.await
    }

    async fn until_over(&self) {
        while !self.over.get() {
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// Calls what does not stream.
    async fn call(&self) {
        while !self.over.get() {
            for path in ["/api/v1/conversations", "/api/v1/auth/me"] {
                let answer = self
                    .once_more(|| self.person.request(Method::GET, path))
                    .await;
                assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
            }
            sleep(Duration::from_millis(20)).await;
        }
    }

    async fn ask(&self) -> (String, Begun) {
        let made = self
            .once_more(|| {
                let request = self.person.request(Method::POST, "/api/v1/conversations");
                request.json(&json!({}))
            })
            .await;
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
        let conversation = made.body["id"].as_str().expect("an id").to_owned();
        let path = format!("/api/v1/conversations/{conversation}/turns");
        let begun = self
            .once_more(|| {
                let request = self.person.request(Method::POST, &path);
                // The same key: a second try starts no second turn.
                request
                    .header("idempotency-key", &conversation)
                    .json(&json!({"content": "Count."}))
            })
            .await
            .begun();
        (conversation, begun)
    }

    /// As clients do: one more try where nobody took the request.
    async fn once_more(&self, request: impl Fn() -> reqwest::RequestBuilder) -> Answer {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let unavailable = [StatusCode::BAD_GATEWAY, StatusCode::SERVICE_UNAVAILABLE];
        match self.person.try_send(request()).await {
            Ok(answer) if !unavailable.contains(&answer.status) => return answer,
            _ => {}
        }
        self.retries.fetch_add(1, Ordering::Relaxed);
        sleep(BEFORE_RETRY).await;
        self.person.send(request()).await
    }
}

/// A PostgreSQL that can be restarted, in `directory`.
async fn own_database(directory: &Path) -> EmbeddedPostgres {
    let binaries = std::env::var_os("OPENMAKE_TEST_POSTGRES_BIN").expect("run by xtask with-db");
    let binaries = Binaries::open(Path::new(&binaries)).expect("PostgreSQL");
    let settings = Settings {
        supervisor: Some(PROGRAM.into()),
        runtime_parents: vec![directory.to_owned()],
        ..Settings::new(directory.join("data"), binaries)
    };
    let started = EmbeddedPostgres::start(settings, &TaskTracker::new()).await;
    started.expect("a database")
}

fn postmaster(directory: &Path) -> Option<i32> {
    let content = fs::read_to_string(directory.join("data/postgres/postmaster.pid")).ok()?;
    content.lines().next()?.trim().parse().ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_restarts_under_all_of_them_loses_nothing() {
    let directory = tempfile::Builder::new()
        .prefix("openmake-replicas-")
        // As root, the server's account must pass through it.
        .permissions(fs::Permissions::from_mode(0o711))
        .tempdir()
        .expect("a directory");
    let database = own_database(directory.path()).await;
    let model = ModelServer::start().await;
    let url = database.connect_info().url();
    let connected = format!("{}/v1", model.base_url());
    let mut cluster = Cluster::new(Layout::here(), PROGRAM, &url, |instance| {
        instance.with_env("OPENAI_BASE_URL", connected.clone())
    });
    cluster.start_all().await;
    let here = Person::register(&cluster.base_url(0), "first@example.com").await;
    let there = here.at(&cluster.base_url(1));

    let gate = Gate::closed();
    model.push(Script::gated(&count_to(60), &gate));
    let (conversation, begun) = here.ask_anew("Count.").await;
    let mut watch = there.watch(&begun, 0).await;
    let mut socket = Socket::open(&there).await;
    socket.subscribe(&begun.turn, 0).await;
    gate.open(20);
    let seen = watch.until("text.delta").await;
    let before = postmaster(directory.path()).expect("it runs");
    kill_process(before);
    wait_until_gone(before).await;
    gate.open_wide();
    let events = follow(&there, &begun, seen).await;
    assert_whole(&events);
    assert_eq!(text_of(&events), count_to(60));
    assert_eq!(socket.events(&begun.turn).await, events);
    assert_ne!(postmaster(directory.path()), Some(before));
    for person in [&here, &there] {
        eventually("it is ready again", || async {
            person.ready().await == StatusCode::OK
        })
        .await;
        let message = person.message(&conversation, &begun.answer).await;
        assert_eq!(message["content"], count_to(60));
    }
    // What one changes reaches the other's socket as before.
    let path = format!("/api/v1/conversations/{conversation}");
    let renamed = here.request(Method::PATCH, &path);
    let renamed = here.send(renamed.json(&json!({"title": "Otters"}))).await;
    assert_eq!(renamed.status, StatusCode::OK, "{}", renamed.text);
    socket
        .next_of(|frame| {
            frame["type"] == "conversation.changed" && frame["version"] == renamed.body["version"]
        })
        .await;
    drop(cluster);
    database.stop().await.expect("it stops");
}
