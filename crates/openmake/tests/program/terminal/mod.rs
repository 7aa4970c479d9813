//! The terminal client against the running program.

mod accounts;
mod asking;
mod chatting;
mod writing;
