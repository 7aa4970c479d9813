//! Signing in with an account elsewhere: there and back.
//!
//! What belongs to one journey is kept in the database under a hash of the
//! `state` that travels with the browser, and is bound to that browser by a
//! cookie, so that nobody can be made to finish another's.

use axum::{
    Extension,
    extract::State,
    response::{AppendHeaders, IntoResponse as _, Redirect, Response},
};
use axum_extra::extract::CookieJar;
use chrono::TimeDelta;
use http::{HeaderMap, HeaderValue, header};
use openmake_api::{
    ApiError,
    extract::{Path, Query},
    responses::OpenProblems,
    sign_in::{CallbackQuery, StartQuery},
};
use openmake_store::challenges::{Challenge, ChallengeKind};
use openmake_types::{ErrorKind, SessionId, UserId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use subtle::ConstantTimeEq as _;
use uuid::Uuid;

use super::{
    arrival::{self, Arrival, Arrived},
    session::MaybeGuest,
};
use crate::{
    audit::AuditContext,
    providers::{Attempt, Provider},
    routes::invitations::code_hash,
    sign_in::challenge::{self, Left, random_token, token_hash},
    site::Site,
    state::App,
    tokens::Transport,
};

/// How long someone may stay at the provider.
const LIFETIME: TimeDelta = TimeDelta::minutes(10);
const COOKIE: &str = "openmake_journey";
const COOKIE_PATH: &str = "/api/v1/auth/oidc";
const MAX_RETURN: usize = 500;

type SetCookie = AppendHeaders<[(header::HeaderName, HeaderValue); 1]>;

/// What someone goes to a provider for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Purpose {
    /// To sign in, or to register.
    SignIn,
    /// To link the account there to theirs here.
    Link {
        user: (UserId, i64),
        session: Option<SessionId>,
    },
}

/// Where someone comes from and wants to go.
pub(super) struct Journey {
    pub(super) purpose: Purpose,
    pub(super) return_to: String,
    pub(super) invitation: Option<[u8; 32]>,
    pub(super) guest: Option<UserId>,
}

/// What is kept of a journey. The account and session of a link are in the
/// challenge's own columns.
#[derive(Serialize, Deserialize)]
struct Kept {
    provider: String,
    nonce: String,
    verifier: String,
    /// The hash of the cookie.
    browser: [u8; 32],
    return_to: String,
    invitation: Option<[u8; 32]>,
    guest: Option<Uuid>,
    links: bool,
}

/// The browser is on its way.
pub(super) struct Departed {
    pub(super) url: String,
    pub(super) cookie: SetCookie,
}

/// Sends the browser to the provider.
#[utoipa::path(get, path = "/api/v1/auth/oidc/{provider}/start", tag = "auth", security(()),
    params(("provider" = String, Path), StartQuery),
    responses((status = 303, description = "To the provider, or to `/login?error=CODE`"),
        OpenProblems))]
pub(crate) async fn start(
    State(app): State<App>,
    Extension(site): Extension<Site>,
    MaybeGuest(guest): MaybeGuest,
    audit: AuditContext,
    Path(id): Path<String>,
    Query(query): Query<StartQuery>,
) -> Response {
    let Some(provider) = app.settings.sign_in.providers.find(&id) else {
        return failed("/login", "provider_unknown");
    };
    let journey = Journey {
        purpose: Purpose::SignIn,
        return_to: own_path(query.return_to.as_deref()),
        invitation: query.invitation.as_deref().map(code_hash),
        guest,
    };
    match depart(&app, &audit, &site, provider, journey).await {
        Ok(departed) => (departed.cookie, Redirect::to(&departed.url)).into_response(),
        Err(error) => {
            tracing::warn!(%error, provider = provider.id(), "a sign-in could not be begun");
            failed("/login", "provider_unavailable")
        }
    }
}

/// Where the provider sends the browser back to. Signs in, registers or links,
/// and goes on to the page.
#[utoipa::path(get, path = "/api/v1/auth/oidc/{provider}/callback", tag = "auth", security(()),
    params(("provider" = String, Path), CallbackQuery),
    responses((status = 303, description = "To the page, or to `/login?error=CODE`"),
        OpenProblems))]
