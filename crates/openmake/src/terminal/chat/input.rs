//! What a person types: with an editor on a terminal, line by line otherwise.

use std::{
    borrow::Cow,
    io::{self, BufRead as _},
};

use rustyline::{
    CompletionType, Config, Context, Editor, Helper,
    completion::{Completer, Pair},
    error::ReadlineError,
    highlight::Highlighter,
    hint::Hinter,
    history::MemHistory,
    validate::{ValidationContext, ValidationResult, Validator},
};

use super::command::NAMES;
use crate::terminal::{
    failure::Failure,
    screen::{Ability, Screen},
    text::{Paint, Style},
};

/// What begins and ends a text of several lines.
const QUOTES: &str = "\"\"\"";
/// What is typed at most; the server takes less.
const LONGEST: usize = 1 << 20;
/// Questions that the arrow keys go back to.
const REMEMBERED: usize = 1000;

/// What was typed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Typed {
    /// A question or a command.
    Text(String),
    /// Ctrl-C.
    Interrupted,
    /// Ctrl-D, or the end of the input.
    End,
}

/// Where it comes from.
pub(crate) enum Input {
    /// A terminal.
    Editor(Box<Editor<Assistant, MemHistory>>),
    /// A pipe or a file.
    Lines,
}

impl Input {
    /// An editor where there is a terminal on both sides.
    pub(crate) fn new(screen: &Screen) -> Result<Self, Failure> {
        use std::io::IsTerminal as _;
        if screen.ability == Ability::Text || !io::stdin().is_terminal() {
            return Ok(Self::Lines);
        }
        let config = Config::builder()
            .max_history_size(REMEMBERED)
            .map_err(failed)?
            .completion_type(CompletionType::List)
            .auto_add_history(false)
            .build();
        let mut editor = Editor::with_history(config, MemHistory::new()).map_err(failed)?;
        editor.set_helper(Some(Assistant {
            paint: screen.paint,
            models: Vec::new(),
        }));
        Ok(Self::Editor(Box::new(editor)))
    }

    /// Whether a person types.
    pub(crate) const fn is_editor(&self) -> bool {
        matches!(self, Self::Editor(_))
    }

    /// The models that can be completed.
    pub(crate) fn know_models(&mut self, models: Vec<String>) {
        if let Self::Editor(editor) = self
            && let Some(assistant) = editor.helper_mut()
        {
            assistant.models = models;
        }
    }

    /// A text that the arrow keys go back to.
    pub(crate) fn remember(&mut self, text: &str) {
        if let Self::Editor(editor) = self {
            // In memory it cannot fail.
            let _ = editor.add_history_entry(text);
        }
    }

    /// Waits for what is typed next. `draft` stands there to be changed.
    pub(crate) fn next(&mut self, prompt: &str, draft: &str) -> Result<Typed, Failure> {
        let Self::Editor(editor) = self else {
            return read_lines(&mut io::stdin().lock());
        };
        match editor.readline_with_initial(prompt, (draft, "")) {
            Ok(text) => Ok(Typed::Text(joined(&text))),
            Err(ReadlineError::Interrupted) => Ok(Typed::Interrupted),
            Err(ReadlineError::Eof) => Ok(Typed::End),
            Err(error) => Err(failed(error)),
        }
    }
}

fn failed(error: ReadlineError) -> Failure {
    Failure::Output(match error {
        ReadlineError::Io(error) => error,
        other => io::Error::other(other),
    })
}

/// Lines that belong together.
fn read_lines(input: &mut impl io::BufRead) -> Result<Typed, Failure> {
    let mut text = String::new();
    loop {
        let mut line = String::new();
        let read = io::Read::take(&mut *input, LONGEST as u64)
            .read_line(&mut line)
            .map_err(|error| Failure::file("standard input", error))?;
        if read == 0 && text.is_empty() {
            return Ok(Typed::End);
        }
        text.push_str(&line);
        if text.len() > LONGEST {
            return Err(Failure::usage(
                "what came on standard input is too long",
                "the server takes 200,000 characters at once",
            ));
        }
        let whole = text.strip_suffix('\n').unwrap_or(&text);
        if read == 0 || !is_unfinished(whole) {
            return Ok(Typed::Text(joined(whole)));
        }
    }
}

