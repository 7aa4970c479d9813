//! The surfaces of other vendors, for programs that were written for them.
//!
//! A call is stateless: the history is the client's, nothing of it enters
//! conversations or the log, and a closed connection ends the model's request.
//! What all surfaces share is here ([`ask`], [`embed()`], [`list`]); each vendor's
//! wire types, mappings and handlers have a module of their own. Errors are
//! the program's own [`openmake_api::ApiError`]s; the gateway writes them in
//! the vendor's shape ([`openmake_api::ErrorShape`]), by the path.

pub(crate) mod anthropic;
mod bill;
mod call;
mod embed;
mod fields;
mod listing;
pub(crate) mod ollama;
pub(crate) mod openai;
mod picture;
mod plan;
mod sse;

pub(crate) use bill::Surface;
pub(crate) use call::{End, Piece, Reply, Whole, ask};
pub(crate) use embed::{Embedded, embed};
pub(crate) use listing::{Listed, ListedKind, list};
pub(crate) use plan::{CallsAtOnce, Query, model_not_found, permit};
pub(crate) use sse::{event_stream, event_stream_with};
