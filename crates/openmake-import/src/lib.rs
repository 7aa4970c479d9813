//! Importers: data of the predecessor and of other products.
//!
//! Each reads its source as it is, makes rows of ours of it, and accounts for
//! every row that it read in a [`report`]. What is written goes through
//! [`openmake_store::import`], with ids that derive from the source's
//! ([`identity`]), so that running again adds only what is new.

pub mod identity;
pub mod legacy;
pub mod report;
