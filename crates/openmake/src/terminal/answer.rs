//! An answer while it is written: its events, shown and added up.

use std::io;

use openmake_api::{EventBody, event::Folded};
use uuid::Uuid;

use super::{
    client::Client,
    failure::Failure,
    screen::{Ability, Screen},
    stream::{Kind, TextStream},
    text::{Line, Span, Style, one_line},
    tty::Interrupts,
    turn::{Seen, Watch},
};

/// Columns of a tool's arguments and of its answer at most.
const TOOL_COLUMNS: usize = 60;

/// Whether a model's thinking is shown while it thinks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Thinking {
    /// Only that it thinks.
    Folded,
    /// All of it, dimmed.
    Shown,
}

/// How an answer is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Show {
    /// Formatted, with tools and thinking, on a terminal.
    Formatted(Thinking),
    /// The text as it comes, and nothing else.
    Raw,
    /// Nothing but how long it is so far, where someone looks.
    Progress,
    /// Nothing.
    Nothing,
}

/// What a turn came to.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    /// Text, thinking and tools.
    pub(crate) folded: Folded,
    /// What was asked for.
    pub(crate) requested_model: Option<String>,
    /// The profile that chose the model.
    pub(crate) profile: Option<String>,
    /// Tokens and speed, when the server said.
    pub(crate) usage: Option<Usage>,
    /// Why the model stopped.
    pub(crate) finish_reason: Option<String>,
    /// Sources.
    pub(crate) citations: Vec<Citation>,
    /// How it ended, when not by the model's own end.
    pub(crate) end: Option<End>,
}

/// Tokens and speed.
#[derive(Debug, Clone, Copy, serde::Serialize)]
pub(crate) struct Usage {
    pub(crate) input_tokens: u64,
    pub(crate) output_tokens: u64,
    pub(crate) estimated: bool,
    pub(crate) first_token_ms: Option<u64>,
    pub(crate) tokens_per_second: Option<f64>,
}

/// A source of an answer.
#[derive(Debug, Clone, serde::Serialize)]
pub(crate) struct Citation {
    pub(crate) index: u32,
    pub(crate) title: String,
    pub(crate) url: String,
}

/// An end that is not the model's own.
#[derive(Debug)]
pub(crate) enum End {
    /// With an error.
    Failed {
        code: String,
        detail: String,
        hint: Option<String>,
    },
    /// Stopped by a person.
    Stopped,
    /// Its process stopped.
    CutShort(String),
}

impl Answer {
    fn apply(&mut self, body: &EventBody) {
        self.folded.apply(body);
        match body {
            EventBody::Started {
                requested_model, ..
            } => self.requested_model = Some(requested_model.clone()),
            EventBody::ModelSelected { profile, .. } => self.profile.clone_from(profile),
            EventBody::Citation { index, title, url } => self.citations.push(Citation {
                index: *index,
                title: title.clone(),
                url: url.clone(),
            }),
            EventBody::Usage {
                input_tokens,
                output_tokens,
                estimated,
                first_token_ms,
                tokens_per_second,
            } => {
                self.usage = Some(Usage {
                    input_tokens: *input_tokens,
                    output_tokens: *output_tokens,
                    estimated: *estimated,
                    first_token_ms: *first_token_ms,
                    tokens_per_second: *tokens_per_second,
                });
            }
            EventBody::Completed { finish_reason } => {
                self.finish_reason = Some(finish_reason.clone());
            }
            EventBody::Failed { code, detail, hint } => {
                self.end = Some(End::Failed {
                    code: code.clone(),
                    detail: detail.clone(),
                    hint: hint.clone(),
                });
            }
            EventBody::Cancelled {} => self.end = Some(End::Stopped),
            EventBody::Interrupted { reason } => self.end = Some(End::CutShort(reason.clone())),
            _ => {}
        }
    }

    /// An error unless the model ended it.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        match &self.end {
            None if self.finish_reason.as_deref() == Some("content_filter") => {
                Err(Failure::Answer {
                    code: "content_filter".to_owned(),
                    detail: "the model's provider withheld the rest".to_owned(),
                    hint: None,
                })
            }
            None => Ok(()),
            Some(End::Failed { code, detail, hint }) => Err(Failure::Answer {
                code: code.clone(),
                detail: detail.clone(),
                hint: hint.clone(),
            }),
            Some(End::Stopped) => Err(Failure::CutShort {
                reason: "it was stopped elsewhere".to_owned(),
            }),
            Some(End::CutShort(reason)) => Err(Failure::CutShort {
                reason: reason.clone(),
            }),
        }
    }
}

