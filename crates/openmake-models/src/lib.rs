//! Everything that speaks to a model server: one small trait for providers,
//! their wire formats as pure functions beside the I/O, and the pool of nodes
//! with its routing, key rotation and circuit breakers.
//!
//! The way of a question: [`NodePool::chat`] picks a node that has the model
//! ([`pool`]), takes one of its keys and hands the [`ChatRequest`] to the
//! node's [`Provider`]; that one writes the request in its server's format
//! ([`wire`]), sends it through `openmake-egress` and decodes what comes back
//! into [`ChatDelta`]s under a watchdog. Nothing is asked twice once the first
//! of them has arrived.

mod chat;
pub mod classifier;
mod discover;
mod error;
mod model;
pub mod pool;
pub mod profiles;
pub mod provider;
pub mod wire;

pub use chat::{
    AnswerFormat, ChatDelta, ChatMessage, ChatOptions, ChatRequest, EmbedRequest, Embeddings,
    FinishReason, Image, KeepAlive, Role, Strictness, ThinkingLevel, ToolChoice, ToolSpec,
};
pub use discover::{Candidate, Discovered, USUAL_SERVERS, discover};
pub use error::{ModelError, TimeoutKind};
pub use model::{
    ListedModel, LoadedModel, ModelCapabilities, ModelDetails, ProviderKind, UnknownProviderKind,
};
pub use pool::{ChatStream, NodeConfig, NodePool, PoolParts, PoolSettings};
pub use provider::{
    BaseUrl, BaseUrlError, Credential, DeltaStream, Provider, ProviderLimits, ProviderParts,
    RateLimit, RateLimits, provider,
};
pub use secrecy::SecretString;
