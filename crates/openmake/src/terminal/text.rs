//! Text on a terminal: made harmless, measured in columns, styled, wrapped.
//!
//! What a model, a tool or another person wrote is data: a terminal must not
//! act upon it. Everything that is shown goes through [`harmless`].

use std::fmt::Write as _;

use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthStr as _;

/// Columns between two tab stops, which are not kept as such.
const TAB: &str = "    ";

/// The text without what a terminal would act upon: control characters, and
/// those that turn the direction of what follows.
pub(crate) fn harmless(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\n' => out.push('\n'),
            '\t' => out.push_str(TAB),
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {}
            letter if letter.is_control() => {}
            letter => out.push(letter),
        }
    }
    out
}

/// Columns that a line takes.
pub(crate) fn width(text: &str) -> usize {
    text.width()
}

/// The text on one line of at most `columns` columns.
pub(crate) fn one_line(text: &str, columns: usize) -> String {
    let text = harmless(text);
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if width(&text) <= columns {
        return text;
    }
    let mut out = String::new();
    let mut taken = 1;
    for cluster in text.graphemes(true) {
        taken += width(cluster);
        if taken > columns {
            break;
        }
        out.push_str(cluster);
    }
    out.push('…');
    out
}

/// The text with spaces behind it up to `columns` columns.
pub(crate) fn padded(text: &str, columns: usize) -> String {
    let missing = columns.saturating_sub(width(text));
    format!("{text}{}", " ".repeat(missing))
}

/// How a piece of text looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Style(u8);

impl Style {
    pub(crate) const PLAIN: Self = Self(0);
    pub(crate) const BOLD: Self = Self(1);
    pub(crate) const ITALIC: Self = Self(1 << 1);
    pub(crate) const UNDERLINE: Self = Self(1 << 2);
    pub(crate) const DIM: Self = Self(1 << 3);
    pub(crate) const STRIKE: Self = Self(1 << 4);
    pub(crate) const CODE: Self = Self(1 << 5);
    pub(crate) const BAD: Self = Self(1 << 6);
    pub(crate) const GOOD: Self = Self(1 << 7);

    /// Both.
    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The numbers of an SGR sequence.
    const NUMBERS: [(Self, u8); 8] = [
        (Self::BOLD, 1),
        (Self::DIM, 2),
        (Self::ITALIC, 3),
        (Self::UNDERLINE, 4),
        (Self::STRIKE, 9),
        (Self::CODE, 36),
        (Self::BAD, 31),
        (Self::GOOD, 32),
    ];
}

/// Whether styles are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Paint {
    /// As the terminal can.
    Styled,
    /// As plain text: Markdown's own marks stand where styles would.
    Plain,
}

impl Paint {
    /// Text in a style.
    pub(crate) fn styled(self, style: Style, text: &str) -> String {
        let mut out = String::new();
        self.push(&mut out, style, text);
        out
    }

    fn push(self, out: &mut String, style: Style, text: &str) {
        if self == Self::Plain || style == Style::PLAIN || text.is_empty() {
            out.push_str(text);
            return;
        }
        out.push_str("\u{1b}[");
        let numbers = Style::NUMBERS
            .iter()
            .filter(|(bit, _)| style.0 & bit.0 != 0);
        for (place, (_, number)) in numbers.enumerate() {
            let separator = if place == 0 { "" } else { ";" };
            // Writing into a string cannot fail.
            let _ = write!(out, "{separator}{number}");
        }
        out.push('m');
        out.push_str(text);
        out.push_str("\u{1b}[0m");
    }

    /// A line as it goes to the terminal.
    pub(crate) fn line(self, line: &[Span]) -> String {
        let mut out = String::new();
        for span in line {
            self.push(&mut out, span.style, &span.text);
        }
        out
    }
}

/// A piece of text in one style, harmless already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) text: String,
    pub(crate) style: Style,
}

impl Span {
    /// Made harmless.
    pub(crate) fn new(style: Style, text: &str) -> Self {
        Self {
            text: harmless(text),
            style,
        }
    }
}

/// A line.
pub(crate) type Line = Vec<Span>;

/// Columns of a line.
pub(crate) fn line_width(line: &[Span]) -> usize {
    line.iter().map(|span| width(&span.text)).sum()
}

