//! The ai role through its HTTP surface, against a real PostgreSQL and
//! scripted model servers.

#[cfg(test)]
mod anthropic;
#[cfg(test)]
mod app;
#[cfg(test)]
mod asking;
#[cfg(test)]
mod branches;
#[cfg(test)]
mod budgets;
#[cfg(test)]
mod comparing;
#[cfg(test)]
mod crowd;
#[cfg(test)]
mod key_usage;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod leases;
#[cfg(test)]
mod nodes;
#[cfg(test)]
mod ollama;
#[cfg(test)]
mod openai;
#[cfg(test)]
mod options;
#[cfg(test)]
mod outage;
#[cfg(test)]
mod profiles;
#[cfg(test)]
mod responses;
#[cfg(test)]
mod stopping;
#[cfg(test)]
mod tools;
#[cfg(test)]
mod watching;
