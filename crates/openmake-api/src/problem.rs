//! Errors on the wire: RFC 9457 problem documents, and the one place where an
//! error becomes an HTTP status and a line in the log.

use std::borrow::Cow;

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use openmake_types::{BudgetRefusal, ErrorKind};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::sign_in::{FactorMethod, SecondFactorNeeded};

/// The body of every error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// `about:blank`: the status and `code` say all there is.
    #[serde(rename = "type")]
    pub kind: String,
    /// The status in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What to key on: stable, one of a documented set.
    pub code: String,
    /// What went wrong, for a person, in English.
    pub detail: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The fields that were wrong, where the request had fields.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldProblem>,
    /// The budget that has not enough left, where that is what is wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<Box<BudgetProblem>>,
    /// Names this request in the server's log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// With `second_factor_required`: what goes into the second step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub challenge: Option<String>,
    /// With `second_factor_required`: the factors that the account has.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub methods: Vec<FactorMethod>,
}

/// One field that was wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldProblem {
    /// The field's name, dotted for nested ones.
    pub field: String,
    /// What is wrong with it: `required`, `too_long`, `too_short`, `invalid`, …
    pub code: String,
    /// The same for a person.
    pub detail: String,
}

/// A budget that has not enough left for a model call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BudgetProblem {
    /// The budget.
    pub id: Uuid,
    /// Whom it binds: `key`, `user` or `group`.
    pub subject: String,
    /// The key, account or group.
    pub subject_id: Uuid,
    /// What it counts: `tokens`, or `money` in millionths of the currency.
    pub unit: String,
    /// After what time it begins anew: `day` or `month`.
    pub period: String,
    /// How much it is.
    pub limit: u64,
    /// How much is left.
    pub remaining: u64,
    /// How much the call needs, by the estimate.
    pub needed: u64,
    /// When it begins anew.
    pub renews_at: DateTime<Utc>,
}

/// The id of the request, put into its extensions by the gateway and into
/// problems on the way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestId(pub String);

/// What a handler returns when it cannot do what was asked.
#[derive(Debug, thiserror::Error)]
#[error("{code}: {detail}")]
pub struct ApiError {
    kind: ErrorKind,
    code: Cow<'static, str>,
    detail: Cow<'static, str>,
    hint: Option<Cow<'static, str>>,
    fields: Vec<FieldProblem>,
    retry_after_seconds: Option<u64>,
    budget: Option<Box<BudgetProblem>>,
    second_factor: Option<Box<SecondFactorNeeded>>,
    #[source]
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl ApiError {
    /// An error with the kind's own code.
    pub fn new(kind: ErrorKind, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind,
            code: Cow::Borrowed(kind.as_str()),
            detail: detail.into(),
            hint: None,
            fields: Vec::new(),
            retry_after_seconds: None,
            budget: None,
            second_factor: None,
            source: None,
        }
    }

    /// The request is wrong.
    pub fn invalid(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::InvalidInput, detail)
    }

    /// One field of the request is wrong.
    pub fn field(
        field: impl Into<String>,
        code: impl Into<String>,
        detail: impl Into<String>,
    ) -> Self {
        let detail = detail.into();
        Self::invalid(detail.clone()).and_field(field, code, detail)
    }

    /// Not there, or not the caller's.
    pub fn not_found(what: &'static str) -> Self {
        Self::new(ErrorKind::NotFound, format!("There is no such {what}."))
    }

    /// No credential, or one that no longer holds.
    pub fn unauthenticated() -> Self {
        Self::new(ErrorKind::Unauthenticated, "Sign in first.")
            .with_hint("Send `Authorization: Bearer` with an access token from /api/v1/auth/login or an API key.")
    }

    /// The credential does not reach this far.
    pub fn forbidden() -> Self {
        Self::new(ErrorKind::Forbidden, "Your account may not do this.")
    }

    /// The password was right, and a second factor must follow.
    pub fn second_factor(needed: SecondFactorNeeded) -> Self {
        let mut error = Self::new(
            ErrorKind::Unauthenticated,
            "This account asks for a second factor.",
        )
        .with_code("second_factor_required")
        .with_hint("Send `challenge` with one of `methods` to /api/v1/auth/second-factor.");
        error.second_factor = Some(Box::new(needed));
        error
    }

    /// The session must prove again who uses it.
    pub fn reauthentication_required() -> Self {
        Self::new(
            ErrorKind::Forbidden,
            "Confirm that it is you before changing this.",
        )
        .with_code("reauthentication_required")
        .with_hint("Send the password, a code or a passkey to /api/v1/auth/reauthenticate.")
    }

    /// It contradicts what is there now.
    pub fn conflict(code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Conflict, detail).with_code(code)
    }

    /// A fault of ours: the cause is logged, never sent.
    pub fn internal(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        let mut error = Self::new(ErrorKind::Internal, "Something went wrong on the server.")
            .with_hint("Try again; if it stays, tell an administrator the request id.");
        error.source = Some(source.into());
        error
    }

    /// The database or another part cannot be reached now; the cause is logged.
    pub fn unavailable(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        let mut error = Self::new(
            ErrorKind::Unavailable,
            "The server cannot do this right now.",
        )
        .with_hint("Try again in a moment.")
        .with_retry_after(1);
        error.source = Some(source.into());
        error
    }

    /// A budget has not enough left: 402 for money, 429 for tokens.
    pub fn budget(refusal: &BudgetRefusal) -> Self {
        let mut detail = refusal.to_string();
        if let Some(first) = detail.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        detail.push('.');
        let mut error = Self::new(refusal.kind(), detail)
            .with_code(refusal.code())
            .with_hint(refusal.hint())
            .with_retry_after(refusal.renews_in_seconds);
        error.budget = Some(Box::new(BudgetProblem {
            id: refusal.budget.as_uuid(),
            subject: refusal.subject.as_str().to_owned(),
            subject_id: refusal.subject_id,
            unit: refusal.unit.as_str().to_owned(),
            period: refusal.period.as_str().to_owned(),
            limit: refusal.limit,
            remaining: refusal.remaining,
            needed: refusal.needed,
            renews_at: refusal.renews_at,
        }));
        error
    }

    /// A more precise code than the kind's own.
    #[must_use]
    pub fn with_code(mut self, code: &'static str) -> Self {
        self.code = Cow::Borrowed(code);
        self
    }

    /// What the caller can do.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<Cow<'static, str>>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// When to come back, in seconds.
    #[must_use]
    pub fn with_retry_after(mut self, seconds: u64) -> Self {
        self.retry_after_seconds = Some(seconds);
        self
    }

    /// One more field that is wrong.
    #[must_use]
    pub fn and_field(
        mut self,
        field: impl Into<String>,
        code: impl Into<String>,
        detail: impl Into<String>,
    ) -> Self {
        self.fields.push(FieldProblem {
            field: field.into(),
            code: code.into(),
            detail: detail.into(),
        });
        self
    }

    /// Keeps the cause for the log.
    #[must_use]
    pub fn with_source(
        mut self,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The kind of error.
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The code that clients key on.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// What went wrong, for a person.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// The HTTP status of this kind of error.
    pub const fn status(&self) -> StatusCode {
        status_of(self.kind)
    }

    /// The document without a request id.
    pub fn problem(&self) -> Problem {
        let status = self.status();
        Problem {
            kind: "about:blank".to_owned(),
            title: status.canonical_reason().unwrap_or("Error").to_owned(),
            status: status.as_u16(),
            code: self.code.clone().into_owned(),
            detail: self.detail.clone().into_owned(),
            hint: self.hint.clone().map(Cow::into_owned),
            fields: self.fields.clone(),
            budget: self.budget.clone(),
            request_id: None,
            challenge: (self.second_factor.as_ref()).map(|needed| needed.challenge.clone()),
            methods: (self.second_factor.as_ref())
                .map_or_else(Vec::new, |needed| needed.methods.clone()),
        }
    }
}

