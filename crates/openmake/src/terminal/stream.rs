//! A text that is still being written, shown as it comes.

use std::io;

use super::{
    markdown,
    screen::Screen,
    text::{Line, Span, Style, wrap},
};

/// What kind of text it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An answer.
    Markdown,
    /// Thinking: dimmed, as it was written.
    Thinking,
}

/// Shows a text as it grows: finished blocks stay, the last one may change
/// until another follows.
pub(crate) struct TextStream {
    kind: Kind,
    /// The text from the last block on.
    pending: String,
    /// Lines of the last block that stay already, because the terminal has
    /// no more rows to change them in.
    settled: usize,
    /// Whether a block was finished before.
    follows: bool,
}

impl TextStream {
    pub(crate) const fn new(kind: Kind) -> Self {
        Self {
            kind,
            pending: String::new(),
            settled: 0,
            follows: false,
        }
    }

    /// Adds what came; [`Self::paint`] shows it.
    pub(crate) fn push(&mut self, text: &str) {
        self.pending.push_str(text);
    }

    /// Shows what there is now, and `below` under it.
    pub(crate) fn paint(&mut self, screen: &mut Screen, below: &[Line]) -> io::Result<()> {
        let end = self.last_block();
        if end > 0 {
            let finished: String = self.pending.drain(..end).collect();
            self.print(&finished, screen)?;
        }
        let mut lines = self.lines(&self.pending, screen);
        let most = screen.rows().saturating_sub(below.len());
        if lines.len() > self.settled + most {
            let settled = lines.len() - most;
            let now = lines.get(self.settled..settled).unwrap_or_default();
            screen.print(now)?;
            self.settled = settled;
        }
        lines.extend_from_slice(below);
        screen.show(lines.get(self.settled..).unwrap_or_default())
    }

    /// Shows the rest, which stays.
    pub(crate) fn finish(&mut self, screen: &mut Screen) -> io::Result<()> {
        let rest = std::mem::take(&mut self.pending);
        self.print(&rest, screen)
    }

    /// Whether anything was shown.
    pub(crate) fn is_empty(&self) -> bool {
        !self.follows && self.pending.trim().is_empty()
    }

    fn print(&mut self, source: &str, screen: &mut Screen) -> io::Result<()> {
        let lines = self.lines(source, screen);
        screen.print(lines.get(self.settled..).unwrap_or_default())?;
        self.settled = 0;
        self.follows |= !lines.is_empty();
        Ok(())
    }

    /// The lines of a part, with an empty one before it if another part was
    /// before.
    fn lines(&self, source: &str, screen: &Screen) -> Vec<Line> {
        let columns = screen.columns();
        let mut lines = match self.kind {
            Kind::Markdown => markdown::render(source, columns, screen.paint),
            Kind::Thinking => thinking(source, columns),
        };
        if self.kind == Kind::Markdown && self.follows && !lines.is_empty() {
            lines.insert(0, Line::new());
        }
        lines
    }

    fn last_block(&self) -> usize {
        match self.kind {
            Kind::Markdown => markdown::last_block(&self.pending),
            Kind::Thinking => self.pending.rfind('\n').map_or(0, |end| end + 1),
        }
    }
}

/// Thinking as lines.
pub(crate) fn thinking(text: &str, columns: usize) -> Vec<Line> {
    let text = text.strip_suffix('\n').unwrap_or(text);
    if text.is_empty() {
        return Vec::new();
    }
    let margin = Span::new(Style::DIM, "  ");
    let spans = [Span::new(Style::DIM.and(Style::ITALIC), text)];
    wrap(&spans, columns.saturating_sub(2))
        .into_iter()
        .map(|line| [vec![margin.clone()], line].concat())
        .collect()
}

#[cfg(test)]
mod tests {
    use std::{
        io::Write,
        sync::{Arc, Mutex},
    };

    use super::*;

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

    #[test]
    fn a_finished_block_is_never_painted_again() {
        let out = Shared::default();
        let mut screen = Screen::for_test(Box::new(out.clone()));
        let mut stream = TextStream::new(Kind::Markdown);
        for piece in [
            "# Ti",
            "tle\n\n",
            "some **bo",
            "ld** words",
            "\n\n- a",
            "\n- b\n",
        ] {
            stream.push(piece);
            stream.paint(&mut screen, &[]).expect("written");
        }
        stream.finish(&mut screen).expect("written");
        let text = String::from_utf8(out.0.lock().expect("whole").clone()).expect("UTF-8");
        // Each is written once as it stays, after which nothing goes up to it.
        assert!(text.ends_with("- a\n- b\n"), "{text:?}");
        let title = text.rfind("# Title\n").expect("the title stays");
        let after = text.get(title..).unwrap_or_default();
        assert_eq!(after.matches("Title").count(), 1, "{text:?}");
    }

    #[test]
    fn a_block_that_is_taller_than_the_terminal_scrolls() {
        let out = Shared::default();
        let mut screen = Screen::for_test(Box::new(out.clone()));
        let mut stream = TextStream::new(Kind::Markdown);
        stream.push("```\n");
        for line in 0..30 {
            stream.push(&format!("line {line}\n"));
            stream.paint(&mut screen, &[]).expect("written");
        }
        stream.push("```\n");
        stream.finish(&mut screen).expect("written");
        let text = String::from_utf8(out.0.lock().expect("whole").clone()).expect("UTF-8");
        // Never further up than the terminal has rows.
        let ups = text.split("\u{1b}[").filter_map(|rest| {
            let (number, _) = rest.split_once('A')?;
            number.parse::<usize>().ok()
        });
        assert!(ups.max().unwrap_or(0) < 6, "{text:?}");
        for line in 0..30 {
            assert!(text.contains(&format!("line {line}\n")), "{line}: {text:?}");
        }
    }
}
