//! From what Anthropic's clients send to what a model is asked.

use std::collections::HashMap;

use openmake_api::ApiError;
use openmake_models::{
    AnswerFormat, ChatMessage, ChatOptions, Image, Role as Says, Strictness, ThinkingLevel,
    ToolChoice, ToolSpec,
};
use openmake_types::ToolCall;
use serde_json::Value;

use super::wire::{
    Block, Choice, Display, Effort, Format, ImageSource, InputMessage, MessagesRequest,
    OutputConfig, ResultBlock, Role, TextBlock, TextOr, Thinking, Tool,
};
use crate::compat::{CallsAtOnce, Query, picture::picture};

/// The least budget of thinking that Anthropic takes.
const MIN_BUDGET: u32 = 1_024;
/// A budget of at least this many tokens is a usual amount of thinking, …
const MEDIUM_BUDGET: u32 = 4_096;
/// … and of this many a large one.
const HIGH_BUDGET: u32 = 16_384;
/// Texts that end the answer.
const MAX_STOPS: usize = 16;
/// Messages, blocks in one, and tools.
const MAX_MESSAGES: usize = 10_000;
const MAX_TOOLS: usize = 256;

/// What is asked, and how the answer is to look.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) query: Query,
    pub(super) display: Display,
}

/// What goes into the model, for counting and for asking.
pub(super) fn query(request: MessagesRequest) -> Result<Asked, ApiError> {
    let MessagesRequest {
        model,
        messages,
        max_tokens,
        stream: _,
        system,
        temperature,
        top_p,
        top_k,
        stop_sequences,
        tools,
        tool_choice,
        thinking,
        output_config,
        _metadata,
        _cache_control,
        service_tier,
        rest,
    } = request;
    none_of(&rest, "")?;
    if let Some(tier) = service_tier.filter(|tier| tier != "auto" && tier != "standard_only") {
        return Err(unsupported("service_tier", &format!("The tier `{tier}`")));
    }
    if max_tokens == Some(0) {
        return Err(invalid("max_tokens", "`max_tokens` is at least 1."));
    }
    within("temperature", temperature, 1.0)?;
    within("top_p", top_p, 1.0)?;
    let stop = stop_sequences.unwrap_or_default();
    if stop.len() > MAX_STOPS || stop.iter().any(String::is_empty) {
        return Err(invalid(
            "stop_sequences",
            format!("`stop_sequences` has at most {MAX_STOPS} texts, none of them empty."),
        ));
    }
    let (level, display) = thought(thinking, output_config.as_ref(), max_tokens)?;
    let (tool_choice, calls) = chosen(tool_choice);
    Ok(Asked {
        query: Query {
            tools: offered(tools.unwrap_or_default())?,
            tool_choice,
            calls,
            thinking: level,
            options: ChatOptions {
                temperature,
                top_p,
                top_k,
                max_tokens,
                stop,
                ..ChatOptions::default()
            },
            format: match output_config.and_then(|config| config.format) {
                Some(Format::JsonSchema { schema }) => AnswerFormat::StrictSchema(schema),
                None => AnswerFormat::Text,
            },
            ..Query::new(model, conversation(system, messages)?)
        },
        display,
    })
}

/// How much to think: by the budget, else by the effort, else as the profile.
fn thought(
    thinking: Option<Thinking>,
    config: Option<&OutputConfig>,
    max_tokens: Option<u32>,
) -> Result<(Option<ThinkingLevel>, Display), ApiError> {
    let by_effort = config
        .and_then(|config| config.effort)
        .map(|effort| match effort {
            Effort::Low => ThinkingLevel::Low,
            Effort::Medium => ThinkingLevel::Medium,
            Effort::High | Effort::Xhigh | Effort::Max => ThinkingLevel::High,
        });
    match thinking {
        None => Ok((by_effort, Display::default())),
        Some(Thinking::Disabled {}) => Ok((Some(ThinkingLevel::Off), Display::default())),
        Some(Thinking::Adaptive { display }) => Ok((by_effort, display.unwrap_or_default())),
        Some(Thinking::Enabled {
            budget_tokens,
            display,
        }) => {
            if budget_tokens < MIN_BUDGET || max_tokens.is_some_and(|most| budget_tokens >= most) {
                return Err(invalid(
                    "thinking.budget_tokens",
                    format!(
                        "`thinking.budget_tokens` is at least {MIN_BUDGET} and less than `max_tokens`."
                    ),
                ));
            }
            let level = match budget_tokens {
                HIGH_BUDGET.. => ThinkingLevel::High,
                MEDIUM_BUDGET.. => ThinkingLevel::Medium,
                _ => ThinkingLevel::Low,
            };
            Ok((Some(level), display.unwrap_or_default()))
        }
    }
}

