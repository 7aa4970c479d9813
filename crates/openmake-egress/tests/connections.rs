//! What is connected to, and what goes along when a server redirects.

#![expect(clippy::expect_used, reason = "a test that cannot be set up fails")]

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{Response, StatusCode},
};
use bytes::Bytes;
use http::{HeaderValue, header};
use openmake_egress::{
    AllowedHosts, Egress, EgressError, EgressSettings, FetchLimits, FetchRequest, OutgoingRequest,
    Redirects, Resolver, Resolving, SystemResolver, Target, address::AddressRange,
};
use tokio::{net::TcpListener, task::JoinSet};

/// A name server with fixed answers that counts its questions.
#[derive(Default)]
struct Names {
    answers: HashMap<&'static str, Vec<Vec<IpAddr>>>,
    asked: AtomicUsize,
}

struct SharedNames(Arc<Names>);

impl Resolver for SharedNames {
    fn resolve(&self, name: &str) -> Resolving {
        let turn = self.0.asked.fetch_add(1, Ordering::SeqCst);
        let answer = self
            .0
            .answers
            .get(name)
            .map(|turns| turns[turn.min(turns.len() - 1)].clone());
        Box::pin(async move { answer.ok_or_else(|| io::Error::other("no such name")) })
    }
}

/// What a test server saw of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    line: String,
    credentials: Vec<String>,
    body: Bytes,
}

type Answer = dyn Fn(&str) -> Response<Body> + Send + Sync;

#[derive(Clone)]
struct Server {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Server {
    /// Answers every request with what `answer` makes of its path.
    async fn start(
        tasks: &mut JoinSet<()>,
        answer: impl Fn(&str) -> Response<Body> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a port");
        let address = listener.local_addr().expect("an address");
        let server = Self {
            address,
            seen: Arc::default(),
        };
        let state: (Self, Arc<Answer>) = (server.clone(), Arc::new(answer));
        let router = Router::new()
            .fallback(
                async |State((server, answer)): State<(Server, Arc<Answer>)>, request: Request| {
                    let (parts, body) = request.into_parts();
                    let body = axum::body::to_bytes(body, 1 << 20)
                        .await
                        .unwrap_or_default();
                    let credentials = [
                        header::AUTHORIZATION,
                        header::COOKIE,
                        "x-api-key".parse().expect("a name"),
                    ]
                    .iter()
                    .filter_map(|name| parts.headers.get(name))
                    .map(|value| value.to_str().unwrap_or_default().to_owned())
                    .collect();
                    let line = format!("{} {}", parts.method, parts.uri.path());
                    let answer = answer(parts.uri.path());
                    server.seen.lock().expect("a lock").push(Seen {
                        line,
                        credentials,
                        body,
                    });
                    answer
                },
            )
            .with_state(state);
        tasks.spawn(async move { axum::serve(listener, router).await.expect("a server") });
        server
    }

    fn target(&self, path: &str) -> Target {
        Target::parse(&format!("http://{}{path}", self.address)).expect("a target")
    }

    fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("a lock").clone()
    }
}

fn ok(text: &'static str) -> Response<Body> {
    Response::new(Body::from(text))
}

fn redirect(status: StatusCode, location: &str) -> Response<Body> {
    Response::builder()
        .status(status)
        .header(header::LOCATION, location)
        .body(Body::empty())
        .expect("a response")
}

fn egress() -> Egress {
    Egress::new(EgressSettings::default(), SystemResolver).expect("a client")
}

fn with_credentials(
    mut request: OutgoingRequest,
    allowed: AllowedHosts,
    redirects: Redirects,
) -> OutgoingRequest {
    request.headers.insert(
        header::AUTHORIZATION,
        HeaderValue::from_static("Bearer secret"),
    );
    request
        .headers
        .insert(header::COOKIE, HeaderValue::from_static("session=secret"));
    request
        .headers
        .insert("x-api-key", HeaderValue::from_static("secret"));
    request.allowed = allowed;
    request.redirects = redirects;
    request
}

#[tokio::test]
async fn loopback_is_reached_only_when_it_is_allowed() {
    let mut tasks = JoinSet::new();
    let server = Server::start(&mut tasks, |_| ok("hello")).await;
    let target = server.target("/");

    let refused = egress()
        .send(OutgoingRequest::get(target.clone()))
        .await
        .expect_err("refused");
    assert!(matches!(
        refused,
        EgressError::Refused {
            range: AddressRange::Loopback,
            ..
        }
    ));
    assert_eq!(server.seen(), []);

    let request = OutgoingRequest {
        allowed: AllowedHosts::from(&target),
        ..OutgoingRequest::get(target)
    };
    let response = egress().send(request).await.expect("allowed");
    assert_eq!(response.bytes(100).await.expect("a body"), "hello");
}

