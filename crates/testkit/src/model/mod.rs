//! A model server that says what its test wrote, in both protocols.
//!
//! Each chat request takes the next [`Script`] of the queue; a request for a
//! title takes [`ModelServer::set_title`]'s instead, so that titles never
//! disturb a test's script. Where a script waits, it waits for its [`Gate`],
//! never for a time.

mod script;
mod wire;

use std::{
    collections::VecDeque,
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use futures_util::stream;
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::Notify, time::timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use script::{Gate, Script, Step};
pub use wire::Protocol;

/// How long a test waits for something that has to come.
const PATIENCE: Duration = Duration::from_secs(20);

/// The model that every server has unless it is told otherwise.
pub const MODEL: &str = "scripted:1b";

/// A scripted model server on loopback. Dropping it ends it.
pub struct ModelServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: CancellationToken,
}

impl std::fmt::Debug for ModelServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ModelServer")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

/// One chat request, as it came.
#[derive(Debug, Clone)]
pub struct ChatLog {
    /// Which protocol it spoke.
    pub protocol: Protocol,
    /// Its body.
    pub body: Value,
    /// Its `Authorization` header.
    pub authorization: Option<String>,
}

impl ChatLog {
    /// The messages, as role and text.
    pub fn messages(&self) -> Vec<(String, String)> {
        let text = |value: Option<&Value>| match value {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Array(parts)) => parts
                .iter()
                .filter_map(|part| part.get("text").and_then(Value::as_str))
                .collect(),
            _ => String::new(),
        };
        self.body
            .get("messages")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .map(|message| (text(message.get("role")), text(message.get("content"))))
            .collect()
    }

    fn asks_for_title(&self) -> bool {
        self.messages()
            .iter()
            .any(|(_, text)| text.starts_with("Write a title for the conversation"))
    }
}

/// A model that the server lists.
#[derive(Debug, Clone)]
pub struct ListedModel {
    /// Its name.
    pub name: String,
    /// What Ollama calls its capabilities: `completion`, `tools`, …
    pub capabilities: Vec<&'static str>,
    /// The tokens that it can read.
    pub context_length: u64,
}

impl ListedModel {
    /// A model that can do everything.
    pub fn able(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            capabilities: vec!["completion", "tools", "vision", "thinking"],
            context_length: 32_768,
        }
    }

    /// A model that turns texts into vectors and does nothing else.
    pub fn embedding(name: &str) -> Self {
        Self {
            capabilities: vec!["embedding"],
            ..Self::able(name)
        }
    }
}