fn chosen(choice: Option<Choice>) -> (ToolChoice, CallsAtOnce) {
    let (choice, one) = match choice {
        None => (ToolChoice::Auto, None),
        Some(Choice::Auto {
            disable_parallel_tool_use,
        }) => (ToolChoice::Auto, disable_parallel_tool_use),
        Some(Choice::Any {
            disable_parallel_tool_use,
        }) => (ToolChoice::Required, disable_parallel_tool_use),
        Some(Choice::Tool {
            name,
            disable_parallel_tool_use,
        }) => (ToolChoice::Named(name), disable_parallel_tool_use),
        Some(Choice::None {}) => (ToolChoice::None, None),
    };
    let calls = if one == Some(true) {
        CallsAtOnce::One
    } else {
        CallsAtOnce::Any
    };
    (choice, calls)
}

fn offered(tools: Vec<Tool>) -> Result<Vec<ToolSpec>, ApiError> {
    if tools.len() > MAX_TOOLS {
        return Err(invalid("tools", format!("At most {MAX_TOOLS} tools.")));
    }
    let specs = tools.into_iter().enumerate().map(|(n, tool)| {
        let at = format!("tools.{n}");
        if let Some(kind) = tool.kind.filter(|kind| kind != "custom") {
            return Err(ApiError::field(
                format!("{at}.type"),
                "unsupported",
                format!("The tool `{kind}` is one of Anthropic's own, which is not here."),
            )
            .with_code("unsupported")
            .with_hint("Define a tool of your own, with `name` and `input_schema`."));
        }
        none_of(&tool.rest, &at)?;
        let callers = tool.allowed_callers.unwrap_or_default();
        if callers.iter().any(|caller| caller != "direct") {
            return Err(unsupported(
                &format!("{at}.allowed_callers"),
                "A caller other than `direct`",
            ));
        }
        let name = tool.name.filter(|name| !name.is_empty());
        let (Some(name), Some(parameters)) = (name, tool.input_schema) else {
            return Err(invalid(&at, "A tool has a `name` and an `input_schema`."));
        };
        if !parameters.is_object() {
            return Err(invalid(
                &format!("{at}.input_schema"),
                "`input_schema` is a JSON schema, an object.",
            ));
        }
        Ok(ToolSpec {
            name,
            description: tool.description.unwrap_or_default(),
            parameters,
            strictness: if tool.strict == Some(true) {
                Strictness::Strict
            } else {
                Strictness::Usual
            },
        })
    });
    specs.collect()
}

fn conversation(
    system: Option<TextOr<TextBlock>>,
    messages: Vec<InputMessage>,
) -> Result<Vec<ChatMessage>, ApiError> {
    if messages.is_empty() || messages.len() > MAX_MESSAGES {
        return Err(invalid(
            "messages",
            format!("`messages` has 1 to {MAX_MESSAGES} entries."),
        ));
    }
    if messages
        .last()
        .is_some_and(|last| last.role == Role::Assistant)
    {
        return Err(ApiError::field(
            "messages",
            "unsupported",
            "The conversation ends with the assistant's words, and not every model server can go on from there.",
        )
        .with_code("unsupported")
        .with_hint("End it with a message of the user's."));
    }
    let mut conversation = Conversation::default();
    if let Some(system) = system {
        let text = instructions(system)?;
        if !text.is_empty() {
            conversation
                .said
                .push(ChatMessage::text(Says::System, text));
        }
    }
    for (n, message) in messages.into_iter().enumerate() {
        conversation.add(message, &format!("messages.{n}.content"))?;
    }
    Ok(conversation.said)
}

