//! What is written to the terminal: finished lines, which stay, and below
//! them a few that may still change.
//!
//! Only the unfinished lines are ever painted again, and of those only what
//! differs, so nothing flickers and what scrolled away stays as it was.

use std::{
    collections::BTreeMap,
    io::{self, IsTerminal as _, Write},
};

use terminal_size::{Height, Width, terminal_size_of};

use super::text::{Line, Paint, harmless};

/// What a terminal is taken for that does not say.
const USUAL: (usize, usize) = (80, 24);
/// Fewer columns or rows than this are not believed.
const SMALLEST: (usize, usize) = (16, 4);

/// What the output can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ability {
    /// The cursor can be moved: a terminal.
    Cursor,
    /// Text only: a file, a pipe, or a terminal that can no more.
    Text,
}

/// The standard output and what it can do.
pub(crate) struct Screen {
    out: Box<dyn Write + Send>,
    pub(crate) ability: Ability,
    pub(crate) paint: Paint,
    /// Whether a terminal reads it, which acts upon what it is sent.
    is_terminal: bool,
    /// The lines that may change; the cursor is behind the last one.
    live: Vec<String>,
    /// The terminal's columns when they were painted.
    columns: usize,
    size: fn() -> Option<(Width, Height)>,
}

impl Screen {
    /// The standard output, in the way that the environment wants it.
    pub(crate) fn stdout(environment: &BTreeMap<String, String>) -> Self {
        let stdout = io::stdout();
        let ability = if stdout.is_terminal() && !is_dumb(environment) {
            Ability::Cursor
        } else {
            Ability::Text
        };
        Self {
            out: Box::new(io::stdout()),
            ability,
            paint: paint(ability, environment),
            is_terminal: stdout.is_terminal(),
            live: Vec::new(),
            columns: 0,
            size: || terminal_size_of(io::stdout()),
        }
    }

    /// The standard error, for what must not be mixed with an answer.
    pub(crate) fn stderr(environment: &BTreeMap<String, String>) -> Self {
        let stderr = io::stderr();
        let ability = if stderr.is_terminal() && !is_dumb(environment) {
            Ability::Cursor
        } else {
            Ability::Text
        };
        Self {
            out: Box::new(io::stderr()),
            ability,
            paint: paint(ability, environment),
            is_terminal: stderr.is_terminal(),
            live: Vec::new(),
            columns: 0,
            size: || terminal_size_of(io::stderr()),
        }
    }

    #[cfg(test)]
    pub(crate) fn for_test(out: Box<dyn Write + Send>) -> Self {
        Self {
            out,
            ability: Ability::Cursor,
            paint: Paint::Plain,
            is_terminal: true,
            live: Vec::new(),
            columns: 0,
            size: || Some((Width(20), Height(6))),
        }
    }

    fn dimensions(&self) -> (usize, usize) {
        match (self.size)() {
            Some((Width(columns), Height(rows))) => (
                usize::from(columns).max(SMALLEST.0),
                usize::from(rows).max(SMALLEST.1),
            ),
            None => USUAL,
        }
    }

    /// Columns that a line may take: one less than there are, because a full
    /// line makes some terminals go on to the next.
    pub(crate) fn columns(&self) -> usize {
        self.dimensions().0 - 1
    }

    /// Lines that can be painted again: what has scrolled away cannot.
    pub(crate) fn rows(&self) -> usize {
        self.dimensions().1 - 1
    }

    /// Text as it is, except for what a terminal would act upon if one reads
    /// it.
    pub(crate) fn raw_text(&mut self, text: &str) -> io::Result<()> {
        if self.is_terminal {
            self.send(&harmless(text))
        } else {
            self.send(text)
        }
    }

    fn send(&mut self, text: &str) -> io::Result<()> {
        self.out.write_all(text.as_bytes())?;
        self.out.flush()
    }

    /// Lines that stay, above those that may change, which are taken away.
    pub(crate) fn print(&mut self, lines: &[Line]) -> io::Result<()> {
        let mut text = self.erase();
        for line in lines {
            text.push_str(&self.paint.line(line));
            text.push('\n');
        }
        self.send(&text)
    }

    /// Shows `lines` in place of those that may change.
    pub(crate) fn show(&mut self, lines: &[Line]) -> io::Result<()> {
        if self.ability == Ability::Text {
            return Ok(());
        }
        let fresh: Vec<String> = lines.iter().map(|line| self.paint.line(line)).collect();
        let text = self.replace(fresh);
        if text.is_empty() {
            return Ok(());
        }
        self.send(&text)
    }

    /// What takes the changing lines away.
    fn erase(&mut self) -> String {
        self.replace(Vec::new())
    }

