//! The gateway through its HTTP surface, on a real PostgreSQL, with a scripted
//! ai role behind it. One program, because linking one is quicker.

#[cfg(test)]
mod accounts;
#[cfg(test)]
mod api_keys;
#[cfg(test)]
mod authorization;
#[cfg(test)]
mod conversations;
#[cfg(test)]
mod groups;
#[cfg(test)]
mod http_rules;
#[cfg(test)]
mod key_scopes;
#[cfg(test)]
mod sessions;
#[cfg(test)]
mod socket;
#[cfg(test)]
mod support;
