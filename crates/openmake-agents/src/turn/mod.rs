//! The turn loop.

mod call;
mod meter;
mod tools;

use std::{num::NonZeroUsize, time::Duration};

use openmake_models::{AnswerFormat, ChatRequest, FinishReason, ThinkingLevel, ToolChoice};
use openmake_tools::{Registry, ToolContext};
use openmake_types::{ErrorKind, TurnMetrics};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use self::{call::Round, meter::Meter, tools::ToolRounds};
use crate::{
    EventSink, ModelClient, Plan, SinkClosed, ThinkingChoice, TurnEvent, TurnFailure,
    context::{Assembled, Budget, Parts, assemble},
};

/// What a turn is made of.
#[derive(Debug)]
pub struct TurnInput {
    /// The model and its way of working.
    pub plan: Plan,
    /// What it reads.
    pub parts: Parts,
    /// Whom its tools work for. Its token is cancelled with the turn's.
    pub tool_context: ToolContext,
    /// When the person asked: what times are counted from.
    pub started: Instant,
    /// What no plan may exceed.
    pub limits: TurnLimits,
    /// What a program that asks demands of the answer.
    pub demands: Demands,
}

/// What a program that asks demands of the answer, beyond the way of working.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Demands {
    /// The most tokens that one call of the model may write.
    pub max_tokens: Option<u32>,
    /// The share of probability that tokens are drawn from.
    pub top_p: Option<f64>,
    /// The answer's form.
    pub format: AnswerFormat,
}

/// Limits of every turn, whatever its plan.
#[derive(Debug, Clone, Copy)]
pub struct TurnLimits {
    /// Bytes of text, and of thinking, that a turn may write.
    pub output_bytes: usize,
    /// Tools of one turn that run at once.
    pub parallel_tools: NonZeroUsize,
    /// Tool calls that one answer of the model may ask for.
    pub calls_per_round: usize,
}

impl Default for TurnLimits {
    fn default() -> Self {
        Self {
            output_bytes: 1024 * 1024,
            parallel_tools: NonZeroUsize::MIN.saturating_add(3),
            calls_per_round: 16,
        }
    }
}

/// Whom the loop works with.
#[derive(Clone, Copy)]
pub struct TurnDeps<'a> {
    /// The models.
    pub models: &'a dyn ModelClient,
    /// The tools.
    pub tools: &'a Registry,
}

impl std::fmt::Debug for TurnDeps<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TurnDeps")
            .field("tools", &self.tools)
            .finish_non_exhaustive()
    }
}

/// How a turn ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// With an answer.
    Completed(FinishedBecause),
    /// With an error; what was written stands.
    Failed(TurnFailure),
    /// It was told to stop, or nobody records it any more.
    Stopped,
}

/// Why an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FinishedBecause {
    /// The model was done.
    Stop,
    /// It wrote as much as it may.
    Length,
    /// It had asked for tools as often as it may, and answered without more.
    ToolLimit,
    /// The profile's time was up.
    TimeBudget,
    /// The server withheld the rest.
    ContentFilter,
}

impl FinishedBecause {
    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::ToolLimit => "tool_limit",
            Self::TimeBudget => "time_budget",
            Self::ContentFilter => "content_filter",
        }
    }
}

/// What a turn came to. Its text is what the sink was given.
#[derive(Debug, Clone, PartialEq)]
pub struct TurnOutcome {
    /// How it ended.
    pub ending: Ending,
    /// The real model, once one had taken the question.
    pub model: Option<String>,
    /// The node that served it.
    pub node: Option<String>,
    /// Tokens and time.
    pub metrics: TurnMetrics,
}

/// Runs a turn to its end. Never waits without also waiting for `cancel`.
pub async fn run<S: EventSink>(
    input: TurnInput,
    deps: TurnDeps<'_>,
    sink: &mut S,
    cancel: &CancellationToken,
) -> TurnOutcome {
    let deadline = input
        .plan
        .time_budget
        .and_then(|budget| input.started.checked_add(budget));
    let mut turn = Turn {
        meter: Meter::new(input.started),
        // The tools stop with the turn, and also when only the loop stops.
        tool_context: ToolContext {
            cancel: cancel.child_token(),
            ..input.tool_context
        },
        plan: input.plan,
        limits: input.limits,
        demands: input.demands,
        deps,
        sink,
        cancel,
        deadline,
        model: None,
        node: None,
        written: Written::default(),
    };
    let ended = turn.answer(&input.parts).await;
    turn.tool_context.cancel.cancel();
    let ending = match ended {
        Ok(because) => Ending::Completed(because),
        Err(Halt::Stopped) => Ending::Stopped,
        Err(Halt::OutOfTime) if turn.written.text_bytes > 0 => {
            Ending::Completed(FinishedBecause::TimeBudget)
        }
        Err(Halt::OutOfTime) => Ending::Failed(out_of_time(turn.plan.time_budget)),
        Err(Halt::Failed(failure)) => Ending::Failed(failure),
    };
    TurnOutcome {
        ending,
        model: turn.model,
        node: turn.node,
        metrics: turn.meter.metrics(),
    }
}

fn out_of_time(budget: Option<Duration>) -> TurnFailure {
    TurnFailure::new(
        ErrorKind::Timeout,
        "timeout",
        format!(
            "The model wrote nothing within the {} seconds that this profile has.",
            budget.unwrap_or_default().as_secs()
        ),
        "Ask again: the model may have been loading. Or choose a profile with more time.",
    )
}

