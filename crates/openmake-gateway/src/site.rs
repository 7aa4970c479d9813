//! Where a request really comes from and which site it asked for: what to
//! believe of forwarded headers, and whether a browser's page of another
//! origin is behind it.

use std::net::IpAddr;

use http::{HeaderMap, HeaderValue, Uri, header};
use ipnet::IpNet;
use openmake_api::ApiError;
use url::Url;

use crate::tokens::Transport;

/// The site that a request asked for, as its client saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Site {
    /// Whether the client spoke HTTPS.
    pub(crate) https: bool,
    /// Host and port, as sent, in lower case.
    pub(crate) host: String,
}

impl Site {
    /// Whether this is a name of the client's own machine.
    fn is_loopback(&self) -> bool {
        let name = host_name(&self.host);
        name == "localhost"
            || name.ends_with(".localhost")
            || name
                .parse::<IpAddr>()
                .is_ok_and(|ip| ip.to_canonical().is_loopback())
    }

    /// Whether a cookie for this site can be Secure.
    pub(crate) fn transport(&self) -> Transport {
        if self.https || self.is_loopback() {
            Transport::Secure
        } else {
            Transport::Plain
        }
    }

    /// Whether `origin` is this site. The scheme is not compared: behind a
    /// proxy that ends TLS and is not in `TRUSTED_PROXIES` we cannot know it,
    /// and another scheme on the same host and port is no other party.
    fn is_origin(&self, origin: &Url) -> bool {
        let Some(name) = origin.host_str() else {
            return false;
        };
        let port = port_of(&self.host);
        name.eq_ignore_ascii_case(bracketed(&self.host))
            && match (origin.port(), port) {
                (given, Some(port)) => given.or(origin.port_or_known_default()) == Some(port),
                (given, None) => given.is_none(),
            }
    }
}

/// The host without its port, brackets kept.
fn bracketed(host: &str) -> &str {
    match port_of(host) {
        Some(_) => host.rsplit_once(':').map_or(host, |(name, _)| name),
        None => host,
    }
}

/// The host without port and brackets.
fn host_name(host: &str) -> &str {
    bracketed(host)
        .trim_start_matches('[')
        .trim_end_matches(']')
}

fn port_of(host: &str) -> Option<u16> {
    let (name, port) = host.rsplit_once(':')?;
    // An IPv6 address without a port has colons too, inside its brackets.
    if name.starts_with('[') && !name.ends_with(']') {
        return None;
    }
    port.parse().ok()
}

/// Decides what to believe of forwarded headers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Proxies(Vec<IpNet>);

impl Proxies {
    pub(crate) fn new(trusted: Vec<IpNet>) -> Self {
        Self(trusted)
    }

    /// Whether `ip` may forward.
    pub(crate) fn trusts(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        self.0.iter().any(|net| net.contains(&ip))
    }

    /// The client's address: the peer, or, where that is a trusted proxy, the
    /// nearest address in `X-Forwarded-For` that is not. Whatever stands left
    /// of that could have been written by anyone.
    pub(crate) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.to_canonical();
        let forwarded = headers.get_all("x-forwarded-for");
        let hops = forwarded
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','));
        let hops: Vec<&str> = hops.collect();
        for hop in hops.iter().rev() {
            if !self.trusts(client) {
                break;
            }
            let Some(ip) = parse_hop(hop) else { break };
            client = ip;
        }
        client
    }

    /// The site that the client asked for.
    pub(crate) fn site(&self, peer: Option<IpAddr>, headers: &HeaderMap, uri: &Uri) -> Site {
        let forwarded = |name: &str| {
            peer.filter(|peer| self.trusts(*peer))
                .and_then(|_| headers.get_all(name).iter().next_back())
                .and_then(|value| value.to_str().ok())
                .and_then(|value| value.rsplit(',').next())
                .map(|value| value.trim().to_ascii_lowercase())
        };
        let own = || {
            headers
                .get(header::HOST)
                .and_then(|value| value.to_str().ok())
                .or_else(|| uri.authority().map(http::uri::Authority::as_str))
                .unwrap_or_default()
                .to_ascii_lowercase()
        };
        Site {
            https: forwarded("x-forwarded-proto").is_some_and(|proto| proto == "https"),
            host: forwarded("x-forwarded-host").unwrap_or_else(own),
        }
    }
}

/// An address as proxies write it: plain, with a port, or in brackets.
fn parse_hop(hop: &str) -> Option<IpAddr> {
    let hop = hop.trim();
    hop.parse::<IpAddr>()
        .ok()
        .or_else(|| {
            hop.parse()
                .ok()
                .map(|socket: std::net::SocketAddr| socket.ip())
        })
        .or_else(|| hop.strip_prefix('[')?.strip_suffix(']')?.parse().ok())
        .map(|ip| ip.to_canonical())
}

/// Origins besides the server's own that may call from a browser.
#[derive(Debug, Clone, Default)]
pub(crate) struct Origins(Vec<String>);

impl Origins {
    pub(crate) fn new(allowed: &[String]) -> Self {
        let normal = |origin: &String| Url::parse(origin).ok().map(|url| ascii_origin(&url));
        Self(allowed.iter().filter_map(normal).collect())
    }

    /// The origins as browsers send them.
    pub(crate) fn as_slice(&self) -> &[String] {
        &self.0
    }

