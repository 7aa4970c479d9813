//! Tool calls out of the fragments in which they are streamed.

use openmake_types::ToolCall;
use serde::Deserialize;
use serde_json::Value;

use crate::{ModelError, wire::MAX_TOOL_CALLS};

/// A piece of a call.
#[derive(Deserialize)]
pub(super) struct Fragment {
    #[serde(default)]
    index: Option<u64>,
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    function: Option<FunctionFragment>,
}

#[derive(Deserialize)]
struct FunctionFragment {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    arguments: Option<Value>,
}

#[derive(Debug)]
struct Open {
    index: Option<u64>,
    id: String,
    name: String,
    arguments: String,
}

/// The calls of one answer, as far as they have come.
#[derive(Debug, Default)]
pub(super) struct Calls(Vec<Open>);

impl Calls {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a fragment to the call that it belongs to.
    ///
    /// That is the one with its index; some servers leave the index out or
    /// give every call the same one, and tell them apart by id only.
    pub(super) fn add(&mut self, fragment: Fragment) -> Result<(), ModelError> {
        let id = fragment.id.unwrap_or_default();
        let place = match fragment.index {
            Some(_) => self.0.iter().rposition(|open| open.index == fragment.index),
            None => self.0.len().checked_sub(1),
        };
        let place = place.filter(|place| {
            let known = self.0.get(*place).map_or("", |open| open.id.as_str());
            id.is_empty() || known.is_empty() || known == id
        });
        let place = match place {
            Some(place) => place,
            None if self.0.len() >= MAX_TOOL_CALLS => {
                return Err(ModelError::protocol(
                    "the model asks for more than 128 tools at once",
                ));
            }
            None => {
                self.0.push(Open {
                    index: fragment.index,
                    id: String::new(),
                    name: String::new(),
                    arguments: String::new(),
                });
                self.0.len() - 1
            }
        };
        let Some(open) = self.0.get_mut(place) else {
            return Ok(());
        };
        if open.id.is_empty() {
            open.id = id;
        }
        let Some(function) = fragment.function else {
            return Ok(());
        };
        // A name comes whole; servers that repeat it do not mean it doubled.
        if let Some(name) = function.name.filter(|name| !name.is_empty()) {
            open.name = name;
        }
        match function.arguments {
            None | Some(Value::Null) => {}
            Some(Value::String(text)) => open.arguments.push_str(&text),
            Some(other) => open.arguments.push_str(&other.to_string()),
        }
        Ok(())
    }

    /// The finished calls, in the order in which they began. Those without an
    /// id get one that begins with `prefix`.
    pub(super) fn finish(&mut self, prefix: &str) -> Vec<ToolCall> {
        std::mem::take(&mut self.0)
            .into_iter()
            .filter(|open| !open.name.is_empty())
            .enumerate()
            .map(|(index, open)| ToolCall {
                id: if open.id.is_empty() {
                    format!("{prefix}{index}")
                } else {
                    open.id
                },
                name: open.name,
                arguments: if open.arguments.trim().is_empty() {
                    "{}".to_owned()
                } else {
                    open.arguments
                },
            })
            .collect()
    }
}
