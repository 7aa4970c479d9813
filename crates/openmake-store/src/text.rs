//! Text that PostgreSQL can hold. It refuses U+0000 in text and in JSON, and
//! what people and models write may contain it.

use std::borrow::Cow;

use serde_json::Value;

const NUL: char = '\0';
const REPLACEMENT: &str = "\u{fffd}";

/// `text` with U+FFFD for every U+0000.
pub(crate) fn storable(text: &str) -> Cow<'_, str> {
    if text.contains(NUL) {
        Cow::Owned(text.replace(NUL, REPLACEMENT))
    } else {
        Cow::Borrowed(text)
    }
}

/// The same of what may be absent.
pub(crate) fn storable_option(text: Option<&str>) -> Option<String> {
    text.map(|text| storable(text).into_owned())
}

/// How much of what a browser says about itself is kept.
const USER_AGENT_MAX: usize = 300;

/// What a browser says about itself, cut.
pub(crate) fn storable_agent(agent: Option<&str>) -> Option<String> {
    let cut: String = agent?.chars().take(USER_AGENT_MAX).collect();
    Some(storable(&cut).into_owned())
}

/// `value` with U+FFFD for every U+0000 in its strings and names.
pub(crate) fn storable_json(value: &Value) -> Cow<'_, Value> {
    if has_nul(value) {
        Cow::Owned(replaced(value))
    } else {
        Cow::Borrowed(value)
    }
}

fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains(NUL),
        Value::Array(items) => items.iter().any(has_nul),
        Value::Object(fields) => fields
            .iter()
            .any(|(name, value)| name.contains(NUL) || has_nul(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

fn replaced(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(storable(text).into_owned()),
        Value::Array(items) => items.iter().map(replaced).collect(),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| (storable(name).into_owned(), replaced(value)))
            .collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nul_is_replaced_and_the_rest_stays() {
        assert_eq!(storable("a\0b"), "a\u{fffd}b");
        assert!(matches!(storable("ab"), Cow::Borrowed("ab")));
        assert_eq!(storable_option(Some("\0")).as_deref(), Some("\u{fffd}"));
        assert_eq!(storable_option(None), None);
    }

    #[test]
    fn a_browser_says_at_most_300_characters() {
        let said = storable_agent(Some(&"글\0".repeat(200))).expect("it said something");
        assert_eq!(said, "글\u{fffd}".repeat(150));
    }

    #[test]
    fn nul_is_replaced_anywhere_in_json() {
        let value = json!({"a\0": ["x\0", 1, {"b": "\0"}], "c": null});
        assert_eq!(
            *storable_json(&value),
            json!({"a\u{fffd}": ["x\u{fffd}", 1, {"b": "\u{fffd}"}], "c": null})
        );
        let clean = json!({"a": [true, "b"]});
        assert!(matches!(storable_json(&clean), Cow::Borrowed(_)));
    }
}
