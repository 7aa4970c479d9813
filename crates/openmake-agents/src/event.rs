//! What the loop says while it runs.

use std::future::Future;

/// Something that happened in a turn. The start and the end are said by
/// whoever runs the loop.
#[derive(Debug, Clone, PartialEq)]
pub enum TurnEvent {
    /// A server has taken the question.
    ModelSelected {
        /// The real model.
        model: String,
        /// The profile that chose it, when one did.
        profile: Option<String>,
        /// The node that serves it.
        node: String,
        /// Why, for a person.
        reason: String,
    },
    /// Not everything fitted into the model's context.
    ContextCut {
        /// How many of the oldest messages were left out.
        messages: u32,
        /// About how many tokens they had.
        tokens: u64,
        /// The model's context, in tokens.
        context_tokens: u64,
    },
    /// A piece of the model's thinking.
    Thinking(String),
    /// A piece of the answer.
    Text(String),
    /// A tool was called.
    ToolStarted {
        /// Names the call within the turn.
        call_id: String,
        /// The tool.
        name: String,
        /// Its arguments, as the model wrote them.
        arguments: String,
    },
    /// A tool answered.
    ToolFinished {
        /// The call.
        call_id: String,
        /// The tool.
        name: String,
        /// What the model was given.
        output: String,
        /// Whether the tool failed.
        is_error: bool,
        /// How long it took.
        duration_ms: u64,
    },
    /// Something that the person should know about how the turn runs.
    Note {
        /// A stable name, for translation.
        step: &'static str,
        /// For a person.
        message: String,
    },
    /// What it cost so far.
    Usage(openmake_types::TurnMetrics),
}

/// Nobody records the turn any more; it has to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the turn is no longer recorded")]
pub struct SinkClosed;

/// Where a turn's events go.
pub trait EventSink: Send {
    /// Takes an event. Waits while the recorder is behind, which slows the
    /// model's stream down instead of filling the memory.
    fn send(&mut self, event: TurnEvent) -> impl Future<Output = Result<(), SinkClosed>> + Send;
}
