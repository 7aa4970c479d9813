//! This process's slice of one period of one budget.
//!
//! The database knows how much of the slice calls may have used at the most
//! (`committed`), and no call begins that would pass it. So a process that dies
//! loses what its calls held and a part of what it had free, and the rest of
//! the slice goes back when its time is over.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use chrono::NaiveDate;
use openmake_store::budgets::{
    Budget,
    ledger::{Account, Surplus, Wish},
    slices::{Closing, Renewal, SliceUse},
};
use openmake_types::{BudgetId, BudgetPeriod, BudgetSubject, BudgetUnit, SliceId};
use parking_lot::Mutex;
use tokio::time::Instant;
use uuid::Uuid;

/// The slice is not used in the last seconds of its time: a call that begins
/// must be known before others may take the slice back.
const MARGIN: Duration = Duration::from_secs(10);
/// For how long a refusal is repeated without asking again, unless something
/// comes back in this process.
const REPEAT_REFUSAL: Duration = Duration::from_millis(250);
/// Draws that follow each other faster than this draw more and more ahead.
const HURRY: Duration = Duration::from_secs(1);
/// How many calls' worth is drawn ahead at the most.
const MAX_AHEAD: i64 = 256;

/// A slice, and what it is a slice of.
#[derive(Debug)]
pub(super) struct Slice {
    pub(super) budget: BudgetId,
    pub(super) subject: BudgetSubject,
    pub(super) subject_id: Uuid,
    pub(super) unit: BudgetUnit,
    pub(super) period: BudgetPeriod,
    pub(super) period_start: NaiveDate,
    /// The version of the budget that its books were made for.
    version: AtomicI64,
    /// Held by whoever changes the slice in the database.
    pub(super) exchanging: Arc<tokio::sync::Mutex<()>>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// None before the first draw, and after the slice was closed or lost.
    id: Option<SliceId>,
    /// Counts the writes of this slice.
    seq: i64,
    /// As the database has it; `committed` never more than there.
    account: Account,
    /// What calls that ended have used.
    used: i64,
    /// What calls that run hold.
    reserved: i64,
    /// Until when it is surely ours.
    ours_until: Instant,
    touched: Instant,
    drew: Instant,
    ahead: i64,
    last_need: i64,
    left: i64,
    refused: Option<Instant>,
}

/// Part of a slice that a call may use. Dropping it without paying gives it
/// back.
#[derive(Debug)]
pub(super) struct Hold {
    slice: Arc<Slice>,
    /// The slice that it is of. When that is lost, what is held has been counted
    /// as used, and nothing is to be done any more.
    id: Option<SliceId>,
    amount: i64,
}

/// What is to be written of a slice.
#[derive(Debug, Clone, Copy)]
pub(super) struct Written {
    pub(super) slice: SliceId,
    pub(super) seq: i64,
    pub(super) wish: Wish,
}

/// That an exchange was written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wrote {
    pub(super) slice: SliceId,
    /// Until when the slice is surely ours.
    pub(super) ours_until: Instant,
}

/// What a slice wants when nobody waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Chore {
    /// Nothing.
    None,
    /// Its use is to be written, or its time to be prolonged.
    Renew,
    /// It has more than it needs, or used more than it had.
    Exchange,
    /// No call has needed it for some time, or its period is over.
    Close,
}

impl Slice {
    pub(super) fn new(budget: &Budget, period_start: NaiveDate) -> Self {
        let now = Instant::now();
        Self {
            budget: budget.id,
            subject: budget.subject,
            subject_id: budget.subject_id,
            unit: budget.unit,
            period: budget.period,
            period_start,
            version: AtomicI64::new(budget.version),
            exchanging: Arc::default(),
            state: Mutex::new(State {
                id: None,
                seq: 0,
                account: Account::default(),
                used: 0,
                reserved: 0,
                ours_until: now,
                touched: now,
                drew: now,
                ahead: 0,
                last_need: 0,
                left: 0,
                refused: None,
            }),
        }
    }

    /// Holds `need`, if the database knows that much to be committed.
    pub(super) fn take(self: &Arc<Self>, need: i64) -> Option<Hold> {
        let mut state = self.state.lock();
        let id = state.id?;
        let now = Instant::now();
        let fits = state.used + state.reserved + need <= state.account.committed;
        if !fits || now + MARGIN >= state.ours_until {
            return None;
        }
        state.reserved += need;
        state.touched = now;
        Some(Hold {
            slice: Arc::clone(self),
            id: Some(id),
            amount: need,
        })
    }

