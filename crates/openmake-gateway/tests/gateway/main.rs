//! The gateway through its HTTP surface, on a real PostgreSQL, with a scripted
//! ai role behind it. One program, because linking one is quicker.

mod accounts;
mod authorization;
mod conversations;
mod http_rules;
mod sessions;
mod socket;
mod support;
