//! PostgreSQL: migrations and repositories, one module a subject.
//!
//! SQL never leaves this crate. A row that belongs to someone is reached only
//! through a query that takes its owner, so what is not yours is
//! [`StoreError::NotFound`]. Functions that do a security-relevant act take
//! the [`audit::NewAudit`] that records it, and write both in one transaction.

pub mod api_keys;
pub mod audit;
pub mod backups;
pub mod belongings;
pub mod blobs;
pub mod budgets;
pub mod challenges;
pub mod conversations;
mod database;
mod error;
pub mod factors;
pub mod groups;
pub mod identities;
pub mod import;
pub mod invitations;
pub mod key_usage;
pub mod limits;
pub mod maintenance;
pub mod messages;
pub mod metrics;
mod model_access;
pub mod nodes;
pub mod passkeys;
pub mod password_resets;
pub mod prices;
pub mod profile_edits;
pub mod responses;
pub mod role_models;
mod schema;
pub mod search;
pub mod secrets;
pub mod sessions;
mod set;
pub mod settings;
mod text;
pub mod throttle;
pub mod transfer;
pub mod turns;
pub mod usage;
pub mod users;
pub mod wakeups;

pub use database::{DatabaseInfo, PageRequest, PoolSettings, Position, Rows, Store};
pub use error::{Conflict, StoreError};
pub use set::Set;
