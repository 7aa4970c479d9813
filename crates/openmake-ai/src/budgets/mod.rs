//! Budgets: no call of a model begins before what it may cost is reserved, and
//! what it did cost is settled after it.
//!
//! A process knows all budgets ([`known`]) and draws a slice of each that its
//! calls need ([`mod@slice`]), so that most calls ask the database nothing, and
//! calls that no budget binds never do. [`client`] is what asks models.

pub(crate) mod client;
pub(crate) mod keep;
mod known;
mod reservation;
mod slice;

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use chrono::NaiveDate;
use openmake_models::ModelError;
use openmake_store::{
    Store, StoreError,
    budgets::{
        Budget,
        ledger::Answer,
        slices::{Exchange, Exchanged},
    },
};
use openmake_types::{
    Actor, ApiKeyId, BudgetId, BudgetRefusal, Clock, Ids, ProcessId, SliceId, TokenCounts, UserId,
};
use parking_lot::{Mutex, RwLock};
use tokio::time::{Instant, sleep, timeout};

use self::{
    known::Known,
    reservation::{Part, Reservation, needed},
    slice::{Hold, Slice, Wrote},
};
use crate::metrics::Metrics;

/// For how long a slice is left alone when its process is not heard of.
const KEEP_FOR: Duration = Duration::from_mins(1);
/// How long one statement may take.
const ATTEMPT: Duration = Duration::from_secs(5);
/// How long a call waits for a database that is out.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long an answer that is being written does.
const SHORT_PATIENCE: Duration = Duration::from_secs(2);

/// Who pays for a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Payer {
    /// The account.
    pub(crate) user: UserId,
    /// The key, where a program asked.
    pub(crate) api_key: Option<ApiKeyId>,
}

impl From<&Actor> for Payer {
    fn from(actor: &Actor) -> Self {
        Self {
            user: actor.user_id,
            api_key: actor.api_key_id,
        }
    }
}

/// What the budgets of a process are made of.
pub(crate) struct BudgetParts {
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<dyn Ids>,
    pub(crate) process: ProcessId,
    pub(crate) metrics: Metrics,
}

/// The budgets, as this process knows and uses them.
pub(crate) struct Budgets {
    parts: BudgetParts,
    known: RwLock<Arc<Known>>,
    slices: Mutex<HashMap<(BudgetId, NaiveDate), Arc<Slice>>>,
    /// Whether the last look at the store failed: said once in the log.
    failing: AtomicBool,
}

/// Why a call may not begin.
#[derive(Debug)]
pub(crate) enum Unpaid {
    /// A budget has not enough left.
    Refused(Box<BudgetRefusal>),
    /// Nobody can say now.
    Unknown,
}

impl From<Unpaid> for ModelError {
    fn from(unpaid: Unpaid) -> Self {
        match unpaid {
            Unpaid::Refused(refusal) => Self::BudgetExhausted(refusal),
            Unpaid::Unknown => Self::BudgetUnknown,
        }
    }
}

/// A call whose cost is to be reserved.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Estimate<'a> {
    /// The real model.
    pub(crate) model: &'a str,
    /// What it will read and write at the most.
    pub(crate) tokens: TokenCounts,
}

impl Budgets {
    pub(crate) fn new(parts: BudgetParts) -> Self {
        Self {
            parts,
            known: RwLock::default(),
            slices: Mutex::default(),
            failing: AtomicBool::new(false),
        }
    }

