//! What a stateless call cost: recorded once, however it ends.

use std::sync::Arc;

use openmake_store::usage::{CallOutcome, UsageRecord};
use openmake_types::{Actor, ApiKeyId, TokenCounts, UserId};
use tokio::{runtime::Handle, time::Instant};

use crate::{
    budgets::Payer,
    core::{Core, RunningCall},
};

/// The surface through which a call came, for metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Surface {
    /// `/v1/chat/completions` and `/v1/embeddings`.
    OpenAi,
    /// `/v1/responses`, not stored.
    Responses,
    /// `/v1/messages`.
    Anthropic,
    /// `/ollama/*`.
    Ollama,
}

impl Surface {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Responses => "responses",
            Self::Anthropic => "anthropic",
            Self::Ollama => "ollama",
        }
    }
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Answered,
    Failed,
    /// The client went away.
    Abandoned,
}

impl Outcome {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Failed => "failed",
            Self::Abandoned => "abandoned",
        }
    }
}

/// Counts a call from its start to its end. Dropping it closes it: a client
/// that goes away pays for what was written until then.
pub(super) struct Bill {
    core: Arc<Core>,
    surface: Surface,
    owner: UserId,
    api_key: Option<ApiKeyId>,
    model: String,
    /// What the model reads and writes, by our estimate.
    estimated: TokenCounts,
    counted: Option<TokenCounts>,
    outcome: Outcome,
    began: Instant,
    has_begun: bool,
    _running: RunningCall,
}

impl Bill {
    pub(super) fn open(core: &Arc<Core>, surface: Surface, actor: &Actor, model: &str) -> Self {
        Self {
            core: Arc::clone(core),
            surface,
            owner: actor.user_id,
            api_key: actor.api_key_id,
            model: model.to_owned(),
            estimated: TokenCounts::default(),
            counted: None,
            outcome: Outcome::Abandoned,
            began: Instant::now(),
            has_begun: false,
            _running: core.enter_call(),
        }
    }

    /// A model has taken the question.
    pub(super) fn connected(&mut self, model: &str, estimated_input: u64) {
        model.clone_into(&mut self.model);
        self.estimated.input = estimated_input;
    }

    /// What the model reads, by our estimate.
    pub(super) const fn estimated_input(&self) -> u64 {
        self.estimated.input
    }

    /// A piece of the answer came.
    pub(super) fn wrote(&mut self, estimated_output: u64) {
        if !self.has_begun {
            self.has_begun = true;
            self.core.metrics.first_token(self.began.elapsed());
        }
        self.estimated.output = self.estimated.output.saturating_add(estimated_output);
    }

    /// The server's own count.
    pub(super) const fn counted(&mut self, tokens: TokenCounts) {
        self.counted = Some(tokens);
    }

    pub(super) const fn answered(&mut self) {
        self.outcome = Outcome::Answered;
    }

    pub(super) const fn failed(&mut self) {
        self.outcome = Outcome::Failed;
    }

    /// What it has cost so far.
    pub(super) fn tokens(&self) -> TokenCounts {
        self.counted.unwrap_or(self.estimated)
    }

    /// Whether that is our estimate.
    pub(super) const fn is_estimated(&self) -> bool {
        self.counted.is_none()
    }
}

impl Drop for Bill {
    fn drop(&mut self) {
        let tokens = self.tokens();
        let payer = Payer {
            user: self.owner,
            api_key: self.api_key,
        };
        self.core.token_rates.record(payer, tokens, Instant::now());
        self.core
            .metrics
            .called(self.surface.as_str(), self.outcome.as_str(), tokens);
        let Ok(runtime) = Handle::try_current() else {
            // The program has ended around a connection that it let go.
            return;
        };
        let core = Arc::clone(&self.core);
        let (owner, api_key, model) = (self.owner, self.api_key, std::mem::take(&mut self.model));
        let failed = match self.outcome {
            Outcome::Answered | Outcome::Abandoned => CallOutcome::Answered,
            Outcome::Failed => CallOutcome::Failed,
        };
        let record = async move {
            let record = UsageRecord {
                date: core.clock.now().date_naive(),
                owner,
                api_key,
                model: &model,
                tokens,
                failed,
            };
            if let Err(error) = core.store.usage().record(&record).await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the tokens of a call were not recorded"
                );
            }
        };
        self.core.tasks.spawn_on(record, &runtime);
    }
}