pub(crate) async fn callback(
    State(app): State<App>,
    Extension(site): Extension<Site>,
    audit: AuditContext,
    headers: HeaderMap,
    Path(id): Path<String>,
    Query(query): Query<CallbackQuery>,
) -> Response {
    let clear = journey_cookie(&app, &site, None);
    let Some(provider) = app.settings.sign_in.providers.find(&id) else {
        return failed("/login", "provider_unknown");
    };
    let back = match take_journey(&app, provider, &headers, &query).await {
        Ok(back) => back,
        Err(refused) => {
            audit_refused(&app, &audit, provider, refused.code).await;
            return (clear, failed(refused.page, refused.code)).into_response();
        }
    };
    let page = back.page();
    let arrived = match exchange(&app, &audit, provider, &back, &query).await {
        Ok(arrival) => arrival::arrive(&app, &audit, &site, arrival).await,
        Err(code) => Err(refusal(code)),
    };
    match arrived {
        Ok(Arrived::SignedIn(cookie)) => {
            (clear, cookie, Redirect::to(&back.kept.return_to)).into_response()
        }
        Ok(Arrived::Linked) => (clear, Redirect::to(&back.kept.return_to)).into_response(),
        Ok(Arrived::SecondFactor(needed)) => {
            let methods = serde_json::to_value(&needed.methods).unwrap_or_default();
            let methods: Vec<&str> = methods
                .as_array()
                .map(|methods| methods.iter().filter_map(|name| name.as_str()).collect())
                .unwrap_or_default();
            // After `#`, so that it is in no log.
            let page = format!(
                "/login#challenge={}&methods={}",
                needed.challenge,
                methods.join(",")
            );
            (clear, Redirect::to(&page)).into_response()
        }
        Err(error) => {
            let code = match error.kind() {
                ErrorKind::Internal | ErrorKind::Unavailable => {
                    tracing::error!(%error, "a sign-in with another account failed");
                    "internal".to_owned()
                }
                _ => error.code().to_owned(),
            };
            audit_refused(&app, &audit, provider, &code).await;
            (clear, failed(page, &code)).into_response()
        }
    }
}

/// Keeps a journey, and says where the browser goes.
pub(super) async fn depart(
    app: &App,
    audit: &AuditContext,
    site: &Site,
    provider: &Provider,
    journey: Journey,
) -> Result<Departed, ApiError> {
    let ids = app.ids.as_ref();
    let browser = random_token(ids);
    let (user, session_id) = match journey.purpose {
        Purpose::SignIn => (None, None),
        Purpose::Link { user, session } => (Some(user), session),
    };
    let kept = Kept {
        provider: provider.id().to_owned(),
        nonce: random_token(ids),
        verifier: random_token(ids),
        browser: token_hash(&browser),
        return_to: journey.return_to,
        invitation: journey.invitation,
        guest: journey.guest.map(UserId::as_uuid),
        links: user.is_some(),
    };
    let left = Left {
        kind: ChallengeKind::Provider,
        user,
        session_id,
        state: serde_json::to_value(&kept).map_err(ApiError::internal)?,
        lifetime: LIFETIME,
    };
    let state = challenge::leave(app, audit, left).await?;
    let attempt = Attempt {
        redirect_uri: &redirect_uri(app, provider),
        state: &state,
        nonce: &kept.nonce,
        verifier: &kept.verifier,
    };
    let url = provider.authorize_url(&attempt).await.map_err(|error| {
        ApiError::new(ErrorKind::UpstreamFailed, "The provider cannot be reached.")
            .with_code("provider_unavailable")
            .with_hint("Try again later, or sign in another way.")
            .with_source(error)
    })?;
    Ok(Departed {
        url: url.into(),
        cookie: journey_cookie(app, site, Some(&browser)),
    })
}

/// A journey that its own browser came back from.
struct Back {
    challenge: Challenge,
    kept: Kept,
    state: String,
}

impl Back {
    /// Where errors are shown.
    const fn page(&self) -> &'static str {
        if self.kept.links {
            "/settings"
        } else {
            "/login"
        }
    }
}

/// Why someone came back for nothing.
struct Refused {
    page: &'static str,
    code: &'static str,
}

async fn take_journey(
    app: &App,
    provider: &Provider,
    headers: &HeaderMap,
    query: &CallbackQuery,
) -> Result<Back, Refused> {
    let refused = |code| Refused {
        page: "/login",
        code,
    };
    let state = query.state.as_deref();
    let state = state.ok_or_else(|| refused("state_invalid"))?;
    // Taken first: whatever is wrong with it, it is used up.
    let challenge = challenge::take(app, ChallengeKind::Provider, state).await;
    let challenge = challenge.map_err(|error| match error.kind() {
        ErrorKind::Unauthenticated => refused("state_invalid"),
        _ => refused("internal"),
    })?;
    let kept: Kept = serde_json::from_value(challenge.state.clone()).map_err(|error| {
        tracing::error!(%error, "a journey cannot be read");
        refused("internal")
    })?;
    let cookie = CookieJar::from_headers(headers)
        .get(COOKIE)
        .map(|cookie| token_hash(cookie.value()));
    let is_same_browser =
        cookie.is_some_and(|hash| bool::from(hash.as_slice().ct_eq(kept.browser.as_slice())));
    if kept.provider != provider.id() || !is_same_browser {
        return Err(refused("state_invalid"));
    }
    let back = Back {
        challenge,
        kept,
        state: state.to_owned(),
    };
    // RFC 9207: the answer of another issuer is not for this one.
    let foreign = query
        .iss
        .as_deref()
        .is_some_and(|iss| iss.trim_end_matches('/') != provider.issuer());
    if foreign {
        return Err(Refused {
            page: back.page(),
            code: "state_invalid",
        });
    }
    Ok(back)
}

