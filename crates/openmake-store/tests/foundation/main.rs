//! The foundation against a real database: each test has one of its own.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

mod api_keys;
mod audit;
mod audit_chain;
mod blobs;
mod budgets;
mod claim;
mod fixtures;
mod groups;
mod invitations;
mod migrations;
mod nodes;
mod outage;
mod secrets;
mod sessions;
mod settings;
mod sign_in;
mod throttle;
mod users;
mod wakeups;
