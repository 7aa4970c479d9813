//! A running server, over HTTP.

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use chrono::TimeDelta;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use openmake_api::{
    Problem,
    auth::{LoginRequest, SignedIn},
    sign_in::SecondFactorRequest,
};
use openmake_egress::{
    AllowedHosts, Egress, EgressError, EgressSettings, OutgoingRequest, Redirects, Response,
    SystemResolver, Target,
};
use openmake_types::{Clock, Ids};
use serde::{Serialize, de::DeserializeOwned};
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::{
    credentials::{Account, Credential, CredentialFile},
    failure::Failure,
};

/// How long the server may take to answer; uploads of pictures are in it.
const ANSWER: Duration = Duration::from_mins(2);
/// The largest answer that is read whole: a page of long messages.
const LARGEST: usize = 64 << 20;
/// The largest problem document.
const LARGEST_PROBLEM: usize = 1 << 20;
/// An access token with less left than this is refreshed before it is used.
const REFRESH_EARLY: TimeDelta = TimeDelta::seconds(30);
/// The cookie that carries the refresh token.
const REFRESH_COOKIE: &str = "openmake_refresh";

/// Time and randomness.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<dyn Ids>,
}

/// A server, and how it knows us.
pub(crate) struct Client {
    server: Server,
    credential: Mutex<Credential>,
    /// Where a refreshed session is kept; none for a key of the environment.
    file: Option<CredentialFile>,
}

/// A server without a credential.
#[derive(Clone)]
pub(crate) struct Server {
    egress: Egress,
    base: Target,
    pub(crate) world: World,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("server", &self.server.origin())
            .finish_non_exhaustive()
    }
}

/// One request.
pub(crate) struct Call {
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Bytes,
}

impl Call {
    /// A GET of this path, which may have a query.
    pub(crate) fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path)
    }

    /// A request without a body.
    pub(crate) fn new(method: Method, path: impl Into<String>) -> Self {
        Self {
            method,
            path: path.into(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
        }
    }

    /// With a JSON body.
    pub(crate) fn json(mut self, body: &impl Serialize) -> Self {
        // Our own types always serialise; were one not to, the server would
        // say so of the empty body.
        self.body = serde_json::to_vec(body).unwrap_or_default().into();
        let json = HeaderValue::from_static("application/json");
        self.headers.insert(header::CONTENT_TYPE, json);
        self
    }

    /// With a header whose value is visible ASCII.
    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(HeaderName::from_static(name), value);
        }
        self
    }
}

/// A server's address as people write it: a missing scheme is HTTPS, or HTTP
/// for this machine.
pub(crate) fn parse_server(text: &str) -> Result<Target, Failure> {
    let text = text.trim();
    let host = text.split(['/', ':']).next().unwrap_or_default();
    let with_scheme = if text.contains("://") {
        text.to_owned()
    } else if host == "localhost" || host.starts_with("127.") {
        format!("http://{text}")
    } else {
        format!("https://{text}")
    };
    let hint = "an address is such as https://chat.example.com";
    let target = Target::parse(&with_scheme)
        .map_err(|error| Failure::usage(format!("{text} is no server's address: {error}"), hint))?;
    if !matches!(target.url().path(), "" | "/") || target.url().query().is_some() {
        let what = format!("{text} is more than a server's address");
        return Err(Failure::usage(what, hint));
    }
    Ok(target)
}

/// Whether what is sent there can be read on the way.
pub(crate) fn is_open_to_eavesdroppers(server: &Target) -> bool {
    let is_local = server.host() == "localhost"
        || server.host().ends_with(".localhost")
        || server.literal_address().is_some_and(|ip| ip.is_loopback());
    server.url().scheme() == "http" && !is_local
}

impl Server {
    /// The server at `base`. Nothing is sent yet.
    pub(crate) fn new(base: Target, world: World) -> Result<Self, Failure> {
        let settings = EgressSettings {
            user_agent: concat!("openmake-terminal/", env!("CARGO_PKG_VERSION")).to_owned(),
            ..EgressSettings::default()
        };
        let egress = Egress::new(settings, SystemResolver).map_err(|cause| Failure::Network {
            server: base.origin(),
            cause,
        })?;
        Ok(Self {
            egress,
            base,
            world,
        })
    }

    /// Scheme, host and port.
    pub(crate) fn origin(&self) -> String {
        self.base.origin()
    }

    fn network(&self, cause: EgressError) -> Failure {
        Failure::Network {
            server: self.origin(),
            cause,
        }
    }

    fn foreign(&self, what: impl Into<String>) -> Failure {
        Failure::Foreign {
            server: self.origin(),
            what: what.into(),
        }
    }

