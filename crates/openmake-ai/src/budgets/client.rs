//! What asks models: every call reserves before it begins and settles when it
//! ends, well, badly or because nobody listens any more.

use std::sync::Arc;

use futures_util::{
    FutureExt as _, StreamExt as _,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use openmake_agents::{Answer, ModelClient, estimate_request, estimate_tokens};
use openmake_models::{ChatDelta, ChatRequest, EmbedRequest, Embeddings, ModelError, NodePool};
use openmake_store::budgets::slices::SliceUse;
use openmake_types::{SliceId, TokenCounts};
use parking_lot::Mutex;

use super::{Budgets, Estimate, Payer, Unpaid, reservation::Reservation, slice::Slice};

/// Tokens that a call may write, where it names no limit, before more are
/// reserved; and how many more are at a time.
pub(crate) const OUTPUT_STEP: u64 = 1_000;

/// Asks models for one payer.
pub(crate) struct PaidClient {
    models: Arc<dyn ModelClient>,
    budgets: Arc<Budgets>,
    payer: Payer,
    /// Reserved for the first call before it was known in full.
    prepaid: Mutex<Option<(String, Reservation)>>,
    /// The slices that calls were paid from.
    paid_from: Mutex<Vec<(Arc<Slice>, SliceId)>>,
}

impl PaidClient {
    pub(crate) fn new(models: Arc<dyn ModelClient>, budgets: Arc<Budgets>, payer: Payer) -> Self {
        Self {
            models,
            budgets,
            payer,
            prepaid: Mutex::default(),
            paid_from: Mutex::default(),
        }
    }

    /// Reserves for the first call by what is known of it, so that what cannot
    /// be paid is refused before anything is stored.
    pub(crate) async fn prepay(&self, model: &str, input_tokens: u64) -> Result<(), Unpaid> {
        let estimate = Estimate {
            model,
            tokens: TokenCounts {
                input: input_tokens,
                output: OUTPUT_STEP,
            },
        };
        let reserved = self.budgets.reserve(self.payer, estimate).await?;
        *self.prepaid.lock() = reserved.map(|reservation| (model.to_owned(), reservation));
        Ok(())
    }

    /// How much was used of the slices that calls were paid from, to be stored
    /// with what the calls were for. Nothing is prepaid any more.
    pub(crate) fn settled(&self) -> Vec<SliceUse> {
        self.prepaid.lock().take();
        let mut uses: Vec<SliceUse> = self
            .paid_from
            .lock()
            .iter()
            .filter_map(|(slice, id)| slice.use_of(*id))
            .collect();
        uses.sort_unstable_by_key(|one| one.slice.as_uuid());
        uses.dedup();
        uses
    }

    /// Turns texts into vectors: paid like everything else.
    pub(crate) async fn embed(
        &self,
        pool: &NodePool,
        request: EmbedRequest,
    ) -> Result<Embeddings, ModelError> {
        let input = request
            .inputs
            .iter()
            .map(|text| estimate_tokens(text))
            .fold(0, u64::saturating_add);
        let tokens = TokenCounts { input, output: 0 };
        let estimate = Estimate {
            model: &request.model,
            tokens,
        };
        let Some(reservation) = self.reserve(estimate).await? else {
            return pool.embed(request).await;
        };
        let mut meter = Meter::new(reservation, tokens);
        let made = pool.embed(request).await;
        match &made {
            Ok(made) if made.tokens != TokenCounts::default() => meter.counted = Some(made.tokens),
            Ok(_) => {}
            Err(_) => meter.give_up(),
        }
        made
    }

    async fn reserve(&self, estimate: Estimate<'_>) -> Result<Option<Reservation>, ModelError> {
        let prepaid = self.prepaid.lock().take();
        // For another model it is worth nothing, and goes back.
        let prepaid = prepaid.filter(|(model, _)| model == estimate.model);
        let reserved = match prepaid {
            Some((_, mut reservation)) => {
                reservation.extend_to(estimate.tokens).await?;
                Some(reservation)
            }
            None => self.budgets.reserve(self.payer, estimate).await?,
        };
        if let Some(reservation) = &reserved {
            self.note(reservation);
        }
        Ok(reserved)
    }

    fn note(&self, reservation: &Reservation) {
        let mut paid_from = self.paid_from.lock();
        for (slice, id) in reservation.slices() {
            if !paid_from.iter().any(|(_, noted)| *noted == id) {
                paid_from.push((slice, id));
            }
        }
    }
}

impl ModelClient for PaidClient {
    fn chat(&self, request: ChatRequest) -> BoxFuture<'_, Result<Answer, ModelError>> {
        async move {
            let tokens = TokenCounts {
                input: estimate_request(&request),
                output: request.options.max_tokens.map_or(OUTPUT_STEP, u64::from),
            };
            let estimate = Estimate {
                model: &request.model,
                tokens,
            };
            let Some(reservation) = self.reserve(estimate).await? else {
                return self.models.chat(request).await;
            };
            // Dropped with this future when the caller gives up before the
            // first piece: the model has read the question by then.
            let mut meter = Meter::new(reservation, tokens);
            match self.models.chat(request).await {
                Ok(answer) => Ok(Answer {
                    deltas: metered(answer.deltas, meter),
                    ..answer
                }),
                Err(error) => {
                    meter.give_up();
                    Err(error)
                }
            }
        }
        .boxed()
    }
}

