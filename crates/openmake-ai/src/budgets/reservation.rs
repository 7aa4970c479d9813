//! What one call holds of all budgets that bind it.

use std::sync::Arc;

use openmake_store::budgets::{Budget, MAX_LIMIT};
use openmake_types::{BudgetUnit, SliceId, TokenCounts, TokenPrice};

use super::{
    Budgets, SHORT_PATIENCE, Unpaid,
    slice::{Hold, Slice},
};

/// What `tokens` take of a budget of this unit.
pub(super) fn needed(unit: BudgetUnit, price: TokenPrice, tokens: TokenCounts) -> i64 {
    let count = match unit {
        BudgetUnit::Tokens => tokens.input.saturating_add(tokens.output),
        BudgetUnit::Money => price.cost(tokens),
    };
    i64::try_from(count.min(MAX_LIMIT)).unwrap_or(i64::MAX)
}

/// What a call holds. Dropping it without settling gives all of it back.
pub(crate) struct Reservation {
    budgets: Arc<Budgets>,
    price: TokenPrice,
    parts: Vec<Part>,
}

/// What it holds of one budget: of one slice, and of more when the slice was
/// lost or the period ended meanwhile.
pub(super) struct Part {
    pub(super) budget: Arc<Budget>,
    holds: Vec<Hold>,
}

impl Part {
    pub(super) const fn new(budget: Arc<Budget>) -> Self {
        Self {
            budget,
            holds: Vec::new(),
        }
    }

    pub(super) fn hold(&mut self, hold: Hold) {
        let hold = match self.holds.last_mut() {
            Some(last) => match last.absorb(hold) {
                Ok(()) => return,
                Err(other) => other,
            },
            None => hold,
        };
        self.holds.push(hold);
    }

    fn held(&self) -> i64 {
        self.holds.iter().map(Hold::amount).sum()
    }

    /// Pays from the oldest first; what goes beyond all is the last one's.
    fn pay(self, mut actual: i64) {
        let last = self.holds.len().saturating_sub(1);
        for (place, hold) in self.holds.into_iter().enumerate() {
            let share = if place == last {
                actual
            } else {
                actual.min(hold.amount())
            };
            actual -= share;
            hold.pay(share);
        }
    }
}

impl Reservation {
    pub(super) const fn new(budgets: Arc<Budgets>, price: TokenPrice, parts: Vec<Part>) -> Self {
        Self {
            budgets,
            price,
            parts,
        }
    }

    /// Holds as much as `tokens` need, where that is more than is held. What is
    /// held stays held when a budget refuses. A call that runs is not stopped
    /// because nobody can say: what it uses beyond is counted after it.
    pub(super) async fn extend_to(&mut self, tokens: TokenCounts) -> Result<(), Unpaid> {
        for part in &mut self.parts {
            let more = needed(part.budget.unit, self.price, tokens) - part.held();
            if more <= 0 {
                continue;
            }
            match self.budgets.take(&part.budget, more, SHORT_PATIENCE).await {
                Ok(hold) => part.hold(hold),
                Err(Unpaid::Unknown) => {}
                Err(refused) => return Err(refused),
            }
        }
        Ok(())
    }

    /// The call has ended and took `tokens`.
    pub(super) fn settle(self, tokens: TokenCounts) {
        for part in self.parts {
            let actual = needed(part.budget.unit, self.price, tokens);
            part.pay(actual);
        }
    }

    /// The slices that it is paid from.
    pub(super) fn slices(&self) -> impl Iterator<Item = (Arc<Slice>, SliceId)> {
        self.parts
            .iter()
            .flat_map(|part| &part.holds)
            .filter_map(Hold::of)
    }
}
