//! A scripted model and a sink that remembers.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use futures_util::{
    FutureExt as _, StreamExt as _,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use openmake_agents::{
    Answer, Demands, EventSink, ModelClient, Plan, SinkClosed, ThinkingChoice, TurnDeps, TurnEvent,
    TurnInput, TurnLimits, TurnOutcome,
    context::{Parts, PastMessage, Question, Sight},
    run,
};
use openmake_models::{
    ChatDelta, ChatRequest, FinishReason, ModelCapabilities, ModelError, Strictness, ToolSpec,
};
use openmake_tools::{Locale, Registry, ToolContext};
use openmake_types::{SystemClock, TokenCounts, ToolCall};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// What the model does with one question.
pub(crate) enum Step {
    /// Says this.
    Say(Vec<Item>),
    /// Refuses before the first piece.
    Refuse(ModelError),
    /// Never answers.
    Hang,
}

/// One piece of what it says.
pub(crate) enum Item {
    Delta(ChatDelta),
    Error(ModelError),
    /// Says nothing more.
    Hang,
}

pub(crate) fn text(text: &str) -> Item {
    Item::Delta(ChatDelta::Text(text.to_owned()))
}

pub(crate) fn thinking(text: &str) -> Item {
    Item::Delta(ChatDelta::Thinking(text.to_owned()))
}

pub(crate) fn call(id: &str, name: &str, arguments: &str) -> Item {
    Item::Delta(ChatDelta::ToolCall {
        index: 0,
        call: ToolCall {
            id: id.to_owned(),
            name: name.to_owned(),
            arguments: arguments.to_owned(),
        },
    })
}

pub(crate) fn usage(input: u64, output: u64) -> Item {
    Item::Delta(ChatDelta::Usage(TokenCounts { input, output }))
}

pub(crate) fn stop() -> Item {
    Item::Delta(ChatDelta::Finish(FinishReason::Stop))
}

pub(crate) fn finish(reason: FinishReason) -> Item {
    Item::Delta(ChatDelta::Finish(reason))
}

/// The model.
#[derive(Clone, Default)]
pub(crate) struct Script(Arc<Inner>);

#[derive(Default)]
struct Inner {
    steps: Mutex<VecDeque<Step>>,
    requests: Mutex<Vec<ChatRequest>>,
    open: AtomicUsize,
}

/// Counts a request for as long as it is open.
struct Open(Arc<Inner>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Script {
    pub(crate) fn new(steps: Vec<Step>) -> Self {
        let script = Self::default();
        *script.0.steps.lock().unwrap() = steps.into();
        script
    }

    pub(crate) fn requests(&self) -> Vec<ChatRequest> {
        self.0.requests.lock().unwrap().clone()
    }

    pub(crate) fn open_requests(&self) -> usize {
        self.0.open.load(Ordering::SeqCst)
    }
}

impl ModelClient for Script {
    fn chat(&self, request: ChatRequest) -> BoxFuture<'_, Result<Answer, ModelError>> {
        let model = request.model.clone();
        self.0.requests.lock().unwrap().push(request);
        self.0.open.fetch_add(1, Ordering::SeqCst);
        let open = Open(Arc::clone(&self.0));
        let step = self.0.steps.lock().unwrap().pop_front();
        async move {
            let items = match step.expect("the script has another step") {
                Step::Say(items) => items,
                Step::Refuse(error) => return Err(error),
                Step::Hang => std::future::pending().await,
            };
            Ok(Answer {
                model,
                node: "script".to_owned(),
                deltas: deltas(items, open),
            })
        }
        .boxed()
    }
}

fn deltas(items: Vec<Item>, open: Open) -> BoxStream<'static, Result<ChatDelta, ModelError>> {
    let said = stream::iter(items).then(|item| async {
        match item {
            Item::Delta(delta) => Ok(delta),
            Item::Error(error) => Err(error),
            Item::Hang => std::future::pending().await,
        }
    });
    said.map(move |item| {
        let _open = &open;
        item
    })
    .boxed()
}

/// Whether an event is the one that is waited for.
pub(crate) type When = fn(&TurnEvent) -> bool;

/// Remembers what was said.
#[derive(Clone, Default)]
pub(crate) struct Memory {
    pub(crate) events: Arc<Mutex<Vec<TurnEvent>>>,
    /// Cancels when an event for which this is true has been taken.
    pub(crate) cancel_at: Option<(When, CancellationToken)>,
    /// Refuses everything.
    pub(crate) closed: bool,
}

impl EventSink for Memory {
    async fn send(&mut self, event: TurnEvent) -> Result<(), SinkClosed> {
        if self.closed {
            return Err(SinkClosed);
        }
        let cancels = self
            .cancel_at
            .as_ref()
            .is_some_and(|(when, _)| when(&event));
        self.events.lock().unwrap().push(event);
        if cancels && let Some((_, cancel)) = &self.cancel_at {
            cancel.cancel();
        }
        Ok(())
    }
}

/// A turn to run in a test.
pub(crate) struct Case {
    pub(crate) plan: Plan,
    pub(crate) history: Vec<PastMessage>,
    pub(crate) question: Question,
    pub(crate) tools: Registry,
    pub(crate) limits: TurnLimits,
    pub(crate) cancel: CancellationToken,
    pub(crate) sink: Memory,
}

pub(crate) const ABLE: ModelCapabilities = ModelCapabilities {
    chat: true,
    tools: true,
    vision: true,
    thinking: true,
    embedding: false,
};

impl Case {
    pub(crate) fn new() -> Self {
        Self {
            plan: Plan {
                model: "scripted".to_owned(),
                profile: Some("openmake_llm".to_owned()),
                reason: "a test".to_owned(),
                capabilities: ABLE,
                context_tokens: 8_192,
                thinking: ThinkingChoice::Unset,
                temperature: None,
                tool_turns: 3,
                time_budget: None,
                instructions: None,
                standing: None,
            },
            history: Vec::new(),
            question: Question {
                text: "What is it?".to_owned(),
                images: Vec::new(),
            },
            tools: openmake_tools::builtin().expect("built in"),
            limits: TurnLimits::default(),
            cancel: CancellationToken::new(),
            sink: Memory::default(),
        }
    }

    pub(crate) async fn run(&mut self, script: &Script) -> TurnOutcome {
        let tools: Vec<ToolSpec> = self
            .tools
            .specs()
            .map(|spec| ToolSpec {
                name: spec.name.clone(),
                description: spec.description.clone(),
                parameters: spec.parameters.clone(),
                strictness: Strictness::Usual,
            })
            .collect();
        let input = TurnInput {
            plan: self.plan.clone(),
            parts: Parts {
                system: "Be brief.".to_owned(),
                history: self.history.clone(),
                question: self.question.clone(),
                tools,
                sight: if self.plan.capabilities.vision {
                    Sight::Sees
                } else {
                    Sight::Blind
                },
            },
            tool_context: ToolContext {
                clock: Arc::new(SystemClock),
                time_zone: None,
                locale: Locale::English,
                cancel: self.cancel.clone(),
            },
            started: Instant::now(),
            limits: self.limits,
            demands: Demands::default(),
        };
        let deps = TurnDeps {
            models: script,
            tools: &self.tools,
        };
        run(input, deps, &mut self.sink, &self.cancel).await
    }

    pub(crate) fn events(&self) -> Vec<TurnEvent> {
        self.sink.events.lock().unwrap().clone()
    }

    pub(crate) fn text(&self) -> String {
        self.events()
            .into_iter()
            .filter_map(|event| match event {
                TurnEvent::Text(text) => Some(text),
                _ => None,
            })
            .collect()
    }
}
