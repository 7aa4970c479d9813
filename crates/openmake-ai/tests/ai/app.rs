//! The role with all that it needs, and a client that speaks HTTP to it.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::body::Body;
use futures_util::StreamExt as _;
use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use http_body_util::BodyExt as _;
use openmake_ai::{Ai, AiParts, AiSettings};
use openmake_egress::{Egress, EgressSettings, SystemResolver};
use openmake_models::{
    BaseUrl, NodeConfig, NodePool, PoolParts, PoolSettings, ProviderKind, ProviderLimits,
    ProviderParts,
    profiles::{EngineOverrides, Profiles},
};
use openmake_store::{
    Store,
    audit::{NewAudit, Outcome},
    conversations::{Instructions, NewConversation},
    messages::Message,
    secrets::KeyRing,
    users::{Admission, NewUser},
    wakeups::Heard,
};
use openmake_types::{
    Actor, ApiKeyId, Clock, ConversationId, Ids as _, MessageId, ModelAccess, NodeId, ProcessId,
    RandomIds, Role, SystemClock, UserId,
};
use prometheus_client::registry::Registry;
use serde_json::{Value, json};
use testkit::{
    database::TestDatabase,
    model::{MODEL, ModelServer},
    seam::{Between, seam},
};
use tokio::{sync::broadcast, time::timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt as _;

/// How long a test waits for something that has to come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// What differs between tests.
pub(crate) struct Options {
    pub(crate) settings: AiSettings,
    /// Another way to the database than the test's own.
    pub(crate) store: Option<Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) protocol: ProviderKind,
    /// The model servers that the configuration names.
    pub(crate) servers: Vec<String>,
}

impl Options {
    pub(crate) fn new(model: &ModelServer) -> Self {
        Self {
            settings: AiSettings {
                default_model: MODEL.to_owned(),
                ..AiSettings::default()
            },
            store: None,
            clock: Arc::new(SystemClock),
            protocol: ProviderKind::Ollama,
            servers: vec![model.base_url()],
        }
    }
}