    /// What is left, if so much was refused a moment ago.
    pub(super) fn refused_just_now(&self, need: i64) -> Option<i64> {
        let state = self.state.lock();
        let repeats = state
            .refused
            .is_some_and(|at| at.elapsed() < REPEAT_REFUSAL);
        let left = state.left + state.free().max(0);
        (repeats && need > left).then_some(left)
    }

    /// What a removed budget holds: nothing.
    pub(super) fn unbound(self: &Arc<Self>) -> Hold {
        Hold {
            slice: Arc::clone(self),
            id: None,
            amount: 0,
        }
    }

    /// Holds `need` ahead of an exchange that is to cover it, and says what to
    /// write. The hold counts only when the exchange grants it.
    pub(super) fn wish(
        self: &Arc<Self>,
        need: i64,
        id: impl FnOnce() -> SliceId,
    ) -> (Hold, Written) {
        let mut state = self.state.lock();
        let now = Instant::now();
        let hurried = state.drew.elapsed() < HURRY && state.id.is_some();
        state.ahead = if hurried {
            (state.ahead.saturating_mul(2)).clamp(need, need.saturating_mul(MAX_AHEAD))
        } else {
            (state.ahead / 2).clamp(need, need.saturating_mul(MAX_AHEAD))
        };
        (state.drew, state.touched, state.last_need) = (now, now, need);
        if state.id.is_none() {
            state.begin(id());
        }
        let ahead = state.ahead;
        let written = state.written(need, ahead, Surplus::Keep);
        state.reserved += need;
        state.guard();
        let hold = Hold {
            slice: Arc::clone(self),
            id: state.id,
            amount: need,
        };
        drop(state);
        (hold, written)
    }

    /// What to write when nobody waits.
    pub(super) fn chore_wish(&self) -> Option<Written> {
        let mut state = self.state.lock();
        state.id?;
        let written = state.written(0, 0, Surplus::Return);
        state.guard();
        Some(written)
    }

    /// The exchange was written. `left` is what no slice has.
    pub(super) fn exchanged(&self, account: Account, left: i64, written: &Wrote) {
        let mut state = self.state.lock();
        if state.id == Some(written.slice) {
            state.account = account;
            state.ours_until = written.ours_until;
            state.refused = None;
            state.left = left;
        }
    }

    /// The exchange refused what was wished for. Gives what is left, with what
    /// this process has free.
    pub(super) fn was_refused(&self) -> i64 {
        let mut state = self.state.lock();
        state.refused = Some(Instant::now());
        state.left + state.free().max(0)
    }

    /// The slice was taken back: what its calls hold has been counted.
    pub(super) fn lost(&self, id: SliceId) {
        let mut state = self.state.lock();
        if state.id == Some(id) {
            state.forget();
        }
    }

    /// How much of the slice with this id was used, while it is ours.
    pub(super) fn use_of(&self, id: SliceId) -> Option<SliceUse> {
        let state = self.state.lock();
        (state.id == Some(id)).then_some(SliceUse {
            slice: id,
            used: state.used,
        })
    }

    /// What is to be done now.
    pub(super) fn chore(&self, standing: Standing) -> Chore {
        let state = self.state.lock();
        if state.id.is_none() {
            return Chore::None;
        }
        let idle = state.touched.elapsed();
        if state.reserved == 0 && (standing == Standing::Over || idle >= CLOSE_AFTER) {
            return Chore::Close;
        }
        let scarce = state.left < state.last_need.saturating_mul(SCARCE);
        let returns = standing != Standing::Current || scarce || idle >= RETURN_AFTER;
        if state.free() < 0 || (state.free() > 0 && returns) {
            return Chore::Exchange;
        }
        let old = state.ours_until.saturating_duration_since(Instant::now()) < RENEW_BEFORE;
        if old || state.used != state.account.used {
            return Chore::Renew;
        }
        Chore::None
    }

    /// What to say of the slice among many.
    pub(super) fn renewal(&self) -> Option<Renewal> {
        let mut state = self.state.lock();
        let slice = state.id?;
        state.seq += 1;
        state.guard();
        let busy = state.used + state.reserved;
        Some(Renewal {
            slice,
            seq: state.seq,
            used: state.used,
            // Calls that begin before this is written are within what it was.
            committed: busy + state.free().max(0) / 4,
        })
    }

