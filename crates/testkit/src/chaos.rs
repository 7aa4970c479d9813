//! A TCP proxy that a test cuts: what a lost network does to the program.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// How long a connection to the other side may take.
const CONNECT: Duration = Duration::from_secs(5);

/// Stands between a client and a server, on loopback. Dropping it ends it.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    /// Whether connections pass. A change to false closes all that are open.
    passes: watch::Sender<bool>,
    stop: CancellationToken,
}

impl Proxy {
    /// A proxy to `upstream`, which is `host:port`.
    ///
    /// # Panics
    /// Without a free port.
    pub async fn start(upstream: &str) -> Self {
        let listener = match TcpListener::bind(("127.0.0.1", 0)).await {
            Ok(listener) => listener,
            Err(error) => panic!("no port for a proxy: {error}"),
        };
        let address = match listener.local_addr() {
            Ok(address) => address,
            Err(error) => panic!("a proxy without an address: {error}"),
        };
        let (passes, open) = watch::channel(true);
        let stop = CancellationToken::new();
        let tasks = TaskTracker::new();
        let stopping = stop.clone();
        let upstream = upstream.to_owned();
        tasks.clone().spawn(async move {
            loop {
                let accepted = tokio::select! {
                    () = stopping.cancelled() => return,
                    accepted = listener.accept() => accepted,
                };
                let Ok((client, _)) = accepted else { continue };
                let open = open.clone();
                let stop = stopping.clone();
                let upstream = upstream.clone();
                tasks.spawn(async move {
                    tokio::select! {
                        () = stop.cancelled() => {}
                        () = pass(client, &upstream, open) => {}
                    }
                });
            }
        });
        Self {
            address,
            passes,
            stop,
        }
    }

    /// Where clients connect.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Closes every connection, and every new one at once, until
    /// [`Self::mend`].
    pub fn cut(&self) {
        self.passes.send_replace(false);
    }

    /// Lets connections pass again.
    pub fn mend(&self) {
        self.passes.send_replace(true);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn pass(mut client: TcpStream, upstream: &str, mut open: watch::Receiver<bool>) {
    if !*open.borrow_and_update() {
        return;
    }
    let Ok(Ok(mut server)) = timeout(CONNECT, TcpStream::connect(upstream)).await else {
        return;
    };
    tokio::select! {
        // Either side has closed, or broken off: so is the other.
        _ = copy_bidirectional(&mut client, &mut server) => {}
        _ = open.wait_for(|open| !open) => {}
    }
}

/// The `host:port` of a database's URL.
///
/// # Panics
/// When the database is reached through a socket.
pub fn server_of(url: &str) -> String {
    let authority = url
        .split_once("://")
        .map_or(url, |(_, rest)| rest)
        .split('/')
        .next()
        .unwrap_or_default();
    let server = authority.rsplit('@').next().unwrap_or_default();
    assert!(!server.is_empty(), "the database is not reached over TCP");
    server.to_owned()
}

/// The same database, reached through `proxy`.
pub fn through(url: &str, proxy: &Proxy) -> String {
    url.replacen(&server_of(url), &proxy.address().to_string(), 1)
}
