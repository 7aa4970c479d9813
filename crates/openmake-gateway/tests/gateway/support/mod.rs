//! A gateway in this process, on a database of the test's own, with a scripted
//! ai role behind it.

pub(crate) mod ai;
pub(crate) mod authenticator;
pub(crate) mod factors;
pub(crate) mod issuer;
pub(crate) mod smtp;
pub(crate) mod socket;
pub(crate) mod writer;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, body::Body, extract::ConnectInfo};
use chrono::{SubsecRound as _, TimeDelta};
use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use http_body_util::BodyExt as _;
use openmake_egress::{AllowedHosts, Egress, EgressSettings, SystemResolver};
use openmake_gateway::{Gateway, GatewayParts, GatewaySettings, Images, RateSettings};
use openmake_store::{Store, secrets::KeyRing, wakeups::Heard};
use openmake_types::{Clock as _, Ids as _, ManualClock, ProcessId, RandomIds, SystemClock};
use prometheus_client::registry::Registry;
use serde_json::{Value, json};
use testkit::{
    database::TestDatabase,
    seam::{Between, seam},
};
use tokio::sync::broadcast;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::{ServiceExt as _, util::BoxCloneSyncService};

use self::ai::ScriptedAi;

/// A password that the policy lets through.
pub(crate) const PASSWORD: &str = "seven lazy otters 42";

/// How long a test waits for what must come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// The gateway under test. Dropping it ends its tasks.
pub(crate) struct TestApp {
    /// Dropped after the rest, with its rows.
    _database: TestDatabase,
    pub(crate) store: Store,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) ai: ScriptedAi,
    pub(crate) wakeups: broadcast::Sender<Heard>,
    pub(crate) tasks: TaskTracker,
    pub(crate) stop: CancellationToken,
    pub(crate) router: Router,
    pub(crate) metrics: Router,
}

impl Drop for TestApp {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Settings whose rates do not get into a test's way.
pub(crate) fn settings() -> GatewaySettings {
    GatewaySettings {
        rates: RateSettings {
            sign_in: 10_000,
            anonymous: 10_000,
            actor: 10_000,
            guest: 10_000,
            turn_start: 10_000,
            search: 10_000,
            image: 10_000,
        },
        ..GatewaySettings::default()
    }
}

/// Fetches pictures from public addresses and from `allowed`.
pub(crate) fn images(allowed: AllowedHosts) -> Images {
    let egress = Egress::new(EgressSettings::default(), SystemResolver).expect("a client");
    Images::new(egress, allowed)
}

impl TestApp {
    pub(crate) async fn new() -> Self {
        Self::with(settings()).await
    }

    pub(crate) async fn with(settings: GatewaySettings) -> Self {
        let database = TestDatabase::create().await;
        Self::on(database, settings)
    }

    pub(crate) fn on(database: TestDatabase, settings: GatewaySettings) -> Self {
        Self::showing(database, settings, images(AllowedHosts::none()))
    }

    /// With `images` to fetch pictures from elsewhere.
    pub(crate) fn showing(
        database: TestDatabase,
        settings: GatewaySettings,
        images: Images,
    ) -> Self {
        let store = database.store();
        let clock = Arc::new(ManualClock::new(SystemClock.now().trunc_subsecs(6)));
        let tasks = TaskTracker::new();
        let stop = CancellationToken::new();
        let wakeups = store.wakeups().listen(&tasks, stop.clone());
        let ai = ScriptedAi::default();
        let openapi = openmake_gateway::openapi();
        let gateway = Gateway::new(GatewayParts {
            store: store.clone(),
            keys: KeyRing::from_bytes([7; 32]),
            clock: Arc::clone(&clock) as _,
            ids: Arc::new(RandomIds),
            process: ProcessId::from_uuid(RandomIds.uuid(SystemClock.now())),
            settings,
            ai: BoxCloneSyncService::new(seam(
                ai.router(),
                Between {
                    clock: Arc::clone(&clock) as _,
                    tasks: tasks.clone(),
                    stop: stop.clone(),
                },
            )),
            ai_routes: ai::routes(),
            images,
            web: Router::new().fallback(|| async { "the page" }),
            openapi_json: serde_json::to_string(&openapi).expect("serialises"),
            wakeups: wakeups.clone(),
            metrics: Registry::default(),
            tasks: tasks.clone(),
            stop: stop.clone(),
        });
        Self {
            router: gateway.router(),
            metrics: gateway.metrics_router(),
            _database: database,
            store,
            clock,
            ai,
            wakeups,
            tasks,
            stop,
        }
    }

