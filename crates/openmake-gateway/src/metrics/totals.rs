//! What the process has counted since its start, read from the registry as
//! Prometheus would read it: every role's counters are there, and only there.

use openmake_store::metrics::{Counts, Levels};
use openmake_types::buckets;

/// What has been counted, and what there is now.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Totals {
    pub(super) counts: Counts,
    pub(super) levels: Levels,
}

impl Totals {
    /// Reads the registry's text. What it does not know stays 0.
    pub(super) fn read(text: &str) -> Self {
        let mut totals = Self {
            counts: Counts {
                request_buckets: vec![0; buckets::REQUEST_SECONDS.len() + 1],
                first_token_buckets: vec![0; buckets::FIRST_TOKEN_SECONDS.len() + 1],
                append_buckets: vec![0; buckets::APPEND_SECONDS.len() + 1],
                ..Counts::default()
            },
            ..Self::default()
        };
        let mut histogram = Histogram::default();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let Some(line) = Line::parse(line) else {
                continue;
            };
            let counts = &mut totals.counts;
            let buckets = match line.name {
                "gateway_request_seconds_bucket" => &mut counts.request_buckets,
                "turn_first_token_seconds_bucket" | "stateless_call_first_token_seconds_bucket" => {
                    &mut counts.first_token_buckets
                }
                "turn_append_seconds_bucket" => &mut counts.append_buckets,
                _ => {
                    totals.add(&line);
                    continue;
                }
            };
            let (place, count) = histogram.next(&line);
            if let Some(bucket) = buckets.get_mut(place) {
                *bucket += count;
            }
        }
        totals
    }

    fn add(&mut self, line: &Line<'_>) {
        let Self { counts, levels } = self;
        let at = match line.name {
            "gateway_requests_total" => match line.label("status").and_then(|s| s.chars().next()) {
                Some('5') => &mut counts.requests_failed,
                Some('4') => &mut counts.requests_refused,
                _ => &mut counts.requests_ok,
            },
            "gateway_rate_limited_total" => &mut counts.rate_limited,
            "turns_started_total" => &mut counts.turns_started,
            "turns_finished_total" => match line.label("status") {
                Some("completed") => &mut counts.turns_completed,
                Some("failed") => &mut counts.turns_failed,
                _ => &mut counts.turns_stopped,
            },
            "model_calls_total" => match line.label("outcome") {
                Some("succeeded") => &mut counts.calls_succeeded,
                Some("unauthorized" | "rate_limited") => &mut counts.calls_refused,
                _ => &mut counts.calls_failed,
            },
            "model_input_tokens_total" => &mut counts.input_tokens,
            "model_output_tokens_total" => &mut counts.output_tokens,
            "turns_running" => &mut levels.turns_running,
            "gateway_sockets" => &mut levels.sockets,
            "turn_subscribers" => &mut levels.streams,
            _ => return,
        };
        *at = at.saturating_add(line.value);
    }
}

/// One line of the format.
struct Line<'a> {
    /// Without the program's prefix.
    name: &'a str,
    labels: &'a str,
    value: i64,
}

impl<'a> Line<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let (name, labels, value) = if let Some((name, rest)) = line.split_once('{') {
            let (labels, value) = rest.rsplit_once('}')?;
            (name, labels, value)
        } else {
            let (name, value) = line.split_once(' ')?;
            (name, "", value)
        };
        let mut name = name;
        while let Some(rest) = name.strip_prefix("openmake_") {
            name = rest;
        }
        Some(Self {
            name,
            labels,
            value: value.trim().parse().ok()?,
        })
    }

    /// A label's value. None of those that are asked for has a quote in it.
    fn label(&self, name: &str) -> Option<&'a str> {
        let (_, rest) = self.labels.split_once(&format!("{name}=\""))?;
        rest.split_once('"').map(|(value, _)| value)
    }
}

/// The format's buckets count all that is below; ours what is between.
#[derive(Default)]
struct Histogram<'a> {
    name: &'a str,
    place: usize,
    below: i64,
}

