//! The page alone: files and their headers, without a database or a key.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use axum::{
    Router,
    extract::{Request, State},
    middleware::{self, Next},
    response::Response,
    routing::get,
};
use http::StatusCode;
use openmake_gateway::metrics_router;
use openmake_seam::Side;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family},
    registry::Registry,
};

use super::{Listeners, Server};

/// One answered request.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    status: u16,
}

type Requests = Family<Labels, Counter>;

/// Serves the page until the first signal.
pub(super) async fn serve(server: &Server<'_>, listeners: Listeners) {
    let requests = Requests::default();
    let mut registry = Registry::with_prefix("openmake");
    let own = registry.sub_registry_with_prefix("web");
    own.register("requests", "Answered requests", requests.clone());
    let draining = Arc::new(AtomicBool::new(false));
    let leaving = Arc::clone(&draining);
    let ready = move || {
        std::future::ready(if leaving.load(Ordering::Relaxed) {
            StatusCode::SERVICE_UNAVAILABLE
        } else {
            StatusCode::OK
        })
    };
    let http = openmake_web::router().layer(middleware::from_fn_with_state(requests, count));
    let http = Router::new()
        .route("/health", get(async || StatusCode::OK))
        .route("/ready", get(ready))
        .fallback_service(http);
    let metrics = metrics_router(Arc::new(registry));
    let serving = server.start(Side::Internal, listeners, http, metrics);
    server.signals.soft.cancelled().await;
    draining.store(true, Ordering::Relaxed);
    server.finish(serving).await;
}

async fn count(State(requests): State<Requests>, request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let status = response.status().as_u16();
    requests.get_or_create(&Labels { status }).inc();
    response
}
