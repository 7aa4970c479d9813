//! The arithmetic of slices, without a database and without a clock.
//!
//! A [`Ledger`] is one period of one budget. A process draws an [`Account`]
//! of it, its slice, and pays calls from that without asking anyone. Of a
//! slice, `used` is what calls that ended have used, and `committed` is what
//! those and the calls that still run may have used at the most: the process
//! lets no call begin that would pass it. So whatever happens to the process,
//! `committed` covers what its calls used, and the rest of the slice is known
//! to be unused.

/// One period of one budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ledger {
    /// How much may be used.
    pub limit: i64,
    /// How much was used through slices that are closed.
    pub spent: i64,
    /// How much all open slices may use, over their whole life.
    pub drawn: i64,
}

/// One process's slice, as the database has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Account {
    /// What it may use over its whole life.
    pub amount: i64,
    /// What calls that ended have used.
    pub used: i64,
    /// What calls may have used at the most.
    pub committed: i64,
}

/// What a process says of its slice, and what it wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wish {
    /// What calls that ended have used.
    pub used: i64,
    /// What calls that run may use.
    pub reserved: i64,
    /// What the call that waits may use; 0 when none does.
    pub need: i64,
    /// How much to draw beyond that, where there is plenty.
    pub ahead: i64,
    /// What becomes of what it has and does not need.
    pub surplus: Surplus,
}

/// What becomes of what a slice has beyond need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Surplus {
    /// It stays for calls to come.
    Keep,
    /// It goes back.
    Return,
}

/// What the ledger says to a wish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// The slice covers the call that waits.
    Granted,
    /// There is not enough left. Nothing was drawn.
    Refused,
}

/// Of what is left beyond need, one part in this many may be drawn ahead. With
/// less than that many calls' worth there is nothing to draw ahead, so that near
/// the end slices are single calls and none is held back by another process.
const SHARE: i64 = 16;
/// Of what a slice has free, one part in this many is committed ahead of calls:
/// what is lost of it when the process dies.
const COMMIT_SHARE: i64 = 4;

impl Ledger {
    /// What no slice has.
    pub fn left(&self) -> i64 {
        self.limit
            .saturating_sub(self.spent)
            .saturating_sub(self.drawn)
            .max(0)
    }

    /// Brings the books of one slice up to date, and draws for the call that
    /// waits, all of it or nothing.
    pub fn exchange(&mut self, account: &mut Account, wish: &Wish) -> Answer {
        account.used = account.used.max(wish.used);
        // A call that took more than was estimated took it from here.
        self.resize(account, account.amount.max(account.used + wish.reserved));
        let busy = account.used + wish.reserved;
        let mut answer = Answer::Granted;
        let missing = busy + wish.need - account.amount;
        if missing > self.left() {
            answer = Answer::Refused;
        } else if missing > 0 {
            let spare = (self.left() - missing) / SHARE;
            // Whole calls only: half a call's worth would be held for nothing.
            let ahead = spare.min(wish.ahead);
            let ahead = if wish.need > 0 {
                ahead - ahead % wish.need
            } else {
                0
            };
            self.resize(account, account.amount + missing + ahead);
        }
        let busy = match answer {
            Answer::Granted => busy + wish.need,
            Answer::Refused => busy,
        };
        if wish.surplus == Surplus::Return {
            self.resize(account, busy);
        }
        account.committed = busy + (account.amount - busy) / COMMIT_SHARE;
        answer
    }

    /// Closes a slice whose calls have all ended: what it used stays used, the
    /// rest goes back.
    pub fn close(&mut self, account: Account) {
        self.drawn -= account.amount;
        self.spent += account.used;
    }

    /// Closes a slice whose process has been silent for too long: what its
    /// calls may have used counts as used, the rest goes back.
    pub fn expire(&mut self, account: Account) {
        self.drawn -= account.amount;
        self.spent += account.committed.max(account.used);
    }

