//! Changes of fields that may be empty.

/// What becomes of a field that may be empty.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Set<T> {
    /// It stays.
    #[default]
    Keep,
    /// It becomes empty.
    Clear,
    /// It becomes this.
    To(T),
}

impl<T> Set<T> {
    /// Whether it changes, and what it becomes.
    pub(crate) fn columns(&self) -> (bool, Option<&T>) {
        match self {
            Self::Keep => (false, None),
            Self::Clear => (true, None),
            Self::To(value) => (true, Some(value)),
        }
    }
}
