//! The outermost layer: who asks, under which request id, and what every
//! answer carries.

use std::net::{IpAddr, SocketAddr};

use axum::{
    body::Body,
    extract::{ConnectInfo, MatchedPath, Request, State},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use openmake_api::{ApiError, ClientInfo, ErrorShape, Problem, RequestId};
use openmake_types::ErrorKind;
use tokio::time::Instant;
use tracing::Instrument as _;

use crate::{metrics::RequestLabels, site::Site, state::App};

static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Tells the rest who asks and for what, and finishes every answer.
pub(crate) async fn enter(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let peer = request
        .extensions()
        .get::<ConnectInfo<SocketAddr>>()
        .map(|peer| peer.0.ip());
    let client = client_info(&app, peer, request.headers());
    let site = app.proxies.site(peer, request.headers(), request.uri());
    let id = client.request_id.clone().unwrap_or_default();
    let route = request.extensions().get::<MatchedPath>();
    let mut labels = RequestLabels {
        method: request_method(request.method()),
        route: route.map_or("web", MatchedPath::as_str).to_owned(),
        status: 0,
    };
    let span = tracing::info_span!(
        "request",
        request_id = id,
        method = %request.method(),
        route = labels.route,
        status = tracing::field::Empty,
        user_id = tracing::field::Empty,
        api_key_id = tracing::field::Empty,
    );
    let oversized = oversized_head(&app, &request);
    let shape = ErrorShape::of_path(request.uri().path());
    request.extensions_mut().insert(RequestId(id.clone()));
    request.extensions_mut().insert(client);
    request.extensions_mut().insert(site.clone());
    let response = match oversized {
        Some(error) => error.into_response(),
        None => next.run(request).instrument(span.clone()).await,
    };
    let response = finish(written_as(shape, response, &id), &id, &site);
    labels.status = response.status().as_u16();
    span.record("status", labels.status);
    let elapsed_ms = started.elapsed().as_millis();
    span.in_scope(|| {
        // Files of the page and health checks would drown the rest.
        if matches!(
            labels.route.as_str(),
            "web" | "/health" | "/ready" | "/metrics"
        ) {
            tracing::debug!(elapsed_ms, "answered");
        } else {
            tracing::info!(elapsed_ms, "answered");
        }
    });
    app.metrics.requests.get_or_create(&labels).inc();
    app.metrics
        .request_seconds
        .observe(started.elapsed().as_secs_f64());
    response
}

/// Methods as metrics name them: clients may invent others without end.
fn request_method(method: &http::Method) -> String {
    const KNOWN: [http::Method; 7] = [
        http::Method::GET,
        http::Method::HEAD,
        http::Method::POST,
        http::Method::PUT,
        http::Method::PATCH,
        http::Method::DELETE,
        http::Method::OPTIONS,
    ];
    if KNOWN.contains(method) {
        method.as_str().to_owned()
    } else {
        "other".to_owned()
    }
}

fn client_info(app: &App, peer: Option<IpAddr>, headers: &HeaderMap) -> ClientInfo {
    let user_agent = headers
        .get(header::USER_AGENT)
        .map(|value| String::from_utf8_lossy(value.as_bytes()))
        .map(|text| {
            let text = text.chars().filter(|letter| !letter.is_control());
            text.take(ClientInfo::MAX_USER_AGENT).collect()
        });
    let given = peer
        .filter(|peer| app.proxies.trusts(*peer))
        .and_then(|_| headers.get(&REQUEST_ID))
        .and_then(|value| value.to_str().ok())
        .filter(|id| is_sane_id(id))
        .map(str::to_owned);
    let made = || app.ids.uuid(app.clock.now()).to_string();
    ClientInfo {
        ip: peer.map(|peer| app.proxies.client(peer, headers)),
        user_agent,
        request_id: Some(given.unwrap_or_else(made)),
    }
}

fn is_sane_id(id: &str) -> bool {
    (8..=64).contains(&id.len())
        && id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

fn oversized_head(app: &App, request: &Request) -> Option<ApiError> {
    let limits = &app.settings.limits;
    let uri = request
        .uri()
        .path_and_query()
        .map_or(0, |path| path.as_str().len());
    let headers: usize = request
        .headers()
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len())
        .sum();
    (uri > limits.uri_bytes || headers > limits.header_bytes).then(|| {
        ApiError::new(
            ErrorKind::TooLarge,
            "The request's address or headers are too long.",
        )
    })
}

/// Adds to an answer what every answer has.
fn finish(mut response: Response, id: &str, site: &Site) -> Response {
    let https = site.https;
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(id) {
        headers.insert(&REQUEST_ID, value);
    }
    for (name, value) in SECURITY_HEADERS {
        if !headers.contains_key(*name) {
            headers.insert(
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            );
        }
    }
    if https {
        headers.insert(
            header::STRICT_TRANSPORT_SECURITY,
            HeaderValue::from_static("max-age=31536000"),
        );
    }
    response
}

/// On every answer, the page's included. The page brings its own policy for
/// scripts; see [`crate::guard`] for the API's.
const SECURITY_HEADERS: &[(&str, &str)] = &[
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("x-frame-options", "DENY"),
    (
        "permissions-policy",
        "camera=(), geolocation=(), payment=(), usb=()",
    ),
];

/// The one place where an error gets its shape: that of the surface that was
/// called, with the request's id in it.
fn written_as(shape: ErrorShape, mut response: Response, id: &str) -> Response {
    let Some(mut problem) = response.extensions_mut().remove::<Problem>() else {
        return response;
    };
    problem.request_id = Some(id.to_owned());
    let (mut parts, _) = response.into_parts();
    parts.status = shape.status(&problem);
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static(shape.content_type()),
    );
    Response::from_parts(parts, Body::from(shape.body(&problem).to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_ids_are_short_and_plain() {
        for (id, sane) in [
            ("0191f2c4-7a", true),
            ("abc.DEF_123-x", true),
            ("short", false),
            ("with space in it", false),
            ("line\nbreak\nhere", false),
            (&"a".repeat(65), false),
        ] {
            assert_eq!(is_sane_id(id), sane, "{id:?}");
        }
    }
}
