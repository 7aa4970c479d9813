//! A URL that was parsed and found usable, and the hosts that are allowed.

use std::{collections::BTreeSet, fmt, net::IpAddr, str::FromStr, sync::Arc};

use url::{Host, Url};

use crate::EgressError;

/// More than any honest URL has, and less than servers refuse.
const MAX_URL_BYTES: usize = 8 * 1024;

/// An http or https URL with a host and without a user name or password.
///
/// It is parsed here once, by the rules that browsers follow, so that every
/// spelling of an address (`0x7f.1`, `2130706433`, `[::ffff:7f00:1]`,
/// `LOCALHOST.`) is normal before anything looks at it; whoever connects uses
/// the parsed form.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Target {
    url: Url,
    host: String,
    port: u16,
}

impl Target {
    /// Parses and checks `text`.
    pub fn parse(text: &str) -> Result<Self, EgressError> {
        if text.len() > MAX_URL_BYTES {
            return Err(invalid("longer than 8192 bytes"));
        }
        let url = Url::parse(text).map_err(|error| match error {
            url::ParseError::RelativeUrlWithoutBase => {
                invalid("it must begin with http:// or https://")
            }
            url::ParseError::EmptyHost => invalid("it has no host"),
            url::ParseError::InvalidPort => invalid("the port is not a number up to 65535"),
            _ => invalid("it cannot be parsed"),
        })?;
        Self::from_url(url)
    }

    /// Checks a URL that is parsed already.
    pub fn from_url(mut url: Url) -> Result<Self, EgressError> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(invalid("only http and https are supported"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(invalid("it contains a user name or a password"));
        }
        if url.as_str().len() > MAX_URL_BYTES {
            return Err(invalid("longer than 8192 bytes"));
        }
        url.set_fragment(None);
        let host = match url.host() {
            // `localhost.` and `localhost` are one host.
            Some(Host::Domain(name)) => name.trim_end_matches('.').to_owned(),
            Some(Host::Ipv4(address)) => address.to_string(),
            Some(Host::Ipv6(address)) => address.to_string(),
            None => return Err(invalid("it has no host")),
        };
        if host.is_empty() {
            return Err(invalid("it has no host"));
        }
        let port = url
            .port_or_known_default()
            .ok_or_else(|| invalid("it has no port"))?;
        Ok(Self { url, host, port })
    }

    /// The URL that a `Location` header names, seen from this one.
    pub(crate) fn follow(&self, location: &str) -> Result<Self, EgressError> {
        let url = self
            .url
            .join(location)
            .map_err(|_| invalid("a redirect to what is no URL"))?;
        Self::from_url(url)
    }

    /// The parsed URL.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The host in normal form: lower case, no trailing dot, no brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, the scheme's own where none is written.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The address, when the host is written as one.
    pub fn literal_address(&self) -> Option<IpAddr> {
        match self.url.host()? {
            Host::Ipv4(address) => Some(address.into()),
            Host::Ipv6(address) => Some(address.into()),
            Host::Domain(_) => None,
        }
    }

    /// Scheme, host and port as text: what credentials belong to.
    pub fn origin(&self) -> String {
        self.url.origin().ascii_serialization()
    }

    /// Whether both have the same scheme, host and port.
    pub fn same_origin(&self, other: &Self) -> bool {
        self.url.scheme() == other.url.scheme()
            && self.host == other.host
            && self.port == other.port
    }
}

impl FromStr for Target {
    type Err = EgressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.url.fmt(f)
    }
}

/// Only the origin: paths and queries may hold secrets.
impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Target({}/…)", self.origin())
    }
}

fn invalid(reason: &'static str) -> EgressError {
    EgressError::InvalidUrl { reason }
}

/// Hosts and ports that an administrator allowed, whatever their addresses.
///
/// A request carries its own: what one caller may reach is nobody else's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowedHosts(Arc<BTreeSet<(String, u16)>>);

impl AllowedHosts {
    /// Nothing beyond what is public.
    pub fn none() -> Self {
        Self::default()
    }

    /// Whether `target` may be reached whatever its address.
    pub fn contains(&self, target: &Target) -> bool {
        self.0
            .iter()
            .any(|(host, port)| *port == target.port && *host == target.host)
    }
}

impl<'a> FromIterator<&'a Target> for AllowedHosts {
    fn from_iter<I: IntoIterator<Item = &'a Target>>(targets: I) -> Self {
        Self(Arc::new(
            targets
                .into_iter()
                .map(|target| (target.host.clone(), target.port))
                .collect(),
        ))
    }
}

impl From<&Target> for AllowedHosts {
    fn from(target: &Target) -> Self {
        std::iter::once(target).collect()
    }
}
