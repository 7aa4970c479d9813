//! `openmake ask`, `review`, `explain` and `generate`: one question, one
//! answer.

use std::{path::Path, time::Duration};

use openmake_api::{
    conversations::CreateConversation,
    turns::{Content, Parent, StartTurnRequest},
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    Terminal,
    answer::{self, Answer, Show, Thinking, View},
    args::{AskArgs, AskingArgs, ExplainArgs, GenerateArgs, ReviewArgs},
    failure::Failure,
    output_file,
    question::{Material, read_stdin},
    text::one_line,
    tty::Interrupts,
};

/// Characters of a kept conversation's title.
const TITLE: usize = 80;
/// How long the last request, which tidies up, may take.
const TIDY: Duration = Duration::from_secs(10);

const REVIEW: &str = "\
Review the following as an experienced engineer would. Name each problem with its place (file and \
line, or the code itself), why it is one, and how to mend it; the most serious first: errors, \
security, loss of data, races, leaks, then clarity. Do not invent any; say so when you find none. \
End with a sentence that sums it up.";

const EXPLAIN: &str = "\
Explain what the following file does, and how. Begin with its purpose in two sentences, then go \
through its parts in the order in which a reader needs them, and point out what is surprising.";

/// One question, and how its answer is shown.
struct Job<'a> {
    words: String,
    material: Material,
    asking: &'a AskingArgs,
    show: Show,
}

/// What became of it.
struct Outcome {
    conversation: Uuid,
    turn: Uuid,
    answer: Answer,
}

/// `openmake ask`.
pub(crate) async fn ask(terminal: &mut Terminal, args: &AskArgs) -> Result<(), Failure> {
    let mut material = Material::read(&args.file)?;
    let mut words = args.question.join(" ");
    if words.trim().is_empty() {
        words = read_stdin()?.unwrap_or_default();
    } else {
        material.add_stdin()?;
    }
    if words.trim().is_empty() {
        return Err(Failure::usage(
            "there is no question",
            "`openmake ask \"…\"`, or pass it on standard input",
        ));
    }
    let show = if args.raw {
        Show::Raw
    } else {
        Show::Formatted(Thinking::Folded)
    };
    let job = Job {
        words,
        material,
        asking: &args.asking,
        show,
    };
    print(terminal, job).await
}

/// `openmake review`.
pub(crate) async fn review(terminal: &mut Terminal, args: &ReviewArgs) -> Result<(), Failure> {
    let material = Material::read(&args.file)?;
    let words = with_focus(REVIEW, args.focus.as_deref());
    let show = Show::Formatted(Thinking::Folded);
    let job = Job {
        words,
        material,
        asking: &args.asking,
        show,
    };
    print(terminal, job).await
}

/// `openmake explain`.
pub(crate) async fn explain(terminal: &mut Terminal, args: &ExplainArgs) -> Result<(), Failure> {
    let material = Material::read(std::slice::from_ref(&args.file))?;
    let words = with_focus(EXPLAIN, args.focus.as_deref());
    let show = Show::Formatted(Thinking::Folded);
    let job = Job {
        words,
        material,
        asking: &args.asking,
        show,
    };
    print(terminal, job).await
}

/// `openmake generate`.
pub(crate) async fn generate(terminal: &mut Terminal, args: &GenerateArgs) -> Result<(), Failure> {
    if let Some(path) = &args.output
        && !args.force
    {
        // Before a model is asked for nothing.
        output_file::check_absent(path)?;
    }
    let name = args.output.as_deref().and_then(Path::file_name);
    let named = name.map_or_else(String::new, |name| {
        format!(" Its name is `{}`.", name.to_string_lossy())
    });
    let words = format!(
        "Write the content of a file: {}\n\n{named} Answer with exactly one fenced code block that \
         holds the whole file, and nothing else. If the file itself has code fences, use a longer \
         fence around it.",
        args.description.trim()
    );
    let mut material = Material::read(&args.file)?;
    material.add_stdin()?;
    let job = Job {
        words,
        material,
        asking: &args.asking,
        show: Show::Progress,
    };
    let outcome = run(terminal, job).await?;
    if outcome.answer.finish_reason.as_deref() != Some("stop") {
        return Err(Failure::CutShort {
            reason: "the model stopped before the end of the file, so nothing was written"
                .to_owned(),
        });
    }
    let content = output_file::content(&outcome.answer.folded.text);
    let mut document = document(&outcome, &args.asking);
    if let Some(path) = &args.output {
        let existing = if args.force {
            output_file::Existing::Replace
        } else {
            output_file::Existing::Keep
        };
        output_file::write(path, &content, existing)?;
        terminal.say(&format!(
            "wrote {} ({} lines)",
            path.display(),
            content.lines().count()
        ))?;
        document["file"] = json!(path.display().to_string());
    }
    if args.asking.json {
        document["content"] = json!(content);
        terminal.print_json(&document)
    } else if args.output.is_none() {
        Ok(terminal.out.raw_text(&content)?)
    } else {
        Ok(())
    }
}

