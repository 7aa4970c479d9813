//! What Ollama says of its models, and vectors.

use openmake_types::TokenCounts;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{
    Embeddings, ListedModel, LoadedModel, ModelCapabilities, ModelDetails, ModelError,
    wire::{by_name, parse_json},
};

#[derive(Deserialize)]
struct Models {
    /// May be null but has to be there: it is what tells the protocol.
    #[serde(deserialize_with = "Option::deserialize")]
    models: Option<Vec<Entry>>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    model: Option<String>,
    #[serde(default)]
    digest: Option<String>,
    #[serde(default)]
    size: Option<u64>,
    #[serde(default)]
    context_length: Option<u64>,
    #[serde(default)]
    details: Option<EntryDetails>,
    #[serde(default)]
    capabilities: Option<Vec<String>>,
}

#[derive(Deserialize, Default)]
struct EntryDetails {
    #[serde(default)]
    family: Option<String>,
    #[serde(default)]
    parameter_size: Option<String>,
    #[serde(default)]
    quantization_level: Option<String>,
}

#[derive(Deserialize)]
struct Show {
    #[serde(default)]
    details: Option<EntryDetails>,
    #[serde(default)]
    model_info: Option<Map<String, Value>>,
    #[serde(default)]
    capabilities: Option<Vec<String>>,
    #[serde(default)]
    template: Option<String>,
}

/// Reads the answer of `GET /api/tags`.
pub fn parse_list(body: &[u8]) -> Result<Vec<ListedModel>, ModelError> {
    let models = entries(body)?;
    Ok(models
        .into_iter()
        .filter_map(|entry| {
            let name = entry.name.or(entry.model).filter(|name| !name.is_empty())?;
            let details = entry.details.unwrap_or_default();
            let capabilities = match &entry.capabilities {
                Some(names) => from_names(names),
                None => by_name::guess(&name),
            };
            Some(ListedModel {
                details: ModelDetails {
                    context_length: entry.context_length,
                    ..model_details(details, capabilities)
                },
                name,
                digest: entry.digest,
                size: entry.size,
            })
        })
        .collect())
}

/// Reads the answer of `GET /api/ps`.
pub fn parse_loaded(body: &[u8]) -> Result<Vec<LoadedModel>, ModelError> {
    let models = entries(body)?;
    Ok(models
        .into_iter()
        .filter_map(|entry| {
            let name = entry.name.or(entry.model)?;
            Some(LoadedModel {
                name,
                size: entry.size,
                context_length: entry.context_length,
            })
        })
        .collect())
}

/// Reads the answer of `POST /api/show` for the model `name`.
pub fn parse_details(name: &str, body: &[u8]) -> Result<ModelDetails, ModelError> {
    let show: Show = parse_json(body)?;
    let capabilities = match (&show.capabilities, &show.template) {
        (Some(names), _) => from_names(names),
        // Servers before 0.6.4 do not say; a template that has tools takes them.
        (None, Some(template)) => {
            let guessed = by_name::guess(name);
            ModelCapabilities {
                tools: guessed.chat && template.contains(".Tools"),
                ..guessed
            }
        }
        (None, None) => by_name::guess(name),
    };
    let info = show.model_info.unwrap_or_default();
    let number = |name: &str| info.get(name).and_then(Value::as_u64);
    let architecture = info.get("general.architecture").and_then(Value::as_str);
    let mut details = model_details(show.details.unwrap_or_default(), capabilities);
    details.context_length =
        architecture.and_then(|name| number(&format!("{name}.context_length")));
    details.parameters = number("general.parameter_count").or(details.parameters);
    details.family = details.family.or_else(|| architecture.map(str::to_owned));
    Ok(details)
}

/// Reads the answer of `GET /api/version`.
pub fn parse_version(body: &[u8]) -> Result<String, ModelError> {
    #[derive(Deserialize)]
    struct Version {
        version: String,
    }
    Ok(parse_json::<Version>(body)?.version)
}

/// Reads the answer of `POST /api/embed`.
pub fn parse_embeddings(body: &[u8]) -> Result<Embeddings, ModelError> {
    #[derive(Deserialize)]
    struct Answer {
        embeddings: Vec<Vec<f32>>,
        #[serde(default)]
        prompt_eval_count: u64,
    }
    let answer: Answer = parse_json(body)?;
    let tokens = TokenCounts {
        input: answer.prompt_eval_count,
        output: 0,
    };
    Ok(Embeddings {
        vectors: answer.embeddings,
        tokens,
    })
}

fn entries(body: &[u8]) -> Result<Vec<Entry>, ModelError> {
    Ok(parse_json::<Models>(body)?.models.unwrap_or_default())
}

fn model_details(details: EntryDetails, capabilities: ModelCapabilities) -> ModelDetails {
    ModelDetails {
        capabilities,
        context_length: None,
        family: details.family.filter(|text| !text.is_empty()),
        parameters: details.parameter_size.as_deref().and_then(parameter_count),
        quantization: details.quantization_level.filter(|text| !text.is_empty()),
    }
}

fn from_names(names: &[String]) -> ModelCapabilities {
    let has = |name: &str| names.iter().any(|other| other == name);
    ModelCapabilities {
        chat: has("completion"),
        tools: has("tools"),
        vision: has("vision"),
        thinking: has("thinking"),
        embedding: has("embedding"),
    }
}

/// `8.2B`, `270M`, `1.04T`.
fn parameter_count(text: &str) -> Option<u64> {
    let text = text.trim();
    let unit = text.chars().next_back()?;
    let zeros: u32 = match unit.to_ascii_uppercase() {
        'K' => 3,
        'M' => 6,
        'B' => 9,
        'T' => 12,
        _ => return text.parse().ok(),
    };
    let number = text.strip_suffix(unit)?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = u32::try_from(fraction.len())
        .ok()
        .filter(|digits| *digits <= zeros)?;
    let scaled: u64 = format!("{whole}{fraction}").parse().ok()?;
    scaled.checked_mul(10_u64.pow(zeros - digits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_as_ollama_writes_them() {
        assert_eq!(parameter_count("8.2B"), Some(8_200_000_000));
        assert_eq!(parameter_count("268.10M"), Some(268_100_000));
        assert_eq!(parameter_count("1.04T"), Some(1_040_000_000_000));
        for odd in [
            "",
            "B",
            "x",
            "8.2",
            "é",
            "1.23456789012345B",
            "99999999999T",
        ] {
            assert_eq!(parameter_count(odd), None, "{odd}");
        }
    }
}
