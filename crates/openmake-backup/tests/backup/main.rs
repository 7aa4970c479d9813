//! Backups against real databases: each test has its own.

#![expect(clippy::expect_used, reason = "a test that cannot go on has failed")]

mod completeness;
mod file;
mod refusals;
mod round_trip;
mod service;
mod support;
