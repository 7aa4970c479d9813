//! The `Idempotency-Key` header.

use axum::extract::FromRequestParts;
use http::request::Parts;
use openmake_api::ApiError;

/// The header's name.
const HEADER: &str = "idempotency-key";
/// Its length at most.
const MAX_LENGTH: usize = 200;

/// A client's key for doing a request once: 1 to 200 visible ASCII
/// characters. Without one, sending again asks again.
#[derive(Debug)]
pub(crate) struct IdempotencyKey(pub(crate) Option<String>);

impl<S: Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        let Some(value) = parts.headers.get(HEADER) else {
            return Ok(Self(None));
        };
        let key = value
            .to_str()
            .ok()
            .filter(|key| (1..=MAX_LENGTH).contains(&key.len()))
            .filter(|key| key.bytes().all(|byte| byte.is_ascii_graphic()))
            .ok_or_else(|| {
                ApiError::invalid("`Idempotency-Key` is 1 to 200 visible ASCII characters.")
                    .with_code("invalid_idempotency_key")
                    .with_hint("Use a new UUID for every question.")
            })?;
        Ok(Self(Some(key.to_owned())))
    }
}
