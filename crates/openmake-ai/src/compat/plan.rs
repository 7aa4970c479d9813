//! From what a client asks to what a model is sent.
//!
//! The caller's own words win; what they leave open follows the profile that
//! was asked for: its temperature, its thinking, its context, its time, and its
//! way of working where the caller brings no instructions of their own. The
//! system prompt of the chat page (who the assistant is, the date, the tools)
//! is never added.

use std::time::Duration;

use openmake_agents::{Plan, ThinkingChoice, estimate_request};
use openmake_api::ApiError;
use openmake_models::{
    AnswerFormat, ChatMessage, ChatOptions, ChatRequest, KeepAlive, Role, ThinkingLevel,
    ToolChoice, ToolSpec,
};
use openmake_types::{ErrorKind, ModelAccess};

use crate::{
    choose::{Chosen, Wish, choose},
    core::Core,
    turns::question::image_too_large,
    upstream,
};

/// The steps in which a context grows beyond the profile's, in tokens: every
/// other size would make Ollama load the model anew.
const CONTEXT_STEP: u64 = 8_192;
/// Tokens that are left for an answer whose limit nobody set.
const ANSWER_ROOM: u64 = 4_096;
/// Characters of a model's name.
const MAX_NAME: usize = 200;

/// What a client asks.
#[derive(Debug)]
pub(crate) struct Query {
    /// The model, by its public or real name.
    pub(crate) model: String,
    /// The whole conversation, oldest first.
    pub(crate) messages: Vec<ChatMessage>,
    /// The client's tools.
    pub(crate) tools: Vec<ToolSpec>,
    /// Whether to use them.
    pub(crate) tool_choice: ToolChoice,
    /// How many of them one answer may call.
    pub(crate) calls: CallsAtOnce,
    /// How much to think; the profile's level unless given.
    pub(crate) thinking: Option<ThinkingLevel>,
    /// Sampling and limits; the profile's unless given.
    pub(crate) options: ChatOptions,
    /// The form of the answer.
    pub(crate) format: AnswerFormat,
    /// How long the model stays loaded.
    pub(crate) keep_alive: Option<KeepAlive>,
}

impl Query {
    /// A question with nothing but its messages.
    pub(crate) fn new(model: impl Into<String>, messages: Vec<ChatMessage>) -> Self {
        Self {
            model: model.into(),
            messages,
            tools: Vec::new(),
            tool_choice: ToolChoice::Auto,
            calls: CallsAtOnce::Any,
            thinking: None,
            options: ChatOptions::default(),
            format: AnswerFormat::Text,
            keep_alive: None,
        }
    }
}

/// How many tools one answer may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum CallsAtOnce {
    /// As many as the model sees fit.
    #[default]
    Any,
    /// One; what the model asks for beyond it is left out.
    One,
}

/// A question that is ready to be sent.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) plan: Plan,
    pub(super) request: ChatRequest,
    pub(super) calls: CallsAtOnce,
    pub(super) estimated_input: u64,
}

impl Prepared {
    /// Whether an answer without a call of a tool is no answer.
    pub(super) const fn must_call(&self) -> bool {
        matches!(
            self.request.tool_choice,
            ToolChoice::Required | ToolChoice::Named(_)
        )
    }

    pub(super) const fn time_budget(&self) -> Option<Duration> {
        self.plan.time_budget
    }
}

/// Chooses the model and puts its request together.
pub(super) async fn prepare(
    core: &Core,
    access: &ModelAccess,
    query: Query,
) -> Result<Prepared, ApiError> {
    permit(core, access, &query.model)?;
    let largest = core.administered.largest_image();
    let images = query.messages.iter().flat_map(|message| &message.images);
    for image in images {
        if image.bytes.len() > largest {
            return Err(image_too_large(largest));
        }
    }
    let asked = query
        .messages
        .iter()
        .rfind(|message| message.role == Role::User);
    let wish = Wish {
        model: Some(&query.model),
        thinking: query.thinking,
        text: asked.map_or("", |message| message.content.as_str()),
        images: query
            .messages
            .iter()
            .map(|message| message.images.len())
            .sum(),
        access,
    };
    let chosen = choose(core, &wish).await.map_err(model_not_found)?;
    let readable = upstream::available(core)
        .await
        .into_iter()
        .find(|model| model.name == chosen.plan.model)
        .and_then(|model| model.context_length);
    merge(chosen, query, readable)
}

