//! The seam between roles, over real sockets.

mod replicas;
mod streams;
mod support;
mod trust;
