//! The cookie that carries the refresh token.
//!
//! It is sent to `/api/v1/auth` only, so most requests do not carry it. That
//! path rules out the `__Host-` prefix, and a name with `__Secure-` would have
//! to differ on a plain-HTTP network, where it would be refused; so the name is
//! always the same, and `SameSite=Strict` with the check of `Origin` is what
//! keeps other sites out.

use axum_extra::extract::CookieJar;
use chrono::TimeDelta;
use http::{HeaderMap, HeaderValue, header};

/// The cookie's name.
pub(crate) const COOKIE: &str = "openmake_refresh";
const PATH: &str = "/api/v1/auth";

/// What to do with the cookie.
#[derive(Clone, Copy)]
pub(crate) enum RefreshCookie<'a> {
    /// Set it for this long.
    Set(&'a str, TimeDelta),
    /// Remove it.
    Clear,
}

/// Whether the cookie is kept off plain HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transport {
    /// HTTPS, or a loopback name, which browsers trust as much.
    Secure,
    /// Plain HTTP on a network: a Secure cookie would be thrown away.
    Plain,
}

impl RefreshCookie<'_> {
    /// The `Set-Cookie` header.
    pub(crate) fn header(self, transport: Transport) -> HeaderValue {
        let (value, seconds) = match self {
            Self::Set(value, lifetime) => (value, lifetime.num_seconds().max(0)),
            Self::Clear => ("", 0),
        };
        let secure = match transport {
            Transport::Secure => "; Secure",
            Transport::Plain => "",
        };
        let text = format!(
            "{COOKIE}={value}; Path={PATH}; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}"
        );
        // Tokens are base64url, so this is always a header value.
        HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static(""))
    }
}

/// The refresh token that a request carries.
pub(crate) fn cookie_value(headers: &HeaderMap) -> Option<String> {
    if !headers.contains_key(header::COOKIE) {
        return None;
    }
    CookieJar::from_headers(headers)
        .get(COOKIE)
        .map(|cookie| cookie.value().to_owned())
        .filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cookie_is_kept_from_scripts_other_sites_and_other_paths() {
        let set = RefreshCookie::Set("abc", TimeDelta::days(30)).header(Transport::Secure);
        assert_eq!(
            set,
            "openmake_refresh=abc; Path=/api/v1/auth; Max-Age=2592000; HttpOnly; SameSite=Strict; Secure"
        );
        let clear = RefreshCookie::Clear.header(Transport::Plain);
        assert_eq!(
            clear,
            "openmake_refresh=; Path=/api/v1/auth; Max-Age=0; HttpOnly; SameSite=Strict"
        );
    }

    #[test]
    fn the_cookie_is_found_among_others() {
        let mut headers = HeaderMap::new();
        assert_eq!(cookie_value(&headers), None);
        headers.insert(
            header::COOKIE,
            HeaderValue::from_static("a=b; openmake_refresh=x-_1; c=d"),
        );
        assert_eq!(cookie_value(&headers).as_deref(), Some("x-_1"));
    }
}