    /// Refuses a request that a browser sends for a page of another origin.
    ///
    /// Browsers name the origin on every POST and on every WebSocket, so a
    /// request without one is from a program, which carries no one's cookies
    /// but its own.
    pub(crate) fn check(&self, headers: &HeaderMap, site: &Site) -> Result<(), ApiError> {
        let Some(origin) = headers.get(header::ORIGIN) else {
            return match headers.get("sec-fetch-site").map(HeaderValue::as_bytes) {
                None | Some(b"same-origin" | b"none") => Ok(()),
                Some(_) => Err(foreign_origin()),
            };
        };
        let origin = origin
            .to_str()
            .ok()
            .and_then(|origin| Url::parse(origin).ok())
            .ok_or_else(foreign_origin)?;
        if site.is_origin(&origin) || self.0.contains(&ascii_origin(&origin)) {
            Ok(())
        } else {
            Err(foreign_origin())
        }
    }
}

fn ascii_origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

fn foreign_origin() -> ApiError {
    ApiError::new(
        openmake_types::ErrorKind::Forbidden,
        "This request came from a page of another origin.",
    )
    .with_code("foreign_origin")
    .with_hint(
        "Open the page at the server's own address. Behind a proxy, pass the Host header on \
         or name the proxy in TRUSTED_PROXIES.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    fn proxies() -> Proxies {
        Proxies::new(vec![
            "10.0.0.0/8".parse().expect("a network"),
            "fd00::/8".parse().expect("a network"),
        ])
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        for (peer, forwarded, client) in [
            ("203.0.113.9", &["1.1.1.1"][..], "203.0.113.9"),
            ("10.0.0.1", &["1.1.1.1"], "1.1.1.1"),
            ("10.0.0.1", &["6.6.6.6, 1.1.1.1"], "1.1.1.1"),
            ("10.0.0.1", &["6.6.6.6", "1.1.1.1, 10.0.0.2"], "1.1.1.1"),
            ("10.0.0.1", &["nonsense, 10.0.0.2"], "10.0.0.2"),
            ("10.0.0.1", &[], "10.0.0.1"),
            ("::ffff:10.0.0.1", &["1.1.1.1:8080"], "1.1.1.1"),
            ("fd00::1", &["[2001:db8::1]:99"], "2001:db8::1"),
        ] {
            let mut map = HeaderMap::new();
            for value in forwarded {
                map.append("x-forwarded-for", HeaderValue::from_static(value));
            }
            assert_eq!(
                proxies().client(ip(peer), &map),
                ip(client),
                "{peer} {forwarded:?}"
            );
        }
    }

    #[test]
    fn the_site_is_the_host_unless_a_trusted_proxy_says_otherwise() {
        let map = headers(&[
            ("host", "Inner:8080"),
            ("x-forwarded-host", "chat.example.com"),
            ("x-forwarded-proto", "https"),
        ]);
        let uri = Uri::from_static("/");
        let spoofed = proxies().site(Some(ip("203.0.113.9")), &map, &uri);
        assert_eq!(
            (spoofed.https, spoofed.host.as_str()),
            (false, "inner:8080")
        );
        let real = proxies().site(Some(ip("10.1.1.1")), &map, &uri);
        assert_eq!((real.https, real.host.as_str()), (true, "chat.example.com"));
    }

    #[test]
    fn cookies_are_secure_on_https_and_loopback() {
        for (https, host, transport) in [
            (true, "example.com", Transport::Secure),
            (false, "localhost:52416", Transport::Secure),
            (false, "127.0.0.1:52416", Transport::Secure),
            (false, "[::1]:52416", Transport::Secure),
            (false, "[::1]", Transport::Secure),
            (false, "192.168.1.5:52416", Transport::Plain),
            (false, "localhost.example.com", Transport::Plain),
        ] {
            let host = host.to_owned();
            assert_eq!(Site { https, host }.transport(), transport);
        }
    }

    #[test]
    fn a_page_of_another_origin_is_refused() {
        let origins = Origins::new(&["https://other.example".to_owned()]);
        for (host, pairs, ok) in [
            ("a.example", &[("origin", "https://a.example")][..], true),
            ("a.example:443", &[("origin", "https://a.example")], true),
            (
                "a.example:8080",
                &[("origin", "http://a.example:8080")],
                true,
            ),
            ("[::1]:5", &[("origin", "http://[::1]:5")], true),
            ("a.example:8080", &[("origin", "http://a.example")], false),
            ("a.example", &[("origin", "https://a.example:8443")], false),
            ("a.example", &[("origin", "https://b.example")], false),
            (
                "a.example",
                &[("origin", "https://a.example.evil.test")],
                false,
            ),
            ("a.example", &[("origin", "null")], false),
            ("a.example", &[("origin", "https://other.example")], true),
            ("a.example", &[], true),
            ("a.example", &[("sec-fetch-site", "same-origin")], true),
            ("a.example", &[("sec-fetch-site", "cross-site")], false),
            ("a.example", &[("sec-fetch-site", "same-site")], false),
        ] {
            let site = Site {
                https: false,
                host: host.to_owned(),
            };
            let verdict = origins.check(&headers(pairs), &site);
            assert_eq!(verdict.is_ok(), ok, "{host} {pairs:?}");
        }
    }
}
