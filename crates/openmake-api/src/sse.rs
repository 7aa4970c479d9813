//! Reading our own event streams, however they are cut into pieces: for the
//! gateway's socket and the terminal.

/// An event's parts that turns use.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SseEvent {
    /// The last `id`.
    pub id: Option<u64>,
    /// The `event` name.
    pub name: String,
    /// The `data`.
    pub data: String,
}

/// An event grew past the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an event is too large")]
pub struct TooLarge;

/// Collects pieces into events.
#[derive(Debug, Default)]
pub struct SseParser {
    buffer: Vec<u8>,
    event: SseEvent,
    has_data: bool,
}

impl SseParser {
    /// Bytes of one event at most.
    const LIMIT: usize = 4 << 20;

    /// Adds a piece, and gives the events that it completes.
    pub fn push(&mut self, piece: &[u8]) -> Result<Vec<SseEvent>, TooLarge> {
        self.buffer.extend_from_slice(piece);
        let mut events = Vec::new();
        let mut done = 0;
        let buffer = std::mem::take(&mut self.buffer);
        for line in buffer.split_inclusive(|byte| *byte == b'\n') {
            let Some(line_only) = line.strip_suffix(b"\n") else {
                break;
            };
            done += line.len();
            let line_only = line_only.strip_suffix(b"\r").unwrap_or(line_only);
            events.extend(self.line(&String::from_utf8_lossy(line_only)));
        }
        self.buffer = buffer.get(done..).unwrap_or_default().to_vec();
        if self.buffer.len() + self.event.data.len() > Self::LIMIT {
            return Err(TooLarge);
        }
        Ok(events)
    }

    fn line(&mut self, line: &str) -> Option<SseEvent> {
        if line.is_empty() {
            let event = std::mem::take(&mut self.event);
            return std::mem::take(&mut self.has_data).then_some(event);
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "id" => self.event.id = value.parse().ok(),
            "event" => value.clone_into(&mut self.event.name),
            "data" => {
                if self.has_data {
                    self.event.data.push('\n');
                }
                self.event.data.push_str(value);
                self.has_data = true;
            }
            // Comments are heartbeats; other fields are not ours.
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STREAM: &str = ": beat\n\nid: 1\nevent: text.delta\ndata: {\"text\":\"안녕\"}\n\n\
                          id:2\r\nevent: turn.completed\r\ndata: {}\r\ndata: x\r\n\r\nid: 3\ndata: cut";

    fn expected() -> Vec<SseEvent> {
        let event = |id, name: &str, data: &str| SseEvent {
            id: Some(id),
            name: name.to_owned(),
            data: data.to_owned(),
        };
        vec![
            event(1, "text.delta", "{\"text\":\"안녕\"}"),
            event(2, "turn.completed", "{}\nx"),
        ]
    }

    #[test]
    fn every_split_gives_the_same_events() {
        let bytes = STREAM.as_bytes();
        for cut in 0..bytes.len() {
            let mut parser = SseParser::default();
            let (first, second) = bytes.split_at(cut);
            let mut events = parser.push(first).expect("small");
            events.extend(parser.push(second).expect("small"));
            assert_eq!(events, expected(), "cut at {cut}");
        }
        let mut parser = SseParser::default();
        let single = bytes
            .iter()
            .flat_map(|byte| parser.push(&[*byte]).expect("small"));
        assert_eq!(single.collect::<Vec<_>>(), expected());
    }

    #[test]
    fn an_endless_event_is_refused() {
        let mut parser = SseParser::default();
        let piece = vec![b'a'; 1 << 20];
        let mut pushes = (0..8).map(|_| parser.push(&piece));
        assert!(pushes.any(|pushed| pushed == Err(TooLarge)));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(bytes: Vec<u8>) {
            let _ = SseParser::default().push(&bytes);
        }
    }
}
