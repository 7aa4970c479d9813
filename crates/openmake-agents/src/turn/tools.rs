//! The tools of a turn: how often, how many, and what the model reads of them.

use std::collections::{BTreeSet, HashMap};

use futures_util::StreamExt as _;
use openmake_models::{ChatMessage, Role};
use openmake_tools::Progress;
use openmake_types::ToolCall;
use serde_json::Value;

use super::{Halt, Turn, TurnLimits, call::Round, meter::millis, time_is_up};
use crate::{
    EventSink, Plan, TurnEvent,
    context::{Assembled, Budget, shorten, tokens_of_message},
    estimate_tokens,
};

/// Characters of one result that the model reads at most.
const MAX_RESULT_CHARS: usize = 32_000;
/// Characters of one result that it reads even where the context is full.
const MIN_RESULT_CHARS: usize = 500;

/// What a repeated call is answered with.
const REPEATED: &str = "This exact call was made before in this answer; use the result that it gave. It was not run again.";

/// How often the model has asked for tools.
#[derive(Debug)]
pub(super) struct ToolRounds {
    allowed: u32,
    done: u32,
    calls_per_round: usize,
    offered: bool,
    /// What was called before, to stop a model that goes in circles.
    seen: BTreeSet<(String, String)>,
    /// The model did nothing but repeat itself.
    circling: bool,
    /// The ids in use, so that each names one call.
    ids: BTreeSet<String>,
}

impl ToolRounds {
    pub(super) fn new(plan: &Plan, limits: &TurnLimits, offered: bool) -> Self {
        Self {
            allowed: plan.tool_turns,
            done: 0,
            calls_per_round: limits.calls_per_round,
            offered,
            seen: BTreeSet::new(),
            circling: false,
            ids: BTreeSet::new(),
        }
    }

    pub(super) const fn is_first(&self) -> bool {
        self.done == 0
    }

    /// Whether the model may ask for tools now.
    pub(super) const fn may_call(&self) -> bool {
        self.offered && !self.circling && self.done < self.allowed
    }

    /// Whether the answer was given without tools because there were no more.
    pub(super) const fn ended_by_limit(&self) -> bool {
        self.done > 0 && !self.may_call()
    }

    /// Sorts a round's calls into those to run and those that are answered
    /// without.
    fn admit(&mut self, calls: Vec<ToolCall>) -> Vec<Admitted> {
        self.done += 1;
        let mut fresh = 0;
        let admitted: Vec<Admitted> = calls
            .into_iter()
            .take(self.calls_per_round)
            .map(|call| {
                let call = ToolCall {
                    id: self.unique_id(call.id),
                    ..call
                };
                let new = self
                    .seen
                    .insert((call.name.clone(), canonical(&call.arguments)));
                fresh += usize::from(new);
                Admitted { call, runs: new }
            })
            .collect();
        self.circling = fresh == 0;
        admitted
    }

    fn unique_id(&mut self, id: String) -> String {
        let mut candidate = id;
        let mut number = self.ids.len();
        while candidate.is_empty() || self.ids.contains(&candidate) {
            candidate = format!("call_{number}");
            number += 1;
        }
        self.ids.insert(candidate.clone());
        candidate
    }
}

struct Admitted {
    call: ToolCall,
    runs: bool,
}

/// Arguments without differences that mean nothing.
fn canonical(arguments: &str) -> String {
    serde_json::from_str::<Value>(arguments)
        .map_or_else(|_| arguments.trim().to_owned(), |value| value.to_string())
}

impl<S: EventSink> Turn<'_, S> {
    /// Runs a round's tools and adds calls and results to the prompt.
    pub(super) async fn run_tools(
        &mut self,
        round: Round,
        rounds: &mut ToolRounds,
        assembled: &mut Assembled,
    ) -> Result<(), Halt> {
        let admitted = rounds.admit(round.calls);
        let mut results: HashMap<String, String> = HashMap::new();
        for repeated in admitted.iter().filter(|admitted| !admitted.runs) {
            let call = &repeated.call;
            self.emit(started(call)).await?;
            self.emit(TurnEvent::ToolFinished {
                call_id: call.id.clone(),
                name: call.name.clone(),
                output: REPEATED.to_owned(),
                is_error: true,
                duration_ms: 0,
            })
            .await?;
            results.insert(call.id.clone(), REPEATED.to_owned());
        }
        let calls: Vec<ToolCall> = admitted
            .iter()
            .filter(|admitted| admitted.runs)
            .map(|admitted| admitted.call.clone())
            .collect();
        let limit = self.result_limit(assembled, calls.len());
        self.execute(&calls, limit, &mut results).await?;

        let mut messages = vec![ChatMessage {
            tool_calls: admitted
                .iter()
                .map(|admitted| admitted.call.clone())
                .collect(),
            thinking: (!round.thinking.is_empty()).then_some(round.thinking),
            ..ChatMessage::text(Role::Assistant, round.text)
        }];
        messages.extend(admitted.iter().filter_map(|admitted| {
            let content = results.remove(&admitted.call.id)?;
            Some(ChatMessage::tool_result(&admitted.call, content))
        }));
        let added: u64 = messages.iter().map(tokens_of_message).sum();
        assembled.tokens += assembled.calibration.apply(added);
        assembled.messages.extend(messages);
        Ok(())
    }

    async fn execute(
        &mut self,
        calls: &[ToolCall],
        limit: usize,
        results: &mut HashMap<String, String>,
    ) -> Result<(), Halt> {
        let registry = self.deps.tools.clone();
        let context = self.tool_context.clone();
        let mut running =
            std::pin::pin!(registry.execute_all(&context, calls, self.limits.parallel_tools));
        loop {
            let next = tokio::select! {
                biased;
                () = self.cancel.cancelled() => return Err(Halt::Stopped),
                () = time_is_up(self.deadline) => return Err(Halt::OutOfTime),
                next = running.next() => next,
            };
            match next {
                None => return Ok(()),
                Some(Progress::Started(place)) => {
                    if let Some(call) = calls.get(place) {
                        self.emit(started(call)).await?;
                    }
                }
                Some(Progress::Finished(place, execution)) => {
                    let Some(call) = calls.get(place) else {
                        continue;
                    };
                    let output = shorten(&execution.result.content, limit).text;
                    results.insert(call.id.clone(), output.clone());
                    self.emit(TurnEvent::ToolFinished {
                        call_id: call.id.clone(),
                        name: call.name.clone(),
                        output,
                        is_error: execution.result.is_error,
                        duration_ms: millis(execution.elapsed),
                    })
                    .await?;
                }
            }
        }
    }

    /// Characters that each result may have, by what is left of the context.
    fn result_limit(&self, assembled: &Assembled, calls: usize) -> usize {
        let budget = Budget::of_context(self.plan.context_tokens);
        let left = budget
            .context_tokens
            .saturating_sub(budget.answer_tokens())
            .saturating_sub(assembled.tokens);
        let each = usize::try_from(left).unwrap_or(usize::MAX) / calls.max(1);
        // The densest common script: what fits as that fits as any other.
        let tokens_of_ten = usize::try_from(estimate_tokens("가나다라마바사아자차"))
            .unwrap_or(8)
            .max(1);
        each.saturating_mul(10)
            .checked_div(tokens_of_ten)
            .unwrap_or(each)
            .clamp(MIN_RESULT_CHARS, MAX_RESULT_CHARS)
    }
}

fn started(call: &ToolCall) -> TurnEvent {
    TurnEvent::ToolStarted {
        call_id: call.id.clone(),
        name: call.name.clone(),
        arguments: call.arguments.clone(),
    }
}
