//! Texts and times that others wrote.

use chrono::{DateTime, Duration, NaiveDateTime, Utc};
use serde_json::Value;

/// Text that can be stored, and whether it had to be changed for that.
pub(super) fn clean(text: &str) -> (String, bool) {
    if text.contains('\0') {
        (text.replace('\0', "\u{fffd}"), true)
    } else {
        (text.to_owned(), false)
    }
}

/// At most `max` characters on one line, and whether something is missing.
pub(super) fn shortened(text: &str, max: usize) -> (String, bool) {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let (line, _) = clean(&line);
    if line.chars().count() <= max {
        return (line, false);
    }
    let mut cut: String = line.chars().take(max.saturating_sub(1)).collect();
    cut.push('…');
    (cut, true)
}

/// The products began later than this.
const EARLIEST: DateTime<Utc> = match DateTime::from_timestamp(1_262_304_000, 0) {
    Some(time) => time,
    None => DateTime::UNIX_EPOCH,
};

/// A time in any of the forms that the products use, unless it is absurd:
/// seconds, milliseconds, microseconds or nanoseconds since 1970, RFC 3339,
/// and dates without a zone, which are UTC.
pub(super) fn time(value: Option<&Value>, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let time = match value? {
        Value::Number(number) => from_number(number.as_f64()?)?,
        Value::String(text) => from_text(text.trim())?,
        _ => return None,
    };
    let latest = now.checked_add_signed(Duration::days(1))?;
    (EARLIEST..=latest).contains(&time).then_some(time)
}

fn from_number(number: f64) -> Option<DateTime<Utc>> {
    let seconds = match number.abs() {
        size if size < 1e11 => number,
        size if size < 1e14 => number / 1e3,
        size if size < 1e17 => number / 1e6,
        _ => number / 1e9,
    };
    if !(0.0..1e11).contains(&seconds) {
        return None;
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "microseconds of a number below 1e11 fit"
    )]
    let micros = (seconds * 1e6).round() as i64;
    DateTime::from_timestamp_micros(micros)
}

fn from_text(text: &str) -> Option<DateTime<Utc>> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(time.to_utc());
    }
    if let Ok(number) = text.parse() {
        return from_number(number);
    }
    ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f"]
        .iter()
        .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())
        .map(|time| time.and_utc())
}

/// Text in a fence that it cannot end.
pub(super) fn fenced(language: &str, text: &str) -> String {
    let longest = text
        .split(|character| character != '`')
        .map(str::len)
        .max()
        .unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    let word: String = language
        .chars()
        .take_while(|character| character.is_ascii_alphanumeric() || "+-#_.".contains(*character))
        .take(30)
        .collect();
    let end = if text.ends_with('\n') { "" } else { "\n" };
    format!("{fence}{word}\n{text}{end}{fence}")
}

/// A file that is not carried, as a line of the message that it was sent with.
pub(super) fn file_line(name: &str) -> String {
    let (name, _) = shortened(name, 200);
    format!("📎 `{}`", name.replace('`', "'"))
}

/// `more` after `text`, as a paragraph of its own.
pub(super) fn append(text: &mut String, more: &str) {
    let more = more.trim_end();
    if more.trim().is_empty() {
        return;
    }
    if !text.is_empty() {
        text.push_str("\n\n");
    }
    text.push_str(more);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn times_of_every_form_are_one_instant() {
        let now = DateTime::from_timestamp(1_790_000_000, 0).expect("a time");
        let wanted = DateTime::from_timestamp(1_700_000_000, 0);
        for form in [
            json!(1_700_000_000),
            json!(1_700_000_000.0),
            json!(1_700_000_000_000_i64),
            json!(1_700_000_000_000_000_i64),
            json!(1_700_000_000_000_000_000_i64),
            json!("2023-11-14T22:13:20Z"),
            json!("2023-11-14T23:13:20+01:00"),
            json!("2023-11-14 22:13:20"),
            json!("1700000000"),
        ] {
            assert_eq!(time(Some(&form), now), wanted, "{form}");
        }
        for absurd in [
            json!(0),
            json!(-5),
            json!(1e300),
            json!("now"),
            json!(null),
            json!(4e9),
        ] {
            assert_eq!(time(Some(&absurd), now), None, "{absurd}");
        }
    }

    #[test]
    fn a_fence_is_longer_than_what_is_in_it() {
        assert_eq!(fenced("py thon", "a"), "```py\na\n```");
        assert_eq!(fenced("", "````\n"), "`````\n````\n`````");
    }

    #[test]
    fn titles_are_one_short_line() {
        assert_eq!(shortened(" a\n b\0 ", 9), ("a b\u{fffd}".to_owned(), false));
        assert_eq!(shortened("글글글글", 3), ("글글…".to_owned(), true));
    }
}