fn instructions(system: TextOr<TextBlock>) -> Result<String, ApiError> {
    match system {
        TextOr::Text(text) => Ok(text),
        TextOr::Blocks(blocks) => {
            let mut texts = Vec::new();
            for (
                n,
                TextBlock::Text {
                    text, citations, ..
                },
            ) in blocks.into_iter().enumerate()
            {
                uncited(citations, &format!("system.{n}"))?;
                texts.push(text);
            }
            Ok(texts.join("\n\n"))
        }
    }
}

/// The messages so far.
#[derive(Default)]
struct Conversation {
    said: Vec<ChatMessage>,
    /// The names of the tools that were called, by the calls' ids.
    called: HashMap<String, String>,
}

/// The parts of one message.
#[derive(Default)]
struct Parts {
    texts: Vec<String>,
    thoughts: Vec<String>,
    images: Vec<Image>,
    calls: Vec<ToolCall>,
    results: Vec<ChatMessage>,
}

impl Conversation {
    fn add(&mut self, message: InputMessage, at: &str) -> Result<(), ApiError> {
        let mut parts = Parts::default();
        match message.content {
            TextOr::Text(text) => parts.texts.push(text),
            TextOr::Blocks(blocks) => {
                for (n, block) in blocks.into_iter().enumerate() {
                    let at = format!("{at}.{n}");
                    self.block(&mut parts, message.role, block, &at)?;
                }
            }
        }
        // Answers of tools come right after the calls, whatever stood beside
        // them.
        self.said.append(&mut parts.results);
        let text = parts.texts.join("\n\n");
        let role = match message.role {
            Role::User => Says::User,
            Role::Assistant => Says::Assistant,
            Role::System => Says::System,
        };
        if text.is_empty() && parts.images.is_empty() && parts.calls.is_empty() {
            return Ok(());
        }
        let thinking = (!parts.thoughts.is_empty()).then(|| parts.thoughts.join("\n\n"));
        match self.said.last_mut() {
            // Two in a row are one turn, and many templates take no other.
            Some(last) if last.role == role && role != Says::System => {
                if !last.content.is_empty() && !text.is_empty() {
                    last.content.push_str("\n\n");
                }
                last.content.push_str(&text);
                last.images.append(&mut parts.images);
                last.tool_calls.append(&mut parts.calls);
                last.thinking = last.thinking.take().or(thinking);
            }
            _ => self.said.push(ChatMessage {
                images: parts.images,
                tool_calls: parts.calls,
                thinking,
                ..ChatMessage::text(role, text)
            }),
        }
        Ok(())
    }

    fn block(
        &mut self,
        parts: &mut Parts,
        role: Role,
        block: Block,
        at: &str,
    ) -> Result<(), ApiError> {
        match (role, block) {
            (
                _,
                Block::Text {
                    text, citations, ..
                },
            ) => {
                uncited(citations, at)?;
                parts.texts.push(text);
            }
            (Role::User, Block::Image { source, .. }) => parts.images.push(image(source, at)?),
            (
                Role::User,
                Block::ToolResult {
                    tool_use_id,
                    content,
                    is_error,
                    ..
                },
            ) => self.result(parts, tool_use_id, content, is_error == Some(true), at)?,
            (
                Role::Assistant,
                Block::ToolUse {
                    id,
                    name,
                    input,
                    caller,
                    ..
                },
            ) => {
                let direct =
                    |caller: &Value| caller.get("type").is_none_or(|kind| kind == "direct");
                if caller.is_some_and(|caller| !direct(&caller)) {
                    return Err(unsupported(
                        &format!("{at}.caller"),
                        "A caller other than `direct`",
                    ));
                }
                self.called.insert(id.clone(), name.clone());
                parts.calls.push(ToolCall {
                    id,
                    name,
                    arguments: Value::Object(input).to_string(),
                });
            }
            (Role::Assistant, Block::Thinking { thinking, .. }) => {
                if !thinking.is_empty() {
                    parts.thoughts.push(thinking);
                }
            }
            (Role::Assistant, Block::RedactedThinking { .. }) => {
                return Err(ApiError::field(
                    at,
                    "unsupported",
                    "A `redacted_thinking` block can be read by Anthropic only.",
                )
                .with_code("unsupported")
                .with_hint("Leave the block out."));
            }
            (role, _) => {
                let role = match role {
                    Role::User => "user",
                    Role::Assistant => "assistant",
                    Role::System => "system",
                };
                return Err(invalid(
                    at,
                    format!("A block of this type is not a part of a message of the {role}'s."),
                ));
            }
        }
        Ok(())
    }

