//! The ai role: in the same process as the others, or alone behind the gateway.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use openmake_ai::{Ai, AiParts, AiSettings};
use openmake_gateway::{Sampler, metrics_router};
use openmake_models::{
    NodePool, PoolParts, PoolSettings,
    profiles::{EngineOverrides, Profiles},
};
use openmake_seam::{GuardParts, InternalKeys, Side, guarded};
use prometheus_client::registry::Registry;

use super::{Foundation, Listeners, Server, all};
use crate::{backups, config::Engines, model_nodes};

/// How often it is written down what the process counts.
const SAMPLE_EVERY: Duration = Duration::from_secs(10);

/// Starts the role's work: turns, leases, maintenance, backups.
pub(super) async fn start(
    server: &Server<'_>,
    foundation: &Foundation,
    registry: &mut Registry,
) -> anyhow::Result<Ai> {
    let (config, world) = (server.config, server.world);
    let provider = model_nodes::provider_parts(&config.models, world)?;
    let configured_nodes = model_nodes::configured(&config.models)?;
    let pool = NodePool::start(
        PoolParts {
            provider: provider.clone(),
            settings: PoolSettings {
                check_interval: config.models.check_interval,
                ..PoolSettings::default()
            },
            tracker: world.tasks.clone(),
            stop: world.stop.clone(),
        },
        configured_nodes.clone(),
    );
    let ai = Ai::new(
        AiParts {
            store: foundation.store.clone(),
            pool,
            provider,
            profiles: Arc::new(
                Profiles::builtin(engines(&config.models.engines)).context("the profiles")?,
            ),
            tools: openmake_tools::builtin().context("the built-in tools")?,
            keys: foundation.keys.clone(),
            clock: Arc::clone(&world.clock),
            ids: Arc::clone(&world.ids),
            process: foundation.process,
            settings: AiSettings {
                single_process: foundation.single_process,
                default_model: config.models.default.clone(),
                ..AiSettings::default()
            },
            configured_nodes,
            wakeups: foundation.wakeups.clone(),
            tasks: world.tasks.clone(),
            stop: world.stop.clone(),
        },
        registry,
    );
    ai.start()
        .await
        .context("the turns could not be taken up")?;
    let Foundation { store, keys, .. } = foundation;
    backups::start_service(&config.backup, store, keys, world, registry);
    Ok(ai)
}

/// Serves the role alone, to gateways that have the key, until the first
/// signal; then drains.
pub(super) async fn serve(
    server: &Server<'_>,
    foundation: &Foundation,
    keys: InternalKeys,
    listeners: Listeners,
) -> anyhow::Result<()> {
    let world = server.world;
    let mut registry = Registry::with_prefix("openmake");
    let ai = start(server, foundation, &mut registry).await?;
    let registry = Arc::new(registry);
    let sampler = Sampler {
        store: foundation.store.clone(),
        clock: Arc::clone(&world.clock),
        process: foundation.process,
        every: SAMPLE_EVERY,
        registry: Arc::clone(&registry),
        stop: world.stop.clone(),
    };
    world.tasks.spawn(sampler.run());
    let parts = GuardParts {
        keys,
        clock: Arc::clone(&world.clock),
    };
    let http = guarded(ai.router(), parts).merge(ai.health_router());
    let serving = server.start(Side::Internal, listeners, http, metrics_router(registry));

    server.signals.soft.cancelled().await;
    all::drain(server, &ai).await;
    server.finish(serving).await;
    Ok(())
}

fn engines(engines: &Engines) -> EngineOverrides {
    EngineOverrides {
        llm: engines.llm.clone(),
        pro: engines.pro.clone(),
        fast: engines.fast.clone(),
        think: engines.think.clone(),
        code: engines.code.clone(),
        vision: engines.vision.clone(),
    }
}
