//! The wire contract: what clients send and receive. The OpenAPI document,
//! and from it the web app's types, are generated from these.
//!
//! Times are RFC 3339 in UTC, ids are UUIDs, errors are RFC 9457 problems.

pub mod account;
pub mod administration;
pub mod api_keys;
pub mod audit;
pub mod auth;
pub mod authorize;
pub mod backups;
pub mod budgets;
pub mod client;
pub mod conversations;
pub mod event;
pub mod extract;
pub mod groups;
pub mod images;
pub mod imports;
pub mod instance;
pub mod messages;
pub mod metrics;
pub mod models;
pub mod nodes;
pub mod page;
pub mod patch;
pub mod problem;
pub mod rates;
pub mod responses;
pub mod shape;
pub mod sign_in;
pub mod socket;
pub mod sse;
pub mod turns;
pub mod usage;
pub mod users;

pub use authorize::{Allowed, Requirement};
pub use client::ClientInfo;
pub use event::{Event, EventBody};
pub use page::{Cursor, Page, PageQuery};
pub use patch::Change;
pub use problem::{ApiError, Problem, RequestId};
pub use shape::ErrorShape;