/// Refuses a model that the credential may not ask.
pub(crate) fn permit(core: &Core, access: &ModelAccess, name: &str) -> Result<(), ApiError> {
    if name.is_empty() || name.chars().count() > MAX_NAME {
        return Err(ApiError::field(
            "model",
            "invalid",
            format!("`model` is a name of 1 to {MAX_NAME} characters."),
        ));
    }
    let profiles = core.administered.profiles();
    let canonical = profiles.lookup(name);
    if access.allows(name) || canonical.is_some_and(|id| access.allows(id)) {
        return Ok(());
    }
    Err(ApiError::new(
        ErrorKind::Forbidden,
        format!("This credential may not ask {name}."),
    )
    .with_code("model_not_allowed")
    .with_hint("List the models to see those that it may ask."))
}

/// A model that is not there is no fault in the request's form.
pub(crate) fn model_not_found(error: ApiError) -> ApiError {
    if error.code() != "unknown_model" {
        return error;
    }
    ApiError::new(ErrorKind::NotFound, error.detail().to_owned())
        .with_code("model_not_found")
        .with_hint("List the models to see those that there are.")
        .and_field("model", "unknown", error.detail())
}

/// Puts the request together: the caller's wishes first, then the plan's.
fn merge(chosen: Chosen, query: Query, readable: Option<u64>) -> Result<Prepared, ApiError> {
    let Chosen { plan, .. } = chosen;
    check(&plan, &query)?;
    let mut messages = query.messages;
    let instructed = messages.iter().any(|message| message.role == Role::System);
    if let Some(instructions) = &plan.instructions
        && !instructed
        // Without a message nothing is asked: the model is only loaded.
        && !messages.is_empty()
        && query.format == AnswerFormat::Text
    {
        messages.insert(0, ChatMessage::text(Role::System, instructions.clone()));
    }
    let mut request = ChatRequest {
        tools: query.tools,
        tool_choice: query.tool_choice,
        options: query.options,
        format: query.format,
        keep_alive: query.keep_alive,
        ..ChatRequest::new(plan.model.clone(), messages)
    };
    if plan.capabilities.thinking {
        request.thinking = plan.thinking.level();
    }
    let options = &mut request.options;
    options.temperature = options.temperature.or(plan.temperature);
    let estimated_input = estimate_request(&request);
    let options = &mut request.options;
    if let (Some(asked), Some(most)) = (options.context_length, readable) {
        // More would take memory that nothing is read into.
        let most = u32::try_from(most).unwrap_or(u32::MAX);
        options.context_length = Some(asked.min(most));
    } else if options.context_length.is_none() {
        let answer = options.max_tokens.map_or(ANSWER_ROOM, u64::from);
        let needed = estimated_input.saturating_add(answer);
        let context = context(plan.context_tokens, readable, needed);
        options.context_length = u32::try_from(context).ok();
    }
    Ok(Prepared {
        plan,
        request,
        calls: query.calls,
        estimated_input,
    })
}

/// What the model cannot do is said, not left out.
fn check(plan: &Plan, query: &Query) -> Result<(), ApiError> {
    if !query.tools.is_empty() && !plan.capabilities.tools {
        return Err(ApiError::field(
            "tools",
            "unsupported",
            format!("{} calls no tools.", plan.model),
        )
        .with_code("model_without_tools")
        .with_hint("Choose a model that does, or leave the tools out."));
    }
    let wants_thought =
        matches!(plan.thinking, ThinkingChoice::Person(level) if level != ThinkingLevel::Off);
    // A profile picks the model: the level is for those of its models that
    // think.
    if wants_thought && !plan.capabilities.thinking && plan.profile.is_none() {
        return Err(ApiError::field(
            "thinking",
            "unsupported",
            format!("{} does not think before it answers.", plan.model),
        )
        .with_code("model_without_thinking")
        .with_hint("Choose a model that does, or leave the level out."));
    }
    let named = match &query.tool_choice {
        ToolChoice::Named(name) => Some(name),
        ToolChoice::Auto | ToolChoice::None | ToolChoice::Required => None,
    };
    let offered = |name: &String| query.tools.iter().any(|tool| tool.name == *name);
    let must_call = matches!(
        query.tool_choice,
        ToolChoice::Required | ToolChoice::Named(_)
    );
    if must_call && query.tools.is_empty() || named.is_some_and(|name| !offered(name)) {
        return Err(ApiError::field(
            "tool_choice",
            "invalid",
            "`tool_choice` asks for a tool that is not among `tools`.",
        ));
    }
    Ok(())
}

/// The context to load the model with: the profile's, as turns have it, and
/// more where the conversation needs more and the model can read it. Ollama
/// would silently leave out the beginning of what does not fit.
fn context(usual: u64, readable: Option<u64>, needed: u64) -> u64 {
    if needed <= usual {
        return usual;
    }
    let grown = needed.div_ceil(CONTEXT_STEP).saturating_mul(CONTEXT_STEP);
    readable.map_or(grown, |most| grown.min(most.max(usual)))
}

