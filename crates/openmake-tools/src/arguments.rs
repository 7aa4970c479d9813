//! From what the model wrote to a type of the tool's own.

use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{JsonSchema, Schema};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::ToolError;

/// The JSON schema of `T` as model servers like it: no references, no
/// `$schema`, no titles, descriptions from the doc comments.
pub fn schema_of<T: JsonSchema>() -> Value {
    let mut schema = SchemaSettings::draft2020_12()
        .with(|settings| {
            settings.meta_schema = None;
            settings.inline_subschemas = true;
        })
        .with_transform(RecursiveTransform(|schema: &mut Schema| {
            schema.remove("title");
            if schema.get("default").is_some_and(Value::is_null) {
                schema.remove("default");
            }
        }))
        .into_generator()
        .into_root_schema_for::<T>();
    // The type's own comment is for us; the tool's description is the model's.
    schema.remove("description");
    schema.to_value()
}

/// Reads the arguments of a call into `T`, or says what is wrong with them.
pub fn parse_arguments<T: DeserializeOwned>(arguments: Value) -> Result<T, ToolError> {
    serde_json::from_value(arguments)
        .map_err(|error| ToolError::InvalidArguments(error.to_string()))
}

/// The object that a model's argument text stands for. Nothing at all is an
/// empty object, and an object inside a JSON string is unwrapped: small models
/// write both.
pub(crate) fn object_from_text(text: &str) -> Result<Value, ToolError> {
    let trimmed = text.trim();
    if trimmed.is_empty() {
        return Ok(Value::Object(serde_json::Map::new()));
    }
    let parsed: Value = serde_json::from_str(trimmed)
        .map_err(|error| ToolError::InvalidArguments(format!("not JSON: {error}")))?;
    match parsed {
        Value::Object(_) => Ok(parsed),
        Value::Null => Ok(Value::Object(serde_json::Map::new())),
        Value::String(inner) => match serde_json::from_str(&inner) {
            Ok(object @ Value::Object(_)) => Ok(object),
            _ => Err(not_an_object("a string")),
        },
        Value::Array(_) => Err(not_an_object("an array")),
        Value::Bool(_) => Err(not_an_object("a boolean")),
        Value::Number(_) => Err(not_an_object("a number")),
    }
}

fn not_an_object(found: &str) -> ToolError {
    ToolError::InvalidArguments(format!("expected a JSON object, found {found}"))
}
