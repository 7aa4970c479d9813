//! What the model reads: a pure function from a budget and the parts to the
//! messages and a report of what was left out.
//!
//! The question is never cut. The oldest exchanges go first, whole, so that
//! the conversation never begins with an answer; results of earlier tools are
//! shortened; pictures go only to models that see.

use openmake_models::{ChatMessage, Image, Role, ToolSpec};
use openmake_types::{ErrorKind, ToolCall};

use crate::{
    Calibration, TurnFailure,
    estimate::{IMAGE_TOKENS, MESSAGE_OVERHEAD},
    estimate_tokens,
};

/// Characters of an earlier tool's result that are repeated to the model.
const PAST_RESULT_CHARS: usize = 2_000;
/// Characters of an earlier tool's arguments that are repeated to the model.
const PAST_ARGUMENT_BYTES: usize = 4_000;
/// Pictures in one request at most: the newest ones.
pub const MAX_IMAGES: usize = 8;

/// Who said an earlier message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaker {
    /// The person.
    Person,
    /// The model.
    Model,
    /// Instructions that an imported conversation carries.
    Instructions,
}

/// An earlier message of the branch.
#[derive(Debug, Clone, PartialEq)]
pub struct PastMessage {
    /// Who said it.
    pub speaker: Speaker,
    /// The text.
    pub text: String,
    /// What the model thought; it is not repeated to the model, and only
    /// helps to compare an estimate with what was counted.
    pub thinking: String,
    /// Pictures that were loaded for this prompt.
    pub images: Vec<Image>,
    /// Pictures that were not.
    pub images_left_out: usize,
    /// Tools that were called while it was written.
    pub tool_calls: Vec<PastCall>,
    /// The tokens that the provider counted for writing it.
    pub counted_tokens: Option<u64>,
}

impl PastMessage {
    /// A message of plain text.
    pub fn text(speaker: Speaker, text: impl Into<String>) -> Self {
        Self {
            speaker,
            text: text.into(),
            thinking: String::new(),
            images: Vec::new(),
            images_left_out: 0,
            tool_calls: Vec::new(),
            counted_tokens: None,
        }
    }
}

/// An earlier call of a tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastCall {
    /// The call.
    pub call: ToolCall,
    /// What the model was given.
    pub output: String,
}

/// What is asked now.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Question {
    /// The text.
    pub text: String,
    /// Its pictures.
    pub images: Vec<Image>,
}

/// All that may go into the prompt.
#[derive(Debug, Clone, PartialEq)]
pub struct Parts {
    /// The system prompt.
    pub system: String,
    /// The branch before the question, oldest first.
    pub history: Vec<PastMessage>,
    /// What is asked now.
    pub question: Question,
    /// The tools on offer; empty where the model cannot call any.
    pub tools: Vec<ToolSpec>,
    /// Whether the model sees pictures.
    pub sight: Sight,
}

/// Whether a model sees pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sight {
    /// It does.
    Sees,
    /// It reads only.
    Blind,
}

/// How much fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// The model's context in tokens, for reading and writing together.
    pub context_tokens: u64,
    /// What the history may have of it at most.
    pub history_tokens: u64,
}

impl Budget {
    /// All of the context that the other parts leave.
    pub const fn of_context(context_tokens: u64) -> Self {
        Self {
            context_tokens,
            history_tokens: u64::MAX,
        }
    }

    /// What is kept free for the answer: a quarter, within reason.
    pub fn answer_tokens(&self) -> u64 {
        (self.context_tokens / 4).clamp(256, 8_192)
    }
}

/// What was left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CutReport {
    /// The oldest messages that were left out.
    pub messages: u32,
    /// About how many tokens they had.
    pub tokens: u64,
    /// Results of earlier tools that were shortened.
    pub shortened_results: u32,
    /// Pictures that were left out.
    pub images: u32,
}

/// A prompt.
#[derive(Debug, Clone, PartialEq)]
pub struct Assembled {
    /// What the model reads, oldest first.
    pub messages: Vec<ChatMessage>,
    /// About how many tokens that is, tools included.
    pub tokens: u64,
    /// About how many of them are history.
    pub history_tokens: u64,
    /// What was left out.
    pub cut: CutReport,
    /// How estimates were corrected.
    pub calibration: Calibration,
}

