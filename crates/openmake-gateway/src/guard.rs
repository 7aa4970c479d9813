//! What stands before every route of the API: the credential, the rates, the
//! limits. Closed by default: a route that is not in [`OPEN`] needs an actor,
//! whatever its handler forgot.

use std::time::Duration;

use axum::{
    body::{Body, HttpBody as _},
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use http::{HeaderMap, HeaderValue, Method, header};
use http_body_util::Limited;
use openmake_api::{ApiError, ClientInfo, extract::too_large};
use openmake_seam::Deadline;
use openmake_types::{Actor, ErrorKind};
use tokio::time::Instant;
use tower_http::timeout::TimeoutBody;
use tracing::Instrument as _;

use crate::{
    authority::Refusal,
    grant::{Credential, Grant},
    rate::{Allowance, Class, Key},
    state::App,
    tokens::{Claims, is_key, key_hash},
};

/// Where a key may stand instead of in `Authorization`.
pub(crate) const API_KEY_HEADER: &str = "x-api-key";

/// The one list of routes that need no credential. A test holds a snapshot of
/// it, so that a change is seen.
pub(crate) const OPEN: &[(Method, &str)] = &[
    (Method::GET, "/health"),
    (Method::GET, "/ready"),
    (Method::GET, "/api/openapi.json"),
    (Method::GET, "/api-docs"),
    (Method::GET, "/api-docs/"),
    (Method::GET, "/api-docs/{*rest}"),
    (Method::GET, "/api/v1/instance"),
    (Method::POST, "/api/v1/auth/register"),
    (Method::POST, "/api/v1/auth/login"),
    (Method::POST, "/api/v1/auth/guest"),
    // What each checks is the step before it, or a passkey.
    (Method::POST, "/api/v1/auth/second-factor"),
    (Method::POST, "/api/v1/auth/second-factor/passkey"),
    (Method::POST, "/api/v1/auth/passkey/options"),
    (Method::POST, "/api/v1/auth/passkey"),
    (Method::GET, "/api/v1/auth/providers"),
    (Method::GET, "/api/v1/auth/oidc/{provider}/start"),
    (Method::GET, "/api/v1/auth/oidc/{provider}/callback"),
    // For who cannot sign in; the second checks the link's token.
    (Method::POST, "/api/v1/auth/password-reset/request"),
    (Method::POST, "/api/v1/auth/password-reset"),
    // These two check the refresh cookie themselves.
    (Method::POST, "/api/v1/auth/refresh"),
    (Method::POST, "/api/v1/auth/logout"),
    // The first frame of a socket is its credential.
    (Method::GET, "/api/v1/ws"),
];

/// The routes that all unknown paths of the API's surfaces have: 404 for
/// everyone.
pub(crate) const UNKNOWN: &[&str] = &[
    "/api/{*rest}",
    "/api",
    "/v1/{*rest}",
    "/v1",
    "/ollama/{*rest}",
];

fn is_open(method: &Method, route: &str) -> bool {
    // GET routes answer HEAD as well.
    let method = if method == Method::HEAD {
        &Method::GET
    } else {
        method
    };
    UNKNOWN.contains(&route) || OPEN.iter().any(|open| open.0 == *method && open.1 == route)
}

/// What a route's requests count towards, besides the account's or address's
/// own class.
fn special_class(method: &Method, route: &str) -> Option<Class> {
    match (method.as_str(), route) {
        (
            "POST",
            "/api/v1/auth/register"
            | "/api/v1/auth/login"
            | "/api/v1/auth/guest"
            | "/api/v1/auth/second-factor"
            | "/api/v1/auth/second-factor/passkey"
            | "/api/v1/auth/passkey"
            | "/api/v1/auth/passkey/options"
            | "/api/v1/auth/password-reset"
            | "/api/v1/auth/password-reset/request",
        )
        | ("GET", "/api/v1/auth/oidc/{provider}/start" | "/api/v1/auth/oidc/{provider}/callback") => {
            Some(Class::SignIn)
        }
        ("POST", route) if starts_turn(route) || calls_model(route) => Some(Class::TurnStart),
        ("GET", "/api/v1/search") => Some(Class::Search),
        ("GET", "/api/v1/images") => Some(Class::Image),
        _ => None,
    }
}

fn starts_turn(route: &str) -> bool {
    let last = route.rsplit('/').next();
    route.starts_with("/api/v1/conversations/") && last == Some("turns")
        || route.starts_with("/api/v1/turns/") && matches!(last, Some("regenerate" | "continue"))
}

/// Whether a POST of another vendor's surface asks a model, and answers when the
/// model has.
pub(crate) fn calls_model(route: &str) -> bool {
    let foreign = route.starts_with("/v1/") || route.starts_with("/ollama/");
    let last = route.rsplit('/').next();
    foreign && !UNKNOWN.contains(&route) && !matches!(last, Some("cancel" | "show"))
}

/// Health checks are asked often and from the same address as everyone else
/// behind a proxy, so they are not counted.
fn is_counted(route: &str) -> bool {
    !matches!(route, "/health" | "/ready")
}

/// Checks the credential and the rates, and passes the actor on.
pub(crate) async fn authenticate(
    State(app): State<App>,
    mut request: Request,
    next: Next,
) -> Response {
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("/api/{*rest}", MatchedPath::as_str)
        .to_owned();
    let method = request.method().clone();
    let open = is_open(&method, &route);
    let grant = match grant_of(&app, request.headers()).await {
        Ok(grant) => grant,
        Err(error) if open && error.kind() == ErrorKind::Unauthenticated => None,
        Err(error) => {
            // Guessing tokens and keys counts towards the address.
            let address = Key::address(client_ip(&request));
            return match count(&app, &[(Class::Anonymous, address)]) {
                Ok(allowance) => with_rates(error.into_response(), allowance),
                Err(refused) => refused,
            };
        }
    };
    let own = match grant.as_ref().map(|grant| count_key(&app, grant)) {
        Some(Ok(allowance)) => allowance,
        Some(Err(refused)) => return refused,
        None => None,
    };
    let actor = grant.as_ref().map(|grant| &grant.actor);
    let by_key = actor.is_some_and(|actor| actor.api_key_id.is_some());
    let classes = classes_of(&method, &route, actor, client_ip(&request));
    let allowance = match count(&app, &classes) {
        Ok(allowance) => allowance,
        Err(refused) => return refused,
    };
    if grant.is_none() && !open {
        return with_rates(ApiError::unauthenticated().into_response(), allowance);
    }
    // Only this function says who acts.
    request.extensions_mut().remove::<Actor>();
    request.extensions_mut().remove::<Grant>();
    if let Some(grant) = grant {
        let span = tracing::Span::current();
        span.record("user_id", grant.actor.user_id.to_string());
        if let Some(key) = grant.actor.api_key_id {
            span.record("api_key_id", key.to_string());
        }
        request.extensions_mut().insert(grant.actor.clone());
        request.extensions_mut().insert(grant);
    }
    let mut response = with_rates(next.run(request).await, allowance);
    // Clients that were written for OpenAI's server look for its headers.
    if by_key && let Some(allowance) = Allowance::narrower(own, allowance) {
        allowance.write_for_key(response.headers_mut());
    }
    response
}

/// Counts a request towards its key's own limit.
fn count_key(app: &App, grant: &Grant) -> Result<Option<Allowance>, Response> {
    let Some((key, limit)) = grant.actor.api_key_id.zip(grant.requests_per_minute) else {
        return Ok(None);
    };
    match app.key_limits.check(key, limit) {
        Ok(allowance) => Ok(Some(allowance)),
        Err(refused) => {
            count_refusal(app, "api_key");
            let mut response = refused.refusal_of_key().into_response();
            refused.write(response.headers_mut());
            refused.write_for_key(response.headers_mut());
            Err(response)
        }
    }
}

fn count_refusal(app: &App, class: &'static str) {
    let labels = crate::metrics::ClassLabels { class };
    app.metrics.rate_limited.get_or_create(&labels).inc();
}

fn client_ip(request: &Request) -> Option<std::net::IpAddr> {
    let client = request.extensions().get::<ClientInfo>();
    client.and_then(|client| client.ip)
}

fn classes_of(
    method: &Method,
    route: &str,
    actor: Option<&Actor>,
    ip: Option<std::net::IpAddr>,
) -> Vec<(Class, Key)> {
    if !is_counted(route) {
        return Vec::new();
    }
    let general = match actor {
        Some(actor) => (Class::of(actor.role), Key::Actor(actor.user_id)),
        None => (Class::Anonymous, Key::address(ip)),
    };
    let special = special_class(method, route).map(|class| match class {
        Class::SignIn => (class, Key::address(ip)),
        class => (class, general.1),
    });
    [Some(general), special].into_iter().flatten().collect()
}

/// Counts a request towards each class; what is left of the last, which is
/// the narrowest, goes into the answer's headers.
fn count(app: &App, classes: &[(Class, Key)]) -> Result<Option<Allowance>, Response> {
    let mut left = None;
    for (class, key) in classes {
        match app.limits.check(*class, *key) {
            Ok(allowance) => left = allowance.or(left),
            Err(refused) => {
                count_refusal(app, class.as_str());
                return Err(with_rates(refused.refusal().into_response(), Some(refused)));
            }
        }
    }
    Ok(left)
}

fn with_rates(mut response: Response, allowance: Option<Allowance>) -> Response {
    if let Some(allowance) = allowance {
        allowance.write(response.headers_mut());
    }
    response
}

async fn grant_of(app: &App, headers: &HeaderMap) -> Result<Option<Grant>, ApiError> {
    // Made for us alone, while a proxy may have put its own password into
    // `Authorization`.
    if let Some(value) = headers.get(API_KEY_HEADER) {
        let key = value.to_str().map_err(|_| key_invalid())?;
        return grant_of_key(app, key.trim()).await.map(Some);
    }
    let Some(value) = headers.get(header::AUTHORIZATION) else {
        return Ok(None);
    };
    let token = value
        .to_str()
        .ok()
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim());
    let token = token.ok_or_else(ApiError::unauthenticated)?;
    if is_key(token) {
        return grant_of_key(app, token).await.map(Some);
    }
    grant_of_token(app, token).await.map(|found| Some(found.0))
}