impl<'a> Histogram<'a> {
    /// The bucket's place, and how many are in it.
    fn next(&mut self, line: &Line<'a>) -> (usize, i64) {
        if self.name != line.name {
            *self = Self {
                name: line.name,
                place: 0,
                below: 0,
            };
        }
        let found = (self.place, line.value - self.below);
        self.place += 1;
        self.below = line.value;
        found
    }
}

/// What was counted between two readings.
pub(super) fn since(now: &Counts, then: &Counts) -> Counts {
    let count = |of: fn(&Counts) -> i64| of(now).saturating_sub(of(then)).max(0);
    let buckets = |of: fn(&Counts) -> &Vec<i64>| {
        let then = of(then).iter().copied().chain(std::iter::repeat(0));
        let pairs = of(now).iter().zip(then);
        pairs.map(|(now, then)| (now - then).max(0)).collect()
    };
    Counts {
        requests_ok: count(|c| c.requests_ok),
        requests_refused: count(|c| c.requests_refused),
        requests_failed: count(|c| c.requests_failed),
        rate_limited: count(|c| c.rate_limited),
        turns_started: count(|c| c.turns_started),
        turns_completed: count(|c| c.turns_completed),
        turns_failed: count(|c| c.turns_failed),
        turns_stopped: count(|c| c.turns_stopped),
        calls_succeeded: count(|c| c.calls_succeeded),
        calls_refused: count(|c| c.calls_refused),
        calls_failed: count(|c| c.calls_failed),
        input_tokens: count(|c| c.input_tokens),
        output_tokens: count(|c| c.output_tokens),
        request_buckets: buckets(|c| &c.request_buckets),
        first_token_buckets: buckets(|c| &c.first_token_buckets),
        append_buckets: buckets(|c| &c.append_buckets),
    }
}

/// The most of two readings.
pub(super) fn most(a: Levels, b: Levels) -> Levels {
    Levels {
        turns_running: a.turns_running.max(b.turns_running),
        sockets: a.sockets.max(b.sockets),
        streams: a.streams.max(b.streams),
        database_connections: a.database_connections.max(b.database_connections),
        memory_bytes: a.memory_bytes.max(b.memory_bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"# HELP openmake_turns_started Turns that this process has started.
# TYPE openmake_turns_started counter
openmake_turns_started_total 3
openmake_turns_finished_total{status="completed"} 2
openmake_turns_finished_total{status="cancelled"} 1
openmake_turns_running 1
openmake_turn_first_token_seconds_sum 0.31
openmake_turn_first_token_seconds_count 2
openmake_turn_first_token_seconds_bucket{le="0.05"} 1
openmake_turn_first_token_seconds_bucket{le="0.1"} 1
openmake_turn_first_token_seconds_bucket{le="0.2"} 2
openmake_stateless_call_first_token_seconds_bucket{le="0.05"} 4
openmake_model_calls_total{outcome="rate_limited"} 5
openmake_openmake_gateway_requests_total{method="GET",route="/a",status="200"} 7
openmake_openmake_gateway_requests_total{method="GET",route="/a",status="404"} 2
openmake_openmake_gateway_requests_total{method="GET",route="/b",status="503"} 1
openmake_openmake_gateway_sockets 2
# EOF
"#;

    #[test]
    fn the_registrys_text_is_read() {
        let Totals { counts, levels } = Totals::read(TEXT);
        assert_eq!(
            (
                counts.requests_ok,
                counts.requests_refused,
                counts.requests_failed
            ),
            (7, 2, 1)
        );
        assert_eq!(
            (
                counts.turns_started,
                counts.turns_completed,
                counts.turns_stopped
            ),
            (3, 2, 1)
        );
        assert_eq!(counts.first_token_buckets[..3], [5, 0, 1]);
        assert_eq!(counts.calls_refused, 5);
        assert_eq!((levels.turns_running, levels.sockets), (1, 2));
    }

    #[test]
    fn what_was_counted_between_is_never_negative() {
        let now = Totals::read(TEXT).counts;
        assert_eq!(since(&now, &Counts::default()), now);
        let none = since(&Counts::default(), &now);
        assert_eq!(none.requests_ok, 0);
        let nothing = since(&now, &now);
        assert_eq!(nothing.first_token_buckets, vec![0; 13]);
    }
}
