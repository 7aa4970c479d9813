//! Tools and the choice among them, as both of OpenAI's protocols have them.

use openmake_api::ApiError;
use openmake_models::{Strictness, ToolSpec};
use serde_json::{Value, json};

use crate::compat::fields::wrong;

/// Tools of one request.
const MAX_TOOLS: usize = 128;
/// Characters of a tool's name.
const MAX_NAME: usize = 64;

/// A function as a client defines it.
#[derive(Debug, serde::Deserialize)]
pub(super) struct Function {
    name: String,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    parameters: Option<Value>,
    #[serde(default)]
    strict: Option<bool>,
}

impl Function {
    pub(super) fn spec(self, place: &str) -> Result<ToolSpec, ApiError> {
        let sound = (1..=MAX_NAME).contains(&self.name.len())
            && self
                .name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
        if !sound {
            return Err(wrong(
                format!("{place}.name"),
                format!("A tool's name is 1 to {MAX_NAME} letters, digits, `_`, `-` and `.`."),
            ));
        }
        let parameters = self
            .parameters
            .filter(|parameters| !parameters.is_null())
            .unwrap_or_else(|| json!({ "type": "object", "properties": {} }));
        if !parameters.is_object() {
            return Err(wrong(
                format!("{place}.parameters"),
                "A tool's parameters are a JSON schema.",
            ));
        }
        Ok(ToolSpec {
            name: self.name,
            description: self.description.unwrap_or_default(),
            parameters,
            strictness: strictness(self.strict),
        })
    }
}

pub(super) const fn strictness(strict: Option<bool>) -> Strictness {
    match strict {
        Some(true) => Strictness::Strict,
        Some(false) | None => Strictness::Usual,
    }
}

/// Refuses too many tools, and two of one name.
pub(super) fn check(tools: &[ToolSpec]) -> Result<(), ApiError> {
    if tools.len() > MAX_TOOLS {
        return Err(wrong(
            "tools",
            format!("A request has at most {MAX_TOOLS} tools."),
        ));
    }
    for (place, tool) in tools.iter().enumerate() {
        if tools
            .iter()
            .take(place)
            .any(|other| other.name == tool.name)
        {
            return Err(wrong(
                format!("tools[{place}]"),
                format!("There are two tools of the name {}.", tool.name),
            ));
        }
    }
    Ok(())
}
