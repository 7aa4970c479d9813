//! What a turn costs, over all its model calls.

use std::time::Duration;

use openmake_types::{TokenCounts, TurnMetrics};
use tokio::time::Instant;

/// Counts tokens and time.
#[derive(Debug)]
pub(super) struct Meter {
    started: Instant,
    tokens: TokenCounts,
    estimated: bool,
    first_token: Option<Instant>,
    /// Time in which the model wrote, over all calls.
    writing: Duration,
}

/// One model call.
#[derive(Debug)]
pub(super) struct CallMeter {
    /// What it reads, by our estimate.
    pub(super) estimated_input: u64,
    /// What it wrote, by our estimate.
    pub(super) estimated_output: u64,
    /// What the server counted.
    pub(super) counted: Option<TokenCounts>,
    /// When the first piece came.
    pub(super) first: Option<Instant>,
}

impl Meter {
    pub(super) const fn new(started: Instant) -> Self {
        Self {
            started,
            tokens: TokenCounts {
                input: 0,
                output: 0,
            },
            estimated: false,
            first_token: None,
            writing: Duration::ZERO,
        }
    }

    /// The first piece of a call came.
    pub(super) fn first_piece(&mut self, at: Instant) {
        self.first_token.get_or_insert(at);
    }

    /// A call ended, well or not.
    pub(super) fn settle(&mut self, call: &CallMeter) {
        if let Some(first) = call.first {
            self.writing += first.elapsed();
        }
        self.estimated |= call.counted.is_none();
        self.tokens += call.counted.unwrap_or(TokenCounts {
            input: call.estimated_input,
            output: call.estimated_output,
        });
    }

    pub(super) fn metrics(&self) -> TurnMetrics {
        let seconds = self.writing.as_secs_f64();
        #[expect(
            clippy::cast_precision_loss,
            reason = "a rate of far fewer than 2^52 tokens"
        )]
        // Below ten milliseconds the rate says nothing.
        let tokens_per_second = (seconds >= 0.01 && self.tokens.output > 0)
            .then(|| self.tokens.output as f64 / seconds);
        TurnMetrics {
            tokens: self.tokens,
            estimated: self.estimated,
            first_token_ms: self
                .first_token
                .map(|first| millis(first.duration_since(self.started))),
            tokens_per_second,
            total_ms: millis(self.started.elapsed()),
        }
    }
}

/// Whole milliseconds.
pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
