//! Rows as `COPY` writes them, and checksums of what they say.
//!
//! A checksum is taken of what goes in and again of what comes out. Most types
//! are written here exactly as PostgreSQL writes them; JSON and floating point
//! numbers are brought to one form on both sides first.

use std::{borrow::Cow, collections::BTreeMap, fmt::Write as _};

use chrono::{DateTime, Datelike as _, NaiveDate, Timelike as _, Utc};
use serde_json::{Value, value::RawValue};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::records::Record;

/// How two texts of a column are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// As they are.
    Plain,
    /// As JSON: the order of names and the writing of numbers do not count.
    Json,
    /// As numbers.
    Float,
}

/// A value that a column holds.
pub trait Field {
    /// How it is compared.
    const KIND: Kind;

    /// Writes it as PostgreSQL would; false for NULL.
    fn render(&self, out: &mut String) -> bool;
}

impl<T: Field> Field for Option<T> {
    const KIND: Kind = T::KIND;

    fn render(&self, out: &mut String) -> bool {
        self.as_ref().is_some_and(|value| value.render(out))
    }
}

/// A type whose `Display` is what PostgreSQL writes.
macro_rules! displayed {
    ($($type:ty),+) => {$(
        impl Field for $type {
            const KIND: Kind = Kind::Plain;

            fn render(&self, out: &mut String) -> bool {
                write!(out, "{self}").is_ok()
            }
        }
    )+};
}

displayed!(i32, i64, Uuid, NaiveDate);

impl Field for String {
    const KIND: Kind = Kind::Plain;

    fn render(&self, out: &mut String) -> bool {
        // PostgreSQL has no place for U+0000; whoever makes rows says so before.
        if self.contains('\0') {
            out.push_str(&self.replace('\0', "\u{fffd}"));
        } else {
            out.push_str(self);
        }
        true
    }
}

impl Field for &'static str {
    const KIND: Kind = Kind::Plain;

    fn render(&self, out: &mut String) -> bool {
        out.push_str(self);
        true
    }
}

impl Field for bool {
    const KIND: Kind = Kind::Plain;

    fn render(&self, out: &mut String) -> bool {
        out.push(if *self { 't' } else { 'f' });
        true
    }
}

impl Field for f64 {
    const KIND: Kind = Kind::Float;

    fn render(&self, out: &mut String) -> bool {
        self.is_finite() && write!(out, "{self:e}").is_ok()
    }
}

impl Field for DateTime<Utc> {
    const KIND: Kind = Kind::Plain;

    fn render(&self, out: &mut String) -> bool {
        let micros = self.timestamp_subsec_micros().min(999_999);
        let (day, time) = (self.date_naive(), self.time());
        let _ = write!(
            out,
            "{:04}-{:02}-{:02} {:02}:{:02}:{:02}",
            day.year(),
            day.month(),
            day.day(),
            time.hour(),
            time.minute(),
            time.second()
        );
        if micros > 0 {
            let _ = write!(out, ".{micros:06}");
            out.truncate(out.trim_end_matches('0').len());
        }
        out.push_str("+00");
        true
    }
}

impl Field for Value {
    const KIND: Kind = Kind::Json;

    fn render(&self, out: &mut String) -> bool {
        out.push_str(&crate::text::storable_json(self).to_string());
        true
    }
}

impl Field for Vec<u8> {
    const KIND: Kind = Kind::Plain;

    fn render(&self, out: &mut String) -> bool {
        out.push_str("\\x");
        out.push_str(&hex::encode(self));
        true
    }
}

/// Rows on their way into `COPY`.
#[derive(Debug, Default)]
pub struct Lines {
    bytes: Vec<u8>,
    /// Where each row ends.
    ends: Vec<usize>,
    sums: Vec<i64>,
    sum: Checksum,
    scratch: String,
}

