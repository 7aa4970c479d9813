//! An event as subscribers get it, written once for all of them.

use std::sync::Arc;

use openmake_types::TurnId;
use serde_json::{Map, Value};

/// The types that end a turn.
const TERMINAL: [&str; 4] = [
    "turn.completed",
    "turn.failed",
    "turn.cancelled",
    "turn.interrupted",
];

/// An event on its way out. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Frame(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    seq: u64,
    name: String,
    json: String,
}

impl Frame {
    /// From an event as the log keeps it: all of it except number and turn.
    pub(crate) fn new(turn: TurnId, seq: u64, data: Value) -> Self {
        let mut object = match data {
            Value::Object(object) => object,
            _ => Map::new(),
        };
        let name = object
            .get("type")
            .and_then(Value::as_str)
            .unwrap_or("unknown")
            .to_owned();
        object.insert("seq".to_owned(), seq.into());
        object.insert("turn_id".to_owned(), turn.to_string().into());
        Self(Arc::new(Inner {
            seq,
            name,
            json: Value::Object(object).to_string(),
        }))
    }

    pub(crate) fn seq(&self) -> u64 {
        self.0.seq
    }

    pub(crate) fn name(&self) -> &str {
        &self.0.name
    }

    pub(crate) fn json(&self) -> &str {
        &self.0.json
    }

    pub(crate) fn is_terminal(&self) -> bool {
        TERMINAL.contains(&self.name())
    }
}