/// One process of the ai role.
pub(crate) struct App {
    pub(crate) ai: Ai,
    pub(crate) router: axum::Router,
    pub(crate) store: Store,
    pub(crate) heard: Mutex<broadcast::Receiver<Heard>>,
    pub(crate) registry: Registry,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl App {
    pub(crate) async fn start(db: &TestDatabase, model: &ModelServer) -> Self {
        Self::start_with(db, Options::new(model)).await
    }

    pub(crate) async fn start_with(db: &TestDatabase, options: Options) -> Self {
        let store = options.store.unwrap_or_else(|| db.store());
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let provider = ProviderParts {
            egress: Egress::new(EgressSettings::default(), SystemResolver).expect("a client"),
            limits: ProviderLimits::default(),
            clock: Arc::new(SystemClock),
            ids: Arc::new(RandomIds),
        };
        let configured_nodes: Vec<NodeConfig> = options
            .servers
            .iter()
            .enumerate()
            .map(|(n, url)| {
                let base = BaseUrl::parse(options.protocol, url).expect("an address");
                NodeConfig::new(NodeId::from_uuid(new_uuid()), format!("scripted {n}"), base)
            })
            .collect();
        let pool = NodePool::start(
            PoolParts {
                provider: provider.clone(),
                settings: PoolSettings::default(),
                tracker: tasks.clone(),
                stop: stop.clone(),
            },
            configured_nodes.clone(),
        );
        let wakeups = store.wakeups().listen(&tasks, stop.clone());
        let heard = Mutex::new(wakeups.subscribe());
        let process = ProcessId::from_uuid(new_uuid());
        let mut registry = Registry::with_prefix("openmake");
        let ai = Ai::new(
            AiParts {
                store: store.clone(),
                pool,
                provider,
                profiles: Arc::new(
                    Profiles::builtin(EngineOverrides::default()).expect("built in"),
                ),
                tools: openmake_tools::builtin().expect("built in"),
                keys: KeyRing::from_bytes([7; 32]),
                clock: Arc::clone(&options.clock),
                ids: Arc::new(RandomIds),
                process,
                settings: options.settings,
                configured_nodes,
                wakeups,
                tasks: tasks.clone(),
                stop: stop.clone(),
            },
            &mut registry,
        );
        ai.start().await.expect("started");
        Self {
            router: seam(
                ai.router(),
                Between {
                    clock: options.clock,
                    tasks: tasks.clone(),
                    stop: stop.clone(),
                },
            ),
            ai,
            store,
            heard,
            registry,
            tasks,
            stop,
        }
    }

    /// Stops the process, and fails when something of it goes on.
    pub(crate) async fn finish(self) {
        // The last event is seen a moment before the turn leaves the list.
        eventually("no turn is left open", || async {
            self.ai.running_turns() == 0
        })
        .await;
        self.halt().await;
    }

    /// Stops the process, whatever runs.
    pub(crate) async fn halt(self) {
        self.stop.cancel();
        self.tasks.close();
        timeout(PATIENCE, self.tasks.wait())
            .await
            .expect("every task ends");
    }

    /// A person with an account, and a conversation.
    pub(crate) async fn person(&self) -> Person {
        let user = make_user(&self.store).await;
        self.person_of(user).await
    }

    /// The same account at this process, with a conversation of its own.
    pub(crate) async fn person_of(&self, user: UserId) -> Person {
        let conversation = ConversationId::from_uuid(new_uuid());
        self.store
            .conversations()
            .create(&NewConversation {
                id: conversation,
                owner: user,
                title: None,
                model: None,
                thinking: None,
                temperature: None,
                instructions: Instructions::OfOwner,
                now: SystemClock.now(),
            })
            .await
            .expect("a conversation");
        self.seat(user, conversation)
    }

    /// An account and a conversation that are there already.
    pub(crate) fn seat(&self, user: UserId, conversation: ConversationId) -> Person {
        Person {
            router: self.router.clone(),
            store: self.store.clone(),
            user,
            role: Role::Admin,
            conversation,
            key: None,
            models: ModelAccess::All,
        }
    }

    /// Whether some wake-up that was heard since the last call fits.
    pub(crate) fn heard(&self, fits: impl Fn(&Heard) -> bool) -> bool {
        let mut heard = self.heard.lock().expect("not poisoned");
        let mut found = false;
        while let Ok(next) = heard.try_recv() {
            found |= fits(&next);
        }
        found
    }
}

pub(crate) fn new_uuid() -> uuid::Uuid {
    RandomIds.uuid(SystemClock.now())
}

pub(crate) async fn make_user(store: &Store) -> UserId {
    let id = UserId::from_uuid(new_uuid());
    let now = SystemClock.now();
    let audit = NewAudit {
        id: new_uuid(),
        at: now,
        action: "user.register",
        outcome: Outcome::Success,
        user_id: Some(id),
        resource_type: None,
        resource_id: None,
        details: json!({}),
        ip_address: None,
        user_agent: None,
        request_id: None,
    };
    store
        .users()
        .register(
            &NewUser {
                id,
                email: &format!("{id}@example.com"),
                display_name: "Somebody",
                password_hash: "$argon2id$none",
                now,
            },
            Admission::Open,
            &audit,
        )
        .await
        .expect("an account");
    id
}

/// Someone at the HTTP surface.
#[derive(Clone)]
pub(crate) struct Person {
    pub(crate) router: axum::Router,
    pub(crate) store: Store,
    pub(crate) user: UserId,
    pub(crate) role: Role,
    pub(crate) conversation: ConversationId,
    /// The models that a group lets the person ask.
    pub(crate) models: ModelAccess,
    /// The key that is used, if one is.
    pub(crate) key: Option<Key>,
}

/// A key as the gateway tells of it.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    pub(crate) id: ApiKeyId,
    pub(crate) models: ModelAccess,
    pub(crate) tokens_per_minute: Option<u32>,
}

/// These models and no others.
pub(crate) fn only(models: &[&str]) -> ModelAccess {
    let models = models.iter().map(|&model| model.to_owned());
    ModelAccess::Only(Arc::new(models.collect()))
}

