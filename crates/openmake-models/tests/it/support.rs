//! Scripted model servers on loopback.

use std::{
    collections::VecDeque,
    io,
    net::{Ipv4Addr, SocketAddr},
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Request, State},
    http::{Response, StatusCode, header},
};
use futures_util::{Stream, StreamExt as _, stream};
use openmake_egress::{Egress, EgressSettings, SystemResolver};
use openmake_models::{
    BaseUrl, ChatMessage, ChatRequest, NodeConfig, NodePool, PoolParts, PoolSettings, ProviderKind,
    ProviderLimits, ProviderParts, Role, SecretString,
};
use openmake_types::{FixedIds, Ids as _, NodeId, SystemClock};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::watch, task::JoinSet};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// What a server does with one question.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    /// Answers these pieces and ends well.
    Text(&'static [&'static str]),
    /// Answers these pieces, then nothing more for ever.
    Stall(&'static [&'static str]),
    /// Answers these pieces, then breaks the connection.
    Cut(&'static [&'static str]),
    /// Takes the question and never answers.
    Hang,
    /// An error status with a body.
    Status(u16, &'static str),
    /// A rate limit with `Retry-After`.
    Limited(&'static str),
    /// A redirect that keeps the method.
    Redirect(String),
    /// Plain JSON.
    Json(Value),
}

/// One question as the server saw it.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) path: String,
    pub(crate) authorization: Option<String>,
    pub(crate) body: Value,
}

struct Script {
    models: Vec<Value>,
    loaded: Vec<&'static str>,
    replies: VecDeque<Reply>,
    /// When `replies` is used up.
    default: Reply,
    /// Keys that are taken; all, when empty.
    keys: Vec<&'static str>,
    /// Whether lists are refused too.
    down: bool,
    seen: Vec<Seen>,
}

/// A server of Ollama's protocol that does what it is told.
#[derive(Clone)]
pub(crate) struct Scripted {
    pub(crate) address: SocketAddr,
    script: Arc<Mutex<Script>>,
    /// Streams that clients have not closed.
    open: watch::Sender<usize>,
}

impl Scripted {
    pub(crate) async fn start(tasks: &mut JoinSet<()>, models: &[&str]) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a port");
        let script = Script {
            models: models.iter().map(|name| model(name)).collect(),
            loaded: Vec::new(),
            replies: VecDeque::new(),
            default: Reply::Text(&["Hello", " there"]),
            keys: Vec::new(),
            down: false,
            seen: Vec::new(),
        };
        let server = Self {
            address: listener.local_addr().expect("an address"),
            script: Arc::new(Mutex::new(script)),
            open: watch::Sender::new(0),
        };
        let router = Router::new().fallback(answer).with_state(server.clone());
        tasks.spawn(async move { axum::serve(listener, router).await.expect("a server") });
        server
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn node(&self, name: &str, keys: &[&str]) -> NodeConfig {
        let base_url = BaseUrl::parse(ProviderKind::Ollama, &self.url()).expect("an address");
        let api_keys = keys.iter().map(|key| SecretString::from(*key)).collect();
        NodeConfig {
            api_keys,
            ..NodeConfig::new(node_id(), name, base_url)
        }
    }

    /// Adds what to do with the next questions.
    pub(crate) fn then(&self, replies: impl IntoIterator<Item = Reply>) -> &Self {
        self.with(|script| script.replies.extend(replies));
        self
    }

    pub(crate) fn always(&self, reply: Reply) -> &Self {
        self.with(|script| script.default = reply);
        self
    }

