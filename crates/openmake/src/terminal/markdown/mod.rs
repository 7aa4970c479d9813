//! Markdown as lines of a terminal.

mod inline;
mod table;

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Options, Parser, Tag, TagEnd};

use super::text::{Line, Paint, Span, Style, line_width, wrap};
use inline::Inline;
use table::Table;

/// Fewer columns than this are not worth wrapping to.
const NARROWEST: usize = 12;
/// A rule is no longer than this.
const RULE: usize = 40;

fn options() -> Options {
    Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS
}

/// Where the last block of the text begins: what is before it is finished,
/// whatever follows.
pub(crate) fn last_block(source: &str) -> usize {
    let mut depth = 0_usize;
    let mut last = 0;
    for (event, range) in Parser::new_ext(source, options()).into_offset_iter() {
        let is_block = match event {
            Event::Start(_) => {
                depth += 1;
                depth == 1
            }
            Event::End(_) => {
                depth -= 1;
                false
            }
            _ => depth == 0,
        };
        if is_block {
            last = range.start;
        }
    }
    // An indented block begins behind its indentation.
    source
        .get(..last)
        .and_then(|before| before.rfind('\n'))
        .map_or(0, |end| end + 1)
}

/// The lines of a text, each of at most `columns` columns.
pub(crate) fn render(source: &str, columns: usize, paint: Paint) -> Vec<Line> {
    let mut page = Page {
        columns: columns.max(NARROWEST),
        paint,
        lines: Vec::new(),
        containers: Vec::new(),
        inline: Inline::new(paint),
        lists: Vec::new(),
        code: None,
        table: None,
        needs_gap: false,
    };
    for event in Parser::new_ext(source, options()) {
        page.event(event);
    }
    page.flush();
    page.lines
}

/// What stands before the lines of a block within another.
struct Container {
    /// Before its first line, until that is written.
    first: Option<Span>,
    /// Before all others.
    rest: Span,
}

struct Page {
    columns: usize,
    paint: Paint,
    lines: Vec<Line>,
    containers: Vec<Container>,
    inline: Inline,
    /// The number of the next item; none for bullets.
    lists: Vec<Option<u64>>,
    /// The block of code that is read.
    code: Option<String>,
    table: Option<Table>,
    /// Whether an empty line comes before the next block.
    needs_gap: bool,
}

