//! What servers of this protocol say of their models, and vectors.

use openmake_types::TokenCounts;
use serde::Deserialize;
use serde_json::Value;

use crate::{
    Embeddings, ListedModel, ModelCapabilities, ModelDetails, ModelError,
    wire::{by_name, parse_json},
};

#[derive(Deserialize)]
struct List {
    data: Vec<Entry>,
}

/// An entry with the fields that OpenAI's own list does not have: vLLM says
/// `max_model_len`, OpenRouter `context_length`, `architecture` and
/// `supported_parameters`, llama.cpp `meta`, LM Studio `max_context_length`,
/// Mistral `capabilities`.
#[derive(Deserialize)]
struct Entry {
    id: String,
    #[serde(default)]
    max_model_len: Option<u64>,
    #[serde(default)]
    context_length: Option<u64>,
    #[serde(default)]
    max_context_length: Option<u64>,
    #[serde(default)]
    architecture: Option<Value>,
    #[serde(default)]
    supported_parameters: Option<Vec<String>>,
    #[serde(default)]
    capabilities: Option<Value>,
    #[serde(default)]
    meta: Option<Value>,
}

/// Reads the answer of `GET /v1/models`.
pub fn parse_list(body: &[u8]) -> Result<Vec<ListedModel>, ModelError> {
    let list: List = parse_json(body)?;
    Ok(list
        .data
        .into_iter()
        .filter(|entry| !entry.id.is_empty())
        .map(listed)
        .collect())
}

fn listed(entry: Entry) -> ListedModel {
    let meta = |name: &str| {
        entry
            .meta
            .as_ref()
            .and_then(|meta| meta.get(name))
            .and_then(Value::as_u64)
    };
    let context_length = entry
        .max_model_len
        .or(entry.context_length)
        .or(entry.max_context_length)
        .or_else(|| meta("n_ctx"))
        .or_else(|| meta("n_ctx_train"));
    let ftype = entry
        .meta
        .as_ref()
        .and_then(|meta| meta.get("ftype"))
        .and_then(Value::as_str);
    ListedModel {
        digest: None,
        size: meta("size"),
        details: ModelDetails {
            capabilities: capabilities(&entry),
            context_length,
            family: None,
            parameters: meta("n_params"),
            quantization: ftype.map(str::to_owned),
        },
        name: entry.id,
    }
}

fn capabilities(entry: &Entry) -> ModelCapabilities {
    let mut found = by_name::guess(&entry.id);
    let flag = |name: &str| {
        entry
            .capabilities
            .as_ref()
            .and_then(|all| all.get(name))
            .and_then(Value::as_bool)
    };
    if let Some(chat) = flag("completion_chat") {
        found.chat = chat && !found.embedding;
    }
    if let Some(tools) = flag("function_calling") {
        found.tools = tools;
    }
    if let Some(vision) = flag("vision") {
        found.vision = vision;
    }
    let modalities = entry
        .architecture
        .as_ref()
        .and_then(|of| of.get("input_modalities"))
        .and_then(Value::as_array);
    if let Some(modalities) = modalities {
        found.vision = modalities.iter().any(|modality| modality == "image");
    }
    if let Some(parameters) = &entry.supported_parameters {
        let takes = |name: &str| parameters.iter().any(|parameter| parameter == name);
        found.tools = takes("tools");
        found.thinking = takes("reasoning");
    }
    found
}

/// What llama.cpp's `/props` adds to its list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LlamaProps {
    /// The context that the server was started with, for each of its slots.
    pub context_length: Option<u64>,
    /// Whether it sees images.
    pub vision: Option<bool>,
    /// Whether the model's template has a place for tools.
    pub tools: Option<bool>,
    /// The server's build.
    pub version: Option<String>,
}

/// Reads the answer of llama.cpp's `GET /props`.
pub fn parse_llama_props(body: &[u8]) -> Result<LlamaProps, ModelError> {
    let props: Value = parse_json(body)?;
    if props.get("default_generation_settings").is_none() {
        return Err(ModelError::protocol(
            "not the properties of a llama.cpp server",
        ));
    }
    Ok(LlamaProps {
        context_length: props
            .pointer("/default_generation_settings/n_ctx")
            .and_then(Value::as_u64),
        vision: props.pointer("/modalities/vision").and_then(Value::as_bool),
        tools: props
            .pointer("/chat_template_caps/supports_tool_calls")
            .and_then(Value::as_bool),
        version: props
            .get("build_info")
            .and_then(Value::as_str)
            .map(str::to_owned),
    })
}

/// Reads the answer of `POST /v1/embeddings`.
pub fn parse_embeddings(body: &[u8]) -> Result<Embeddings, ModelError> {
    #[derive(Deserialize)]
    struct Answer {
        data: Vec<Vector>,
        #[serde(default)]
        usage: Option<Counts>,
    }
    #[derive(Deserialize)]
    struct Vector {
        #[serde(default)]
        index: u64,
        embedding: Vec<f32>,
    }
    #[derive(Deserialize)]
    struct Counts {
        #[serde(default)]
        prompt_tokens: Option<u64>,
    }
    let mut answer: Answer = parse_json(body)?;
    answer.data.sort_by_key(|vector| vector.index);
    let input = answer
        .usage
        .and_then(|usage| usage.prompt_tokens)
        .unwrap_or(0);
    Ok(Embeddings {
        vectors: answer
            .data
            .into_iter()
            .map(|vector| vector.embedding)
            .collect(),
        tokens: TokenCounts { input, output: 0 },
    })
}