async fn grant_of_key(app: &App, text: &str) -> Result<Grant, ApiError> {
    let hash = key_hash(text).ok_or_else(key_invalid)?;
    let credential = Credential::ApiKey(hash);
    app.authority
        .authorize(credential)
        .await
        .map_err(|refusal| match refusal {
            Refusal::Ended => key_invalid(),
            Refusal::Unavailable => ApiError::unavailable("the key could not be checked"),
        })
}

/// What an access token gives, with what it says.
pub(crate) async fn grant_of_token(app: &App, token: &str) -> Result<(Grant, Claims), ApiError> {
    let claims = app
        .access_tokens
        .verify(token, app.clock.now())
        .ok_or_else(expired)?;
    let credential = Credential::Session(claims.session_id);
    let grant = match app.authority.authorize(credential).await {
        Ok(grant) => grant,
        Err(Refusal::Ended) => return Err(expired()),
        Err(Refusal::Unavailable) => {
            return Err(ApiError::unavailable("the session could not be checked"));
        }
    };
    if !grant.is_of(claims.user_id) {
        return Err(expired());
    }
    Ok((grant, claims))
}

/// One answer for all keys that do not hold: which it is, is nobody's business
/// but the owner's.
fn key_invalid() -> ApiError {
    ApiError::new(
        ErrorKind::Unauthenticated,
        "There is no such API key, or it was revoked or has expired.",
    )
    .with_code("api_key_invalid")
    .with_hint("Send a key of /api/v1/api-keys as `Authorization: Bearer` or `X-API-Key`.")
}

