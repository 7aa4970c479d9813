//! Lines out of bytes that come in any pieces.

use crate::ModelError;

/// Collects bytes to lines that end in LF, CRLF or CR.
#[derive(Debug, Default)]
pub(super) struct Lines {
    line: Vec<u8>,
    /// The last line ended in CR; an LF that follows belongs to it.
    after_cr: bool,
}

impl Lines {
    /// Takes bytes from `input` up to the end of a line and returns the line
    /// without it; `None` when the input is used up before.
    pub(super) fn next(&mut self, input: &mut &[u8]) -> Result<Option<Vec<u8>>, ModelError> {
        if self.after_cr {
            match input.split_first() {
                None => return Ok(None),
                Some((b'\n', rest)) => *input = rest,
                Some(_) => {}
            }
            self.after_cr = false;
        }
        let end = input.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
        let (piece, rest) = input.split_at(end.unwrap_or(input.len()));
        if self.line.len() + piece.len() > super::MAX_LINE_BYTES {
            return Err(ModelError::protocol(
                "a line of the stream is longer than 4 MiB",
            ));
        }
        self.line.extend_from_slice(piece);
        let Some((ending, rest)) = rest.split_first() else {
            *input = rest;
            return Ok(None);
        };
        self.after_cr = *ending == b'\r';
        *input = rest;
        Ok(Some(std::mem::take(&mut self.line)))
    }

    /// The last line, when the input ended without an end of line.
    pub(super) fn rest(&mut self) -> Option<Vec<u8>> {
        (!self.line.is_empty()).then(|| std::mem::take(&mut self.line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_line_end_in_any_pieces() {
        let text = b"one\r\n\r\ntwo\rthree\n\nfour";
        for size in 1..=text.len() {
            let (mut lines, mut found) = (Lines::default(), Vec::new());
            for mut piece in text.chunks(size) {
                while let Some(line) = lines.next(&mut piece).expect("short lines") {
                    found.push(String::from_utf8(line).expect("text"));
                }
            }
            assert_eq!(found, ["one", "", "two", "three", ""], "pieces of {size}");
            assert_eq!(lines.rest().as_deref(), Some(b"four".as_slice()));
        }
    }

    #[test]
    fn a_line_without_end_is_refused() {
        let mut lines = Lines::default();
        let piece = vec![b'x'; 1 << 20];
        for _ in 0..4 {
            assert_eq!(lines.next(&mut piece.as_slice()), Ok(None));
        }
        assert!(lines.next(&mut piece.as_slice()).is_err());
    }
}
