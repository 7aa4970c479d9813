//! Answers whose tokens come at set times and say when they were written, so
//! that a bench knows of each how long it was on its way.
//!
//! `/paced TOKENS FIRST_MS EVERY_MS` is answered with so many tokens, the
//! first so long after the request and each other so long after the one
//! before, by one schedule: a token that is late makes no other late. A token
//! is the time of its writing in microseconds since 1970, and a space.

use std::fmt::Write as _;
use std::io;
use std::time::Duration;

use axum::Json;
use bytes::Bytes;
use futures_util::stream::{self, Stream};
use openmake_types::{Clock as _, SystemClock};
use serde_json::Value;
use tokio::time::{Instant, sleep_until};

use crate::script::Piece;
use crate::wire::Head;

/// More tokens are not written.
const TOKENS_MAX: usize = 1_000_000;
/// Stands where the token does, to cut the rest of a chunk once.
const PLACE: &str = "\u{1}";

/// When the tokens of an answer come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pace {
    tokens: usize,
    first: Duration,
    every: Duration,
}

impl Pace {
    /// The pace that a question asks for.
    pub(crate) fn asked_for(text: &str) -> Option<Self> {
        let mut words = text.strip_prefix("/paced ")?.split_whitespace();
        let mut number = || words.next()?.parse::<u32>().ok();
        let tokens = number()? as usize;
        let first = Duration::from_millis(number()?.into());
        let every = Duration::from_millis(number()?.into());
        Some(Self {
            tokens: tokens.min(TOKENS_MAX),
            first,
            every,
        })
    }

    fn due(&self, began: Instant, token: usize) -> Instant {
        let before = u32::try_from(token).unwrap_or(u32::MAX);
        began + self.first + self.every * before
    }

    /// The answer as it is written.
    pub(crate) fn stream(
        self,
        head: Head,
    ) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
        let began = Instant::now();
        let frame = Frame::of(&head);
        stream::unfold((0, frame, head), move |(token, frame, head)| async move {
            if token > self.tokens {
                return None;
            }
            let chunk = if token == self.tokens {
                head.end_after(self.tokens, "stop")
            } else {
                wait_until(self.due(began, token)).await;
                frame.around(&stamp())
            };
            Some((Ok(chunk), (token + 1, frame, head)))
        })
    }

    /// The answer when its last token is written.
    pub(crate) async fn whole(self, head: &Head) -> Json<Value> {
        wait_until(self.due(Instant::now(), self.tokens.saturating_sub(1))).await;
        let pieces: Vec<Piece> = (0..self.tokens).map(|_| Piece::Text(stamp())).collect();
        head.whole(&pieces)
    }
}

/// The timer counts whole milliseconds and would let what is due wait for the
/// next one.
async fn wait_until(due: Instant) {
    if Instant::now() < due {
        sleep_until(due).await;
    }
}

fn stamp() -> String {
    let mut text = String::with_capacity(17);
    // A string takes whatever is written.
    let _ = write!(text, "{} ", SystemClock.now().timestamp_micros());
    text
}

/// A chunk but for its token, made once an answer: a thousand streams at fifty
/// tokens a second would otherwise measure this server's JSON.
struct Frame {
    before: String,
    after: String,
}

impl Frame {
    fn of(head: &Head) -> Self {
        let escaped = Value::from(PLACE).to_string();
        let chunk = head.chunk(&Piece::Text(PLACE.to_owned()));
        let chunk = String::from_utf8_lossy(&chunk);
        let place = escaped.trim_matches('"');
        let (before, after) = chunk.split_once(place).unwrap_or_default();
        Self {
            before: before.to_owned(),
            after: after.to_owned(),
        }
    }

    fn around(&self, token: &str) -> Bytes {
        [&self.before, token, &self.after].concat().into()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt as _;

    use super::*;
    use crate::wire::Protocol;

    fn head() -> Head {
        Head {
            protocol: Protocol::OpenAi,
            id: "scripted-1".to_owned(),
            read: 1,
        }
    }

    #[test]
    fn the_question_names_the_pace() {
        let pace = Pace::asked_for("/paced 100 50 20").expect("a pace");
        assert_eq!(pace.tokens, 100);
        assert_eq!(pace.first, Duration::from_millis(50));
        assert_eq!(pace.every, Duration::from_millis(20));
        assert_eq!(Pace::asked_for("/paced 100"), None);
        assert_eq!(Pace::asked_for("/slow"), None);
    }

    #[tokio::test(start_paused = true)]
    async fn tokens_come_by_one_schedule_and_then_the_end() {
        let pace = Pace::asked_for("/paced 3 50 20").expect("a pace");
        let began = Instant::now();
        let mut at = Vec::new();
        let mut said = Vec::new();
        let mut stream = std::pin::pin!(pace.stream(head()));
        while let Some(chunk) = stream.next().await {
            at.push(began.elapsed().as_millis());
            said.push(String::from_utf8(chunk.expect("whole").to_vec()).expect("text"));
        }
        assert_eq!(at, [50, 70, 90, 90]);
        let token: Value =
            serde_json::from_str(said[0].trim().trim_start_matches("data: ")).expect("JSON");
        let stamp = token["choices"][0]["delta"]["content"]
            .as_str()
            .expect("a token");
        assert!(stamp.trim().parse::<i64>().expect("a time") > 0);
        assert!(said[3].ends_with("data: [DONE]\n\n"));
    }
}