fn with_focus(prompt: &str, focus: Option<&str>) -> String {
    match focus {
        Some(focus) => format!("{prompt}\n\nAbove all: {}", focus.trim()),
        None => prompt.to_owned(),
    }
}

/// Asks and prints the answer.
async fn print(terminal: &mut Terminal, mut job: Job<'_>) -> Result<(), Failure> {
    let asking = job.asking;
    if asking.json {
        job.show = Show::Progress;
    }
    let outcome = run(terminal, job).await?;
    if asking.json {
        terminal.print_json(&document(&outcome, asking))?;
    }
    match outcome.answer.finish_reason.as_deref() {
        Some("length") => {
            terminal.say("the answer ends here because the model's limit was reached")
        }
        _ => Ok(()),
    }
}

/// Asks in a conversation of its own, which does not stay unless that is
/// wanted.
async fn run(terminal: &mut Terminal, job: Job<'_>) -> Result<Outcome, Failure> {
    let title = one_line(&job.words, TITLE);
    let content = job.material.question(&job.words)?;
    let client = terminal.client(job.asking.server.server.as_deref())?;
    let mut interrupts = Interrupts::listen()?;
    let conversation = CreateConversation {
        title: Some(title),
        ..CreateConversation::default()
    };
    let conversation = interrupts
        .or(client.create_conversation(&conversation))
        .await?
        .id;
    let request = request(content, job.asking);
    // Where JSON or a file is what is wanted, what goes on is said beside it.
    let screen = match job.show {
        Show::Progress => &mut terminal.err,
        _ => &mut terminal.out,
    };
    let view = View::new(screen, job.show);
    let outcome = async {
        let turn = interrupts.or(client.ask(conversation, &request)).await?;
        let watched = answer::watch(&client, turn.turn_id, view, &mut interrupts).await?;
        if watched.stopped {
            return Err(Failure::Interrupted);
        }
        watched.answer.check()?;
        Ok(Outcome {
            conversation,
            turn: turn.turn_id,
            answer: watched.answer,
        })
    }
    .await;
    if !job.asking.keep {
        // It also stops what still runs.
        let tidied = tokio::time::timeout(TIDY, client.delete_conversation(conversation)).await;
        if !matches!(tidied, Ok(Ok(()))) {
            terminal.say(&format!("conversation {conversation} could not be deleted"))?;
        }
    }
    outcome
}

fn request(content: Content, asking: &AskingArgs) -> StartTurnRequest {
    StartTurnRequest {
        content,
        model: asking.model.clone(),
        compare_model: None,
        parent_id: Parent::ActiveLeaf,
        thinking: asking.thinking.clone(),
    }
}

/// What `--json` prints.
fn document(outcome: &Outcome, asking: &AskingArgs) -> Value {
    let Outcome {
        conversation,
        turn,
        answer,
    } = outcome;
    let mut document = json!({
        "text": answer.folded.text,
        "thinking": answer.folded.thinking,
        "model": answer.folded.model,
        "requested_model": answer.requested_model,
        "profile": answer.profile,
        "finish_reason": answer.finish_reason,
        "usage": answer.usage,
        "tool_calls": answer.folded.tool_calls,
        "citations": answer.citations,
    });
    if asking.keep {
        document["conversation_id"] = json!(conversation);
        document["turn_id"] = json!(turn);
    }
    document
}

/// What `--json` prints when it did not work.
pub(crate) fn failed(failure: &Failure) -> Value {
    json!({"error": {
        "code": failure.code(),
        "detail": failure.to_string(),
        "hint": failure.hint(),
    }})
}
