//! Fetching small JSON documents from a provider.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use openmake_egress::{
    AllowedHosts, Egress, FetchLimits, FetchRequest, Fetched, OutgoingRequest, Target,
};
use serde::de::DeserializeOwned;
use url::{Url, form_urlencoded};

use super::ProviderError;

/// Discovery documents and key sets have a few kilobytes.
const MAX_BYTES: usize = 512 << 10;
/// A sign-in needs up to four of these within the request's own limit.
const TIMEOUT: Duration = Duration::from_secs(7);

/// The client with the hosts that the operator named.
pub(super) struct Client {
    egress: Egress,
    allowed: AllowedHosts,
}

impl Client {
    /// A client that may reach `hosts` though they are not public: the
    /// operator configured them.
    pub(super) fn new(egress: Egress, hosts: &[&Url]) -> Self {
        let targets = hosts.iter().map(|url| (*url).clone());
        let targets: Vec<Target> = targets
            .filter_map(|url| Target::from_url(url).ok())
            .collect();
        Self {
            egress,
            allowed: targets.iter().collect(),
        }
    }

    /// GETs a document, with a bearer token where one is given.
    pub(super) async fn get<T: DeserializeOwned>(
        &self,
        url: &str,
        bearer: Option<&str>,
    ) -> Result<T, ProviderError> {
        let mut request = OutgoingRequest::get(Target::parse(url)?);
        if let Some(token) = bearer {
            let value = sensitive(&format!("Bearer {token}"))?;
            request.headers.insert(header::AUTHORIZATION, value);
        }
        let fetched = self.fetch(request).await?;
        refuse_failure(&fetched)?;
        parse(&fetched.body)
    }

    /// POSTs a form, and gives the answer whatever its status: errors of the
    /// token endpoint are documents too.
    pub(super) async fn post<T: DeserializeOwned>(
        &self,
        url: &str,
        form: &[(&str, &str)],
        authorization: Option<HeaderValue>,
    ) -> Result<T, ProviderError> {
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form)
            .finish();
        let mut request = OutgoingRequest::post(Target::parse(url)?, Bytes::from(body));
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        request.headers.insert(header::CONTENT_TYPE, form);
        if let Some(value) = authorization {
            request.headers.insert(header::AUTHORIZATION, value);
        }
        let fetched = self.fetch(request).await?;
        let parsed = parse(&fetched.body);
        if parsed.is_err() {
            refuse_failure(&fetched)?;
        }
        parsed
    }

    async fn fetch(&self, mut request: OutgoingRequest) -> Result<Fetched, ProviderError> {
        request.allowed = self.allowed.clone();
        let accept: &mut HeaderMap = &mut request.headers;
        accept.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        let limits = FetchLimits {
            max_bytes: MAX_BYTES,
            timeout: TIMEOUT,
        };
        Ok(self.egress.fetch(FetchRequest { request, limits }).await?)
    }
}

fn refuse_failure(fetched: &Fetched) -> Result<(), ProviderError> {
    if fetched.status.is_success() {
        return Ok(());
    }
    Err(ProviderError::Refused(format!(
        "{} answered {}",
        fetched.target.origin(),
        fetched.status
    )))
}

/// A header value that logs leave out.
pub(super) fn sensitive(text: &str) -> Result<HeaderValue, ProviderError> {
    let mut value = HeaderValue::from_str(text)
        .map_err(|_| ProviderError::Malformed("a credential is no header value".to_owned()))?;
    value.set_sensitive(true);
    Ok(value)
}

/// A name of a member may be said, a value may be a secret.
fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, ProviderError> {
    serde_json::from_slice(body).map_err(|error| {
        ProviderError::Malformed(format!(
            "no such JSON ({:?} at column {})",
            error.classify(),
            error.column()
        ))
    })
}