    /// Sends a request and waits for the head of the answer, whatever it is.
    async fn exchange(&self, call: &Call, more: HeaderMap) -> Result<Response, Failure> {
        let url = self.base.url().join(&call.path);
        let url = url.map_err(|error| self.foreign(error.to_string()))?;
        let target = Target::from_url(url).map_err(|cause| self.network(cause))?;
        let mut headers = call.headers.clone();
        headers.extend(more);
        let request = OutgoingRequest {
            method: call.method.clone(),
            target,
            headers,
            body: call.body.clone(),
            // The person named it: it may be on this machine or network.
            allowed: AllowedHosts::from(&self.base),
            redirects: Redirects::Refuse,
        };
        match timeout(ANSWER, self.egress.send(request)).await {
            Ok(answer) => answer.map_err(|cause| self.network(cause)),
            Err(_) => Err(self.network(EgressError::Timeout { limit: ANSWER })),
        }
    }

    async fn body(&self, response: Response, limit: usize) -> Result<Bytes, Failure> {
        match timeout(ANSWER, response.bytes(limit)).await {
            Ok(body) => body.map_err(|cause| self.network(cause)),
            Err(_) => Err(self.network(EgressError::Timeout { limit: ANSWER })),
        }
    }

    async fn parse<T: DeserializeOwned>(&self, response: Response) -> Result<T, Failure> {
        let body = self.body(response, LARGEST).await?;
        serde_json::from_slice(&body).map_err(|error| self.foreign(error.to_string()))
    }

    /// The answer, or the problem that it is.
    async fn checked(&self, response: Response) -> Result<Response, Failure> {
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let body = self.body(response, LARGEST_PROBLEM).await?;
        match serde_json::from_slice::<Problem>(&body) {
            Ok(problem) => Err(Failure::Problem(Box::new(problem))),
            Err(_) => Err(self.foreign(format!("it answered {status}"))),
        }
    }

    /// Signs in with a password.
    pub(crate) async fn login(&self, request: &LoginRequest) -> Result<Account, Failure> {
        let call = Call::new(Method::POST, "/api/v1/auth/login").json(request);
        let response = self.exchange(&call, HeaderMap::new()).await?;
        self.session(self.checked(response).await?).await
    }

    /// Completes a sign-in that asked for a second factor.
    pub(crate) async fn second_factor(
        &self,
        request: &SecondFactorRequest,
    ) -> Result<Account, Failure> {
        let call = Call::new(Method::POST, "/api/v1/auth/second-factor").json(request);
        let response = self.exchange(&call, HeaderMap::new()).await?;
        self.session(self.checked(response).await?).await
    }

    /// Spends a refresh token.
    async fn refresh(&self, refresh_token: &str) -> Result<Account, Failure> {
        let call = Call::new(Method::POST, "/api/v1/auth/refresh");
        let response = self.exchange(&call, cookie(refresh_token)).await?;
        if response.status() == StatusCode::UNAUTHORIZED {
            return Err(Failure::NotSignedIn {
                server: self.origin(),
            });
        }
        self.session(self.checked(response).await?).await
    }

    /// The session in an answer that signs in.
    async fn session(&self, response: Response) -> Result<Account, Failure> {
        let refresh_token = response
            .headers()
            .get_all(header::SET_COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .filter_map(|value| value.split(';').next())
            .find_map(|pair| pair.strip_prefix(REFRESH_COOKIE)?.strip_prefix('='))
            .filter(|token| !token.is_empty())
            .map(str::to_owned);
        let signed_in: SignedIn = self.parse(response).await?;
        let refresh_token =
            refresh_token.ok_or_else(|| self.foreign("it gave no refresh token"))?;
        let lifetime = i64::try_from(signed_in.expires_in).unwrap_or(0);
        let user = signed_in.user;
        Ok(Account {
            name: user.email.unwrap_or(user.display_name),
            credential: Credential::Session {
                refresh_token,
                access_token: signed_in.access_token,
                expires_at: self.world.clock.now()
                    + TimeDelta::try_seconds(lifetime).unwrap_or_default(),
            },
        })
    }

    /// Ends a session on the server; one that has ended is fine.
    pub(crate) async fn logout(&self, credential: &Credential) -> Result<(), Failure> {
        let Credential::Session { refresh_token, .. } = credential else {
            return Ok(());
        };
        let call = Call::new(Method::POST, "/api/v1/auth/logout");
        let response = self.exchange(&call, cookie(refresh_token)).await?;
        self.checked(response).await.map(drop)
    }
}

fn cookie(refresh_token: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if let Ok(mut value) = HeaderValue::from_str(&format!("{REFRESH_COOKIE}={refresh_token}")) {
        value.set_sensitive(true);
        headers.insert(header::COOKIE, value);
    }
    headers
}

fn bearer(token: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if let Ok(mut value) = HeaderValue::from_str(&format!("Bearer {token}")) {
        value.set_sensitive(true);
        headers.insert(header::AUTHORIZATION, value);
    }
    headers
}

impl Client {
    /// A client of `server` with this credential; a session that is refreshed
    /// is kept in `file`.
    pub(crate) fn new(
        server: Server,
        credential: Credential,
        file: Option<CredentialFile>,
    ) -> Self {
        Self {
            server,
            credential: Mutex::new(credential),
            file,
        }
    }