impl Lines {
    /// Adds a column's value to the row; `compared` unless the product itself
    /// may change it while the import goes on.
    pub(super) fn field<T: Field>(&mut self, value: &T, compared: Compared) {
        self.scratch.clear();
        let written = value.render(&mut self.scratch);
        if compared == Compared::Yes {
            let text = written.then_some(self.scratch.as_str());
            self.sum.add(T::KIND, text);
        }
        if written {
            escape(&self.scratch, &mut self.bytes);
        } else {
            self.bytes.extend_from_slice(b"\\N");
        }
        self.bytes.push(b'\t');
    }

    /// Adds a row.
    pub fn push<R: Record>(&mut self, row: &R) {
        row.write(self);
        if let Some(last) = self.bytes.last_mut() {
            *last = b'\n';
        }
        self.ends.push(self.bytes.len());
        self.sums.push(std::mem::take(&mut self.sum).finish());
    }

    /// The rows' checksums.
    pub(super) fn sums(&self) -> &[i64] {
        &self.sums
    }

    /// Some of the rows, by their numbers.
    pub(super) fn of(&self, rows: &[usize]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for &row in rows {
            let start = row.checked_sub(1).and_then(|row| self.ends.get(row));
            let end = self.ends.get(row).copied().unwrap_or_default();
            bytes.extend_from_slice(
                self.bytes
                    .get(start.copied().unwrap_or_default()..end)
                    .unwrap_or_default(),
            );
        }
        bytes
    }
}

/// Whether a column is part of the checksum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compared {
    Yes,
    No,
}

/// The checksum of one row.
#[derive(Debug, Default)]
pub(super) struct Checksum(Sha256);

impl Checksum {
    /// Adds a column.
    pub(super) fn add(&mut self, kind: Kind, text: Option<&str>) {
        let Some(text) = text else {
            self.0.update([0]);
            return;
        };
        match kind {
            Kind::Plain => self.bytes(text),
            // What most of them say.
            Kind::Json if matches!(text, "{}" | "[]") => self.bytes(text),
            Kind::Json => {
                let mut canonical = String::with_capacity(text.len());
                if canonical_json(text, &mut canonical).is_ok() {
                    self.bytes(&canonical);
                } else {
                    self.bytes(text);
                }
            }
            Kind::Float => match text.parse::<f64>() {
                Ok(number) => self.bytes(&canonical_number(number)),
                Err(_) => self.bytes(text),
            },
        }
    }

    fn bytes(&mut self, text: &str) {
        self.0.update([1]);
        self.0.update((text.len() as u64).to_be_bytes());
        self.0.update(text);
    }

    /// The first eight bytes of the hash.
    pub(super) fn finish(self) -> i64 {
        let hash: [u8; 32] = self.0.finalize().into();
        let mut first = [0; 8];
        first.copy_from_slice(&hash[..8]);
        i64::from_be_bytes(first)
    }
}

fn canonical_number(number: f64) -> String {
    if number == 0.0 {
        "0".to_owned()
    } else {
        format!("{number:e}")
    }
}

/// Writes JSON with names in order and numbers in one form. Numbers are read by
/// Rust's own exact reading: serde's may be off by the last bit.
fn canonical_json(text: &str, out: &mut String) -> Result<(), serde_json::Error> {
    let text = text.trim();
    match text.as_bytes().first() {
        Some(b'{') => {
            let fields: BTreeMap<String, Box<RawValue>> = serde_json::from_str(text)?;
            out.push('{');
            for (name, value) in &fields {
                out.push_str(&serde_json::to_string(name)?);
                out.push(':');
                canonical_json(value.get(), out)?;
                out.push(',');
            }
            out.push('}');
        }
        Some(b'[') => {
            let items: Vec<Box<RawValue>> = serde_json::from_str(text)?;
            out.push('[');
            for item in &items {
                canonical_json(item.get(), out)?;
                out.push(',');
            }
            out.push(']');
        }
        Some(b'"') => {
            let string: String = serde_json::from_str(text)?;
            out.push_str(&serde_json::to_string(&string)?);
        }
        _ => match text.parse::<f64>() {
            Ok(number) => out.push_str(&canonical_number(number)),
            Err(_) => out.push_str(text),
        },
    }
    Ok(())
}