/// A turn that was started.
#[derive(Debug, Clone)]
pub(crate) struct Begun {
    pub(crate) turn: String,
    pub(crate) question: MessageId,
    pub(crate) answer: MessageId,
}

impl Person {
    /// Waits until the conversation has a title, which is asked for after the
    /// first answer has ended: until then a call is still under way.
    pub(crate) async fn titled(&self) -> String {
        let title = || async {
            let conversations = self.store.conversations();
            let found = conversations.get(self.user, self.conversation).await;
            found.expect("a conversation").title
        };
        eventually("a title", || async { !title().await.is_empty() }).await;
        title().await
    }

    fn actor(&self) -> Actor {
        Actor {
            user_id: self.user,
            role: self.role,
            session_id: None,
            api_key_id: self.key.as_ref().map(|key| key.id),
            capabilities: self.role.capabilities(),
            models: self.key.as_ref().map_or_else(
                || self.models.clone(),
                |key| self.models.intersection(&key.models),
            ),
            tokens_per_minute: self.key.as_ref().and_then(|key| key.tokens_per_minute),
        }
    }

    /// The same person with a key that may ask these models.
    pub(crate) fn with_key(&self, models: ModelAccess) -> Self {
        Self {
            key: Some(Key {
                id: ApiKeyId::from_uuid(new_uuid()),
                models,
                tokens_per_minute: None,
            }),
            ..self.clone()
        }
    }

    pub(crate) async fn send(&self, mut request: Request<Body>) -> Response<Body> {
        request.extensions_mut().insert(self.actor());
        timeout(PATIENCE, self.router.clone().oneshot(request))
            .await
            .expect("an answer")
            .expect("infallible")
    }

    pub(crate) async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Reply {
        self.call_with(method, path, body, &[]).await
    }

    pub(crate) async fn call_with(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
        headers: &[(&str, &str)],
    ) -> Reply {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = match body {
            Some(body) => {
                request = request.header(header::CONTENT_TYPE, "application/json");
                Body::from(body.to_string())
            }
            None => Body::empty(),
        };
        let response = self.send(request.body(body).expect("a request")).await;
        let status = response.status();
        let headers = response.headers().clone();
        let bytes = response.into_body().collect().await.expect("a body");
        let bytes = bytes.to_bytes();
        Reply {
            status,
            headers,
            body: if bytes.is_empty() {
                Value::Null
            } else {
                serde_json::from_slice(&bytes).expect("JSON")
            },
        }
    }

    pub(crate) async fn try_ask(&self, body: Value) -> Reply {
        let path = format!("/api/v1/conversations/{}/turns", self.conversation);
        self.call(Method::POST, &path, Some(body)).await
    }

    pub(crate) async fn ask(&self, text: &str) -> Begun {
        self.try_ask(json!({ "content": text })).await.begun()
    }

    pub(crate) async fn post(&self, path: &str) -> Reply {
        self.call(Method::POST, path, None).await
    }

    pub(crate) async fn cancel(&self, begun: &Begun) -> StatusCode {
        self.post(&format!("/api/v1/turns/{}/cancel", begun.turn))
            .await
            .status
    }

    /// Watches a turn from after `after`.
    pub(crate) async fn watch(&self, turn: &str, after: u64) -> Watch {
        let request = Request::get(format!("/api/v1/turns/{turn}/events?after={after}"))
            .body(Body::empty())
            .expect("a request");
        let response = self.send(request).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(
            response.headers()[header::CONTENT_TYPE],
            "text/event-stream"
        );
        Watch {
            body: response.into_body(),
            buffer: String::new(),
        }
    }

    /// All events of a turn, to its end.
    pub(crate) async fn events(&self, begun: &Begun) -> Vec<Event> {
        self.watch(&begun.turn, 0).await.rest().await
    }

    /// The branch that ends in `leaf`.
    pub(crate) async fn branch(&self, leaf: MessageId) -> Vec<Message> {
        self.store
            .messages()
            .branch(self.user, self.conversation, leaf, 100)
            .await
            .expect("a branch")
    }

    pub(crate) async fn message(&self, id: MessageId) -> Message {
        self.branch(id).await.pop().expect("a message")
    }
}

