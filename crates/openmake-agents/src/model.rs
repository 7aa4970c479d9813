//! The seam to the models: a pool of nodes, or a script in tests.

use std::fmt;

use futures_util::{future::BoxFuture, stream::BoxStream};
use openmake_models::{ChatDelta, ChatRequest, ModelError};

/// An answer that is on its way.
pub struct Answer {
    /// The real model that writes it.
    pub model: String,
    /// The name of the node that serves it.
    pub node: String,
    /// Its pieces. Dropping them stops the request.
    pub deltas: BoxStream<'static, Result<ChatDelta, ModelError>>,
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("model", &self.model)
            .field("node", &self.node)
            .finish_non_exhaustive()
    }
}

/// Whoever can ask a model.
pub trait ModelClient: Send + Sync + 'static {
    /// Asks. Dropping the future stops the request.
    fn chat(&self, request: ChatRequest) -> BoxFuture<'_, Result<Answer, ModelError>>;
}