fn escape(text: &str, out: &mut Vec<u8>) {
    let mut rest = text.as_bytes();
    while let Some(place) = rest.iter().position(|byte| b"\\\n\r\t".contains(byte)) {
        let (plain, special) = rest.split_at(place);
        out.extend_from_slice(plain);
        out.extend_from_slice(match special.first() {
            Some(b'\n') => b"\\n",
            Some(b'\r') => b"\\r",
            Some(b'\t') => b"\\t",
            _ => b"\\\\",
        });
        rest = special.get(1..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
}

/// What a field of a line of `COPY` says; None for NULL.
pub(super) fn unescape(field: &[u8]) -> Option<Cow<'_, str>> {
    if field == b"\\N" {
        return None;
    }
    if !field.contains(&b'\\') {
        return Some(String::from_utf8_lossy(field));
    }
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field.iter();
    while let Some(&byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        bytes.push(match rest.next() {
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(b'b') => 8,
            Some(b'f') => 12,
            Some(b'v') => 11,
            Some(&other) => other,
            None => b'\\',
        });
    }
    Some(Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sum(kind: Kind, text: &str) -> i64 {
        let mut sum = Checksum::default();
        sum.add(kind, Some(text));
        sum.finish()
    }

    #[test]
    fn json_is_compared_by_what_it_says() {
        let same = |a: &str, b: &str| sum(Kind::Json, a) == sum(Kind::Json, b);
        assert!(same(
            r#"{"a":1,"b":[1e5,2.0]}"#,
            r#"{"b": [100000, 2], "a": 1.0}"#
        ));
        assert!(same("-0.0", "0"));
        assert!(!same(r#"{"a":1}"#, r#"{"a":2}"#));
        assert!(!same("[1,2]", "[2,1]"));
        assert!(!same(r#""1""#, "1"));
    }

    #[test]
    fn null_and_empty_and_where_columns_end_are_told_apart() {
        let of = |columns: &[Option<&str>]| {
            let mut sum = Checksum::default();
            for column in columns {
                sum.add(Kind::Plain, *column);
            }
            sum.finish()
        };
        assert_ne!(of(&[None]), of(&[Some("")]));
        assert_ne!(of(&[Some("a"), Some("b")]), of(&[Some("ab"), Some("")]));
    }

    #[test]
    fn what_was_escaped_comes_back() {
        let text = "a\\b\tc\nd\re\u{b}\u{8}\u{c}\u{1}\\N 글";
        let mut line = Vec::new();
        escape(text, &mut line);
        assert!(!line.contains(&b'\n') && !line.contains(&b'\t'));
        assert_eq!(unescape(&line).as_deref(), Some(text));
        assert_eq!(unescape(b"\\N"), None);
        assert_eq!(unescape(b"\\v\\b").as_deref(), Some("\u{b}\u{8}"));
    }

    #[test]
    fn values_are_written_as_postgresql_writes_them() {
        let text = |field: &dyn Fn(&mut String) -> bool| {
            let mut out = String::new();
            field(&mut out).then_some(out)
        };
        let at: DateTime<Utc> = "2024-02-29T23:59:59.120Z".parse().expect("a time");
        assert_eq!(
            text(&|out| at.render(out)).as_deref(),
            Some("2024-02-29 23:59:59.12+00")
        );
        assert_eq!(
            text(&|out| vec![0_u8, 255].render(out)).as_deref(),
            Some("\\x00ff")
        );
        assert_eq!(text(&|out| f64::NAN.render(out)), None);
        assert_eq!(text(&|out| None::<i64>.render(out)), None);
        assert_eq!(
            text(&|out| json!({"a": "\0"}).render(out)).as_deref(),
            Some("{\"a\":\"\u{fffd}\"}")
        );
    }
}
