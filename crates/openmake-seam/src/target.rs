//! Where a role is, as the settings say it.

use std::str::FromStr;

use http::uri::Authority;
use url::{Host, Url};

/// A role's address: a host, which may have several addresses, and a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The host's name or address, without brackets.
    pub(crate) host: String,
    /// The port.
    pub(crate) port: u16,
    /// Both, as a request names them.
    pub(crate) authority: Authority,
}

/// Why a text is no target.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// It is no address at all.
    #[error("it is not an address; give http://HOST:PORT")]
    NoAddress,
    /// Roles speak plain HTTP/2 with each other.
    #[error("roles speak plain HTTP with each other, on a private network; give http://HOST:PORT")]
    NotHttp,
    /// A path, a query or a password.
    #[error("it has more than a host and a port; give http://HOST:PORT")]
    TooMuch,
}

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        let url = Url::parse(text).map_err(|_| TargetError::NoAddress)?;
        if url.scheme() != "http" {
            return Err(TargetError::NotHttp);
        }
        let bare = url.username().is_empty()
            && url.password().is_none()
            && url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none();
        if !bare {
            return Err(TargetError::TooMuch);
        }
        let host = url.host().ok_or(TargetError::NoAddress)?;
        let port = url.port_or_known_default().ok_or(TargetError::NoAddress)?;
        let authority = format!("{host}:{port}")
            .parse()
            .map_err(|_| TargetError::NoAddress)?;
        Ok(Self {
            host: match host {
                Host::Domain(name) => name.to_owned(),
                Host::Ipv4(address) => address.to_string(),
                Host::Ipv6(address) => address.to_string(),
            },
            port,
            authority,
        })
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "http://{}", self.authority)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_and_a_port_and_nothing_else() {
        let target: Target = "http://ai:8080".parse().expect("good");
        assert_eq!((target.host.as_str(), target.port), ("ai", 8080));
        assert_eq!(target.to_string(), "http://ai:8080");
        let target: Target = "http://[::1]:8080/".parse().expect("good");
        assert_eq!(target.host, "::1");
        assert_eq!(target.authority.as_str(), "[::1]:8080");
        let target: Target = "http://ai".parse().expect("good");
        assert_eq!(target.port, 80);
        for (text, error) in [
            ("ai:8080", TargetError::NotHttp),
            ("https://ai", TargetError::NotHttp),
            ("http://u:p@ai", TargetError::TooMuch),
            ("http://ai/x", TargetError::TooMuch),
            ("", TargetError::NoAddress),
        ] {
            assert_eq!(text.parse::<Target>(), Err(error), "{text}");
        }
    }
}
