//! What a scripted model says.

use std::{collections::VecDeque, sync::Arc};

use axum::http::StatusCode;
use tokio::sync::Semaphore;

/// Holds a script back until the test lets it go on.
#[derive(Debug, Clone)]
pub struct Gate(Arc<Semaphore>);

impl Default for Gate {
    fn default() -> Self {
        Self::closed()
    }
}

impl Gate {
    /// A gate that nothing passes yet.
    pub fn closed() -> Self {
        Self(Arc::new(Semaphore::new(0)))
    }

    /// Lets `steps` more waiting steps pass.
    pub fn open(&self, steps: usize) {
        self.0.add_permits(steps);
    }

    /// Lets everything pass from now on.
    pub fn open_wide(&self) {
        self.0.close();
    }

    pub(super) async fn pass(&self) {
        if let Ok(permit) = self.0.acquire().await {
            permit.forget();
        }
    }
}

/// One step of a script.
#[derive(Debug, Clone)]
pub enum Step {
    /// A piece of text.
    Text(String),
    /// A piece of thinking.
    Thinking(String),
    /// A tool that is asked for.
    Call {
        /// Its name.
        name: String,
        /// Its arguments, an object as JSON text.
        arguments: String,
    },
    /// What it cost, said at the end.
    Usage {
        /// Tokens read.
        input: u64,
        /// Tokens written.
        output: u64,
    },
    /// Waits for the gate.
    Wait(Gate),
    /// An error in the middle of the stream.
    Fail(String),
    /// The connection is cut.
    Cut,
    /// Says nothing more, and keeps the connection open.
    Hang,
    /// The end.
    Finish(&'static str),
}

/// What a scripted model says to one request.
#[derive(Debug, Clone)]
pub struct Script {
    steps: VecDeque<Step>,
    refusal: Option<(StatusCode, String)>,
    head: Option<Gate>,
}

impl Script {
    /// These steps; without an end the connection ends after the last one.
    pub fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        Self {
            steps: steps.into_iter().collect(),
            refusal: None,
            head: None,
        }
    }

    /// A text, word by word, with its end.
    pub fn text(text: &str) -> Self {
        Self::words(text, None)
    }

    /// A text, each word after the gate has let it pass.
    pub fn gated(text: &str, gate: &Gate) -> Self {
        Self::words(text, Some(gate))
    }

    fn words(text: &str, gate: Option<&Gate>) -> Self {
        let words: Vec<&str> = text.split_inclusive(' ').collect();
        let output = u64::try_from(words.len()).unwrap_or(0);
        let mut steps = Vec::new();
        for word in words {
            steps.extend(gate.map(|gate| Step::Wait(gate.clone())));
            steps.push(Step::Text(word.to_owned()));
        }
        steps.push(Step::Usage { input: 10, output });
        steps.push(Step::Finish("stop"));
        Self::new(steps)
    }

    /// An error instead of an answer.
    pub fn refuse(status: u16, message: &str) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self {
            steps: VecDeque::new(),
            refusal: Some((status, message.to_owned())),
            head: None,
        }
    }

    /// The same, but not even the head of the answer comes before the gate
    /// lets it: a model that is being loaded.
    #[must_use]
    pub fn behind(mut self, gate: &Gate) -> Self {
        self.head = Some(gate.clone());
        self
    }

    pub(super) fn head(&self) -> Option<Gate> {
        self.head.clone()
    }

    pub(super) fn refusal(&self) -> Option<(StatusCode, String)> {
        self.refusal.clone()
    }

    pub(super) fn into_steps(self) -> VecDeque<Step> {
        self.steps
    }
}
