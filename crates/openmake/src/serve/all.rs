//! Every role in one process.

use std::time::Duration;

use openmake_ai::Ai;
use openmake_seam::Side;
use prometheus_client::registry::Registry;
use tower::util::BoxCloneSyncService;

use super::{Foundation, Listeners, Server, ai, gateway};

/// Serves until the first signal, then drains.
pub(super) async fn serve(
    server: &Server<'_>,
    foundation: &Foundation,
    listeners: Listeners,
) -> anyhow::Result<()> {
    let mut registry = Registry::with_prefix("openmake");
    let ai = ai::start(server, foundation, &mut registry).await?;
    let parts = gateway::Parts {
        ai: BoxCloneSyncService::new(ai.router()),
        web: openmake_web::router(),
        registry,
        port: gateway::port(server.config, &listeners),
    };
    let gateway = gateway::build(server, foundation, parts)?;
    let (http, metrics) = (gateway.router(), gateway.metrics_router());
    let serving = server.start(Side::Public, listeners, http, metrics);
    gateway::warn_if_public(server.config.server.host);

    server.signals.soft.cancelled().await;
    gateway.start_draining();
    drain(server, &ai).await;
    server.finish(serving).await;
    Ok(())
}

/// Waits for the turns that run, but not longer than it may, nor after a second
/// signal.
pub(super) async fn drain(server: &Server<'_>, ai: &Ai) {
    tracing::info!(
        turns = ai.running_turns(),
        "stopping: waiting for turns that are being answered"
    );
    tokio::select! {
        () = ai.drain(server.config.server.drain) => {}
        () = server.signals.hard.cancelled() => {
            tracing::info!("told twice: closing turns as interrupted now");
            ai.drain(Duration::ZERO).await;
        }
    }
}
