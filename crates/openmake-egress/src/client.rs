//! The client.

use std::{fmt, sync::Arc, time::Duration};

use http::{HeaderMap, Method, StatusCode, header};

use crate::{
    AllowedHosts, EgressError, FetchRequest, Fetched, OutgoingRequest, Redirects, Resolver,
    Response, Target,
    address::refused_range,
    error::{find_ours, root_cause},
    resolver::{GuardedResolver, Reach},
    tls,
};

/// What follows a redirect to another origin: what says how to answer, and
/// nothing that says who asks.
const SAFE_ACROSS_ORIGINS: [header::HeaderName; 3] =
    [header::ACCEPT, header::ACCEPT_LANGUAGE, header::USER_AGENT];

/// How the client behaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EgressSettings {
    /// From the look-up of the name to the end of the TLS handshake.
    pub connect_timeout: Duration,
    /// The most redirects in a row.
    pub max_redirects: usize,
    /// What the client calls itself.
    pub user_agent: String,
}

impl Default for EgressSettings {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            max_redirects: 5,
            user_agent: concat!("OpenMake/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

/// The guarded HTTP client. Clones share their connections.
#[derive(Clone)]
pub struct Egress(Arc<Clients>);

/// Two clients, so that a connection which was allowed by name is never
/// reused by a request which was not.
struct Clients {
    public: reqwest::Client,
    allowed: reqwest::Client,
    settings: EgressSettings,
}

impl Egress {
    /// A client that finds names with `resolver`.
    pub fn new(settings: EgressSettings, resolver: impl Resolver) -> Result<Self, EgressError> {
        let resolver: Arc<dyn Resolver> = Arc::new(resolver);
        let tls = tls::client_config()?;
        let build = |reach| {
            reqwest::Client::builder()
                .tls_backend_preconfigured(tls.clone())
                .dns_resolver(Arc::new(GuardedResolver {
                    inner: Arc::clone(&resolver),
                    reach,
                }))
                .redirect(reqwest::redirect::Policy::none())
                // A proxy would be connected to instead of the checked address.
                .no_proxy()
                .referer(false)
                .user_agent(settings.user_agent.as_str())
                .connect_timeout(settings.connect_timeout)
                .pool_max_idle_per_host(16)
                .pool_idle_timeout(Duration::from_mins(1))
                .tcp_keepalive(Duration::from_secs(30))
                .build()
                .map_err(|error| EgressError::Setup {
                    reason: root_cause(&error),
                })
        };
        let (public, allowed) = (build(Reach::Public)?, build(Reach::Everything)?);
        Ok(Self(Arc::new(Clients {
            public,
            allowed,
            settings,
        })))
    }

    /// Sends `request` and waits for the head of the answer.
    ///
    /// Connecting is bounded by the settings, what follows is not: the caller
    /// knows how long a model may think. Dropping the future, or the response
    /// after it, ends the request.
    pub async fn send(&self, request: OutgoingRequest) -> Result<Response, EgressError> {
        let OutgoingRequest {
            method,
            mut target,
            mut headers,
            body,
            allowed,
            redirects,
        } = request;
        let limit = self.0.settings.max_redirects;
        let mut hops = 0;
        loop {
            let client = self.client_for(&target, &allowed)?;
            let answer = client
                .request(method.clone(), target.url().clone())
                .headers(headers.clone())
                .body(body.clone())
                .send()
                .await
                .map_err(|error| self.sending_failed(&target, &error.without_url()))?;
            let Some(location) = redirect_location(&answer) else {
                return Ok(Response {
                    target,
                    inner: answer,
                });
            };
            let next = target.follow(location)?;
            check_redirect(&Hop {
                from: &target,
                to: &next,
                method: &method,
                redirects,
                status: answer.status(),
            })?;
            hops += 1;
            if hops > limit {
                return Err(EgressError::TooManyRedirects { limit });
            }
            if !next.same_origin(&target) {
                headers = without_credentials(&headers);
            }
            target = next;
        }
    }

    /// Sends a request and reads its whole answer, within limits.
    pub async fn fetch(&self, fetch: FetchRequest) -> Result<Fetched, EgressError> {
        let limits = fetch.limits;
        let work = async {
            let response = self.send(fetch.request).await?;
            let (target, status) = (response.target().clone(), response.status());
            let headers = response.headers().clone();
            let body = response.bytes(limits.max_bytes).await?;
            Ok(Fetched {
                target,
                status,
                headers,
                body,
            })
        };
        tokio::time::timeout(limits.timeout, work)
            .await
            .unwrap_or(Err(EgressError::Timeout {
                limit: limits.timeout,
            }))
    }

    /// The client that may connect to `target`. An address that is written in
    /// the URL never meets the resolver, so it is judged here.
    fn client_for(
        &self,
        target: &Target,
        allowed: &AllowedHosts,
    ) -> Result<&reqwest::Client, EgressError> {
        if allowed.contains(target) {
            return Ok(&self.0.allowed);
        }
        match target.literal_address().and_then(refused_range) {
            Some(range) => Err(EgressError::Refused {
                host: target.host().to_owned(),
                range,
            }),
            None => Ok(&self.0.public),
        }
    }

    fn sending_failed(&self, target: &Target, error: &reqwest::Error) -> EgressError {
        if let Some(ours) = find_ours(error) {
            return ours;
        }
        let host = target.host().to_owned();
        if error.is_timeout() {
            EgressError::Timeout {
                limit: self.0.settings.connect_timeout,
            }
        } else if error.is_connect() {
            EgressError::Connect {
                host,
                reason: root_cause(error),
            }
        } else {
            EgressError::Broken {
                reason: root_cause(error),
            }
        }
    }
}

impl fmt::Debug for Egress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Egress")
            .field("settings", &self.0.settings)
            .finish_non_exhaustive()
    }
}

/// Where the answer points, if it is a redirect that can be followed.
fn redirect_location(answer: &reqwest::Response) -> Option<&str> {
    match answer.status() {
        StatusCode::MOVED_PERMANENTLY
        | StatusCode::FOUND
        | StatusCode::SEE_OTHER
        | StatusCode::TEMPORARY_REDIRECT
        | StatusCode::PERMANENT_REDIRECT => answer.headers().get(header::LOCATION)?.to_str().ok(),
        _ => None,
    }
}

struct Hop<'a> {
    from: &'a Target,
    to: &'a Target,
    method: &'a Method,
    redirects: Redirects,
    status: StatusCode,
}

fn check_redirect(hop: &Hop<'_>) -> Result<(), EgressError> {
    let crosses = !hop.from.same_origin(hop.to);
    let reads_only = matches!(*hop.method, Method::GET | Method::HEAD);
    // 301, 302 and 303 turn a POST into a GET, which is no answer to it.
    let keeps_method = matches!(
        hop.status,
        StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT
    );
    let followed = match hop.redirects {
        Redirects::Refuse => false,
        Redirects::SameOrigin => !crosses && (reads_only || keeps_method),
        Redirects::AnyOrigin => reads_only || (keeps_method && !crosses),
    };
    if followed {
        Ok(())
    } else {
        Err(EgressError::RedirectRefused {
            to: hop.to.origin(),
        })
    }
}

fn without_credentials(headers: &HeaderMap) -> HeaderMap {
    SAFE_ACROSS_ORIGINS
        .into_iter()
        .filter_map(|name| headers.get(&name).cloned().map(|value| (name, value)))
        .collect()
}
