//! A client that costs little, so that what it measures is the server.

use std::time::Duration;

use anyhow::{Context, bail};
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use tokio::time::timeout;

/// How long an answer that is no stream may take.
const PATIENCE: Duration = Duration::from_mins(1);
/// More of an answer is not read.
const ANSWER_MAX: usize = 16 * 1024 * 1024;

/// HTTP/1.1 with kept connections.
#[derive(Debug, Clone)]
pub(crate) struct Http(Client<HttpConnector, Full<Bytes>>);

/// One request.
#[derive(Debug, Clone)]
pub(crate) struct Ask<'a> {
    pub(crate) method: Method,
    pub(crate) url: &'a str,
    pub(crate) key: Option<&'a str>,
    pub(crate) body: Option<Bytes>,
}

impl<'a> Ask<'a> {
    pub(crate) fn get(url: &'a str, key: Option<&'a str>) -> Self {
        Self {
            method: Method::GET,
            url,
            key,
            body: None,
        }
    }

    pub(crate) fn post(url: &'a str, key: Option<&'a str>, body: &Value) -> Self {
        Self {
            method: Method::POST,
            url,
            key,
            body: Some(body.to_string().into()),
        }
    }
}

impl Http {
    pub(crate) fn new() -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Self(Client::builder(TokioExecutor::new()).build(connector))
    }

    /// The answer's head; its body is still to come.
    pub(crate) async fn send(&self, ask: &Ask<'_>) -> anyhow::Result<Response<Incoming>> {
        let mut request = Request::builder()
            .method(ask.method.clone())
            .uri(ask.url)
            .header(header::ACCEPT, "*/*");
        if let Some(key) = ask.key {
            request = request.header(header::AUTHORIZATION, format!("Bearer {key}"));
        }
        if ask.body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let request = request.body(Full::new(ask.body.clone().unwrap_or_default()))?;
        timeout(PATIENCE, self.0.request(request))
            .await
            .context("no answer in time")?
            .with_context(|| format!("{} failed", ask.url))
    }

    /// The whole answer.
    pub(crate) async fn read(&self, ask: &Ask<'_>) -> anyhow::Result<(StatusCode, Bytes)> {
        let response = self.send(ask).await?;
        let status = response.status();
        let body = Limited::new(response.into_body(), ANSWER_MAX).collect();
        let body = timeout(PATIENCE, body)
            .await
            .context("the answer does not end")?
            .map_err(|error| anyhow::anyhow!("{} broke off: {error}", ask.url))?;
        Ok((status, body.to_bytes()))
    }

    /// The whole answer as JSON, which must be a success.
    pub(crate) async fn json(&self, ask: &Ask<'_>) -> anyhow::Result<Value> {
        let (status, body) = self.read(ask).await?;
        if !status.is_success() {
            let said = String::from_utf8_lossy(&body);
            bail!("{} {} answers {status}: {said}", ask.method, ask.url);
        }
        serde_json::from_slice(&body).with_context(|| format!("{} answers no JSON", ask.url))
    }
}
