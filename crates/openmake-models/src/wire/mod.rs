//! The formats that servers speak, as pure functions and state machines: bytes
//! in, our words out, and no I/O, so that recorded bytes can be split anywhere
//! and fed to them.

mod by_name;
mod failure;
mod lines;
pub mod ollama;
pub mod openai;
mod sse;
mod think;

use std::collections::VecDeque;

pub use failure::{Failure, read_failure};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::{ChatDelta, ModelError, Strictness, ToolSpec};

/// The longest line that a stream may have. A tool call comes in one line, and
/// may carry a whole document.
pub const MAX_LINE_BYTES: usize = 4 * 1024 * 1024;

/// The most tools that one answer may ask for.
const MAX_TOOL_CALLS: usize = 128;

/// Whether a piece of a stream carried something of the answer. Comments,
/// role announcements and empty deltas do not count: a server can send them
/// for ever while its model hangs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Nothing of the answer.
    Nothing,
    /// Something of it.
    Data,
}

/// How far a streamed answer has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// More is to come.
    Answering,
    /// The server said why it ends; the counts may still come.
    Closing,
    /// `Finish` has been decoded. What follows is of no interest.
    Ended,
}

/// Turns the body of a streamed answer into deltas, however it is cut.
pub trait ChatDecoder: Send {
    /// Takes the next bytes and appends what they complete to `deltas`. What
    /// was decoded before an error is appended before it is returned.
    fn push(
        &mut self,
        bytes: &[u8],
        deltas: &mut VecDeque<ChatDelta>,
    ) -> Result<Progress, ModelError>;

    /// Takes the end of the body. An answer that is cut off is an error.
    fn end(&mut self, deltas: &mut VecDeque<ChatDelta>) -> Result<(), ModelError>;

    /// How far the answer has come.
    fn stage(&self) -> Stage;
}

/// The end of a body before the end of its answer.
fn cut_off() -> ModelError {
    ModelError::connection("the connection was closed before the answer was complete")
}

/// A tool as both protocols describe it.
fn function_tool(tool: &ToolSpec) -> Value {
    let mut function = json!({ "name": tool.name, "description": tool.description, "parameters": tool.parameters });
    if let (Strictness::Strict, Some(fields)) = (tool.strictness, function.as_object_mut()) {
        fields.insert("strict".to_owned(), true.into());
    }
    json!({ "type": "function", "function": function })
}

/// JSON for a body. What is written here has string keys only and cannot fail;
/// should it ever, the server refuses the empty body.
fn json_bytes(body: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(body).unwrap_or_default()
}

fn parse_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, ModelError> {
    serde_json::from_slice(body)
        .map_err(|error| ModelError::protocol(format!("not the JSON that was expected: {error}")))
}