    pub(crate) fn takes_keys(&self, keys: &[&'static str]) -> &Self {
        self.with(|script| script.keys = keys.to_vec());
        self
    }

    pub(crate) fn has_loaded(&self, models: &[&'static str]) -> &Self {
        self.with(|script| script.loaded = models.to_vec());
        self
    }

    pub(crate) fn add_model(&self, name: &str) {
        self.with(|script| script.models.push(model(name)));
    }

    /// Whether everything is refused, lists included.
    pub(crate) fn fails(&self, down: bool) -> &Self {
        self.with(|script| script.down = down);
        self
    }

    /// The questions so far.
    pub(crate) fn asked(&self) -> Vec<Seen> {
        self.with(|script| {
            script
                .seen
                .iter()
                .filter(|seen| is_question(&seen.path))
                .cloned()
                .collect()
        })
    }

    /// Every key that ever came along.
    pub(crate) fn keys_seen(&self) -> Vec<String> {
        self.with(|script| {
            script
                .seen
                .iter()
                .filter_map(|seen| seen.authorization.clone())
                .collect()
        })
    }

    /// Waits until clients hold `count` streams.
    pub(crate) async fn wait_for_open(&self, count: usize) {
        let mut open = self.open.subscribe();
        let reached = open.wait_for(|open| *open == count);
        tokio::time::timeout(Duration::from_secs(20), reached)
            .await
            .expect("in time")
            .expect("a server");
    }

    fn with<T>(&self, change: impl FnOnce(&mut Script) -> T) -> T {
        change(&mut self.script.lock().expect("a lock"))
    }
}

fn model(name: &str) -> Value {
    json!({ "name": name, "digest": format!("sha256:{name}"), "size": 1000, "details": { "family": "test" } })
}

fn is_question(path: &str) -> bool {
    matches!(path, "/api/chat" | "/api/embed")
}

async fn answer(State(server): State<Scripted>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().to_owned();
    let authorization = parts
        .headers
        .get(header::AUTHORIZATION)
        .map(|value| value.to_str().expect("text").to_owned());
    let body = axum::body::to_bytes(body, 1 << 20)
        .await
        .unwrap_or_default();
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let reply = server.with(|script| {
        script.seen.push(Seen {
            path: path.clone(),
            authorization: authorization.clone(),
            body,
        });
        let key = authorization
            .as_deref()
            .and_then(|value| value.strip_prefix("Bearer "))
            .unwrap_or_default();
        if script.down {
            return Reply::Status(503, r#"{"error":"down"}"#);
        }
        if !script.keys.is_empty() && !script.keys.contains(&key) {
            return Reply::Status(401, r#"{"error":"unauthorized"}"#);
        }
        match path.as_str() {
            "/api/tags" => Reply::Json(json!({ "models": script.models })),
            "/api/ps" => {
                let loaded: Vec<Value> = script
                    .loaded
                    .iter()
                    .map(|name| json!({ "name": name }))
                    .collect();
                Reply::Json(json!({ "models": loaded }))
            }
            "/api/version" => Reply::Json(json!({ "version": "0.15.1" })),
            "/api/show" => Reply::Json(json!({ "capabilities": ["completion", "tools"] })),
            path if is_question(path) => script
                .replies
                .pop_front()
                .unwrap_or_else(|| script.default.clone()),
            _ => Reply::Status(404, "404 page not found"),
        }
    });
    respond(&server, reply).await
}

async fn respond(server: &Scripted, reply: Reply) -> Response<Body> {
    let streamed = |pieces: &[&str], end: Vec<Result<Bytes, io::Error>>, stall: bool| {
        let lines: Vec<_> = pieces
            .iter()
            .map(|piece| Ok(line(piece)))
            .chain(end)
            .collect();
        let rest = if stall {
            stream::pending().boxed()
        } else {
            stream::empty().boxed()
        };
        let body = Open::new(server, flushed(lines).chain(rest).boxed());
        Response::new(Body::from_stream(body))
    };
    let status =
        |status: u16| Response::builder().status(StatusCode::from_u16(status).expect("a status"));
    match reply {
        Reply::Text(pieces) => {
            let end = json!({
                "message": { "role": "assistant", "content": "" },
                "done": true, "done_reason": "stop", "prompt_eval_count": 7, "eval_count": 2,
            });
            streamed(pieces, vec![Ok(format!("{end}\n").into())], false)
        }
        Reply::Stall(pieces) => streamed(pieces, Vec::new(), true),
        Reply::Cut(pieces) => streamed(pieces, vec![Err(io::Error::other("cut"))], false),
        Reply::Hang => {
            let _open = Open::new(server, stream::pending().boxed());
            std::future::pending().await
        }
        Reply::Status(code, body) => status(code).body(Body::from(body)).expect("a response"),
        Reply::Limited(after) => status(429)
            .header(header::RETRY_AFTER, after)
            .body(Body::from(r#"{"error":"slow down"}"#))
            .expect("a response"),
        Reply::Redirect(to) => status(307)
            .header(header::LOCATION, to)
            .body(Body::empty())
            .expect("a response"),
        Reply::Json(value) => Response::new(Body::from(value.to_string())),
    }
}

fn line(text: &str) -> Bytes {
    format!(
        "{}\n",
        json!({ "message": { "role": "assistant", "content": text }, "done": false })
    )
    .into()
}

/// Sends each piece before the next one: one that is followed by an error would
/// otherwise be thrown away with the connection.
fn flushed(
    pieces: Vec<Result<Bytes, io::Error>>,
) -> impl Stream<Item = Result<Bytes, io::Error>> + Send {
    stream::iter(pieces).then(async |piece| {
        tokio::task::yield_now().await;
        piece
    })
}

/// A body that is counted while it is held.
struct Open {
    body: stream::BoxStream<'static, Result<Bytes, io::Error>>,
    count: watch::Sender<usize>,
}

impl Open {
    fn new(server: &Scripted, body: stream::BoxStream<'static, Result<Bytes, io::Error>>) -> Self {
        server.open.send_modify(|open| *open += 1);
        Self {
            body,
            count: server.open.clone(),
        }
    }
}

impl Stream for Open {
    type Item = Result<Bytes, io::Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.body.poll_next_unpin(context)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.count.send_modify(|open| *open -= 1);
    }
}

static IDS: std::sync::LazyLock<FixedIds> = std::sync::LazyLock::new(FixedIds::default);

pub(crate) fn node_id() -> NodeId {
    NodeId::from_uuid(IDS.uuid(chrono::DateTime::UNIX_EPOCH))
}

pub(crate) fn limits() -> ProviderLimits {
    ProviderLimits {
        request: Duration::from_secs(20),
        ..ProviderLimits::default()
    }
}

pub(crate) fn provider_parts(limits: ProviderLimits) -> ProviderParts {
    ProviderParts {
        egress: Egress::new(EgressSettings::default(), SystemResolver).expect("a client"),
        limits,
        clock: Arc::new(SystemClock),
        ids: Arc::new(FixedIds::default()),
    }
}

/// A pool whose nodes have all been checked once, and which checks no more by
/// itself.
pub(crate) async fn pool(nodes: Vec<NodeConfig>) -> NodePool {
    stoppable_pool(nodes, limits(), CancellationToken::new()).await
}

pub(crate) async fn stoppable_pool(
    nodes: Vec<NodeConfig>,
    limits: ProviderLimits,
    stop: CancellationToken,
) -> NodePool {
    let parts = PoolParts {
        provider: provider_parts(limits),
        settings: PoolSettings {
            check_interval: Duration::from_hours(1),
            ..PoolSettings::default()
        },
        tracker: TaskTracker::new(),
        stop,
    };
    let pool = NodePool::start(parts, nodes);
    pool.refresh().await;
    pool
}

pub(crate) fn question(model: &str) -> ChatRequest {
    ChatRequest::new(model, vec![ChatMessage::text(Role::User, "Hi")])
}
