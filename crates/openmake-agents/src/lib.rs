//! What happens between a question and its answer, without a database and
//! without a wire format.
//!
//! [`run`] is the turn loop: it assembles what the model reads
//! ([`context`]), asks the model, passes on what it writes, runs the tools
//! that it asks for and asks again, within the limits of the [`Plan`]. It
//! speaks to models through [`ModelClient`] and to whoever records the turn
//! through [`EventSink`].

pub mod context;
mod estimate;
mod event;
mod failure;
mod model;
mod plan;
mod prompt;
mod title;
mod turn;
mod ways;

pub use estimate::{Calibration, IMAGE_TOKENS, estimate_request, estimate_tokens};
pub use event::{EventSink, SinkClosed, TurnEvent};
pub use failure::TurnFailure;
pub use model::{Answer, ModelClient};
pub use plan::{Plan, ThinkingChoice};
pub use prompt::{SystemPrompt, system_prompt};
pub use title::{Title, TitleRequest, clean_title, make_title, title_from_question};
pub use turn::{
    Demands, Ending, FinishedBecause, TurnDeps, TurnInput, TurnLimits, TurnOutcome, run,
};
pub use ways::way_of_working;
