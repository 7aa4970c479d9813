//! HTTP as both protocols use it.

use std::time::Duration;

use bytes::Bytes;
use chrono::DateTime;
use futures_util::stream;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use openmake_egress::{AllowedHosts, EgressError, OutgoingRequest, Redirects, Response, Target};
use secrecy::ExposeSecret as _;
use tokio::time::{Instant, timeout, timeout_at};

use super::{BaseUrl, Credential, DeltaStream, ProviderParts, RateLimits, decode_stream};
use crate::{
    ModelError, TimeoutKind,
    wire::{ChatDecoder, Failure, read_failure},
};

/// The most bytes of a list of models or of a batch of vectors.
const MAX_JSON_BYTES: usize = 64 * 1024 * 1024;
/// The most bytes of an error.
const MAX_ERROR_BYTES: usize = 64 * 1024;
/// How long the body of an error is waited for.
const ERROR_BODY: Duration = Duration::from_secs(5);
/// No provider's limit lasts longer; what says so is not believed.
const MAX_RETRY_AFTER: Duration = Duration::from_hours(24);

/// One server, as its provider sees it.
#[derive(Debug)]
pub(super) struct Endpoint {
    pub(super) base: BaseUrl,
    pub(super) parts: ProviderParts,
    /// Its own host and port, wherever they are: naming a node allows them.
    allowed: AllowedHosts,
}

/// A request for JSON, or for a stream.
pub(super) struct Ask<'a> {
    pub(super) path: &'a str,
    pub(super) credential: &'a Credential,
    /// Empty for a GET.
    pub(super) body: Vec<u8>,
    /// The model that it is about; empty for none.
    pub(super) model: &'a str,
}

impl<'a> Ask<'a> {
    pub(super) fn get(path: &'a str, credential: &'a Credential) -> Self {
        Self {
            path,
            credential,
            body: Vec::new(),
            model: "",
        }
    }
}

impl Endpoint {
    pub(super) fn new(base: BaseUrl, parts: ProviderParts) -> Self {
        let allowed = AllowedHosts::from(base.root());
        Self {
            base,
            parts,
            allowed,
        }
    }

    /// A prefix for the ids of an answer's tool calls.
    pub(super) fn call_prefix(&self) -> String {
        let mut random = [0; 6];
        self.parts.ids.fill(&mut random);
        format!("call_{}_", hex::encode(random))
    }

    /// Asks a path of the protocol and reads the whole answer.
    pub(super) async fn json(&self, ask: Ask<'_>, limit: Duration) -> Result<Bytes, ModelError> {
        let target = self.base.api(ask.path)?;
        self.read(target, ask, limit).await
    }

    /// Asks a path beside the protocol, whose absence is no error.
    pub(super) async fn beside(&self, path: &str, credential: &Credential) -> Option<Bytes> {
        let target = self.base.beside(path).ok()?;
        self.read(
            target,
            Ask::get(path, credential),
            self.parts.limits.request,
        )
        .await
        .ok()
    }

    async fn read(
        &self,
        target: Target,
        ask: Ask<'_>,
        limit: Duration,
    ) -> Result<Bytes, ModelError> {
        let model = ask.model.to_owned();
        let work = async {
            let response = self.send(target, ask).await?;
            let response = self.accepted(response, &model).await?;
            Ok(response.bytes(MAX_JSON_BYTES).await?)
        };
        timeout(limit, work)
            .await
            .unwrap_or(Err(ModelError::Timeout(TimeoutKind::Request(limit))))
    }

    /// Asks and decodes the answer as it comes, under the watchdog.
    pub(super) async fn stream(
        &self,
        ask: Ask<'_>,
        decoder: Box<dyn ChatDecoder>,
    ) -> Result<DeltaStream, ModelError> {
        let limits = self.parts.limits;
        let deadline = Instant::now() + limits.first_token;
        let target = self.base.api(ask.path)?;
        let model = ask.model.to_owned();
        let work = async {
            let response = self.send(target, ask).await?;
            self.accepted(response, &model).await
        };
        let response = timeout_at(deadline, work)
            .await
            .unwrap_or(Err(ModelError::Timeout(TimeoutKind::FirstToken(
                limits.first_token,
            ))))?;
        let body = stream::unfold(Some(response), async |response| {
            let mut response = response?;
            match response.chunk().await {
                Ok(None) => None,
                Ok(Some(piece)) => Some((Ok(piece), Some(response))),
                Err(error) => Some((Err(error.into()), None)),
            }
        });
        Ok(decode_stream(body, decoder, limits, deadline))
    }

    async fn send(&self, target: Target, ask: Ask<'_>) -> Result<Response, ModelError> {
        let mut request = if ask.body.is_empty() {
            OutgoingRequest::get(target)
        } else {
            OutgoingRequest::post(target, ask.body.into())
        };
        request.allowed = self.allowed.clone();
        // What is asked and the key belong to this server and to no other.
        request.redirects = Redirects::SameOrigin;
        request.headers = headers(ask.credential)?;
        let response = self.parts.egress.send(request).await;
        let response = response.map_err(|error| match error {
            EgressError::Timeout { limit } => {
                ModelError::connection(format!("no connection within {limit:?}"))
            }
            other => other.into(),
        })?;
        let now = self.parts.clock.now();
        ask.credential
            .note(RateLimits::read(response.headers(), now));
        Ok(response)
    }

    /// The answer, if its status says that it is one.
    async fn accepted(&self, response: Response, model: &str) -> Result<Response, ModelError> {
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let retry_after = self.retry_after(response.headers());
        let body = timeout(ERROR_BODY, response.bytes(MAX_ERROR_BYTES)).await;
        let body = body.ok().and_then(Result::ok).unwrap_or_default();
        let status = if status == StatusCode::PAYMENT_REQUIRED {
            StatusCode::TOO_MANY_REQUESTS
        } else {
            status
        };
        Err(read_failure(Failure {
            status: Some(status.as_u16()),
            retry_after,
            body: &body,
            model,
        }))
    }

    /// `Retry-After`, in seconds or as a date.
    fn retry_after(&self, headers: &HeaderMap) -> Option<Duration> {
        let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
        let wait = if let Ok(seconds) = text.parse() {
            Duration::try_from_secs_f64(seconds).ok()?
        } else {
            let until = DateTime::parse_from_rfc2822(text).ok()?;
            (until.to_utc() - self.parts.clock.now())
                .to_std()
                .unwrap_or_default()
        };
        Some(wait.min(MAX_RETRY_AFTER))
    }
}

fn headers(credential: &Credential) -> Result<HeaderMap, ModelError> {
    let mut headers = HeaderMap::new();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    if let Some(key) = credential.secret() {
        let mut value =
            HeaderValue::from_str(&format!("Bearer {}", key.expose_secret())).map_err(|_| {
                ModelError::Unauthorized {
                    message: "the key has characters that no header can carry".to_owned(),
                }
            })?;
        value.set_sensitive(true);
        headers.insert(header::AUTHORIZATION, value);
    }
    Ok(headers)
}
