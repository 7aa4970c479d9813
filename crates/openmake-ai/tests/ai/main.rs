//! The ai role through its HTTP surface, against a real PostgreSQL and
//! scripted model servers.

#[cfg(test)]
mod app;
#[cfg(test)]
mod asking;
#[cfg(test)]
mod branches;
#[cfg(test)]
mod crowd;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod leases;
#[cfg(test)]
mod nodes;
#[cfg(test)]
mod outage;
#[cfg(test)]
mod stopping;
#[cfg(test)]
mod tools;
#[cfg(test)]
mod watching;
