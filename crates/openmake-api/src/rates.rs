//! The headers that say what a key has left, as OpenAI's server gives them.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// `x-ratelimit-*-requests`
    Requests,
    /// `x-ratelimit-*-tokens`
    Tokens,
}

/// What a key has left in this minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyRates {
    /// What it may use in a minute.
    pub limit: u64,
    /// What it has left now.
    pub remaining: u64,
    /// When all of it is back.
    pub reset: Duration,
}

impl KeyRates {
    /// Adds the three headers. `reset` is written as OpenAI does: `0s`, `59s`,
    /// `1m0s`.
    pub fn write(&self, counted: Counted, headers: &mut HeaderMap) {
        let [limit, remaining, reset] = match counted {
            Counted::Requests => [
                "x-ratelimit-limit-requests",
                "x-ratelimit-remaining-requests",
                "x-ratelimit-reset-requests",
            ],
            Counted::Tokens => [
                "x-ratelimit-limit-tokens",
                "x-ratelimit-remaining-tokens",
                "x-ratelimit-reset-tokens",
            ],
        };
        headers.insert(HeaderName::from_static(limit), self.limit.into());
        headers.insert(HeaderName::from_static(remaining), self.remaining.into());
        if let Ok(value) = HeaderValue::from_str(&spelled(self.reset)) {
            headers.insert(HeaderName::from_static(reset), value);
        }
    }
}

fn spelled(duration: Duration) -> String {
    let seconds = duration.as_secs() + u64::from(duration.subsec_nanos() > 0);
    match (seconds / 60, seconds % 60) {
        (0, seconds) => format!("{seconds}s"),
        (minutes, seconds) => format!("{minutes}m{seconds}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_spelled_as_clients_of_openai_expect() {
        for (millis, text) in [(0, "0s"), (1, "1s"), (59_000, "59s"), (60_000, "1m0s")] {
            assert_eq!(spelled(Duration::from_millis(millis)), text);
        }
        let rates = KeyRates {
            limit: 100,
            remaining: 7,
            reset: Duration::from_secs(56),
        };
        let mut headers = HeaderMap::new();
        rates.write(Counted::Tokens, &mut headers);
        assert_eq!(headers["x-ratelimit-limit-tokens"], "100");
        assert_eq!(headers["x-ratelimit-remaining-tokens"], "7");
        assert_eq!(headers["x-ratelimit-reset-tokens"], "56s");
    }
}
