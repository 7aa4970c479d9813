//! Passwords: which ones are good enough, and how they are kept.

mod hashing;
mod policy;

pub(crate) use hashing::{Hasher, Turn, Verdict, hash_now};
pub(crate) use policy::{About, MIN_LENGTH, check, normalize};