    /// A second process on the same database, deaf to wake-ups, so that only
    /// the poll tells it.
    pub(crate) fn sibling(&self, settings: GatewaySettings) -> Gateway {
        self.sibling_that_hears(settings, broadcast::channel(8).0)
    }

    /// A second process on the same database, with wake-ups of the test's.
    pub(crate) fn sibling_that_hears(
        &self,
        settings: GatewaySettings,
        wakeups: broadcast::Sender<Heard>,
    ) -> Gateway {
        Gateway::new(GatewayParts {
            store: self.store.clone(),
            keys: KeyRing::from_bytes([7; 32]),
            clock: Arc::clone(&self.clock) as _,
            ids: Arc::new(RandomIds),
            process: ProcessId::from_uuid(RandomIds.uuid(SystemClock.now())),
            settings,
            ai: BoxCloneSyncService::new(seam(
                self.ai.router(),
                Between {
                    clock: Arc::clone(&self.clock) as _,
                    tasks: self.tasks.clone(),
                    stop: self.stop.clone(),
                },
            )),
            ai_routes: ai::routes(),
            images: images(AllowedHosts::none()),
            web: Router::new(),
            openapi_json: String::new(),
            wakeups,
            metrics: Registry::default(),
            tasks: self.tasks.clone(),
            stop: self.stop.clone(),
        })
    }

    pub(crate) fn advance(&self, by: TimeDelta) {
        self.clock.advance(by);
    }

    /// A client without an account.
    pub(crate) fn visitor(&self) -> Client {
        Client::new(self.router.clone())
    }

    /// The first account, which is the administrator's.
    pub(crate) async fn admin(&self) -> Client {
        self.user("admin@example.com").await
    }

    /// A new account, signed in.
    pub(crate) async fn user(&self, email: &str) -> Client {
        let mut client = self.visitor();
        let answer = client.register(email).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{:?}", answer.json());
        client
    }
}

/// Asks until the answer is `status`; the test's patience bounds it.
pub(crate) async fn until(client: &Client, path: &str, status: StatusCode) {
    let asking = async {
        while client.get(path).await.status != status {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, asking)
        .await
        .expect("it comes");
}

/// One browser: its token and its cookie.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) router: Router,
    pub(crate) token: Option<String>,
    pub(crate) cookie: Option<String>,
    pub(crate) peer: SocketAddr,
    pub(crate) host: String,
    pub(crate) headers: HeaderMap,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().expect("text"))
    }

    /// The code of a problem.
    pub(crate) fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }

    pub(crate) fn id(&self) -> String {
        self.json()["id"].as_str().expect("an id").to_owned()
    }

    /// The value that the refresh cookie was set to.
    pub(crate) fn refresh_cookie(&self) -> Option<String> {
        let mut set = self.headers.get_all(header::SET_COOKIE).iter();
        set.find_map(|value| {
            let value = value.to_str().expect("text");
            let value = value.strip_prefix("openmake_refresh=")?;
            Some(value.split(';').next().expect("one").to_owned())
        })
    }
}

impl Client {
    pub(crate) fn new(router: Router) -> Self {
        Self {
            router,
            token: None,
            cookie: None,
            peer: SocketAddr::from(([198, 51, 100, 7], 40_000)),
            host: "localhost:52416".to_owned(),
            headers: HeaderMap::new(),
        }
    }