/// What a call has taken so far. Settles when it is dropped.
struct Meter {
    reservation: Option<Reservation>,
    input: u64,
    /// What it may write by what is reserved.
    reserved_output: u64,
    /// What it has written, by our estimate.
    output: u64,
    /// What the server counted.
    counted: Option<TokenCounts>,
}

impl Meter {
    const fn new(reservation: Reservation, tokens: TokenCounts) -> Self {
        Self {
            reservation: Some(reservation),
            input: tokens.input,
            reserved_output: tokens.output,
            output: 0,
            counted: None,
        }
    }

    /// Nothing was answered: all of it goes back.
    fn give_up(&mut self) {
        self.reservation = None;
    }

    /// Counts a piece, and reserves more when what was reserved is used up.
    async fn count(&mut self, delta: &ChatDelta) -> Result<(), ModelError> {
        self.output += match delta {
            ChatDelta::Text(text) | ChatDelta::Thinking(text) => estimate_tokens(text),
            ChatDelta::ToolCall { call, .. } => {
                estimate_tokens(&call.name) + estimate_tokens(&call.arguments)
            }
            ChatDelta::Usage(tokens) => {
                self.counted = Some(*tokens);
                0
            }
            ChatDelta::Finish(_) => 0,
        };
        // The last pieces cost nothing more.
        if self.output <= self.reserved_output || self.counted.is_some() {
            return Ok(());
        }
        self.reserved_output = self.output + OUTPUT_STEP;
        let tokens = TokenCounts {
            input: self.input,
            output: self.reserved_output,
        };
        if let Some(reservation) = &mut self.reservation {
            reservation.extend_to(tokens).await?;
        }
        Ok(())
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        if let Some(reservation) = self.reservation.take() {
            reservation.settle(self.counted.unwrap_or(TokenCounts {
                input: self.input,
                output: self.output,
            }));
        }
    }
}

type Deltas = BoxStream<'static, Result<ChatDelta, ModelError>>;

/// The answer, counted as it passes. When it goes beyond what was reserved and
/// no more can be, it ends with that error; what was written is passed on
/// before.
fn metered(deltas: Deltas, meter: Meter) -> Deltas {
    stream::unfold(Metered::Running(deltas, meter), |state| async move {
        let (mut deltas, mut meter) = match state {
            Metered::Running(deltas, meter) => (deltas, meter),
            Metered::Over(error) => return Some((Err(error), Metered::Ended)),
            Metered::Ended => return None,
        };
        let next = deltas.next().await?;
        let after = match &next {
            Ok(delta) => match meter.count(delta).await {
                Ok(()) => Metered::Running(deltas, meter),
                Err(error) => Metered::Over(error),
            },
            Err(_) => Metered::Running(deltas, meter),
        };
        Some((next, after))
    })
    .boxed()
}

enum Metered {
    Running(Deltas, Meter),
    Over(ModelError),
    Ended,
}
