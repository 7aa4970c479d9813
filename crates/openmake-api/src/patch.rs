//! Fields of a PATCH that can also be taken away.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What a PATCH says about a field that may be absent altogether. In requests
/// it stands with `#[serde(default, skip_serializing_if = "Change::is_unsaid")]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Change<T> {
    /// Nothing: it stays.
    #[default]
    Unsaid,
    /// `null`: it goes.
    Cleared,
    /// It becomes this.
    To(T),
}

impl<T> Change<T> {
    /// Whether it stays.
    pub const fn is_unsaid(&self) -> bool {
        matches!(self, Self::Unsaid)
    }

    /// The same of what the value comes to, if that holds.
    pub fn try_map<U, E>(self, map: impl FnOnce(T) -> Result<U, E>) -> Result<Change<U>, E> {
        Ok(match self {
            Self::Unsaid => Change::Unsaid,
            Self::Cleared => Change::Cleared,
            Self::To(value) => Change::To(map(value)?),
        })
    }

    /// Does it.
    pub fn apply(self, field: &mut Option<T>) {
        match self {
            Self::Unsaid => {}
            Self::Cleared => *field = None,
            Self::To(value) => *field = Some(value),
        }
    }
}

impl<T: Serialize> Serialize for Change<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Unsaid | Self::Cleared => serializer.serialize_none(),
            Self::To(value) => serializer.serialize_some(value),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Change<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::<T>::deserialize(deserializer)?.map_or(Self::Cleared, Self::To))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Patch {
        #[serde(default, skip_serializing_if = "Change::is_unsaid")]
        limit: Change<u32>,
    }

    #[test]
    fn absent_null_and_a_value_are_three_things() {
        for (json, limit, left) in [
            (json!({}), Change::Unsaid, Some(1)),
            (json!({"limit": null}), Change::Cleared, None),
            (json!({"limit": 7}), Change::To(7), Some(7)),
        ] {
            let patch: Patch = serde_json::from_value(json.clone()).expect("reads");
            assert_eq!(patch, Patch { limit });
            assert_eq!(serde_json::to_value(&patch).expect("writes"), json);
            let mut field = Some(1);
            patch.limit.apply(&mut field);
            assert_eq!(field, left);
        }
    }
}
