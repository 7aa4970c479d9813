//! The seam between roles, over real sockets.

#[cfg(test)]
mod replicas;
#[cfg(test)]
mod streams;
#[cfg(test)]
mod support;
#[cfg(test)]
mod trust;
