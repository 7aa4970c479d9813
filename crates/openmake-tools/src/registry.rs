//! The tools by name, and how a call is run.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use openmake_types::{ToolCall, ToolResult};
use tokio::time::Instant;

use crate::arguments::object_from_text;
use crate::{RegistryError, Tool, ToolContext, ToolError, ToolSpec};

/// The longest argument text that is read.
pub const MAX_ARGUMENT_BYTES: usize = 256 * 1024;

/// The tools that a turn may use. Cheap to clone.
#[derive(Clone, Default)]
pub struct Registry {
    // Ordered, so that the model is told of the tools in the same order every
    // time and its server can reuse what it has cached of the prompt.
    tools: BTreeMap<String, Arc<dyn Tool>>,
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.tools.keys()).finish()
    }
}

/// A call that was run, whatever came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Execution {
    /// What the model reads.
    pub result: ToolResult,
    /// Why it failed, if it did.
    pub error: Option<ToolError>,
    /// How long it took.
    pub elapsed: Duration,
    /// How many bytes the tool said, when that was more than it may say.
    pub cut_from: Option<usize>,
}

impl Registry {
    /// A registry with no tools.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a tool.
    pub fn register(&mut self, tool: Arc<dyn Tool>) -> Result<(), RegistryError> {
        let ToolSpec {
            name, parameters, ..
        } = tool.spec();
        if !is_tool_name(name) {
            return Err(RegistryError::InvalidName(name.clone()));
        }
        if parameters.get("type").and_then(serde_json::Value::as_str) != Some("object") {
            return Err(RegistryError::InvalidParameters(name.clone()));
        }
        if self.tools.contains_key(name) {
            return Err(RegistryError::Duplicate(name.clone()));
        }
        self.tools.insert(name.clone(), tool);
        Ok(())
    }

    /// Whether there is nothing to call.
    pub fn is_empty(&self) -> bool {
        self.tools.is_empty()
    }

    /// What the model is told, by name.
    pub fn specs(&self) -> impl Iterator<Item = &ToolSpec> {
        self.tools.values().map(|tool| tool.spec())
    }

    /// The tool of this name.
    pub fn lookup(&self, name: &str) -> Option<&Arc<dyn Tool>> {
        self.tools.get(name)
    }

    /// Runs one call to its end: its output, an error, its time limit or the
    /// turn's cancellation, whichever is first.
    pub async fn execute(&self, context: &ToolContext, call: &ToolCall) -> Execution {
        let started = Instant::now();
        let (said, error, cut_from) = match self.attempt(context, call).await {
            Ok(Said { text, cut_from }) => (text, None, cut_from),
            Err(error) => (error.to_string(), Some(error), None),
        };
        Execution {
            result: ToolResult {
                call_id: call.id.clone(),
                content: said,
                is_error: error.is_some(),
            },
            error,
            elapsed: started.elapsed(),
            cut_from,
        }
    }

    async fn attempt(&self, context: &ToolContext, call: &ToolCall) -> Result<Said, ToolError> {
        let tool = self
            .lookup(&call.name)
            .ok_or_else(|| ToolError::UnknownTool {
                name: call.name.chars().take(100).collect(),
                known: self.tools.keys().cloned().collect(),
            })?;
        if call.arguments.len() > MAX_ARGUMENT_BYTES {
            return Err(ToolError::InvalidArguments(format!(
                "{} bytes are more than the {MAX_ARGUMENT_BYTES} that are read",
                call.arguments.len(),
            )));
        }
        let arguments = object_from_text(&call.arguments)?;
        let limits = tool.limits();
        // The call itself is made inside the guard too: a tool may panic
        // before it returns its future.
        let guarded =
            AssertUnwindSafe(async { tool.call(context, arguments).await }).catch_unwind();
        let output = tokio::select! {
            biased;
            () = context.cancel.cancelled() => return Err(ToolError::Cancelled),
            ended = tokio::time::timeout(limits.timeout, guarded) => match ended {
                Ok(Ok(output)) => output?,
                Ok(Err(_)) => return Err(ToolError::Panicked),
                Err(_) => return Err(ToolError::TimedOut(limits.timeout)),
            },
        };
        Ok(cut(output.text, limits.max_output_bytes))
    }
}

/// A tool's text, within its limit.
struct Said {
    text: String,
    cut_from: Option<usize>,
}

fn cut(mut text: String, limit: usize) -> Said {
    let said = text.len();
    if said <= limit {
        return Said {
            text,
            cut_from: None,
        };
    }
    let kept = text.floor_char_boundary(limit);
    text.truncate(kept);
    // Writing to a String cannot fail.
    let _ = write!(text, "\n[output cut: {kept} of {said} bytes]");
    Said {
        text,
        cut_from: Some(said),
    }
}

fn is_tool_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}
