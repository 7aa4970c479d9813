//! The crate through its public surface, with a scripted model.

#[cfg(test)]
mod context;
#[cfg(test)]
mod script;
#[cfg(test)]
mod title;
#[cfg(test)]
mod turn;
