//! Taking a row apart, column by column. What does not fit is made to fit,
//! noted, and kept as it was in the row's metadata.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};

use super::cell::{Cell, Row, instant};
use crate::report::{Class, Note};

/// A row that is being taken apart.
#[derive(Debug)]
pub(crate) struct Fields {
    row: Row,
    /// The row's id, for notes.
    pub(crate) label: String,
    /// The same as bytes, for ids of ours.
    pub(crate) key: Vec<u8>,
    pub(crate) notes: Vec<Note>,
    kept: Map<String, Value>,
    /// Columns that nobody asked for and that held something.
    pub(crate) extra: Vec<String>,
}

/// What a text may be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limit(pub(crate) usize);

impl Fields {
    /// Of a row that is known by `id`.
    pub(crate) fn new(row: Row, id: &str) -> Self {
        let key = row.key(id);
        let label: String = String::from_utf8_lossy(&key)
            .replace('\0', "\u{fffd}")
            .chars()
            .take(200)
            .collect();
        let mut fields = Self {
            row,
            label,
            key,
            notes: Vec::new(),
            kept: Map::new(),
            extra: Vec::new(),
        };
        // An id that is not text is told as it was.
        if let Cell::Bytes(bytes) = fields.take(id) {
            fields.keep(id, &Cell::Bytes(bytes));
        }
        fields
    }

    /// Notes something about the row.
    pub(crate) fn note(&mut self, what: Class, why: impl Into<String>) {
        self.notes.push(Note {
            id: self.label.clone(),
            what,
            why: why.into(),
        });
    }

    /// Keeps what a column held.
    pub(crate) fn keep(&mut self, column: &str, cell: &Cell) {
        self.kept.insert(column.to_owned(), cell.to_json());
    }

    /// Takes a column's cell out.
    pub(crate) fn take(&mut self, column: &str) -> Cell {
        let place = self.row.columns.iter().position(|name| name == column);
        place
            .and_then(|place| self.row.cells.get_mut(place))
            .map(std::mem::take)
            .unwrap_or_default()
    }

    /// The bytes of a reference to another row.
    pub(crate) fn reference(&mut self, column: &str) -> Option<Vec<u8>> {
        self.take(column).key().filter(|key| !key.is_empty())
    }

    /// Text of any length.
    pub(crate) fn text(&mut self, column: &str) -> Option<String> {
        let cell = self.take(column);
        let text = match &cell {
            Cell::Null => return None,
            Cell::Text(text) if !text.contains('\0') => {
                let Cell::Text(text) = cell else { return None };
                return Some(text);
            }
            Cell::Text(_) | Cell::Bytes(_) => {
                let text = cell.to_text().replace('\0', "\u{fffd}");
                if text.as_bytes() != cell.key().unwrap_or_default() {
                    self.note(
                        Class::TextInvalid,
                        format!("`{column}` had NUL characters or was not UTF-8"),
                    );
                    self.keep(column, &cell);
                }
                text
            }
            other => other.to_text(),
        };
        Some(text)
    }

    /// Text that must be there: empty where it is not.
    pub(crate) fn required(&mut self, column: &str) -> String {
        self.text(column).unwrap_or_else(|| {
            self.note(Class::ValueMissing, format!("`{column}` was not there"));
            String::new()
        })
    }

    /// Text up to a length; what is longer is kept whole.
    pub(crate) fn short(&mut self, column: &str, limit: Limit) -> Option<String> {
        let text = self.text(column)?;
        Some(self.shortened(column, text, limit))
    }

    /// Cuts a text.
    pub(crate) fn shortened(&mut self, column: &str, text: String, limit: Limit) -> String {
        if text.len() <= limit.0 || text.chars().count() <= limit.0 {
            return text;
        }
        self.note(
            Class::TextShortened,
            format!("`{column}` was longer than {} characters", limit.0),
        );
        let cut = text.chars().take(limit.0).collect();
        self.keep(column, &Cell::Text(text));
        cut
    }