/// Puts the prompt together.
pub fn assemble(parts: &Parts, budget: &Budget) -> Result<Assembled, TurnFailure> {
    if parts.sight == Sight::Blind && !parts.question.images.is_empty() {
        return Err(no_vision());
    }
    let calibration = calibrate(&parts.history);
    let mut cut = CutReport::default();

    let mut images_left = MAX_IMAGES.saturating_sub(parts.question.images.len());
    let mut written: Vec<ChatMessage> = Vec::new();
    // From the newest to the oldest, so that the newest pictures stay.
    let mut exchanges: Vec<Exchange> = Vec::new();
    for exchange in exchanges_of(&parts.history).into_iter().rev() {
        exchanges.push(write_exchange(exchange, parts, &mut images_left, &mut cut));
    }

    let fixed = tokens_of_message(&ChatMessage::text(Role::System, parts.system.clone()))
        + tokens_of_tools(&parts.tools)
        + MESSAGE_OVERHEAD
        + estimate_tokens(&parts.question.text);
    let fixed = calibration.apply(fixed)
        + IMAGE_TOKENS * u64::try_from(parts.question.images.len()).unwrap_or(u64::MAX);
    let readable = budget.context_tokens.saturating_sub(budget.answer_tokens());
    let free = readable
        .checked_sub(fixed)
        .ok_or_else(|| too_long(fixed, budget.context_tokens))?
        .min(budget.history_tokens);

    let mut history_tokens = 0;
    let mut kept = 0;
    for exchange in &exchanges {
        let tokens = calibration.apply(exchange.text_tokens) + exchange.image_tokens;
        if history_tokens + tokens > free {
            break;
        }
        history_tokens += tokens;
        kept += 1;
    }
    for exchange in exchanges.get(kept..).unwrap_or_default() {
        cut.messages += exchange.messages;
        cut.tokens += calibration.apply(exchange.text_tokens) + exchange.image_tokens;
    }

    let mut system = parts.system.clone();
    if cut.messages > 0 {
        system
            .push_str("\nThe beginning of this conversation was too long and has been left out.\n");
    }
    if !system.is_empty() {
        written.push(ChatMessage::text(Role::System, system));
    }
    exchanges.truncate(kept);
    for exchange in exchanges.into_iter().rev() {
        for message in exchange.written {
            push_merged(&mut written, message);
        }
    }
    push_merged(
        &mut written,
        ChatMessage {
            images: parts.question.images.clone(),
            ..ChatMessage::text(Role::User, parts.question.text.clone())
        },
    );
    Ok(Assembled {
        messages: written,
        tokens: fixed + history_tokens,
        history_tokens,
        cut,
        calibration,
    })
}

fn no_vision() -> TurnFailure {
    TurnFailure::new(
        ErrorKind::InvalidInput,
        "model_without_vision",
        "This model cannot see images.",
        "Choose a model that can, such as the profile openmake_vision, or leave the image out.",
    )
}

fn too_long(tokens: u64, context: u64) -> TurnFailure {
    TurnFailure::new(
        ErrorKind::InvalidInput,
        "context_too_long",
        format!(
            "The question has about {tokens} tokens, and the model can read and write {context} together."
        ),
        "Ask for less at once, or choose a model with a longer context.",
    )
}

/// One question with all that answered it, ready to send.
struct Exchange {
    written: Vec<ChatMessage>,
    messages: u32,
    text_tokens: u64,
    image_tokens: u64,
}

/// The history cut before each of the person's messages.
fn exchanges_of(history: &[PastMessage]) -> Vec<&[PastMessage]> {
    let mut exchanges = Vec::new();
    let mut rest = history;
    while !rest.is_empty() {
        let end = rest
            .iter()
            .skip(1)
            .position(|message| message.speaker == Speaker::Person)
            .map_or(rest.len(), |next| next + 1);
        let (exchange, after) = rest.split_at(end);
        exchanges.push(exchange);
        rest = after;
    }
    exchanges
}

fn write_exchange(
    exchange: &[PastMessage],
    parts: &Parts,
    images_left: &mut usize,
    cut: &mut CutReport,
) -> Exchange {
    let mut written = Vec::new();
    for message in exchange {
        match message.speaker {
            Speaker::Person => written.push(write_question(message, parts, images_left, cut)),
            Speaker::Model => write_answer(message, parts, &mut written, cut),
            Speaker::Instructions if message.text.trim().is_empty() => {}
            Speaker::Instructions => {
                written.push(ChatMessage::text(Role::System, message.text.clone()));
            }
        }
    }
    let images: usize = written.iter().map(|message| message.images.len()).sum();
    Exchange {
        messages: u32::try_from(exchange.len()).unwrap_or(u32::MAX),
        text_tokens: written.iter().map(tokens_of_message).sum(),
        image_tokens: IMAGE_TOKENS * u64::try_from(images).unwrap_or(u64::MAX),
        written,
    }
}