#[tokio::test]
async fn allowing_a_port_allows_no_other() {
    let mut tasks = JoinSet::new();
    let (one, other) = (
        Server::start(&mut tasks, |_| ok("1")).await,
        Server::start(&mut tasks, |_| ok("2")).await,
    );
    let request = OutgoingRequest {
        allowed: AllowedHosts::from(&one.target("/")),
        ..OutgoingRequest::get(other.target("/"))
    };
    assert!(matches!(
        egress().send(request).await,
        Err(EgressError::Refused { .. })
    ));
    assert_eq!(other.seen(), []);
}

#[tokio::test]
async fn a_name_that_is_rebound_to_loopback_is_refused_and_looked_up_once() {
    let mut tasks = JoinSet::new();
    let server = Server::start(&mut tasks, |_| ok("secret")).await;
    let loopback = vec![IpAddr::V4(Ipv4Addr::LOCALHOST)];
    let names = Arc::new(Names {
        answers: HashMap::from([("rebind.test", vec![loopback])]),
        ..Names::default()
    });
    let egress =
        Egress::new(EgressSettings::default(), SharedNames(Arc::clone(&names))).expect("a client");
    let target =
        Target::parse(&format!("http://rebind.test:{}/", server.address.port())).expect("a target");

    let refused = egress
        .send(OutgoingRequest::get(target.clone()))
        .await
        .expect_err("refused");
    assert_eq!(
        refused,
        EgressError::Refused {
            host: "rebind.test".into(),
            range: AddressRange::Loopback
        }
    );
    assert_eq!(names.asked.load(Ordering::SeqCst), 1);
    assert_eq!(server.seen(), []);

    // The same name, allowed by an administrator, is reached; and what it
    // opened is not there for a request without that permission.
    let allowed = OutgoingRequest {
        allowed: AllowedHosts::from(&target),
        ..OutgoingRequest::get(target.clone())
    };
    egress
        .send(allowed)
        .await
        .expect("allowed")
        .bytes(100)
        .await
        .expect("a body");
    assert!(matches!(
        egress.send(OutgoingRequest::get(target)).await,
        Err(EgressError::Refused { .. })
    ));
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn an_unknown_name_is_said_to_be_unknown() {
    let egress =
        Egress::new(EgressSettings::default(), SharedNames(Arc::default())).expect("a client");
    let target = Target::parse("http://nowhere.test/").expect("a target");
    let error = egress
        .send(OutgoingRequest::get(target))
        .await
        .expect_err("unknown");
    assert_eq!(
        error,
        EgressError::Resolve {
            host: "nowhere.test".into()
        }
    );
}

#[tokio::test]
async fn a_closed_port_is_a_failed_connection() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .expect("a port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let target = Target::parse(&format!("http://{address}/")).expect("a target");
    let request = OutgoingRequest {
        allowed: AllowedHosts::from(&target),
        ..OutgoingRequest::get(target)
    };
    assert!(matches!(
        egress().send(request).await,
        Err(EgressError::Connect { .. })
    ));
}

#[tokio::test]
async fn a_redirect_to_an_address_that_is_not_allowed_is_refused() {
    let mut tasks = JoinSet::new();
    let inner = Server::start(&mut tasks, |_| ok("secret")).await;
    for location in [
        format!("http://{}/", inner.address),
        format!("http://2130706433:{}/", inner.address.port()),
        format!("//[::ffff:127.0.0.1]:{}/", inner.address.port()),
        "http://169.254.169.254/latest/meta-data".to_owned(),
    ] {
        let outer =
            Server::start(&mut tasks, move |_| redirect(StatusCode::FOUND, &location)).await;
        let target = outer.target("/");
        let request = with_credentials(
            OutgoingRequest::get(target.clone()),
            AllowedHosts::from(&target),
            Redirects::AnyOrigin,
        );
        assert!(matches!(
            egress().send(request).await,
            Err(EgressError::Refused { .. })
        ));
    }
    assert_eq!(inner.seen(), []);
}

#[tokio::test]
async fn credentials_stay_behind_when_a_redirect_leaves_the_origin() {
    let mut tasks = JoinSet::new();
    let other = Server::start(&mut tasks, |_| ok("there")).await;
    let location = other.target("/there").to_string();
    let first = Server::start(&mut tasks, move |path| match path {
        "/start" => redirect(StatusCode::FOUND, "/same"),
        _ => redirect(StatusCode::TEMPORARY_REDIRECT, &location),
    })
    .await;
    let allowed: AllowedHosts = [&first.target("/"), &other.target("/")]
        .into_iter()
        .collect();
    let mut request = with_credentials(
        OutgoingRequest::get(first.target("/start")),
        allowed,
        Redirects::AnyOrigin,
    );
    request
        .headers
        .insert(header::ACCEPT, HeaderValue::from_static("text/plain"));

    let response = egress().send(request).await.expect("an answer");
    assert_eq!(response.target(), &other.target("/there"));
    let (at_first, at_other) = (first.seen(), other.seen());
    assert_eq!(
        at_first
            .iter()
            .map(|seen| seen.credentials.len())
            .collect::<Vec<_>>(),
        [3, 3]
    );
    assert_eq!(at_other.len(), 1);
    assert!(at_other[0].credentials.is_empty());
}

#[tokio::test]
async fn a_body_never_leaves_its_origin_and_a_post_never_becomes_a_get() {
    let mut tasks = JoinSet::new();
    let other = Server::start(&mut tasks, |_| ok("stolen")).await;
    let elsewhere = other.target("/").to_string();
    let first = Server::start(&mut tasks, move |path| match path {
        "/moved" => redirect(StatusCode::PERMANENT_REDIRECT, "/here"),
        "/away" => redirect(StatusCode::TEMPORARY_REDIRECT, &elsewhere),
        "/get" => redirect(StatusCode::SEE_OTHER, "/here"),
        _ => ok("done"),
    })
    .await;
    let allowed: AllowedHosts = [&first.target("/"), &other.target("/")]
        .into_iter()
        .collect();
    for redirects in [Redirects::SameOrigin, Redirects::AnyOrigin] {
        let post = |path| {
            with_credentials(
                OutgoingRequest::post(first.target(path), Bytes::from_static(b"question")),
                allowed.clone(),
                redirects,
            )
        };
        for refused in ["/away", "/get"] {
            let error = egress().send(post(refused)).await.expect_err("refused");
            assert!(
                matches!(error, EgressError::RedirectRefused { .. }),
                "{refused}: {error}"
            );
        }
        let answer = egress().send(post("/moved")).await.expect("an answer");
        assert_eq!(answer.bytes(10).await.expect("a body"), "done");
    }
    assert_eq!(other.seen(), []);
    let at_the_end: Vec<Seen> = first
        .seen()
        .into_iter()
        .filter(|seen| seen.line == "POST /here")
        .collect();
    assert_eq!(at_the_end.len(), 2);
    assert!(
        at_the_end
            .iter()
            .all(|seen| seen.body == "question" && seen.credentials.len() == 3)
    );
}

#[tokio::test]
async fn redirects_end() {
    let mut tasks = JoinSet::new();
    let server = Server::start(&mut tasks, |_| redirect(StatusCode::FOUND, "/again")).await;
    let target = server.target("/");
    let request = OutgoingRequest {
        allowed: AllowedHosts::from(&target),
        redirects: Redirects::SameOrigin,
        ..OutgoingRequest::get(target.clone())
    };
    let error = egress().send(request).await.expect_err("endless");
    assert_eq!(error, EgressError::TooManyRedirects { limit: 5 });
    assert_eq!(server.seen().len(), 6);

    let request = OutgoingRequest {
        allowed: AllowedHosts::from(&target),
        ..OutgoingRequest::get(target)
    };
    assert!(matches!(
        egress().send(request).await,
        Err(EgressError::RedirectRefused { .. })
    ));
}

#[tokio::test]
async fn a_fetch_is_bounded_in_size_and_time() {
    let mut tasks = JoinSet::new();
    let server = Server::start(&mut tasks, |path| match path {
        "/announced" => ok("0123456789"),
        "/streamed" => {
            let pieces = futures_util::stream::repeat_with(|| {
                Ok::<_, io::Error>(Bytes::from_static(b"01234"))
            });
            Response::new(Body::from_stream(pieces))
        }
        _ => Response::new(Body::from_stream(futures_util::stream::pending::<
            io::Result<Bytes>,
        >())),
    })
    .await;
    let fetch = |path: &str, millis| {
        let target = server.target(path);
        FetchRequest {
            request: OutgoingRequest {
                allowed: AllowedHosts::from(&target),
                ..OutgoingRequest::get(target)
            },
            limits: FetchLimits {
                max_bytes: 9,
                timeout: Duration::from_millis(millis),
            },
        }
    };
    for path in ["/announced", "/streamed"] {
        let error = egress()
            .fetch(fetch(path, 10_000))
            .await
            .expect_err("too large");
        assert_eq!(error, EgressError::TooLarge { limit: 9 }, "{path}");
    }
    let error = egress()
        .fetch(fetch("/silent", 50))
        .await
        .expect_err("silent");
    assert_eq!(
        error,
        EgressError::Timeout {
            limit: Duration::from_millis(50)
        }
    );
}
