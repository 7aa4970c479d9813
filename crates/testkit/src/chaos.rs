//! A TCP proxy that a test cuts: what a lost network does to the program.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncWrite, copy_bidirectional},
    net::{TcpListener, TcpStream, UnixStream},
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
    /// A proxy to `upstream`: a `host:port`, or the path of a socket.
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
    let Some(mut server) = connect(upstream).await else {
        return;
    };
    tokio::select! {
        // Either side has closed, or broken off: so is the other.
        _ = copy_bidirectional(&mut client, &mut server) => {}
        _ = open.wait_for(|open| !open) => {}
    }
}

/// Either kind of connection.
trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

async fn connect(upstream: &str) -> Option<Box<dyn Duplex>> {
    if upstream.starts_with('/') {
        let server = timeout(CONNECT, UnixStream::connect(upstream)).await;
        Some(Box::new(server.ok()?.ok()?))
    } else {
        let server = timeout(CONNECT, TcpStream::connect(upstream)).await;
        Some(Box::new(server.ok()?.ok()?))
    }
}

/// Where a database's URL leads: its `host:port`, or the path of its socket.
///
/// # Panics
/// When the URL names neither.
pub fn server_of(url: &str) -> String {
    let server = authority_of(url);
    match socket_directory(url) {
        Some(directory) => {
            let port = server.rsplit(':').next().unwrap_or_default();
            format!("{directory}/.s.PGSQL.{port}")
        }
        None => server.to_owned(),
    }
}

/// The `host:port` in a URL.
fn authority_of(url: &str) -> &str {
    let authority = url
        .split_once("://")
        .map_or(url, |(_, rest)| rest)
        .split('/')
        .next()
        .unwrap_or_default();
    let server = authority.rsplit('@').next().unwrap_or_default();
    assert!(!server.is_empty(), "the database's URL names no server");
    server
}

/// The directory of the socket that a URL names by its `host` parameter.
fn socket_directory(url: &str) -> Option<String> {
    let (_, query) = url.split_once('?')?;
    let host = query
        .split('&')
        .find_map(|parameter| parameter.strip_prefix("host="))?;
    Some(host.replace("%2F", "/").replace("%20", " "))
}

/// The same database, reached through `proxy`.
pub fn through(url: &str, proxy: &Proxy) -> String {
    let url = if socket_directory(url).is_some() {
        url.split('?').next().unwrap_or_default()
    } else {
        url
    };
    url.replacen(authority_of(url), &proxy.address().to_string(), 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_socket_and_a_port_are_both_found_and_replaced() {
        let tcp = "postgres://u:p@127.0.0.1:4321/db";
        let socket = "postgres://u:p@localhost:5432/db?host=%2Frun%2Fa%20b";
        assert_eq!(server_of(tcp), "127.0.0.1:4321");
        assert_eq!(server_of(socket), "/run/a b/.s.PGSQL.5432");
        let proxy = Proxy::start(&server_of(tcp)).await;
        let expected = format!("postgres://u:p@{}/db", proxy.address());
        assert_eq!(through(tcp, &proxy), expected);
        assert_eq!(through(socket, &proxy), expected);
    }
}
