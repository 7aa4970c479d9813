//! Providers: the servers' protocols with the I/O.

mod base_url;
mod endpoint;
mod ollama;
mod openai;
mod rate_limits;
mod stream;

use std::{fmt, sync::Arc, time::Duration};

use futures_util::{future::BoxFuture, stream::BoxStream};
use openmake_egress::Egress;
use openmake_types::{Clock, Ids};
use parking_lot::Mutex;
use secrecy::SecretString;

pub use base_url::{BaseUrl, BaseUrlError};
pub use ollama::OllamaProvider;
pub use openai::OpenAiProvider;
pub use rate_limits::{RateLimit, RateLimits};
pub use stream::decode_stream;

use crate::{
    ChatDelta, ChatRequest, EmbedRequest, Embeddings, ListedModel, LoadedModel, ModelDetails,
    ModelError, ProviderKind,
};

/// An answer as it comes. Dropping it ends the request at once.
pub type DeltaStream = BoxStream<'static, Result<ChatDelta, ModelError>>;

/// What a request is sent with.
///
/// Clones are the same credential: what a server says of its limits in answer
/// to one is noted for all.
#[derive(Debug, Clone, Default)]
pub struct Credential {
    key: Option<SecretString>,
    limits: Arc<Mutex<Option<RateLimits>>>,
}

impl Credential {
    /// Nothing, for servers that ask for nothing.
    pub fn none() -> Self {
        Self::default()
    }

    /// A key, sent as a bearer token.
    pub fn key(key: SecretString) -> Self {
        Self {
            key: Some(key),
            limits: Arc::default(),
        }
    }

    /// The key, if there is one.
    pub(crate) fn secret(&self) -> Option<&SecretString> {
        self.key.as_ref()
    }

    /// What the server said last of how much may be asked.
    pub fn limits(&self) -> Option<RateLimits> {
        *self.limits.lock()
    }

    /// Notes what the headers of an answer say of the limits, if anything.
    pub(crate) fn note(&self, limits: Option<RateLimits>) {
        if limits.is_some() {
            *self.limits.lock() = limits;
        }
    }
}

/// The limits of requests to a model server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProviderLimits {
    /// From the question to the first piece of the answer. A model may have to
    /// be loaded from disk.
    pub first_token: Duration,
    /// From one piece of the answer to the next.
    pub idle: Duration,
    /// For a short request, such as a list of models.
    pub request: Duration,
    /// For vectors, which a model may have to be loaded for too.
    pub embed: Duration,
    /// The most bytes of one streamed answer.
    pub max_stream_bytes: usize,
}

impl Default for ProviderLimits {
    fn default() -> Self {
        Self {
            first_token: Duration::from_mins(2),
            idle: Duration::from_mins(1),
            request: Duration::from_secs(10),
            embed: Duration::from_mins(2),
            max_stream_bytes: 64 * 1024 * 1024,
        }
    }
}

/// What every provider is made of.
#[derive(Clone)]
pub struct ProviderParts {
    /// The way out.
    pub egress: Egress,
    /// The limits.
    pub limits: ProviderLimits,
    /// For dates that servers name.
    pub clock: Arc<dyn Clock>,
    /// For tool calls that servers give no id.
    pub ids: Arc<dyn Ids>,
}

impl fmt::Debug for ProviderParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProviderParts")
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// A model server in its own protocol. It keeps no state and no key: which key
/// goes along is the caller's choice, call by call.
pub trait Provider: fmt::Debug + Send + Sync + 'static {
    /// The protocol.
    fn kind(&self) -> ProviderKind;

    /// The server's version, where it says.
    fn version<'a>(
        &'a self,
        credential: &'a Credential,
    ) -> BoxFuture<'a, Result<Option<String>, ModelError>>;

    /// The models that the server has.
    fn list_models<'a>(
        &'a self,
        credential: &'a Credential,
    ) -> BoxFuture<'a, Result<Vec<ListedModel>, ModelError>>;

    /// All that the server says of a model of its list.
    fn show<'a>(
        &'a self,
        credential: &'a Credential,
        model: &'a ListedModel,
    ) -> BoxFuture<'a, Result<ModelDetails, ModelError>>;

    /// The models in the server's memory; `None` where it does not say.
    fn loaded<'a>(
        &'a self,
        credential: &'a Credential,
    ) -> BoxFuture<'a, Result<Option<Vec<LoadedModel>>, ModelError>>;

    /// Asks. The stream begins when the server has accepted the request.
    fn chat<'a>(
        &'a self,
        credential: &'a Credential,
        request: &'a ChatRequest,
    ) -> BoxFuture<'a, Result<DeltaStream, ModelError>>;

    /// Turns texts into vectors, one for each.
    fn embed<'a>(
        &'a self,
        credential: &'a Credential,
        request: &'a EmbedRequest,
    ) -> BoxFuture<'a, Result<Embeddings, ModelError>>;
}

/// The provider for the server at `base`.
pub fn provider(base: BaseUrl, parts: ProviderParts) -> Arc<dyn Provider> {
    match base.kind() {
        ProviderKind::Ollama => Arc::new(OllamaProvider::new(base, parts)),
        ProviderKind::OpenAi => Arc::new(OpenAiProvider::new(base, parts)),
    }
}

/// The vectors, if there is one for each text and all are of one length.
fn checked_vectors(request: &EmbedRequest, answer: Embeddings) -> Result<Embeddings, ModelError> {
    if answer.vectors.len() != request.inputs.len() {
        return Err(ModelError::protocol(format!(
            "{} vectors for {} texts",
            answer.vectors.len(),
            request.inputs.len()
        )));
    }
    let length = answer.vectors.first().map_or(0, Vec::len);
    let sound = answer.vectors.iter().all(|vector| {
        !vector.is_empty()
            && vector.len() == length
            && vector.iter().all(|number| number.is_finite())
    });
    if sound || answer.vectors.is_empty() {
        Ok(answer)
    } else {
        Err(ModelError::protocol(
            "the vectors are empty, of different lengths, or not of numbers",
        ))
    }
}
