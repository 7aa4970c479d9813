//! Budgets: how much of what may be used in which time, and what it costs.

use std::fmt;

use chrono::{DateTime, Datelike as _, Days, Months, NaiveDate, NaiveTime, Utc};
use uuid::Uuid;

use crate::{BudgetId, ErrorKind, TokenCounts, content::named};

named! {
    /// Whom a budget binds.
    BudgetSubject {
        /// The calls of one key.
        Key = "key",
        /// The calls of one account, over all its keys.
        User = "user",
        /// The calls of all members of a group together.
        Group = "group",
    }
}

named! {
    /// What a budget counts.
    BudgetUnit {
        /// Tokens, read and written alike.
        Tokens = "tokens",
        /// Money, in millionths of the instance's currency.
        Money = "money",
    }
}

named! {
    /// After what time a budget begins anew, in UTC.
    BudgetPeriod {
        /// At midnight.
        Day = "day",
        /// At the midnight before the first of the month.
        Month = "month",
    }
}

impl BudgetPeriod {
    /// The first day of the period that `now` is in.
    pub fn start(self, now: DateTime<Utc>) -> NaiveDate {
        let day = now.date_naive();
        match self {
            Self::Day => day,
            Self::Month => day.with_day(1).unwrap_or(day),
        }
    }

    /// When the period that began on `start` is over.
    pub fn end(self, start: NaiveDate) -> DateTime<Utc> {
        let next = match self {
            Self::Day => start.checked_add_days(Days::new(1)),
            Self::Month => start.checked_add_months(Months::new(1)),
        };
        next.unwrap_or(NaiveDate::MAX)
            .and_time(NaiveTime::MIN)
            .and_utc()
    }
}

/// What a model's tokens cost, in millionths of the currency for a million
/// tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TokenPrice {
    /// For tokens that are read.
    pub input: u64,
    /// For tokens that are written.
    pub output: u64,
}

impl TokenPrice {
    /// What `tokens` cost, in millionths of the currency, rounded up.
    pub fn cost(self, tokens: TokenCounts) -> u64 {
        let cost = |count: u64, price: u64| u128::from(count) * u128::from(price);
        let total = cost(tokens.input, self.input) + cost(tokens.output, self.output);
        u64::try_from(total.div_ceil(1_000_000)).unwrap_or(u64::MAX)
    }
}

/// A model was not asked since a budget has not enough left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BudgetRefusal {
    /// The budget.
    pub budget: BudgetId,
    /// Whom it binds.
    pub subject: BudgetSubject,
    /// The key, account or group.
    pub subject_id: Uuid,
    /// What it counts.
    pub unit: BudgetUnit,
    /// After what time it begins anew.
    pub period: BudgetPeriod,
    /// How much it is, in tokens or millionths of the currency.
    pub limit: u64,
    /// How much nobody has used or holds for a call that runs.
    pub remaining: u64,
    /// How much this call would have needed, by the estimate.
    pub needed: u64,
    /// When it begins anew.
    pub renews_at: DateTime<Utc>,
    /// How many seconds that is away, at least one.
    pub renews_in_seconds: u64,
}

impl BudgetRefusal {
    /// The kind, for status codes.
    pub const fn kind(&self) -> ErrorKind {
        match self.unit {
            BudgetUnit::Money => ErrorKind::QuotaExceeded,
            BudgetUnit::Tokens => ErrorKind::RateLimited,
        }
    }

    /// What programs key on.
    pub const fn code(&self) -> &'static str {
        match self.unit {
            BudgetUnit::Money => "budget_exhausted",
            BudgetUnit::Tokens => "token_budget_exhausted",
        }
    }

    /// What to do about it.
    pub const fn hint(&self) -> &'static str {
        match self.unit {
            BudgetUnit::Money => {
                "Wait until the budget begins anew, choose a cheaper model, or ask an \
                 administrator to raise it."
            }
            BudgetUnit::Tokens => {
                "Wait until the budget begins anew, ask for less at once, or ask an administrator \
                 to raise it."
            }
        }
    }
}

impl fmt::Display for BudgetRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let period = match self.period {
            BudgetPeriod::Day => "daily",
            BudgetPeriod::Month => "monthly",
        };
        let subject = match self.subject {
            BudgetSubject::Key => "key",
            BudgetSubject::User => "account",
            BudgetSubject::Group => "group",
        };
        match self.unit {
            BudgetUnit::Tokens => write!(
                f,
                "the {period} token budget of this {subject} has {} of {} tokens left, and this \
                 needs about {}",
                self.remaining, self.limit, self.needed
            ),
            BudgetUnit::Money => write!(
                f,
                "the {period} budget of this {subject} has {} of {} left, and this needs about {}",
                Money(self.remaining),
                Money(self.limit),
                Money(self.needed)
            ),
        }
    }
}

impl std::error::Error for BudgetRefusal {}

/// Millionths of the currency, as people write money: two digits behind the
/// point, or as many more as it has.
struct Money(u64);

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, mut rest) = (self.0 / 1_000_000, self.0 % 1_000_000);
        let mut digits = 6;
        while digits > 2 && rest.is_multiple_of(10) {
            rest /= 10;
            digits -= 1;
        }
        write!(f, "{whole}.{rest:0digits$}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().expect("a time")
    }

    #[test]
    fn periods_begin_and_end_at_midnight_in_utc() {
        for (period, now, start, end) in [
            (
                BudgetPeriod::Day,
                "2026-02-28T23:59:59.999Z",
                "2026-02-28",
                "2026-03-01T00:00:00Z",
            ),
            (
                BudgetPeriod::Day,
                "2026-03-01T00:00:00Z",
                "2026-03-01",
                "2026-03-02T00:00:00Z",
            ),
            (
                BudgetPeriod::Month,
                "2026-12-31T23:59:59Z",
                "2026-12-01",
                "2027-01-01T00:00:00Z",
            ),
            (
                BudgetPeriod::Month,
                "2024-02-29T12:00:00Z",
                "2024-02-01",
                "2024-03-01T00:00:00Z",
            ),
        ] {
            let first = period.start(at(now));
            assert_eq!(first.to_string(), start);
            assert_eq!(period.end(first), at(end));
        }
    }

    #[test]
    fn a_price_is_for_a_million_tokens_and_rounds_up() {
        // 2.50 for a million read, 10.00 for a million written.
        let price = TokenPrice {
            input: 2_500_000,
            output: 10_000_000,
        };
        let cost = |input, output| price.cost(TokenCounts { input, output });
        assert_eq!(cost(1_000_000, 1_000_000), 12_500_000);
        assert_eq!(cost(1, 0), 3);
        assert_eq!(cost(0, 0), 0);
        assert_eq!(cost(u64::MAX, u64::MAX), u64::MAX);
    }

    #[test]
    fn money_is_written_as_people_write_it() {
        for (micros, text) in [
            (0, "0.00"),
            (5_000_000, "5.00"),
            (1_234_500, "1.2345"),
            (1, "0.000001"),
            (100_000, "0.10"),
        ] {
            assert_eq!(Money(micros).to_string(), text);
        }
    }
}
