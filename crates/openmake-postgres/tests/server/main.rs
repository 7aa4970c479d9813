//! The embedded server with real binaries.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests"
)]

mod crash;
mod lifecycle;
mod support;