    /// The same browser on another process.
    pub(crate) fn on(&self, router: Router) -> Self {
        Self {
            router,
            ..self.clone()
        }
    }

    pub(crate) fn with_header(&self, name: &'static str, value: &str) -> Self {
        let mut client = self.clone();
        let value = value.parse().expect("a header");
        client.headers.insert(name, value);
        client
    }

    /// A program with this key.
    pub(crate) fn with_key(&self, key: &str) -> Self {
        Self {
            token: Some(key.to_owned()),
            cookie: None,
            ..self.clone()
        }
    }

    /// Makes a key, and gives its text and id.
    pub(crate) async fn key(&self, body: Value) -> (String, String) {
        let answer = self.post("/api/v1/api-keys", body).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{:?}", answer.json());
        let made = answer.json();
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        (text(&made["key"]), text(&made["api_key"]["id"]))
    }

    pub(crate) fn request(&self, method: Method, path: &str, body: Option<Value>) -> Request<Body> {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(headers) = request.headers_mut() {
            headers.insert(header::HOST, self.host.parse().expect("a host"));
            headers.extend(self.headers.clone());
            if let Some(token) = &self.token {
                let value = format!("Bearer {token}").parse().expect("a header");
                headers.insert(header::AUTHORIZATION, value);
            }
            if let Some(cookie) = &self.cookie
                && path.starts_with("/api/v1/auth/")
            {
                let value = format!("openmake_refresh={cookie}");
                headers.insert(header::COOKIE, value.parse().expect("a header"));
            }
            if body.is_some() {
                let json = header::HeaderValue::from_static("application/json");
                headers.insert(header::CONTENT_TYPE, json);
            }
        }
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        let mut request = request.body(body).expect("a request");
        request.extensions_mut().insert(ConnectInfo(self.peer));
        request
    }

    pub(crate) async fn raw(&self, request: Request<Body>) -> Response<Body> {
        let answer = self.router.clone().oneshot(request);
        let answer = tokio::time::timeout(PATIENCE, answer).await;
        answer.expect("an answer in time").expect("infallible")
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let (parts, body) = self.raw(request).await.into_parts();
        let body = tokio::time::timeout(PATIENCE, body.collect()).await;
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: body
                .expect("a body in time")
                .expect("a body")
                .to_bytes()
                .to_vec(),
        }
    }

    pub(crate) async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        self.send(self.request(method, path, body)).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.call(Method::POST, path, Some(body)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Answer {
        self.call(Method::PATCH, path, Some(body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.call(Method::DELETE, path, None).await
    }

    /// Calls and takes the tokens of the answer, as the page does.
    pub(crate) async fn sign_in_by(&mut self, path: &str, body: Option<Value>) -> Answer {
        let answer = self.call(Method::POST, path, body).await;
        if answer.status.is_success() {
            let token = answer.json()["access_token"].as_str().map(str::to_owned);
            self.token = token.or(self.token.take());
            self.cookie = answer.refresh_cookie().or(self.cookie.take());
        }
        answer
    }

    pub(crate) async fn register(&mut self, email: &str) -> Answer {
        let body = json!({"email": email, "password": PASSWORD});
        self.sign_in_by("/api/v1/auth/register", Some(body)).await
    }

    pub(crate) async fn login(&mut self, email: &str, password: &str) -> Answer {
        let body = json!({"email": email, "password": password});
        self.sign_in_by("/api/v1/auth/login", Some(body)).await
    }

    pub(crate) async fn refresh(&mut self) -> Answer {
        self.sign_in_by("/api/v1/auth/refresh", None).await
    }

    pub(crate) async fn conversation(&self, title: &str) -> String {
        let answer = self
            .post("/api/v1/conversations", json!({"title": title}))
            .await;
        assert_eq!(answer.status, StatusCode::CREATED, "{:?}", answer.json());
        answer.id()
    }
}
