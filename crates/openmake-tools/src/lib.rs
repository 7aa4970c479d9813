//! What a model may call while it answers.
//!
//! A [`Tool`] describes itself to the model and does one thing. The
//! [`Registry`] knows them by name and runs the calls that a model makes:
//! it checks the arguments' shape, keeps every call within its time and its
//! output within its size, survives a tool that panics, and stops at once when
//! the turn is cancelled. What comes back is always something that the model
//! can read, an error included, so that it can correct itself.
//!
//! A new tool is a type that implements [`Tool`] and a line in [`builtin`];
//! other sources (MCP servers) register the same trait.

mod arguments;
mod calculator;
mod context;
mod current_time;
mod error;
mod parallel;
mod registry;
mod tool;

use std::sync::Arc;

pub use arguments::{parse_arguments, schema_of};
pub use calculator::{Calculator, CalculatorLimits};
pub use chrono_tz::Tz;
pub use context::{Locale, ToolContext};
pub use current_time::CurrentTime;
pub use error::{RegistryError, ToolError};
pub use parallel::Progress;
pub use registry::{Execution, MAX_ARGUMENT_BYTES, Registry};
pub use tool::{Tool, ToolLimits, ToolOutput, ToolSpec};

/// The tools that every installation has.
pub fn builtin() -> Result<Registry, RegistryError> {
    let mut registry = Registry::new();
    registry.register(Arc::new(CurrentTime::new()))?;
    registry.register(Arc::new(Calculator::new(CalculatorLimits::default())))?;
    Ok(registry)
}
