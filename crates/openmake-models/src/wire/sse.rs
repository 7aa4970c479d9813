//! Server-sent events, as far as model servers use them: their data.

use super::lines::Lines;
use crate::ModelError;

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// Collects events. Comments, ids and event names are dropped.
#[derive(Debug, Default)]
pub(super) struct SseParser {
    lines: Lines,
    data: Option<Vec<u8>>,
    started: bool,
    /// The first line that is no field at all: what a server sends that does
    /// not speak this protocol.
    stray: Option<Vec<u8>>,
}

impl SseParser {
    /// The data of the next complete event in `input`.
    pub(super) fn next(&mut self, input: &mut &[u8]) -> Result<Option<Vec<u8>>, ModelError> {
        while let Some(line) = self.lines.next(input)? {
            if let Some(data) = self.line(&line)? {
                return Ok(Some(data));
            }
        }
        Ok(None)
    }

    /// The data of the last event, when the stream ended without the empty
    /// line that should follow it.
    pub(super) fn rest(&mut self) -> Result<Option<Vec<u8>>, ModelError> {
        if let Some(line) = self.lines.rest() {
            self.line(&line)?;
        }
        Ok(self.data.take())
    }

    /// A line that is no event stream, if one came.
    pub(super) fn stray(&self) -> Option<&[u8]> {
        self.stray.as_deref()
    }

    fn line(&mut self, line: &[u8]) -> Result<Option<Vec<u8>>, ModelError> {
        let line = if self.started {
            line
        } else {
            line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line)
        };
        self.started = true;
        if line.is_empty() {
            return Ok(self.data.take());
        }
        let colon = line.iter().position(|byte| *byte == b':');
        let (field, value) = line.split_at(colon.unwrap_or(line.len()));
        let value = value.strip_prefix(b":").unwrap_or(value);
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match field {
            // Older llama.cpp servers report errors in a field of that name.
            b"data" | b"error" => self.append(value)?,
            b"" | b"event" | b"id" | b"retry" => {}
            _ => {
                self.stray.get_or_insert_with(|| line.to_vec());
            }
        }
        Ok(None)
    }

    fn append(&mut self, value: &[u8]) -> Result<(), ModelError> {
        match &mut self.data {
            None => self.data = Some(value.to_vec()),
            Some(data) if data.len() + value.len() >= super::MAX_LINE_BYTES => {
                return Err(ModelError::protocol(
                    "an event of the stream is longer than 4 MiB",
                ));
            }
            Some(data) => {
                data.push(b'\n');
                data.extend_from_slice(value);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(text: &str, size: usize) -> Vec<String> {
        let (mut parser, mut found) = (SseParser::default(), Vec::new());
        for mut piece in text.as_bytes().chunks(size) {
            while let Some(data) = parser.next(&mut piece).expect("small events") {
                found.push(data);
            }
        }
        found.extend(parser.rest().expect("small events"));
        found
            .into_iter()
            .map(|data| String::from_utf8(data).expect("text"))
            .collect()
    }

    #[test]
    fn fields_comments_and_line_ends() {
        let text = "\u{feff}: hello\r\n\r\nevent: message\r\nid: 7\r\ndata:one\r\ndata:  two\r\n\r\n:\n\n\
                    data\n\ndata: 셋\n\nretry: 10\n\nerror: {}\n\ndata: last";
        for size in 1..=text.len() {
            assert_eq!(
                events(text, size),
                ["one\n two", "", "셋", "{}", "last"],
                "pieces of {size}"
            );
        }
    }
}
