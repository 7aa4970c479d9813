//! Name resolution, and the guard that stands behind it in the connector.

use std::{
    fmt, io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::Arc,
};

use crate::{EgressError, address::refused_range};

/// A look-up under way.
pub type Resolving = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

/// Turns a name into addresses. The program uses [`SystemResolver`]; tests
/// bring their own.
pub trait Resolver: Send + Sync + 'static {
    /// Looks `name` up. Called once for each new connection.
    fn resolve(&self, name: &str) -> Resolving;
}

/// The operating system's resolver.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemResolver;

impl Resolver for SystemResolver {
    fn resolve(&self, name: &str) -> Resolving {
        let name = name.to_owned();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

/// Which addresses a client may connect to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Those that the policy passes.
    Public,
    /// All: the host and port were allowed by name.
    Everything,
}

/// What reqwest asks for addresses. The connector connects to exactly what
/// this returns, so the address that is checked is the address that is used.
pub(crate) struct GuardedResolver {
    pub(crate) inner: Arc<dyn Resolver>,
    pub(crate) reach: Reach,
}

impl fmt::Debug for GuardedResolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuardedResolver")
            .field("reach", &self.reach)
            .finish_non_exhaustive()
    }
}

impl reqwest::dns::Resolve for GuardedResolver {
    fn resolve(&self, name: reqwest::dns::Name) -> reqwest::dns::Resolving {
        let host = name.as_str().to_owned();
        let resolving = self.inner.resolve(&host);
        let reach = self.reach;
        Box::pin(async move {
            let found = match resolving.await {
                Ok(found) => found,
                Err(error) => {
                    tracing::debug!(%host, %error, "name look-up failed");
                    return Err(EgressError::Resolve { host }.into());
                }
            };
            let usable = match reach {
                Reach::Everything => found,
                Reach::Public => keep_public(&host, found)?,
            };
            if usable.is_empty() {
                return Err(EgressError::Resolve { host }.into());
            }
            // Port 0 stands for the port of the URL.
            let addresses = usable.into_iter().map(|ip| SocketAddr::new(ip, 0));
            Ok(Box::new(addresses) as reqwest::dns::Addrs)
        })
    }
}

/// The public ones among `found`; an error when there are only others.
fn keep_public(host: &str, found: Vec<IpAddr>) -> Result<Vec<IpAddr>, EgressError> {
    let mut refused = None;
    let mut public = Vec::with_capacity(found.len());
    for address in found {
        match refused_range(address) {
            None => public.push(address),
            Some(range) => refused = Some(range),
        }
    }
    match refused {
        Some(range) if public.is_empty() => Err(EgressError::Refused {
            host: host.to_owned(),
            range,
        }),
        _ => Ok(public),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::AddressRange;

    fn addresses(texts: &[&str]) -> Vec<IpAddr> {
        texts
            .iter()
            .map(|text| text.parse().expect("an address"))
            .collect()
    }

    #[test]
    fn of_a_mixed_answer_only_public_addresses_remain() {
        let found = addresses(&["127.0.0.1", "8.8.8.8", "::1", "169.254.169.254"]);
        assert_eq!(
            keep_public("mixed.test", found),
            Ok(addresses(&["8.8.8.8"]))
        );
    }

    #[test]
    fn an_answer_of_private_addresses_is_refused() {
        let refused = keep_public("rebind.test", addresses(&["10.0.0.1"]));
        assert_eq!(
            refused,
            Err(EgressError::Refused {
                host: "rebind.test".into(),
                range: AddressRange::Private
            })
        );
    }
}
