//! What tests of several crates share. Nothing here is part of the program.
//!
//! A test cannot go on when what it stands on is missing, so what is here
//! panics with a message that says what to do.

#![expect(
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "a test that cannot be set up has failed"
)]

pub mod authenticator;
pub mod chaos;
pub mod cluster;
pub mod database;
pub mod front;
pub mod model;
pub mod program;
pub mod seam;
