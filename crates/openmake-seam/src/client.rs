//! A role of another process as a `tower::Service`.

use std::{
    convert::Infallible,
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::body::Body;
use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, Request, Response, StatusCode, Uri, header, request::Parts, uri,
};
use http_body_util::{BodyExt as _, Limited};
use openmake_api::{ClientInfo, Problem, RequestId};
use openmake_types::{Actor, Clock};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout, timeout_at};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    Deadline,
    body::{Counted, Lent},
    connection,
    failure::{ConnectError, Failure, Peer},
    identity::{HEADER, Identity, Line, Refusal},
    keys::InternalKeys,
    pool::{Address, Pool, Standing},
    resolve::Resolve,
    target::Target,
};

/// The longest that the head of an answer is waited for, where nobody says less.
const PATIENCE: Duration = Duration::from_mins(31);
/// How long a place for a request is looked for, over all addresses.
const PLACE: Duration = Duration::from_secs(5);
/// How often names are looked up and addresses asked whether they are ready.
const LOOK_AFTER: Duration = Duration::from_secs(2);
/// How long an address may take to say whether it is ready.
const PROBE: Duration = Duration::from_secs(2);
/// How often a request that was provably not taken is sent in all.
const ATTEMPTS: usize = 3;
/// Bytes of a problem document.
const PROBLEM_BYTES: usize = 64 * 1024;
/// How long the rest of a problem document may take.
const PROBLEM_PATIENCE: Duration = Duration::from_secs(5);

/// Headers of one connection (RFC 9110, 7.6.1), which end here, and those that
/// HTTP/2 says otherwise.
const CONNECTION_HEADERS: [HeaderName; 9] = [
    header::CONNECTION,
    header::HOST,
    header::EXPECT,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
];

/// What a request is given on its way.
#[derive(Debug, Clone)]
pub enum Dress {
    /// Who asks, signed.
    Identity(InternalKeys),
    /// Nothing, and nothing that says who asks: the page is the same for all.
    Anonymous,
}

/// What a client is made of.
pub struct ClientParts {
    /// The role at the other end.
    pub peer: Peer,
    /// Where it is.
    pub targets: Vec<Target>,
    /// Who finds the addresses.
    pub names: Arc<dyn Resolve>,
    /// What requests are given.
    pub dress: Dress,
    /// The time of day, for signatures.
    pub clock: Arc<dyn Clock>,
    /// Where its tasks are counted.
    pub tasks: TaskTracker,
    /// Lets go of the connections; what is under way goes on to its end.
    pub stop: CancellationToken,
}

/// A role of another process. Cheap to clone.
#[derive(Clone)]
pub struct RoleClient(Arc<Inner>);

struct Inner {
    peer: Peer,
    pool: Pool,
    dress: Dress,
    clock: Arc<dyn Clock>,
    stop: CancellationToken,
}

impl fmt::Debug for RoleClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RoleClient")
            .field("peer", &self.0.peer)
            .finish_non_exhaustive()
    }
}

impl RoleClient {
    /// Starts to look for the role's addresses.
    pub fn start(parts: ClientParts) -> Self {
        let client = Self(Arc::new(Inner {
            peer: parts.peer,
            pool: Pool::new(parts.targets, parts.names, parts.tasks.clone()),
            dress: parts.dress,
            clock: parts.clock,
            stop: parts.stop,
        }));
        parts
            .tasks
            .spawn(client.clone().look_after(parts.tasks.clone()));
        client
    }

    /// Each known address, and whether it gets requests.
    pub fn standings(&self) -> Vec<(std::net::SocketAddr, Standing)> {
        let addresses = self.0.pool.addresses();
        let standings = addresses.iter().map(|known| (known.at, known.standing()));
        standings.collect()
    }

    async fn look_after(self, tasks: TaskTracker) {
        let mut ticks = interval(LOOK_AFTER);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let stop = self.0.stop.clone();
        let looking = async {
            loop {
                ticks.tick().await;
                self.0.pool.look_up().await;
                for address in self.0.pool.addresses() {
                    let client = self.clone();
                    tasks.spawn(async move { client.probe(&address).await });
                }
            }
        };
        stop.run_until_cancelled(looking).await;
        self.0.pool.close();
    }

    /// Asks an address whether it is ready, over the connections that requests
    /// use.
    async fn probe(&self, address: &Address) {
        let asking = async {
            let mut place = self.0.pool.connection(address).await.ok()?;
            let mut request = Request::new(Lent::new(Body::empty()));
            *request.uri_mut() = absolute(&Uri::from_static("/ready"), address).ok()?;
            let answer = connection::send(&mut place.sender, request).await.ok()?;
            let ready = answer.status() == StatusCode::OK;
            let body = Limited::new(answer.into_body(), PROBLEM_BYTES);
            body.collect().await.ok()?;
            Some(ready)
        };
        let ready = timeout(PROBE, asking).await.ok().flatten();
        address.stand(if ready == Some(true) {
            Standing::Good
        } else {
            Standing::Aside
        });
    }

    async fn call(self, request: Request<Body>) -> Response<Body> {
        let inner = &self.0;
        match inner.answer(request).await {
            Ok(response) => response,
            Err(failure) => failure.into_response(inner.peer),
        }
    }
}

impl tower::Service<Request<Body>> for RoleClient {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let client = self.clone();
        Box::pin(async move { Ok(Self::call(client, request).await) })
    }
}

