//! Conversations, messages, turns, search and maintenance against a real
//! database: each test has one of its own.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

mod appends;
mod conversations;
mod ends;
mod fixtures;
mod import;
mod leases;
mod maintenance;
mod messages;
mod search;
mod starts;
mod subtrees;
mod usage;
