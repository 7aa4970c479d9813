//! The files beside the predecessor's database.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde_json::{Map, Value};

use super::{
    ImportFailure,
    agents::{AgentFeedback, CustomAgents},
    cell::{Cell, Row},
    chat::{Conversations, Messages, Usage},
    run::Run,
};
use crate::report::{Class, Counted, Note};

/// What a JSON file may have: it is read whole.
const MAX_BYTES: u64 = 128 * 1024 * 1024;
/// Files of people that are listed; a tree of more is counted.
const MAX_LISTED: usize = 10_000;

/// How the files wrote what the tables' columns are called.
const NAMES: &[(&str, &str)] = &[
    ("systemPrompt", "system_prompt"),
    ("maxTokens", "max_tokens"),
    ("createdBy", "created_by"),
    ("createdAt", "created_at"),
    ("updatedAt", "updated_at"),
    ("agentId", "agent_id"),
    ("userId", "user_id"),
    ("sessionId", "session_id"),
    ("timestamp", "created_at"),
    ("avgResponseTime", "avg_response_time"),
    ("apiKeyId", "api_key_id"),
    ("responseTimeMs", "response_time_ms"),
];

impl Run<'_> {
    /// Takes the files of a directory, those that are there.
    pub(crate) async fn files(&mut self, directory: &Path) -> Result<(), ImportFailure> {
        if let Some(value) = self.json(directory, "custom-agents.json")? {
            let rows = rows(value, &["agents", "customAgents"]);
            self.rows::<CustomAgents>("custom_agents", rows).await?;
        }
        if let Some(value) = self.json(directory, "agent-feedback.json")? {
            let rows = rows(value, &["feedback", "feedbacks"]);
            self.rows::<AgentFeedback>("agent_feedback", rows).await?;
        }
        if let Some(value) = self.json(directory, "api-usage.json")? {
            self.rows::<Usage>("api_usage", usage(value)).await?;
        }
        self.history(directory).await?;
        self.left_behind(&directory.join("users"))
    }

    /// Takes the older history, where a directory has it.
    pub(crate) async fn history(&mut self, directory: &Path) -> Result<(), ImportFailure> {
        for name in ["conversations.json", "conversations.json.migrated"] {
            if let Some(value) = self.json(directory, name)? {
                let (sessions, messages) = conversations(value);
                self.rows::<Conversations>("conversation_sessions", sessions)
                    .await?;
                self.rows::<Messages>("conversation_messages", messages)
                    .await?;
            }
        }
        Ok(())
    }

    /// Reads a file and begins its part of the report; None where there is no
    /// such file or it cannot be read, which is noted.
    fn json(&mut self, directory: &Path, name: &str) -> Result<Option<Value>, ImportFailure> {
        let path = directory.join(name);
        let size = match fs::metadata(&path) {
            Ok(metadata) => metadata.len(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(ImportFailure::File { path, error }),
        };
        self.report.table(name)?;
        let value = if size > MAX_BYTES {
            None
        } else {
            let bytes = fs::read(&path).map_err(|error| ImportFailure::File { path, error })?;
            serde_json::from_slice(&bytes).ok()
        };
        if value.is_none() {
            self.report.note(&Note {
                id: name.to_owned(),
                what: Class::FileLeft,
                why: "it is not JSON, or larger than 128 MiB".to_owned(),
            })?;
        }
        Ok(value)
    }

    /// Lists people's own files, which have no place here yet.
    fn left_behind(&mut self, directory: &Path) -> Result<(), ImportFailure> {
        if !directory.is_dir() {
            return Ok(());
        }
        self.report.table("files")?;
        let mut waiting = vec![directory.to_owned()];
        let mut listed = 0;
        while let Some(next) = waiting.pop() {
            let read = |error| ImportFailure::File {
                path: next.clone(),
                error,
            };
            let mut entries: Vec<PathBuf> = fs::read_dir(&next)
                .map_err(read)?
                .map(|entry| entry.map(|entry| entry.path()))
                .collect::<io::Result<_>>()
                .map_err(read)?;
            entries.sort_unstable();
            for path in entries {
                // A link may lead out of the directory, or in circles.
                if path.is_dir() && !path.is_symlink() {
                    waiting.push(path);
                    continue;
                }
                listed += 1;
                let name = path.strip_prefix(directory).unwrap_or(&path);
                let note = Note {
                    id: name.to_string_lossy().into_owned(),
                    what: Class::FileLeft,
                    why: "files of people have no place here; it stays where it is".to_owned(),
                };
                let notes = if listed <= MAX_LISTED {
                    std::slice::from_ref(&note)
                } else {
                    &[]
                };
                self.report.row(Counted::Skipped, notes)?;
            }
        }
        Ok(())
    }
}

