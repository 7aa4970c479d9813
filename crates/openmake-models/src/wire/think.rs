//! Thinking that a server leaves in the text, between `<think>` tags.

use std::collections::VecDeque;

use crate::ChatDelta;

const OPEN: &str = "<think>";
const CLOSE: &str = "</think>";

/// The most white space before an opening tag.
const MAX_BLANK_BYTES: usize = 64;

/// Takes the thinking out of the text. Only tags at its very beginning count:
/// a text that speaks of the tags keeps them.
#[derive(Debug, Default)]
pub(super) struct ThinkSplitter {
    place: Place,
    /// What may still become a tag.
    held: String,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Place {
    #[default]
    Start,
    Thinking,
    /// Behind the closing tag, where empty lines are dropped.
    Between,
    Text,
}

impl ThinkSplitter {
    /// Says that the server separates thinking itself, so that tags are text.
    pub(super) fn separated(&mut self) {
        if self.place == Place::Start && self.held.is_empty() {
            self.place = Place::Between;
        }
    }

    /// Takes more text.
    pub(super) fn push(&mut self, text: &str, deltas: &mut VecDeque<ChatDelta>) {
        self.held.push_str(text);
        loop {
            match self.place {
                Place::Start => {
                    let trimmed = self.held.trim_start();
                    if let Some(rest) = trimmed.strip_prefix(OPEN) {
                        self.held = rest.to_owned();
                        self.place = Place::Thinking;
                    } else if OPEN.starts_with(trimmed) && self.held.len() < MAX_BLANK_BYTES {
                        return;
                    } else {
                        self.place = Place::Text;
                    }
                }
                Place::Thinking => {
                    if let Some((thought, rest)) = self.held.split_once(CLOSE) {
                        let (thought, rest) = (thought.to_owned(), rest.to_owned());
                        emit(ChatDelta::Thinking(thought), deltas);
                        self.held = rest;
                        self.place = Place::Between;
                    } else {
                        let keep = partial_close(&self.held);
                        let thought = self.held.drain(..self.held.len() - keep).collect();
                        emit(ChatDelta::Thinking(thought), deltas);
                        return;
                    }
                }
                Place::Between => {
                    self.held = self.held.trim_start().to_owned();
                    if self.held.is_empty() {
                        return;
                    }
                    self.place = Place::Text;
                }
                Place::Text => {
                    emit(ChatDelta::Text(std::mem::take(&mut self.held)), deltas);
                    return;
                }
            }
        }
    }

    /// Gives out what is held back.
    pub(super) fn end(&mut self, deltas: &mut VecDeque<ChatDelta>) {
        let held = std::mem::take(&mut self.held);
        emit(
            if self.place == Place::Thinking {
                ChatDelta::Thinking(held)
            } else {
                ChatDelta::Text(held)
            },
            deltas,
        );
    }
}

fn emit(delta: ChatDelta, deltas: &mut VecDeque<ChatDelta>) {
    if !matches!(&delta, ChatDelta::Text(text) | ChatDelta::Thinking(text) if text.is_empty()) {
        deltas.push_back(delta);
    }
}

/// How many bytes at the end of `text` may be the beginning of the tag.
fn partial_close(text: &str) -> usize {
    (1..CLOSE.len())
        .rev()
        .find(|length| text.ends_with(&CLOSE[..*length]))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split(pieces: &[&str]) -> (String, String) {
        let (mut splitter, mut deltas) = (ThinkSplitter::default(), VecDeque::new());
        for piece in pieces {
            splitter.push(piece, &mut deltas);
        }
        splitter.end(&mut deltas);
        let (mut thinking, mut text) = (String::new(), String::new());
        for delta in deltas {
            match delta {
                ChatDelta::Thinking(more) => thinking += &more,
                ChatDelta::Text(more) => text += &more,
                other => panic!("{other:?}"),
            }
        }
        (thinking, text)
    }

    #[test]
    fn tags_at_the_beginning_are_taken_out() {
        for (text, thinking, rest) in [
            ("<think>생각</think>\n\n답", "생각", "답"),
            ("\n<think>a < b </thin </think>c", "a < b </thin ", "c"),
            ("<think>never closed </thi", "never closed </thi", ""),
            (
                "the tag <think> is text</think>",
                "",
                "the tag <think> is text</think>",
            ),
            ("<thin", "", "<thin"),
            ("<thinner>", "", "<thinner>"),
            ("<think></think>x", "", "x"),
            ("  plain", "", "  plain"),
        ] {
            assert_eq!(
                split(&[text]),
                (thinking.to_owned(), rest.to_owned()),
                "{text}"
            );
        }
    }

    proptest! {
        #[test]
        fn pieces_make_no_difference(
            parts in prop::collection::vec(
                prop::sample::select(vec!["<think>", "</think>", "<", "생각", " ", "\n", "</", "think>", "a"]),
                0..12,
            ),
        ) {
            let whole = parts.concat();
            let letters: Vec<String> = whole.chars().map(String::from).collect();
            let letters: Vec<&str> = letters.iter().map(String::as_str).collect();
            prop_assert_eq!(split(&letters), split(&[&whole]));
        }
    }
}
