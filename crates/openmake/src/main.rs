//! OpenMake: a self-hosted AI assistant platform in one program.

mod config;

fn main() {}
