//! From what Anthropic's clients send to what a model is asked.

use openmake_api::ApiError;
use openmake_models::{AnswerFormat, ChatOptions, Strictness, ThinkingLevel, ToolChoice, ToolSpec};
use serde_json::Value;

use super::{
    conversation::conversation,
    wire::{Choice, Display, Effort, Format, MessagesRequest, OutputConfig, Thinking, Tool},
};
use crate::compat::{CallsAtOnce, Query};

/// The least budget of thinking that Anthropic takes.
const MIN_BUDGET: u32 = 1_024;
/// A budget of at least this many tokens is a usual amount of thinking, …
const MEDIUM_BUDGET: u32 = 4_096;
/// … and of this many a large one.
const HIGH_BUDGET: u32 = 16_384;
/// Texts that end the answer.
const MAX_STOPS: usize = 16;
/// Tools of one request.
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
    let (level, display) = thought(thinking.as_ref(), output_config.as_ref(), max_tokens)?;
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
    thinking: Option<&Thinking>,
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
            let budget_tokens = *budget_tokens;
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

pub(super) fn invalid(field: &str, detail: impl Into<String>) -> ApiError {
    ApiError::field(field, "invalid", detail)
}

pub(super) fn unsupported(field: &str, what: &str) -> ApiError {
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
