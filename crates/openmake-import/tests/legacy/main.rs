//! The predecessor's data, whole and damaged, imported into a real database.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

mod any_source;
mod damaged;
mod fixtures;
mod postgres;
mod twice;
