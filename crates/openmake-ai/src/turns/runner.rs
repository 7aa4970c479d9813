//! One turn from its start to its end.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::FutureExt as _;
use openmake_agents::{
    Demands, Ending, Plan, SystemPrompt, TurnDeps, TurnFailure, TurnInput, TurnLimits, TurnOutcome,
    context::{Parts, Sight},
    system_prompt,
};
use openmake_api::EventBody;
use openmake_models::{AnswerFormat, Strictness, ToolSpec};
use openmake_store::{StoreError, messages::StoredError, turns::Turn};
use openmake_tools::{Locale, ToolContext};
use openmake_types::{ApiKeyId, ErrorKind, MessageId, TurnMetrics, TurnStatus};
use tokio::time::Instant;

use super::{
    after::{self, Answered},
    finish::{self, End, Ended},
    history::{self, HistoryError},
    live::{LiveTurn, Recorder, StopReason},
    start::Wishes,
};
use crate::{
    budgets::{Payer, client::PaidClient},
    core::Core,
};

/// How long a turn waits for a database that is out before it has read its
/// history.
const HISTORY_PATIENCE: Duration = Duration::from_secs(20);

/// A turn to run.
pub(crate) struct Job {
    pub(crate) turn: Turn,
    pub(crate) live: Arc<LiveTurn>,
    pub(crate) plan: Plan,
    /// What asks models, paid by whoever asked.
    pub(crate) models: Arc<PaidClient>,
    pub(crate) started: Instant,
    pub(crate) api_key: Option<ApiKeyId>,
    /// What the program that asked wishes.
    pub(crate) wishes: Option<Wishes>,
    /// The answer that this one is asked for beside; it makes the title.
    pub(crate) beside: Option<MessageId>,
}

/// Takes the turn out of the list of running ones, however it ends.
struct Leave<'a>(&'a Core, &'a Turn);

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        self.0.leave(self.1.id);
    }
}

/// Runs the turn and stores its end.
pub(crate) async fn run(core: Arc<Core>, job: Job) {
    let leave = Leave(&core, &job.turn);
    let Job {
        turn,
        live,
        plan,
        models,
        started,
        api_key,
        ..
    } = &job;
    let outcome = AssertUnwindSafe(answer(&core, &job))
        .catch_unwind()
        .await
        .unwrap_or_else(|_| {
            tracing::error!(turn = %turn.id, "a turn panicked");
            failed(*started, TurnFailure::internal())
        });
    let settled = models.settled();
    let Some(end) = conclude(&core, live, outcome) else {
        return;
    };
    let end = End { settled, ..end };
    let payer = Payer {
        user: turn.owner,
        api_key: *api_key,
    };
    core.token_rates
        .record(payer, end.metrics.tokens, Instant::now());
    let status = end.status;
    let model = end.model.clone();
    let ended = finish::end(&core, turn, live, end).await;
    drop(leave);
    if let Ended::Stored(version) = ended {
        let answered = Answered {
            folded: live.folded(),
            status,
            model,
            capabilities: plan.capabilities,
            version,
            api_key: *api_key,
            beside: job.beside,
        };
        after::ended(&core, turn, answered).await;
    }
}

async fn answer(core: &Core, job: &Job) -> TurnOutcome {
    let (turn, live, started) = (&job.turn, &job.live, job.started);
    let mut recorder = Recorder::new(Arc::clone(live), Arc::clone(&core.writer));
    let begun = EventBody::Started {
        conversation_id: turn.conversation_id.as_uuid(),
        user_message_id: turn.user_message_id.as_uuid(),
        assistant_message_id: turn.assistant_message_id.as_uuid(),
        requested_model: turn.requested_model.clone(),
    };
    if recorder.record(begun).await.is_err() {
        return stopped(started);
    }
    let prepared = tokio::select! {
        biased;
        () = live.cancel().cancelled() => return stopped(started),
        prepared = prepare(core, job) => prepared,
    };
    let input = match prepared {
        Ok(input) => input,
        Err(failure) => return failed(started, failure),
    };
    let deps = TurnDeps {
        models: job.models.as_ref(),
        tools: &core.tools,
    };
    openmake_agents::run(input, deps, &mut recorder, live.cancel()).await
}

/// Reads the conversation and puts together what the loop needs.
async fn prepare(core: &Core, job: &Job) -> Result<TurnInput, TurnFailure> {
    let (turn, plan) = (&job.turn, job.plan.clone());
    let sight = if plan.capabilities.vision {
        Sight::Sees
    } else {
        Sight::Blind
    };
    let conversation = read_patiently(core, turn, sight).await.map_err(|error| {
        tracing::error!(turn = %turn.id, error = &error as &dyn std::error::Error, "a turn's conversation cannot be read");
        TurnFailure::from(&error)
    })?;
    let Instructions {
        system,
        tools,
        demands,
    } = instructions(core, &plan, job.wishes.as_ref());
    Ok(TurnInput {
        parts: Parts {
            system,
            history: conversation.history,
            question: conversation.question,
            tools,
            sight,
        },
        tool_context: ToolContext {
            clock: Arc::clone(&core.clock),
            time_zone: core.settings.time_zone,
            locale: Locale::default(),
            cancel: job.live.cancel().clone(),
        },
        plan,
        started: job.started,
        limits: TurnLimits::default(),
        demands,
    })
}

