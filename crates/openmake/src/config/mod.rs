//! Configuration: read once at start, checked whole, then handed out in small
//! settings structs. Nothing else in the program reads the environment.

mod raw;
mod reference;
mod registry;
mod roles;
#[cfg(test)]
mod sample;
mod sections;
mod sign_in;

pub(crate) use raw::{ConfigErrors, Override, Raw};
pub(crate) use reference::{reference, show};
pub(crate) use sections::{
    Backup, Config, Data, Engines, Log, LogFormat, Models, NodeKind, Server,
};
pub(crate) use sign_in::{Mail, MailSecurity, Protocol, Provider};
