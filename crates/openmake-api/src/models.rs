//! The models that one can ask.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `GET /api/v1/models`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ModelList {
    /// Profiles first, then real models by name.
    pub items: Vec<ModelView>,
    /// The model of new conversations.
    pub default_model: String,
    /// Why nothing can be asked, when `items` has no available model.
    pub hint: Option<String>,
}

/// One model that can be named in a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ModelView {
    /// The name to use: `openmake_auto`, `qwen3:8b`, …
    pub id: String,
    /// What to show.
    pub name: String,
    /// What it is for, for a profile.
    pub description: Option<String>,
    /// `profile` or `model`.
    pub kind: String,
    /// The real model that a profile would use now; none for one that decides
    /// by the question.
    pub real_model: Option<String>,
    /// `tools`, `vision`, `thinking`, `embedding`.
    pub capabilities: Vec<String>,
    /// Tokens that it can read, where that is known.
    pub context_length: Option<u64>,
    /// The names of the nodes that have it.
    pub nodes: Vec<String>,
    /// Whether it can be asked now.
    pub available: bool,
}