fn expired() -> ApiError {
    ApiError::new(
        ErrorKind::Unauthenticated,
        "The access token has expired or its session is over.",
    )
    .with_code("token_invalid")
    .with_hint("Refresh it at /api/v1/auth/refresh, or sign in again.")
}

/// Bounds how long a request may take and how large its body may be, and lets
/// what changes something finish though its client is gone.
pub(crate) async fn bound(State(app): State<App>, request: Request, next: Next) -> Response {
    let limits = &app.settings.limits;
    let posted = request
        .extensions()
        .get::<MatchedPath>()
        .filter(|_| request.method() == Method::POST)
        .map_or("", MatchedPath::as_str);
    let waits_for_model = calls_model(posted);
    let (timeout, bytes) = if waits_for_model {
        (limits.answer_timeout, limits.turn_body_bytes)
    } else if starts_turn(posted) {
        (limits.upload_timeout, limits.turn_body_bytes)
    } else {
        (limits.request_timeout, limits.body_bytes)
    };
    if announced_length(request.headers()) > bytes as u64 {
        return too_large().into_response();
    }
    // A stateless call is the client's: when it goes away, so does the call.
    let changes = !matches!(*request.method(), Method::GET | Method::HEAD) && !waits_for_model;
    // An answer may take long; the next bytes of a body may not.
    let pause = limits.request_timeout;
    let mut request = request.map(|body| {
        // Wrapped, a body that is not there would no longer say so.
        if body.is_end_stream() {
            return body;
        }
        Body::new(TimeoutBody::new(pause, Limited::new(body, bytes)))
    });
    // Where ai runs apart, it ends its work by then as well.
    request
        .extensions_mut()
        .insert(Deadline(Instant::now() + timeout));
    let answer = answer_within(timeout, next.run(request));
    if !changes {
        return answer.await;
    }
    let answer = answer.instrument(tracing::Span::current());
    match app.tasks.spawn(answer).await {
        Ok(response) => response,
        Err(failure) if failure.is_panic() => {
            std::panic::resume_unwind(failure.into_panic());
        }
        Err(failure) => ApiError::internal(failure).into_response(),
    }
}

