//! Texts that people type, checked at the edge.

use std::collections::BTreeSet;

use openmake_api::{ApiError, Change};
use openmake_store::Set;

/// An e-mail address that could be one: the only proof is a mail that arrives.
pub(crate) fn email(field: &'static str, text: &str) -> Result<String, ApiError> {
    parse_email(text)
        .ok_or_else(|| ApiError::field(field, "invalid", "This is not an e-mail address."))
}

/// The same without an answer for whoever typed it.
pub(crate) fn parse_email(text: &str) -> Option<String> {
    let text = text.trim();
    let (local, domain) = text.rsplit_once('@')?;
    let plain = |letter: char| !letter.is_whitespace() && !letter.is_control();
    let good = (1..=64).contains(&local.len())
        && (1..=253).contains(&domain.len())
        && text.chars().count() <= 254
        && text.chars().all(plain)
        && !local.contains('@')
        && !domain.starts_with('.')
        && !domain.ends_with('.');
    good.then(|| text.to_owned())
}

/// One line of 1 to `max` characters, white space around it removed.
pub(crate) fn line(field: &'static str, text: &str, max: usize) -> Result<String, ApiError> {
    let text = text.trim();
    let refuse = |code: &'static str, detail: String| Err(ApiError::field(field, code, detail));
    if text.is_empty() {
        return refuse("required", format!("`{field}` must not be empty."));
    }
    if text.chars().count() > max {
        let detail = format!("`{field}` has at most {max} characters.");
        return refuse("too_long", detail);
    }
    if text.chars().any(char::is_control) {
        let detail = format!("`{field}` must not have control characters.");
        return refuse("invalid", detail);
    }
    Ok(text.to_owned())
}

/// Characters of instructions to a model.
const MAX_INSTRUCTIONS: usize = 8_000;

/// Instructions to a model: any text of 1 to 8,000 characters, white space
/// around it removed.
pub(crate) fn instructions(field: &'static str, text: &str) -> Result<String, ApiError> {
    let text = text.trim();
    if text.is_empty() {
        let detail = format!("`{field}` must not be empty; `null` takes it away.");
        return Err(ApiError::field(field, "required", detail));
    }
    if text.chars().count() > MAX_INSTRUCTIONS {
        let detail = format!("`{field}` has at most {MAX_INSTRUCTIONS} characters.");
        return Err(ApiError::field(field, "too_long", detail));
    }
    Ok(text.to_owned())
}

/// How much a model thinks.
pub(crate) fn thinking(level: String) -> Result<String, ApiError> {
    match level.as_str() {
        "off" | "low" | "medium" | "high" => Ok(level),
        _ => {
            let detail = "`thinking` is `off`, `low`, `medium` or `high`.";
            Err(ApiError::field("thinking", "invalid", detail))
        }
    }
}

/// A temperature.
pub(crate) fn temperature(degrees: f64) -> Result<f64, ApiError> {
    if (0.0..=2.0).contains(&degrees) {
        return Ok(degrees);
    }
    let detail = "`temperature` is a number from 0 to 2.";
    Err(ApiError::field("temperature", "invalid", detail))
}

/// A change of a field that may be empty, if what it becomes holds.
pub(crate) fn set<T, U>(
    change: Change<T>,
    check: impl FnOnce(T) -> Result<U, ApiError>,
) -> Result<Set<U>, ApiError> {
    Ok(match change.try_map(check)? {
        Change::Unsaid => Set::Keep,
        Change::Cleared => Set::Clear,
        Change::To(value) => Set::To(value),
    })
}

/// Names of models at most, in one list.
const MAX_MODELS: usize = 200;

/// A list of models' names, in order and each once.
pub(crate) fn models(field: &'static str, names: &[String]) -> Result<Vec<String>, ApiError> {
    if names.is_empty() || names.len() > MAX_MODELS {
        let detail = format!("`{field}` has 1 to {MAX_MODELS} names.");
        return Err(ApiError::field(field, "invalid", detail));
    }
    let names = names.iter().map(|name| line(field, name, 200));
    let names: BTreeSet<String> = names.collect::<Result<_, _>>()?;
    Ok(names.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_could_be_ones_are_taken() {
        for (text, good) in [
            ("a@b", true),
            ("  Kim@Example.COM ", true),
            ("한글@도메인.한국", true),
            ("a+b.c@sub.example.com", true),
            ("", false),
            ("a", false),
            ("@b", false),
            ("a@", false),
            ("a@b@c", false),
            ("a b@c", false),
            ("a\0@c", false),
            ("a@.b", false),
            (&format!("{}@b", "a".repeat(65)), false),
        ] {
            assert_eq!(parse_email(text).is_some(), good, "{text:?}");
        }
    }

    #[test]
    fn models_are_named_once_and_never_not_at_all() {
        let names = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
            models("allowed_models", &names)
        };
        assert_eq!(names(&["b", " a", "b"]).expect("good"), ["a", "b"]);
        assert!(names(&[]).is_err() && names(&["a", ""]).is_err());
        assert!(names(&["a"; 201]).is_err());
    }

    #[test]
    fn lines_are_trimmed_and_bounded() {
        assert_eq!(line("title", " 제목 ", 2).expect("good"), "제목");
        for text in ["", "  ", "abc", "a\nb", "\0"] {
            assert!(line("title", text, 2).is_err(), "{text:?}");
        }
    }
}