/// What the model reads besides the conversation.
pub(crate) struct Instructions {
    pub(crate) system: String,
    pub(crate) tools: Vec<ToolSpec>,
    /// What is demanded of the answer.
    pub(crate) demands: Demands,
}

/// The instructions of a plan, or those of the program that asks.
pub(crate) fn instructions(core: &Core, plan: &Plan, wishes: Option<&Wishes>) -> Instructions {
    let tools: Vec<ToolSpec> = if plan.capabilities.tools && plan.tool_turns > 0 {
        core.tools.specs().map(tool_spec).collect()
    } else {
        Vec::new()
    };
    let names: Vec<&str> = tools.iter().map(|tool| tool.name.as_str()).collect();
    let (system, demands) = match wishes {
        None => {
            let system = system_prompt(&SystemPrompt {
                now: core.clock.now(),
                time_zone: core.settings.time_zone,
                instructions: plan.instructions.as_deref(),
                standing: plan.standing.as_deref(),
                tools: &names,
            });
            (system, Demands::default())
        }
        // A program's words stand alone, as in stateless calls; where it has
        // none, the profile's do.
        Some(wishes) => {
            let profile = plan
                .instructions
                .clone()
                .filter(|_| wishes.demands.format == AnswerFormat::Text);
            let system = wishes.instructions.clone().or(profile);
            (system.unwrap_or_default(), wishes.demands.clone())
        }
    };
    Instructions {
        system,
        tools,
        demands,
    }
}

fn tool_spec(spec: &openmake_tools::ToolSpec) -> ToolSpec {
    ToolSpec {
        name: spec.name.clone(),
        description: spec.description.clone(),
        parameters: spec.parameters.clone(),
        strictness: Strictness::Usual,
    }
}

/// A database that is out for a moment fails no turn.
async fn read_patiently(
    core: &Core,
    turn: &Turn,
    sight: Sight,
) -> Result<history::Conversation, HistoryError> {
    let deadline = Instant::now() + HISTORY_PATIENCE;
    let mut pause = Duration::from_millis(50);
    loop {
        match history::read(core, turn, sight).await {
            Err(HistoryError::Store(StoreError::Unavailable(_)))
                if Instant::now() + pause < deadline =>
            {
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(Duration::from_secs(1));
            }
            read => return read,
        }
    }
}

fn stopped(started: Instant) -> TurnOutcome {
    outcome(started, Ending::Stopped)
}

fn failed(started: Instant, failure: TurnFailure) -> TurnOutcome {
    outcome(started, Ending::Failed(failure))
}

fn outcome(started: Instant, ending: Ending) -> TurnOutcome {
    TurnOutcome {
        ending,
        model: None,
        node: None,
        metrics: TurnMetrics {
            total_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            ..TurnMetrics::default()
        },
    }
}

/// The turn's end. None when it may not be written by this process.
fn conclude(core: &Core, live: &LiveTurn, outcome: TurnOutcome) -> Option<End> {
    let TurnOutcome {
        ending,
        model,
        node,
        metrics,
    } = outcome;
    let (status, terminal, error) = match ending {
        Ending::Completed(because) => (
            TurnStatus::Completed,
            EventBody::Completed {
                finish_reason: because.as_str().to_owned(),
            },
            None,
        ),
        // The pool stops with the process, and may be the first to say so.
        Ending::Failed(failure)
            if failure.kind == ErrorKind::Cancelled && core.stop.is_cancelled() =>
        {
            interrupted("shutdown")
        }
        Ending::Failed(failure) => failure_end(failure),
        Ending::Stopped => match live.stop_reason() {
            Some(StopReason::LeaseLost) => return None,
            Some(StopReason::Shutdown) => interrupted("shutdown"),
            Some(StopReason::Person) => (TurnStatus::Cancelled, EventBody::Cancelled {}, None),
            // The sink closed without a reason: a fault of ours.
            None => failure_end(TurnFailure::internal()),
        },
    };
    Some(End {
        status,
        terminal,
        error,
        model,
        node,
        metrics,
        settled: Vec::new(),
    })
}

fn failure_end(failure: TurnFailure) -> (TurnStatus, EventBody, Option<StoredError>) {
    let hint = failure.hint.map(std::borrow::Cow::into_owned);
    let terminal = EventBody::Failed {
        code: failure.code.to_owned(),
        detail: failure.detail.clone(),
        hint: hint.clone(),
    };
    let error = StoredError {
        code: failure.code.to_owned(),
        detail: failure.detail,
        hint,
    };
    (TurnStatus::Failed, terminal, Some(error))
}

/// The end of a turn whose process stopped.
pub(crate) fn interrupted(reason: &'static str) -> (TurnStatus, EventBody, Option<StoredError>) {
    let error = StoredError {
        code: reason.to_owned(),
        detail: "The server stopped while this was written.".to_owned(),
        hint: Some("Continue the answer, or ask again.".to_owned()),
    };
    (
        TurnStatus::Interrupted,
        EventBody::Interrupted {
            reason: reason.to_owned(),
        },
        Some(error),
    )
}