/// Watches a turn to its end and shows it. When it is interrupted, `stopped`
/// says so and the turn is stopped; a second interrupt does not wait for that.
pub(crate) async fn watch(
    client: &Client,
    turn: Uuid,
    mut view: View<'_>,
    interrupts: &mut Interrupts,
) -> Result<Watched, Failure> {
    let mut watch = Watch::new(client, turn);
    let mut answer = Answer::default();
    let mut stopped = false;
    loop {
        let seen = tokio::select! {
            seen = watch.next() => seen?,
            () = interrupts.next() => {
                if stopped {
                    view.end(&answer)?;
                    return Ok(Watched { answer, stopped });
                }
                stopped = true;
                view.notice("stopping …")?;
                interrupts.or(client.stop_turn(turn)).await?;
                continue;
            }
        };
        match seen {
            None => {
                view.end(&answer)?;
                return Ok(Watched { answer, stopped });
            }
            Some(Seen::Event(event)) => {
                answer.apply(&event.body);
                view.event(&event.body)?;
            }
            Some(Seen::Lost) => view.notice("the connection broke, trying again …")?,
            Some(Seen::Restored) => view.notice("connected again")?,
        }
        if !watch.has_more() {
            view.paint()?;
        }
    }
}

/// What watching came to.
pub(crate) struct Watched {
    pub(crate) answer: Answer,
    /// Whether the person stopped it.
    pub(crate) stopped: bool,
}

/// Shows an answer on a screen.
pub(crate) struct View<'a> {
    screen: &'a mut Screen,
    show: Show,
    text: TextStream,
    thinking: TextStream,
    thought_words: usize,
    /// Tools that run: call and line.
    running: Vec<(String, String)>,
    /// What is going on, where nothing else says so.
    status: Option<String>,
    /// Bytes of text so far.
    written: usize,
    ends_with_newline: bool,
}

impl<'a> View<'a> {
    pub(crate) fn new(screen: &'a mut Screen, show: Show) -> Self {
        let show = match (show, screen.ability) {
            (Show::Formatted(_), Ability::Text) => Show::Raw,
            (Show::Progress, Ability::Text) => Show::Nothing,
            (show, _) => show,
        };
        Self {
            screen,
            show,
            text: TextStream::new(Kind::Markdown),
            thinking: TextStream::new(Kind::Thinking),
            thought_words: 0,
            running: Vec::new(),
            status: None,
            written: 0,
            ends_with_newline: true,
        }
    }

