//! The whole program as processes: started, asked, cut off, killed, stopped.

#[cfg(test)]
mod backups;
#[cfg(test)]
mod clients;
#[cfg(test)]
mod commands;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod crowd;
#[cfg(test)]
mod imports;
#[cfg(test)]
mod lifecycle;
#[cfg(test)]
mod outage;
#[cfg(test)]
mod replicas;
#[cfg(test)]
mod roles;
#[cfg(test)]
mod support;
#[cfg(test)]
mod terminal;
