//! An answer whose body is still to come.

use std::fmt;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, StatusCode};

use crate::{
    EgressError, Target,
    error::{find_ours, root_cause},
};

/// Status and headers have arrived; the body is read as it comes. Dropping
/// this closes the request, so that the server stops working on it.
pub struct Response {
    pub(crate) target: Target,
    pub(crate) inner: reqwest::Response,
}

impl Response {
    /// The status.
    pub fn status(&self) -> StatusCode {
        self.inner.status()
    }

    /// The headers.
    pub fn headers(&self) -> &HeaderMap {
        self.inner.headers()
    }

    /// Where the answer comes from, after redirects.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// The next piece of the body, or `None` at its end.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, EgressError> {
        self.inner
            .chunk()
            .await
            .map_err(|error| broken(&error.without_url()))
    }

    /// The whole body, if it has no more than `limit` bytes.
    pub async fn bytes(mut self, limit: usize) -> Result<Bytes, EgressError> {
        let announced = self
            .inner
            .content_length()
            .and_then(|length| usize::try_from(length).ok());
        if announced.is_some_and(|length| length > limit) {
            return Err(EgressError::TooLarge { limit });
        }
        let mut body = BytesMut::new();
        while let Some(piece) = self.chunk().await? {
            if body.len() + piece.len() > limit {
                return Err(EgressError::TooLarge { limit });
            }
            body.extend_from_slice(&piece);
        }
        Ok(body.freeze())
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status())
            .field("target", &self.target)
            .finish_non_exhaustive()
    }
}

fn broken(error: &reqwest::Error) -> EgressError {
    find_ours(error).unwrap_or_else(|| EgressError::Broken {
        reason: root_cause(error),
    })
}
