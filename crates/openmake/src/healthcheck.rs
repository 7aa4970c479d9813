//! `openmake healthcheck`: asks the server on this machine whether it is
//! ready, for container images that have no other HTTP client.

use std::{
    io::{self, Read as _, Write as _},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, ToSocketAddrs as _},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};
use url::Url;

use crate::config;

/// How long the whole check may take. A server asks its database for three
/// seconds at most before it answers.
const LIMIT: Duration = Duration::from_secs(5);
/// As much of an answer as is read: the head, and a problem's sentence.
const MOST_BYTES: u64 = 16 * 1024;

/// What to ask.
#[derive(Debug)]
struct Target {
    address: SocketAddr,
    /// For the `Host` header.
    authority: String,
    path: String,
}

/// Succeeds when the server at `url` answers that it is ready; without an
/// address, the one that the settings describe, whichever role it has.
pub(crate) fn run(url: Option<&Url>, server: &config::Server) -> anyhow::Result<()> {
    let target = match url {
        Some(url) => named(url)?,
        None => local(server.host, server.port)?,
    };
    let answer = ask(&target).with_context(|| format!("{} does not answer", target.authority))?;
    judge(&answer)
}

fn local(host: IpAddr, port: u16) -> anyhow::Result<Target> {
    ensure!(
        port != 0,
        "the settings leave the port open (PORT=0); name the server with --url"
    );
    // A server that listens on all addresses listens on loopback.
    let host = match host {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        host => host,
    };
    let address = SocketAddr::new(host, port);
    Ok(Target {
        address,
        authority: address.to_string(),
        path: "/ready".to_owned(),
    })
}

fn named(url: &Url) -> anyhow::Result<Target> {
    ensure!(
        url.scheme() == "http",
        "the check speaks plain HTTP: it is for a server on this machine, behind any TLS proxy"
    );
    let host = url.host_str().context("the URL names no host")?;
    let port = url.port_or_known_default().unwrap_or(80);
    let authority = format!("{host}:{port}");
    let address = authority
        .to_socket_addrs()
        .with_context(|| format!("{host} has no address"))?
        .next()
        .with_context(|| format!("{host} has no address"))?;
    let path = match url.path() {
        "/" => "/ready",
        path => path,
    };
    Ok(Target {
        address,
        authority,
        path: path.to_owned(),
    })
}

fn ask(target: &Target) -> io::Result<Vec<u8>> {
    let deadline = Instant::now() + LIMIT;
    let left = || {
        deadline
            .checked_duration_since(Instant::now())
            .filter(|left| !left.is_zero())
            .ok_or(io::ErrorKind::TimedOut)
    };
    let mut stream = TcpStream::connect_timeout(&target.address, left()?)?;
    stream.set_write_timeout(Some(left()?))?;
    let request = format!(
        "GET {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: openmake-healthcheck\r\nAccept: application/json\r\nConnection: close\r\n\r\n",
        target.path, target.authority
    );
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    let mut piece = [0; 4096];
    while (answer.len() as u64) < MOST_BYTES {
        stream.set_read_timeout(Some(left()?))?;
        match stream.read(&mut piece)? {
            0 => break,
            read => answer.extend_from_slice(piece.get(..read).unwrap_or_default()),
        }
    }
    Ok(answer)
}

/// Reads the status, and why a server is not ready.
fn judge(answer: &[u8]) -> anyhow::Result<()> {
    let text = String::from_utf8_lossy(answer);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head
        .lines()
        .next()
        .filter(|line| line.starts_with("HTTP/1."))
        .and_then(|line| line.split(' ').nth(1))
        .context("the answer is not HTTP")?;
    if status == "200" {
        return Ok(());
    }
    let said = serde_json::from_str::<serde_json::Value>(body)
        .ok()
        .and_then(|problem| problem.get("detail")?.as_str().map(str::to_owned));
    match said {
        Some(said) => bail!("not ready ({status}): {said}"),
        None => bail!("not ready ({status})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_on_all_addresses_is_asked_on_loopback() {
        let asked = |host: &str| {
            let host = host.parse().expect("an address");
            local(host, 80).expect("a target").authority
        };
        assert_eq!(asked("0.0.0.0"), "127.0.0.1:80");
        assert_eq!(asked("::"), "[::1]:80");
        assert_eq!(asked("192.0.2.7"), "192.0.2.7:80");
        assert!(local(Ipv4Addr::LOCALHOST.into(), 0).is_err());
    }

    #[test]
    fn only_plain_http_is_spoken() {
        let url = |text: &str| Url::parse(text).expect("a URL");
        assert!(named(&url("https://127.0.0.1/ready")).is_err());
        let target = named(&url("http://127.0.0.1:1234")).expect("a target");
        assert_eq!(target.path, "/ready");
        assert_eq!(target.authority, "127.0.0.1:1234");
        let target = named(&url("http://127.0.0.1/health")).expect("a target");
        assert_eq!(target.path, "/health");
        assert_eq!(target.address.port(), 80);
    }

    #[test]
    fn an_answer_is_judged_by_its_status() {
        judge(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").expect("ready");
        let refused =
            b"HTTP/1.1 503 Service Unavailable\r\n\r\n{\"detail\":\"The server is stopping.\"}";
        let why = judge(refused).expect_err("not ready").to_string();
        assert_eq!(why, "not ready (503): The server is stopping.");
        for nonsense in [&b""[..], b"SSH-2.0-OpenSSH", b"HTTP/1.1", b"\xff\xfe"] {
            assert!(judge(nonsense).is_err());
        }
    }

    #[test]
    fn a_server_that_says_nothing_is_given_up() {
        let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a listener");
        let address = silent.local_addr().expect("an address");
        let target = local(address.ip(), address.port()).expect("a target");
        let began = Instant::now();
        assert!(ask(&target).is_err());
        assert!(began.elapsed() >= LIMIT);
        drop(silent);
        assert!(ask(&target).is_err());
    }
}