fn announced_length(headers: &HeaderMap) -> u64 {
    headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.parse().ok())
        .unwrap_or(0)
}

async fn answer_within(timeout: Duration, answer: impl Future<Output = Response>) -> Response {
    tokio::time::timeout(timeout, answer)
        .await
        .unwrap_or_else(|_| {
            ApiError::new(ErrorKind::Timeout, "The server took too long to answer.")
                .with_hint("Try again in a moment.")
                .into_response()
        })
}

/// What the API's answers carry and the page's do not: nothing in them is ever
/// a document, and nothing is kept unless a handler says so.
pub(crate) async fn seal(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    if !headers.contains_key(header::CONTENT_SECURITY_POLICY) {
        headers.insert(
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"),
        );
    }
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}

/// The answer to a request whose handler panicked.
pub(crate) fn panicked(_: Box<dyn std::any::Any + Send + 'static>) -> Response {
    ApiError::internal("a handler panicked").into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starting_regenerating_and_continuing_are_turn_starts() {
        for (route, starts) in [
            ("/api/v1/conversations/{id}/turns", true),
            ("/api/v1/turns/{id}/regenerate", true),
            ("/api/v1/turns/{id}/continue", true),
            ("/api/v1/turns/{id}/cancel", false),
            ("/api/v1/conversations", false),
        ] {
            assert_eq!(starts_turn(route), starts, "{route}");
        }
    }

    #[test]
    fn only_what_asks_a_model_is_the_clients_own() {
        for (route, calls) in [
            ("/v1/chat/completions", true),
            ("/v1/responses", true),
            ("/v1/responses/{id}/cancel", false),
            ("/ollama/api/chat", true),
            ("/ollama/api/show", false),
            ("/v1/messages", true),
            ("/v1/{*rest}", false),
            ("/api/v1/conversations/{id}/turns", false),
        ] {
            assert_eq!(calls_model(route), calls, "{route}");
        }
    }

    #[test]
    fn only_the_listed_methods_are_open() {
        assert!(is_open(&Method::HEAD, "/health"));
        assert!(is_open(&Method::POST, "/api/v1/auth/login"));
        assert!(!is_open(&Method::GET, "/api/v1/auth/me"));
        assert!(!is_open(&Method::POST, "/api/v1/instance"));
    }
}
