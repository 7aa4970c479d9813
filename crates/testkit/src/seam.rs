//! What stands between a test and the ai role: nothing, or, where tests run the
//! roles apart, a real socket and the signed identity, as between two processes.

use std::{net::TcpListener, sync::Arc, time::Duration};

use axum::{Router, http::StatusCode, routing::get};
use openmake_seam::{
    ClientParts, Dress, GuardParts, InternalKeys, Listening, Peer, RoleClient, Side, SystemNames,
    guarded, serve,
};
use openmake_types::Clock;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::program::are_roles_apart;

/// What both sides are given.
#[derive(Clone)]
pub struct Between {
    /// The time of day.
    pub clock: Arc<dyn Clock>,
    /// Where their tasks are counted.
    pub tasks: TaskTracker,
    /// Ends both.
    pub stop: CancellationToken,
}

/// The role as its callers are given it.
///
/// # Panics
/// When there is no port for it.
pub fn seam(role: Router, between: Between) -> Router {
    if !are_roles_apart() {
        return role;
    }
    let Between { clock, tasks, stop } = between;
    let Ok(keys) = InternalKeys::parse(&"k".repeat(32)) else {
        panic!("no key");
    };
    let listener = match listen() {
        Ok(listener) => listener,
        Err(error) => panic!("no port for the role: {error}"),
    };
    let target = listener.local_addr().map(|at| format!("http://{at}"));
    let Ok(Ok(target)) = target.map(|target| target.parse()) else {
        panic!("no address of the role");
    };
    let parts = GuardParts {
        keys: keys.clone(),
        clock: Arc::clone(&clock),
    };
    let ready = Router::new().route("/ready", get(async || StatusCode::OK));
    let listening = Listening {
        side: Side::Internal,
        leave: stop.clone(),
        stop: stop.clone(),
        grace: Duration::ZERO,
        tasks: tasks.clone(),
    };
    tasks.spawn(serve(
        listener,
        guarded(role, parts).merge(ready),
        listening,
    ));
    Router::new().fallback_service(RoleClient::start(ClientParts {
        peer: Peer::Ai,
        targets: vec![target],
        names: Arc::new(SystemNames),
        dress: Dress::Identity(keys),
        clock,
        tasks,
        stop,
    }))
}

fn listen() -> std::io::Result<tokio::net::TcpListener> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    tokio::net::TcpListener::from_std(listener)
}
