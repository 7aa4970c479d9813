//! The gateway put together.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware,
    response::{IntoResponse as _, Response},
    routing::{MethodFilter, MethodRouter, any},
};
use http::{HeaderName, HeaderValue, Method, header};
use openmake_api::ApiError;
use openmake_store::{Store, secrets::KeyRing, wakeups::Heard};
use openmake_types::{Clock, ErrorKind, Ids, ProcessId};
use prometheus_client::registry::Registry;
use tokio::{sync::broadcast, time::Instant};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower_http::{
    catch_panic::CatchPanicLayer,
    compression::{
        CompressionLayer,
        predicate::{DefaultPredicate, NotForContentType, Predicate as _},
    },
    cors::{AllowOrigin, CorsLayer},
};

use crate::{
    administered::{self, Administered},
    authority::AuthorityCache,
    docs, forward, guard,
    images::Images,
    metrics::{Metrics, sampler::Sampler},
    openapi,
    passwords::Hasher,
    rate::{KeyLimits, RateLimits},
    request,
    routes::health,
    settings::GatewaySettings,
    sign_in::{PasskeySite, backup_code::BackupCodeKey},
    site::{Origins, Proxies},
    socket::{self, SocketCounts},
    state::{AiService, App, Inner},
    tokens::{AccessTokens, RefreshTokens},
};

/// What the gateway is made of.
pub struct GatewayParts {
    /// The database, migrated.
    pub store: Store,
    /// The instance's keys.
    pub keys: KeyRing,
    /// The time of day.
    pub clock: Arc<dyn Clock>,
    /// Ids and random bytes.
    pub ids: Arc<dyn Ids>,
    /// This run of the program.
    pub process: ProcessId,
    /// The gateway's settings.
    pub settings: GatewaySettings,
    /// The ai role.
    pub ai: AiService,
    /// The ai role's routes: method, and path with parameters as `{id}`.
    pub ai_routes: Vec<(Method, String)>,
    /// What fetches pictures from elsewhere.
    pub images: Images,
    /// The page: everything that is not the API's.
    pub web: Router,
    /// The merged OpenAPI document as JSON.
    pub openapi_json: String,
    /// What [`openmake_store::wakeups::Wakeups::listen`] gave.
    pub wakeups: broadcast::Sender<Heard>,
    /// The process's metrics; the gateway adds its own and serves all.
    pub metrics: Registry,
    /// Where the gateway's tasks are counted.
    pub tasks: TaskTracker,
    /// Fires when clients are to be let go: after the turns were drained, so
    /// that they still see how their turns ended.
    pub stop: CancellationToken,
}

/// The gateway: the only role with a public port.
pub struct Gateway {
    app: App,
    ai_routes: Vec<(Method, String)>,
    web: Router,
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gateway").finish_non_exhaustive()
    }
}

impl Gateway {
    /// Puts the gateway together, and starts to follow which sessions end and
    /// to write down what the process counts.
    pub fn new(parts: GatewayParts) -> Self {
        let metrics = Metrics::new(parts.metrics);
        let authority = AuthorityCache::new(
            parts.store.clone(),
            Arc::clone(&parts.clock),
            metrics.clone(),
        );
        let heard = parts.wakeups.subscribe();
        let feed = authority.clone().run(heard, parts.stop.clone());
        parts.tasks.spawn(feed);
        let app = App::new(Inner {
            access_tokens: AccessTokens::new(&parts.keys),
            refresh_tokens: RefreshTokens::new(&parts.keys),
            backup_codes: BackupCodeKey::new(&parts.keys),
            passkeys: PasskeySite::new(&parts.settings.sign_in.public_url),
            hasher: Hasher::new(Arc::clone(&parts.ids), metrics.clone()),
            administered: Administered::default(),
            limits: RateLimits::new(&parts.settings.rates),
            key_limits: KeyLimits::default(),
            proxies: Proxies::new(parts.settings.trusted_proxies.clone()),
            origins: Origins::new(&parts.settings.allowed_origins),
            sockets: SocketCounts::default(),
            started: Instant::now(),
            openapi_json: parts.openapi_json.into(),
            plain_cookies: AtomicBool::new(false),
            draining: AtomicBool::new(false),
            calls: TaskTracker::new(),
            store: parts.store,
            keys: parts.keys,
            clock: parts.clock,
            ids: parts.ids,
            process: parts.process,
            settings: parts.settings,
            ai: parts.ai,
            images: parts.images,
            authority,
            metrics,
            wakeups: parts.wakeups,
            tasks: parts.tasks,
            stop: parts.stop,
        });
        let sampler = Sampler {
            store: app.store.clone(),
            clock: Arc::clone(&app.clock),
            process: app.process,
            every: app.settings.sample_every,
            registry: Arc::clone(app.metrics.registry()),
            stop: app.stop.clone(),
        };
        app.tasks.spawn(sampler.run());
        app.tasks.spawn(administered::follow(app.clone()));
        app.tasks.spawn(socket::follow_conversations(app.clone()));
        Self {
            app,
            ai_routes: parts.ai_routes,
            web: parts.web,
        }
    }

    /// `/ready` says from now on that this process is leaving, so that a load
    /// balancer sends new requests elsewhere while the running turns end.
    pub fn start_draining(&self) {
        self.app.draining.store(true, Ordering::Relaxed);
    }

