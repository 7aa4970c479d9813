//! How a call goes wrong, in words that the model can act on.

use std::time::Duration;

use openmake_types::ErrorKind;

/// Why a call has no output. The text is what the model reads.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ToolError {
    /// The model named a tool that is not there.
    #[error("there is no tool named {name:?}; the tools are: {}", known.join(", "))]
    UnknownTool {
        /// What the model asked for.
        name: String,
        /// What it could have asked for.
        known: Vec<String>,
    },
    /// The arguments do not fit; says what is wrong with them.
    #[error("invalid arguments: {0}")]
    InvalidArguments(String),
    /// The tool could not do it; says why.
    #[error("{0}")]
    Failed(String),
    /// It took longer than the tool may.
    #[error("the tool did not finish within {} and was stopped", spell(*.0))]
    TimedOut(Duration),
    /// The turn was cancelled.
    #[error("the call was cancelled")]
    Cancelled,
    /// A fault of ours, or of a library of ours.
    #[error("the tool failed unexpectedly")]
    Panicked,
}

impl ToolError {
    /// The kind that logs and metrics count it under.
    pub const fn kind(&self) -> ErrorKind {
        match self {
            Self::UnknownTool { .. } => ErrorKind::NotFound,
            Self::InvalidArguments(_) => ErrorKind::InvalidInput,
            Self::Failed(_) => ErrorKind::UpstreamFailed,
            Self::TimedOut(_) => ErrorKind::Timeout,
            Self::Cancelled => ErrorKind::Cancelled,
            Self::Panicked => ErrorKind::Internal,
        }
    }
}

/// A duration in the unit that people would use.
fn spell(duration: Duration) -> String {
    if duration < Duration::from_secs(1) {
        format!("{} ms", duration.as_millis())
    } else {
        format!("{} s", duration.as_secs_f64())
    }
}

/// Why a tool cannot be registered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// Model servers refuse such a name.
    #[error("{0:?} is not a tool name: 1 to 64 letters, digits, `_` or `-`")]
    InvalidName(String),
    /// Two tools of one name could not be told apart.
    #[error("a tool named {0:?} is registered already")]
    Duplicate(String),
    /// Arguments are always an object.
    #[error("the parameters of tool {0:?} are not the JSON schema of an object")]
    InvalidParameters(String),
}
