//! The crate through its public surface.

#![expect(clippy::expect_used, reason = "a test that cannot be set up fails")]

mod nodes;
mod pool;
mod support;
mod wire_decode;
mod wire_format;
