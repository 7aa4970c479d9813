//! Text within a block.

use pulldown_cmark::{Event, Tag, TagEnd};

use super::super::text::{Paint, Span, Style};

/// Collects the text of a block.
pub(super) struct Inline {
    paint: Paint,
    spans: Vec<Span>,
    styles: Vec<Style>,
    /// Where the links that are open lead, and where their text begins.
    links: Vec<(String, usize)>,
}

impl Inline {
    pub(super) const fn new(paint: Paint) -> Self {
        Self {
            paint,
            spans: Vec::new(),
            styles: Vec::new(),
            links: Vec::new(),
        }
    }

    /// What was collected.
    pub(super) fn take(&mut self) -> Vec<Span> {
        self.links.clear();
        std::mem::take(&mut self.spans)
    }

    /// From here on in this style as well.
    pub(super) fn open(&mut self, style: Style) {
        self.styles.push(self.style().and(style));
    }

    /// As before [`Self::open`].
    pub(super) fn close(&mut self) {
        self.styles.pop();
    }

    fn style(&self) -> Style {
        self.styles.last().copied().unwrap_or_default()
    }

    pub(super) fn text(&mut self, text: &str, style: Style) {
        let style = self.style().and(style);
        self.spans.push(Span::new(style, text));
    }

    /// A mark that stands for a style where there is none.
    fn mark(&mut self, mark: &str) {
        if self.paint == Paint::Plain {
            self.text(mark, Style::PLAIN);
        }
    }

    pub(super) fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Text(text) | Event::InlineMath(text) | Event::DisplayMath(text) => {
                self.text(&text, Style::PLAIN);
            }
            Event::Code(code) => {
                self.mark("`");
                self.text(&code, Style::CODE);
                self.mark("`");
            }
            Event::InlineHtml(html) | Event::Html(html) => self.text(&html, Style::DIM),
            Event::FootnoteReference(name) => self.text(&format!("[^{name}]"), Style::DIM),
            Event::SoftBreak => self.text(" ", Style::PLAIN),
            Event::HardBreak => self.text("\n", Style::PLAIN),
            Event::TaskListMarker(true) => self.text("[x] ", Style::PLAIN),
            Event::TaskListMarker(false) => self.text("[ ] ", Style::PLAIN),
            Event::Start(_) | Event::End(_) | Event::Rule => {}
        }
    }

    pub(super) fn start(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Emphasis => {
                self.mark("*");
                self.open(Style::ITALIC);
            }
            Tag::Strong => {
                self.mark("**");
                self.open(Style::BOLD);
            }
            Tag::Strikethrough => {
                self.mark("~~");
                self.open(Style::STRIKE);
            }
            Tag::Link { dest_url, .. } => {
                self.open(Style::UNDERLINE);
                self.links.push((dest_url.into_string(), self.spans.len()));
            }
            Tag::Image { dest_url, .. } => {
                self.text("[image: ", Style::DIM);
                self.open(Style::ITALIC);
                self.links.push((dest_url.into_string(), self.spans.len()));
            }
            _ => {}
        }
    }

    pub(super) fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Emphasis => {
                self.close();
                self.mark("*");
            }
            TagEnd::Strong => {
                self.close();
                self.mark("**");
            }
            TagEnd::Strikethrough => {
                self.close();
                self.mark("~~");
            }
            TagEnd::Link => {
                self.close();
                self.end_link();
            }
            TagEnd::Image => {
                self.close();
                self.text("]", Style::DIM);
                self.end_link();
            }
            _ => {}
        }
    }

    /// Says where a link leads, unless its text says it.
    fn end_link(&mut self) {
        let Some((to, begin)) = self.links.pop() else {
            return;
        };
        let text: String = self
            .spans
            .iter()
            .skip(begin)
            .map(|span| span.text.as_str())
            .collect();
        let said = to.strip_prefix("mailto:").unwrap_or(&to);
        if !to.is_empty() && text != said {
            self.text(&format!(" ({to})"), Style::DIM);
        }
    }
}
