//! One's own conversations. Asking in them is the ai role's.

pub(crate) mod create;
pub(crate) mod export;
pub(crate) mod list;
mod markdown;
pub(crate) mod messages;
pub(crate) mod one;
pub(crate) mod view;
