//! What stands between the gateway and the scripted ai: nothing, or, with
//! `OPENMAKE_TEST_ROLES=apart`, a real socket and the signed identity, as
//! between two processes.

use std::{net::TcpListener, sync::Arc, time::Duration};

use axum::{Router, routing::get};
use http::StatusCode;
use openmake_gateway::AiService;
use openmake_seam::{
    ClientParts, Dress, GuardParts, InternalKeys, Listening, Peer, RoleClient, Side, SystemNames,
    guarded, serve,
};
use openmake_types::ManualClock;
use testkit::program::are_roles_apart;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::util::BoxCloneSyncService;

/// The ai role as the gateway is given it.
pub(super) fn service(
    ai: Router,
    clock: &Arc<ManualClock>,
    tasks: &TaskTracker,
    stop: &CancellationToken,
) -> AiService {
    if !are_roles_apart() {
        return BoxCloneSyncService::new(ai);
    }
    let keys = InternalKeys::parse(&"k".repeat(32)).expect("a key");
    let listener = TcpListener::bind("127.0.0.1:0").expect("bound");
    listener.set_nonblocking(true).expect("set");
    let at = listener.local_addr().expect("bound");
    let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
    let parts = GuardParts {
        keys: keys.clone(),
        clock: Arc::clone(clock) as _,
    };
    let ready = Router::new().route("/ready", get(async || StatusCode::OK));
    let listening = Listening {
        side: Side::Internal,
        leave: stop.clone(),
        stop: stop.clone(),
        grace: Duration::ZERO,
        tasks: tasks.clone(),
    };
    tasks.spawn(serve(listener, guarded(ai, parts).merge(ready), listening));
    BoxCloneSyncService::new(RoleClient::start(ClientParts {
        peer: Peer::Ai,
        targets: vec![format!("http://{at}").parse().expect("a target")],
        names: Arc::new(SystemNames),
        dress: Dress::Identity(keys),
        clock: Arc::clone(clock) as _,
        tasks: tasks.clone(),
        stop: stop.clone(),
    }))
}