    fn event(&mut self, body: &EventBody) -> io::Result<()> {
        self.status = None;
        match body {
            EventBody::TextDelta { text } => self.text_piece(text),
            EventBody::Snapshot { text, thinking } => {
                // Sent only when nothing was seen yet, so nothing comes twice.
                self.thinking_piece(thinking)?;
                self.text_piece(text)
            }
            EventBody::ThinkingDelta { text } => self.thinking_piece(text),
            EventBody::ToolStarted {
                call_id,
                name,
                arguments,
            } => {
                self.end_thinking()?;
                self.end_text()?;
                let arguments = one_line(arguments, TOOL_COLUMNS);
                let line = one_line(&format!("{name} {arguments}"), 2 * TOOL_COLUMNS);
                self.running.push((call_id.clone(), line));
                Ok(())
            }
            EventBody::ToolFinished {
                call_id,
                name,
                output,
                is_error,
                duration_ms,
            } => {
                let place = self.running.iter().position(|(call, _)| call == call_id);
                let line = place.map_or_else(|| name.clone(), |at| self.running.remove(at).1);
                let output = one_line(output, TOOL_COLUMNS);
                let outcome = if *is_error { "failed: " } else { "" };
                let line = format!("⚙ {line} → {outcome}{output} ({duration_ms} ms)");
                self.dim_line(&line)
            }
            EventBody::ContextCut { messages, .. } => {
                let line = format!(
                    "the {messages} oldest messages were left out: they do not fit the model"
                );
                self.dim_line(&line)
            }
            EventBody::AgentSelected { name, .. } => self.dim_line(&format!("{name} answers")),
            EventBody::Progress {
                message, percent, ..
            } => {
                let percent = percent.map_or_else(String::new, |percent| format!(" {percent} %"));
                self.status = Some(format!("{message}{percent}"));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn text_piece(&mut self, text: &str) -> io::Result<()> {
        if text.is_empty() {
            return Ok(());
        }
        self.written += text.len();
        self.ends_with_newline = text.ends_with('\n');
        match self.show {
            Show::Formatted(_) => {
                self.end_thinking()?;
                self.text.push(text);
                Ok(())
            }
            Show::Raw => self.screen.raw_text(text),
            Show::Progress | Show::Nothing => Ok(()),
        }
    }

    fn thinking_piece(&mut self, text: &str) -> io::Result<()> {
        self.thought_words += text.split_whitespace().count();
        if !text.is_empty() {
            self.end_text()?;
            self.thinking.push(text);
        }
        Ok(())
    }

    /// What is on its way becomes what stays.
    fn end_thinking(&mut self) -> io::Result<()> {
        if self.thinking.is_empty() {
            return Ok(());
        }
        let mut thinking = std::mem::replace(&mut self.thinking, TextStream::new(Kind::Thinking));
        let words = std::mem::take(&mut self.thought_words);
        match self.show {
            Show::Formatted(Thinking::Shown) => {
                thinking.finish(self.screen)?;
                self.screen.print(&[Line::new()])
            }
            Show::Formatted(Thinking::Folded) => {
                let line = format!("✻ thought ({words} words; /thinking shows them)");
                self.dim_line(&line)
            }
            _ => Ok(()),
        }
    }

    fn end_text(&mut self) -> io::Result<()> {
        if matches!(self.show, Show::Formatted(_)) && !self.text.is_empty() {
            let mut text = std::mem::replace(&mut self.text, TextStream::new(Kind::Markdown));
            text.finish(self.screen)?;
            self.screen.print(&[Line::new()])?;
        }
        Ok(())
    }

    fn dim_line(&mut self, text: &str) -> io::Result<()> {
        if !matches!(self.show, Show::Formatted(_)) {
            return Ok(());
        }
        let line = vec![Span::new(Style::DIM, text)];
        let lines = super::text::wrap(&line, self.screen.columns());
        self.screen.print(&lines)
    }

    /// What happens beside the answer.
    fn notice(&mut self, text: &str) -> io::Result<()> {
        self.status = Some(text.to_owned());
        self.paint()
    }

    /// Shows what has come by now.
    fn paint(&mut self) -> io::Result<()> {
        let columns = self.screen.columns();
        let dim = |text: &str| vec![Span::new(Style::DIM, &one_line(text, columns))];
        let status: Vec<Line> = self.status.iter().map(|status| dim(status)).collect();
        match self.show {
            Show::Raw | Show::Nothing => Ok(()),
            Show::Progress if !status.is_empty() => self.screen.show(&status),
            Show::Progress if self.written == 0 => self.screen.show(&[dim("thinking …")]),
            Show::Progress => {
                let text = format!("writing … {} bytes", self.written);
                self.screen.show(&[dim(&text)])
            }
            Show::Formatted(_) if !self.running.is_empty() => {
                let tools = self.running.iter();
                let tools = tools.map(|(_, line)| dim(&format!("⚙ {line} …")));
                let lines: Vec<Line> = tools.chain(status).collect();
                self.screen.show(&lines)
            }
            Show::Formatted(_) if self.thinking.is_empty() => self.text.paint(self.screen, &status),
            Show::Formatted(Thinking::Shown) => self.thinking.paint(self.screen, &status),
            Show::Formatted(Thinking::Folded) => {
                let text = format!("✻ thinking … ({} words)", self.thought_words);
                let lines: Vec<Line> = [dim(&text)].into_iter().chain(status).collect();
                self.screen.show(&lines)
            }
        }
    }

    fn end(&mut self, answer: &Answer) -> io::Result<()> {
        self.status = None;
        match self.show {
            Show::Nothing => Ok(()),
            Show::Progress => self.screen.show(&[]),
            Show::Raw => {
                if self.ends_with_newline {
                    Ok(())
                } else {
                    self.screen.raw_text("\n")
                }
            }
            Show::Formatted(_) => {
                self.end_thinking()?;
                if !self.text.is_empty() {
                    self.text.finish(self.screen)?;
                }
                self.screen.show(&[])?;
                for citation in &answer.citations {
                    let Citation { index, title, url } = citation;
                    self.dim_line(&format!("[{index}] {title} {url}"))?;
                }
                Ok(())
            }
        }
    }
}