fn write_question(
    message: &PastMessage,
    parts: &Parts,
    images_left: &mut usize,
    cut: &mut CutReport,
) -> ChatMessage {
    let taken = match parts.sight {
        Sight::Sees => message.images.len().min(*images_left),
        Sight::Blind => 0,
    };
    *images_left -= taken;
    let left_out = message.images.len() - taken + message.images_left_out;
    let mut text = message.text.clone();
    if left_out > 0 {
        cut.images += u32::try_from(left_out).unwrap_or(u32::MAX);
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str("[an image that is not shown again]");
    }
    ChatMessage {
        images: message.images.iter().take(taken).cloned().collect(),
        ..ChatMessage::text(Role::User, text)
    }
}

fn write_answer(
    message: &PastMessage,
    parts: &Parts,
    written: &mut Vec<ChatMessage>,
    cut: &mut CutReport,
) {
    if !message.tool_calls.is_empty() && !parts.tools.is_empty() {
        let calls = message.tool_calls.iter().map(|past| past.call.clone());
        written.push(ChatMessage {
            tool_calls: calls.map(bounded_arguments).collect(),
            ..ChatMessage::text(Role::Assistant, "")
        });
        for past in &message.tool_calls {
            let shortened = shorten(&past.output, PAST_RESULT_CHARS);
            cut.shortened_results += u32::from(shortened.left_out > 0);
            written.push(ChatMessage::tool_result(&past.call, shortened.text));
        }
    }
    if !message.text.trim().is_empty() {
        written.push(ChatMessage::text(Role::Assistant, message.text.clone()));
    }
}

/// A call to repeat to the model. Arguments are JSON, so long ones are left
/// out whole.
fn bounded_arguments(call: ToolCall) -> ToolCall {
    let valid = call.arguments.len() <= PAST_ARGUMENT_BYTES
        && serde_json::from_str::<serde_json::Value>(&call.arguments)
            .is_ok_and(|value| value.is_object());
    if valid {
        call
    } else {
        ToolCall {
            arguments: "{}".to_owned(),
            ..call
        }
    }
}

/// Appends a message; two texts of one speaker in a row become one, because
/// many models' templates refuse anything but turns.
fn push_merged(written: &mut Vec<ChatMessage>, message: ChatMessage) {
    let last = written.last_mut().filter(|last| {
        last.role == message.role
            && matches!(message.role, Role::User | Role::Assistant | Role::System)
            && last.tool_calls.is_empty()
            && message.tool_calls.is_empty()
    });
    match last {
        None => written.push(message),
        Some(last) => {
            // A continued answer goes on in mid-sentence; questions do not.
            if last.role != Role::Assistant && !last.content.is_empty() {
                last.content.push_str("\n\n");
            }
            last.content.push_str(&message.content);
            last.images.extend(message.images);
        }
    }
}

fn calibrate(history: &[PastMessage]) -> Calibration {
    Calibration::from_counts(history.iter().filter_map(|message| {
        let counted = message.counted_tokens?;
        let arguments: u64 = message
            .tool_calls
            .iter()
            .map(|past| estimate_tokens(&past.call.arguments))
            .sum();
        let estimated =
            estimate_tokens(&message.text) + estimate_tokens(&message.thinking) + arguments;
        Some((estimated, counted))
    }))
}

/// About how many tokens a message has, pictures aside.
pub(crate) fn tokens_of_message(message: &ChatMessage) -> u64 {
    let calls: u64 = message
        .tool_calls
        .iter()
        .map(|call| estimate_tokens(&call.name) + estimate_tokens(&call.arguments) + 8)
        .sum();
    MESSAGE_OVERHEAD + estimate_tokens(&message.content) + calls
}

pub(crate) fn tokens_of_tools(tools: &[ToolSpec]) -> u64 {
    tools
        .iter()
        .map(|tool| {
            estimate_tokens(&tool.name)
                + estimate_tokens(&tool.description)
                + estimate_tokens(&tool.parameters.to_string())
                + 12
        })
        .sum()
}

/// A text that may have lost its middle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shortened {
    /// What is left, with a note where something is missing.
    pub text: String,
    /// How many characters were left out.
    pub left_out: usize,
}

/// Keeps the first two thirds and the last third of `limit` characters.
pub fn shorten(text: &str, limit: usize) -> Shortened {
    // Bytes are at least as many as characters, so short texts are not counted.
    let characters = if text.len() <= limit {
        0
    } else {
        text.chars().count()
    };
    if characters <= limit {
        return Shortened {
            text: text.to_owned(),
            left_out: 0,
        };
    }
    let head = limit * 2 / 3;
    let tail = limit - head;
    let left_out = characters - limit;
    let mut short: String = text.chars().take(head).collect();
    short.push_str("\n[… ");
    short.push_str(&left_out.to_string());
    short.push_str(" characters left out …]\n");
    short.extend(text.chars().skip(characters - tail));
    Shortened {
        text: short,
        left_out,
    }
}
