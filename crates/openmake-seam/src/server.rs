//! Accepting connections: HTTP/1.1 and HTTP/2 with the limits that keep a slow
//! or idle peer from holding a connection for ever.

use std::{net::SocketAddr, time::Duration};

use axum::{Router, extract::ConnectInfo};
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt as _;

use crate::limits;

/// How long a peer may take to send the head of a request.
const HEADER_TIMEOUT: Duration = Duration::from_secs(15);
/// How long an HTTP/2 peer may leave a ping unanswered.
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(20);
/// How often an HTTP/2 peer is pinged.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(30);
/// Bytes that the head of a request may have.
const MAX_HEAD: u32 = 64 * 1024;
/// How long to wait after the system refused a connection (out of files).
const ACCEPT_BACKOFF: Duration = Duration::from_millis(100);

/// Who connects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Anyone: small windows, small heads.
    Public,
    /// Other roles: many streams on few connections.
    Internal,
}

/// For how long a listener serves.
#[derive(Debug, Clone)]
pub struct Listening {
    /// Who connects to it.
    pub side: Side,
    /// Asks those that are connected to send nothing more on these connections.
    /// New ones are still accepted: who has nowhere else to go may come back.
    pub leave: CancellationToken,
    /// Accepts nothing more, and lets open connections finish.
    pub stop: CancellationToken,
    /// For at most so long after `stop`.
    pub grace: Duration,
    /// Where the connections are counted.
    pub tasks: TaskTracker,
}

/// Serves `router` until it is told to stop, then lets open connections finish
/// their requests.
pub async fn serve(listener: TcpListener, router: Router, listening: Listening) {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(MAX_HEAD as usize);
    match listening.side {
        Side::Internal => limits::server(builder.http2()),
        Side::Public => {
            builder
                .http2()
                .timer(TokioTimer::new())
                .keep_alive_interval(KEEP_ALIVE_INTERVAL)
                .keep_alive_timeout(KEEP_ALIVE_TIMEOUT)
                .max_header_list_size(MAX_HEAD);
        }
    }
    let connections = TaskTracker::new();
    let (stop, grace) = (listening.stop.clone(), listening.grace);
    let accept = Accept {
        builder,
        router,
        listening,
    };
    loop {
        let (stream, peer) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_BACKOFF).await;
                    continue;
                }
            },
            () = stop.cancelled() => break,
        };
        let connection = accept.clone().connection(stream, peer);
        let tracked = connections.track_future(connection);
        accept.listening.tasks.spawn(tracked);
    }
    drop(listener);
    connections.close();
    if tokio::time::timeout(grace, connections.wait())
        .await
        .is_err()
    {
        tracing::info!("closing connections that are still open");
    }
}

/// What every connection gets.
#[derive(Clone)]
struct Accept {
    builder: auto::Builder<TokioExecutor>,
    router: Router,
    listening: Listening,
}

impl Accept {
    async fn connection(self, stream: TcpStream, peer: SocketAddr) {
        // Small frames of a stream must not wait for each other.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY could not be set");
        }
        let router = self.router;
        let service = hyper::service::service_fn(move |mut request: hyper::Request<Incoming>| {
            request
                .extensions_mut()
                .insert(ConnectInfo::<SocketAddr>(peer));
            router.clone().oneshot(request.map(axum::body::Body::new))
        });
        let connection = self
            .builder
            .serve_connection_with_upgrades(TokioIo::new(stream), service);
        let mut connection = std::pin::pin!(connection);
        let Listening {
            leave, stop, grace, ..
        } = self.listening;
        // Who comes after we said that we leave knows no better place.
        let asked_to_leave = !leave.is_cancelled();
        let ended = tokio::select! {
            ended = connection.as_mut() => Some(ended),
            () = leave.cancelled(), if asked_to_leave => None,
            () = stop.cancelled() => None,
        };
        let ended = if let Some(ended) = ended {
            ended
        } else {
            connection.as_mut().graceful_shutdown();
            let over = async {
                stop.cancelled().await;
                tokio::time::sleep(grace).await;
            };
            tokio::select! {
                ended = connection.as_mut() => ended,
                () = over => return,
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, %peer, "a connection ended with an error");
        }
    }
}
