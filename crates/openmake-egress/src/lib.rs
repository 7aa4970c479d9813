//! The guarded HTTP client: everything that OpenMake connects to outside of
//! itself goes through [`Egress`].
//!
//! A URL is parsed once ([`Target`]), its name is resolved once, inside the
//! connector, and only addresses that pass the policy ([`address`]) are ever
//! connected to, so there is no second look-up to lie to. Redirects are
//! followed here, hop by hop, and each hop is checked as the first was.
//! Private, loopback, link-local and metadata addresses are refused unless the
//! request carries the host and port in its [`AllowedHosts`].

pub mod address;
mod client;
mod error;
mod request;
mod resolver;
mod response;
mod target;
mod tls;

pub use client::{Egress, EgressSettings};
pub use error::EgressError;
pub use request::{FetchLimits, FetchRequest, Fetched, OutgoingRequest, Redirects};
pub use resolver::{Resolver, Resolving, SystemResolver};
pub use response::Response;
pub use target::{AllowedHosts, Target};
