//! Whether the process is up, whether it can serve, and what it counted.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use axum::{
    Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::get,
};
use http::{StatusCode, header};
use openmake_api::{
    Allowed, ApiError,
    authorize::ReadMetrics,
    extract::Json,
    instance::{Health, Readiness},
    responses::{OpenProblems, ReadProblems},
};

use openmake_types::ErrorKind;
use prometheus_client::registry::Registry;

use crate::{metrics::encode, state::App};

/// The format that Prometheus asks for.
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The process is up.
#[utoipa::path(get, path = "/health", tag = "operation", security(()),
    responses((status = 200, body = Health), OpenProblems))]
pub(crate) async fn health(State(app): State<App>) -> Json<Health> {
    Json(Health {
        status: "ok".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        uptime_seconds: app.started.elapsed().as_secs(),
    })
}

/// The database is migrated and reachable, and the process is not about to
/// stop. Models do not count.
#[utoipa::path(get, path = "/ready", tag = "operation", security(()),
    responses((status = 200, body = Readiness), OpenProblems))]
pub(crate) async fn ready(State(app): State<App>) -> Result<Json<Readiness>, ApiError> {
    if app.draining.load(Ordering::Relaxed) {
        return Err(
            ApiError::new(ErrorKind::Unavailable, "The server is stopping.")
                .with_code("shutting_down"),
        );
    }
    let ping = tokio::time::timeout(Duration::from_secs(3), app.store.ping()).await;
    match ping {
        Ok(Ok(())) => Ok(Json(Readiness {
            ready: true,
            database: "ok".to_owned(),
        })),
        Ok(Err(error)) => Err(unready(error)),
        Err(error) => Err(unready(error)),
    }
}

fn unready(source: impl std::error::Error + Send + Sync + 'static) -> ApiError {
    ApiError::unavailable(source)
        .with_code("database_unavailable")
        .with_hint("See the server's log; `openmake doctor` checks the database.")
}

/// What this process counted, for Prometheus.
#[utoipa::path(get, path = "/metrics", tag = "operation",
    responses((status = 200, body = String, content_type = "application/openmetrics-text"), ReadProblems))]
pub(crate) async fn metrics(
    State(app): State<App>,
    _allowed: Allowed<ReadMetrics>,
) -> Result<Response, ApiError> {
    metrics_text(app.metrics.registry())
}

/// The same without a credential, for a listen address of its own that only the
/// operator reaches: of any role.
pub fn metrics_router(registry: Arc<Registry>) -> Router {
    let text = async |State(registry): State<Arc<Registry>>| metrics_text(&registry);
    Router::new()
        .route("/metrics", get(text))
        .with_state(registry)
}

fn metrics_text(registry: &Registry) -> Result<Response, ApiError> {
    let text = encode(registry).map_err(ApiError::internal)?;
    let headers = [(header::CONTENT_TYPE, OPENMETRICS)];
    Ok((StatusCode::OK, headers, text).into_response())
}
