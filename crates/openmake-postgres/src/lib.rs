//! The embedded PostgreSQL: find its binaries, initialise a data directory,
//! start the server, supervise it, stop it.
//!
//! [`EmbeddedPostgres::start`] gives a running server and
//! [`EmbeddedPostgres::connect_info`] what a client needs. Nothing here speaks
//! SQL over a connection: roles and the database are made while the data
//! directory is initialised.
//!
//! Three processes take part. The *program* holds the lock on the data
//! directory and restarts a server that died. A small *supervisor*, which is
//! the same executable started again with [`SUPERVISOR_ARG`], owns the server
//! as its child and stops it as soon as the pipe from the program closes,
//! which is how a `kill -9` of the program is noticed. The *server* listens on
//! a Unix socket in a private directory.
//!
//! A binary that uses this crate therefore begins its `main` with
//!
//! ```no_run
//! # fn main() -> std::process::ExitCode {
//! let mut args = std::env::args_os().skip(1);
//! if args.next().is_some_and(|first| first == openmake_postgres::SUPERVISOR_ARG) {
//!     return openmake_postgres::supervisor_main(args);
//! }
//! # std::process::ExitCode::SUCCESS
//! # }
//! ```

mod account;
mod binaries;
mod cluster;
mod connect;
mod directories;
mod error;
mod files;
mod postmaster;
mod server;
mod settings;
mod supervisor;

pub use binaries::{Binaries, Lookup, locate_binaries};
pub use connect::{ConnectInfo, attach};
pub use directories::{DefaultDirs, HostEnvironment};
pub use error::Error;
pub use server::{EmbeddedPostgres, ServerState};
pub use settings::{Durability, Listen, Settings};
pub use supervisor::{SUPERVISOR_ARG, supervisor_main};
