//! Fields of a foreign request that have no counterpart here. What would
//! change the answer is refused by its name; what would not is let through.

use openmake_api::ApiError;
use serde_json::{Map, Value};

/// What is known of the fields that a request may have beside those that are
/// used.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KnownFields {
    /// For bookkeeping: no value of theirs changes an answer.
    pub(crate) harmless: &'static [&'static str],
    /// Those that ask for something that no model server is passed, except
    /// for the value that asks for nothing, as JSON.
    pub(crate) unsupported: &'static [(&'static str, &'static [&'static str])],
}

impl KnownFields {
    /// Refuses the first of `fields` that asks for something. `place` is what
    /// stands before their names, such as `messages[2].`.
    pub(crate) fn check(self, fields: &Map<String, Value>, place: &str) -> Result<(), ApiError> {
        for (name, value) in fields {
            if value.is_null() || self.harmless.contains(&name.as_str()) {
                continue;
            }
            let known = self.unsupported.iter().find(|(known, _)| known == name);
            let field = format!("{place}{name}");
            match known {
                Some((_, neutral)) if neutral.contains(&value.to_string().as_str()) => {}
                Some((_, neutral)) => return Err(unsupported(&field, neutral)),
                None => {
                    let detail = format!("`{field}` is not known here.");
                    return Err(ApiError::field(field, "unknown", detail)
                        .with_code("unknown_parameter")
                        .with_hint("Leave it out: it would have no effect."));
                }
            }
        }
        Ok(())
    }
}

fn unsupported(field: &str, neutral: &[&str]) -> ApiError {
    let detail = match neutral {
        [] => format!("`{field}` is not supported."),
        values => format!("`{field}` is supported as {} only.", values.join(" or ")),
    };
    ApiError::field(field, "unsupported", detail)
        .with_code("unsupported_parameter")
        .with_hint("Leave it out.")
}

/// A value that is refused, with the field's name.
pub(crate) fn wrong(field: impl Into<String>, detail: impl Into<String>) -> ApiError {
    ApiError::field(field, "invalid", detail).with_code("invalid_value")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const KNOWN: KnownFields = KnownFields {
        harmless: &["user"],
        unsupported: &[("n", &["1"]), ("audio", &[])],
    };

    fn check(fields: Value) -> Result<(), ApiError> {
        let Value::Object(fields) = fields else {
            panic!("an object");
        };
        KNOWN.check(&fields, "")
    }

    #[test]
    fn nothing_that_asks_for_something_is_dropped() {
        assert!(check(json!({"user": {"a": 1}, "n": 1, "audio": null, "other": null})).is_ok());
        for (fields, code) in [
            (json!({"n": 2}), "unsupported_parameter"),
            (json!({"audio": {}}), "unsupported_parameter"),
            (json!({"other": 0}), "unknown_parameter"),
        ] {
            assert_eq!(check(fields).expect_err("refused").code(), code);
        }
    }
}