/// A letter as it is seen, and how.
#[derive(Clone, Copy)]
struct Cell<'a> {
    text: &'a str,
    style: Style,
    columns: usize,
}

impl Cell<'_> {
    fn is_space(&self) -> bool {
        self.text == " "
    }

    /// Whether a line may end behind it: a space, or writing without spaces.
    /// Korean has spaces.
    fn ends_line(&self) -> bool {
        self.is_space()
            || self.text.chars().next().is_some_and(|letter| {
                matches!(letter,
                    '\u{2e80}'..='\u{30ff}' | '\u{31f0}'..='\u{9fff}' | '\u{f900}'..='\u{faff}'
                    | '\u{ff00}'..='\u{ff9f}' | '\u{20000}'..='\u{3ffff}')
            })
    }
}

/// Lines of at most `columns` columns, broken at spaces where that is
/// possible. A line break in the text is one in the result.
pub(crate) fn wrap(spans: &[Span], columns: usize) -> Vec<Line> {
    let columns = columns.max(2);
    let mut lines = Vec::new();
    let mut line: Vec<Cell<'_>> = Vec::new();
    let mut taken = 0;
    for span in spans {
        for text in span.text.graphemes(true) {
            if text == "\n" {
                lines.push(joined(&line));
                line.clear();
                taken = 0;
                continue;
            }
            let cell = Cell {
                text,
                style: span.style,
                columns: width(text),
            };
            if taken + cell.columns > columns && !line.is_empty() {
                if cell.is_space() {
                    lines.push(joined(&line));
                    line.clear();
                    taken = 0;
                    continue;
                }
                let end = line.iter().rposition(Cell::ends_line);
                let rest = end.map_or_else(Vec::new, |end| line.split_off(end + 1));
                lines.push(joined(&line));
                line = rest;
                taken = line.iter().map(|cell| cell.columns).sum();
            }
            taken += cell.columns;
            line.push(cell);
        }
    }
    if !line.is_empty() || lines.is_empty() {
        lines.push(joined(&line));
    }
    lines
}

/// Cells as spans, without spaces at the end.
fn joined(cells: &[Cell<'_>]) -> Line {
    let end = cells
        .iter()
        .rposition(|cell| !cell.is_space())
        .map_or(0, |end| end + 1);
    let mut line: Line = Vec::new();
    for cell in cells.iter().take(end) {
        match line.last_mut() {
            Some(span) if span.style == cell.style => span.text.push_str(cell.text),
            _ => line.push(Span {
                text: cell.text.to_owned(),
                style: cell.style,
            }),
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrapped(text: &str, columns: usize) -> Vec<String> {
        wrap(&[Span::new(Style::PLAIN, text)], columns)
            .iter()
            .map(|line| Paint::Plain.line(line))
            .collect()
    }

    #[test]
    fn a_terminal_does_not_act_upon_what_is_shown() {
        let evil = "a\u{1b}[2J\u{1b}]0;title\u{7}b\r\u{9b}31mc\u{202e}d\te";
        assert_eq!(harmless(evil), "a[2J]0;titleb31mcd    e");
    }

    #[test]
    fn lines_break_at_spaces_and_by_columns() {
        assert_eq!(wrapped("one two three", 8), ["one two", "three"]);
        assert_eq!(wrapped("abcdefgh ij", 3), ["abc", "def", "gh", "ij"]);
        assert_eq!(wrapped("a\n\nb", 9), ["a", "", "b"]);
        assert_eq!(wrapped("", 9), [""]);
        // Two columns a syllable, and no break within a word.
        assert_eq!(wrapped("안녕 세상아", 7), ["안녕", "세상아"]);
        assert_eq!(wrapped("日本語文章", 6), ["日本語", "文章"]);
    }

    #[test]
    fn one_line_is_cut_where_it_is_too_long() {
        assert_eq!(one_line("a\n b\tc", 9), "a b c");
        assert_eq!(one_line("안녕하세요", 6), "안녕…");
        assert_eq!(width(&padded("안녕", 6)), 6);
    }

    #[test]
    fn styles_are_shown_or_not() {
        let style = Style::BOLD.and(Style::CODE);
        assert_eq!(Paint::Styled.styled(style, "x"), "\u{1b}[1;36mx\u{1b}[0m");
        assert_eq!(Paint::Plain.styled(style, "x"), "x");
    }
}