/// The rows in a file: an array, an object with one, or an object by id.
fn rows(value: Value, within: &[&str]) -> Vec<Row> {
    let items = match value {
        Value::Array(items) => items,
        Value::Object(mut fields) => {
            let inner = within.iter().find_map(|name| fields.remove(*name));
            match inner {
                Some(inner) => return rows(inner, &[]),
                None => fields
                    .into_iter()
                    .map(|(id, mut item)| {
                        if let Value::Object(fields) = &mut item {
                            fields.entry("id").or_insert(Value::String(id));
                        }
                        item
                    })
                    .collect(),
            }
        }
        other => vec![other],
    };
    items
        .into_iter()
        .enumerate()
        .map(|(place, item)| row(item, place))
        .collect()
}

fn row(item: Value, place: usize) -> Row {
    let fields = match item {
        Value::Object(fields) => fields,
        other => Map::from_iter([("value".to_owned(), other)]),
    };
    let (columns, cells): (Vec<String>, Vec<Cell>) = fields
        .into_iter()
        .map(|(name, value)| {
            let known = NAMES.iter().find(|(theirs, _)| *theirs == name);
            let name = known.map_or(name, |(_, ours)| (*ours).to_owned());
            (name, cell(value))
        })
        .unzip();
    Row {
        columns: columns.into(),
        cells,
        place: place as u64,
    }
}

fn cell(value: Value) -> Cell {
    match value {
        Value::Null => Cell::Null,
        Value::Bool(flag) => Cell::Bool(flag),
        Value::String(text) => Cell::Text(text),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => Cell::Int(whole),
            None => number.as_f64().map_or(Cell::Null, Cell::Real),
        },
        other => Cell::Json(other),
    }
}

/// The quota tracker's counters: days by name in an object, or a list.
fn usage(value: Value) -> Vec<Row> {
    let days = match value {
        Value::Object(mut fields) => {
            let daily = ["daily", "days", "dailyUsage", "dailyStats"]
                .iter()
                .find_map(|name| fields.remove(*name));
            daily.unwrap_or(Value::Object(fields))
        }
        other => other,
    };
    let days: Vec<Value> = match days {
        Value::Object(days) => days
            .into_iter()
            .map(|(day, counts)| {
                let mut fields = match counts {
                    Value::Object(fields) => fields,
                    other => Map::from_iter([("value".to_owned(), other)]),
                };
                fields.entry("date").or_insert(Value::String(day));
                Value::Object(fields)
            })
            .collect(),
        Value::Array(days) => days,
        other => vec![other],
    };
    days.into_iter()
        .enumerate()
        .map(|(place, day)| {
            let mut row = row(day, place);
            // Apart from the rows of the table, which have numbers.
            let day = row.get("date").map(Cell::to_text).unwrap_or_default();
            let id = Cell::Text(format!("file {day} {place}"));
            with(&mut row, "id", id);
            row
        })
        .collect()
}

/// Sets a column.
fn with(row: &mut Row, column: &str, cell: Cell) {
    if let Some(place) = row.columns.iter().position(|name| name == column) {
        if let Some(old) = row.cells.get_mut(place) {
            *old = cell;
        }
        return;
    }
    let mut columns: Vec<String> = row.columns.to_vec();
    columns.push(column.to_owned());
    row.columns = Arc::from(columns);
    row.cells.push(cell);
}

/// Conversations with their messages inside.
fn conversations(value: Value) -> (Vec<Row>, Vec<Row>) {
    let mut sessions = rows(value, &["sessions", "conversations"]);
    let mut messages = Vec::new();
    for session in &mut sessions {
        let id = session.key("id");
        let id = String::from_utf8_lossy(&id).into_owned();
        let place = session.columns.iter().position(|name| name == "messages");
        let inside = place.and_then(|place| session.cells.get_mut(place));
        let Some(Cell::Json(Value::Array(items))) = inside.map(std::mem::take) else {
            continue;
        };
        // In the order of their times, as the tables' are.
        let mut of_session: BTreeMap<(i64, usize), Row> = BTreeMap::new();
        let mut last = i64::MIN;
        for (place, item) in items.into_iter().enumerate() {
            let mut row = row(item, messages.len() + place);
            let at = row.get("created_at").and_then(super::cell::instant);
            last = at.map_or(last, |at| at.timestamp_micros());
            with(&mut row, "session_id", Cell::Text(id.clone()));
            // Such messages have no ids, or ids that begin anew in each file.
            with(&mut row, "id", Cell::Text(format!("{id} #{place}")));
            of_session.insert((last, place), row);
        }
        messages.extend(of_session.into_values());
    }
    (sessions, messages)
}