struct Shared {
    models: Mutex<Vec<ListedModel>>,
    scripts: Mutex<VecDeque<Script>>,
    title: Mutex<Script>,
    chats: Mutex<Vec<ChatLog>>,
    open: AtomicUsize,
    changed: Notify,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl ModelServer {
    /// Starts one that lists [`MODEL`].
    pub async fn start() -> Self {
        Self::start_with(vec![ListedModel::able(MODEL)]).await
    }

    /// Starts one that lists these models.
    ///
    /// # Panics
    /// Without a free port.
    pub async fn start_with(models: Vec<ListedModel>) -> Self {
        let listener = match TcpListener::bind(("127.0.0.1", 0)).await {
            Ok(listener) => listener,
            Err(error) => panic!("no port for a model server: {error}"),
        };
        let address = match listener.local_addr() {
            Ok(address) => address,
            Err(error) => panic!("a model server without an address: {error}"),
        };
        let shared = Arc::new(Shared {
            models: Mutex::new(models),
            scripts: Mutex::default(),
            title: Mutex::new(Script::text("A scripted title")),
            chats: Mutex::default(),
            open: AtomicUsize::new(0),
            changed: Notify::new(),
        });
        let stop = CancellationToken::new();
        let serving = stop.clone();
        let router = router(Arc::clone(&shared));
        TaskTracker::new().spawn(async move {
            tokio::select! {
                () = serving.cancelled() => {}
                served = axum::serve(listener, router) => {
                    if let Err(error) = served {
                        panic!("the scripted model server failed: {error}");
                    }
                }
            }
        });
        Self {
            address,
            shared,
            stop,
        }
    }

    /// Where it is; both protocols are served there.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What the next chat request is answered with.
    pub fn push(&self, script: Script) {
        lock(&self.shared.scripts).push_back(script);
    }

    /// Drops the scripts that no request has taken.
    pub fn forget_scripts(&self) {
        lock(&self.shared.scripts).clear();
    }

    /// What requests for titles are answered with.
    pub fn set_title(&self, script: Script) {
        *lock(&self.shared.title) = script;
    }

    /// Other models from now on.
    pub fn set_models(&self, models: Vec<ListedModel>) {
        *lock(&self.shared.models) = models;
    }

    /// The chat requests so far, those for titles left out.
    pub fn chats(&self) -> Vec<ChatLog> {
        lock(&self.shared.chats)
            .iter()
            .filter(|chat| !chat.asks_for_title())
            .cloned()
            .collect()
    }

    /// The requests for titles so far.
    pub fn titles(&self) -> Vec<ChatLog> {
        lock(&self.shared.chats)
            .iter()
            .filter(|chat| chat.asks_for_title())
            .cloned()
            .collect()
    }

    /// Answers that are being written now.
    pub fn open_answers(&self) -> usize {
        self.shared.open.load(Ordering::SeqCst)
    }

    /// Waits until there are `count` chat requests, titles left out.
    pub async fn wait_for_chats(&self, count: usize) {
        self.wait("a chat request", || self.chats().len() >= count)
            .await;
    }

    /// Waits until no answer is being written: the client has closed its
    /// connections or has been answered.
    pub async fn wait_until_idle(&self) {
        self.wait("the end of all answers", || self.open_answers() == 0)
            .await;
    }

    async fn wait(&self, what: &str, reached: impl Fn() -> bool) {
        let waiting = async {
            loop {
                let changed = self.shared.changed.notified();
                if reached() {
                    return;
                }
                changed.await;
            }
        };
        assert!(
            timeout(PATIENCE, waiting).await.is_ok(),
            "the model server waited in vain for {what}"
        );
    }
}

impl Drop for ModelServer {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route(
            "/api/version",
            get(|| async { Json(json!({"version": "0.12.0"})) }),
        )
        .route("/api/tags", get(tags))
        .route("/api/ps", get(|| async { Json(json!({"models": []})) }))
        .route("/api/show", post(show))
        .route("/api/chat", post(ollama_chat))
        .route("/api/embed", post(ollama_embed))
        .route("/v1/models", get(models))
        .route("/v1/embeddings", post(openai_embed))
        .route("/v1/chat/completions", post(openai_chat))
        .with_state(shared)
}

async fn tags(State(shared): State<Arc<Shared>>) -> Json<Value> {
    let models: Vec<Value> = lock(&shared.models)
        .iter()
        .map(|model| json!({"name": model.name, "model": model.name, "digest": "0", "size": 1}))
        .collect();
    Json(json!({ "models": models }))
}

async fn show(State(shared): State<Arc<Shared>>, Json(body): Json<Value>) -> Response {
    let name = body
        .get("model")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let models = lock(&shared.models);
    let Some(model) = models.iter().find(|model| model.name == name) else {
        return (
            StatusCode::NOT_FOUND,
            Json(json!({"error": "model not found"})),
        )
            .into_response();
    };
    Json(json!({
        "details": {"family": "script", "parameter_size": "1B"},
        "model_info": {
            "general.architecture": "script",
            "script.context_length": model.context_length,
        },
        "capabilities": model.capabilities,
    }))
    .into_response()
}

async fn models(State(shared): State<Arc<Shared>>) -> Json<Value> {
    let models: Vec<Value> = lock(&shared.models)
        .iter()
        .map(|model| {
            json!({
                "id": model.name,
                "object": "model",
                "max_model_len": model.context_length,
                "capabilities": {
                    "function_calling": model.capabilities.contains(&"tools"),
                    "vision": model.capabilities.contains(&"vision"),
                },
            })
        })
        .collect();
    Json(json!({"object": "list", "data": models}))
}

async fn ollama_embed(Json(body): Json<Value>) -> Json<Value> {
    let vectors = wire::vectors(&body);
    Json(
        json!({"model": body["model"], "embeddings": vectors, "prompt_eval_count": 2 * vectors.len()}),
    )
}

async fn openai_embed(Json(body): Json<Value>) -> Json<Value> {
    let vectors = wire::vectors(&body);
    let tokens = 2 * vectors.len();
    let data: Vec<Value> = vectors
        .into_iter()
        .enumerate()
        .map(|(index, vector)| json!({"object": "embedding", "index": index, "embedding": vector}))
        .collect();
    Json(json!({
        "object": "list", "data": data, "model": body["model"],
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }))
}

async fn ollama_chat(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Response {
    chat(shared, Protocol::Ollama, &headers, body).await
}

async fn openai_chat(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Response {
    chat(shared, Protocol::OpenAi, &headers, body).await
}

async fn chat(
    shared: Arc<Shared>,
    protocol: Protocol,
    headers: &HeaderMap,
    body: Value,
) -> Response {
    let log = ChatLog {
        protocol,
        body,
        authorization: headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned),
    };
    let script = if log.asks_for_title() {
        lock(&shared.title).clone()
    } else {
        lock(&shared.scripts)
            .pop_front()
            .unwrap_or_else(|| Script::text("Hello from the script."))
    };
    lock(&shared.chats).push(log);
    shared.open.fetch_add(1, Ordering::SeqCst);
    shared.changed.notify_waiters();
    let open = Open(shared);
    if let Some(gate) = script.head() {
        gate.pass().await;
    }
    if let Some((status, message)) = script.refusal() {
        return (status, Json(json!({"error": {"message": message}}))).into_response();
    }
    let writing = Writing {
        steps: script.into_steps(),
        encoder: wire::Encoder::new(protocol),
        _open: open,
    };
    let pieces = stream::unfold(writing, |mut writing| async move {
        let piece = writing.next().await?;
        Some((piece, writing))
    });
    let content_type = match protocol {
        Protocol::Ollama => "application/x-ndjson",
        Protocol::OpenAi => "text/event-stream",
    };
    (
        [(header::CONTENT_TYPE, content_type)],
        Body::from_stream(pieces),
    )
        .into_response()
}

/// An answer that is being written.
struct Writing {
    steps: VecDeque<Step>,
    encoder: wire::Encoder,
    _open: Open,
}

impl Writing {
    async fn next(&mut self) -> Option<io::Result<Bytes>> {
        loop {
            match self.steps.pop_front()? {
                Step::Wait(gate) => gate.pass().await,
                Step::Hang => std::future::pending().await,
                Step::Cut => return Some(Err(io::Error::other("cut by the script"))),
                said => return Some(Ok(self.encoder.encode(&said))),
            }
        }
    }
}

/// Counts an answer while it is being written.
struct Open(Arc<Shared>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::SeqCst);
        self.0.changed.notify_waiters();
    }
}
