//! Rows of a SQLite table whatever its columns are.

use std::{collections::HashSet, ops::ControlFlow};

use rusqlite::{Connection, Row as SqlRow, types::ValueRef};
use serde_json::{Map, Value};

use super::super::{ForeignError, json};

/// A row, with the names of its columns.
pub(super) struct Row<'a> {
    values: &'a SqlRow<'a>,
    names: &'a [String],
    number: u64,
}

/// The names of all tables.
pub(super) fn tables(database: &Connection) -> Result<HashSet<String>, ForeignError> {
    let mut statement = database.prepare("SELECT name FROM sqlite_master WHERE type = 'table'")?;
    let names = statement.query_map([], |row| row.get::<_, String>(0))?;
    Ok(names.collect::<Result<_, _>>()?)
}

/// How many rows a table has.
pub(super) fn count(database: &Connection, table: &'static str) -> Result<u64, ForeignError> {
    let count: i64 =
        database.query_row(&format!("SELECT count(*) FROM \"{table}\""), [], |row| {
            row.get(0)
        })?;
    Ok(u64::try_from(count).unwrap_or(0))
}

/// Each row of a table. `order` is SQL of ours.
pub(super) fn each(
    database: &Connection,
    table: &'static str,
    order: &'static str,
    take: impl FnMut(&Row<'_>) -> ControlFlow<()>,
) -> Result<ControlFlow<()>, ForeignError> {
    run(
        database,
        &format!("SELECT * FROM \"{table}\"{order}"),
        None,
        take,
    )
}

/// Each row of a table with this text in a column.
pub(super) fn each_of(
    database: &Connection,
    table: &'static str,
    column: &'static str,
    text: &str,
    take: impl FnMut(&Row<'_>) -> ControlFlow<()>,
) -> Result<ControlFlow<()>, ForeignError> {
    let sql = format!("SELECT * FROM \"{table}\" WHERE \"{column}\" = ?1 ORDER BY rowid");
    run(database, &sql, Some(text), take)
}

fn run(
    database: &Connection,
    sql: &str,
    text: Option<&str>,
    mut take: impl FnMut(&Row<'_>) -> ControlFlow<()>,
) -> Result<ControlFlow<()>, ForeignError> {
    let mut statement = database.prepare(sql)?;
    let names: Vec<String> = statement
        .column_names()
        .into_iter()
        .map(str::to_owned)
        .collect();
    let mut rows = match text {
        Some(text) => statement.query([text])?,
        None => statement.query([])?,
    };
    let mut number = 0;
    while let Some(row) = rows.next()? {
        number += 1;
        let row = Row {
            values: row,
            names: &names,
            number,
        };
        if take(&row).is_break() {
            return Ok(ControlFlow::Break(()));
        }
    }
    Ok(ControlFlow::Continue(()))
}

impl Row<'_> {
    /// Its place in the table, from 1.
    pub(super) const fn number(&self) -> u64 {
        self.number
    }

    fn raw(&self, name: &str) -> Option<ValueRef<'_>> {
        let at = self.names.iter().position(|column| column == name)?;
        self.values.get_ref(at).ok()
    }

    /// A column's text; a number as text. None for NULL and where there is no
    /// such column.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        match self.raw(name)? {
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
                Some(String::from_utf8_lossy(bytes).into_owned())
            }
            ValueRef::Integer(number) => Some(number.to_string()),
            ValueRef::Real(number) => Some(number.to_string()),
            ValueRef::Null => None,
        }
    }

    /// Whether a column says yes.
    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        match self.raw(name)? {
            ValueRef::Integer(number) => Some(number != 0),
            ValueRef::Real(number) => Some(number != 0.0),
            ValueRef::Text(bytes) => Some(matches!(bytes, b"1" | b"true" | b"True")),
            ValueRef::Blob(_) | ValueRef::Null => None,
        }
    }

    /// A column as JSON: text that is an object or an array is parsed.
    pub(super) fn value(&self, name: &str) -> Option<Value> {
        Some(value(self.raw(name)?))
    }

    /// Bytes of a column.
    pub(super) fn length(&self, name: &str) -> usize {
        self.raw(name).map_or(0, length)
    }

    /// Bytes of all columns.
    pub(super) fn size(&self) -> usize {
        (0..self.names.len())
            .filter_map(|at| self.values.get_ref(at).ok())
            .map(length)
            .fold(0, usize::saturating_add)
    }

    /// All columns as an object.
    pub(super) fn all(&self) -> Value {
        let fields = self.names.iter().enumerate().filter_map(|(at, name)| {
            let found = self.values.get_ref(at).ok()?;
            Some((name.clone(), value(found)))
        });
        Value::Object(fields.collect::<Map<_, _>>())
    }
}

fn length(value: ValueRef<'_>) -> usize {
    match value {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes.len(),
        ValueRef::Integer(_) | ValueRef::Real(_) | ValueRef::Null => 8,
    }
}

fn value(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => number.into(),
        ValueRef::Real(number) => number.into(),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
            let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
            if matches!(first, Some(b'{' | b'[' | b'"'))
                && let Ok((value, _)) = json::parse(bytes)
            {
                return value;
            }
            if bytes == b"null" {
                return Value::Null;
            }
            String::from_utf8_lossy(bytes).into()
        }
    }
}
