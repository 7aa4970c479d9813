//! The trait that a tool implements, and what it says and gives.

use std::time::Duration;

use futures_util::future::BoxFuture;
use serde_json::Value;

use crate::{ToolContext, ToolError};

/// Something that a model can call.
///
/// An implementation keeps no state about a turn: what it needs to know about
/// the person and the time comes with the [`ToolContext`].
pub trait Tool: Send + Sync + 'static {
    /// What the model is told about it.
    fn spec(&self) -> &ToolSpec;

    /// How long one call may take and how much it may say.
    fn limits(&self) -> ToolLimits {
        ToolLimits::default()
    }

    /// Does it. The arguments are a JSON object, as the model wrote it;
    /// [`crate::parse_arguments`] turns it into a type of the tool's own.
    ///
    /// The future is dropped when the turn is cancelled or the time is up. A
    /// tool that hands its work to a thread has to stop that thread then.
    fn call<'a>(
        &'a self,
        context: &'a ToolContext,
        arguments: Value,
    ) -> BoxFuture<'a, Result<ToolOutput, ToolError>>;
}

/// A tool, as the model sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolSpec {
    /// 1 to 64 letters, digits, `_` or `-`.
    pub name: String,
    /// When to call it and what it gives.
    pub description: String,
    /// The JSON schema of its arguments, an object.
    pub parameters: Value,
}

/// What one call may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ToolLimits {
    /// After this the call is given up.
    pub timeout: Duration,
    /// What is longer is cut, with a note of the cut.
    pub max_output_bytes: usize,
}

impl Default for ToolLimits {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(30),
            max_output_bytes: 64 * 1024,
        }
    }
}

/// What a tool has to say to the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolOutput {
    /// The text that the model reads.
    pub text: String,
}

impl ToolOutput {
    /// An answer in text.
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: text.into() }
    }
}
