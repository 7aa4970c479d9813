//! Reading a stream of stamped tokens: how long each was on its way.

use std::time::{Duration, Instant};

use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use openmake_types::{Clock as _, SystemClock};
use tokio::time::timeout;

use crate::stats::micros;

/// How long a stream may be silent.
const SILENCE: Duration = Duration::from_mins(1);
/// A line longer than this is no token's.
const LINE_MAX: usize = 1024 * 1024;

/// What was seen of one stream.
#[derive(Debug, Default)]
pub(crate) struct Streamed {
    /// From the time at which it should have been asked for to its first token.
    pub(crate) first: Option<u32>,
    /// For each token, from its writing by the model to its reading here.
    pub(crate) delays: Vec<u32>,
    /// Between the arrivals of tokens.
    pub(crate) gaps: Vec<u32>,
    /// Events that held tokens; one may hold several.
    pub(crate) events: usize,
    /// Why it is no measurement.
    pub(crate) problem: Option<String>,
}

/// How a surface says things in server-sent events.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Dialect {
    /// What an event with a token contains; members come in any order.
    pub(crate) token: &'static str,
    /// What stands before the text of a token.
    pub(crate) text: &'static str,
    /// What an event of the good end contains.
    pub(crate) end: &'static str,
}

/// OpenAI's chunks.
pub(crate) const OPENAI: Dialect = Dialect {
    token: "\"delta\":",
    text: "\"content\":",
    end: "[DONE]",
};

/// A turn's events.
pub(crate) const TURNS: Dialect = Dialect {
    token: "\"type\":\"text.delta\"",
    text: "\"text\":",
    end: "\"type\":\"turn.completed\"",
};

impl Streamed {
    pub(crate) fn failed(problem: impl std::fmt::Display) -> Self {
        Self {
            problem: Some(format!("{problem:#}")),
            ..Self::default()
        }
    }

    /// Reads a stream that should have begun at `due` and has so many tokens.
    pub(crate) async fn read(
        mut body: Incoming,
        dialect: Dialect,
        due: Instant,
        tokens: usize,
    ) -> Self {
        let mut seen = Self::default();
        let mut reader = Reader::new(dialect);
        let mut last = None;
        while !reader.ended {
            let frame = match timeout(SILENCE, body.frame()).await {
                Err(_) => return Self::failed("the stream is silent"),
                Ok(None) => return Self::failed("the stream ended early"),
                Ok(Some(Err(error))) => return Self::failed(format!("the stream broke: {error}")),
                Ok(Some(Ok(frame))) => frame,
            };
            let Some(data) = frame.data_ref() else {
                continue;
            };
            let now = Instant::now();
            let clock = SystemClock.now().timestamp_micros();
            let stamps = reader.take(data);
            for stamp in &stamps {
                let delay = u32::try_from(clock.saturating_sub(*stamp).max(0));
                seen.delays.push(delay.unwrap_or(u32::MAX));
                match last {
                    None => seen.first = Some(micros(now.saturating_duration_since(due))),
                    Some(last) => seen.gaps.push(micros(now.duration_since(last))),
                }
                last = Some(now);
            }
        }
        seen.events = reader.events;
        if seen.delays.len() != tokens {
            return Self::failed(format!(
                "{} tokens came instead of {tokens}",
                seen.delays.len()
            ));
        }
        seen
    }
}

/// Cuts a stream into lines and takes the stamps out of them.
struct Reader {
    dialect: Dialect,
    rest: Vec<u8>,
    events: usize,
    ended: bool,
}

impl Reader {
    const fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            rest: Vec::new(),
            events: 0,
            ended: false,
        }
    }

    fn take(&mut self, data: &[u8]) -> Vec<i64> {
        let mut stamps = Vec::new();
        self.rest.extend_from_slice(data);
        let rest = std::mem::take(&mut self.rest);
        let mut lines = rest.split(|byte| *byte == b'\n');
        let open = lines.next_back().unwrap_or_default();
        for line in lines {
            if let Ok(line) = std::str::from_utf8(line)
                && let Some(event) = line.strip_prefix("data:")
            {
                self.event(event, &mut stamps);
            }
        }
        self.rest = open
            .get(..open.len().min(LINE_MAX))
            .unwrap_or_default()
            .to_vec();
        stamps
    }

    fn event(&mut self, event: &str, stamps: &mut Vec<i64>) {
        if event.contains(self.dialect.end) {
            self.ended = true;
        }
        if !event.contains(self.dialect.token) {
            return;
        }
        let Some((_, text)) = event.split_once(self.dialect.text) else {
            return;
        };
        let before = stamps.len();
        // Some servers write a space before a value.
        let text = text.trim_start().strip_prefix('"').unwrap_or_default();
        let text = text.split('"').next().unwrap_or_default();
        stamps.extend(text.split(' ').filter_map(|word| word.parse::<i64>().ok()));
        self.events += usize::from(stamps.len() > before);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_are_found_however_the_stream_is_cut() {
        let stream = "id: 3\nevent: text.delta\ndata: {\"seq\":3,\"text\":\"1763880000000001 1763880000000002 \",\
                      \"turn_id\":\"x\",\"type\":\"text.delta\"}\n\n: beat\n\n\
                      data: {\"seq\":4,\"type\":\"turn.completed\",\"finish_reason\":\"stop\"}\n\n";
        for cut in 0..stream.len() {
            let mut reader = Reader::new(TURNS);
            let (one, two) = stream.as_bytes().split_at(cut);
            let mut stamps = reader.take(one);
            stamps.extend(reader.take(two));
            assert_eq!(stamps, [1_763_880_000_000_001, 1_763_880_000_000_002]);
            assert_eq!((reader.events, reader.ended), (1, true));
        }
    }

    #[test]
    fn openai_chunks_are_read_with_and_without_spaces() {
        let mut reader = Reader::new(OPENAI);
        let stamps = reader.take(
            b"data: {\"choices\":[{\"delta\":{\"content\": \"12 \"}}]}\n\ndata: {\"choices\":[{\"delta\":{\"content\":\"13 \"}}]}\n\ndata: [DONE]\n\n",
        );
        assert_eq!(stamps, [12, 13]);
        assert!(reader.ended);
    }
}
