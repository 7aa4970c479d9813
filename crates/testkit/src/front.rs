//! A load balancer for tests: connections go round, to processes that say that
//! they are ready, and to the next one when one cannot be connected to. It
//! keeps nobody to where they were.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional},
    net::{TcpListener, TcpStream},
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// How long connecting may take; processes that stand still take connections.
const CONNECT: Duration = Duration::from_secs(1);
/// How often each is asked whether it is ready.
const ASK_EVERY: Duration = Duration::from_millis(50);
/// How long its answer may take.
const ANSWER: Duration = Duration::from_secs(2);

/// Stands before some processes, on loopback. Dropping it ends it.
#[derive(Debug)]
pub struct Front {
    address: SocketAddr,
    stop: CancellationToken,
}

#[derive(Debug)]
struct Backend {
    address: SocketAddr,
    ready: AtomicBool,
}

#[derive(Debug)]
struct Backends {
    all: Vec<Backend>,
    next: AtomicUsize,
}

impl Front {
    /// Stands before these.
    ///
    /// # Panics
    /// Without a free port.
    pub async fn start(backends: impl IntoIterator<Item = SocketAddr>) -> Self {
        let listener = match TcpListener::bind(("127.0.0.1", 0)).await {
            Ok(listener) => listener,
            Err(error) => panic!("no port for a load balancer: {error}"),
        };
        let address = match listener.local_addr() {
            Ok(address) => address,
            Err(error) => panic!("a load balancer without an address: {error}"),
        };
        let all = backends.into_iter().map(|address| Backend {
            address,
            ready: AtomicBool::new(true),
        });
        let backends = Arc::new(Backends {
            all: all.collect(),
            next: AtomicUsize::new(0),
        });
        let stop = CancellationToken::new();
        let tasks = TaskTracker::new();
        let asking = Arc::clone(&backends).ask();
        let stopping = stop.clone();
        tasks.spawn(async move { stopping.run_until_cancelled(asking).await });
        let stopping = stop.clone();
        tasks.clone().spawn(async move {
            loop {
                let accepted = tokio::select! {
                    () = stopping.cancelled() => return,
                    accepted = listener.accept() => accepted,
                };
                let Ok((client, _)) = accepted else { continue };
                let passing = Arc::clone(&backends).pass(client);
                let stop = stopping.clone();
                tasks.spawn(async move { stop.run_until_cancelled(passing).await });
            }
        });
        Self { address, stop }
    }

    /// Where clients connect: `http://127.0.0.1:PORT`.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Backends {
    /// Passes a connection on; closes it when there is nobody.
    async fn pass(self: Arc<Self>, mut client: TcpStream) {
        if let Some(mut server) = self.connect().await {
            // Either side has closed, or broken off: so is the other.
            let _ = copy_bidirectional(&mut client, &mut server).await;
        }
    }

    async fn connect(&self) -> Option<TcpStream> {
        let first = self.next.fetch_add(1, Ordering::Relaxed);
        let (before, from) = self.all.split_at(first.checked_rem(self.all.len())?);
        for backend in from.iter().chain(before) {
            if !backend.ready.load(Ordering::Acquire) {
                continue;
            }
            if let Ok(Ok(server)) = timeout(CONNECT, TcpStream::connect(backend.address)).await {
                return Some(server);
            }
        }
        None
    }

    /// Asks who is ready, again and again.
    async fn ask(self: Arc<Self>) {
        loop {
            for backend in &self.all {
                let ready = timeout(ANSWER, is_ready(backend.address)).await;
                backend
                    .ready
                    .store(matches!(ready, Ok(Some(true))), Ordering::Release);
            }
            sleep(ASK_EVERY).await;
        }
    }
}

/// What `/ready` says; none without an answer.
async fn is_ready(address: SocketAddr) -> Option<bool> {
    let mut stream = TcpStream::connect(address).await.ok()?;
    let request = format!("GET /ready HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut status = [0; 12];
    stream.read_exact(&mut status).await.ok()?;
    Some(&status == b"HTTP/1.1 200")
}

#[cfg(test)]
mod tests {
    use axum::{Router, routing::get};

    use super::*;

    async fn process(name: &'static str) -> (SocketAddr, CancellationToken) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let router = Router::new()
            .route("/", get(move || async move { name }))
            .route("/ready", get(|| async {}));
        let stop = CancellationToken::new();
        let stopping = stop.clone().cancelled_owned();
        TaskTracker::new().spawn(async move {
            let served = axum::serve(listener, router).with_graceful_shutdown(stopping);
            served.await.expect("serves");
        });
        (address, stop)
    }

    async fn ask(front: &Front) -> String {
        let mut stream = TcpStream::connect(front.address).await.expect("connected");
        let request = "GET / HTTP/1.1\r\nhost: front\r\nconnection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).await.expect("asked");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("answered");
        answer.chars().last().into_iter().collect()
    }

    #[tokio::test]
    async fn connections_go_round_and_pass_over_who_is_gone() {
        let (a, stop) = process("a").await;
        let (b, _kept) = process("b").await;
        let front = Front::start([a, b]).await;
        let answers = [ask(&front).await, ask(&front).await];
        assert!(answers.contains(&"a".to_owned()), "{answers:?}");
        assert!(answers.contains(&"b".to_owned()), "{answers:?}");
        stop.cancel();
        while TcpStream::connect(a).await.is_ok() {
            sleep(ASK_EVERY).await;
        }
        for _ in 0..3 {
            assert_eq!(ask(&front).await, "b");
        }
    }
}