impl Inner {
    async fn answer(&self, request: Request<Body>) -> Result<Response<Body>, Failure> {
        let (mut parts, body) = request.into_parts();
        let deadline = parts.extensions.get::<Deadline>().copied();
        let patience = deadline.map_or(PATIENCE, |deadline| {
            deadline.0.saturating_duration_since(Instant::now())
        });
        clean(&mut parts.headers);
        if let Dress::Anonymous = self.dress {
            parts.headers.remove(header::AUTHORIZATION);
            parts.headers.remove(header::COOKIE);
        }
        let answer = timeout(patience, self.try_all(&parts, Lent::new(body), patience));
        let response = answer.await.unwrap_or(Err(Failure::TookTooLong))?;
        if self.is_signed() && is_problem(&response) {
            return read_problem(response).await;
        }
        Ok(response)
    }

    const fn is_signed(&self) -> bool {
        matches!(self.dress, Dress::Identity(_))
    }

    async fn try_all(
        &self,
        parts: &Parts,
        mut body: Lent,
        patience: Duration,
    ) -> Result<Response<Body>, Failure> {
        let place_by = Instant::now() + PLACE;
        // The first request may come before the first look-up is done.
        let known = timeout_at(place_by, self.pool.known_once()).await;
        known.map_err(|_| Failure::Unreached(Some(ConnectError::NoAddress)))?;
        let mut tried = Vec::new();
        let mut last = None;
        for _ in 0..ATTEMPTS {
            let (address, mut place) = loop {
                if self.stop.is_cancelled() {
                    return Err(Failure::Stopping);
                }
                let Some(address) = self.pool.pick(&tried) else {
                    return Err(Failure::Unreached(last.or(Some(ConnectError::NoAddress))));
                };
                let connecting = self.pool.connection(&address);
                match timeout_at(place_by, connecting).await {
                    Ok(Ok(place)) => break (address, place),
                    Ok(Err(error)) => {
                        if !matches!(error, ConnectError::Full) {
                            address.stand(Standing::Aside);
                        }
                        tried.push(address.at);
                        last = Some(error);
                    }
                    Err(_) => {
                        return Err(Failure::Unreached(Some(ConnectError::TookTooLong)));
                    }
                }
            };
            let request = self.dressed(parts, &address, &body, patience)?;
            match connection::send(&mut place.sender, request).await {
                Ok(response) => {
                    let slot = place.slot;
                    return Ok(response.map(|body| Body::new(Counted::new(body, slot))));
                }
                Err(failed) => {
                    if let Some(failure) = body.failure() {
                        return Err(Failure::Body(failure));
                    }
                    let again = failed.untaken.then(|| body.take_back()).flatten();
                    let Some(again) = again else {
                        return Err(Failure::Lost(failed.error));
                    };
                    body = again;
                    // It is leaving; others are better.
                    address.stand(Standing::Aside);
                }
            }
        }
        Err(Failure::Unreached(last))
    }

    /// The request for one address: the head anew, and the body on loan.
    fn dressed(
        &self,
        parts: &Parts,
        address: &Address,
        body: &Lent,
        patience: Duration,
    ) -> Result<Request<Lent>, Failure> {
        let mut request = Request::new(body.clone());
        *request.method_mut() = parts.method.clone();
        *request.uri_mut() = absolute(&parts.uri, address)?;
        *request.headers_mut() = parts.headers.clone();
        if let Dress::Identity(keys) = &self.dress {
            let identity = Identity {
                actor: parts.extensions.get::<Actor>().cloned(),
                client: client_info(parts),
                patience: Some(patience),
            };
            let line = Line::of(&parts.method, &parts.uri);
            let value = keys.sign(line, &identity, self.clock.now());
            let value = value.ok_or(Failure::Unwritable("its identity"))?;
            request.headers_mut().insert(HEADER, value);
        }
        Ok(request)
    }
}

/// Who asks, with the request's id wherever that stands.
fn client_info(parts: &Parts) -> ClientInfo {
    let mut client = parts
        .extensions
        .get::<ClientInfo>()
        .cloned()
        .unwrap_or_default();
    if client.request_id.is_none() {
        let id = parts.extensions.get::<RequestId>();
        client.request_id = id.map(|id| id.0.clone());
    }
    client
}

fn absolute(uri: &Uri, address: &Address) -> Result<Uri, Failure> {
    let target = uri.path_and_query().cloned();
    uri::Builder::new()
        .scheme(uri::Scheme::HTTP)
        .authority(address.authority.clone())
        .path_and_query(target.unwrap_or_else(|| uri::PathAndQuery::from_static("/")))
        .build()
        .map_err(|_| Failure::Unwritable("its address"))
}

/// Takes away what belongs to the connection that the request came on, and an
/// identity that someone made up.
fn clean(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named.iter().chain(&CONNECTION_HEADERS) {
        headers.remove(name);
    }
    headers.remove(HEADER);
}

fn is_problem(response: &Response<Body>) -> bool {
    response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/problem+json"))
}

/// Reads a problem, which the gateway's outermost layer writes in the shape of
/// the surface that was called. In one process it travels beside the answer.
async fn read_problem(response: Response<Body>) -> Result<Response<Body>, Failure> {
    let (parts, body) = response.into_parts();
    let body = Limited::new(body, PROBLEM_BYTES).collect();
    let read: Option<Bytes> = match timeout(PROBLEM_PATIENCE, body).await {
        Ok(Ok(collected)) => Some(collected.to_bytes()),
        Ok(Err(_)) | Err(_) => None,
    };
    let Some(bytes) = read else {
        return Err(Failure::TookTooLong);
    };
    let problem = serde_json::from_slice::<Problem>(&bytes).ok();
    let mut response = Response::from_parts(parts, Body::from(bytes));
    if let Some(problem) = problem {
        if Refusal::is_code(&problem.code) {
            return Err(Failure::Refused(problem.code));
        }
        response.extensions_mut().insert(problem);
    }
    Ok(response)
}
