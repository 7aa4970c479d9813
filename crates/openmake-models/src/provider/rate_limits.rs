//! What a server says of how much may be asked with a key, in the headers that
//! OpenAI began with and others took over (Groq, vLLM's gateways, LiteLLM …).

use chrono::{DateTime, TimeDelta, Utc};
use http::HeaderMap;

/// What is left of one allowance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RateLimit {
    /// All of it.
    pub limit: Option<u64>,
    /// What is left.
    pub remaining: Option<u64>,
    /// When all of it is there again.
    pub resets_at: Option<DateTime<Utc>>,
}

/// What a server said in its last answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimits {
    /// Of requests.
    pub requests: Option<RateLimit>,
    /// Of tokens.
    pub tokens: Option<RateLimit>,
    /// When it said so.
    pub at: DateTime<Utc>,
}

impl RateLimits {
    /// Reads `x-ratelimit-limit-requests` and its kin; `None` where there are
    /// none.
    pub(crate) fn read(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Self> {
        let limits = Self {
            requests: one(headers, "requests", now),
            tokens: one(headers, "tokens", now),
            at: now,
        };
        (limits.requests.is_some() || limits.tokens.is_some()).then_some(limits)
    }
}

fn one(headers: &HeaderMap, what: &str, now: DateTime<Utc>) -> Option<RateLimit> {
    let text = |part: &str| {
        let value = headers.get(format!("x-ratelimit-{part}-{what}"))?;
        Some(value.to_str().ok()?.trim().to_owned())
    };
    let number = |part: &str| text(part)?.parse().ok();
    let limit = RateLimit {
        limit: number("limit"),
        remaining: number("remaining"),
        resets_at: text("reset")
            .and_then(|text| duration(&text))
            .and_then(|wait| now.checked_add_signed(wait)),
    };
    (limit != RateLimit::default()).then_some(limit)
}

/// `17ms`, `1s`, `6m0s`, `2h3m4.5s`, or seconds without a unit.
fn duration(text: &str) -> Option<TimeDelta> {
    const LONGEST: f64 = 366.0 * 86_400.0;
    let mut seconds = 0.0;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest
            .find(|letter: char| !letter.is_ascii_digit() && letter != '.')
            .unwrap_or(rest.len());
        let (number, after) = rest.split_at(digits);
        let letters = after
            .find(|letter: char| letter.is_ascii_digit())
            .unwrap_or(after.len());
        let (unit, after) = after.split_at(letters);
        let number: f64 = number.parse().ok()?;
        seconds += number
            * match unit {
                "ms" => 0.001,
                "" | "s" => 1.0,
                "m" => 60.0,
                "h" => 3_600.0,
                "d" => 86_400.0,
                _ => return None,
            };
        rest = after;
    }
    let sound = !text.is_empty() && seconds.is_finite() && seconds <= LONGEST;
    let wait = sound.then(|| std::time::Duration::from_secs_f64(seconds))?;
    TimeDelta::from_std(wait).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| {
                (
                    http::HeaderName::from_static(name),
                    value.parse().expect("a value"),
                )
            })
            .collect()
    }

    #[test]
    fn openais_headers_are_read() {
        let now = DateTime::UNIX_EPOCH;
        let read = RateLimits::read(
            &headers(&[
                ("x-ratelimit-limit-requests", "60"),
                ("x-ratelimit-remaining-requests", "59"),
                ("x-ratelimit-reset-requests", "1s"),
                ("x-ratelimit-limit-tokens", "150000"),
                ("x-ratelimit-remaining-tokens", "149984"),
                ("x-ratelimit-reset-tokens", "6m0s"),
            ]),
            now,
        );
        let read = read.expect("limits");
        assert_eq!(
            read.requests,
            Some(RateLimit {
                limit: Some(60),
                remaining: Some(59),
                resets_at: Some(now + TimeDelta::seconds(1)),
            })
        );
        assert_eq!(
            read.tokens.and_then(|tokens| tokens.resets_at),
            Some(now + TimeDelta::minutes(6))
        );
    }

    #[test]
    fn what_is_no_limit_is_none() {
        let now = DateTime::UNIX_EPOCH;
        assert_eq!(RateLimits::read(&HeaderMap::new(), now), None);
        let odd = headers(&[
            ("x-ratelimit-limit-requests", "many"),
            ("x-ratelimit-reset-requests", "soon"),
        ]);
        assert_eq!(RateLimits::read(&odd, now), None);
    }

    #[test]
    fn durations_are_as_servers_write_them() {
        let millis = |text| duration(text).map(|wait| wait.num_milliseconds());
        assert_eq!(millis("17ms"), Some(17));
        assert_eq!(millis("2h3m4.5s"), Some(7_384_500));
        assert_eq!(millis("12"), Some(12_000));
        for text in ["", "s", "-1s", "1y", "9e9", "99999999999999s", "1.2.3s"] {
            assert_eq!(millis(text), None, "{text}");
        }
    }
}