    fn result(
        &self,
        parts: &mut Parts,
        id: String,
        content: Option<TextOr<ResultBlock>>,
        failed: bool,
        at: &str,
    ) -> Result<(), ApiError> {
        let Some(name) = self.called.get(&id) else {
            return Err(invalid(
                &format!("{at}.tool_use_id"),
                format!("No `tool_use` block before this one has the id `{id}`."),
            ));
        };
        let mut texts = Vec::new();
        match content {
            None => {}
            Some(TextOr::Text(text)) => texts.push(text),
            Some(TextOr::Blocks(blocks)) => {
                for (n, block) in blocks.into_iter().enumerate() {
                    match block {
                        ResultBlock::Text { text, .. } => texts.push(text),
                        // Neither protocol takes pictures from a tool: they
                        // follow as the person's.
                        ResultBlock::Image { source, .. } => {
                            let image = image(source, &format!("{at}.content.{n}"))?;
                            texts.push("(The image follows.)".to_owned());
                            parts.images.push(image);
                        }
                    }
                }
            }
        }
        let text = texts.join("\n\n");
        let text = if failed {
            format!("The tool failed: {text}")
        } else {
            text
        };
        let call = ToolCall {
            id,
            name: name.clone(),
            arguments: String::new(),
        };
        parts.results.push(ChatMessage::tool_result(&call, text));
        Ok(())
    }
}

fn image(source: ImageSource, at: &str) -> Result<Image, ApiError> {
    match source {
        ImageSource::Base64 { data, .. } => picture(&data, &format!("{at}.source.data")),
        ImageSource::Url { .. } => Err(ApiError::field(
            format!("{at}.source"),
            "unsupported",
            "Images are not fetched from addresses.",
        )
        .with_code("unsupported")
        .with_hint("Send the image itself: `{\"type\": \"base64\", …}`.")),
    }
}

fn uncited(citations: Option<Vec<Value>>, at: &str) -> Result<(), ApiError> {
    if citations.is_some_and(|citations| !citations.is_empty()) {
        return Err(unsupported(&format!("{at}.citations"), "A citation"));
    }
    Ok(())
}

/// Fields that are not known, and are not null, are errors.
fn none_of(rest: &serde_json::Map<String, Value>, at: &str) -> Result<(), ApiError> {
    match rest.iter().find(|(_, value)| !value.is_null()) {
        None => Ok(()),
        Some((name, _)) => {
            let field = if at.is_empty() {
                name.clone()
            } else {
                format!("{at}.{name}")
            };
            Err(unsupported(&field, &format!("`{name}`")))
        }
    }
}

fn within(field: &str, value: Option<f64>, most: f64) -> Result<(), ApiError> {
    if value.is_some_and(|value| !(0.0..=most).contains(&value)) {
        return Err(invalid(field, format!("`{field}` is from 0 to {most}.")));
    }
    Ok(())
}

fn invalid(field: &str, detail: impl Into<String>) -> ApiError {
    ApiError::field(field, "invalid", detail)
}