    /// Reads what changed since the last time.
    pub(crate) async fn refresh(&self) -> Result<(), StoreError> {
        let known = self.known.read().fingerprint();
        let now = self.parts.clock.now();
        let store = self.parts.store.budgets();
        let read = timeout(ATTEMPT, store.news(known, now)).await;
        let failed = !matches!(read, Ok(Ok(_)));
        let failed_before = self.failing.swap(failed, Ordering::Relaxed);
        match read {
            Ok(Ok(None)) => Ok(()),
            Ok(Ok(Some(news))) => {
                *self.known.write() = Arc::new(Known::new(news));
                Ok(())
            }
            Ok(Err(error)) => {
                if !failed_before {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "the budgets could not be read again; those that are known hold"
                    );
                }
                Err(error)
            }
            Err(_) => {
                if !failed_before {
                    tracing::warn!("the budgets were not read in time; those that are known hold");
                }
                Ok(())
            }
        }
    }

    /// Reserves what a call may cost, of every budget that binds it. None where
    /// none does: nothing was asked then.
    pub(crate) async fn reserve(
        self: &Arc<Self>,
        payer: Payer,
        estimate: Estimate<'_>,
    ) -> Result<Option<Reservation>, Unpaid> {
        let known = Arc::clone(&self.known.read());
        let budgets = known.of(payer);
        if budgets.is_empty() {
            return Ok(None);
        }
        let price = known.price(estimate.model);
        let mut parts = Vec::with_capacity(budgets.len());
        for budget in budgets {
            let need = needed(budget.unit, price, estimate.tokens);
            let mut part = Part::new(budget);
            // A model without a price takes nothing of a budget for money.
            if need > 0 {
                // What was held of the others goes back with `parts`.
                let hold = self.take(&part.budget, need, PATIENCE).await?;
                part.hold(hold);
            }
            parts.push(part);
        }
        Ok(Some(Reservation::new(Arc::clone(self), price, parts)))
    }

    /// Holds `need` of a budget, in the period that is now.
    async fn take(
        &self,
        budget: &Arc<Budget>,
        need: i64,
        patience: Duration,
    ) -> Result<Hold, Unpaid> {
        let slice = self.slice(budget);
        if let Some(hold) = slice.take(need) {
            return Ok(hold);
        }
        if let Some(left) = slice.refused_just_now(need) {
            return Err(self.refusal(&slice, budget.limit, left, need));
        }
        // One exchange at a time; who waited often finds what it needs.
        let _exchanging = slice.exchanging.lock().await;
        let deadline = Instant::now() + patience;
        let mut pause = Duration::from_millis(50);
        loop {
            if let Some(hold) = slice.take(need) {
                return Ok(hold);
            }
            match self.draw(&slice, need).await {
                Ok(Drawn::Held(hold)) => return Ok(hold),
                Ok(Drawn::Refused { left, limit }) => {
                    return Err(self.refusal(&slice, limit, left, need));
                }
                // The slice was taken back meanwhile: a new one is drawn.
                Ok(Drawn::Gone) => {}
                // The budget was removed a moment ago.
                Err(StoreError::NotFound) => return Ok(slice.unbound()),
                Ok(Drawn::Late) | Err(StoreError::Unavailable(_))
                    if Instant::now() + pause < deadline =>
                {
                    sleep(pause).await;
                    pause = (pause * 2).min(Duration::from_secs(1));
                }
                Ok(Drawn::Late) => return Err(Unpaid::Unknown),
                Err(error) => {
                    tracing::warn!(
                        budget = %budget.id,
                        error = &error as &dyn std::error::Error,
                        "nothing could be drawn of a budget"
                    );
                    return Err(Unpaid::Unknown);
                }
            }
        }
    }

    async fn draw(&self, slice: &Arc<Slice>, need: i64) -> Result<Drawn, StoreError> {
        // Counted from now on, so that what else comes does not take it away.
        // When this is dropped, it is given up.
        let (hold, wish) = slice.wish(need, || {
            SliceId::from_uuid(self.parts.ids.uuid(self.parts.clock.now()))
        });
        let sent = Instant::now();
        let exchange = Exchange {
            slice: wish.slice,
            budget: slice.budget,
            period_start: slice.period_start,
            process: self.parts.process,
            seq: wish.seq,
            wish: wish.wish,
            keep_for: KEEP_FOR,
        };
        self.parts.metrics.exchanged();
        let store = self.parts.store.budgets();
        let Ok(exchanged) = timeout(ATTEMPT, store.exchange(&exchange)).await else {
            return Ok(Drawn::Late);
        };
        match exchanged? {
            Exchanged::Gone => {
                slice.lost(wish.slice);
                Ok(Drawn::Gone)
            }
            Exchanged::Settled {
                answer,
                account,
                left,
                limit,
            } => {
                let wrote = Wrote {
                    slice: wish.slice,
                    ours_until: sent + KEEP_FOR,
                };
                slice.exchanged(account, left, &wrote);
                if answer == Answer::Granted {
                    return Ok(Drawn::Held(hold));
                }
                drop(hold);
                let left = slice.was_refused();
                Ok(Drawn::Refused { left, limit })
            }
        }
    }

    /// This process's slice of a budget, in the period that is now.
    fn slice(&self, budget: &Budget) -> Arc<Slice> {
        let start = budget.period.start(self.parts.clock.now());
        let mut slices = self.slices.lock();
        let slice = slices
            .entry((budget.id, start))
            .or_insert_with(|| Arc::new(Slice::new(budget, start)));
        Arc::clone(slice)
    }

    fn refusal(&self, slice: &Slice, limit: i64, left: i64, need: i64) -> Unpaid {
        let now = self.parts.clock.now();
        let renews_at = slice.period.end(slice.period_start);
        let seconds = renews_at.signed_duration_since(now).num_seconds() + 1;
        let count = |number: i64| u64::try_from(number).unwrap_or(0);
        self.parts.metrics.refused(slice.unit);
        Unpaid::Refused(Box::new(BudgetRefusal {
            budget: slice.budget,
            subject: slice.subject,
            subject_id: slice.subject_id,
            unit: slice.unit,
            period: slice.period,
            limit: count(limit),
            remaining: count(left).min(count(limit)),
            needed: count(need),
            renews_at,
            renews_in_seconds: count(seconds).max(1),
        }))
    }
}

/// What drawing came to.
enum Drawn {
    Held(Hold),
    Refused {
        left: i64,
        limit: i64,
    },
    Gone,
    /// The database did not answer in time.
    Late,
}