#[cfg(test)]
mod tests {
    use openmake_models::{ModelCapabilities, Strictness};
    use serde_json::json;

    use super::*;

    fn chosen(profile: Option<&str>, thinking: ThinkingChoice) -> Chosen {
        Chosen {
            requested: "asked".to_owned(),
            plan: Plan {
                model: "real".to_owned(),
                profile: profile.map(str::to_owned),
                reason: "a test".to_owned(),
                capabilities: ModelCapabilities {
                    chat: true,
                    ..ModelCapabilities::default()
                },
                context_tokens: 8_192,
                thinking,
                temperature: Some(0.5),
                tool_turns: 3,
                time_budget: None,
                instructions: Some("Work well.".to_owned()),
                standing: None,
            },
        }
    }

    fn hello() -> Query {
        Query::new("asked", vec![ChatMessage::text(Role::User, "Hello")])
    }

    #[test]
    fn what_the_caller_leaves_open_is_the_profiles() {
        let prepared = merge(chosen(Some("p"), ThinkingChoice::Unset), hello(), None);
        let request = prepared.expect("sound").request;
        assert_eq!(request.options.temperature, Some(0.5));
        assert_eq!(request.options.context_length, Some(8_192));
        assert_eq!(request.messages[0].content, "Work well.");
        assert_eq!(request.messages.len(), 2);
    }

    #[test]
    fn the_callers_words_win() {
        let mut query = hello();
        query.options.temperature = Some(0.0);
        query
            .messages
            .insert(0, ChatMessage::text(Role::System, "Mine."));
        let prepared = merge(chosen(Some("p"), ThinkingChoice::Unset), query, None);
        let request = prepared.expect("sound").request;
        assert_eq!(request.options.temperature, Some(0.0));
        assert_eq!(request.messages[0].content, "Mine.");
        assert_eq!(request.messages.len(), 2);
    }

    #[test]
    fn a_context_that_is_asked_for_is_no_larger_than_the_model_reads() {
        let context = |asked: u32, readable| {
            let mut query = hello();
            query.options.context_length = Some(asked);
            let prepared = merge(chosen(None, ThinkingChoice::Unset), query, readable);
            prepared.expect("sound").request.options.context_length
        };
        assert_eq!(context(4_096, Some(32_768)), Some(4_096));
        assert_eq!(context(1_000_000, Some(32_768)), Some(32_768));
        assert_eq!(context(1_000_000, None), Some(1_000_000));
    }

    #[test]
    fn without_a_message_nothing_is_added_to_it() {
        let query = Query::new("asked", Vec::new());
        let prepared = merge(chosen(Some("p"), ThinkingChoice::Unset), query, None);
        assert!(prepared.expect("sound").request.messages.is_empty());
    }

    #[test]
    fn a_form_is_not_disturbed_by_a_way_of_working() {
        let query = Query {
            format: AnswerFormat::Json,
            ..hello()
        };
        let prepared = merge(chosen(Some("p"), ThinkingChoice::Unset), query, None);
        assert_eq!(prepared.expect("sound").request.messages.len(), 1);
    }

    #[test]
    fn what_a_model_cannot_do_is_said() {
        let tool = ToolSpec {
            name: "look".to_owned(),
            description: String::new(),
            parameters: json!({}),
            strictness: Strictness::Usual,
        };
        let query = Query {
            tools: vec![tool],
            ..hello()
        };
        let refused = merge(chosen(None, ThinkingChoice::Unset), query, None);
        assert_eq!(refused.expect_err("refused").code(), "model_without_tools");
        let high = ThinkingChoice::Person(ThinkingLevel::High);
        let refused = merge(chosen(None, high), hello(), None).expect_err("refused");
        assert_eq!(refused.code(), "model_without_thinking");
        assert!(merge(chosen(Some("p"), high), hello(), None).is_ok());
        let query = Query {
            tool_choice: ToolChoice::Named("look".to_owned()),
            ..hello()
        };
        assert!(merge(chosen(None, ThinkingChoice::Unset), query, None).is_err());
    }

    #[test]
    fn a_context_grows_with_the_conversation_as_far_as_the_model_reads() {
        assert_eq!(context(8_192, Some(32_768), 100), 8_192);
        assert_eq!(context(8_192, Some(32_768), 9_000), 16_384);
        assert_eq!(context(8_192, Some(10_000), 9_000), 10_000);
        assert_eq!(context(8_192, Some(4_096), 9_000), 8_192);
        assert_eq!(context(8_192, None, 20_000), 24_576);
    }
}
