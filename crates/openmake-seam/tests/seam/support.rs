//! A role on a real socket, and clients of it.

use std::{
    future::pending,
    io,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    Extension, Json, Router,
    body::{Body, Bytes},
    extract::{Query, State},
    http::{HeaderMap, Method, Request, Response},
    response::IntoResponse,
    routing::{get, post},
};
use futures_util::{StreamExt as _, stream};
use http_body_util::BodyExt as _;
use openmake_api::{ApiError, ClientInfo, RequestId};
use openmake_seam::{
    ClientParts, Dress, GuardParts, InternalKeys, Listening, Peer, Resolve, Resolving, RoleClient,
    Side, SystemNames, Target, guarded, serve,
};
use openmake_types::{Actor, Clock as _, SystemClock, UserId};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::{net::TcpListener, time::timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt as _;

/// How long a test waits for what must come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn keys() -> InternalKeys {
    InternalKeys::parse(&"k".repeat(32)).expect("a key")
}

pub(crate) fn actor() -> Actor {
    let role = openmake_types::Role::User;
    Actor {
        user_id: UserId::from_uuid(uuid::Uuid::from_u128(7)),
        role,
        session_id: None,
        api_key_id: None,
        capabilities: role.capabilities(),
        models: openmake_types::ModelAccess::All,
        tokens_per_minute: Some(9),
    }
}

/// A replica of the role.
pub(crate) struct Replica {
    pub(crate) at: SocketAddr,
    pub(crate) counts: Counts,
    leave: CancellationToken,
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// What a replica has done.
#[derive(Clone, Default)]
pub(crate) struct Counts {
    pub(crate) calls: Arc<AtomicUsize>,
    /// Bytes that the endless answer has given.
    pub(crate) endless: Arc<AtomicUsize>,
    /// Handlers and bodies that are alive.
    alive: Arc<AtomicUsize>,
}

impl Counts {
    pub(crate) fn alive(&self) -> usize {
        self.alive.load(Ordering::Relaxed)
    }

    fn live(&self) -> Alive {
        self.alive.fetch_add(1, Ordering::Relaxed);
        Alive(Arc::clone(&self.alive))
    }
}

/// One handler or body.
struct Alive(Arc<AtomicUsize>);

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Replica {
    pub(crate) async fn start() -> Self {
        Self::at(SocketAddr::from(([127, 0, 0, 1], 0))).await
    }

    pub(crate) async fn at(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).await.expect("bound");
        let at = listener.local_addr().expect("bound");
        let counts = Counts::default();
        let (leave, stop) = (CancellationToken::new(), CancellationToken::new());
        let tasks = TaskTracker::new();
        let listening = Listening {
            side: Side::Internal,
            leave: leave.clone(),
            stop: stop.clone(),
            grace: Duration::from_millis(200),
            tasks: tasks.clone(),
        };
        tasks.spawn(serve(listener, router(&counts, &leave), listening));
        Self {
            at,
            counts,
            leave,
            stop,
            tasks,
        }
    }

    /// Says that it leaves, as a role does that was told to stop.
    pub(crate) fn leave(&self) {
        self.leave.cancel();
    }

    pub(crate) async fn stop(self) {
        self.leave.cancel();
        self.stop.cancel();
        self.tasks.close();
        timeout(PATIENCE, self.tasks.wait()).await.expect("ended");
    }
}

fn router(counts: &Counts, leave: &CancellationToken) -> Router {
    let leave = leave.clone();
    let ready = async move || {
        if leave.is_cancelled() {
            axum::http::StatusCode::SERVICE_UNAVAILABLE
        } else {
            axum::http::StatusCode::OK
        }
    };
    let router = Router::new()
        .route("/who", get(who).post(who))
        .route("/echo", post(async |body: Body| body))
        .route("/count", post(count))
        .route("/lines", get(lines))
        .route("/endless", get(endless))
        .route("/hang", get(hang))
        .route(
            "/problem",
            get(async || ApiError::conflict("turn_running", "Wait.")),
        )
        .route("/panic", get(panics))
        .with_state(counts.clone());
    let parts = GuardParts {
        keys: keys(),
        clock: Arc::new(SystemClock),
    };
    guarded(router, parts).merge(Router::new().route("/ready", get(ready)))
}

async fn panics() -> &'static str {
    panic!("as asked")
}

async fn who(
    State(counts): State<Counts>,
    actor: Option<Extension<Actor>>,
    id: Option<Extension<RequestId>>,
    client: ClientInfo,
    headers: HeaderMap,
) -> Json<Value> {
    counts.calls.fetch_add(1, Ordering::Relaxed);
    let names: Vec<&str> = headers.keys().map(axum::http::HeaderName::as_str).collect();
    Json(json!({
        "user": actor.as_ref().map(|actor| actor.user_id.to_string()),
        "tokens": actor.and_then(|actor| actor.tokens_per_minute),
        "request_id": id.map(|id| id.0.0),
        "ip": client.ip,
        "agent": client.user_agent,
        "headers": names,
    }))
}

