//! A circuit breaker: a server that keeps failing is left alone for a while.

use std::time::Duration;

use tokio::time::Instant;

/// Failures in a row that open it.
const FAILURES: u32 = 3;
/// How long it stays open at first; doubled with every trial that fails.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
/// The longest that it stays open.
const LONGEST_PAUSE: Duration = Duration::from_mins(5);

/// The breaker of one node.
#[derive(Debug)]
pub(super) struct Breaker {
    state: State,
    pause: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Requests pass.
    Closed { failures: u32 },
    /// None pass before `until`; then one may try.
    Open { until: Instant },
    /// One request tries; the others wait for how it goes.
    Trying,
}

/// Whether a request may pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admission {
    /// It may.
    Pass,
    /// It may, and decides for all others.
    Trial,
    /// It may not.
    Refuse,
}

impl Default for Breaker {
    fn default() -> Self {
        Self {
            state: State::Closed { failures: 0 },
            pause: FIRST_PAUSE,
        }
    }
}

impl Breaker {
    pub(super) fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed { .. })
    }

    /// Whether a request that came now would be admitted.
    pub(super) fn would_admit(&self) -> bool {
        match self.state {
            State::Closed { .. } => true,
            State::Open { until } => Instant::now() >= until,
            State::Trying => false,
        }
    }

    pub(super) fn admit(&mut self) -> Admission {
        match self.state {
            State::Closed { .. } => Admission::Pass,
            State::Open { until } if Instant::now() >= until => {
                self.state = State::Trying;
                Admission::Trial
            }
            State::Open { .. } | State::Trying => Admission::Refuse,
        }
    }

    /// The server has begun to answer: it works again, though failures in
    /// mid-answer still count.
    pub(super) fn answering(&mut self) {
        if !self.is_closed() {
            self.state = State::Closed { failures: 0 };
            self.pause = FIRST_PAUSE;
        }
    }

    /// The server has answered in full.
    pub(super) fn succeeded(&mut self) {
        *self = Self::default();
    }

    /// The server has failed.
    pub(super) fn failed(&mut self) {
        self.state = match self.state {
            State::Closed { failures } if failures + 1 < FAILURES => State::Closed {
                failures: failures + 1,
            },
            State::Closed { .. } => State::Open {
                until: Instant::now() + self.pause,
            },
            State::Trying => {
                self.pause = self.pause.saturating_mul(2).min(LONGEST_PAUSE);
                State::Open {
                    until: Instant::now() + self.pause,
                }
            }
            // A request from before it opened says nothing new.
            open @ State::Open { .. } => open,
        };
    }

    /// The trial ended without saying anything of the server: the next request
    /// may try.
    pub(super) fn abandoned(&mut self) {
        if self.state == State::Trying {
            self.state = State::Open {
                until: Instant::now(),
            };
        }
    }

    /// The server can be reached again after it could not: no need to wait.
    pub(super) fn reachable(&mut self) {
        if matches!(self.state, State::Open { .. }) {
            self.state = State::Open {
                until: Instant::now(),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened() -> Breaker {
        let mut breaker = Breaker::default();
        for _ in 0..FAILURES {
            assert_eq!(breaker.admit(), Admission::Pass);
            breaker.failed();
        }
        breaker
    }

    #[tokio::test(start_paused = true)]
    async fn failures_in_a_row_open_it_and_a_trial_closes_it() {
        let mut breaker = opened();
        assert_eq!(breaker.admit(), Admission::Refuse);
        tokio::time::advance(FIRST_PAUSE).await;
        assert_eq!(breaker.admit(), Admission::Trial);
        assert_eq!(breaker.admit(), Admission::Refuse, "one at a time");
        breaker.answering();
        assert_eq!(breaker.admit(), Admission::Pass);
    }

    #[tokio::test(start_paused = true)]
    async fn failures_between_successes_do_not_open_it() {
        let mut breaker = Breaker::default();
        for _ in 0..10 {
            breaker.failed();
            breaker.failed();
            breaker.succeeded();
        }
        assert!(breaker.is_closed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_always_breaks_off_in_mid_answer_opens_it() {
        let mut breaker = Breaker::default();
        for _ in 0..FAILURES {
            breaker.answering();
            breaker.failed();
        }
        assert!(!breaker.is_closed());
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_double_up_to_a_limit() {
        let mut breaker = opened();
        let mut pauses = Vec::new();
        for _ in 0..8 {
            let State::Open { until } = breaker.state else {
                panic!("it should be open")
            };
            let pause = until - Instant::now();
            pauses.push(pause.as_secs());
            tokio::time::advance(pause).await;
            assert_eq!(breaker.admit(), Admission::Trial);
            breaker.failed();
        }
        assert_eq!(pauses, [5, 10, 20, 40, 80, 160, 300, 300]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_trial_that_is_given_up_lets_the_next_one_try() {
        let mut breaker = opened();
        tokio::time::advance(FIRST_PAUSE).await;
        assert_eq!(breaker.admit(), Admission::Trial);
        breaker.abandoned();
        assert_eq!(breaker.admit(), Admission::Trial);
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_is_back_need_not_wait() {
        let mut breaker = opened();
        assert!(!breaker.would_admit());
        breaker.reachable();
        assert_eq!(breaker.admit(), Admission::Trial);
    }
}
