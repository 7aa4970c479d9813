//! What a chat prints besides answers.

use openmake_api::{conversations::ConversationView, messages::MessageView, models::ModelList};

use super::{Chat, conversation::Listed};
use crate::terminal::{
    failure::Failure,
    local_time, markdown,
    text::{Line, Span, Style, one_line, wrap},
};

/// Messages that are printed of a conversation that is opened.
const SHOWN: usize = 4;

impl Chat<'_> {
    /// A line beside the conversation.
    pub(super) fn dim(&mut self, text: &str) -> Result<(), Failure> {
        self.aside(Style::DIM, text)
    }

    /// The same, to be noticed.
    pub(super) fn say(&mut self, text: &str) -> Result<(), Failure> {
        self.aside(Style::PLAIN, text)
    }

    /// Where a program reads the answers, only they go there.
    fn aside(&mut self, style: Style, text: &str) -> Result<(), Failure> {
        if text.is_empty() {
            return Ok(());
        }
        let screen = if self.input.is_editor() {
            &mut self.terminal.out
        } else {
            &mut self.terminal.err
        };
        let lines = wrap(&[Span::new(style, text)], screen.columns());
        Ok(screen.print(&lines)?)
    }

    /// What went wrong, and what to do about it.
    pub(super) fn complain(&mut self, failure: &Failure) -> Result<(), Failure> {
        self.aside(Style::BAD, &failure.to_string())?;
        match failure.hint() {
            Some(hint) => self.dim(&format!("hint: {hint}")),
            None => Ok(()),
        }
    }

    pub(super) fn show_models(&mut self, list: &ModelList) -> Result<(), Failure> {
        let columns = self.terminal.out.columns();
        let chosen = self.model.as_ref().unwrap_or(&list.default_model);
        let mut lines: Vec<Line> = Vec::new();
        for model in &list.items {
            let style = if model.available {
                Style::PLAIN
            } else {
                Style::DIM
            };
            let mark = if model.id == *chosen { "* " } else { "  " };
            let mut spans = vec![Span::new(
                style.and(Style::BOLD),
                &format!("{mark}{}", model.id),
            )];
            if let Some(what) = &model.description {
                spans.push(Span::new(Style::DIM, &format!("  {what}")));
            }
            lines.extend(wrap(&spans, columns));
        }
        Ok(self.terminal.out.print(&lines)?)
    }

    pub(super) fn show_list(&mut self, found: &[Listed]) -> Result<(), Failure> {
        let columns = self.terminal.out.columns();
        let mut lines: Vec<Line> = Vec::new();
        for (number, listed) in (1..).zip(found) {
            let when = local_time(listed.conversation.updated_at);
            let title = title(&listed.conversation);
            let mark = format!("{number:>3}  {when}  ");
            let title = one_line(title, columns.saturating_sub(mark.len()));
            lines.push(vec![
                Span::new(Style::DIM, &mark),
                Span::new(Style::PLAIN, &title),
            ]);
            if let Some(excerpt) = &listed.excerpt {
                let excerpt = one_line(excerpt, columns.saturating_sub(5));
                lines.push(vec![Span::new(Style::DIM, &format!("     {excerpt}"))]);
            }
        }
        self.terminal.out.print(&lines)?;
        self.dim("/open NUMBER opens one")
    }

    /// The end of a conversation that is opened.
    pub(super) fn show_end(
        &mut self,
        view: &ConversationView,
        messages: &[MessageView],
    ) -> Result<(), Failure> {
        // An answer that is being written is watched instead.
        let finished: Vec<&MessageView> = messages
            .iter()
            .filter(|message| message.status != "running")
            .collect();
        self.heading(view)?;
        let before = finished.len().saturating_sub(SHOWN);
        if before > 0 {
            self.dim(&format!("… {before} messages before; /show prints all"))?;
        }
        for message in finished.into_iter().skip(before) {
            self.show_message(message)?;
        }
        Ok(())
    }

    pub(super) fn show_whole(
        &mut self,
        view: &ConversationView,
        messages: &[MessageView],
    ) -> Result<(), Failure> {
        self.heading(view)?;
        for message in messages {
            self.show_message(message)?;
        }
        Ok(())
    }

    fn heading(&mut self, view: &ConversationView) -> Result<(), Failure> {
        let columns = self.terminal.out.columns();
        let title = Span::new(Style::BOLD, &one_line(title(view), columns));
        Ok(self.terminal.out.print(&[vec![title], Line::new()])?)
    }

    fn show_message(&mut self, message: &MessageView) -> Result<(), Failure> {
        let screen = &mut self.terminal.out;
        let columns = screen.columns();
        let mut lines: Vec<Line> = Vec::new();
        if message.role == "user" {
            let marked = Span::new(Style::BOLD.and(Style::CODE), super::PROMPT);
            let text = Span::new(Style::BOLD, &message.content);
            lines.extend(wrap(&[marked, text], columns));
        } else {
            for call in &message.tool_calls {
                let output = call.output.as_deref().unwrap_or("");
                let line = format!("⚙ {} {} → {output}", call.name, call.arguments);
                let line = one_line(&line, columns);
                lines.push(vec![Span::new(Style::DIM, &line)]);
            }
            lines.extend(markdown::render(&message.content, columns, screen.paint));
        }
        if !message.attachments.is_empty() {
            let count = message.attachments.len();
            lines.push(vec![Span::new(Style::DIM, &format!("[{count} pictures]"))]);
        }
        if let Some(error) = &message.error {
            lines.extend(wrap(&[Span::new(Style::BAD, &error.detail)], columns));
        }
        lines.push(Line::new());
        Ok(screen.print(&lines)?)
    }
}

fn title(view: &ConversationView) -> &str {
    if view.title.is_empty() {
        "(untitled)"
    } else {
        &view.title
    }
}