/// Exchanges the code for who it is.
async fn exchange(
    app: &App,
    audit: &AuditContext,
    provider: &Provider,
    back: &Back,
    query: &CallbackQuery,
) -> Result<Arrival, &'static str> {
    if query.error.is_some() {
        return Err("provider_refused");
    }
    let code = query.code.as_deref().ok_or("provider_refused")?;
    let attempt = Attempt {
        redirect_uri: &redirect_uri(app, provider),
        state: &back.state,
        nonce: &back.kept.nonce,
        verifier: &back.kept.verifier,
    };
    let account = provider.exchange(&attempt, code, audit.now()).await;
    let account = account.map_err(|error| {
        tracing::warn!(
            provider = provider.id(),
            error = &error as &dyn std::error::Error,
            "a provider did not vouch for anyone"
        );
        "provider_failed"
    })?;
    Ok(Arrival {
        provider: provider.id().to_owned(),
        account,
        links: if back.kept.links {
            back.challenge.user
        } else {
            None
        },
        session: back.challenge.session_id,
        invitation: back.kept.invitation,
        guest: back.kept.guest.map(UserId::from_uuid),
    })
}

fn refusal(code: &'static str) -> ApiError {
    ApiError::new(
        ErrorKind::Forbidden,
        "The provider did not say who you are.",
    )
    .with_code(code)
}

async fn audit_refused(app: &App, audit: &AuditContext, provider: &Provider, code: &str) {
    let entry = audit
        .failure("user.login")
        .with(json!({"by": provider.id(), "because": code}));
    if let Err(error) = super::login::record(app, &entry.done()).await {
        tracing::warn!(%error, "a refused sign-in was not recorded");
    }
}

fn redirect_uri(app: &App, provider: &Provider) -> String {
    let path = format!("{COOKIE_PATH}/{}/callback", provider.id());
    app.settings.sign_in.url_of(&path)
}

fn failed(page: &str, code: &str) -> Response {
    Redirect::to(&format!("{page}?error={code}")).into_response()
}

/// The cookie that binds a journey to its browser, or its removal. `Lax`,
/// because the browser comes back from another site.
fn journey_cookie(app: &App, site: &Site, value: Option<&str>) -> SetCookie {
    let secure = match app.cookie_transport(site) {
        Transport::Secure => "; Secure",
        Transport::Plain => "",
    };
    let (value, seconds) = value.map_or(("", 0), |value| (value, LIFETIME.num_seconds()));
    let text = format!(
        "{COOKIE}={value}; Path={COOKIE_PATH}; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}"
    );
    // The value is base64url, so this is always a header value.
    let value = HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static(""));
    AppendHeaders([(header::SET_COOKIE, value)])
}

/// A path of this site to return to, or its start.
fn own_path(given: Option<&str>) -> String {
    let is_own = |path: &&str| {
        let mut bytes = path.bytes();
        path.len() <= MAX_RETURN
            && bytes.next() == Some(b'/')
            // Browsers take `//host` and `/\host` for another site.
            && !matches!(bytes.next(), Some(b'/' | b'\\'))
            && path.bytes().all(|byte| byte.is_ascii_graphic())
    };
    given.filter(is_own).unwrap_or("/").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_returns_to_this_site_only() {
        for (given, expected) in [
            (Some("/chat?id=1#x"), "/chat?id=1#x"),
            (Some("/"), "/"),
            (None, "/"),
            (Some(""), "/"),
            (Some("chat"), "/"),
            (Some("//evil.example"), "/"),
            (Some("/\\evil.example"), "/"),
            (Some("https://evil.example"), "/"),
            (Some("/a\r\nSet-Cookie: b=c"), "/"),
            (Some("/\t/evil.example"), "/"),
        ] {
            assert_eq!(own_path(given), expected, "{given:?}");
        }
        assert_eq!(own_path(Some(&format!("/{}", "a".repeat(MAX_RETURN)))), "/");
    }
}
