//! Turns: how they start, run, are written down, watched and ended.

pub(crate) mod after;
pub(crate) mod finish;
pub(crate) mod frame;
pub(crate) mod history;
pub(crate) mod leases;
pub(crate) mod live;
pub(crate) mod question;
pub(crate) mod runner;
mod seat;
pub(crate) mod start;
pub(crate) mod subscription;
pub(crate) mod wire;
pub(crate) mod writer;