fn unsupported(field: &str, what: &str) -> ApiError {
    ApiError::field(
        field,
        "unsupported",
        format!("{what} is not supported here ({field})."),
    )
    .with_code("unsupported")
    .with_hint("Leave it out.")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(fields: &Value) -> Result<Asked, ApiError> {
        let mut body = json!({"model": "m", "max_tokens": 32_000, "messages": [{"role": "user", "content": "Hello"}]});
        for (name, value) in fields.as_object().expect("fields") {
            body[name] = value.clone();
        }
        query(serde_json::from_value(body).expect("the form is right"))
    }

    fn said(messages: &Value) -> Vec<ChatMessage> {
        let asked = read(&json!({ "messages": messages })).expect("sound");
        asked.query.messages
    }

    #[test]
    fn thinking_is_a_level() {
        for (fields, level) in [
            (json!({}), None),
            (
                json!({"thinking": {"type": "disabled"}}),
                Some(ThinkingLevel::Off),
            ),
            (json!({"thinking": {"type": "adaptive"}}), None),
            (
                json!({"thinking": {"type": "adaptive"}, "output_config": {"effort": "max"}}),
                Some(ThinkingLevel::High),
            ),
            (
                json!({"output_config": {"effort": "low"}}),
                Some(ThinkingLevel::Low),
            ),
            (
                json!({"thinking": {"type": "enabled", "budget_tokens": 1_024}}),
                Some(ThinkingLevel::Low),
            ),
            (
                json!({"thinking": {"type": "enabled", "budget_tokens": 4_096}}),
                Some(ThinkingLevel::Medium),
            ),
            (
                json!({"thinking": {"type": "enabled", "budget_tokens": 16_384}}),
                Some(ThinkingLevel::High),
            ),
        ] {
            assert_eq!(
                read(&fields).expect("sound").query.thinking,
                level,
                "{fields}"
            );
        }
        for budget in [1_023, 32_000] {
            let fields = json!({"thinking": {"type": "enabled", "budget_tokens": budget}});
            assert!(read(&fields).is_err(), "{budget}");
        }
        let shown = json!({"thinking": {"type": "adaptive", "display": "omitted"}});
        assert_eq!(read(&shown).expect("sound").display, Display::Omitted);
    }

    #[test]
    fn messages_of_one_speaker_are_joined() {
        let messages = said(&json!([
            {"role": "user", "content": "One."},
            {"role": "user", "content": [{"type": "text", "text": "Two."}]},
            {"role": "assistant", "content": "Three."},
            {"role": "system", "content": "Be kind."},
            {"role": "user", "content": "Four."},
        ]));
        let texts: Vec<(Says, &str)> = messages
            .iter()
            .map(|message| (message.role, message.content.as_str()))
            .collect();
        assert_eq!(
            texts,
            [
                (Says::User, "One.\n\nTwo."),
                (Says::Assistant, "Three."),
                (Says::System, "Be kind."),
                (Says::User, "Four."),
            ]
        );
    }

    #[test]
    fn results_come_first_and_their_images_after_them() {
        let messages = said(&json!([
            {"role": "user", "content": "Look."},
            {"role": "assistant", "content": [
                {"type": "tool_use", "id": "a", "name": "look", "input": {}},
                {"type": "tool_use", "id": "b", "name": "listen", "input": {}},
            ]},
            {"role": "user", "content": [
                {"type": "text", "text": "And?"},
                {"type": "tool_result", "tool_use_id": "b", "content": "Deaf.", "is_error": true},
                {"type": "tool_result", "tool_use_id": "a", "content": [
                    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}},
                ]},
            ]},
        ]));
        let [_, asked, failed, seen, question] = messages.as_slice() else {
            panic!("five messages: {messages:#?}");
        };
        assert_eq!(asked.tool_calls.len(), 2);
        assert_eq!(failed.content, "The tool failed: Deaf.");
        assert_eq!(failed.tool_name.as_deref(), Some("listen"));
        assert_eq!(seen.tool_call_id.as_deref(), Some("a"));
        assert!(seen.images.is_empty());
        assert_eq!(
            (question.content.as_str(), question.images.len()),
            ("And?", 1)
        );
    }

    #[test]
    fn tools_and_forms() {
        let asked = read(&json!({
            "tools": [{"name": "look", "input_schema": {"type": "object"}, "strict": true,
                "allowed_callers": ["direct"], "eager_input_streaming": true}],
            "tool_choice": {"type": "tool", "name": "look", "disable_parallel_tool_use": true},
            "output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}},
        }))
        .expect("sound");
        let query = asked.query;
        assert_eq!(query.tools[0].strictness, Strictness::Strict);
        assert_eq!(query.tool_choice, ToolChoice::Named("look".to_owned()));
        assert_eq!(query.calls, CallsAtOnce::One);
        assert_eq!(
            query.format,
            AnswerFormat::StrictSchema(json!({"type": "object"}))
        );
    }
}