    /// Scheme, host and port.
    pub(crate) fn origin(&self) -> String {
        self.server.origin()
    }

    /// Time and randomness.
    pub(crate) fn world(&self) -> &World {
        &self.server.world
    }

    /// The answer's head; an error is the problem that the server answered.
    pub(crate) async fn send(&self, call: Call) -> Result<Response, Failure> {
        let token = self.token(None).await?;
        let response = self.server.exchange(&call, bearer(&token)).await?;
        if response.status() != StatusCode::UNAUTHORIZED {
            return self.server.checked(response).await;
        }
        if matches!(*self.credential.lock().await, Credential::ApiKey { .. }) {
            return self.server.checked(response).await;
        }
        // It ended early: the server was started anew with another key, or
        // its clock is ahead of ours.
        let token = self.token(Some(&token)).await?;
        let response = self.server.exchange(&call, bearer(&token)).await?;
        self.server.checked(response).await
    }

    /// The whole answer as JSON.
    pub(crate) async fn json<T: DeserializeOwned>(&self, call: Call) -> Result<T, Failure> {
        let response = self.send(call).await?;
        self.server.parse(response).await
    }

    /// The answer to a GET.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        self.json(Call::get(path)).await
    }

    /// A token that holds, other than `stale`.
    async fn token(&self, stale: Option<&str>) -> Result<String, Failure> {
        let mut credential = self.credential.lock().await;
        let soon = self.server.world.clock.now() + REFRESH_EARLY;
        let holding = |credential: &Credential| match credential {
            Credential::ApiKey { key } => Some(key.clone()),
            Credential::Session {
                access_token,
                expires_at,
                ..
            } => (*expires_at > soon && stale != Some(access_token.as_str()))
                .then(|| access_token.clone()),
        };
        if let Some(token) = holding(&credential) {
            return Ok(token);
        }
        let Some(file) = &self.file else {
            return Err(self.signed_out());
        };
        // Whoever holds the lock refreshes; the others find the new token in
        // the file. A refresh token that is spent twice ends the session.
        let lock = file.lock().await?;
        let mut accounts = lock.read()?;
        let origin = self.origin();
        let Some(kept) = accounts.servers.get(&origin) else {
            return Err(self.signed_out());
        };
        *credential = kept.credential.clone();
        if let Some(token) = holding(&credential) {
            return Ok(token);
        }
        let Credential::Session { refresh_token, .. } = &*credential else {
            return Err(self.signed_out());
        };
        let account = self.server.refresh(refresh_token).await?;
        *credential = account.credential.clone();
        accounts.servers.insert(origin, account);
        lock.write(&accounts)?;
        drop(lock);
        match &*credential {
            Credential::Session { access_token, .. } => Ok(access_token.clone()),
            Credential::ApiKey { key } => Ok(key.clone()),
        }
    }

    fn signed_out(&self) -> Failure {
        Failure::NotSignedIn {
            server: self.origin(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_as_people_write_it() {
        for (text, origin) in [
            ("chat.example.com", "https://chat.example.com"),
            ("chat.example.com:8443", "https://chat.example.com:8443"),
            ("localhost:52416", "http://localhost:52416"),
            ("127.0.0.1:1", "http://127.0.0.1:1"),
            ("http://10.0.0.5:52416/", "http://10.0.0.5:52416"),
            ("HTTPS://Chat.Example.com", "https://chat.example.com"),
        ] {
            assert_eq!(parse_server(text).expect(text).origin(), origin, "{text}");
        }
        for text in ["", "ftp://x", "https://x/path", "https://u:p@x"] {
            assert!(parse_server(text).is_err(), "{text}");
        }
    }

    #[test]
    fn plain_http_is_safe_only_on_this_machine() {
        let open = |text| is_open_to_eavesdroppers(&parse_server(text).expect("valid"));
        assert!(open("http://10.0.0.5:52416"));
        assert!(!open("https://chat.example.com"));
        assert!(!open("localhost:52416"));
        assert!(!open("http://[::1]:52416"));
    }
}
