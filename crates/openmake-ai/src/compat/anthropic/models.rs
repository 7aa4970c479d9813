//! What Anthropic's clients read from `GET /v1/models`, which OpenAI's share.

use http::HeaderMap;
use serde::Serialize;
use utoipa::ToSchema;

use crate::compat::Listed;

/// Whether Anthropic's client asks: its requests name a version.
pub(crate) fn asks(headers: &HeaderMap) -> bool {
    headers.contains_key("anthropic-version")
}

/// A model as Anthropic's clients read it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AnthropicModel)]
pub(crate) struct ModelInfo {
    /// The name to ask for.
    id: String,
    /// `model`.
    r#type: &'static str,
    /// The same name: it is what people know here.
    display_name: String,
    /// Always the epoch, which stands for "unknown" in this protocol.
    created_at: &'static str,
    /// `active`.
    lifecycle: &'static str,
    /// The tokens that it can read, where that is known.
    max_input_tokens: Option<u64>,
}

impl From<Listed> for ModelInfo {
    fn from(listed: Listed) -> Self {
        Self {
            display_name: listed.name.clone(),
            id: listed.name,
            r#type: "model",
            created_at: "1970-01-01T00:00:00Z",
            lifecycle: "active",
            max_input_tokens: listed.details.context_length,
        }
    }
}

/// Models as Anthropic's clients read them: all on one page.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AnthropicModelList)]
pub(crate) struct ModelInfos {
    /// Profiles first, then real models by name.
    data: Vec<ModelInfo>,
    /// The first one's name.
    first_id: Option<String>,
    /// The last one's name.
    last_id: Option<String>,
    /// `false`.
    has_more: bool,
}

impl From<Vec<Listed>> for ModelInfos {
    fn from(models: Vec<Listed>) -> Self {
        let data: Vec<ModelInfo> = models.into_iter().map(ModelInfo::from).collect();
        Self {
            first_id: data.first().map(|model| model.id.clone()),
            last_id: data.last().map(|model| model.id.clone()),
            data,
            has_more: false,
        }
    }
}