/// The HTTP status of a kind of error.
pub const fn status_of(kind: ErrorKind) -> StatusCode {
    match kind {
        ErrorKind::InvalidInput => StatusCode::BAD_REQUEST,
        ErrorKind::Unauthenticated => StatusCode::UNAUTHORIZED,
        ErrorKind::Forbidden => StatusCode::FORBIDDEN,
        ErrorKind::NotFound => StatusCode::NOT_FOUND,
        ErrorKind::Conflict => StatusCode::CONFLICT,
        ErrorKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ErrorKind::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        ErrorKind::QuotaExceeded => StatusCode::PAYMENT_REQUIRED,
        ErrorKind::UpstreamFailed => StatusCode::BAD_GATEWAY,
        ErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        ErrorKind::Timeout => StatusCode::GATEWAY_TIMEOUT,
        // Nginx's "client closed request": nobody is left to read it.
        ErrorKind::Cancelled => match StatusCode::from_u16(499) {
            Ok(status) => status,
            Err(_) => StatusCode::BAD_REQUEST,
        },
        ErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// What is left of a budget of tokens, as OpenAI's API says it.
fn write_limits(headers: &mut HeaderMap, budget: &BudgetProblem, renews_in: u64) {
    headers.insert("x-ratelimit-limit-tokens", budget.limit.into());
    headers.insert("x-ratelimit-remaining-tokens", budget.remaining.into());
    if let Ok(reset) = HeaderValue::from_str(&in_units(renews_in)) {
        headers.insert("x-ratelimit-reset-tokens", reset);
    }
}

/// Seconds as OpenAI's headers write them: `6m0s`, `26h3m20s`.
fn in_units(seconds: u64) -> String {
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes) {
        (0, 0) => format!("{rest}s"),
        (0, _) => format!("{minutes}m{rest}s"),
        _ => format!("{hours}h{minutes}m{rest}s"),
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let source = self
            .source
            .as_deref()
            .map(|source| source as &dyn std::error::Error);
        match self.kind {
            ErrorKind::Internal => {
                tracing::error!(code = %self.code, error = source, "request failed");
            }
            ErrorKind::Unavailable | ErrorKind::UpstreamFailed | ErrorKind::Timeout => {
                tracing::warn!(code = %self.code, error = source, "request failed");
            }
            _ => tracing::debug!(code = %self.code, detail = %self.detail, "request refused"),
        }
        let problem = self.problem();
        let mut response = (self.status(), Json(&problem)).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if let Some(seconds) = self.retry_after_seconds {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(budget) = self.budget.filter(|budget| budget.unit == "tokens") {
            write_limits(headers, &budget, self.retry_after_seconds.unwrap_or(0));
        }
        if self.kind == ErrorKind::Unauthenticated {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        // The gateway's outermost layer finds the problem here and adds the
        // request id to it.
        response.extensions_mut().insert(problem);
        response
    }
}
