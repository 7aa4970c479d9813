//! Tables: in columns where they fit, as a list of fields where they do not.

use pulldown_cmark::Alignment;

use super::super::text::{Line, Paint, Span, Style, line_width, wrap};

/// A column is not squeezed further than this.
const NARROWEST: usize = 6;
/// Between two columns.
const BETWEEN: &str = " │ ";
const BETWEEN_WIDTH: usize = 3;

/// A table that is read: its first row is the head.
pub(super) struct Table {
    alignments: Vec<Alignment>,
    rows: Vec<Vec<Line>>,
}

impl Table {
    pub(super) const fn new(alignments: Vec<Alignment>) -> Self {
        Self {
            alignments,
            rows: Vec::new(),
        }
    }

    pub(super) fn begin_row(&mut self) {
        self.rows.push(Vec::new());
    }

    pub(super) fn push_cell(&mut self, cell: Line) {
        if let Some(row) = self.rows.last_mut() {
            row.push(cell);
        }
    }

    /// The lines of the table, in at most `columns` columns.
    pub(super) fn lines(&self, columns: usize, paint: Paint) -> Vec<Line> {
        match self.widths(columns) {
            Some(widths) => self.in_columns(&widths, paint),
            None => self.as_fields(columns),
        }
    }

    /// How wide each column is; none when they do not fit side by side.
    fn widths(&self, columns: usize) -> Option<Vec<usize>> {
        let count = self.rows.iter().map(Vec::len).max()?;
        let between = BETWEEN_WIDTH * count.saturating_sub(1);
        let available = columns.checked_sub(between)?;
        let mut widths: Vec<usize> = (0..count)
            .map(|column| {
                let cells = self.rows.iter().filter_map(|row| row.get(column));
                cells.map(|cell| line_width(cell)).max().unwrap_or(0).max(1)
            })
            .collect();
        // The widest column gives until all fit.
        while widths.iter().sum::<usize>() > available {
            let widest = widths.iter_mut().max()?;
            if *widest <= NARROWEST {
                return None;
            }
            *widest -= 1;
        }
        Some(widths)
    }

    fn in_columns(&self, widths: &[usize], paint: Paint) -> Vec<Line> {
        let mut lines = Vec::new();
        for (place, row) in self.rows.iter().enumerate() {
            let cells: Vec<Vec<Line>> = widths
                .iter()
                .enumerate()
                .map(|(column, width)| {
                    let cell = row.get(column).cloned().unwrap_or_default();
                    let cell = if place == 0 && paint == Paint::Styled {
                        bold(cell)
                    } else {
                        cell
                    };
                    wrap(&cell, *width)
                })
                .collect();
            let height = cells.iter().map(Vec::len).max().unwrap_or(1);
            for level in 0..height {
                let mut line = Line::new();
                for (column, (cell, width)) in cells.iter().zip(widths).enumerate() {
                    if column > 0 {
                        line.push(Span::new(Style::DIM, BETWEEN));
                    }
                    let content = cell.get(level).cloned().unwrap_or_default();
                    line.extend(self.aligned(column, content, *width));
                }
                lines.push(line);
            }
            if place == 0 {
                let rules: Vec<String> = widths.iter().map(|width| "─".repeat(*width)).collect();
                lines.push(vec![Span::new(Style::DIM, &rules.join("─┼─"))]);
            }
        }
        lines
    }

    fn aligned(&self, column: usize, content: Line, width: usize) -> Line {
        let missing = width.saturating_sub(line_width(&content));
        let before = match self.alignments.get(column) {
            Some(Alignment::Right) => missing,
            Some(Alignment::Center) => missing / 2,
            _ => 0,
        };
        let space = |count: usize| Span::new(Style::PLAIN, &" ".repeat(count));
        let mut line = vec![space(before)];
        line.extend(content);
        line.push(space(missing - before));
        line
    }

    fn as_fields(&self, columns: usize) -> Vec<Line> {
        let Some((head, rows)) = self.rows.split_first() else {
            return Vec::new();
        };
        let mut lines = Vec::new();
        for (place, row) in rows.iter().enumerate() {
            if place > 0 {
                lines.push(Line::new());
            }
            for (column, cell) in row.iter().enumerate() {
                let mut field = bold(head.get(column).cloned().unwrap_or_default());
                field.push(Span::new(Style::PLAIN, ": "));
                field.extend(cell.iter().cloned());
                lines.extend(wrap(&field, columns));
            }
        }
        lines
    }
}

fn bold(line: Line) -> Line {
    line.into_iter()
        .map(|span| Span {
            style: span.style.and(Style::BOLD),
            ..span
        })
        .collect()
}
