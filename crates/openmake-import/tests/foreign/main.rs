//! Other products' files, into a real database.

#[cfg(test)]
mod bring;
#[cfg(test)]
mod service;
#[cfg(test)]
mod support;
