//! Exact arithmetic, units and number bases.
//!
//! The evaluation is `fend-core`'s, with no random numbers, no exchange rates
//! and no I/O. It is fenced in three ways, because the expression comes from a
//! model that may have read it anywhere: [`expression`] lets through only
//! what is safe to parse, a deadline interrupts the arithmetic, and the work
//! has a thread of its own, so that deep recursion has the stack that it needs
//! and a busy calculator never holds up the server.

mod expression;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use fend_core::{Context, Interrupt, evaluate_with_interrupt};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use self::expression::{Steps, flatten};
use crate::{
    Tool, ToolContext, ToolError, ToolLimits, ToolOutput, ToolSpec, parse_arguments, schema_of,
};

/// The longest expression that is read, in characters.
const MAX_EXPRESSION_CHARS: usize = 1_000;

/// Six times what the deepest known expression of that length needs in a debug
/// build. It is address space: pages are used only when touched.
const STACK_BYTES: usize = 128 * 1024 * 1024;

/// What the calculator may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CalculatorLimits {
    /// The arithmetic is interrupted after this.
    pub time: Duration,
    /// How many expressions are worked on at once, over all turns.
    pub at_once: usize,
}

impl Default for CalculatorLimits {
    fn default() -> Self {
        // Ordinary expressions take well under a millisecond. A few steps of
        // the evaluator (the logarithm of a number of millions of digits) do
        // not heed the interrupt; what can be built up in half a second keeps
        // them to about another second.
        Self {
            time: Duration::from_millis(500),
            at_once: 4,
        }
    }
}

/// What the model passes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {
    /// One expression, at most 1000 characters, for example `1234.5 * 0.17`,
    /// `2^64 - 1`, `15% of 240`, `sqrt(2) to 10 dp`, `5 feet 10 inches to cm`,
    /// `60 km/h to m/s`, `0xff to decimal`. No variables and no comparisons.
    expression: String,
}

/// Works out an expression.
#[derive(Debug)]
pub struct Calculator {
    spec: ToolSpec,
    limits: CalculatorLimits,
    places: Arc<Semaphore>,
}

impl Calculator {
    /// A calculator that keeps to `limits`.
    pub fn new(limits: CalculatorLimits) -> Self {
        Self {
            spec: ToolSpec {
                name: "calculator".to_owned(),
                description: "Computes one arithmetic expression exactly: + - * / ^ % !, \
                              brackets, roots, logarithms, trigonometry, percentages, unit \
                              conversion and number bases. Use it for any calculation that is \
                              not trivial. A result that is not exact begins with `approx.`."
                    .to_owned(),
                parameters: schema_of::<Arguments>(),
            },
            limits,
            places: Arc::new(Semaphore::new(limits.at_once.max(1))),
        }
    }

    async fn calculate(&self, expression: &str) -> Result<ToolOutput, ToolError> {
        let length = expression.chars().count();
        if length > MAX_EXPRESSION_CHARS {
            return Err(ToolError::InvalidArguments(format!(
                "the expression has {length} characters; at most {MAX_EXPRESSION_CHARS} are read"
            )));
        }
        let steps =
            flatten(expression).map_err(|error| ToolError::InvalidArguments(error.to_string()))?;
        // Only closed when dropped, and we hold it.
        let place = Arc::clone(&self.places)
            .acquire_owned()
            .await
            .map_err(|_| ToolError::Cancelled)?;
        let abandoned = AbandonOnDrop::default();
        let brake = Brake {
            deadline: Instant::now() + self.limits.time,
            abandoned: Arc::clone(&abandoned.0),
        };
        let answer = start(Work {
            steps,
            brake,
            place,
        })
        .map_err(|_| ToolError::Failed("no thread for the calculation".to_owned()))?;
        match answer.await {
            Ok(Ok(text)) => Ok(ToolOutput::text(text)),
            Ok(Err(Refusal::OutOfTime)) => Err(ToolError::TimedOut(self.limits.time)),
            Ok(Err(Refusal::Wrong(message))) => Err(ToolError::Failed(message)),
            // The thread panicked and dropped its end.
            Err(_) => Err(ToolError::Panicked),
        }
    }
}

impl Tool for Calculator {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    fn limits(&self) -> ToolLimits {
        // Room for waiting in line and for the interrupt to be noticed.
        ToolLimits {
            timeout: self.limits.time * 4,
            max_output_bytes: 4 * 1024,
        }
    }

    fn call<'a>(
        &'a self,
        _context: &'a ToolContext,
        arguments: Value,
    ) -> BoxFuture<'a, Result<ToolOutput, ToolError>> {
        async move {
            let Arguments { expression } = parse_arguments(arguments)?;
            self.calculate(&expression).await
        }
        .boxed()
    }
}

/// What a thread is given.
struct Work {
    steps: Steps,
    brake: Brake,
    place: OwnedSemaphorePermit,
}

enum Refusal {
    OutOfTime,
    Wrong(String),
}

/// Begins the work on a thread of its own. The place is given back when the
/// thread ends, not when the caller stops waiting: a calculation that does not
/// heed its brake keeps its place instead of piling up.
fn start(work: Work) -> io::Result<oneshot::Receiver<Result<String, Refusal>>> {
    let (sender, receiver) = oneshot::channel();
    std::thread::Builder::new()
        .name("calculator".to_owned())
        .stack_size(STACK_BYTES)
        .spawn(move || {
            let Work {
                steps,
                brake,
                place,
            } = work;
            // Nobody may be listening any more; then the answer is of no use.
            drop(sender.send(evaluate(&steps, &brake)));
            drop(place);
        })?;
    Ok(receiver)
}

fn evaluate(steps: &Steps, brake: &Brake) -> Result<String, Refusal> {
    let mut context = Context::new();
    context.disable_rng();
    // A group's result is only kept, however long it would be in print.
    context.set_echo_result(false);
    for assignment in steps.assignments() {
        run(assignment, &mut context, brake)?;
    }
    context.set_echo_result(true);
    let text = run(steps.last(), &mut context, brake)?;
    if text.is_empty() {
        return Err(Refusal::Wrong("the expression has no value".to_owned()));
    }
    Ok(text)
}

fn run(text: &str, context: &mut Context, brake: &Brake) -> Result<String, Refusal> {
    if brake.should_interrupt() {
        return Err(Refusal::OutOfTime);
    }
    match evaluate_with_interrupt(text, context, brake) {
        Ok(value) => Ok(value.get_main_result().trim().to_owned()),
        Err(_) if brake.should_interrupt() => Err(Refusal::OutOfTime),
        Err(message) => Err(Refusal::Wrong(message.chars().take(300).collect())),
    }
}

/// Stops the arithmetic when its time is up or nobody waits for it.
struct Brake {
    deadline: Instant,
    abandoned: Arc<AtomicBool>,
}

impl Interrupt for Brake {
    fn should_interrupt(&self) -> bool {
        self.abandoned.load(Ordering::Relaxed) || Instant::now() >= self.deadline
    }
}

/// Tells the thread that the call's future is gone.
#[derive(Default)]
struct AbandonOnDrop(Arc<AtomicBool>);

impl Drop for AbandonOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