/// An answer to a request.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Reply {
    pub(crate) fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    pub(crate) fn begun(self) -> Begun {
        assert_eq!(self.status, StatusCode::ACCEPTED, "{}", self.body);
        let id = |name: &str| self.body[name].as_str().expect("an id").to_owned();
        Begun {
            turn: id("turn_id"),
            question: id("user_message_id").parse().expect("an id"),
            answer: id("assistant_message_id").parse().expect("an id"),
        }
    }
}

/// One event, as a client reads it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Event {
    pub(crate) seq: u64,
    pub(crate) name: String,
    pub(crate) data: Value,
}

impl Event {
    pub(crate) fn text(&self) -> &str {
        match self.name.as_str() {
            "text.delta" => self.data["text"].as_str().expect("a text"),
            _ => "",
        }
    }
}

/// The text that events add up to.
pub(crate) fn text_of(events: &[Event]) -> String {
    events.iter().map(Event::text).collect()
}

/// That nothing is missing, nothing comes twice, and there is one end.
pub(crate) fn assert_whole(events: &[Event]) {
    for (place, event) in (1..).zip(events) {
        assert_eq!(event.seq, place, "{events:#?}");
    }
    let ends = events.iter().filter(|event| is_end(event)).count();
    assert_eq!(ends, 1, "{events:#?}");
    assert!(is_end(events.last().expect("events")));
}

pub(crate) fn is_end(event: &Event) -> bool {
    [
        "turn.completed",
        "turn.failed",
        "turn.cancelled",
        "turn.interrupted",
    ]
    .contains(&event.name.as_str())
}

/// Someone who watches a turn. Dropping it closes the stream.
pub(crate) struct Watch {
    body: Body,
    buffer: String,
}

impl Watch {
    /// The next event; none when the stream has ended.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some((block, rest)) = self.buffer.split_once("\n\n") {
                let event = parse(block);
                self.buffer = rest.to_owned();
                match event {
                    Some(event) => return Some(event),
                    None => continue,
                }
            }
            let frame = timeout(PATIENCE, self.body.frame())
                .await
                .expect("an event in time")?;
            let bytes = frame.expect("a frame").into_data().expect("data");
            self.buffer
                .push_str(std::str::from_utf8(&bytes).expect("UTF-8"));
        }
    }

    /// Events up to and with the first of this type.
    pub(crate) async fn until(&mut self, name: &str) -> Vec<Event> {
        let mut events = Vec::new();
        loop {
            let event = self.next().await.expect("the stream goes on");
            let found = event.name == name;
            events.push(event);
            if found {
                return events;
            }
        }
    }

    /// All that follows.
    pub(crate) async fn rest(mut self) -> Vec<Event> {
        let mut events = Vec::new();
        while let Some(event) = self.next().await {
            events.push(event);
        }
        events
    }
}

fn parse(block: &str) -> Option<Event> {
    let field = |name: &str| {
        block
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    };
    let data: Value = serde_json::from_str(field("data")?).expect("JSON");
    let event = Event {
        seq: field("id")?.parse().expect("a number"),
        name: field("event")?.to_owned(),
        data,
    };
    assert_eq!(event.data["seq"], event.seq);
    assert_eq!(event.data["type"], event.name);
    Some(event)
}

/// Waits until `reached`, without saying how it comes about.
pub(crate) async fn eventually<F>(what: &str, mut reached: impl FnMut() -> F)
where
    F: Future<Output = bool>,
{
    let waiting = async {
        while !reached().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    assert!(timeout(PATIENCE, waiting).await.is_ok(), "in vain: {what}");
}

/// All of many futures at once.
pub(crate) async fn all<T>(futures: impl IntoIterator<Item = impl Future<Output = T>>) -> Vec<T> {
    futures_util::stream::iter(futures)
        .buffered(usize::MAX)
        .collect()
        .await
}

/// `0 1 2 … `, a word a token.
pub(crate) fn count_to(end: u32) -> String {
    (0..end).fold(String::new(), |text, n| text + &n.to_string() + " ")
}