impl Page {
    fn event(&mut self, event: Event<'_>) {
        if let Some(code) = &mut self.code {
            match event {
                Event::Text(text) => code.push_str(&text),
                Event::End(TagEnd::CodeBlock) => self.end_code(),
                _ => {}
            }
            return;
        }
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Rule => {
                self.begin_block();
                let rule = "─".repeat(RULE.min(self.available()));
                self.push_line(vec![Span::new(Style::DIM, &rule)]);
                self.needs_gap = true;
            }
            Event::Html(html) => self.inline.text(&html, Style::DIM),
            other => self.inline.event(other),
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Paragraph | Tag::HtmlBlock => self.begin_block(),
            Tag::Heading { level, .. } => {
                self.begin_block();
                let underline = match level {
                    HeadingLevel::H1 => Style::UNDERLINE,
                    _ => Style::PLAIN,
                };
                self.inline.open(Style::BOLD.and(underline));
                if self.paint == Paint::Plain {
                    let marks = "#".repeat(level as usize);
                    self.inline.text(&format!("{marks} "), Style::PLAIN);
                }
            }
            Tag::BlockQuote(_) => {
                self.begin_block();
                let bar = Span::new(Style::DIM, "│ ");
                self.containers.push(Container {
                    first: None,
                    rest: bar,
                });
            }
            Tag::CodeBlock(kind) => {
                self.begin_block();
                let language = match &kind {
                    CodeBlockKind::Fenced(language) => language.as_ref(),
                    CodeBlockKind::Indented => "",
                };
                self.push_line(vec![Span::new(Style::DIM, &format!("```{language}"))]);
                self.code = Some(String::new());
            }
            Tag::List(first) => {
                if self.lists.is_empty() {
                    self.begin_block();
                } else {
                    self.flush();
                }
                self.lists.push(first);
            }
            Tag::Item => self.start_item(),
            Tag::Table(alignments) => {
                self.begin_block();
                self.table = Some(Table::new(alignments));
            }
            Tag::TableHead | Tag::TableRow => {
                if let Some(table) = &mut self.table {
                    table.begin_row();
                }
            }
            Tag::TableCell => {}
            other => self.inline.start(other),
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Paragraph | TagEnd::HtmlBlock => self.end_block(),
            TagEnd::Heading(_) => {
                self.inline.close();
                self.end_block();
            }
            TagEnd::BlockQuote(_) => {
                self.flush();
                self.containers.pop();
                self.needs_gap = true;
            }
            TagEnd::List(_) => {
                self.flush();
                self.lists.pop();
                self.needs_gap = self.lists.is_empty();
            }
            TagEnd::Item => {
                self.flush();
                // One without any text has its mark still to be written.
                if self.containers.last().is_some_and(|c| c.first.is_some()) {
                    self.push_line(Vec::new());
                }
                self.containers.pop();
                self.needs_gap = false;
            }
            TagEnd::TableCell => {
                let cell = self.inline.take();
                if let Some(table) = &mut self.table {
                    table.push_cell(cell);
                }
            }
            TagEnd::Table => {
                if let Some(table) = self.table.take() {
                    for line in table.lines(self.available(), self.paint) {
                        self.push_line(line);
                    }
                }
                self.needs_gap = true;
            }
            TagEnd::TableHead | TagEnd::TableRow => {}
            other => self.inline.end(other),
        }
    }

    fn start_item(&mut self) {
        self.flush();
        self.needs_gap = false;
        let mark = match self.lists.last_mut() {
            Some(Some(number)) => {
                let mark = format!("{number}. ");
                *number += 1;
                mark
            }
            _ if self.paint == Paint::Plain => "- ".to_owned(),
            _ => "• ".to_owned(),
        };
        let rest = " ".repeat(super::text::width(&mark));
        self.containers.push(Container {
            first: Some(Span::new(Style::PLAIN, &mark)),
            rest: Span::new(Style::PLAIN, &rest),
        });
    }

    fn end_code(&mut self) {
        let code = self.code.take().unwrap_or_default();
        let code = code.strip_suffix('\n').unwrap_or(&code);
        let available = self.available();
        for line in wrap(&[Span::new(Style::CODE, code)], available) {
            self.push_line(line);
        }
        self.push_line(vec![Span::new(Style::DIM, "```")]);
        self.needs_gap = true;
    }

    /// Ends what was open, and leaves a line before what comes.
    fn begin_block(&mut self) {
        self.flush();
        if self.needs_gap && !self.lines.is_empty() {
            let mut line = self.prefix();
            while line.last().is_some_and(|span| span.text.trim().is_empty()) {
                line.pop();
            }
            self.lines.push(line);
        }
        self.needs_gap = false;
    }

    fn end_block(&mut self) {
        self.flush();
        self.needs_gap = true;
    }

    /// Writes the text that was collected.
    fn flush(&mut self) {
        let spans = self.inline.take();
        if spans.is_empty() {
            return;
        }
        for line in wrap(&spans, self.available()) {
            self.push_line(line);
        }
    }

    fn push_line(&mut self, line: Line) {
        let mut whole = self.prefix();
        whole.extend(line);
        self.lines.push(whole);
    }

    /// What stands before the next line.
    fn prefix(&mut self) -> Line {
        self.containers
            .iter_mut()
            .map(|container| {
                let first = container.first.take();
                first.unwrap_or_else(|| container.rest.clone())
            })
            .collect()
    }

    fn available(&self) -> usize {
        let taken: usize = self
            .containers
            .iter()
            .map(|container| line_width(std::slice::from_ref(&container.rest)))
            .sum();
        self.columns
            .saturating_sub(taken)
            .max(NARROWEST.min(self.columns))
    }
}

#[cfg(test)]
mod tests;
