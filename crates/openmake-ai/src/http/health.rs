//! Whether the role is up and can serve, where it runs apart. The only answers
//! that need no identity.

use std::{sync::Arc, time::Duration};

use axum::{Router, extract::State, routing::get};
use openmake_api::{
    ApiError,
    extract::Json,
    instance::{Health, Readiness},
};
use openmake_types::ErrorKind;
use tokio::time::Instant;

use crate::core::Core;

/// How long the database may take.
const PATIENCE: Duration = Duration::from_secs(3);

/// `/health` and `/ready`.
pub(crate) fn router(core: Arc<Core>) -> Router {
    let started = Instant::now();
    let health = move || std::future::ready(health(started));
    Router::new()
        .route("/health", get(health))
        .route("/ready", get(ready))
        .with_state(core)
}

fn health(started: Instant) -> Json<Health> {
    Json(Health {
        status: "ok".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        uptime_seconds: started.elapsed().as_secs(),
    })
}

async fn ready(State(core): State<Arc<Core>>) -> Result<Json<Readiness>, ApiError> {
    if core.is_draining() {
        return Err(
            ApiError::new(ErrorKind::Unavailable, "The server is stopping.")
                .with_code("shutting_down"),
        );
    }
    match tokio::time::timeout(PATIENCE, core.store.ping()).await {
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