    /// Waits at most `patience` for the calls of programs that are being
    /// answered. Turns need no waiting for: their readers go on elsewhere.
    pub async fn drain(&self, patience: Duration) {
        let calls = &self.app.calls;
        calls.close();
        if tokio::time::timeout(patience, calls.wait()).await.is_err() {
            tracing::info!(
                calls = calls.len(),
                "calls that are still answered are cut off"
            );
        }
    }

    /// Everything, to be served with
    /// `into_make_service_with_connect_info::<SocketAddr>()`.
    pub fn router(&self) -> Router {
        let app = &self.app;
        let (own, _) = openapi::router().split_for_parts();
        let api = self
            .ai_methods()
            .into_iter()
            .fold(own.merge(docs::router()), |router, (path, methods)| {
                router.route(path, methods)
            });
        let api = guard::UNKNOWN
            .iter()
            .fold(api, |router, path| router.route(path, any(unknown)))
            .method_not_allowed_fallback(wrong_method)
            .layer(middleware::from_fn_with_state(
                app.clone(),
                guard::authenticate,
            ))
            .layer(middleware::from_fn_with_state(app.clone(), guard::bound))
            .layer(CatchPanicLayer::custom(guard::panicked))
            .layer(DefaultBodyLimit::max(app.settings.limits.body_bytes));
        let api = match self.cors() {
            Some(cors) => api.layer(cors),
            None => api,
        };
        api.layer(middleware::from_fn(guard::seal))
            .with_state(app.clone())
            .fallback_service(self.web.clone())
            .layer(middleware::from_fn_with_state(app.clone(), request::enter))
            .layer(
                CompressionLayer::new().compress_when(
                    // What sets a cookie carries a token as well: compressed beside
                    // text of someone else's choice, its length would tell of it.
                    // Streams of lines are to arrive line by line, as events do.
                    DefaultPredicate::new()
                        .and(NotForContentType::const_new("application/x-ndjson"))
                        .and(|_, _, headers: &http::HeaderMap, _: &http::Extensions| {
                            !headers.contains_key(header::SET_COOKIE)
                        }),
                ),
            )
    }

    /// `/metrics` alone and without a credential, for a listen address of its
    /// own that only the operator reaches.
    pub fn metrics_router(&self) -> Router {
        health::metrics_router(Arc::clone(self.app.metrics.registry()))
    }

    fn ai_methods(&self) -> BTreeMap<&str, MethodRouter<App>> {
        let mut paths: BTreeMap<&str, MethodRouter<App>> = BTreeMap::new();
        for (method, path) in &self.ai_routes {
            let Ok(filter) = MethodFilter::try_from(method.clone()) else {
                tracing::error!(%method, path, "a route of the ai role cannot be served");
                continue;
            };
            let methods = paths.remove(path.as_str()).unwrap_or_default();
            paths.insert(path, methods.on(filter, forward::forward));
        }
        paths
    }

    /// Only for origins that the operator named; without any there is none.
    fn cors(&self) -> Option<CorsLayer> {
        let origins = self.app.origins.as_slice().iter();
        let origins: Vec<HeaderValue> = origins
            .filter_map(|origin| HeaderValue::from_str(origin).ok())
            .collect();
        let expose = [
            "ratelimit-limit",
            "ratelimit-remaining",
            "ratelimit-reset",
            "x-ratelimit-limit-requests",
            "x-ratelimit-remaining-requests",
            "x-ratelimit-reset-requests",
            "x-ratelimit-limit-tokens",
            "x-ratelimit-remaining-tokens",
            "x-ratelimit-reset-tokens",
        ];
        let expose = expose.map(HeaderName::from_static);
        (!origins.is_empty()).then(|| {
            CorsLayer::new()
                .allow_origin(AllowOrigin::list(origins))
                .allow_credentials(true)
                .allow_methods([
                    Method::GET,
                    Method::POST,
                    Method::PUT,
                    Method::PATCH,
                    Method::DELETE,
                ])
                .allow_headers([
                    header::AUTHORIZATION,
                    header::CONTENT_TYPE,
                    HeaderName::from_static(guard::API_KEY_HEADER),
                    HeaderName::from_static("idempotency-key"),
                    HeaderName::from_static("last-event-id"),
                ])
                .expose_headers(
                    expose
                        .into_iter()
                        .chain([header::RETRY_AFTER, header::CONTENT_DISPOSITION])
                        .collect::<Vec<_>>(),
                )
                .max_age(Duration::from_mins(10))
        })
    }
}

async fn unknown() -> ApiError {
    ApiError::new(ErrorKind::NotFound, "There is no such route.")
        .with_code("unknown_route")
        .with_hint("The API's description is at /api-docs.")
}

async fn wrong_method() -> Response {
    let error = ApiError::new(ErrorKind::InvalidInput, "This route has no such method.")
        .with_code("method_not_allowed")
        .with_hint("The API's description is at /api-docs.");
    let mut response = error.into_response();
    *response.status_mut() = http::StatusCode::METHOD_NOT_ALLOWED;
    if let Some(problem) = response.extensions_mut().get_mut::<openmake_api::Problem>() {
        problem.status = http::StatusCode::METHOD_NOT_ALLOWED.as_u16();
        "Method Not Allowed".clone_into(&mut problem.title);
    }
    response
}