    /// The same of text that has at least one character.
    pub(crate) fn named(&mut self, column: &str, limit: Limit, otherwise: &str) -> String {
        match self.short(column, limit) {
            Some(text) if !text.trim().is_empty() => text,
            _ => {
                self.note(Class::ValueMissing, format!("`{column}` was empty"));
                otherwise.to_owned()
            }
        }
    }

    /// The same, where nothing is no fault.
    pub(crate) fn named_or(&mut self, column: &str, limit: Limit, otherwise: &str) -> String {
        match self.short(column, limit) {
            Some(text) if !text.is_empty() => text,
            _ => otherwise.to_owned(),
        }
    }

    /// A whole number within bounds; None where it is none or out of them.
    pub(crate) fn int(&mut self, column: &str, least: i64, most: i64) -> Option<i64> {
        let cell = self.take(column);
        let number = match &cell {
            Cell::Null => return None,
            Cell::Int(number) => Some(*number),
            Cell::Bool(flag) => Some(i64::from(*flag)),
            Cell::Real(number) if number.fract() == 0.0 && number.abs() < 9e15 => {
                #[expect(clippy::cast_possible_truncation, reason = "far inside of i64")]
                let whole = *number as i64;
                Some(whole)
            }
            Cell::Text(text) if text.trim().is_empty() => return None,
            other => other.to_text().trim().parse().ok(),
        };
        let within = number.filter(|number| (least..=most).contains(number));
        if within.is_none() {
            self.out_of_range(column, &cell);
        }
        within
    }

    /// A count: nothing is none.
    pub(crate) fn count(&mut self, column: &str) -> i64 {
        self.int(column, 0, i64::MAX).unwrap_or_default()
    }

    /// A number within bounds.
    pub(crate) fn real(&mut self, column: &str, least: f64, most: f64) -> Option<f64> {
        let cell = self.take(column);
        let number = match &cell {
            Cell::Null => return None,
            Cell::Real(number) => Some(*number),
            Cell::Text(text) if text.trim().is_empty() => return None,
            other => other.to_text().trim().parse().ok(),
        };
        let within = number.filter(|number| (least..=most).contains(number));
        if within.is_none() {
            self.out_of_range(column, &cell);
        }
        within
    }

    fn out_of_range(&mut self, column: &str, cell: &Cell) {
        self.note(
            Class::NumberOutOfRange,
            format!("`{column}` is not a number that it may be"),
        );
        self.keep(column, cell);
    }

    /// Yes or no.
    pub(crate) fn flag(&mut self, column: &str) -> Option<bool> {
        let cell = self.take(column);
        let flag = match &cell {
            Cell::Null => return None,
            Cell::Bool(flag) => Some(*flag),
            Cell::Int(number) => Some(*number != 0),
            other => match other.to_text().trim().to_ascii_lowercase().as_str() {
                "1" | "true" | "t" | "yes" => Some(true),
                "0" | "false" | "f" | "no" => Some(false),
                _ => None,
            },
        };
        if flag.is_none() {
            self.note(
                Class::ValueUnknown,
                format!("`{column}` is neither yes nor no"),
            );
            self.keep(column, &cell);
        }
        flag
    }

    /// A time.
    pub(crate) fn time(&mut self, column: &str) -> Option<DateTime<Utc>> {
        let cell = self.take(column);
        if cell == Cell::Null || matches!(&cell, Cell::Text(text) if text.is_empty()) {
            return None;
        }
        let at = instant(&cell);
        if at.is_none() {
            self.note(Class::TimeUnreadable, format!("`{column}` is not a time"));
            self.keep(column, &cell);
        }
        at
    }

    /// Two times that every row has: each stands in for the other, and the
    /// beginning of 1970 for both.
    pub(crate) fn times(&mut self) -> (DateTime<Utc>, DateTime<Utc>) {
        let created = self.time("created_at");
        let updated = self.time("updated_at");
        if created.is_none() && updated.is_none() {
            self.missing_time("created_at");
        }
        let first = created.or(updated).unwrap_or(DateTime::UNIX_EPOCH);
        (first, updated.unwrap_or(first))
    }