async fn count(body: Body) -> Result<String, ApiError> {
    let mut stream = body.into_data_stream();
    let mut bytes = 0;
    while let Some(piece) = stream.next().await {
        bytes += piece.map_err(|_| ApiError::invalid("broken"))?.len();
    }
    Ok(bytes.to_string())
}

#[derive(serde::Deserialize)]
pub(crate) struct Lines {
    lines: usize,
}

/// So many lines, each some milliseconds after the one before.
async fn lines(Query(query): Query<Lines>) -> Body {
    let lines = stream::iter(0..query.lines).then(async |line| {
        tokio::time::sleep(Duration::from_millis(20)).await;
        Ok::<_, io::Error>(Bytes::from(format!("{line:01000}\n")))
    });
    Body::from_stream(lines)
}

/// As much as anyone reads.
async fn endless(State(counts): State<Counts>) -> Body {
    let alive = counts.live();
    let pieces = stream::repeat_with(move || {
        let _alive = &alive;
        counts.endless.fetch_add(16 * 1024, Ordering::Relaxed);
        Ok::<_, io::Error>(Bytes::from_static(&[b'x'; 16 * 1024]))
    });
    Body::from_stream(pieces)
}

async fn hang(State(counts): State<Counts>) -> &'static str {
    let _alive = counts.live();
    counts.calls.fetch_add(1, Ordering::Relaxed);
    pending().await
}

/// A client of the role. Dropping it ends its tasks.
pub(crate) struct Client {
    pub(crate) role: RoleClient,
    stop: CancellationToken,
}

impl Drop for Client {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Client {
    pub(crate) fn of(replicas: &[&Replica]) -> Self {
        let targets = replicas.iter().map(|replica| target(replica.at));
        Self::with(targets.collect(), Arc::new(SystemNames), keys())
    }

    pub(crate) fn with(targets: Vec<Target>, names: Arc<dyn Resolve>, keys: InternalKeys) -> Self {
        let stop = CancellationToken::new();
        let role = RoleClient::start(ClientParts {
            peer: Peer::Ai,
            targets,
            names,
            dress: Dress::Identity(keys),
            clock: Arc::new(SystemClock),
            tasks: TaskTracker::new(),
            stop: stop.clone(),
        });
        Self { role, stop }
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Response<Body> {
        let answer = timeout(PATIENCE, self.role.clone().oneshot(request)).await;
        answer.expect("an answer in time").expect("infallible")
    }

    pub(crate) async fn get(&self, path: &str) -> Response<Body> {
        self.send(request(Method::GET, path, Body::empty())).await
    }

    /// The answer's status and code, once it is this status.
    pub(crate) async fn until(&self, path: &str, status: u16) -> Value {
        let asking = async {
            loop {
                let answer = self.get(path).await;
                if answer.status() == status {
                    return json_of(answer).await;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        timeout(PATIENCE, asking).await.expect("it comes")
    }
}

/// Waits until `reached`.
pub(crate) async fn eventually(what: &str, reached: impl Fn() -> bool) {
    let waiting = async {
        while !reached() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    assert!(timeout(PATIENCE, waiting).await.is_ok(), "in vain: {what}");
}

pub(crate) fn target(at: SocketAddr) -> Target {
    format!("http://{at}").parse().expect("a target")
}

pub(crate) fn request(method: Method, path: &str, body: Body) -> Request<Body> {
    let mut request = Request::new(body);
    *request.method_mut() = method;
    *request.uri_mut() = path.parse().expect("a path");
    request.extensions_mut().insert(actor());
    request
}

pub(crate) async fn bytes_of(response: Response<Body>) -> Bytes {
    let body = timeout(PATIENCE, response.into_body().collect()).await;
    body.expect("a body in time").expect("a body").to_bytes()
}

pub(crate) async fn json_of(response: Response<Body>) -> Value {
    serde_json::from_slice(&bytes_of(response).await).unwrap_or(Value::Null)
}

/// A name whose addresses a test sets.
#[derive(Clone, Default)]
pub(crate) struct Names(Arc<Mutex<Vec<IpAddr>>>);

impl Names {
    pub(crate) fn set(&self, addresses: &[IpAddr]) {
        *self.0.lock() = addresses.to_vec();
    }
}

impl Resolve for Names {
    fn resolve<'a>(&'a self, _: &'a str, port: u16) -> Resolving<'a> {
        let found = self.0.lock().clone();
        Box::pin(async move {
            Ok(found
                .into_iter()
                .map(|address| SocketAddr::new(address, port))
                .collect())
        })
    }
}

/// An answer of the guard itself, without a network.
pub(crate) async fn guarded_answer(request: Request<Body>) -> Response<Body> {
    let answer = router(&Counts::default(), &CancellationToken::new()).oneshot(request);
    answer.await.expect("infallible").into_response()
}

/// A valid identity for another request than the one that it is sent with.
pub(crate) fn stolen_identity() -> axum::http::HeaderValue {
    let uri = "/lines".parse().expect("a path");
    let line = openmake_seam::Line::of(&Method::GET, &uri);
    let identity = openmake_seam::Identity::default();
    keys()
        .sign(line, &identity, SystemClock.now())
        .expect("signed")
}
