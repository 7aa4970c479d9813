//! The gateway through its HTTP surface, on a real PostgreSQL, with a scripted
//! ai role behind it. One program, because linking one is quicker.

#[cfg(test)]
mod accounts;
#[cfg(test)]
mod administration;
#[cfg(test)]
mod api_keys;
#[cfg(test)]
mod audit_trail;
#[cfg(test)]
mod authorization;
#[cfg(test)]
mod budgets;
#[cfg(test)]
mod certified_provider;
#[cfg(test)]
mod conversations;
#[cfg(test)]
mod foreign;
#[cfg(test)]
mod groups;
#[cfg(test)]
mod http_rules;
#[cfg(test)]
mod images;
#[cfg(test)]
mod imports;
#[cfg(test)]
mod key_scopes;
#[cfg(test)]
mod long_conversations;
#[cfg(test)]
mod message_deletion;
#[cfg(test)]
mod metrics;
#[cfg(test)]
mod options;
#[cfg(test)]
mod own_account;
#[cfg(test)]
mod passkeys;
#[cfg(test)]
mod password_reset;
#[cfg(test)]
mod providers;
#[cfg(test)]
mod second_factor;
#[cfg(test)]
mod sessions;
#[cfg(test)]
mod socket;
#[cfg(test)]
mod support;