    /// A time that every row has; the beginning of 1970 where it is unknown.
    pub(crate) fn moment(&mut self, column: &str) -> DateTime<Utc> {
        self.time(column).unwrap_or_else(|| {
            self.missing_time(column);
            DateTime::UNIX_EPOCH
        })
    }

    fn missing_time(&mut self, column: &str) {
        self.note(
            Class::ValueMissing,
            format!("`{column}` was not there; it is 1970-01-01 now"),
        );
    }

    /// JSON; what does not parse is kept as text.
    pub(crate) fn json(&mut self, column: &str) -> Option<Value> {
        let cell = self.take(column);
        let parsed = match &cell {
            Cell::Null => return None,
            Cell::Json(value) => Some(value.clone()),
            Cell::Text(text) if text.trim().is_empty() => return None,
            Cell::Text(text) => serde_json::from_str(text).ok(),
            Cell::Bytes(_) => None,
            other => Some(other.to_json()),
        };
        if parsed.is_none() {
            self.note(
                Class::JsonInvalid,
                format!("`{column}` is not JSON, and is kept as text"),
            );
            self.keep(column, &cell);
        }
        parsed.map(without_nul)
    }

    /// A JSON array; anything else becomes its only element.
    pub(crate) fn list(&mut self, column: &str) -> Value {
        match self.json(column) {
            None | Some(Value::Null) => json!([]),
            Some(Value::Array(items)) => Value::Array(items),
            Some(other) => {
                self.note(
                    Class::ValueUnknown,
                    format!("`{column}` was no list; it has this one element now"),
                );
                json!([other])
            }
        }
    }

    /// A JSON object; anything else becomes its field `value`.
    pub(crate) fn object(&mut self, column: &str) -> Map<String, Value> {
        match self.json(column) {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(fields)) => fields,
            Some(other) => Map::from_iter([("value".to_owned(), other)]),
        }
    }

    /// One of a list of words; `otherwise` where it is none of them.
    pub(crate) fn choice(
        &mut self,
        column: &str,
        words: &[&'static str],
        otherwise: &'static str,
    ) -> &'static str {
        let cell = self.take(column);
        if cell == Cell::Null {
            return otherwise;
        }
        let text = cell.to_text();
        if let Some(word) = words.iter().find(|word| **word == text.trim()) {
            return word;
        }
        self.note(
            Class::ValueUnknown,
            format!("`{column}` is not in the list; it is `{otherwise}` now"),
        );
        self.keep(column, &cell);
        otherwise
    }

    /// All that was kept, and the columns that nobody asked for.
    pub(crate) fn metadata(&mut self) -> Value {
        Value::Object(self.metadata_with(Map::new()))
    }

    /// The same beside what the product knows of.
    pub(crate) fn metadata_with(&mut self, mut known: Map<String, Value>) -> Map<String, Value> {
        let columns = std::sync::Arc::clone(&self.row.columns);
        for (column, cell) in columns.iter().zip(std::mem::take(&mut self.row.cells)) {
            if cell != Cell::Null {
                self.keep(column, &cell);
                self.extra.push(column.clone());
            }
        }
        if !self.kept.is_empty() {
            known.insert(
                "v1".to_owned(),
                Value::Object(std::mem::take(&mut self.kept)),
            );
        }
        known
    }
}

/// JSON that PostgreSQL takes. `\u0000` in it is rare enough to lose no word
/// about.
fn without_nul(value: Value) -> Value {
    match value {
        Value::String(text) if text.contains('\0') => text.replace('\0', "\u{fffd}").into(),
        Value::Array(items) => items.into_iter().map(without_nul).collect(),
        Value::Object(fields) => fields
            .into_iter()
            .map(|(name, value)| (name.replace('\0', "\u{fffd}"), without_nul(value)))
            .collect(),
        other => other,
    }
}
