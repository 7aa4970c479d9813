//! The gateway: in the same process as the others, or alone before them.

use std::{net::IpAddr, sync::Arc};

use anyhow::Context as _;
use axum::Router;
use openmake_egress::{AllowedHosts, Egress, EgressSettings, SystemResolver};
use openmake_gateway::{
    AiService, Backups, Gateway, GatewayParts, GatewaySettings, Images, RateSettings,
};
use openmake_seam::{ClientParts, Dress, Peer, RoleClient, Side, SystemNames, Target};
use prometheus_client::registry::Registry;
use tower::util::BoxCloneSyncService;

use super::{Foundation, Listeners, Server, World, apart::Peers};
use crate::{config::Config, openapi, sign_in};

/// What the gateway is given besides what it stands on.
pub(super) struct Parts {
    pub(super) ai: AiService,
    pub(super) web: Router,
    pub(super) registry: Registry,
    /// The port that browsers find it at, unless told otherwise.
    pub(super) port: u16,
}

/// The port that the program listens on.
pub(super) fn port(config: &Config, listeners: &Listeners) -> u16 {
    let address = listeners.http.local_addr();
    address.map_or(config.server.port, |address| address.port())
}

/// Puts the gateway together.
pub(super) fn build(
    server: &Server<'_>,
    foundation: &Foundation,
    parts: Parts,
) -> anyhow::Result<Gateway> {
    let (config, world) = (server.config, server.world);
    let limits = &config.limits;
    Ok(Gateway::new(GatewayParts {
        store: foundation.store.clone(),
        keys: foundation.keys.clone(),
        clock: Arc::clone(&world.clock),
        ids: Arc::clone(&world.ids),
        process: foundation.process,
        settings: GatewaySettings {
            bound_to_loopback: config.server.host.is_loopback(),
            admin_emails: config.accounts.admin_emails.clone(),
            trusted_proxies: config.server.trusted_proxies.clone(),
            allowed_origins: config.server.cors_origins.clone(),
            default_model: config.models.default.clone(),
            demo: config.models.demo,
            backups: if config.backup.directory.is_some() {
                Backups::Configured
            } else {
                Backups::NotConfigured
            },
            sign_in: sign_in::settings(config, parts.port)?,
            rates: RateSettings {
                sign_in: limits.sign_in_per_minute,
                anonymous: limits.requests_per_minute / 2,
                actor: limits.requests_per_minute,
                guest: limits.requests_per_minute,
                turn_start: limits.turns_per_minute,
                search: limits.searches_per_minute,
                ..RateSettings::default()
            },
            ..GatewaySettings::default()
        },
        ai: parts.ai,
        ai_routes: openmake_ai::routes(),
        images: images()?,
        web: parts.web,
        openapi_json: openapi::document_text().context("the OpenAPI document")?,
        wakeups: foundation.wakeups.clone(),
        metrics: parts.registry,
        tasks: world.tasks.clone(),
        stop: world.stop.clone(),
    }))
}

/// What fetches the pictures of answers: from public addresses only.
fn images() -> anyhow::Result<Images> {
    let egress = Egress::new(EgressSettings::default(), SystemResolver)
        .context("no HTTP client for pictures from elsewhere")?;
    Ok(Images::new(egress, AllowedHosts::none()))
}

/// Serves the role alone until the first signal. Turns run elsewhere, and their
/// readers go on at another gateway; what it waits for are programs' calls.
pub(super) async fn serve(
    server: &Server<'_>,
    foundation: &Foundation,
    peers: Peers,
    listeners: Listeners,
) -> anyhow::Result<()> {
    let Peers { keys, ai, web } = peers;
    let ai = role_client(server.world, Peer::Ai, ai, Dress::Identity(keys));
    let web = if web.is_empty() {
        openmake_web::router()
    } else {
        let web = role_client(server.world, Peer::Web, web, Dress::Anonymous);
        Router::new().fallback_service(web)
    };
    let parts = Parts {
        ai: BoxCloneSyncService::new(ai),
        web,
        registry: Registry::with_prefix("openmake"),
        port: port(server.config, &listeners),
    };
    let gateway = build(server, foundation, parts)?;
    let (http, metrics) = (gateway.router(), gateway.metrics_router());
    let serving = server.start(Side::Public, listeners, http, metrics);
    warn_if_public(server.config.server.host);

    server.signals.soft.cancelled().await;
    gateway.start_draining();
    tracing::info!("stopping: waiting for calls that are being answered");
    tokio::select! {
        () = gateway.drain(server.config.server.drain) => {}
        () = server.signals.hard.cancelled() => tracing::info!("told twice: stopping now"),
    }
    server.finish(serving).await;
    Ok(())
}

/// A role of another process.
pub(crate) fn role_client(
    world: &World,
    peer: Peer,
    targets: Vec<Target>,
    dress: Dress,
) -> RoleClient {
    RoleClient::start(ClientParts {
        peer,
        targets,
        names: Arc::new(SystemNames),
        dress,
        clock: Arc::clone(&world.clock),
        tasks: world.tasks.clone(),
        stop: world.stop.clone(),
    })
}

pub(super) fn warn_if_public(host: IpAddr) {
    if !host.is_loopback() {
        tracing::warn!(
            %host,
            "listening beyond this machine: registration is by invitation unless set otherwise; put a TLS proxy in front"
        );
    }
}
