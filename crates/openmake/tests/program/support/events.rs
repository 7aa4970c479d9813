//! A turn's events, as a client reads them.

use serde_json::Value;
use tokio::time::timeout;

use super::PATIENCE;

/// One event.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Event {
    pub(crate) seq: u64,
    pub(crate) name: String,
    pub(crate) data: Value,
}

impl Event {
    /// An event as it comes over WebSocket.
    pub(crate) fn from_frame(data: Value) -> Self {
        Self {
            seq: data["seq"].as_u64().expect("a number"),
            name: data["type"].as_str().expect("a type").to_owned(),
            data,
        }
    }

    fn piece_of(&self, name: &str) -> &str {
        if self.name == name {
            self.data["text"].as_str().expect("a text")
        } else {
            ""
        }
    }
}

/// The answer that events add up to.
pub(crate) fn text_of(events: &[Event]) -> String {
    events
        .iter()
        .map(|event| event.piece_of("text.delta"))
        .collect()
}

/// The thinking that events add up to.
pub(crate) fn thinking_of(events: &[Event]) -> String {
    events
        .iter()
        .map(|event| event.piece_of("thinking.delta"))
        .collect()
}

pub(crate) fn is_end(event: &Event) -> bool {
    [
        "turn.completed",
        "turn.failed",
        "turn.cancelled",
        "turn.interrupted",
    ]
    .contains(&event.name.as_str())
}

/// That nothing is missing and nothing comes twice, from the first on.
pub(crate) fn assert_begins_whole(events: &[Event]) {
    for (place, event) in (1..).zip(events) {
        assert_eq!(event.seq, place, "{events:#?}");
    }
}

/// The same for all of a turn, with exactly one end.
pub(crate) fn assert_whole(events: &[Event]) {
    assert_begins_whole(events);
    let ends = events.iter().filter(|event| is_end(event)).count();
    assert_eq!(ends, 1, "{events:#?}");
    assert!(events.last().is_some_and(is_end), "{events:#?}");
}

/// Someone who watches a turn over SSE. Dropping it closes the connection.
pub(crate) struct Watch {
    response: reqwest::Response,
    buffer: Vec<u8>,
}

impl Watch {
    pub(crate) const fn new(response: reqwest::Response) -> Self {
        Self {
            response,
            buffer: Vec::new(),
        }
    }

    /// The next event; none when the stream has ended or is cut.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        // Heartbeats do not count: an event has to come.
        let next = timeout(PATIENCE, self.read()).await;
        next.expect("an event in time")
    }

    async fn read(&mut self) -> Option<Event> {
        loop {
            if let Some(end) = self.buffer.windows(2).position(|two| two == b"\n\n") {
                let block: Vec<u8> = self.buffer.drain(..end + 2).collect();
                if let Some(event) = parse(&String::from_utf8(block).expect("UTF-8")) {
                    return Some(event);
                }
                continue;
            }
            let piece = self.response.chunk().await.ok()??;
            self.buffer.extend_from_slice(&piece);
        }
    }

    /// Events up to and with the first of this type.
    pub(crate) async fn until(&mut self, name: &str) -> Vec<Event> {
        let mut events = Vec::new();
        loop {
            let next = self.next().await;
            let event = next.unwrap_or_else(|| panic!("no {name} after {events:#?}"));
            let found = event.name == name;
            events.push(event);
            if found {
                return events;
            }
        }
    }

    /// All that follows.
    pub(crate) async fn rest(mut self) -> Vec<Event> {
        let mut events = Vec::new();
        while let Some(event) = self.next().await {
            events.push(event);
        }
        events
    }
}

fn parse(block: &str) -> Option<Event> {
    let field = |name: &str| {
        block
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    };
    let event = Event {
        data: serde_json::from_str(field("data")?).expect("JSON"),
        seq: field("id").expect("an id").parse().expect("a number"),
        name: field("event").expect("a name").to_owned(),
    };
    assert_eq!(event.data["seq"], event.seq, "the id is the number");
    assert_eq!(event.data["type"], event.name, "the event is the type");
    Some(event)
}
