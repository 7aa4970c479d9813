//! What can be typed in a chat besides questions.

use strsim::damerau_levenshtein;

/// Every command with what it does.
pub(crate) const NAMES: &[(&str, &str)] = &[
    ("/help", "this list"),
    ("/new", "begin a new conversation"),
    (
        "/history",
        "list earlier conversations; /history WORDS searches them",
    ),
    (
        "/open",
        "open a conversation: its number in that list, or its id",
    ),
    ("/show", "print this conversation from its beginning"),
    (
        "/model",
        "list the models; /model NAME asks that one from here on",
    ),
    (
        "/thinking",
        "show the last answer's thinking; /thinking show or fold for all that follow, \
         /thinking off, low, medium or high for how much, /thinking auto for the model's own",
    ),
    (
        "/retry",
        "have the last question answered again; /retry MODEL by another model",
    ),
    ("/edit", "change the last question and ask it anew"),
    ("/continue", "have an answer go on that ended early"),
    ("/stop", "stop an answer that is being written elsewhere"),
    ("/quit", "leave; Ctrl-D does the same"),
];

/// What was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Command {
    Ask(String),
    Help,
    New,
    History(Option<String>),
    Open(String),
    Show,
    Model(Option<String>),
    Thinking(ThinkingCommand),
    Retry(Option<String>),
    Edit(Option<String>),
    Continue,
    Stop,
    Quit,
    Nothing,
    /// None of these, and what to say about it.
    Unknown(String),
}

/// What `/thinking` does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ThinkingCommand {
    /// Print the last answer's.
    Last,
    /// Show it from here on.
    Show,
    /// Only say that there was some.
    Fold,
    /// How much; none for the model's own.
    Level(Option<String>),
}

/// Reads what was typed. `//` begins a question that begins with a slash.
pub(crate) fn parse(typed: &str) -> Command {
    let typed = typed.trim();
    if typed.is_empty() {
        return Command::Nothing;
    }
    if let Some(question) = typed.strip_prefix("//") {
        return Command::Ask(format!("/{question}"));
    }
    if !typed.starts_with('/') {
        return Command::Ask(typed.to_owned());
    }
    let (name, rest) = typed.split_once(char::is_whitespace).unwrap_or((typed, ""));
    let rest = rest.trim();
    let rest = (!rest.is_empty()).then(|| rest.to_owned());
    match (name, rest) {
        ("/help" | "/?", _) => Command::Help,
        ("/new" | "/clear", _) => Command::New,
        ("/history", words) => Command::History(words),
        ("/open", Some(which)) => Command::Open(which),
        ("/open", None) => Command::History(None),
        ("/show", _) => Command::Show,
        ("/model" | "/models", name) => Command::Model(name),
        ("/thinking", word) => thinking(word),
        ("/retry", model) => Command::Retry(model),
        ("/edit", text) => Command::Edit(text),
        ("/continue", _) => Command::Continue,
        ("/stop", _) => Command::Stop,
        ("/quit" | "/exit", _) => Command::Quit,
        (other, _) => Command::Unknown(unknown(other)),
    }
}

fn thinking(word: Option<String>) -> Command {
    let command = match word.as_deref() {
        None | Some("last") => ThinkingCommand::Last,
        Some("show" | "on") => ThinkingCommand::Show,
        Some("fold" | "hide") => ThinkingCommand::Fold,
        Some("auto") => ThinkingCommand::Level(None),
        Some("off" | "low" | "medium" | "high") => ThinkingCommand::Level(word),
        Some(other) => {
            return Command::Unknown(format!(
                "/thinking takes show, fold, auto, off, low, medium or high, not `{other}`"
            ));
        }
    };
    Command::Thinking(command)
}

fn unknown(name: &str) -> String {
    let nearest = NAMES
        .iter()
        .map(|(known, _)| (damerau_levenshtein(known, name), *known))
        .min();
    match nearest {
        Some((distance, known)) if distance <= 2 => {
            format!("there is no {name}; did you mean {known}?")
        }
        _ => {
            format!("there is no {name}; /help lists the commands, and // asks what begins with /")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_begins_with_a_slash_is_a_command() {
        assert_eq!(parse("  "), Command::Nothing);
        assert_eq!(parse("why?"), Command::Ask("why?".to_owned()));
        assert_eq!(parse("//etc?"), Command::Ask("/etc?".to_owned()));
        assert_eq!(parse("/model"), Command::Model(None));
        assert_eq!(
            parse("/history red  cats"),
            Command::History(Some("red  cats".to_owned()))
        );
        assert_eq!(
            parse("/thinking high"),
            Command::Thinking(ThinkingCommand::Level(Some("high".to_owned())))
        );
        let Command::Unknown(said) = parse("/modle") else {
            panic!("unknown");
        };
        assert!(said.contains("/model?"), "{said}");
    }

    #[test]
    fn every_name_is_a_command() {
        for (name, _) in NAMES {
            let command = parse(&format!("{name} 1"));
            assert!(
                !matches!(command, Command::Ask(_))
                    && !format!("{command:?}").contains("there is no"),
                "{name}"
            );
        }
    }
}