    /// It was written.
    pub(super) fn renewed(&self, renewal: &Renewal, ours_until: Instant) {
        let mut state = self.state.lock();
        if state.id == Some(renewal.slice) {
            state.account.used = renewal.used;
            state.account.committed = renewal.committed;
            state.ours_until = ours_until;
        }
    }

    /// Takes the slice away from calls, to close it; none while any run.
    pub(super) fn close(&self) -> Option<Closing> {
        let mut state = self.state.lock();
        if state.reserved > 0 {
            return None;
        }
        let slice = SliceUse {
            slice: state.id?,
            used: state.used,
        };
        state.forget();
        Some(Closing {
            slice,
            budget: self.budget,
            period_start: self.period_start,
        })
    }

    /// How it stands to the budget's version as it is known now, and whether its
    /// period is over.
    pub(super) fn standing(&self, version: Option<i64>, period_start: NaiveDate) -> Standing {
        match version {
            Some(_) if period_start != self.period_start => Standing::Over,
            None => Standing::Over,
            Some(version) if version == self.version.load(Ordering::Relaxed) => Standing::Current,
            Some(_) => Standing::Changed,
        }
    }

    /// Its books were brought up to date for this version of the budget.
    pub(super) fn is_up_to_date_with(&self, version: i64) {
        self.version.store(version, Ordering::Relaxed);
    }

    /// Whether there is nothing to remember.
    pub(super) fn is_empty(&self) -> bool {
        self.state.lock().id.is_none()
    }
}

/// How a slice stands to what is known of its budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// It is of the budget as it is now, and of the period that is now.
    Current,
    /// The limit has changed since.
    Changed,
    /// The budget or the period is over.
    Over,
}

/// After how long without a call a slice is closed …
const CLOSE_AFTER: Duration = Duration::from_secs(5);
/// … and what it has free goes back.
const RETURN_AFTER: Duration = Duration::from_secs(1);
/// With fewer calls' worth left than this, what is free goes back at once.
const SCARCE: i64 = 16;
/// How long before its time is over a slice is renewed.
const RENEW_BEFORE: Duration = Duration::from_secs(40);

impl State {
    const fn free(&self) -> i64 {
        self.account.amount - self.used - self.reserved
    }

    fn begin(&mut self, id: SliceId) {
        self.id = Some(id);
        self.seq = 0;
        self.account = Account::default();
        (self.used, self.reserved) = (0, 0);
    }

    fn forget(&mut self) {
        self.id = None;
        self.account = Account::default();
        (self.used, self.reserved) = (0, 0);
    }

    /// From now until the write is known to be done, calls keep within what the
    /// database has before it and after it.
    fn guard(&mut self) {
        self.account.committed = self.account.committed.min(self.used + self.reserved);
    }

    fn written(&mut self, need: i64, ahead: i64, surplus: Surplus) -> Written {
        self.seq += 1;
        Written {
            slice: self.id.unwrap_or_else(|| SliceId::from_uuid(Uuid::nil())),
            seq: self.seq,
            wish: Wish {
                used: self.used,
                reserved: self.reserved,
                need,
                ahead,
                surplus,
            },
        }
    }
}

impl Hold {
    /// How much is held.
    pub(super) const fn amount(&self) -> i64 {
        self.amount
    }

    /// The slice and its id, where it is of one.
    pub(super) fn of(&self) -> Option<(Arc<Slice>, SliceId)> {
        Some((Arc::clone(&self.slice), self.id?))
    }

    /// The call has ended and used `actual`, which may be more than was held.
    pub(super) fn pay(mut self, actual: i64) {
        self.end(actual);
    }

    /// Makes one hold of two of the same slice.
    pub(super) fn absorb(&mut self, mut other: Self) -> Result<(), Self> {
        if self.id != other.id || !Arc::ptr_eq(&self.slice, &other.slice) {
            return Err(other);
        }
        self.amount += std::mem::take(&mut other.amount);
        Ok(())
    }

    fn end(&mut self, actual: i64) {
        let held = std::mem::take(&mut self.amount);
        if held == 0 && actual == 0 {
            return;
        }
        let mut state = self.slice.state.lock();
        if self.id.is_some() && state.id == self.id {
            state.reserved -= held;
            state.used += actual;
            state.touched = Instant::now();
            if actual < held {
                state.refused = None;
            }
        }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.end(0);
    }
}
