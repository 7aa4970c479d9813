//! A row of the source, with whatever is in its columns.

use std::sync::Arc;

use chrono::{DateTime, Datelike as _, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use serde_json::{Map, Number, Value};

/// What a column holds. SQLite lets any column hold anything.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) enum Cell {
    #[default]
    Null,
    Int(i64),
    Real(f64),
    Bool(bool),
    Text(String),
    /// A BLOB, or text that is not UTF-8.
    Bytes(Vec<u8>),
    Json(Value),
}

/// A row.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) columns: Arc<[String]>,
    pub(crate) cells: Vec<Cell>,
    /// Its place in the table, where it has no id.
    pub(crate) place: u64,
}

impl Cell {
    /// The bytes by which a row is known.
    pub(crate) fn key(&self) -> Option<Vec<u8>> {
        match self {
            Self::Null => None,
            Self::Text(text) => Some(text.clone().into_bytes()),
            Self::Bytes(bytes) => Some(bytes.clone()),
            other => Some(other.to_text().into_bytes()),
        }
    }

    /// As text, whatever it is.
    pub(crate) fn to_text(&self) -> String {
        match self {
            Self::Null => String::new(),
            Self::Int(number) => number.to_string(),
            Self::Real(number) => number.to_string(),
            Self::Bool(flag) => flag.to_string(),
            Self::Text(text) => text.clone(),
            Self::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            Self::Json(value) => value.to_string(),
        }
    }

    /// As JSON that loses nothing that JSON can say: bytes that are no text
    /// are written in hexadecimal.
    pub(crate) fn to_json(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Int(number) => Value::from(*number),
            Self::Real(number) => {
                Number::from_f64(*number).map_or_else(|| number.to_string().into(), Value::Number)
            }
            Self::Bool(flag) => Value::Bool(*flag),
            Self::Text(text) if text.contains('\0') => hexadecimal(text.as_bytes()),
            Self::Text(text) => Value::String(text.clone()),
            Self::Bytes(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) if !text.contains('\0') => Value::String(text.to_owned()),
                _ => hexadecimal(bytes),
            },
            Self::Json(value) => value.clone(),
        }
    }
}

fn hexadecimal(bytes: &[u8]) -> Value {
    serde_json::json!({ "hex": hex::encode(bytes) })
}

impl Row {
    /// The cell of a column, if the table has it.
    pub(crate) fn get(&self, column: &str) -> Option<&Cell> {
        let place = self.columns.iter().position(|name| name == column)?;
        self.cells.get(place)
    }

    /// The bytes by which the row is known: its id, or its place.
    pub(crate) fn key(&self, column: &str) -> Vec<u8> {
        self.get(column)
            .and_then(Cell::key)
            .unwrap_or_else(|| format!("row {}", self.place).into_bytes())
    }

    /// What it takes in memory, about.
    pub(crate) fn size(&self) -> usize {
        let content = |cell: &Cell| match cell {
            Cell::Text(text) => text.len(),
            Cell::Bytes(bytes) => bytes.len(),
            _ => 0,
        };
        self.cells.iter().map(|cell| 32 + content(cell)).sum()
    }

    /// All of it as JSON; columns that hold secrets only say that they did.
    pub(crate) fn to_json(&self, secrets: &[&str]) -> Value {
        let mut fields = Map::new();
        for (name, cell) in self.columns.iter().zip(&self.cells) {
            let is_secret = secrets.contains(&&**name) && *cell != Cell::Null;
            let value = if is_secret {
                Value::String("left out: a secret".to_owned())
            } else {
                cell.to_json()
            };
            fields.insert(name.clone(), value);
        }
        Value::Object(fields)
    }
}

/// Milliseconds rather than seconds, from here on: the year 5138 in seconds.
const MILLISECONDS_FROM: i64 = 100_000_000_000;

/// A time in any of the ways that the predecessor wrote it: naive text in UTC,
/// ISO 8601 with a zone, or a number of seconds or milliseconds. PostgreSQL and
/// everybody else takes the years 1 to 9999.
pub(crate) fn instant(cell: &Cell) -> Option<DateTime<Utc>> {
    let at = match cell {
        Cell::Int(number) => from_number(*number),
        Cell::Real(number) if number.is_finite() && number.abs() < 1e15 => {
            #[expect(clippy::cast_possible_truncation, reason = "far inside of i64")]
            let whole = number.round() as i64;
            from_number(whole)
        }
        Cell::Text(text) | Cell::Json(Value::String(text)) => from_text(text.trim()),
        _ => None,
    }?;
    (1..=9999).contains(&at.year()).then_some(at)
}

fn from_number(number: i64) -> Option<DateTime<Utc>> {
    if number.abs() >= MILLISECONDS_FROM {
        DateTime::from_timestamp_millis(number)
    } else {
        DateTime::from_timestamp(number, 0)
    }
}

fn from_text(text: &str) -> Option<DateTime<Utc>> {
    let bare = text.strip_suffix('Z').unwrap_or(text);
    // The most frequent first.
    for naive in [
        "%Y-%m-%d %H:%M:%S%.f",
        "%Y-%m-%dT%H:%M:%S%.f",
        "%Y-%m-%d %H:%M",
    ] {
        if let Ok(at) = NaiveDateTime::parse_from_str(bare, naive) {
            return micros(at.and_utc());
        }
    }
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return micros(at.with_timezone(&Utc));
    }
    for zoned in ["%Y-%m-%d %H:%M:%S%.f%#z", "%Y-%m-%dT%H:%M:%S%.f%#z"] {
        if let Ok(at) = DateTime::parse_from_str(text, zoned) {
            return micros(at.with_timezone(&Utc));
        }
    }
    let day = NaiveDate::parse_from_str(bare, "%Y-%m-%d").ok()?;
    Some(day.and_time(NaiveTime::MIN).and_utc())
}

/// What PostgreSQL keeps of it.
fn micros(at: DateTime<Utc>) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_micros(at.timestamp_micros())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_every_format_are_read() {
        let want = "2024-03-01T10:20:30Z";
        for text in [
            "2024-03-01 10:20:30",
            "2024-03-01T10:20:30Z",
            "2024-03-01T10:20:30.000Z",
            "2024-03-01T19:20:30+09:00",
            "2024-03-01 10:20:30+00",
            " 2024-03-01T10:20:30 ",
        ] {
            let read = instant(&Cell::Text(text.to_owned())).expect(text);
            assert_eq!(
                read,
                want.parse::<DateTime<Utc>>().expect("a time"),
                "{text}"
            );
        }
        for number in [1_709_288_430, 1_709_288_430_000] {
            let read = instant(&Cell::Int(number)).expect("read");
            assert_eq!(read, want.parse::<DateTime<Utc>>().expect("a time"));
        }
        for wrong in [
            "",
            "yesterday",
            "2024-13-01 00:00:00",
            "+20000-01-01T00:00:00Z",
        ] {
            assert_eq!(instant(&Cell::Text(wrong.to_owned())), None, "{wrong}");
        }
        assert_eq!(instant(&Cell::Int(i64::MAX)), None);
        assert_eq!(instant(&Cell::Null), None);
    }

    #[test]
    fn what_is_no_text_is_kept_in_hexadecimal() {
        let bytes = Cell::Bytes(vec![0xff, 0]);
        assert_eq!(bytes.to_json(), serde_json::json!({"hex": "ff00"}));
        assert_eq!(Cell::Bytes(b"ok".to_vec()).to_json(), "ok");
    }
}