/// Whether more lines belong to it.
fn is_unfinished(text: &str) -> bool {
    match text.trim_start().strip_prefix(QUOTES) {
        Some(quoted) => !quoted.trim_end().ends_with(QUOTES),
        None => text.ends_with('\\'),
    }
}

/// The text without what held its lines together.
fn joined(text: &str) -> String {
    match text.trim().strip_prefix(QUOTES) {
        Some(quoted) => {
            let quoted = quoted.strip_suffix(QUOTES).unwrap_or(quoted);
            quoted.trim_matches('\n').to_owned()
        }
        None => text.replace("\\\n", "\n").trim().to_owned(),
    }
}

/// Completes, and says when a text is finished.
pub(crate) struct Assistant {
    paint: Paint,
    models: Vec<String>,
}

impl Helper for Assistant {}

impl Hinter for Assistant {
    type Hint = String;
}

impl Validator for Assistant {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        Ok(if is_unfinished(context.input()) {
            ValidationResult::Incomplete
        } else {
            ValidationResult::Valid(None)
        })
    }
}

impl Highlighter for Assistant {
    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(
        &'s self,
        prompt: &'p str,
        _default: bool,
    ) -> Cow<'b, str> {
        Cow::Owned(self.paint.styled(Style::BOLD.and(Style::CODE), prompt))
    }
}

impl Completer for Assistant {
    type Candidate = Pair;

    fn complete(
        &self,
        line: &str,
        position: usize,
        _context: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Pair>)> {
        let typed = line.get(..position).unwrap_or(line);
        Ok(complete(typed, &self.models))
    }
}

fn complete(typed: &str, models: &[String]) -> (usize, Vec<Pair>) {
    if !typed.starts_with('/') {
        return (0, Vec::new());
    }
    match typed.split_once(' ') {
        None => (0, matching(typed, NAMES.iter().map(|(name, _)| *name))),
        Some(("/model" | "/retry", begun)) => {
            let names = models.iter().map(String::as_str);
            (typed.len() - begun.len(), matching(begun, names))
        }
        Some(_) => (0, Vec::new()),
    }
}

fn matching<'a>(begun: &str, names: impl Iterator<Item = &'a str>) -> Vec<Pair> {
    names
        .filter(|name| name.starts_with(begun))
        .map(|name| Pair {
            display: name.to_owned(),
            replacement: name.to_owned(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(text: &str) -> Vec<Typed> {
        let mut input = io::Cursor::new(text.to_owned());
        let mut all = Vec::new();
        loop {
            match read_lines(&mut input).expect("read") {
                Typed::End => return all,
                other => all.push(other),
            }
        }
    }

    #[test]
    fn lines_that_belong_together_are_one_text() {
        let text = |text: &str| Typed::Text(text.to_owned());
        assert_eq!(typed("one\ntwo"), [text("one"), text("two")]);
        assert_eq!(typed("one \\\ntwo\n"), [text("one \ntwo")]);
        assert_eq!(
            typed("\"\"\"\na\n\nb\n\"\"\"\nc\n"),
            [text("a\n\nb"), text("c")]
        );
        // An end in the middle is an end as well.
        assert_eq!(typed("\"\"\"\na\n"), [text("a")]);
    }

    #[test]
    fn commands_and_models_are_completed() {
        let models = ["openmake_auto".to_owned(), "qwen3:8b".to_owned()];
        let names = |typed| {
            let (begin, pairs) = complete(typed, &models);
            let names: Vec<String> = pairs.into_iter().map(|pair| pair.replacement).collect();
            (begin, names)
        };
        assert_eq!(names("/mo"), (0, vec!["/model".to_owned()]));
        assert_eq!(names("/model q"), (7, vec!["qwen3:8b".to_owned()]));
        assert_eq!(names("why"), (0, Vec::new()));
    }
}