/// Why the loop stops early.
#[derive(Debug)]
enum Halt {
    Stopped,
    OutOfTime,
    Failed(TurnFailure),
}

impl From<SinkClosed> for Halt {
    fn from(_: SinkClosed) -> Self {
        Self::Stopped
    }
}

/// How much has been written, over all model calls.
#[derive(Debug, Default)]
struct Written {
    text_bytes: usize,
    thinking_bytes: usize,
    ends_in_newline: bool,
}

/// A turn that runs.
struct Turn<'a, S> {
    plan: Plan,
    limits: TurnLimits,
    demands: Demands,
    deps: TurnDeps<'a>,
    tool_context: ToolContext,
    sink: &'a mut S,
    cancel: &'a CancellationToken,
    deadline: Option<Instant>,
    meter: Meter,
    model: Option<String>,
    node: Option<String>,
    written: Written,
}

impl<S: EventSink> Turn<'_, S> {
    async fn answer(&mut self, parts: &Parts) -> Result<FinishedBecause, Halt> {
        let mut budget = Budget::of_context(self.plan.context_tokens);
        let mut assembled = assemble(parts, &budget).map_err(Halt::Failed)?;
        self.note_thinking().await?;
        let mut reported_cut = false;
        let mut retried = false;
        let mut rounds = ToolRounds::new(&self.plan, &self.limits, !parts.tools.is_empty());
        loop {
            if !reported_cut {
                reported_cut = true;
                self.report_cut(&assembled).await?;
            }
            let request = self.request(parts, &assembled, &rounds);
            let asked = self.ask(request, assembled.tokens).await;
            let round = match asked {
                Ok(round) => round,
                // The estimate was wrong, and the server says so before it
                // has written anything: once more with half the history.
                Err(Halt::Failed(failure))
                    if failure.code == "context_too_long"
                        && !retried
                        && rounds.is_first()
                        && assembled.history_tokens > 0
                        && self.written.text_bytes + self.written.thinking_bytes == 0 =>
                {
                    retried = true;
                    budget.history_tokens = assembled.history_tokens / 2;
                    assembled = assemble(parts, &budget).map_err(Halt::Failed)?;
                    reported_cut = false;
                    continue;
                }
                Err(halt) => return Err(halt),
            };
            if round.calls.is_empty() || !rounds.may_call() {
                return Ok(finished(&round, &rounds));
            }
            self.run_tools(round, &mut rounds, &mut assembled).await?;
        }
    }

    fn request(&self, parts: &Parts, assembled: &Assembled, rounds: &ToolRounds) -> ChatRequest {
        let mut request = ChatRequest::new(self.plan.model.clone(), assembled.messages.clone());
        request.tools.clone_from(&parts.tools);
        if !rounds.may_call() {
            request.tool_choice = ToolChoice::None;
        }
        if self.plan.capabilities.thinking {
            request.thinking = self.plan.thinking.level();
        }
        request.options.temperature = self.plan.temperature;
        request.options.max_tokens = self.demands.max_tokens;
        request.options.top_p = self.demands.top_p;
        request.format = self.demands.format.clone();
        request.options.context_length = u32::try_from(self.plan.context_tokens).ok();
        request
    }

    /// Tells a person who asked for thinking that this model does not.
    async fn note_thinking(&mut self) -> Result<(), Halt> {
        let ThinkingChoice::Person(level) = self.plan.thinking else {
            return Ok(());
        };
        if level == ThinkingLevel::Off || self.plan.capabilities.thinking {
            return Ok(());
        }
        let message = format!(
            "{} does not think before it answers; the thinking level is left out.",
            self.plan.model
        );
        self.emit(TurnEvent::Note {
            step: "thinking_unsupported",
            message,
        })
        .await
    }

    async fn report_cut(&mut self, assembled: &Assembled) -> Result<(), Halt> {
        if assembled.cut.images > 0 {
            let message = format!(
                "{} earlier images were left out of the model's context.",
                assembled.cut.images
            );
            self.emit(TurnEvent::Note {
                step: "images_left_out",
                message,
            })
            .await?;
        }
        if assembled.cut.messages == 0 {
            return Ok(());
        }
        self.emit(TurnEvent::ContextCut {
            messages: assembled.cut.messages,
            tokens: assembled.cut.tokens,
            context_tokens: self.plan.context_tokens,
        })
        .await
    }

    /// Gives an event to the recorder, unless the turn is stopped meanwhile.
    async fn emit(&mut self, event: TurnEvent) -> Result<(), Halt> {
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => Err(Halt::Stopped),
            sent = self.sink.send(event) => Ok(sent?),
        }
    }
}

fn finished(round: &Round, rounds: &ToolRounds) -> FinishedBecause {
    match round.finish {
        FinishReason::Length => FinishedBecause::Length,
        FinishReason::ContentFilter => FinishedBecause::ContentFilter,
        FinishReason::Stop | FinishReason::ToolCalls if rounds.ended_by_limit() => {
            FinishedBecause::ToolLimit
        }
        FinishReason::Stop | FinishReason::ToolCalls => FinishedBecause::Stop,
    }
}

/// Resolves when the turn's time is up.
async fn time_is_up(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