    fn resize(&mut self, account: &mut Account, amount: i64) {
        self.drawn += amount - account.amount;
        account.amount = amount;
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    const fn wish(need: i64, ahead: i64) -> Wish {
        Wish {
            used: 0,
            reserved: 0,
            need,
            ahead,
            surplus: Surplus::Keep,
        }
    }

    const fn ledger(limit: i64) -> Ledger {
        Ledger {
            limit,
            spent: 0,
            drawn: 0,
        }
    }

    #[test]
    fn with_plenty_left_calls_are_drawn_ahead_and_near_the_end_singly() {
        let mut books = ledger(100_000);
        let mut slice = Account::default();
        assert_eq!(
            books.exchange(&mut slice, &wish(100, 1_000)),
            Answer::Granted
        );
        assert_eq!(slice.amount, 1_100);
        let mut books = ledger(1_000);
        let mut slice = Account::default();
        books.exchange(&mut slice, &wish(100, 1_000));
        assert_eq!((slice.amount, slice.committed), (100, 100));
    }

    #[test]
    fn what_does_not_fit_draws_nothing() {
        let mut books = ledger(99);
        let mut slice = Account::default();
        assert_eq!(books.exchange(&mut slice, &wish(100, 0)), Answer::Refused);
        assert_eq!((books.left(), slice.amount), (99, 0));
        assert_eq!(books.exchange(&mut slice, &wish(99, 0)), Answer::Granted);
        assert_eq!(books.left(), 0);
    }

    #[test]
    fn a_call_that_took_more_than_estimated_is_counted() {
        let mut books = ledger(100);
        let mut slice = Account::default();
        books.exchange(&mut slice, &wish(90, 0));
        let after = Wish {
            used: 120,
            surplus: Surplus::Return,
            ..wish(0, 0)
        };
        books.exchange(&mut slice, &after);
        assert_eq!((books.left(), slice.amount), (0, 120));
        books.close(slice);
        assert_eq!((books.spent, books.drawn), (120, 0));
    }

    /// What a process may do.
    #[derive(Debug, Clone)]
    enum Step {
        Begin { process: usize, need: i64 },
        End { process: usize, share: i64 },
        GiveBack { process: usize },
        Close { process: usize },
        Die { process: usize },
        Expire,
    }

    fn step() -> impl Strategy<Value = Step> {
        let process = 0..3_usize;
        prop_oneof![
            4 => (process.clone(), 1..60_i64).prop_map(|(process, need)| Step::Begin { process, need }),
            3 => (process.clone(), 0..=4_i64).prop_map(|(process, share)| Step::End { process, share }),
            1 => process.clone().prop_map(|process| Step::GiveBack { process }),
            1 => process.clone().prop_map(|process| Step::Close { process }),
            1 => process.prop_map(|process| Step::Die { process }),
            1 => Just(Step::Expire),
        ]
    }

    /// A process as it knows itself.
    #[derive(Debug, Clone, Default)]
    struct Process {
        slice: Account,
        used: i64,
        calls: Vec<i64>,
    }

    impl Process {
        fn reserved(&self) -> i64 {
            self.calls.iter().sum()
        }

        fn wish(&self, need: i64, surplus: Surplus) -> Wish {
            Wish {
                used: self.used,
                reserved: self.reserved(),
                need,
                ahead: need * 8,
                surplus,
            }
        }
    }

    proptest! {
        #[test]
        fn whatever_happens_the_limit_holds(limit in 0..2_000_i64, steps in vec(step(), 1..200)) {
            let mut books = ledger(limit);
            let mut processes = vec![Process::default(); 3];
            let mut dead: Vec<Account> = Vec::new();
            // What was truly used, by calls that ended, died or run, at the worst.
            let mut truly = 0;
            for step in steps {
                match step {
                    Step::Begin { process, need } => {
                        let this = &mut processes[process];
                        let known = this.used + this.reserved() + need <= this.slice.committed;
                        let wish = this.wish(need, Surplus::Keep);
                        if known || books.exchange(&mut this.slice, &wish) == Answer::Granted {
                            this.calls.push(need);
                            truly += need;
                        } else {
                            prop_assert!(need > books.left() + this.slice.amount - this.used - this.reserved());
                        }
                    }
                    Step::End { process, share } => {
                        let this = &mut processes[process];
                        if let Some(reserved) = this.calls.pop() {
                            let actual = reserved * share / 4;
                            this.used += actual;
                            truly -= reserved - actual;
                        }
                    }
                    Step::GiveBack { process } => {
                        let this = &mut processes[process];
                        let wish = this.wish(0, Surplus::Return);
                        books.exchange(&mut this.slice, &wish);
                        prop_assert_eq!(this.slice.amount, this.used + this.reserved());
                    }
                    Step::Close { process } => {
                        let this = &mut processes[process];
                        if this.calls.is_empty() {
                            let used = this.used;
                            books.close(Account { used, ..this.slice });
                            *this = Process::default();
                        }
                    }
                    // Its calls may have used all that they reserved.
                    Step::Die { process } => dead.push(std::mem::take(&mut processes[process]).slice),
                    Step::Expire => dead.drain(..).for_each(|slice| books.expire(slice)),
                }
                let open: i64 = processes.iter().map(|process| process.slice.amount)
                    .chain(dead.iter().map(|slice| slice.amount)).sum();
                prop_assert_eq!(books.drawn, open);
                prop_assert!(books.spent + books.drawn <= limit, "{:?}", books);
                prop_assert!(truly <= books.spent + books.drawn, "{} of {:?}", truly, books);
            }
        }

        #[test]
        fn alone_a_process_gets_all_of_a_budget(limit in 1..5_000_i64, need in 1..200_i64) {
            let mut books = ledger(limit);
            let mut process = Process::default();
            loop {
                let wish = process.wish(need, Surplus::Keep);
                if books.exchange(&mut process.slice, &wish) == Answer::Refused {
                    break;
                }
                process.calls.push(need);
            }
            prop_assert_eq!(i64::try_from(process.calls.len()), Ok(limit / need));
        }
    }
}
