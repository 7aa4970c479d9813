//! What a turn cost.

/// Tokens as the provider reports them, or as estimated where it does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TokenCounts {
    /// Tokens read: system prompt, history, tool results.
    pub input: u64,
    /// Tokens written, thinking included.
    pub output: u64,
}

impl std::ops::AddAssign for TokenCounts {
    fn add_assign(&mut self, other: Self) {
        self.input = self.input.saturating_add(other.input);
        self.output = self.output.saturating_add(other.output);
    }
}

/// How a turn went, for its record.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct TurnMetrics {
    /// Tokens over all model calls of the turn.
    pub tokens: TokenCounts,
    /// Whether any of the counts is our estimate.
    pub estimated: bool,
    /// Milliseconds from the start of the turn to the first text or thinking.
    pub first_token_ms: Option<u64>,
    /// Output tokens a second, from the first token to the end.
    pub tokens_per_second: Option<f64>,
    /// Milliseconds from the start to the end.
    pub total_ms: u64,
}
