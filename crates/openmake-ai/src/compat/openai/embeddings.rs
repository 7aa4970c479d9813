//! `POST /v1/embeddings`

use std::sync::Arc;

use axum::extract::State;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use openmake_api::{Allowed, ApiError, authorize::Chat, extract::Json, responses::WriteProblems};
use openmake_models::EmbedRequest;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::{
    compat::{
        Embedded, Surface, embed,
        fields::{KnownFields, wrong},
    },
    core::Core,
};

/// Texts of one request.
const MAX_INPUTS: usize = 2_048;
/// Bytes of all of them.
const MAX_INPUT_BYTES: usize = 8 * 1024 * 1024;

const FIELDS: KnownFields = KnownFields {
    harmless: &["user"],
    unsupported: &[],
};

/// Texts to turn into vectors, as OpenAI's clients send them.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = OpenAiEmbeddingRequest)]
pub(crate) struct EmbeddingRequest {
    /// A real model that makes vectors.
    model: String,
    /// A text or a list of texts.
    input: Value,
    /// `float` or `base64`.
    #[serde(default)]
    encoding_format: Option<String>,
    /// The length of the vectors, for models that can be asked for a shorter
    /// one.
    #[serde(default)]
    dimensions: Option<u32>,
    #[serde(flatten)]
    #[schema(ignore)]
    other: Map<String, Value>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Float,
    Base64,
}

/// Turn texts into vectors, in OpenAI's protocol.
#[utoipa::path(
    post,
    path = "/v1/embeddings",
    tag = "OpenAI",
    request_body = EmbeddingRequest,
    responses((status = OK, description = "A list of `embedding`s, in the order of the texts", body = Object), WriteProblems),
    security(("bearer" = [])),
)]
pub(crate) async fn create(
    State(core): State<Arc<Core>>,
    Allowed { actor, .. }: Allowed<Chat>,
    Json(request): Json<EmbeddingRequest>,
) -> Result<Json<Value>, ApiError> {
    let (request, encoding) = read(request)?;
    let embedded = embed(&core, Surface::OpenAi, &actor, request).await?;
    Ok(Json(answer(&embedded, encoding)))
}

fn read(request: EmbeddingRequest) -> Result<(EmbedRequest, Encoding), ApiError> {
    FIELDS.check(&request.other, "")?;
    let encoding = match request.encoding_format.as_deref() {
        None | Some("float") => Encoding::Float,
        Some("base64") => Encoding::Base64,
        Some(_) => {
            return Err(wrong(
                "encoding_format",
                "`encoding_format` is `float` or `base64`.",
            ));
        }
    };
    if request.dimensions == Some(0) {
        return Err(wrong("dimensions", "`dimensions` is at least 1."));
    }
    let embed = EmbedRequest {
        model: request.model,
        inputs: inputs(request.input)?,
        dimensions: request.dimensions,
    };
    Ok((embed, encoding))
}

fn inputs(value: Value) -> Result<Vec<String>, ApiError> {
    let inputs = match value {
        Value::String(text) => vec![text],
        Value::Array(list) if list.iter().all(Value::is_string) => list
            .into_iter()
            .filter_map(|text| match text {
                Value::String(text) => Some(text),
                _ => None,
            })
            .collect(),
        Value::Array(_) => {
            return Err(ApiError::field(
                "input",
                "unsupported",
                "Texts are taken as texts: the numbers of tokens mean something else to every model.",
            )
            .with_code("token_input_not_supported")
            .with_hint("Send strings. LangChain does with `check_embedding_ctx_length=False`."));
        }
        _ => return Err(wrong("input", "`input` is a text or a list of texts.")),
    };
    if inputs.is_empty() || inputs.len() > MAX_INPUTS || inputs.iter().any(String::is_empty) {
        return Err(wrong(
            "input",
            format!("`input` has 1 to {MAX_INPUTS} texts, and none is empty."),
        ));
    }
    if inputs.iter().map(String::len).sum::<usize>() > MAX_INPUT_BYTES {
        return Err(wrong(
            "input",
            format!("`input` has at most {MAX_INPUT_BYTES} bytes."),
        ));
    }
    Ok(inputs)
}

fn answer(embedded: &Embedded, encoding: Encoding) -> Value {
    let data: Vec<Value> = embedded
        .vectors
        .iter()
        .enumerate()
        .map(|(index, vector)| {
            let embedding = match encoding {
                Encoding::Float => json!(vector),
                Encoding::Base64 => {
                    let bytes: Vec<u8> = vector
                        .iter()
                        .flat_map(|number| number.to_le_bytes())
                        .collect();
                    json!(BASE64_STANDARD.encode(bytes))
                }
            };
            json!({ "object": "embedding", "index": index, "embedding": embedding })
        })
        .collect();
    let tokens = embedded.tokens.input;
    json!({
        "object": "list",
        "data": data,
        "model": embedded.model,
        "usage": { "prompt_tokens": tokens, "total_tokens": tokens },
    })
}

#[cfg(test)]
mod tests {
    use openmake_types::TokenCounts;

    use super::*;

    fn request(fields: Value) -> Result<(EmbedRequest, Encoding), ApiError> {
        read(serde_json::from_value(fields).expect("the form is right"))
    }

    #[test]
    fn texts_and_lists_of_texts() {
        let (embed, encoding) = request(
            json!({"model": "m", "input": "one", "encoding_format": "base64", "user": "u"}),
        )
        .expect("sound");
        assert_eq!(embed.inputs, ["one"]);
        assert_eq!(encoding, Encoding::Base64);
        let (embed, _) =
            request(json!({"model": "m", "input": ["a", "b"], "dimensions": 8})).expect("sound");
        assert_eq!((embed.inputs.len(), embed.dimensions), (2, Some(8)));
    }

    #[test]
    fn what_cannot_be_done_is_said() {
        for input in [json!([1, 2]), json!([[1]]), json!([]), json!(""), json!({})] {
            assert!(
                request(json!({"model": "m", "input": input})).is_err(),
                "{input}"
            );
        }
        for fields in [
            json!({"model": "m", "input": "a", "encoding_format": "int8"}),
            json!({"model": "m", "input": "a", "dimensions": 0}),
            json!({"model": "m", "input": "a", "normalize": true}),
        ] {
            assert!(request(fields.clone()).is_err(), "{fields}");
        }
    }

    #[test]
    fn base64_is_of_little_endian_floats() {
        let embedded = Embedded {
            model: "m".to_owned(),
            vectors: vec![vec![1.0, -2.5]],
            tokens: TokenCounts {
                input: 3,
                output: 0,
            },
        };
        let floats = answer(&embedded, Encoding::Float);
        assert_eq!(floats["data"][0]["embedding"], json!([1.0, -2.5]));
        let packed = answer(&embedded, Encoding::Base64);
        assert_eq!(packed["data"][0]["embedding"], "AACAPwAAIMA=");
        assert_eq!(packed["usage"]["total_tokens"], 3);
    }
}
