//! How roles that run apart reach each other.
//!
//! In one process the gateway calls the ai role's router, and the actor travels
//! in the request's extensions. Apart, [`RoleClient`] stands in the router's
//! place: the same `tower::Service`, over several HTTP/2 connections to each
//! address that the role has. What the extensions said goes into one signed
//! header ([`InternalKeys::sign`]), and [`guarded`] makes the extensions again
//! on the other side, or refuses. Bodies stream both ways.
//!
//! [`serve`] is every role's listener.

mod body;
mod client;
mod connection;
mod failure;
mod guard;
mod identity;
mod keys;
mod limits;
mod pool;
mod resolve;
mod server;
mod target;

use tokio::time::Instant;

pub use client::{ClientParts, Dress, RoleClient};
pub use failure::Peer;
pub use guard::{GuardParts, IDENTITY_PATH, guarded};
pub use identity::{HEADER, Identity, Line, Refusal};
pub use keys::{InternalKeys, KeyError};
pub use pool::Standing;
pub use resolve::{Resolve, Resolving, SystemNames};
pub use server::{Listening, Side, serve};
pub use target::{Target, TargetError};

/// When nobody waits for the answer's head any more. Whoever bounds a request
/// puts it into its extensions; the other side ends the work then, even when
/// the network did not tell it that the caller has gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline(pub Instant);