    fn replace(&mut self, fresh: Vec<String>) -> String {
        // Writing into a string cannot fail.
        use std::fmt::Write as _;
        let columns = self.dimensions().0;
        let mut out = String::new();
        if columns != self.columns && !self.live.is_empty() {
            // The terminal has wrapped them anew: nobody knows where they
            // are, so they stay and what follows begins below.
            out.push('\n');
            self.live.clear();
        }
        self.columns = columns;
        let same = self
            .live
            .iter()
            .zip(&fresh)
            .take_while(|(old, new)| old == new)
            .count();
        if same == self.live.len() && same == fresh.len() {
            return out;
        }
        let last = self.live.len().saturating_sub(1);
        let grown = self
            .live
            .get(same)
            .filter(|_| same == last)
            .zip(fresh.get(same))
            // A styled line ends with a reset: more of it is no suffix.
            .and_then(|(old, new)| new.strip_prefix(old.as_str()));
        match grown {
            Some(more) => out.push_str(more),
            None if self.live.is_empty() => push_lines(&mut out, fresh.iter()),
            None if same == self.live.len() => {
                out.push('\n');
                push_lines(&mut out, fresh.iter().skip(same));
            }
            None => {
                let up = last - same;
                if up > 0 {
                    let _ = write!(out, "\u{1b}[{up}A");
                }
                out.push_str("\r\u{1b}[J");
                push_lines(&mut out, fresh.iter().skip(same));
            }
        }
        if grown.is_some() {
            for line in fresh.iter().skip(same + 1) {
                out.push('\n');
                out.push_str(line);
            }
        } else if same == fresh.len() && same > 0 {
            // The cursor is at the beginning of an empty line: back behind
            // the last that stays.
            out.push_str("\u{1b}[A");
            let column = super::text::width(&without_styles(fresh.last()));
            if column > 0 {
                let _ = write!(out, "\u{1b}[{column}C");
            }
        }
        self.live = fresh;
        out
    }
}

fn push_lines<'a>(out: &mut String, lines: impl Iterator<Item = &'a String>) {
    for (place, line) in lines.enumerate() {
        if place > 0 {
            out.push('\n');
        }
        out.push_str(line);
    }
}

/// A painted line as text: our own styles are the only sequences in it.
fn without_styles(line: Option<&String>) -> String {
    let mut out = String::new();
    let mut rest = line.map_or("", String::as_str);
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        out.push_str(before);
        rest = after.split_once('m').map_or("", |(_, after)| after);
    }
    out.push_str(rest);
    out
}

fn is_dumb(environment: &BTreeMap<String, String>) -> bool {
    environment
        .get("TERM")
        .is_none_or(|term| term.is_empty() || term == "dumb")
}

fn paint(ability: Ability, environment: &BTreeMap<String, String>) -> Paint {
    let refused = environment
        .get("NO_COLOR")
        .is_some_and(|value| !value.is_empty());
    if ability == Ability::Cursor && !refused {
        Paint::Styled
    } else {
        Paint::Plain
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use proptest::prelude::*;

    use super::*;
    use crate::terminal::text::{Span, Style};

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("whole").extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// The lines of a terminal that was sent these bytes.
    fn shown(bytes: &[u8]) -> Vec<String> {
        let text = String::from_utf8(bytes.to_vec()).expect("UTF-8");
        let mut lines: Vec<Vec<char>> = vec![Vec::new()];
        let (mut row, mut column) = (0, 0);
        let mut letters = text.chars().peekable();
        while let Some(letter) = letters.next() {
            match letter {
                '\n' => {
                    row += 1;
                    column = 0;
                    if row == lines.len() {
                        lines.push(Vec::new());
                    }
                }
                '\r' => column = 0,
                '\u{1b}' => {
                    assert_eq!(letters.next(), Some('['));
                    let mut number = String::new();
                    while letters.peek().is_some_and(char::is_ascii_digit) {
                        number.extend(letters.next());
                    }
                    let count: usize = number.parse().unwrap_or(1);
                    match letters.next() {
                        Some('A') => row -= count,
                        Some('C') => column += count,
                        Some('J') => {
                            lines[row].truncate(column);
                            lines.truncate(row + 1);
                        }
                        other => panic!("{other:?}"),
                    }
                }
                letter => {
                    lines[row].truncate(column);
                    lines[row].push(letter);
                    column += 1;
                }
            }
        }
        let lines = lines.into_iter().map(|line| line.into_iter().collect());
        lines.collect()
    }

    fn lines(texts: &[String]) -> Vec<Line> {
        texts
            .iter()
            .map(|text| vec![Span::new(Style::PLAIN, text)])
            .collect()
    }

    /// Without empty lines at the end, which nobody sees.
    fn trimmed(mut lines: Vec<String>) -> Vec<String> {
        while lines.last().is_some_and(String::is_empty) {
            lines.pop();
        }
        lines
    }

    proptest! {
        #[test]
        fn the_terminal_shows_what_was_printed_and_then_what_is_live(
            steps in prop::collection::vec((any::<bool>(), prop::collection::vec("[ab]{0,3}", 0..4)), 1..12)
        ) {
            let out = Shared::default();
            let mut screen = Screen::for_test(Box::new(out.clone()));
            let mut printed: Vec<String> = Vec::new();
            for (stays, texts) in steps {
                let mut expected = printed.clone();
                if stays {
                    screen.print(&lines(&texts)).expect("written");
                    printed.extend(texts);
                    expected.clone_from(&printed);
                } else {
                    screen.show(&lines(&texts)).expect("written");
                    expected.extend(texts.clone());
                }
                let now = shown(&out.0.lock().expect("whole"));
                prop_assert_eq!(trimmed(now), trimmed(expected));
            }
        }
    }

    #[test]
    fn more_of_the_last_line_is_written_behind_it() {
        let out = Shared::default();
        let mut screen = Screen::for_test(Box::new(out.clone()));
        for text in ["one", "one two"] {
            screen.show(&lines(&[text.to_owned()])).expect("written");
        }
        assert_eq!(out.0.lock().expect("whole").as_slice(), b"one two");
    }
}
